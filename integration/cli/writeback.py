"""Consent write-back of one store: shown, and switched on and off, on the command line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.cli.stores import only_one, stores_of
from integration.reading import writeback as reading
from integration.shopify import stores
from integration.tables import Shop, ShopifyStore
from integration.writeback import switch as switches


@click.command("writeback")
@click.argument("action", type=click.Choice(["on", "off", "status"]), default="status")
@click.option("--store", "domain", help="Which one, such as dressed.myshopify.com, of several.")
@dry_run
@as_json
@command
def writeback(shell: Shell, action: str, domain: str | None, dry_run: bool, as_json: bool) -> None:
    """Show what stores were told of people's changes in Mailchimp, or switch that: on, off."""
    chosen = stores_of(shell, domain)
    if action != "status":
        store = only_one(chosen)
        if not dry_run:
            _switch(shell, store, action)
    found = [_told(shell, store) for store in chosen]
    if as_json:
        print_json(found)
    elif action != "status":
        _say(found[0], only_one(chosen), action, dry_run=dry_run)
    else:
        rows = [(one["store"], one["state"], *one["counts"].values()) for one in found]
        header = ("store", "state", "written", "not written", "refused", "waiting")
        print_table("Consent write-back", header, rows)


def _switch(shell: Shell, store: ShopifyStore, action: str) -> None:
    if action == "on":
        switches.turn_on(shell.context, store)
        return
    with shell.session() as session:
        switches.turn_off(session, store.shop_id)


def _told(shell: Shell, store: ShopifyStore) -> dict[str, Any]:
    with shell.session() as session:
        shop = session.get_one(Shop, store.shop_id)
        return {
            "store": store.domain,
            "state": switches.state(session, shop),
            "since": switches.since(session, shop),
            "counts": reading.counts(session, store.shop_id),
            "changes": [asdict(one) for one in reading.told(session, store.shop_id)],
        }


def _say(told: dict[str, Any], store: ShopifyStore, action: str, *, dry_run: bool) -> None:
    if dry_run and action == "on":
        click.echo(
            f"Would switch write-back of {store.domain} on, once Shopify grants write_customers. "
            "Nothing is written by that: only what people change in Mailchimp from then on."
        )
    elif dry_run:
        waiting = told["counts"]["waiting"]
        click.echo(f"Would switch write-back of {store.domain} off; {waiting} waiting are dropped.")
    else:
        click.echo(f"Switched {action}: {store.domain} is {told['state']}. {_next(told, store)}")


def _next(told: dict[str, Any], store: ShopifyStore) -> str:
    if told["state"] != "asked":
        return ""
    if store.way == stores.RENEWED:
        return "Shopify has to grant it: on the page Shopify stores, ask again."
    return "Give your app write_customers at Shopify; it is on after the next look at the store."
