"""Commands of the Mailchimp side: plan, push, undo."""

from __future__ import annotations

from typing import Any

import click
from sqlmodel import col, select

from integration.audience import floods
from integration.audience.connect import current_audience
from integration.audience.undo import undoable
from integration.audience.warnings import warning_text
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.tables import Plan
from integration.work.queue import defer


@click.command()
@as_json
@command
def plan(shell: Shell, as_json: bool) -> None:
    """Work out and store what a push would change. Writes nothing in Mailchimp."""
    current_audience(
        shell.context, shell.account_id
    )  # or say that there is none, and queue nothing
    _work(shell, "plan", {}, quiet=as_json)
    found = _plan(shell, None, kind="push")
    if as_json:
        print_json(_shown(found))
        return
    summary = found.summary
    click.echo(
        f"Plan {found.id}: {summary['members']} contacts change, {len(summary['new_tags'])} new "
        f"tags, {len(summary['new_fields'])} new fields, {summary['contacts_added']} contacts "
        f"added, {summary['subscriptions_changed']} subscriptions changed, about "
        f"{summary['requests']} requests."
    )
    print_table(
        "Tags",
        ("tag", "on", "off"),
        [(tag["name"], tag["add"], tag["remove"]) for tag in summary["tags"]],
    )
    print_table(
        "Fields",
        ("field", "set", "cleared"),
        [(field["name"], field["set"], field["clear"]) for field in summary["fields"]],
    )
    for tag in summary["tags"]:
        if tag["key"] in summary["floods"]:
            click.echo(
                f"! {tag['add']} people get “{tag['name']}” at once: quietly, so that no flow "
                "starts for them. With `stipt push --start-flows` those that start on it do."
            )
    for warning in summary["warnings"]:
        click.echo("! " + warning_text(warning, "en"))
    if summary["contacts_added"]:
        click.echo(f"+{summary['contacts_added']} contacts on your Mailchimp bill.")
    print_table(
        "Names",
        ("was", "becomes"),
        [(change["before"] or "(new)", change["after"]) for change in summary["names"]],
    )
    click.echo(f"Room for {summary['fields_left']} more fields.")
    if summary["members"] or summary["names"]:
        click.echo("Publish it with `stipt push`.")
    else:
        click.echo("All in step: nothing to change.")


@click.command()
@click.argument("plan_id", type=int, required=False)
@click.option(
    "--start-flows",
    is_flag=True,
    help="Let flows start for many people who get a tag at once; otherwise none does.",
)
@dry_run
@as_json
@command
def push(
    shell: Shell, plan_id: int | None, start_flows: bool, dry_run: bool, as_json: bool
) -> None:
    """Publish a stored plan to Mailchimp; the newest draft when none is named."""
    chosen = _plan(shell, plan_id, kind="push")
    if chosen.status not in ("draft", "publishing", "failed"):
        raise click.ClickException(
            f"plan {chosen.id} is {chosen.status}, nothing is left to publish; "
            "make a new plan with `stipt plan`"
        )
    if start_flows and not dry_run:
        with shell.session() as session:
            floods.choose(session.get_one(Plan, chosen.id), quietly=False)
    _carry_out(shell, "push", chosen, dry_run=dry_run, as_json=as_json)


@click.command()
@click.argument("plan_id", type=int, required=False)
@dry_run
@as_json
@command
def undo(shell: Shell, plan_id: int | None, dry_run: bool, as_json: bool) -> None:
    """Take back what a plan changed; the last one that wrote when none is named."""
    if plan_id is None:
        with shell.session() as session:
            plan_id = undoable(session, shell.context.clock())
        if plan_id is None:
            raise click.ClickException("there is nothing to take back")
    chosen = _plan(shell, plan_id, kind="push")
    _carry_out(shell, "undo", chosen, dry_run=dry_run, as_json=as_json)


def _carry_out(shell: Shell, kind: str, chosen: Plan, *, dry_run: bool, as_json: bool) -> None:
    if not dry_run:
        _work(shell, kind, {"plan_id": chosen.id}, quiet=as_json)
        chosen = _plan(shell, chosen.id, kind="push")
        if kind == "undo":
            undo = _undo_of(shell, chosen)
            chosen.outcome = undo.outcome
            if undo.summary.get("stops_keeping"):
                click.echo(
                    "Keeping in step is switched off, as the next night would have written it "
                    "again; the page Publish switches it on.",
                    err=True,
                )
    if as_json:
        print_json(_shown(chosen))
    elif dry_run:
        click.echo(f"Would {kind} plan {chosen.id}: {chosen.summary['members']} contacts change.")
    else:
        click.echo(f"Plan {chosen.id} is {chosen.status}. {_outcome(chosen.outcome)}")


def _undo_of(shell: Shell, chosen: Plan) -> Plan:
    query = select(Plan).where(Plan.undoes == chosen.id).order_by(col(Plan.id).desc())
    with shell.session() as session:
        return session.exec(query).first() or Plan()


def _outcome(outcome: dict[str, Any]) -> str:
    figures = ("requests", "writes", "failed", "seconds", "error")
    shown = {name: outcome[name] for name in figures if name in outcome}
    rounded = {n: round(v, 1) if isinstance(v, float) else v for n, v in shown.items()}
    return ", ".join(f"{name}: {value}" for name, value in rounded.items())


def _work(shell: Shell, kind: str, payload: dict[str, Any], *, quiet: bool) -> None:
    with shell.session() as session:
        defer(
            session,
            account_id=shell.account_id,
            kind=kind,
            lane=f"account:{shell.account_id}:push",
            payload=payload,
        )
    do_work(shell, quiet=quiet)


def _plan(shell: Shell, plan_id: int | None, *, kind: str) -> Plan:
    query = select(Plan).where(Plan.kind == kind).order_by(col(Plan.id).desc())
    if plan_id is not None:
        query = query.where(Plan.id == plan_id)
    with shell.session() as session:
        found = session.exec(query).first()
    if found is None:
        raise click.ClickException("there is no such plan; make one with `stipt plan`")
    return found


def _shown(plan: Plan) -> dict[str, Any]:
    return {
        "plan": plan.id,
        "version": plan.model_id,
        "status": plan.status,
        "summary": plan.summary,
        "outcome": plan.outcome,
    }
