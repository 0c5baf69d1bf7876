"""Commands about single people: the control group, forgetting, handing over what is known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlmodel import Session

from integration.audience import restraint
from integration.audience.connect import current_audience
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json
from integration.pipeline import looking_from
from integration.privacy import access as known
from integration.privacy import erase
from integration.privacy.subject import Subject, of_address, only_person, people_of
from integration.tables import Account, Erasure


@click.command()
@click.argument("percent", type=click.Choice([str(share) for share in restraint.SHARES]),
                required=False)  # fmt: skip
@dry_run
@as_json
@command
def holdout(shell: Shell, percent: str | None, dry_run: bool, as_json: bool) -> None:
    """Show or set the percentage of people kept aside by lot, who get no mail."""
    audience = current_audience(shell.context, shell.account_id)
    with shell.session() as session:
        share = audience.holdout_percent if percent is None else int(percent)
        if percent is not None and not dry_run:
            today = looking_from(shell.context, session.get_one(Account, shell.account_id))
            restraint.set_share(session, audience.id or 0, share, today)
        found = {
            "percent": share,
            "was": audience.holdout_percent,
            "people": len(restraint.control_group(session, audience, share)),
            "proposed": restraint.proposed_share(session),
        }
    if as_json:
        print_json(found)
        return
    verb = "would be" if dry_run and percent is not None else "are"
    click.echo(f"{found['people']} people ({share}%) {verb} kept aside by lot.")
    if percent is not None and not dry_run:
        click.echo("Next: `stipt plan`, which gives them the tag.")
    elif not share:
        click.echo(f"Proposed here: `stipt holdout {found['proposed']}`.")


@click.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@dry_run
@as_json
@command
def forget(shell: Shell, email: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Forget a person for good, here and in Mailchimp. This cannot be undone."""
    with shell.session() as session:
        subject = of_address(session, email)
        shown = asdict(erase.preview(session, subject))
    if not (as_json and (dry_run or yes)):
        click.echo(
            f"{shown['people']} person(s) with {shown['profiles']} profile(s) go; "
            f"{shown['orders']} order(s) stay as figures of nobody. In Mailchimp: "
            f"{', '.join(shown['audiences']) or 'in no connected audience, as far as we know'}."
        )
    if dry_run:
        if as_json:
            print_json(shown)
        return
    if not yes:
        click.confirm("Forget for good?", abort=True)
    with shell.session() as session:
        erasure_id = erase.start(session, shell.context, of_address(session, email))
    do_work(shell, quiet=as_json)
    with shell.session() as session:
        receipt = erase.document(session, session.get_one(Erasure, erasure_id))
    if as_json:
        print_json(receipt)
    else:
        click.echo(f"Receipt {erasure_id}: {receipt['status']}. {_answers(receipt)}")


def _answers(receipt: dict[str, Any]) -> str:
    told = [f"{row['name']}: {row['status']}" for row in receipt["mailchimp"]]
    left = ", ".join(row["name"] for row in receipt["mailchimp_still_to_be_told"])
    said = f"Mailchimp said {', '.join(told)}." if told else ""
    if receipt["status"] == "waiting":
        waits = f"Not told yet, as it is not connected: {left}. Connect it again to have it told."
        return f"{said} {waits}".strip()
    return said or "No audience is connected."


@click.command()
@click.argument("email")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.",
)
@click.option("--person", type=int, help="Number of the person, when several have the address.")
@as_json
@command
def access(
    shell: Shell, email: str, output: Path | None, person: int | None, as_json: bool
) -> None:
    """Write everything known of a person, here and in Mailchimp, to one JSON file."""
    if output is None and not as_json:
        raise click.ClickException("name a file with --output, or print it with --json")
    with shell.session() as session:
        subject = _subject(session, email, person)
    told = known.document(shell.context, shell.account_id, subject)
    if output is not None:
        output.write_text(known.text(told), "utf-8")
    if as_json:
        print_json(told)
    else:
        click.echo(f"Everything known stands in {output}.")


def _subject(session: Session, email: str, person: int | None) -> Subject:
    people = people_of(session, email)
    if not people:
        return of_address(session, email)
    if person is None and len(people) == 1:
        return only_person(session, people[0])
    if person not in people:
        listed = ", ".join(map(str, people))
        raise click.ClickException(f"choose whom with --person (with this address: {listed})")
    return only_person(session, person)
