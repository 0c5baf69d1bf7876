"""The overview: what was read, how big the segments are, who will be due when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import Session, col, select

from integration.audience.members import LIVE, is_read
from integration.audience.names import thing
from integration.reading import plans, reach
from integration.reading.names import GROUPS, Words
from integration.tables import (
    DueDate,
    Identity,
    ImportRun,
    Member,
    Order,
    OrderLine,
    Person,
    Plan,
    SegmentMember,
    Shop,
    SourceProfile,
    Work,
)
from segmentation.segments import Segment

#: Weeks of the calendar, and needs with a colour of their own.
WEEKS, TOP_NEEDS = 52, 8


@dataclass(frozen=True)
class Size:
    """A segment and how many are in it."""

    segment: Segment
    people: int
    #: Those who can get its tag: in the audience, reachable and not denied; None while nobody
    #: looked who is in the audience.
    in_audience: int | None

    def thing(self, language: str) -> str:
        """Return the segment's name without its group, for a list under the group's name."""
        return thing(self.segment.name(language))


@dataclass(frozen=True)
class DueRow:
    """One need and its segments."""

    #: "anything" for those due for at least one thing.
    need: str
    #: "soon", "now" and "late" to the segment; one without people is left out.
    states: Mapping[str, Size]

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Sorts the rows: everything together, then the needs most people are due for now."""
        now = self.states["now"].people if "now" in self.states else 0
        return self.need != "anything", -now, -sum(size.people for size in self.states.values())


@dataclass(frozen=True)
class Calendar:
    """People due by week: one row a need, one column a week."""

    #: Mondays.
    weeks: Sequence[date]
    #: Need key ("" is all others) to people by week; largest first.
    rows: Sequence[tuple[str, Sequence[int]]]
    #: People due before the first week and not back yet.
    overdue: int

    @property
    def totals(self) -> list[int]:
        """People by week over all needs; somebody due for two things counts twice."""
        return [sum(row[week] for _, row in self.rows) for week in range(len(self.weeks))]


def people_in_audience() -> Select[Any]:
    """Select the ids of persons with an address in the audience.

    Nested rather than joined: each list is read once. Joined, SQLite walked all members for every
    address, which took seconds with 20,000 people.
    """
    live = select(Member.email_key).where(col(Member.status).in_(LIVE))
    known = select(Identity.profile_id).where(
        Identity.kind == "email", col(Identity.value).in_(live)
    )
    return select(SourceProfile.person_id).where(col(SourceProfile.id).in_(known)).distinct()


def sizes(session: Session, words: Words) -> dict[str, list[Size]]:
    """Return the segments that have somebody in them, by group, in the catalogue's order."""
    counted = select(col(SegmentMember.segment), func.count()).group_by(col(SegmentMember.segment))
    people = dict(session.exec(counted).all())
    inside = _inside(session)
    result: dict[str, list[Size]] = {group: [] for group in GROUPS}
    for key, segment in words.catalogue().items():
        if key in people:
            size = Size(segment, people[key], None if inside is None else inside[key])
            result.setdefault(segment.group, []).append(size)
    return {group: found for group, found in result.items() if found}


def due_rows(sizes: Sequence[Size]) -> list[DueRow]:
    """Return the segments of the group "due" as a row a need, the most urgent first."""
    rows: defaultdict[str, dict[str, Size]] = defaultdict(dict)
    for one in sizes:
        need, _, state = one.segment.key.removeprefix("due:").rpartition(":")
        rows[need][state] = one
    return sorted((DueRow(need, states) for need, states in rows.items()), key=lambda r: r.rank)


def size(session: Session, segment: Segment) -> Size:
    """Return how many are in one segment."""
    counted = select(func.count()).where(SegmentMember.segment == segment.key)
    inside = _inside(session, segment.key)
    reached = None if inside is None else inside[segment.key]
    return Size(segment, session.exec(counted).one(), reached)


def _inside(session: Session, segment: str | None = None) -> Counter[str] | None:
    """Return how many of each segment can get its tag; None while nobody looked who is there."""
    connected = plans.audience(session)
    if connected is not None and not is_read(session, connected):
        return None
    return reach.counts(session, segment)


