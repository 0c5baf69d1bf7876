"""The command about events: see what would be told, switch kinds on and off, tell now."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import Session

from integration.audience.connect import current_audience
from integration.audience.members import read_members
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.flows import switches as flow_switches
from integration.flows.kinds import KIND_BY_KEY
from integration.reading import flows
from integration.tables import Audience

_KIND = click.Choice(sorted(KIND_BY_KEY))


@click.command("events")
@click.option("--on", type=_KIND, multiple=True, help="Switch a kind on; repeatable.")
@click.option("--off", type=_KIND, multiple=True, help="Switch a kind off; repeatable.")
@click.option("--days", type=(_KIND, int), help="KIND and days between two for one person.")
@click.option("--step", type=(_KIND, str), help="KIND and a flow's trigger address ('' unties).")
@click.option("--tell", type=_KIND, multiple=True, help="Let those go who wait as they are many.")
@click.option("--mark", type=_KIND, multiple=True, help="Only mark those who wait.")
@dry_run
@as_json
@command
def events(shell: Shell, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Tell Mailchimp who has come to the beginning of a flow, of the kinds that are on.

    Switched on for the first time, everybody in that state is marked and no flow starts for them.
    """
    audience = current_audience(shell.context, shell.account_id)
    if not dry_run:
        with shell.session() as session:
            _change(session, audience, shell, asked)
        with shell.session() as session:
            is_on = flow_switches.start(session)
        if is_on:
            do_work(shell, quiet=as_json)
    else:
        read_members(shell.context, audience)
    with shell.session() as session:
        found = flows.kinds(session, audience, shell.context.clock())
        seen = {view.recipe.key: view.look.seen_at for view in flows.recipes(session, audience)}
    rows = [_shown(kind) for kind in found]
    if as_json:
        print_json({"dry_run": dry_run, "events": rows, "flows_seen": seen})
        return
    print_table(
        "Events",
        (
            "kind",
            "name in Mailchimp",
            "on",
            "would be told",
            "left out",
            "told",
            "marked",
            "refused",
        ),
        [
            (
                row["kind"],
                row["event"],
                "yes" if row["on"] else "no",
                f"{row['people']} (only marked)" if row["marks"] else row["people"],
                sum(row["left_out"].values()),
                row["told"],
                row["marked"],
                row["refused"],
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["waiting"]:
            click.echo(
                f"! {row['waiting']} people of “{row['kind']}” wait, far more than usual: "
                f"--tell {row['kind']} or --mark {row['kind']}"
            )


def _change(session: Session, audience: Audience, shell: Shell, asked: dict[str, Any]) -> None:
    now = shell.context.clock()
    for kind in asked["off"]:
        flow_switches.turn(session, audience, kind, now, on=False)
    for kind in asked["on"]:
        flow_switches.turn(session, audience, kind, now, on=True)
    session.flush()
    if asked["days"]:
        flow_switches.every(session, audience, *asked["days"])
    if asked["step"]:
        flow_switches.tie(session, audience, *asked["step"])
    for kind in (*asked["tell"], *asked["mark"]):
        flow_switches.answer(session, audience, kind, tell=kind in asked["tell"])


def _shown(kind: flows.KindView) -> dict[str, Any]:
    return {
        "kind": kind.key,
        "event": kind.event,
        "on": kind.switch.is_on,
        "people": kind.people,
        "marks": kind.marks,
        "left_out": dict(kind.left_out),
        "waiting": kind.switch.waiting,
        "days": kind.switch.every_days,
        "step": [kind.switch.journey, kind.switch.step] if kind.switch.step else None,
        "step_error": kind.switch.step_error,
        "told": kind.told,
        "marked": kind.marked,
        "refused": kind.failed,
        "unknown": kind.unknown,
    }
