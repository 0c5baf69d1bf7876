"""The command of rules that write by themselves: list, add, show, test, on, off, remove."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session, select

from integration.audience.connect import current_audience
from integration.campaigns import content as contents
from integration.campaigns import rules
from integration.campaigns.naming import things
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.reading import campaigns as reading
from integration.tables import Audience, CampaignRule, User

_ACTIONS = ("list", "add", "show", "test", "on", "off", "remove")


@click.command("rule")
@click.argument("action", type=click.Choice(_ACTIONS), default="list")
@click.argument("what", default="")
@click.option("--weekday", type=click.IntRange(0, 6), default=1, help="Day to write on; 0: Monday.")
@click.option("--hour", type=click.IntRange(0, 23), default=9, help="Hour of the shop's day.")
@click.option("--most", type=int, default=rules.MOST_PEOPLE, help="People a time, at most.")
@click.option("--template", type=int, help="Number of a template of yours, instead of our text.")
@click.option("--to", help="For a test: your log-in; needed when there are several.")
@dry_run
@as_json
@command
def rule(shell: Shell, action: str, what: str, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Rules that write by themselves. WHAT is a segment for `add`, else a rule's number.

    A rule is off until its mail was shown and sent to yourself as a test.
    """
    audience = current_audience(shell.context, shell.account_id)
    shown: list[dict[str, str]] = []
    with shell.session() as session:
        if action == "add":
            found = _add(session, shell, audience, what, asked)
        elif action != "list":
            found = _rule(session, what)
        if action in ("test", "on", "off", "remove"):
            _act(session, shell, found, action, asked["to"])
        elif action == "show":
            shown = _show(session, found)
        if dry_run:
            session.rollback()
    if action not in ("list", "add") and not dry_run:
        do_work(shell, quiet=as_json)
    _report(shell, action, shown, dry_run=dry_run, as_json=as_json)


def _rule(session: Session, number: str) -> CampaignRule:
    found = session.get(CampaignRule, int(number)) if number.isdecimal() else None
    if found is None or found.removed_at is not None:
        raise click.ClickException("say a rule's number; `stipt rule list` shows them")
    return found


def _add(
    session: Session, shell: Shell, audience: Audience, segment: str, asked: dict[str, Any]
) -> CampaignRule:
    if segment not in {key for key, _name, _people in reading.segments(session, "en")}:
        raise click.ClickException("say the key of a segment that somebody is in: `stipt segments`")
    spoken = audience.language
    wish = rules.Wish(
        segment=segment,
        language=spoken,
        content=contents.proposed(segment, spoken, things(session, segment, spoken)),
        template_id=asked["template"],
        weekday=asked["weekday"],
        hour=asked["hour"],
        most_people=asked["most"],
    )
    return rules.keep(session, shell.context, audience.id or 0, wish, None)


def _act(session: Session, shell: Shell, found: CampaignRule, action: str, to: str | None) -> None:
    if action == "on":
        rules.switch_on(session, shell.context, found)
    elif action == "off":
        rules.switch_off(session, found)
    elif action == "remove":
        rules.remove(session, shell.context, found)
    else:
        payload = {"rule_id": found.id, "user_id": _reader(session, shell, to)}
        rules.ask(session, "test_mail", payload)


def _reader(session: Session, shell: Shell, to: str | None) -> int:
    """The log-in that gets a test: nobody else does."""
    users = session.exec(select(User).where(User.account_id == shell.account_id)).all()
    ids = [user.id for user in users if to in (None, user.email) and user.id is not None]
    if len(ids) != 1:
        raise click.ClickException("say which log-in gets the test with --to")
    return ids[0]


def _show(session: Session, found: CampaignRule) -> list[dict[str, str]]:
    """Return the mail as some people read it, and note that it was shown; have a template fetched
    instead, which notes it when it is there."""
    if found.template_id is not None:
        rules.ask(session, "show_mail", {"rule_id": found.id})
        return [{"rule": str(found.id)}]
    rules.was_previewed(found)
    content = contents.stored(found.content)
    examples = reading.examples(session, found.segment, content, found.language)
    return [contents.as_document(one.content) for one in examples] or [dict(found.content)]


def _report(
    shell: Shell, action: str, shown: list[dict[str, str]], *, dry_run: bool, as_json: bool
) -> None:
    with shell.session() as session:
        known = reading.rule_rows(session, "en", shell.context.clock())
        rows = [_row(one) for one in known]
        for mail in shown:
            if number := mail.pop("rule", ""):
                mail["html"] = session.get_one(CampaignRule, int(number)).rendered
    if as_json:
        print_json({"dry_run": dry_run, "rules": rows, **({"mail": shown} if shown else {})})
        return
    for mail in shown:
        click.echo("\n\n".join(text for text in mail.values() if text) + "\n")
    if action != "show":
        told = [{**row, "next_at": shell.minute(row["next_at"])} for row in rows]
        print_table("Rules", _HEADER, [tuple(row[key] for key in _HEADER) for row in told])
    if dry_run and action != "list":
        click.echo("Nothing was changed.", err=True)


_HEADER = ("rule", "segment", "weekday", "hour", "most", "on", "shown", "tested", "next_at")


def _row(one: reading.RuleRow) -> dict[str, Any]:
    found, text = one.rule, rules.text_of(one.rule)
    return {
        "rule": found.id,
        "segment": found.segment,
        "weekday": found.weekday,
        "hour": found.hour,
        "most": found.most_people,
        "template": found.template_id,
        "on": found.is_on,
        "shown": found.previewed == text,
        "tested": found.tested == text,
        "next_at": one.next_at,
    }
