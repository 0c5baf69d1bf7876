"""What the commands share: settings when needed, the account, output, work with its progress."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from functools import cached_property, update_wrapper
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlmodel import Session, col, select

from connectors.errors import ConnectorError
from integration import logs, settings
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.mailchimp.errors import MailchimpError
from integration.security import CannotDecrypt
from integration.tables import Account, Work
from integration.work.execute import run_until_idle
from integration.work.queue import Job

_F = TypeVar("_F", bound=Callable[..., Any])

#: Seconds between two looks at work that another process does.
_LOOK_S = 0.2

PORT = click.IntRange(1, 65_535)

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
dry_run = click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")


class Shell(AbstractContextManager["Shell"]):
    """What a command gets: settings and database are opened when first asked for."""

    def __init__(self, env_file: Path, account: int | None) -> None:
        self.env_file = env_file
        self._account = account

    @cached_property
    def context(self) -> Context:
        """The installation.

        Raises
        ------
        click.ClickException
            With what is missing in the settings.
        """
        try:
            found = settings.load(self.env_file)
        except settings.SettingsError as error:
            raise click.ClickException(str(error)) from None
        logs.set_up(found.log_level, found.log_format)
        return make_context(found)

    @cached_property
    def account_id(self) -> int:
        """The account to work for.

        Raises
        ------
        click.ClickException
            When there is none, or more than one and none was named.
        """
        with unscoped(self.context.engine) as session:
            ids = [key for key in session.exec(select(Account.id)).all() if key is not None]
        if self._account in ids:
            return self._account
        if self._account is not None or len(ids) != 1:
            listed = ", ".join(map(str, ids)) or "none; run `stipt init`"
            raise click.ClickException(f"choose an account with --account (there are: {listed})")
        return ids[0]

    def session(self) -> AbstractContextManager[Session]:
        """Open a session that sees the account only."""
        return scoped(self.context.engine, self.account_id)

    @cached_property
    def _zone(self) -> ZoneInfo:
        with self.session() as session:
            return ZoneInfo(session.get_one(Account, self.account_id).time_zone)

    def day(self, at: datetime) -> date:
        """Return the day of a moment where the account is, for people."""
        return at.astimezone(self._zone).date()

    def minute(self, at: datetime | None) -> str:
        """Return a moment to the minute where the account is, for people; "" for none."""
        return "" if at is None else f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the database if it was opened."""
        if "context" in self.__dict__:
            self.context.engine.dispose()


def command(function: _F) -> _F:
    """Hand the shell in as first argument and end known errors with their sentence."""

    def call(*args: Any, **kwargs: Any) -> Any:
        shell = click.get_current_context().obj
        try:
            return function(shell, *args, **kwargs)
        except (ConnectorError, MailchimpError, CannotDecrypt, LookupError, ValueError) as error:
            raise click.ClickException(str(error) or type(error).__name__) from error

    return update_wrapper(call, function)  # type: ignore[return-value]  # click keeps the options


def print_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a header; a narrow terminal wraps them."""
    rows = list(rows)
    if not rows:
        click.echo(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name in header:
        table.add_column(name)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def do_work(shell: Shell, *, quiet: bool = False) -> None:
    """Do all work that waits for this account, with progress, and end when it is done.

    A worker elsewhere may take some of it; then this waits for the worker.

    Raises
    ------
    click.ClickException
        With the cause, when work was given up.
    """
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    before = _last_work(shell)
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        bars: dict[int, Any] = {}

        def show(job: Job, share: float | None, note: str | None) -> None:
            if job.id not in bars:
                bars[job.id] = progress.add_task(job.kind, total=1.0)
            text = f"{job.kind}: {note}" if note else job.kind
            progress.update(bars[job.id], completed=share or 0.0, description=text)

        while True:
            run_until_idle(shell.context, on_progress=show)
            if not _open_work(shell):
                break
            time.sleep(_LOOK_S)
        for bar in bars.values():
            progress.update(bar, completed=1.0)
    with shell.session() as session:
        ended = select(Work).where(col(Work.status).in_(("dead", "resting")), col(Work.id) > before)
        dead = session.exec(ended.order_by(col(Work.id))).first()
    if dead is not None and dead.status == "resting":
        raise click.ClickException(f"{dead.kind} waits and goes on by itself later: {dead.error}")
    if dead is not None:
        raise click.ClickException(
            f"{dead.kind} was given up: {dead.error}. Mend the cause, then run it again with "
            f"`stipt status --run-again {dead.id}`."
        )


def _last_work(shell: Shell) -> int:
    """Return the newest row that is over already."""
    over = select(Work.id).where(col(Work.status).in_(("done", "dead")))
    with shell.session() as session:
        return session.exec(over.order_by(col(Work.id).desc())).first() or 0


def _open_work(shell: Shell) -> bool:
    waiting = select(Work.id).where(col(Work.status).in_(("queued", "running"))).limit(1)
    with shell.session() as session:
        return session.exec(waiting).first() is not None
