"""Commands that print what is known: segments, due-dates, one person, the back-test."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import click
from sqlmodel import Session, col, func, select

from integration import consent, frames, pipeline
from integration import history as history_window
from integration.cli.base import Shell, as_json, command, print_json, print_table
from integration.fits import newest, newest_id
from integration.identity import email_key
from integration.reading import monday as overdue
from integration.reading.model import card
from integration.reading.names import Words, words
from integration.reading.overview import sizes
from integration.reading.people import history
from integration.reading.stalled import stalled
from integration.tables import (
    Account,
    DueDate,
    Identity,
    Order,
    SegmentMember,
    SourceProfile,
)
from segmentation.backtest import backtest as run_backtest
from segmentation.backtest_verdict import verdict

language_option = click.option(
    "--language", type=click.Choice(["en", "nl"]), help="Default: the account's."
)


_UNKNOWN = {
    history_window.READING: "the rest is still to be read",
    history_window.STOPPED: "the store was removed before the rest was read",
    history_window.SCOPE: "Shopify lets us read the last 60 days only",
}


def say_known(session: Session) -> None:
    """Say beside the output when figures are of a part of the history."""
    known = history_window.told(session)
    if known is not None:
        why = _UNKNOWN[known.why]
        if known.why == history_window.READING and stalled(session):
            why = "reading the rest was given up, see `stipt status`"
        click.echo(f"Based on orders since {known.since}: {why}.", err=True)


def words_of(shell: Shell, session: Session, language: str | None) -> Words:
    """Return the words of a language, the account's when none was asked for."""
    account = session.get_one(Account, shell.account_id)
    return words(session, language or account.language)


@click.command()
@language_option
@as_json
@command
def segments(shell: Shell, language: str | None, as_json: bool) -> None:
    """List the segments with how many people are in them."""
    with shell.session() as session:
        named = words_of(shell, session, language)
        found = sizes(session, named)
        say_known(session)
    rows = [
        {
            "segment": size.segment.key,
            "name": size.segment.name(named.language),
            "people": size.people,
            "can_get_it": size.in_audience,
            "meaning": size.segment.meaning(named.language),
        }
        for group in found.values()
        for size in group
    ]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("No segments yet. Read something first: `stipt import FILE`.")
    else:
        header = ("name", "people", "can get it", "meaning")
        # Nobody looked yet who is in the audience: not none of them.
        told = [{**row, "can_get_it": "?" if row["can_get_it"] is None else row["can_get_it"]}
                for row in rows]  # fmt: skip
        print_table("Segments", header, [tuple(row.values())[1:] for row in told])


