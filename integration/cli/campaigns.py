"""The command of campaigns: how they stand, a draft, what is due now, let go, stop."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session

from integration.audience.connect import current_audience
from integration.campaigns import content, rules, runs
from integration.campaigns.naming import things
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.mailchimp.drafts import key_of, recipients
from integration.pipeline import looking_from
from integration.reading import campaigns as reading
from integration.tables import Account, Audience, Campaign


@click.command()
@click.option("--draft", help="Key of a segment, such as due:suits:now: make a draft for it.")
@click.option("--run", is_flag=True, help="Do what the rules have to do now.")
@click.option("--confirm", type=int, help="Number of a run that waits: let it go.")
@click.option("--stop", type=int, help="Number of a run: stop it before it goes out.")
@dry_run
@as_json
@command
def campaigns(
    shell: Shell,
    draft: str | None,
    run: bool,
    confirm: int | None,
    stop: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Drafts and rules that write by themselves: how they stand, and what can be done."""
    audience = current_audience(shell.context, shell.account_id)
    acts = draft is not None or run or confirm is not None or stop is not None
    with shell.session() as session:
        if draft is not None:
            _draft(session, shell, audience, draft, dry_run=dry_run)
        if run and not dry_run:
            rules.start(session)
        if confirm is not None and not dry_run:
            _must(rules.confirm(session, shell.context, session.get_one(Campaign, confirm)))
        if stop is not None and not dry_run:
            _must(rules.stop(session, session.get_one(Campaign, stop)))
    if run and dry_run and not as_json:
        click.echo(f"Would make {len(runs.due(shell.context, audience))} runs.")
    if acts and not dry_run:
        do_work(shell, quiet=as_json)
    _show(shell, as_json=as_json)


def _must(is_done: bool) -> None:
    if not is_done:
        raise click.ClickException("this run is over, or does not wait")


def _draft(
    session: Session, shell: Shell, audience: Audience, segment: str, *, dry_run: bool
) -> None:
    recipients(session, audience, segment)
    spoken = audience.language
    text = content.proposed(segment, spoken, things(session, segment, spoken))
    day = looking_from(shell.context, session.get_one(Account, shell.account_id))
    if dry_run:
        click.echo(f"Would make {key_of(segment, day)}: {text.subject}", err=True)
        return
    payload = {
        "segment": segment,
        "content": content.as_document(text),
        "language": spoken,
        "day": day.isoformat(),
    }
    rules.ask(session, "draft", payload)


def _show(shell: Shell, *, as_json: bool) -> None:
    with shell.session() as session:
        known = reading.rule_rows(session, "en", shell.context.clock())
        found = {kind: reading.campaigns(session, kind) for kind in ("draft", "run")}
    if as_json:
        shown = {f"{kind}s": [_row(row) for row in rows] for kind, rows in found.items()}
        print_json({"rules": [_rule(row) for row in known], **shown})
        return
    print_table(
        "Rules",
        ("rule", "segment", "on", "next"),
        [(row.rule.id, row.name, row.rule.is_on, shell.minute(row.next_at)) for row in known],
    )
    for kind, rows in found.items():
        print_table(
            f"{kind.title()}s",
            (kind, "title", "state", "people", "clicks"),
            [
                (row.id, row.title, row.status, row.people, row.figures.get("clicks", ""))
                for row in rows
            ],
        )


def _rule(row: reading.RuleRow) -> dict[str, Any]:
    rule = row.rule
    return {"rule": rule.id, "segment": rule.segment, "on": rule.is_on, "next_at": row.next_at}


def _row(row: Campaign) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "segment": row.segment,
        "status": row.status,
        "send_at": row.send_at,
        "people": row.people,
        "problem": row.problem,
        "figures": row.figures,
    }
