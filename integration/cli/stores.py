"""Which of the connected Shopify stores a command means."""

from __future__ import annotations

import click

from integration.cli.base import Shell
from integration.shopify import stores
from integration.tables import ShopifyStore


def stores_of(shell: Shell, domain: str | None) -> list[ShopifyStore]:
    """Return the store of that host, or all for None.

    Raises
    ------
    click.ClickException
    """
    with shell.session() as session:
        found = [one for one in stores.of_account(session) if domain in (None, one.domain)]
    if domain is not None and not found:
        raise click.ClickException(f"{domain} is not connected")
    return found


def only_one(found: list[ShopifyStore]) -> ShopifyStore:
    """Return the one store there is to choose.

    Raises
    ------
    click.ClickException
    """
    if len(found) != 1:
        listed = ", ".join(one.domain for one in found) or "none is connected"
        raise click.ClickException(f"choose a store with --store (there are: {listed})")
    return found[0]
