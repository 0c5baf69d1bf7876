"""The truth about jobs: rows with a lease, changed by single conditional statements.

A worker owns a row for as long as its lease lasts. Whoever dies stops extending it, and the row
can be claimed again; whoever comes back too late is told so by `LeaseLost`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Table,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from integration.context import Context, utc_now
from integration.db import unscoped
from integration.logs import redact
from integration.tables import Work

#: Seconds a job belongs to its worker without a sign of life.
LEASE_S = 60.0

#: Due at once, whatever clock the worker looks at.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)

#: Seconds after which resting work looks whether it may go on; `wake_resting` is quicker.
REST_S = 900.0

#: States of work that waits for its moment.
_WAITING = ("queued", "resting")

#: Tries of `claim` while others are quicker; each loss means that another worker got a job.
_CLAIM_TRIES = 10

_WORK: Table = Work.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables

#: Told about each report: the job, its progress from 0 to 1 and a note.
OnProgress = Callable[["Job", float | None, str | None], None]


class LeaseLost(Exception):
    """The job belongs to another worker by now: stop, and commit nothing more of it."""


class NotYet(Exception):
    """The job waits for other work, however long that takes: this try does not count."""

    def __init__(self, reason: str, *, wait_s: float) -> None:
        super().__init__(reason)
        #: Seconds until the next look.
        self.wait_s = wait_s


@dataclass(frozen=True, kw_only=True)
class Job:
    """A claimed row of work, in the hands of its handler."""

    id: int
    account_id: int
    kind: str
    lane: str
    payload: Mapping[str, Any]
    #: 1 at the first try; starts that ended with a killed worker count too.
    attempts: int
    context: Context = field(repr=False)
    lease_by: str = field(repr=False)
    lease_s: float = field(default=LEASE_S, repr=False)
    on_progress: OnProgress | None = field(default=None, repr=False)

    def extend(self, session: Session | None = None) -> None:
        """Keep the job for another lease; call it in each step, first thing in its transaction.

        The lease of a living process is extended in any case. What a step gets from this is the
        check: with the step's `session` it is part of the step's own transaction, so a worker
        that lost its job can commit nothing of it. Without one, call it outside a transaction,
        as SQLite has one writer at a time.

        Raises
        ------
        LeaseLost
        """
        until = self.context.clock() + timedelta(seconds=self.lease_s)
        _change(self, session, lease_until=until)

    def report(
        self, progress: float | None, note: str | None = None, session: Session | None = None
    ) -> None:
        """Tell how far the job is (0 to 1, None: unknown) and extend the lease.

        Raises
        ------
        LeaseLost
        """
        until = self.context.clock() + timedelta(seconds=self.lease_s)
        shown = None if note is None else redact(note)
        _change(self, session, lease_until=until, progress=progress, note=shown)
        if self.on_progress is not None:
            self.on_progress(self, progress, shown)

    def end(self, session: Session) -> None:
        """Mark the job as done in the transaction of its last step: a kill finds both or neither.

        Raises
        ------
        LeaseLost
        """
        _change(self, session, **_done(self.context.clock()))


class Lease(Protocol):
    """A job in the hands of its worker, as far as those need it who only write for it."""

    @property
    def account_id(self) -> int: ...

    def extend(self, session: Session | None = None) -> None: ...


def defer(
    session: Session,
    *,
    account_id: int,
    kind: str,
    lane: str,
    payload: Mapping[str, Any],
    run_at: datetime | None = None,
) -> Work:
    """Write down work in the caller's transaction: both are kept, or neither.

    Wake the workers with `runner.wake` after the commit; without it the work starts within a
    minute all the same.
    """
    work = Work(
        account_id=account_id,
        kind=kind,
        lane=lane,
        payload=dict(payload),
        run_at=run_at or AT_ONCE,
        created_at=utc_now(),
    )
    session.add(work)
    session.flush()
    return work


def claim(
    context: Context,
    *,
    work_id: int | None = None,
    lease_s: float = LEASE_S,
    on_progress: OnProgress | None = None,
) -> Job | None:
    """Take one due job, or the job `work_id` if it is due; None when there is none for us now.

    Due is what waits for now or earlier in a free lane, and what runs with an expired lease.
    """
    for _ in range(_CLAIM_TRIES):
        try:
            row = _take(context, work_id, lease_s)
        except IntegrityError:
            # Two workers took two jobs of one lane, and the other one committed first.
            if work_id is not None:
                return None
            continue
        if row is None:
            return None
        return Job(**row, context=context, lease_s=lease_s, on_progress=on_progress)
    return None


def _take(context: Context, work_id: int | None, lease_s: float) -> dict[str, Any] | None:
    now = context.clock()
    due = select(_WORK.c.id).where(_due(now))
    if work_id is not None:
        due = due.where(_WORK.c.id == work_id)
    # On PostgreSQL rows that another worker is just taking are passed over; SQLite has one writer.
    first = due.order_by(_WORK.c.id).limit(1).with_for_update(skip_locked=True)
    take = (
        update(_WORK)
        .where(_WORK.c.id == first.scalar_subquery())
        .values(
            status="running",
            attempts=_WORK.c.attempts + 1,
            lease_by=secrets.token_hex(16),
            lease_until=now + timedelta(seconds=lease_s),
        )
        .returning(*(_WORK.c[name] for name in _HANDED_OUT))
    )
    with unscoped(context.engine) as session:
        row = session.connection().execute(take).mappings().one_or_none()
    return None if row is None else dict(row)


_HANDED_OUT = ("id", "account_id", "kind", "lane", "payload", "attempts", "lease_by")


def _due(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    other = _WORK.alias("other")
    lane_is_busy = exists().where(other.c.lane == _WORK.c.lane, other.c.status == "running")
    return or_(
        and_(_WORK.c.status.in_(_WAITING), _WORK.c.run_at <= now, ~lane_is_busy),
        and_(_WORK.c.status == "running", _WORK.c.lease_until <= now),
    )


#: Put together once: it is asked for each webhook.
_IS_DUE = select(_WORK.c.id).where(
    _WORK.c.id == bindparam("work_id"), _due(bindparam("now", type_=_WORK.c.run_at.type))
)


def finish(job: Job) -> None:
    """Mark the job as done, unless its last step did.

    Raises
    ------
    LeaseLost
    """
    with unscoped(job.context.engine) as session:
        status = select(_WORK.c.status).where(_WORK.c.id == job.id)
        if session.connection().execute(status).scalar_one_or_none() != "done":
            _change(job, session, **_done(job.context.clock()))


def again(job: Job, *, run_at: datetime, error: str | None) -> None:
    """Queue the job for another try.

    Raises
    ------
    LeaseLost
    """
    _change(job, None, status="queued", run_at=run_at, error=error, **_NOBODY)


def postpone(job: Job, *, wait_s: float, error: str) -> None:
    """Queue the job for a look in some seconds; this try does not count.

    Raises
    ------
    LeaseLost
    """
    run_at = job.context.clock() + timedelta(seconds=wait_s)
    tries = max(job.attempts - 1, 0)
    _change(job, None, status="queued", run_at=run_at, attempts=tries, error=error, **_NOBODY)


def rest(job: Job, *, error: str) -> None:
    """Let the job wait until `wake_resting`; this try does not count.

    Raises
    ------
    LeaseLost
    """
    run_at = job.context.clock() + timedelta(seconds=REST_S)
    tries = max(job.attempts - 1, 0)
    _change(job, None, status="resting", run_at=run_at, attempts=tries, error=error, **_NOBODY)


def bury(job: Job, *, error: str) -> None:
    """Mark the job as dead, with its cause; `retry_dead` brings it back.

    Raises
    ------
    LeaseLost
    """
    _change(job, None, status="dead", error=error, finished_at=job.context.clock(), **_NOBODY)


_NOBODY: dict[str, Any] = {"lease_by": None, "lease_until": None}


def _done(now: datetime) -> dict[str, Any]:
    return {"status": "done", "progress": 1.0, "error": None, "finished_at": now, **_NOBODY}


def _change(job: Job, session: Session | None, **values: Any) -> None:
    """Change the row if it still is this worker's; in its own transaction without a session."""
    if session is None:
        with unscoped(job.context.engine) as own:
            _change(job, own, **values)
        return
    mine = update(_WORK).where(
        _WORK.c.id == job.id, _WORK.c.status == "running", _WORK.c.lease_by == job.lease_by
    )
    if session.connection().execute(mine.values(**values)).rowcount != 1:
        raise LeaseLost(f"work {job.id} ({job.kind}) belongs to another worker")


