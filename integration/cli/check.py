"""The command that compares Mailchimp with what we hold of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from integration.audience import checked
from integration.audience.check import compared
from integration.audience.connect import current_audience
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json
from integration.mailchimp.errors import NoAudience
from integration.reading.drifts import left, reports


@click.command()
@dry_run
@as_json
@command
def check(shell: Shell, dry_run: bool, as_json: bool) -> None:
    """Compare the audience with what we hold of it, and note what is really there.

    What the last night found in the connected shops is told as well.
    """
    shops = _shops(shell)
    if not as_json:
        for shop in shops:
            _say(shell, shop)
    try:
        audience = current_audience(shell.context, shell.account_id)
    except NoAudience:
        if not shops:
            raise
        if as_json:
            print_json({"shops": shops})
        return
    if dry_run:
        result: dict[str, Any] = dict(compared(shell.context, audience, repair=False))
    else:
        with shell.session() as session:
            checked.start(session)
        do_work(shell, quiet=as_json)
        with shell.session() as session:
            result = checked.newest(session)[0].result
    if as_json:
        print_json({**result, "shops": shops})
        return
    contacts = sum(result["members"].values())
    click.echo(
        f"{contacts} contacts, {result['tags']} tags and {result['fields']} fields counted, "
        f"{result['sample']} people compared value by value."
    )
    for difference in result["differences"]:
        click.echo("! " + checked.text(difference, "en"))
    if not result["differences"]:
        click.echo("All in step.")
    elif not dry_run:
        click.echo("Noted. `stipt plan` shows what is to be written again.")


def _shops(shell: Shell) -> list[dict[str, Any]]:
    with shell.session() as session:
        compared: list[dict[str, Any]] = [
            {"shop": name, "report": asdict(found) if found else None, "not_compared": ""}
            for name, found in reports(session)
        ]
        gone = [(name, f"Stipt was removed on {shell.day(at)}") for name, at in left(session)]
    return [*compared, *({"shop": name, "report": None, "not_compared": why} for name, why in gone)]


def _say(shell: Shell, shop: dict[str, Any]) -> None:
    """Print what the night found in a shop."""
    found = shop["report"]
    if shop["not_compared"]:
        click.echo(f"{shop['shop']}: not compared, as {shop['not_compared']}.")
        return
    if found is None:
        click.echo(f"{shop['shop']}: not compared yet.")
        return
    at = shell.minute(datetime.fromisoformat(found["at"]))
    told = f"{shop['shop']}, {at}: {found['compared']} records compared"
    put_right = {name: found[name] for name in ("differed", "added", "deleted") if found[name]}
    told += "".join(f", {number} {name}" for name, number in put_right.items())
    click.echo(f"{told}." if not found["error"] else f"{told}; not all: {found['error']}")
    for month in found["months"]:
        named = month["month"] or "before the first order here"
        counts = f"{month['there']} orders there, {month['here']} here, {month['added']} read again"
        click.echo(f"! {named}: {counts}")
    if found["doubtful"]:
        click.echo(f"! {found['doubtful']} records are not there any more; nothing was deleted.")
