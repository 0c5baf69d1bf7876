"""The command of the shop's purchases in Mailchimp: how it stands, on, off, send."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session

from integration.audience.connect import current_audience
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.shopdata import mirror
from integration.shopdata.stores import LOOK, ask, start, stores, switch_off, switch_on
from integration.tables import Shop, ShopStore

_COUNTED = ("products", "customers", "orders", "carts")


@click.command("shop-data")
@click.argument("action", type=click.Choice(["status", "on", "off", "send"]), default="status")
@click.option(
    "--shop", "shop_id", type=int, help="Source to act on; needed when there are several."
)
@click.option("--all-the-same", is_flag=True, help="Switch on beside another application's store.")
@dry_run
@as_json
@command
def shop_data(
    shell: Shell,
    action: str,
    shop_id: int | None,
    all_the_same: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Products, orders and carts in Mailchimp's e-commerce: how they stand, on, off, send."""
    current_audience(shell.context, shell.account_id)  # or say that there is none
    if action in ("on", "send"):
        _look(shell, quiet=as_json)
    with shell.session() as session:
        store = _chosen(session, shell, shop_id) if action in ("on", "off") else None
        if store is not None and action == "on":
            _may_go_on(store, all_the_same=all_the_same or dry_run)
            if not dry_run:
                switch_on(session, store)
        elif store is not None and not dry_run:
            switch_off(session, store)
        if action == "send" and not dry_run:
            start(session)
    if action != "status" and not dry_run:
        do_work(shell, quiet=as_json)
    _show(shell, dry_run=dry_run, as_json=as_json)


def _look(shell: Shell, *, quiet: bool) -> None:
    with shell.session() as session:
        ask(session, LOOK)
    do_work(shell, quiet=quiet)


def _pairs(session: Session, shell: Shell) -> list[tuple[Shop, ShopStore]]:
    return stores(session, current_audience(shell.context, shell.account_id))


def _chosen(session: Session, shell: Shell, shop_id: int | None) -> ShopStore:
    found = [pair for pair in _pairs(session, shell) if shop_id in (None, pair[0].id)]
    if len(found) != 1:
        listed = ", ".join(f"{shop.id} ({shop.name})" for shop, _ in _pairs(session, shell))
        raise click.ClickException(f"choose a source with --shop (there are: {listed or 'none'})")
    if found[0][1].id is None:
        raise click.ClickException("it is not on")
    return found[0][1]


def _may_go_on(store: ShopStore, *, all_the_same: bool) -> None:
    others = [one["name"] or one["platform"] for one in store.preview.get("others", [])]
    if others and not all_the_same:
        raise click.ClickException(
            f"this audience already has a store of another application: {', '.join(others)}. If "
            "it holds the same orders, everything is counted twice; to switch on nevertheless, "
            "add --all-the-same."
        )


def _show(shell: Shell, *, dry_run: bool, as_json: bool) -> None:
    with shell.session() as session:
        rows = [_row(session, *pair) for pair in _pairs(session, shell)]
    if as_json:
        print_json({"dry_run": dry_run, "stores": rows})
        return
    print_table(
        "Stores",
        ("shop", "name", "on", "state", *_COUNTED, "refused"),
        [
            (r["shop"], r["name"], _yes(r["on"]), r["state"], *r["there"].values(), r["refused"])
            for r in rows
        ],
    )
    for row in rows:
        if row["error"]:
            click.echo(f"! {row['name']}: {row['error']}")
    print_table(
        "Would be sent",
        ("shop", *_COUNTED, "calls, about"),
        [
            (r["shop"], *(r["preview"].get(name, 0) for name in _COUNTED), r["preview"]["calls"])
            for r in rows
            if r["preview"] and (dry_run or not r["on"])
        ],
    )


def _yes(on: bool) -> str:
    return "yes" if on else "no"


def _row(session: Session, shop: Shop, store: ShopStore) -> dict[str, Any]:
    key = store.id or 0
    there = mirror.counts(session, key)
    return {
        "shop": shop.id,
        "name": shop.name,
        "store": store.store_id,
        "on": store.is_on,
        "state": store.status,
        "there": {name: there.get(name[:-1], 0) for name in _COUNTED},
        "refused": len(mirror.refused(session, key, most=10_000)),
        "noted": len(mirror.noted(session, key, most=10_000)),
        "preview": store.preview,
        "outcome": store.outcome,
        "error": store.error,
    }
