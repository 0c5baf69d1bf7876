"""A small audience and the people behind it, straight in the tables, for tests of the push."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel, col, delete, select

from integration.audience.connect import connect, current_audience
from integration.audience.members import read_members
from integration.audience.plan import make_plan
from integration.context import Context, make_context, utc_now
from integration.db import scoped
from integration.mailchimp.push import publish
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import (
    Audience,
    Consent,
    DueDate,
    Identity,
    Person,
    PersonProfile,
    Plan,
    PlanChange,
    SegmentMember,
    Shop,
    SourceProfile,
)
from tests.conftest import add_account

Clock = Callable[[], datetime]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DUE = {"key": "due", "need": "suits", "title": "Navy suit", "last_on": "2024-03-14", "life": 700,
       "gaps": 312, "basis": "learned", "own_gaps": 0, "expected": 700}  # fmt: skip


@dataclass
class TestJob:
    """Stands for the claimed work row: remembers what it was told."""

    __test__ = False
    account_id: int
    #: Of no row: a test carries it out by itself.
    id: int = 0
    reports: list[float | None] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    #: Raise at this call of `extend`, counted from 1: the worker is killed there.
    dies_at: int | None = None
    calls: int = 0

    def extend(self, session: Session | None = None) -> None:
        """Keep the lease, or die."""
        self.calls += 1
        if self.calls == self.dies_at:
            raise Killed

    def end(self, session: Session) -> None:
        """Be done, or die."""
        self.extend(session)

    def report(self, progress: float | None, note: str | None = None) -> None:  # as a job's
        """Remember."""
        self.reports.append(progress)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class AudienceShop:
    """An account whose people and segments a test writes down."""

    context: Context
    sandbox: SandboxServer
    account_id: int
    shop_id: int
    profiles: dict[str, int] = field(default_factory=dict)

    def person(
        self,
        email: str,
        segments: Iterable[str] = (),
        *,
        due: Mapping[str, tuple[str, date]] | None = None,
        stage: str = "",
        second: str = "",
        wholesale: bool = False,
        other_emails: Iterable[str] = (),
    ) -> int:
        """Store somebody with what was computed about him; returns the person's id."""
        with self.session() as session:
            [person] = self._known(session, [(email, *other_emails)])
            self._computed(session, [person], segments, due or {}, stage, second, wholesale)
            return person

    def people(
        self,
        emails: Iterable[str],
        segments: Iterable[str],
        due: Mapping[str, tuple[str, date]] | None = None,
        stage: str = "",
    ) -> list[int]:
        """Store many alike in one transaction."""
        with self.session() as session:
            ids = self._known(session, [(email,) for email in emails])
            self._computed(session, ids, segments, due or {}, stage, "", False)
        return ids

    def _known(self, session: Session, emails: Sequence[Sequence[str]]) -> list[int]:
        """Store a person for each group of addresses; returns their ids."""
        owner = {"account_id": self.account_id}
        people = self._stored(session, Person, [{**owner, "created_at": NOW} for _ in emails])
        rows = [
            {
                **owner,
                "shop_id": self.shop_id,
                "external_id": address,
                "person_id": person,
                "email": address,
            }
            for person, addresses in zip(people, emails, strict=True)
            for address in addresses
        ]
        known = dict(
            zip(
                (str(row["external_id"]) for row in rows),
                self._stored(session, SourceProfile, rows),
                strict=True,
            )
        )
        self.profiles |= known
        same = {**owner, "kind": "email"}
        named = [{**same, "profile_id": known[email], "value": email} for email in known]
        self._insert(session, Identity, named)
        return people

    def _stored(
        self, session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]
    ) -> list[int]:
        """Store rows, of which there may be thousands; returns their ids."""
        key = table.__table__.c.id  # type: ignore[attr-defined]  # SQLModel adds it to tables
        statement = insert(table).returning(key, sort_by_parameter_order=True)
        return [number for (number,) in session.execute(statement, rows)]

    def _computed(
        self,
        session: Session,
        people: Sequence[int],
        segments: Iterable[str],
        due: Mapping[str, tuple[str, date]],
        stage: str,
        second: str,
        wholesale: bool,
    ) -> None:
        self._computed_segments(session, people, segments)
        self._due(session, people, due)
        same = {
            "account_id": self.account_id,
            **dict.fromkeys(("recency", "frequency", "monetary_value", "revenue", "tenure"), 1),
            **dict.fromkeys(("r", "f", "m", "expected_gap"), 1),
            **dict.fromkeys(("shops", "style", "favourite"), ""),
            "second_favourite": second,
            "stage": stage,
            "is_wholesale": wholesale,
            "computed_on": NOW.date(),
        }
        self._insert(session, PersonProfile, [{**same, "person_id": person} for person in people])

    def _insert(self, session: Session, table: type[SQLModel], rows: list[dict[str, Any]]) -> None:
        if rows:
            session.execute(insert(table), rows)

    def waits(self, person: int, need: str, other: str) -> None:
        """Let a need of a person wait for another to be told first."""
        with self.session() as session:
            session.exec(
                select(DueDate).where(DueDate.person_id == person, DueDate.need == need)
            ).one().waits_for = other

    def will_need(self, person: int, due: Mapping[str, tuple[str, date]]) -> None:
        """Give a person due-dates: need -> (state, day)."""
        with self.session() as session:
            self._due(session, [person], due)

    def _due(
        self, session: Session, people: Sequence[int], due: Mapping[str, tuple[str, date]]
    ) -> None:
        rows = [
            {
                "account_id": self.account_id,
                "person_id": person,
                "need": need,
                "last_on": date(2024, 3, 14),
                "owned": 1,
                "own_gaps": 0,
                **dict.fromkeys(("expected_on", "window_from", "window_to"), expected),
                **dict.fromkeys(("p_repeat", "p_due"), 0.5),
                "state": state,
                "basis": "learned",
                "reason": {**DUE, "need": need},
            }
            for person in people
            for need, (state, expected) in due.items()
        ]
        self._insert(session, DueDate, rows)

    def _computed_segments(
        self, session: Session, people: Sequence[int], segments: Iterable[str]
    ) -> None:
        same = {
            "account_id": self.account_id,
            "reason": {"key": "b2b", "why": "source"},
            "since": NOW.date(),
        }
        named = list(segments)
        rows = [{**same, "person_id": p, "segment": segment} for p in people for segment in named]
        self._insert(session, SegmentMember, rows)

    def add(self, session: Session, row: SQLModel) -> int:
        """Store a row and return its id."""
        session.add(row)
        session.flush()
        return int(row.id)  # type: ignore[attr-defined]  # every table has one

    def session(self) -> AbstractContextManager[Session]:
        """Open a session of the account."""
        return scoped(self.context.engine, self.account_id)

    def enter(self, person: int, *segments: str) -> None:
        """Put a person into segments."""
        with self.session() as session:
            self._computed_segments(session, [person], segments)

    def leave(self, person: int, *segments: str) -> None:
        """Take a person out of segments."""
        self.leave_all([person], *segments)

    def leave_all(self, people: Sequence[int], *segments: str) -> None:
        """Take people out of segments."""
        with self.session() as session:
            session.exec(
                delete(SegmentMember).where(
                    col(SegmentMember.person_id).in_(people),
                    col(SegmentMember.segment).in_(segments),
                )
            )

    def deny(self, email: str, state: str = "denied", at: datetime | None = NOW) -> None:
        """Add a statement of the shop to the consent ledger."""
        with self.session() as session:
            session.add(
                Consent(
                    account_id=self.account_id,
                    shop_id=self.shop_id,
                    external_id=f"{email}:{state}:{at}",
                    email_key=email,
                    state=state,
                    at=at,
                    source="checkout",
                    received_at=max(NOW, at or NOW),
                )
            )

    @property
    def audience(self) -> Audience:
        """The connected audience."""
        return current_audience(self.context, self.account_id)

    def plan(self) -> Plan:
        """Read the members and make a plan."""
        audience = self.audience
        read_members(self.context, audience)
        return make_plan(self.context, self.audience)

    def publish(self, plan_id: int | None, job: TestJob | None = None) -> Plan:
        """Carry a plan out and return it as stored."""
        assert plan_id is not None
        publish(self.context, job or TestJob(self.account_id), plan_id)
        return self.stored(plan_id)

    def push(self) -> Plan:
        """Plan and publish."""
        return self.publish(self.plan().id)

    def stored(self, plan_id: int | None) -> Plan:
        """A plan as it stands."""
        with self.session() as session:
            return session.get_one(Plan, plan_id)

    def changes(self, plan_id: int | None) -> list[PlanChange]:
        """A plan's rows."""
        with self.session() as session:
            query = select(PlanChange).where(PlanChange.plan_id == plan_id)
            return list(session.exec(query.order_by(col(PlanChange.id))))


def make_shop(
    settings: Settings, sandbox: SandboxServer, language: str = "en", clock: Clock = utc_now
) -> AudienceShop:
    """An account with a shop and the sandbox's audience connected."""
    at_sandbox = settings.model_copy(update={"mailchimp_url": sandbox.root})
    context = make_context(at_sandbox, clock=clock)
    account_id = add_account(context.engine)
    with scoped(context.engine, account_id) as session:
        shop = Shop(
            account_id=account_id, platform="demo", external_id="1", name="Shop", created_at=NOW
        )
        session.add(shop)
        session.flush()
        assert shop.id is not None
        shop_id = shop.id
    connect(context, account_id, token=sandbox.key, language=language)
    return AudienceShop(context, sandbox, account_id, shop_id)
