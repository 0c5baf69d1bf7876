"""Connecting a Shopify store by an app of one's own, and what the connected ones let us do."""

from __future__ import annotations

from typing import Any

import click

from connectors.http import Http
from connectors.shopify.auth import Grant, own_credentials
from connectors.shopify.shops import checked_shop
from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.cli.pixel import pixel
from integration.cli.writeback import writeback
from integration.shopify import stores
from integration.shopify.application import NotRegistered, application
from integration.shopify.install import arrive, ask_who
from integration.shopify.look import look
from integration.tables import Shop


class _Shopify(click.Group):
    """Connects stores without a word in between; what is done with one has its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what is no command for a store to connect, and nothing for a list of them."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["connect", *args]
        return super().parse_args(ctx, args)


@click.group("shopify", cls=_Shopify)
def shopify() -> None:
    """List the connected Shopify stores, connect one, or switch what a store tells us.

    `stipt shopify STORE` is short for `stipt shopify connect STORE`, and without a store both list
    the connected ones. Their options (--token, --own-organisation, --dry-run, --json) are told by
    `stipt shopify connect --help`.
    """


shopify.add_command(pixel)
shopify.add_command(writeback)


@shopify.command("connect")
@click.argument("store", required=False)
@click.option(
    "--token",
    envvar="STIPT_SHOPIFY_TOKEN",
    help="Token of an app of your own; better in the environment variable STIPT_SHOPIFY_TOKEN.",
)
@click.option(
    "--own-organisation",
    is_flag=True,
    help="The store is of the app's own organisation: get tokens by its id and secret.",
)
@dry_run
@as_json
@command
def connect(
    shell: Shell,
    store: str | None,
    token: str | None,
    own_organisation: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """List the connected Shopify stores, or connect STORE by an app of your own."""
    if store is None:
        _list(shell, as_json=as_json)
        return
    domain = checked_shop(store)
    grant = _by_credentials(shell, domain) if own_organisation else _by_token(token)
    who = ask_who(shell.context, domain, grant)
    known = stores.by_id(shell.context, who.id)
    if known is not None and known.account_id != shell.account_id:
        raise click.ClickException("another account of this installation has that store")
    found = {"store": who.domain, "name": who.name, "id": who.id, "connected": not dry_run}
    if not dry_run:
        way = stores.OWN if own_organisation else stores.FIXED
        came = arrive(
            shell.context, domain, grant, account_id=shell.account_id, language="en", way=way
        )
        with shell.session() as session:
            row = stores.of_shop(session, came.shop_id)
        assert row is not None
        look(shell.context, row)
    if as_json:
        print_json(found)
        return
    verb = "Would connect" if dry_run else "Connected"
    then = "" if dry_run else " A worker reads it now: `stipt status`."
    click.echo(f"{verb} {who.name} ({who.domain}).{then}")


def _by_token(token: str | None) -> Grant:
    given = token or click.prompt("Token of your app", hide_input=True)
    return Grant(access_token=given, expires_at=None)


def _by_credentials(shell: Shell, domain: str) -> Grant:
    context = shell.context
    try:
        app = application(context.settings)
    except NotRegistered as error:
        raise click.ClickException(str(error)) from None
    http = Http(timeout_s=context.settings.request_timeout_s)
    return own_credentials(http, app, domain, now=context.clock())


def _list(shell: Shell, *, as_json: bool) -> None:
    with shell.session() as session:
        found: list[dict[str, Any]] = [
            {
                "store": store.domain,
                "name": session.get_one(Shop, store.shop_id).name,
                "stopped": store.stopped,
                "lacking": {n: why for n, why in store.seen.get("rights", {}).items() if why},
                "looked_at": store.seen_at,
            }
            for store in stores.of_account(session)
        ]
    if as_json:
        print_json(found)
        return
    rows = [
        (one["store"], one["name"], one["stopped"] or "connected", _lacking(one["lacking"]))
        for one in found
    ]
    print_table("Shopify stores", ("store", "name", "state", "lacking"), rows)


def _lacking(rights: dict[str, str]) -> str:
    return ", ".join(f"{name} ({why})" for name, why in rights.items()) or "nothing"
