"""Who can get something in Mailchimp, counted by segment with the rule of `audience.wanted`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import Session, col, select

from integration import consent
from integration.audience.members import REACHABLE
from integration.store.common import parts
from integration.tables import Audience, Identity, Member, SegmentMember, SourceProfile


def counts(session: Session, segment: str | None = None) -> Counter[str]:
    """Return how many of each segment (or of one) can get its tag: reachable and not denied."""
    query = select(col(SegmentMember.segment), func.count()).group_by(col(SegmentMember.segment))
    query = query.where(col(SegmentMember.person_id).in_(_with_own_address()))
    if segment is not None:
        query = query.where(SegmentMember.segment == segment)
    found = Counter(dict(session.exec(query).all()))
    # In parts: a database takes so many values at once.
    for part in parts(sorted(consent.denied(session))):
        found.subtract(
            dict(session.exec(query.where(col(SegmentMember.person_id).in_(part))).all())
        )
    return found


def people(session: Session, among: Collection[int]) -> set[int]:
    """Return who of these people can get a tag."""
    reachable = set(session.scalars(_with_own_address())).intersection(among)
    return reachable - consent.denied(session, reachable)


def _with_own_address() -> Select[Any]:
    """Select the ids of persons with a reachable address that is nobody else's too.

    Nested rather than joined: each list is read once.
    """
    connected = select(Audience.id).where(col(Audience.disconnected_at).is_(None))
    live = select(Member.email_key).where(
        col(Member.status).in_(REACHABLE), col(Member.audience_id).in_(connected)
    )
    shared = (
        select(Identity.value)
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
        .where(Identity.kind == "email")
        .group_by(col(Identity.value))
        .having(func.count(func.distinct(SourceProfile.person_id)) > 1)
    )
    known = select(Identity.profile_id).where(
        Identity.kind == "email",
        col(Identity.value).in_(live),
        col(Identity.value).not_in(shared),
    )
    return select(SourceProfile.person_id).where(col(SourceProfile.id).in_(known)).distinct()