def calendar(session: Session, start: date) -> Calendar:
    """Return who will be due in the 52 weeks from the Monday on or before `start`."""
    monday = start - timedelta(days=start.weekday())
    weeks = [monday + timedelta(weeks=number) for number in range(WEEKS)]
    rows = session.exec(
        select(col(DueDate.need), col(DueDate.expected_on), func.count())
        .where(DueDate.expected_on < weeks[-1] + timedelta(weeks=1))
        .where(DueDate.expected_on >= monday)
        .group_by(col(DueDate.need), col(DueDate.expected_on))
    ).all()
    by_need: defaultdict[str, list[int]] = defaultdict(lambda: [0] * WEEKS)
    for need, expected_on, people in rows:
        by_need[need][(expected_on - monday).days // 7] += people
    overdue = session.exec(
        select(func.count(func.distinct(DueDate.person_id))).where(
            DueDate.expected_on < monday,
            col(DueDate.state).in_(("now", "late")),
        )
    ).one()
    return Calendar(weeks, _largest(by_need), overdue)


def _largest(by_need: dict[str, list[int]]) -> list[tuple[str, Sequence[int]]]:
    ranked = sorted(by_need.items(), key=lambda item: (-sum(item[1]), item[0]))
    shown: list[tuple[str, Sequence[int]]] = list(ranked[:TOP_NEEDS])
    rest = ranked[TOP_NEEDS:]
    if rest:
        shown.append(("", [sum(week) for week in zip(*(row for _, row in rest), strict=True)]))
    return shown


@dataclass(frozen=True)
class Reading:
    """A source and what is stored of it: reading the same again counts nothing twice."""

    shop: Shop
    last: ImportRun | None
    orders: int
    lines: int
    #: Lines of orders that belong to nobody.
    guest_lines: int

    @property
    def is_under_way(self) -> bool:
        """Whether the source is being read."""
        return self.last is not None and self.last.status == "running"


def readings(session: Session) -> list[Reading]:
    """Return every source with what is stored of it and its last run; of those gone, what stays."""
    newest = select(func.max(ImportRun.id)).group_by(col(ImportRun.shop_id))
    runs = session.exec(select(ImportRun).where(col(ImportRun.id).in_(newest)))
    last = {run.shop_id: run for run in runs}
    counted = select(Order.shop_id, func.count()).group_by(col(Order.shop_id))
    orders = dict(session.exec(counted).all())
    joined = counted.join(OrderLine, col(OrderLine.order_id) == col(Order.id))
    lines = dict(session.exec(joined).all())
    guests = dict(session.exec(joined.where(col(Order.profile_id).is_(None))).all())
    shops = session.exec(select(Shop).order_by(col(Shop.id))).all()
    return [
        Reading(
            shop,
            last.get(shop.id or 0),
            orders.get(shop.id or 0, 0),
            lines.get(shop.id or 0, 0),
            guests.get(shop.id or 0, 0),
        )
        for shop in shops
        if shop.disconnected_at is None or shop.id in orders
    ]


def people_count(session: Session) -> int:
    """Return how many persons are known."""
    return session.exec(select(func.count()).select_from(Person)).one()


def due_within(session: Session, start: date, days: int) -> int:
    """Return how many people become due from `start` for the next `days`."""
    return session.exec(
        select(func.count(func.distinct(DueDate.person_id))).where(
            DueDate.expected_on >= start,
            DueDate.expected_on < start + timedelta(days=days),
        )
    ).one()


def audience_count(session: Session) -> int | None:
    """Return how many persons are in the audience; None while nobody looked who is."""
    connected = plans.audience(session)
    if connected is None or not is_read(session, connected):
        return None
    return session.exec(select(func.count()).select_from(people_in_audience().subquery())).one()


def dead_work(session: Session, *, but: Collection[int | None] = ()) -> list[Work]:
    """Return work that was given up, newest first, without what is told apart."""
    dead = select(Work).where(Work.status == "dead", col(Work.id).not_in(but))
    dead = dead.order_by(col(Work.id).desc())
    return list(session.exec(dead.limit(20)))


def last_plan(session: Session) -> Plan | None:
    """Return the newest plan."""
    return session.exec(select(Plan).order_by(col(Plan.id).desc()).limit(1)).first()
