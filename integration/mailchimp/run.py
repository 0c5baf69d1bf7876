"""One publishing of a plan: its counts, and the rows it settles, in one transaction a call.

A row goes from "todo" to "sent" before Mailchimp is called and to "done" or "failed" after the
answer. After a kill in between it is sent again, which changes nothing there; and an undo takes
"sent" rows back too, because nobody knows whether they arrived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple, Protocol

import sqlalchemy
from sqlalchemy import ColumnElement, Select, literal, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from integration.audience import pause
from integration.audience.difference import FIELD, TAG
from integration.audience.floods import given_quietly
from integration.audience.plan import CannotPublish
from integration.audience.settled import STOPPED
from integration.audience.told import Told
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp.client import Mailchimp
from integration.tables import Audience, OwnedName, Plan, PlanChange, PushedValue

#: Statuses of rows that still have to be settled.
OPEN = ("todo", "sent")
#: What a row is about.
_WHAT = ("email_key", "kind", "key")
#: Ids in one IN list.
_IDS = 10_000


class Job(Protocol):
    """What a handler needs of the work it carries out."""

    @property
    def account_id(self) -> int: ...

    def extend(self, session: Session | None = None) -> None: ...

    def report(self, progress: float | None) -> None: ...


class Row(NamedTuple):
    """One change of a plan."""

    id: int
    email_key: str
    key: str
    after: str | None
    #: "todo" or "sent".
    status: str


class Run:
    """A plan on its way to Mailchimp."""

    def __init__(
        self, context: Context, job: Job, plan: Plan, audience: Audience, mailchimp: Mailchimp
    ) -> None:
        assert plan.id is not None
        assert audience.id is not None
        self.context, self.mailchimp = context, mailchimp
        self.plan_id, self.undoes = plan.id, plan.undoes
        #: "publishing"; "superseded" for an earlier plan whose batches are seen to their end.
        self._status = plan.status
        self.audience_id, self.language = audience.id, audience.language
        #: Keys of tags that are given so that no flow starts.
        self.quiet = given_quietly(plan)
        self.job = job
        #: Which batches Mailchimp said are done, from now on.
        self.told = Told(context, job.account_id)
        #: Clients that were opened with a permit for one step; their calls count too.
        self._others: list[Mailchimp] = []
        self._counted = (mailchimp.requests, mailchimp.writes)
        self._began = context.clock()
        self._settled = 0
        with self.transaction() as session:
            self._total = self._left(session)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session whose commit also stores what was counted, if there were calls since.

        It is a step of the run, see `integration.audience.pause.step`.

        Raises
        ------
        CannotPublish
            The plan was put to rest meanwhile.
        NoAudience, Paused
        """
        with pause.step(self.context, self.job, self.audience_id) as session:
            status = session.exec(select(Plan.status).where(Plan.id == self.plan_id)).one()
            yield session
            if self._calls() != self._counted:
                self._count(session)
        if status != self._status:
            raise CannotPublish("this plan was put to rest while it was published")

    @contextmanager
    def closing(self) -> Iterator[Session]:
        """Open a session to note how it ended, whatever the merchant did meanwhile."""
        with scoped(self.context.engine, self.job.account_id) as session:
            yield session
            self._count(session)
            self.job.extend(session)

    def _calls(self) -> tuple[int, int]:
        """Return how many calls were made so far, and how many of them write."""
        clients = (self.mailchimp, *self._others)
        return sum(c.requests for c in clients), sum(c.writes for c in clients)

    def _count(self, session: Session) -> None:
        requests, writes = self._calls()
        now = self.context.clock()
        plan = session.get_one(Plan, self.plan_id)
        outcome = dict(plan.outcome)
        for name, more in (
            ("requests", requests - self._counted[0]),
            ("writes", writes - self._counted[1]),
            ("seconds", (now - self._began).total_seconds()),
        ):
            outcome[name] = outcome.get(name, 0) + more
        plan.outcome = outcome
        self._counted, self._began = (requests, writes), now

    def also(self, mailchimp: Mailchimp) -> Mailchimp:
        """Count the calls of another client with this plan's."""
        self._others.append(mailchimp)
        return mailchimp

    def step(self) -> None:
        """Tell how far we are, which keeps the lease."""
        self.job.report(self._settled / self._total if self._total else 1.0)

    def _left(self, session: Session) -> int:
        """Return how many rows are not settled."""
        return session.exec(
            select(func.count())
            .select_from(PlanChange)
            .where(PlanChange.plan_id == self.plan_id, col(PlanChange.status).in_(OPEN))
        ).one()

    def open_rows(self, session: Session, kind: str, key: str | None = None) -> list[Row]:
        """Return the rows of a kind (and key) that are not settled, by address."""
        query = self._open(kind)
        if key is not None:
            query = query.where(col(PlanChange.key) == key)
        return [Row(*row) for row in session.execute(query)]

    def _open(self, kind: str) -> Select[Any]:
        # By address, so that one member's rows stand together.
        return (
            sqlalchemy.select(*(col(getattr(PlanChange, name)) for name in Row._fields))
            .where(
                col(PlanChange.plan_id) == self.plan_id,
                col(PlanChange.kind) == kind,
                col(PlanChange.status).in_(OPEN),
            )
            .order_by(col(PlanChange.email_key), col(PlanChange.key))
        )

    def fail_all_of(self, session: Session, email_keys: Collection[str], text: str) -> None:
        """Let everything fail that is still to be given to these addresses."""
        if not email_keys:
            return
        for kind in (TAG, FIELD):
            rows = [r for r in self.open_rows(session, kind) if r.email_key in email_keys]
            self.fail(session, {row.id: text for row in rows})

    def remembered(self, session: Session, name: str) -> list[str]:
        """Return the batches of a step that were handed in and not settled yet."""
        batches: list[str] = session.get_one(Plan, self.plan_id).outcome.get(name, [])
        return list(batches)

    def remember(self, session: Session, name: str, batches: Sequence[str]) -> None:
        """Keep which batches of a step are on their way."""
        plan = session.get_one(Plan, self.plan_id)
        plan.outcome = {**plan.outcome, name: list(batches)}

    def rows_of_operations(self, session: Session, row_ids: Collection[int]) -> list[Row]:
        """Return all open field rows of the members that these rows (one each) stand for."""
        found: list[Row] = []
        for part in _chunks(row_ids):
            members = select(PlanChange.email_key).where(
                PlanChange.plan_id == self.plan_id, col(PlanChange.id).in_(part)
            )
            query = self._open(FIELD).where(col(PlanChange.email_key).in_(members))
            found += [Row(*row) for row in session.execute(query)]
        return found

    def open_keys(self, session: Session, kind: str) -> list[str]:
        """Return the keys of a kind that have rows to settle."""
        return sorted(session.exec(self._keys(kind)))

    def given_keys(self, session: Session, kind: str) -> list[str]:
        """Return the keys of a kind that are still to be given to somebody."""
        return sorted(session.exec(self._keys(kind).where(col(PlanChange.after).is_not(None))))

    def _keys(self, kind: str) -> SelectOfScalar[str]:
        return (
            select(PlanChange.key)
            .where(
                PlanChange.plan_id == self.plan_id,
                PlanChange.kind == kind,
                col(PlanChange.status).in_(OPEN),
            )
            .distinct()
        )

    def is_taken_back(self) -> ColumnElement[bool]:
        """Whether a name of ours was made by what this undo takes back; all, if of no plan."""
        return or_(col(OwnedName.created_by_plan) == self.undoes, literal(self.undoes is None))

    def owned(self, session: Session, kind: str) -> dict[str, OwnedName]:
        """Return what is ours of a kind, by key."""
        query = select(OwnedName).where(
            OwnedName.audience_id == self.audience_id, OwnedName.kind == kind
        )
        return {row.key: row for row in session.exec(query)}

    def mark(self, session: Session, row_ids: Collection[int], status: str) -> None:
        """Set rows to "sent" or back to "todo"."""
        self._set(session, row_ids, {"status": status, "error": None})

    def settle(self, session: Session, kind: str, rows: Sequence[Row]) -> None:
        """Note that rows are as planned in Mailchimp now, in plan and mirror."""
        self.done(session, rows)
        rows = self.as_now(session, rows)
        self.mirror(session, kind, rows)
        for key in {row.key for row in rows}:
            gone = [row.email_key for row in rows if row.key == key and row.after is None]
            self._unmirror(session, kind, key, gone)

    def as_now(self, session: Session, rows: Sequence[Row]) -> list[Row]:
        """Return rows with the addresses they have by now.

        A contact that changed its address while a call was on its way took them along.
        """
        found: dict[int | None, str] = {}
        for part in _chunks([row.id for row in rows]):
            query = select(PlanChange.id, PlanChange.email_key)
            found.update(session.exec(query.where(col(PlanChange.id).in_(part))).all())
        return [row._replace(email_key=found[row.id]) for row in rows]

    def done(self, session: Session, rows: Sequence[Row]) -> None:
        """Note that rows are carried out, where there is nothing to mirror."""
        self._set(session, [row.id for row in rows], {"status": "done", "error": None})
        self._settled += len(rows)

    def mirror(self, session: Session, kind: str, rows: Sequence[Row]) -> None:
        """Note what rows give, as something that is in Mailchimp."""
        there = [
            {
                "audience_id": self.audience_id,
                "email_key": row.email_key,
                "kind": kind,
                "key": row.key,
                "value": row.after,
            }
            for row in rows
            if row.after is not None
        ]
        upsert(session, PushedValue, there, key=("audience_id", "email_key", "kind", "key"))

    def answer_for_earlier(self, session: Session) -> None:
        """Settle what earlier plans sent without an answer, where this plan wrote the same since.

        Those rows stay to be taken back with their plan, and are in doubt no longer.
        """
        stopped = select(Plan.id).where(
            Plan.audience_id == self.audience_id,
            col(Plan.id) < self.plan_id,
            col(Plan.status).in_(STOPPED),
        )
        ours = aliased(PlanChange)
        same = (getattr(ours, name) == getattr(PlanChange, name) for name in _WHAT)
        written = select(ours.id).where(ours.plan_id == self.plan_id, ours.status == "done", *same)
        session.exec(
            update(PlanChange)
            .where(
                col(PlanChange.plan_id).in_(stopped),
                col(PlanChange.status) == "sent",
                written.exists(),
            )
            .values(status="done")
            .execution_options(synchronize_session=False)
        )

    def fail(self, session: Session, errors: Mapping[int, str]) -> None:
        """Keep why rows did not work; texts hold no address."""
        self._settled += len(errors)
        for text in set(errors.values()):
            failed = [row_id for row_id, error in errors.items() if error == text]
            self._set(session, failed, {"status": "failed", "error": text})

    def _set(self, session: Session, row_ids: Collection[int], values: dict[str, Any]) -> None:
        for part in _chunks(row_ids):
            session.exec(update(PlanChange).where(col(PlanChange.id).in_(part)).values(**values))

    def _unmirror(self, session: Session, kind: str, key: str, emails: Sequence[str]) -> None:
        for part in _chunks(emails):
            session.exec(
                delete(PushedValue).where(
                    col(PushedValue.audience_id) == self.audience_id,
                    col(PushedValue.kind) == kind,
                    col(PushedValue.key) == key,
                    col(PushedValue.email_key).in_(part),
                )
            )


def by_member(rows: Iterable[Row]) -> list[list[Row]]:
    """Group rows that are ordered by address, as `Run.open_rows` gives them, by member."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.email_key)]


def _chunks(values: Collection[Any]) -> Iterator[list[Any]]:
    ordered = list(values)
    for start in range(0, len(ordered), _IDS):
        yield ordered[start : start + _IDS]