def due_ids(context: Context, *, limit: int) -> list[int]:
    """Return the first job of each lane that could be claimed now, oldest first."""
    first = func.min(_WORK.c.id)
    due = select(first).where(_due(context.clock())).group_by(_WORK.c.lane)
    with unscoped(context.engine) as session:
        return list(session.connection().execute(due.order_by(first).limit(limit)).scalars())


def is_due(context: Context, work_id: int) -> bool:
    """Tell whether a job could be claimed now."""
    given = {"work_id": work_id, "now": context.clock()}
    with unscoped(context.engine) as session:
        return session.connection().execute(_IS_DUE, given).first() is not None


def queued_for(context: Context, work_id: int) -> datetime | None:
    """Return the moment from which a waiting job may start; None when it does not wait."""
    start = select(_WORK.c.run_at).where(_WORK.c.id == work_id, _WORK.c.status.in_(_WAITING))
    with unscoped(context.engine) as session:
        moment: datetime | None = session.connection().execute(start).scalar_one_or_none()
        return moment


def leases(context: Context) -> dict[int, datetime]:
    """Return the running jobs and when each lease ends, whether their workers live or not."""
    running = select(_WORK.c.id, _WORK.c.lease_until).where(_WORK.c.status == "running")
    with unscoped(context.engine) as session:
        rows = session.connection().execute(running)
        return {row.id: row.lease_until for row in rows}


