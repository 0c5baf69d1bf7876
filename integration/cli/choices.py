"""What the merchant chooses about his audience."""

from __future__ import annotations

from typing import Any

import click

from integration.audience import choices as kept
from integration.audience.adding import newcomers
from integration.audience.connect import current_audience
from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.tables import Audience


@click.command()
@click.option(
    "--add-contacts/--no-add-contacts",
    "adds_contacts",
    default=None,
    help="Also add people whose opt-in is recorded.",
)
@click.option("--language", type=click.Choice(["en", "nl"]), help="Of tags, fields and segments.")
@click.option(
    "--contact-language/--no-contact-language",
    "sets_language",
    default=None,
    help="Give contacts without a language the one they have at the shop.",
)
@click.option("--fields", help="Optional sets of fields, such as shops,wholesale; '' for none.")
@click.option(
    "--segments/--no-segments",
    "makes_segments",
    default=None,
    help="Make a few saved segments.",
)
@dry_run
@as_json
@command
def choices(
    shell: Shell, fields: str | None, dry_run: bool, as_json: bool, **chosen: bool | str | None
) -> None:
    """Show or change what Stipt may do in the audience. The next plan shows what it changes."""
    connected = current_audience(shell.context, shell.account_id)
    sets = None if fields is None else [key for key in fields.split(",") if key]
    with shell.session() as session:
        audience = session.get_one(Audience, connected.id)
        kept.keep(audience, field_sets=sets, **chosen)  # type: ignore[arg-type]  # as declared above
        found = newcomers(session, audience)
        shown: dict[str, Any] = {
            "adds_contacts": audience.adds_contacts,
            "language": audience.language,
            "sets_language": audience.sets_language,
            "fields": audience.field_sets.get("on", []),
            "makes_segments": not audience.skips_segments,
            "could_be_added": len(found.found),
            "not_added": found.left_out,
            "names_that_change": len(kept.named(session, audience, audience.language)),
        }
        if dry_run:
            session.rollback()
    if as_json:
        print_json(shown)
    else:
        print_table("Choices", ("choice", "value"), [(k, _text(v)) for k, v in shown.items()])
        click.echo("Nothing was kept." if dry_run else "Next: `stipt plan`.")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "-"
    return ", ".join(value) or "-" if isinstance(value, list) else str(value)
