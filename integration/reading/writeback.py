"""What a shop was told of changes in Mailchimp, and what was not written and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from integration.consent import moment
from integration.tables import Consent, ConsentWrite, SourceProfile
from integration.writeback.decide import KEPT, REFUSED, SENDING, WAITING, WRITTEN

#: Changes shown, the newest first.
SHOWN = 100
#: A contrary statement in the shop within this time after a writing is somebody's answer to it.
_ANSWER = timedelta(days=1)
_NAMES = {
    WRITTEN: "written",
    KEPT: "kept",
    REFUSED: "refused",
    WAITING: "waiting",
    SENDING: "waiting",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One change that a person made in Mailchimp, and what came of it in the shop."""

    person_id: int
    #: "denied" or "confirmed", and when the person said so.
    state: str
    at: datetime
    #: "written", "kept" (nothing was written), "refused" by the shop, or "waiting".
    outcome: str
    #: A key of `integration.writeback.decide.Reason`, or the shop's words where it refused.
    reason: str
    #: What stood in the shop before, in its words; "" where it was not asked.
    before: str
    before_at: datetime | None
    written_at: datetime | None
    #: Somebody changed it back in the shop within a day: another application, or the person.
    changed_back_at: datetime | None


def counts(session: Session, shop_id: int) -> dict[str, int]:
    """Return how many changes were written, kept, refused, and wait."""
    found = dict.fromkeys(_NAMES.values(), 0)
    query = select(ConsentWrite.status, func.count()).where(ConsentWrite.shop_id == shop_id)
    for status, number in session.exec(query.group_by(ConsentWrite.status)):
        found[_NAMES[status]] += number
    return found


def told(session: Session, shop_id: int) -> list[Told]:
    """Return the newest changes."""
    query = (
        select(ConsentWrite, SourceProfile.person_id)
        .join(SourceProfile, col(SourceProfile.id) == col(ConsentWrite.profile_id))
        .where(ConsentWrite.shop_id == shop_id)
        .order_by(col(ConsentWrite.id).desc())
        .limit(SHOWN)
    )
    rows = session.exec(query).all()
    answers = _answers(session, shop_id, [row for row, _ in rows if row.status == WRITTEN])
    return [
        Told(
            person_id=person_id,
            state=row.state,
            at=row.at,
            outcome=_NAMES[row.status],
            reason=row.reason,
            before=str(row.before.get("told") or ""),
            before_at=_moment(row.before.get("at")),
            written_at=row.sent_at if row.status == WRITTEN else None,
            changed_back_at=answers.get(row.id or 0),
        )
        for row, person_id in rows
    ]


def _answers(
    session: Session, shop_id: int, written: Sequence[ConsentWrite]
) -> dict[int, datetime]:
    """Return when what we wrote was changed back in the shop, where it was, by row."""
    query = select(Consent).where(
        Consent.shop_id == shop_id,
        Consent.channel == "email",
        col(Consent.profile_id).in_([row.profile_id for row in written]),
        col(Consent.state).in_(("denied", "confirmed")),
    )
    said = session.exec(query).all() if written else []
    found: dict[int, datetime] = {}
    for row in written:
        against = [
            at
            for one in said
            if one.profile_id == row.profile_id
            and one.state != row.state
            and (at := moment(one.at, one.received_at)) is not None
            and row.sent_at is not None
            and row.at < at <= row.sent_at + _ANSWER
        ]
        if against:
            found[row.id or 0] = min(against)
    return found


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