@click.command()
@click.option("--state", type=click.Choice(["soon", "now", "late"]), help="Only this state.")
@click.option("--need", help="Only this need, such as suits.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@language_option
@as_json
@command
def due(
    shell: Shell,
    state: str | None,
    need: str | None,
    limit: int,
    language: str | None,
    as_json: bool,
) -> None:
    """List who is due for what, the likeliest first, with the reason."""
    query = select(DueDate).where(DueDate.state != "" if state is None else DueDate.state == state)
    if need is not None:
        query = query.where(DueDate.need == need)
    with shell.session() as session:
        named = words_of(shell, session, language)
        if need is not None and named.needs and need not in named.needs:
            known = ", ".join(sorted(named.needs))
            raise click.BadParameter(
                f"no need {need!r} here; there are {known}", param_hint="--need"
            )
        ordered = query.order_by(col(DueDate.p_due).desc(), col(DueDate.person_id), DueDate.need)
        version = {"version": newest_id(session)}
        say_known(session)
        rows = [_due_row(row, named) | version for row in session.exec(ordered.limit(limit))]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("Nobody is due by these conditions.")
    else:
        header = ("person", "need", "state", "waits for", "expected", "chance in 30 days", "why")
        keys = ("person_id", "need", "state", "waits_for", "expected_on", "p_due", "why")
        print_table("Due", header, [tuple(row[key] for key in keys) for row in rows])


def _due_row(row: DueDate, named: Words) -> dict[str, Any]:
    return {
        "person_id": row.person_id,
        "need": row.need,
        "state": row.state,
        "waits_for": row.waits_for,
        "expected_on": row.expected_on.isoformat(),
        "window": [row.window_from.isoformat(), row.window_to.isoformat()],
        "p_due": round(row.p_due, 3),
        "within_days": row.within_days,
        "p_within": round(row.p_within, 3),
        "passed": round(row.passed, 3),
        "p_repeat": round(row.p_repeat, 3),
        "basis": row.basis,
        "why": named.why(row.reason),
    }


@click.command()
@click.option("--limit", type=click.IntRange(min=1), help="Companies; default: all.")
@language_option
@as_json
@command
def monday(shell: Shell, limit: int | None, language: str | None, as_json: bool) -> None:
    """List the business customers who are overdue, where most is at risk first."""
    with shell.session() as session:
        found = overdue.companies(session, words_of(shell, session, language))[:limit]
        version = newest_id(session)
        currency = session.get_one(Account, shell.account_id).currency
    if as_json:
        told = [asdict(one) | {"value": one.value, "version": version} for one in found]
        print_json({"currency": currency, "companies": told})
    elif not found:
        click.echo("No business customer is overdue.")
    else:
        header = ("company", "group", "expected", "pieces", "days late", "chance",
                  f"at risk ({currency})", "contact")  # fmt: skip
        rows = [row for one in found for row in _late_rows(one, currency)]
        print_table("Monday list", header, rows)


def _late_rows(company: overdue.Company, currency: str) -> list[tuple[Any, ...]]:
    contact = company.contact
    return [
        (
            company.name,
            late.name or "any order",
            late.expected_on,
            late.units,
            late.days_late,
            f"{late.chance:.0%}",
            overdue.whole(late.value, currency),
            contact.name or contact.email,
        )
        for late in company.late
    ]


@click.command()
@click.argument("email")
@language_option
@as_json
@command
def explain(shell: Shell, email: str, language: str | None, as_json: bool) -> None:
    """Tell everything that is known of one person, with the reason for each tag."""
    with shell.session() as session:
        person_id = session.exec(
            select(SourceProfile.person_id)
            .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
            .where(Identity.kind == "email", Identity.value == email_key(email))
        ).first()
        if person_id is None:
            raise click.ClickException("nobody with that address; `stipt import` reads more people")
        found = _explained(session, person_id, words_of(shell, session, language))
    if as_json:
        print_json(found)
        return
    click.echo(
        f"Person {person_id}, from {found['sources']} source profile(s), {found['orders']} "
        f"order(s); permission for e-mail: {found['consent']}"
    )
    print_table("Tags", ("tag", "because"), [(t["name"], t["why"]) for t in found["tags"]])
    print_table(
        "Was and is",
        ("on", "", "tag", "because"),
        [(h["on"], "in" if h["entered"] else "out", h["name"], h["why"]) for h in found["history"]],
    )
    header = ("need", "last", "expected", "window", "state")
    print_table(
        "Due-dates",
        header,
        [
            (d["need"], d["last_on"], d["expected_on"], " to ".join(d["window"]), d["state"])
            for d in found["due"]
        ],
    )


def _explained(session: Session, person_id: int, named: Words) -> dict[str, Any]:
    catalogue = named.catalogue()
    tags = session.exec(select(SegmentMember).where(SegmentMember.person_id == person_id))
    dates = session.exec(select(DueDate).where(DueDate.person_id == person_id))
    profiles = select(func.count()).where(col(SourceProfile.person_id) == person_id)
    orders = (
        select(func.count(col(Order.id)))
        .join(SourceProfile, col(SourceProfile.id) == col(Order.profile_id))
        .where(SourceProfile.person_id == person_id)
    )
    return {
        "person_id": person_id,
        "sources": session.exec(profiles.select_from(SourceProfile)).one(),
        "orders": session.exec(orders).one(),
        "consent": consent.states(session, [person_id]).get(person_id, "unknown"),
        "version": newest_id(session),
        "tags": [
            {
                "segment": tag.segment,
                "name": catalogue[tag.segment].name(named.language)
                if tag.segment in catalogue
                else tag.segment,
                "since": tag.since.isoformat(),
                "why": named.why(tag.reason),
            }
            for tag in tags
        ],
        "due": [{**_due_row(row, named), "last_on": row.last_on.isoformat()} for row in dates],
        "history": [
            {
                "on": change.row.on.isoformat(),
                "segment": change.row.segment,
                "name": change.name,
                "entered": change.row.entered,
                "why": change.why,
            }
            for change in history(session, named, person_id)
        ],
    }


@click.command()
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Last day of history to use.")
@language_option
@as_json
@command
def backtest(shell: Shell, as_of: Any, language: str | None, as_json: bool) -> None:
    """Test the due-dates on your own past: what would they have said, and what happened."""
    with shell.session() as session:
        account = session.get_one(Account, shell.account_id)
        day = as_of.date() if as_of else _last_day(shell, session, account)
        known = frames.load(session, account, as_of=day)
        said = frames.choices(session)
        live, language = card(session), language or account.language
    result = run_backtest(known, account_id=shell.account_id, choices=said)
    judged = verdict(result["all"])
    if as_json:
        result["verdict"] = judged.to_dict(language)
        print_json({**result, "card": live.as_json(language) if live else None})
        return
    click.echo(judged.text(language))
    print_table("Back-test of due-dates", ("figure", "value"), _flat(result))
    if live:
        found = live.as_json(language)
        rows = [(one["part"], one["version"], one["verdict"]["outcome"], one["verdict"]["why"],
                 one["better"]) for one in found["models"]]  # fmt: skip
        header = ("model", "version", "last numbers", "because", "better than all the same")
        print_table("Live numbers", header, rows)
        keys = ("what", "state", "needed", "there", "missing")
        print_table(
            "Thresholds", keys, [tuple(row[k] for k in keys) for row in found["thresholds"]]
        )


def _last_day(shell: Shell, session: Session, account: Account) -> date:
    """The day the last computation looked from; today when there was none."""
    last = newest(session)
    return last.as_of if last else pipeline.looking_from(shell.context, account)


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [row for k, v in value.items() for row in _flat(v, f"{name} {k}".strip())]
    if isinstance(value, list):
        return [row for k, v in enumerate(value, 1) for row in _flat(v, f"{name} {k}".strip())]
    return [(name, f"{value:.3f}" if isinstance(value, float) else value)]
