"""Everybody a rule could write to, with the need and its cycle, read in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, func, select

from integration.audience.wanted import recipients
from integration.campaigns import sent_drafts
from integration.campaigns.choose import Candidate
from integration.campaigns.sent_drafts import Got
from integration.tables import (
    Audience,
    Campaign,
    CampaignPerson,
    DueDate,
    Identity,
    Member,
    SegmentMember,
    SourceProfile,
)

#: Who comes back into a segment that is no due-date gets mail for it again after so many days.
AGAIN_DAYS = 90
#: States of a run whose people count as written to, or about to be.
HELD = (
    *("waiting", "planned", "scheduling", "scheduled", "stopping", "stopped"),
    *("stopped_there", "sent"),
)
_ANYTHING = "anything"


def candidates(
    session: Session, audience: Audience, segment: str, entered_from: date, at: datetime
) -> list[Candidate]:
    """Return who entered a segment since a day and is in it still, for a mail at a moment."""
    query = select(SegmentMember.person_id, col(SegmentMember.since)).where(
        SegmentMember.segment == segment, SegmentMember.since >= entered_from
    )
    entered = dict(session.exec(query).all())
    needs = {**_recent(session, segment, at), **_needs(session, segment, entered)}
    statuses = dict(
        session.exec(
            select(Member.email_key, Member.status).where(Member.audience_id == audience.id)
        ).all()
    )
    found = []
    for email_key, person_id in recipients(session, audience).items():
        if person_id in entered:
            found.append(
                Candidate(
                    person_id=person_id,
                    email_key=email_key,
                    need=needs.get(person_id, f"{segment}:{entered[person_id]}"),
                    since=entered[person_id],
                    is_subscribed=statuses[email_key] == "subscribed",
                )
            )
    return found


def _needs(session: Session, segment: str, people: Collection[int]) -> dict[int, str]:
    """Person -> what he is due for and since which purchase: that is one need, however often the
    segment is entered for it."""
    group, _, rest = segment.partition(":")
    if group != "due":
        return {}
    need, _, state = rest.rpartition(":")
    query = select(DueDate.person_id, DueDate.need, col(DueDate.last_on))
    if need == _ANYTHING:
        query = query.where(DueDate.state == state, DueDate.waits_for == "").order_by(
            # A thing before the rhythm of all things.
            col(DueDate.need) != _ANYTHING,
            col(DueDate.expected_on).desc(),
        )
    else:
        query = query.where(DueDate.need == need)
    # The last row of a person counts.
    return {
        person_id: f"{named}:{last_on.isoformat()}"
        for person_id, named, last_on in session.exec(query)
        if person_id in people
    }


def open_needs(session: Session, segment: str) -> Callable[[int, str], bool]:
    """Return a test whether a person is in a segment still, for the need he was chosen for."""
    query = select(SegmentMember.person_id, col(SegmentMember.since)).where(
        SegmentMember.segment == segment
    )
    inside = dict(session.exec(query).all())
    needs = _needs(session, segment, inside)

    def is_open(person_id: int, need: str) -> bool:
        return person_id in inside and needs.get(person_id, need) == need

    return is_open


def reached(session: Session, people: Collection[int]) -> set[tuple[str, str]]:
    """Return (address, need) of every choice that was made, under each address of the person.

    Who got a draft of ours that the marketer sent had it for his need too.

    People are merged, somebody may use another address by now, and the audience may be another
    one: the person is the same.
    """
    rows = session.exec(select(CampaignPerson.email_key, CampaignPerson.need)).all()
    owner = owners(session)
    addresses: dict[int, set[str]] = defaultdict(set)
    for email_key, person_id in owner.items():
        if person_id in people:
            addresses[person_id].add(email_key)
    found = set(rows)
    for email_key, need in rows:
        for other in addresses.get(owner.get(email_key, 0), ()):
            found.add((other, need))
    for one, need in _drafted(session):
        found.update((address, need) for address in addresses.get(one.person_id, ()))
    return found


def _drafted(session: Session) -> list[tuple[Got, str]]:
    """Everybody who got a draft, oldest first, and the need he had then."""
    got = sent_drafts.got(session)
    needs: dict[str, dict[int, str]] = {}
    for segment in {one.segment for one in got}:
        query = select(SegmentMember.person_id, col(SegmentMember.since)).where(
            SegmentMember.segment == segment
        )
        inside = {person_id: f"{segment}:{since}" for person_id, since in session.exec(query)}
        needs[segment] = inside | _needs(session, segment, {one.person_id for one in got})
    found = []
    for one in got:
        day = one.at.date()
        then = f"{one.segment}:{day}"
        need = needs[one.segment].get(one.person_id, then)
        # Who bought or came back since has another need by now.
        is_later = date.fromisoformat(need.rpartition(":")[2]) >= day
        found.append((one, then if is_later else need))
    return found


def _recent(session: Session, segment: str, at: datetime) -> dict[int, str]:
    """Person -> the need he was last chosen for in a segment, when that was not long ago.

    A segment that is no due-date knows no cycle: who was outside for a night has the same need.
    """
    query = (
        select(CampaignPerson.person_id, CampaignPerson.email_key, CampaignPerson.need)
        .join(Campaign, col(Campaign.id) == col(CampaignPerson.campaign_id))
        .where(
            Campaign.segment == segment,
            col(Campaign.status).in_(HELD),
            col(Campaign.send_at) > at - timedelta(days=AGAIN_DAYS),
        )
        .order_by(col(Campaign.send_at))
    )
    owner = owners(session)
    chosen = {
        owner.get(email_key, person_id): need for person_id, email_key, need in session.exec(query)
    }
    drafted = {
        one.person_id: need
        for one, need in _drafted(session)
        if one.segment == segment and one.at > at - timedelta(days=AGAIN_DAYS)
    }
    return drafted | chosen


def owners(session: Session) -> dict[str, int]:
    """Return whose an address is: address -> person."""
    query = (
        select(Identity.value, SourceProfile.person_id)
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
        .where(Identity.kind == "email")
    )
    return dict(session.exec(query).all())


def contacts(session: Session, audience: Audience) -> int:
    """Return how many in the audience can be written to."""
    query = (
        select(func.count())
        .select_from(Member)
        .where(Member.audience_id == audience.id, Member.status == "subscribed")
    )
    return session.exec(query).one()
