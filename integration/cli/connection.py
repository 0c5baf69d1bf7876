"""Commands about the connected audience: connecting, what is in it, and ending the connection."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from integration.audience import leave, members, signin
from integration.audience.connect import access_by_key, choose, chosen, current_audience, look
from integration.audience.contents import look_at
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.mailchimp.withdraw import still_scheduled
from integration.reading import plans
from integration.tables import Account, Audience

_take_out = click.option(
    "--take-out",
    is_flag=True,
    help="First take everything of ours out of the audience that is left.",
)


@click.command("connect")
@click.option("--list-id", help="Audience to use; needed when the account has several.")
@click.option("--language", type=click.Choice(["en", "nl"]), help="Of tags and fields.")
@click.option(
    "--token",
    envvar="STIPT_MAILCHIMP_TOKEN",
    prompt="Mailchimp API key",
    hide_input=True,
    help="API key; better in the environment variable STIPT_MAILCHIMP_TOKEN.",
)
@click.option("--move", is_flag=True, help="Leave the audience that is connected for another one.")
@_take_out
@dry_run
@as_json
@command
def connect(
    shell: Shell,
    list_id: str | None,
    language: str | None,
    token: str,
    move: bool,
    take_out: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Connect the Mailchimp audience that gets tags and fields. Nothing is written there."""
    with shell.session() as session:
        before = plans.audience(session)
        spoken = language or session.get_one(Account, shell.account_id).language
    if before is not None and not move:
        if list_id not in (None, before.list_id):
            raise click.ClickException(
                f"{before.name} is connected: --move leaves it for the other one; with --dry-run "
                "you see first what of ours is there"
            )
        list_id = before.list_id
    access = access_by_key(shell.context, token)
    account = look(shell.context, access)
    info = chosen(account.audiences, list_id)
    left = before if before is not None and before.list_id != info.id else None
    if take_out:
        _may_take_out(left)
    found = {"list_id": info.id, "name": info.name, "language": spoken, "connected": not dry_run}
    ours = _ours(shell, left)
    choice = {"list_id": info.id, "language": spoken}
    if not dry_run and left is None:
        choose(shell.context, shell.account_id, account, **choice)
        with shell.session() as session:
            members.start(session)
    elif not dry_run and left is not None:
        signin.keep_choice(shell.context, shell.account_id, access, **choice)
        _leave(shell, left, leave.MOVE, take_out=take_out, quiet=as_json)
    scheduled = [] if dry_run else _scheduled(shell, left)
    if as_json:
        there = {"name": left.name, "ours": ours, "still_scheduled": scheduled} if left else None
        print_json({**found, "left": there})
        return
    if left is not None:
        click.echo(f"{left.name}: {_told(ours, take_out=take_out)}")
        _warn(scheduled)
    verb, then = ("Would connect", "") if dry_run else ("Connected", " Next: `stipt plan`.")
    click.echo(f"{verb} to {info.name}.{then}")


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
@_take_out
@dry_run
@as_json
@command
def disconnect(shell: Shell, take_out: bool, dry_run: bool, as_json: bool) -> None:
    """Delete our access to Mailchimp; in a copied installation nothing is asked of Mailchimp."""
    connected = current_audience(shell.context, shell.account_id)
    if take_out:
        _may_take_out(connected)
    ours = _ours(shell, connected)
    if not dry_run:
        _leave(shell, connected, leave.DISCONNECT, take_out=take_out, quiet=as_json)
    scheduled = [] if dry_run else _scheduled(shell, connected)
    if as_json:
        found = {"name": connected.name, "disconnected": not dry_run, "ours": ours}
        print_json({**found, "still_scheduled": scheduled})
        return
    verb = "Would disconnect" if dry_run else "Disconnected"
    click.echo(f"{verb} {connected.name}. {_told(ours, take_out=take_out)}")
    _warn(scheduled)


def _may_take_out(left: Audience | None) -> None:
    if left is None:
        raise click.ClickException("--take-out goes with --move to another audience")
    if left.paused:
        raise click.ClickException("nothing can be taken out while the audience is paused")


def _leave(shell: Shell, left: Audience, then: str, *, take_out: bool, quiet: bool) -> None:
    """Disconnect, or move to the audience that was chosen, at once or after taking ours out."""
    if take_out:
        with shell.session() as session:
            leave.ask_to_take_out(session, {"do": then, "from": left.id})
        do_work(shell, quiet=quiet)
    elif then == leave.MOVE:
        leave.move(shell.context, shell.account_id)
    else:
        leave.disconnect(shell.context, shell.account_id, is_copy=left.paused == "cloned")


def _ours(shell: Shell, left: Audience | None) -> dict[str, Any]:
    with shell.session() as session:
        return asdict(leave.ours(session, left.id or 0)) if left is not None else {}


def _scheduled(shell: Shell, left: Audience | None) -> list[str]:
    with shell.session() as session:
        return still_scheduled(session, left.id or 0) if left is not None else []


def _told(ours: dict[str, Any], *, take_out: bool) -> str:
    return (
        f"Of ours {'is taken out' if take_out else 'stays there'}: {len(ours['tags'])} tags, "
        f"{len(ours['fields'])} fields, on {ours['contacts']} contacts."
    )


def _warn(scheduled: list[str]) -> None:
    for title in scheduled:
        click.echo(f"Still scheduled, stop it in Mailchimp: {title}", err=True)
