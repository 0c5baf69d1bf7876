"""Consent write-back of one store: shown, and switched on and off, on the command line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.cli.stores import only_one, stores_of
from integration.reading import writeback as reading
from integration.shopify import stores
from integration.shopify.switches import WRITEBACK, missing
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
        _act(shell, only_one(chosen), action, dry_run=dry_run, as_json=as_json)
        return
    found = [_told(shell, store) for store in chosen]
    if as_json:
        print_json(found)
        return
    rows = [(one["store"], one["state"], *one["counts"].values()) for one in found]
    header = ("store", "state", "written", "not written", "refused", "waiting")
    print_table("Consent write-back", header, rows)


def _act(shell: Shell, store: ShopifyStore, action: str, *, dry_run: bool, as_json: bool) -> None:
    """Switch it for one store, or say what that would do."""
    if dry_run:
        told = _told(shell, store)
        told["would"] = said = _would(told, store, action)
    else:
        _switch(shell, store, action)
        told = _told(shell, store)
        said = f"Switched {action}: {store.domain} is {told['state']}. {_next(told, store)}"
    print_json([told]) if as_json else click.echo(said)


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


def _would(told: dict[str, Any], store: ShopifyStore, action: str) -> str:
    """Say what a switch would change."""
    state, which = told["state"], f"write-back of {store.domain}"
    if action == "off" and state == "off":
        return f"Nothing would change: {which} is off already."
    if action == "off":
        return f"Would switch off {which}; {told['counts']['waiting']} waiting are dropped."
    lacks = " and ".join(missing(store, WRITEBACK))
    if lacks and state == "asked":
        return f"Nothing would change: {which} waits for Shopify to grant {lacks}."
    if state in ("on", "reading"):
        return f"Nothing would change: {which} is on already."
    return (
        f"Would switch on {which}{f', once Shopify grants {lacks}' if lacks else ''}. "
        "Nothing is written by that: only what people change in Mailchimp from then on."
    )


def _next(told: dict[str, Any], store: ShopifyStore) -> str:
    if told["state"] != "asked":
        return ""
    if store.way == stores.RENEWED:
        return "Shopify has to grant it: on the page Shopify stores, ask again."
    return "Give your app write_customers at Shopify; it is on after the next look at the store."