def starts(context: Context, until: datetime) -> dict[int, datetime]:
    """Return the jobs that may start at a moment to come, not after `until`, and the moment."""
    now = context.clock()
    waiting = select(_WORK.c.id, _WORK.c.run_at).where(
        _WORK.c.status.in_(_WAITING), _WORK.c.run_at > now, _WORK.c.run_at <= until
    )
    with unscoped(context.engine) as session:
        return {row.id: row.run_at for row in session.connection().execute(waiting)}


def dead(session: Session) -> list[Work]:
    """Return the jobs that were given up, latest first; of one account in a scoped session."""
    rows = session.scalars(
        select(Work).where(_WORK.c.status == "dead").order_by(_WORK.c.finished_at.desc())
    )
    return list(rows)


def retry_dead(session: Session, work_id: int) -> bool:
    """Queue a dead job again, as if it were new; False when it is not dead (any more)."""
    # Through the ORM, so that a scoped session reaches its own account's rows only.
    revive = update(Work).where(_WORK.c.id == work_id, _WORK.c.status == "dead")
    revived = session.execute(
        revive.values(
            status="queued", run_at=AT_ONCE, attempts=0, error=None, finished_at=None
        ).execution_options(synchronize_session=False)
    )
    return bool(revived.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE's result has it


def wake_resting(session: Session) -> None:
    """Let the resting jobs of a scoped session's account go on where they were."""
    resting = update(Work).where(_WORK.c.status == "resting")
    session.execute(
        resting.values(status="queued", run_at=AT_ONCE, error=None).execution_options(
            synchronize_session=False
        )
    )
