"""What a store's visitors look at: switched on and off for one store, on the command line."""

from __future__ import annotations

from typing import Any

import click

from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.cli.stores import only_one, stores_of
from integration.shopify import pixel as pixels
from integration.shopify import switches
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
        _act(shell, only_one(chosen), switch, dry_run=dry_run, as_json=as_json)
        return
    found = [_told(shell, store) for store in chosen]
    if as_json:
        print_json(found)
        return
    rows = [(one["store"], one["state"], one["key"]) for one in found]
    print_table("What visitors look at", ("store", "state", "key"), rows)


def _act(shell: Shell, store: ShopifyStore, switch: str, *, dry_run: bool, as_json: bool) -> None:
    """Switch it for one store, or say what that would do."""
    told = _told(shell, store)
    if dry_run:
        told["would"] = said = _would(told, store, switch)
    elif switch == "renew" and not told["key"]:
        raise click.ClickException(f"{store.domain} has no key: browsing is {told['state']}")
    else:
        _switch(shell, store, switch)
        told = _told(shell, store)
        said = f"{_DONE[switch]} {store.domain}: {told['state']}. {_next(told)}"
    print_json([told]) if as_json else click.echo(said)


def _would(told: dict[str, Any], store: ShopifyStore, switch: str) -> str:
    """Say what a switch would change."""
    state, which = told["state"], f"browsing of {store.domain}"
    if switch == "renew" and told["key"]:
        return f"Would give {which} a new key; the present one is worth nothing then."
    if switch == "renew":
        return f"Nothing would change: {which} is {state}, and has no key."
    if switch == "off" and state == "off":
        return f"Nothing would change: {which} is off already."
    if switch == "off":
        return f"Would switch off {which}: nothing more is taken, and its key is dropped."
    missing = " and ".join(switches.missing(store, switches.BROWSING))
    if missing and state == "asked":
        return f"Nothing would change: {which} waits for Shopify to grant {missing}."
    if missing:
        return f"Would switch on {which}, once Shopify grants {missing}."
    if state in ("on", "starting"):
        return f"Would tell Shopify once more where to send; {which} is {state} already."
    return f"Would switch on {which}."


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
