"""The command that compares Mailchimp with what we hold of it."""

from __future__ import annotations

from typing import Any

import click

from integration.audience import checked
from integration.audience.check import compared
from integration.audience.connect import current_audience
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json


@click.command()
@dry_run
@as_json
@command
def check(shell: Shell, dry_run: bool, as_json: bool) -> None:
    """Compare the audience with what we hold of it, and note what is really there."""
    audience = current_audience(shell.context, shell.account_id)
    if dry_run:
        result: dict[str, Any] = dict(compared(shell.context, audience, repair=False))
    else:
        with shell.session() as session:
            checked.start(session)
        do_work(shell, quiet=as_json)
        with shell.session() as session:
            result = checked.newest(session)[0].result
    if as_json:
        print_json(result)
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
