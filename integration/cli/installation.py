"""Setting an installation up and looking at its state."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from sqlmodel import Session, col, func, or_, select

from integration import pace
from integration.accounts import SHORTEST_PASSWORD, create_account, find_user
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.db import unscoped
from integration.migrate import upgrade
from integration.reading.stalled import stalled
from integration.security import hash_password
from integration.settings import fresh_env
from integration.tables import Account, ImportRun, Order, Person, Plan, Shop, Work
from integration.work.queue import dead, retry_dead


@click.command()
@click.option("--name", help="Your shop's name.")
@click.option("--email", help="Address you log in with.")
@click.option("--password", help="Left out: one is made and shown once.")
@click.option("--language", type=click.Choice(["en", "nl"]), default="en", show_default=True)
@click.option("--time-zone", default="Europe/Amsterdam", show_default=True)
@click.option("--currency", default="EUR", show_default=True)
@dry_run
@as_json
@command
def init(
    shell: Shell,
    name: str | None,
    email: str | None,
    password: str | None,
    language: str,
    time_zone: str,
    currency: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write settings with fresh keys, prepare the database, make your log-in.

    What exists stays: keys are never overwritten, tables only brought up to date. Run again with
    --email and --password it gives that log-in a new password.
    """
    done = {"settings": str(shell.env_file), "settings_written": not shell.env_file.exists()}
    if dry_run:
        would = "write" if done["settings_written"] else "keep"
        print_json(done) if as_json else click.echo(f"Would {would} {done['settings']}.")
        return
    if done["settings_written"]:
        shell.env_file.touch(mode=0o600)
        shell.env_file.write_text(fresh_env(), encoding="utf-8")
    upgrade(shell.context.settings.database)
    with unscoped(shell.context.engine) as session:
        if session.exec(select(func.count()).select_from(Account)).one() == 0:
            name = name or click.prompt("Your shop's name")
            email = email or click.prompt("Address you log in with")
            done["password"] = password or secrets.token_urlsafe(12)
            create_account(
                session,
                name,
                email,
                str(done["password"]),
                language,
                time_zone=time_zone,
                currency=currency,
                now=shell.context.clock(),
            )
            done["email"] = email
        elif email and password:
            _new_password(session, email, password)
            done |= {"email": email, "password": password}
    print_json(done) if as_json else click.echo(_told(done))


def _new_password(session: Session, email: str, password: str) -> None:
    user = find_user(session, email)
    if user is None:
        raise click.ClickException("nobody logs in with that address")
    if len(password) < SHORTEST_PASSWORD:
        raise click.ClickException(f"the password needs {SHORTEST_PASSWORD} characters or more")
    user.password_hash = hash_password(password)


def _told(done: dict[str, object]) -> str:
    written = "Wrote" if done["settings_written"] else "Kept"
    lines = [f"{written} {done['settings']}."]
    if "password" in done:
        lines.append(f"Log in as {done['email']} with password {done['password']}")
    lines.append("Next: `stipt import FILE`, or `stipt serve` and `stipt worker`.")
    return "\n".join(lines)


@click.command()
@dry_run
@as_json
@command
def migrate(shell: Shell, dry_run: bool, as_json: bool) -> None:
    """Bring the database's tables up to date (done by `init` too)."""
    url = shell.context.settings.database
    if not dry_run:
        upgrade(url)
    state = {"database": url.split("://")[0], "migrated": not dry_run}
    print_json(state) if as_json else click.echo("Tables are up to date.")


@click.command()
@click.option("--run-again", type=int, metavar="ID", help="Try work again that was given up.")
@dry_run
@as_json
@command
def status(shell: Shell, run_again: int | None, dry_run: bool, as_json: bool) -> None:
    """Show what was read, what waits, and what was given up and why."""
    if run_again is not None and not dry_run:
        with shell.session() as session:
            if not retry_dead(session, run_again):
                raise click.ClickException(f"work {run_again} was not given up")
        do_work(shell, quiet=as_json)
    state = _state(shell)
    if as_json:
        print_json(state)
        return
    Console().print(f"{state['people']} people, {state['orders']} orders")
    sources = [(*named, shell.minute(at), how) for *named, at, how in state["sources"]]
    print_table("Sources", ("source", "platform", "last read", "state"), sources)
    for one in state["readings"]:
        click.echo(f"Reading {one['source']}: {one['told']}")
    print_table("Plans", ("plan", "kind", "state", "members"), state["plans"])
    print_table("Work", ("state", "jobs"), state["work"].items())
    if state["given_up"]:
        header = ("id", "what", "cause")
        print_table("Given up (run again with --run-again ID)", header, state["given_up"])


def _state(shell: Shell) -> dict[str, Any]:
    with shell.session() as session:
        runs = {run.shop_id: run for run in session.exec(select(ImportRun).order_by(ImportRun.id))}  # type: ignore[arg-type]  # a column
        sources = []
        for shop in session.exec(select(Shop)):
            run = runs.get(shop.id or 0)
            at, state = (run.started_at, run.status) if run else (None, "")
            sources.append((shop.name, shop.platform, at, _left(shell, shop) or state))
        work = session.exec(select(Work.status, func.count()).group_by(Work.status))
        return {
            "people": session.exec(select(func.count()).select_from(Person)).one(),
            "orders": session.exec(select(func.count()).select_from(Order)).one(),
            "sources": sources,
            "readings": _readings(session, shell.context.clock()),
            "plans": [
                (plan.id, plan.kind, plan.status, plan.summary.get("members", 0))
                for plan in session.exec(select(Plan))
            ],
            "work": dict(work.all()),
            "given_up": [(row.id, row.kind, row.error) for row in dead(session)],
        }


def _left(shell: Shell, shop: Shop) -> str:
    """Say of a shop that removed us that nothing arrives any more; "" for all others."""
    gone = shop.disconnected_at
    return f"Stipt was removed on {shell.day(gone)}: nothing arrives any more" if gone else ""


def _readings(session: Session, now: datetime) -> list[dict[str, Any]]:
    """Return how far each reading is that is under way, or that it was given up."""
    found = []
    held_up = {one.run.id: one for one in stalled(session)}
    alive = or_(ImportRun.status == "running", col(ImportRun.id).in_(held_up))
    for run in session.exec(select(ImportRun).where(alive).order_by(col(ImportRun.id))):
        streams = pace.progress(session, run, now)
        left = pace.left_s(streams)
        told = "; ".join(pace.in_words(one, None) for one in streams) or "not known how far"
        told += pace.time_left(left)
        if stuck := held_up.get(run.id):
            # Where the shop refused there is no work to run again.
            how = "run it again" if stuck.work else "read on, on the page Imports"
            left, told = None, f"given up, {stuck.error}; {how}"
            if stuck.holds_back:
                told += ". Nothing goes to Mailchimp before the rest is read"
        found.append(
            {
                "source": run.name,
                "streams": [one.as_json() for one in streams],
                "left_s": left,
                "told": told,
            }
        )
    return found
