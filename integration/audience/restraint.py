"""Who is left out of all mail: the control group, whom to ask first, and who withdrew.

The control group is drawn by lot, a number from 0 up to 1 for each person that comes from a salted
hash of his oldest address. So the same people are in it after every import, in whatever order the
files come; a person merged out of several profiles has one lot, and a new address does not change
it. With a larger share people join and nobody leaves, with a smaller one people leave and nobody
joins. Business customers are in no test, and who has no address is in none either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, func, select

from integration import consent
from integration.results import store_drawn
from integration.salted import lot, salt_of
from integration.store.common import parts
from integration.tables import (
    Audience,
    Choice,
    Identity,
    Order,
    PersonProfile,
    SegmentMember,
    SourceProfile,
)

HOLDOUT = "test:holdout"
#: Percentages a merchant can choose from.
SHARES = (0, 10, 20)
#: People with an address below whom a tenth is too few to measure with.
SMALL = 20_000
#: `Choice.kind` of "ask first"; its subject is a profile's id, its value the last day or "".
REST = "rest"
#: Most days that a merchant can leave somebody in peace, and a mark without an end.
MOST_DAYS = 3650
#: Segment whose people are in no test.
_BUSINESS = "b2b:account"

Segments = Mapping[tuple[int, str], dict[str, Any]]


def left_out(session: Session, audience: Audience) -> dict[int, str]:
    """Return who gets no mail from us, by person id: "denied", "ask_first" or "holdout".

    Whoever has several reasons has the first of these. Campaigns, flows and recipes leave these
    people out; tags and fields they keep.
    """
    reasons = dict.fromkeys(control_group(session, audience), "holdout")
    reasons.update(dict.fromkeys(ask_first(session), "ask_first"))
    reasons.update(dict.fromkeys(consent.denied(session), "denied"))
    return reasons


# -- the control group -----------------------------------------------------------------------------


def control_group(session: Session, audience: Audience, percent: int | None = None) -> set[int]:
    """Return the persons in the control group, or those who would be at another percentage."""
    share = audience.holdout_percent if percent is None else percent
    if not share:
        return set()
    salt = salt_of(session)
    business = _business(session)
    return {
        person_id
        for person_id, address in _oldest_addresses(session, salt).items()
        if lot(salt, address) * 100 < share and person_id not in business
    }


def proposed_share(session: Session) -> int:
    """Return the percentage that gives this account a group large enough to measure with."""
    query = (
        select(func.count(func.distinct(SourceProfile.person_id)))
        .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
        .where(Identity.kind == "email")
    )
    return SHARES[2] if session.exec(query).one() < SMALL else SHARES[1]


def set_share(session: Session, audience_id: int, percent: int, today: date) -> None:
    """Set aside another percentage and redraw the group's segment; Mailchimp learns it by a plan.

    Raises
    ------
    ValueError
        It is none of `SHARES`.
    """
    if percent not in SHARES:
        raise ValueError(f"choose one of {', '.join(map(str, SHARES))}")
    session.get_one(Audience, audience_id).holdout_percent = percent
    session.flush()
    store_drawn(session, segments(session), today)


def segments(session: Session) -> Segments:
    """Return the control group of the connected audience as rows of the segment, with reasons."""
    connected = select(Audience).where(col(Audience.disconnected_at).is_(None))
    audience = session.exec(connected.order_by(col(Audience.id).desc())).first()
    if audience is None:
        return {}
    reason = {"key": "holdout", "percent": audience.holdout_percent}
    return {(person_id, HOLDOUT): reason for person_id in control_group(session, audience)}


def _oldest_addresses(session: Session, salt: bytes) -> dict[int, str]:
    """Person -> the address he is drawn by: the one that was known first."""
    query = (
        select(SourceProfile.person_id, Identity.value)
        .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
        .where(Identity.kind == "email")
        .distinct()
    )
    addresses: dict[int, list[str]] = defaultdict(list)
    for person_id, address in session.exec(query):
        addresses[person_id].append(address)
    several = {person_id for person_id, found in addresses.items() if len(found) > 1}
    seen = _first_seen(session, several)

    def age(person_id: int, address: str) -> tuple[float, float, str]:
        moment = seen.get((person_id, address))
        # Of two that are equally old (or never dated) chance decides, the same every time.
        return moment.timestamp() if moment else float("inf"), lot(salt, f"tie:{address}"), address

    return {
        person_id: min(found, key=lambda address, who=person_id: age(who, address))  # type: ignore[misc]  # the default binds the person
        for person_id, found in addresses.items()
    }


def _first_seen(session: Session, people: Collection[int]) -> dict[tuple[int, str], datetime]:
    """(person, address) -> the first moment a source tells of it."""
    found: dict[tuple[int, str], datetime] = {}
    for part in parts(sorted(people)):
        query = (
            select(
                SourceProfile.person_id,
                Identity.value,
                func.min(SourceProfile.created_at),
                func.min(Order.placed_at),
            )
            .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
            .outerjoin(Order, col(Order.profile_id) == col(SourceProfile.id))
            .where(Identity.kind == "email", col(SourceProfile.person_id).in_(part))
            .group_by(col(SourceProfile.person_id), col(Identity.value))
        )
        for person_id, address, *moments in session.exec(query):
            known = [moment for moment in moments if moment is not None]
            if known:
                found[person_id, address] = min(known)
    return found


def _business(session: Session) -> set[int]:
    wholesale = select(PersonProfile.person_id).where(col(PersonProfile.is_wholesale))
    tagged = select(SegmentMember.person_id).where(SegmentMember.segment == _BUSINESS)
    return {*session.exec(wholesale), *session.exec(tagged)}


# -- ask first -------------------------------------------------------------------------------------


def ask_first(session: Session) -> dict[int, date | None]:
    """Return whom the merchant wants to be asked about first, with the last day (None: no end)."""
    marks = {int(row.subject): row.value for row in session.exec(_marks())}
    people: dict[int, date | None] = {}
    for part in parts(sorted(marks)):
        query = select(SourceProfile.person_id, SourceProfile.id).where(
            col(SourceProfile.id).in_(part)
        )
        for person_id, profile_id in session.exec(query):
            until = date.fromisoformat(marks[profile_id or 0]) if marks[profile_id or 0] else None
            held = people.get(person_id, date.min)
            people[person_id] = None if until is None or held is None else max(until, held)
    return people


def leave_in_peace(
    session: Session, person_id: int, now: datetime, today: date, days: int | None
) -> None:
    """Mark a person "ask first" for some days from today, or until the mark is lifted (None)."""
    lift(session, person_id)
    query = select(func.min(SourceProfile.id)).where(SourceProfile.person_id == person_id)
    # On a profile: it stays with its person through every merge.
    profile_id = session.exec(query).one()
    until = (today + timedelta(days=days)).isoformat() if days is not None else ""
    session.add(
        Choice(
            account_id=session.info["account_id"],
            kind=REST,
            subject=str(profile_id),
            value=until,
            created_at=now,
        )
    )


def lift(session: Session, person_id: int) -> None:
    """Take the mark "ask first" off a person."""
    query = select(SourceProfile.id).where(SourceProfile.person_id == person_id)
    subjects = [str(profile_id) for profile_id in session.exec(query)]
    session.exec(delete(Choice).where(col(Choice.kind) == REST, col(Choice.subject).in_(subjects)))


def end_rests(session: Session, today: date) -> None:
    """Take off the marks whose last day is over; done with every computation."""
    session.exec(
        delete(Choice).where(
            col(Choice.kind) == REST,
            col(Choice.value) != "",
            col(Choice.value) < today.isoformat(),
        )
    )


def _marks() -> Any:
    return select(Choice).where(Choice.kind == REST)
