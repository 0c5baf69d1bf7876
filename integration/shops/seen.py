"""How long it is kept what visitors did, and of whom not at all."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, or_, select

from connectors.records import ConsentState
from integration.tables import Consent, SourceProfile, Touchpoint, Visitor

#: Of a customer: a year, and a month to compare it with the one before.
KEPT = timedelta(days=396)
#: Of a browser that nobody is known of: long enough to log in or to check out.
ANONYMOUS_KEPT = timedelta(days=30)


def drop_old(session: Session, now: datetime) -> None:
    """Delete what an account's visitors did long ago, and all of those who object by now."""
    person = SourceProfile.person_id
    said = (
        select(person)
        .join(Consent, col(Consent.profile_id) == col(SourceProfile.id))
        .where(Consent.channel == "data_sale", Consent.state == ConsentState.DENIED.value)
    )
    objecting = select(SourceProfile.id).where(col(person).in_(said))
    old = or_(
        col(Touchpoint.at) < now - KEPT,
        col(Touchpoint.profile_id).is_(None) & (col(Touchpoint.at) < now - ANONYMOUS_KEPT),
        col(Touchpoint.profile_id).in_(objecting),
    )
    _drop(session, delete(Touchpoint).where(col(Touchpoint.visitor) != "", old))
    gone = or_(col(Visitor.seen_at) < now - KEPT, col(Visitor.profile_id).in_(objecting))
    _drop(session, delete(Visitor).where(gone))


def _drop(session: Session, statement: object) -> None:
    session.exec(
        statement,  # type: ignore[call-overload]  # a delete of any table
        execution_options={"synchronize_session": False},
    )
