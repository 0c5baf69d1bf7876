"""Who is in a segment, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from integration.reading.names import Words
from integration.tables import SegmentMember, SourceProfile

PAGE = 50
#: Rows at a time of a download.
_CHUNK = 2_000


@dataclass(frozen=True)
class Who:
    """How a person is shown in a list."""

    person_id: int
    name: str
    email: str


@dataclass(frozen=True)
class Row:
    """One person in a segment, with the sentence."""

    who: Who
    why: str
    since: date


def matching(text: str) -> Any:
    """Select the ids of persons with `text` in a name, company, address, phone or card number."""
    # autoescape: a typed % or _ is a character, not a pattern.
    columns = (
        SourceProfile.first_name,
        SourceProfile.last_name,
        SourceProfile.company,
        SourceProfile.email,
        SourceProfile.phone,
        SourceProfile.card_no,
    )
    found = [col(column).icontains(text, autoescape=True) for column in columns]
    whole = func.coalesce(SourceProfile.first_name, "") + " "
    whole = whole + func.coalesce(col(SourceProfile.middle_name).concat(" "), "")
    whole = whole + func.coalesce(SourceProfile.last_name, "")
    return select(SourceProfile.person_id).where(
        or_(*found, whole.icontains(text, autoescape=True))
    )


def who(session: Session, person_ids: Iterable[int]) -> dict[int, Who]:
    """Return how these persons are shown, by id."""
    ids = list(person_ids)
    profiles = session.exec(
        select(SourceProfile)
        .where(col(SourceProfile.person_id).in_(ids))
        .order_by(col(SourceProfile.id))
    ).all()
    grouped: dict[int, list[SourceProfile]] = {person_id: [] for person_id in ids}
    for profile in profiles:
        grouped[profile.person_id].append(profile)
    return {person_id: _shown(person_id, found) for person_id, found in grouped.items()}


def full_name(profile: SourceProfile) -> str:
    """Return a profile's name in one piece, the company's for want of another, "" for none."""
    return personal_name(profile) or (profile.company or "")


def personal_name(profile: SourceProfile) -> str:
    """Return the name of the person in one piece, "" when it is not told."""
    parts = (profile.first_name, profile.middle_name, profile.last_name)
    return " ".join(part for part in parts if part)


def _shown(person_id: int, profiles: Sequence[SourceProfile]) -> Who:
    names = (full_name(profile) for profile in profiles)
    emails = (profile.email for profile in profiles if profile.email)
    return Who(person_id, next((name for name in names if name), ""), next(emails, ""))


def size(session: Session, segment: str, text: str = "") -> int:
    """Return how many are in the segment and match `text`."""
    found: int = session.exec(_members(segment, text, func.count())).one()
    return found


def page(session: Session, words: Words, segment: str, text: str, number: int) -> list[Row]:
    """Return the 50 people of page `number` (from 1)."""
    query = _members(segment, text, SegmentMember).order_by(col(SegmentMember.person_id))
    members = session.exec(query.offset((number - 1) * PAGE).limit(PAGE)).all()
    return _rows(session, words, members)


def everyone(session: Session, words: Words, segment: str) -> Iterator[Row]:
    """Yield everybody in a segment, in the order of the pages."""
    last = 0
    while True:
        query = _members(segment, "", SegmentMember).where(SegmentMember.person_id > last)
        members = session.exec(query.order_by(col(SegmentMember.person_id)).limit(_CHUNK)).all()
        if not members:
            return
        yield from _rows(session, words, members)
        last = members[-1].person_id


def _members(segment: str, text: str, what: Any) -> Any:
    query = select(what).select_from(SegmentMember).where(SegmentMember.segment == segment)
    return query.where(col(SegmentMember.person_id).in_(matching(text))) if text else query


def _rows(session: Session, words: Words, members: Sequence[SegmentMember]) -> list[Row]:
    shown = who(session, (member.person_id for member in members))
    return [
        Row(shown[member.person_id], words.why(member.reason), member.since) for member in members
    ]
