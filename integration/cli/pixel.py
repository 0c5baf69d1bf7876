"""What a store's visitors look at: switched on and off for one store, on the command line."""

from __future__ import annotations

from typing import Any

import click

from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.cli.stores import only_one, stores_of
from integration.shopify import pixel as pixels
from integration.tables import ShopifyStore

_DONE = {"on": "Switched on", "off": "Switched off", "renew": "Gave a new key to"}


@click.command("pixel")
@click.argument("switch", type=click.Choice(["on", "off", "renew"]), required=False)
@click.option("--store", "domain", help="Which one, such as dressed.myshopify.com, of several.")
@dry_run
@as_json
@command
def pixel(
    shell: Shell, switch: str | None, domain: str | None, dry_run: bool, as_json: bool
) -> None:
    """Show whether stores tell what visitors look at, or switch it for one: on, off, a new key."""
    chosen = stores_of(shell, domain)
    if switch is not None:
        store = only_one(chosen)
        if not dry_run:
            _switch(shell, store, switch)
    found = [_told(shell, store) for store in chosen]
    if as_json:
        print_json(found)
        return
    if switch is not None and dry_run:
        click.echo(f"Would switch browsing of {only_one(chosen).domain}: {switch}.")
    elif switch is not None:
        click.echo(f"{_DONE[switch]} {found[0]['store']}: {found[0]['state']}. {_next(found[0])}")
    else:
        rows = [(one["store"], one["state"], one["key"]) for one in found]
        print_table("What visitors look at", ("store", "state", "key"), rows)


def _switch(shell: Shell, store: ShopifyStore, switch: str) -> None:
    if switch == "on":
        pixels.switch_on(shell.context, store)
    elif switch == "off":
        pixels.switch_off(shell.context, store)
    else:
        pixels.renew(shell.context, store)


def _told(shell: Shell, store: ShopifyStore) -> dict[str, Any]:
    with shell.session() as session:
        kept = pixels.of_shop(session, store.shop_id)
        return {
            "store": store.domain,
            "state": pixels.state(session, store.shop_id),
            "key": kept.key if kept else "",
            "since": kept.switched_at if kept else None,
        }


def _next(told: dict[str, Any]) -> str:
    if told["state"] == "asked":
        return "Shopify has to grant it: on the page Shopify stores, ask again."
    return ""
