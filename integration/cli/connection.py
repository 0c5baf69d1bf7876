"""Commands about the connected audience: what is in it, and ending the connection."""

from __future__ import annotations

from dataclasses import asdict

import click

from integration.audience import leave
from integration.audience.connect import current_audience
from integration.audience.contents import look_at
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table


@click.command("audience")
@as_json
@command
def audience(shell: Shell, as_json: bool) -> None:
    """Show what is in the connected audience. Writes nothing in Mailchimp."""
    found = look_at(shell.context, current_audience(shell.context, shell.account_id)).as_json()
    if as_json:
        print_json(found)
        return
    click.echo(
        f"{found['name']}: {found['members']['subscribed']} subscribed, {found['not_subscribed']} "
        f"not subscribed, {found['tags']} tags, {found['saved_segments']} saved segments, "
        f"{found['fields']} of {found['field_limit']} fields in use."
    )
    print_table("Contacts", ("state", "contacts"), found["members"].items())
    stores = [(store["name"], store["platform"]) for store in found["other_stores"]]
    print_table("Stores of other apps (ours stays off beside them)", ("store", "platform"), stores)


@click.command("disconnect")
@click.option("--take-out", is_flag=True, help="First take everything of ours out of the audience.")
@dry_run
@as_json
@command
def disconnect(shell: Shell, take_out: bool, dry_run: bool, as_json: bool) -> None:
    """Delete our access to Mailchimp; in a copied installation nothing is asked of Mailchimp."""
    connected = current_audience(shell.context, shell.account_id)
    if take_out and connected.paused:
        raise click.ClickException("nothing can be taken out while the audience is paused")
    scheduled: list[str] = []
    with shell.session() as session:
        ours = asdict(leave.ours(session, connected.id or 0))
        if take_out and not dry_run:
            leave.ask_to_take_out(session, {"do": leave.DISCONNECT, "from": connected.id})
    if take_out and not dry_run:
        do_work(shell, quiet=as_json)
    elif not dry_run:
        is_copy = connected.paused == "cloned"
        scheduled = leave.disconnect(shell.context, shell.account_id, is_copy=is_copy)
    if as_json:
        found = {"name": connected.name, "disconnected": not dry_run, "ours": ours}
        print_json({**found, "still_scheduled": scheduled})
        return
    verb = "Would disconnect" if dry_run else "Disconnected"
    stays = "was taken out" if take_out else "stays there"
    click.echo(
        f"{verb} {connected.name}. Of ours {stays}: {len(ours['tags'])} tags, "
        f"{len(ours['fields'])} fields, on {ours['contacts']} contacts."
    )
    for title in scheduled:
        click.echo(f"Still scheduled, stop it in Mailchimp: {title}")
