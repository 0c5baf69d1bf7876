"""From when on an account's purchases are known, and why not before.

A history is cut off while it is being read, newest first, and where Shopify lets us read the last
60 days only. What is computed then says so, claims less (see `segmentation.cutoff`), and while the
rest is still to come nothing of it goes to Mailchimp.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, delete, select

from integration.shopify.shown import shown_since
from integration.tables import (
    FittedModel,
    ImportRun,
    SegmentChange,
    SegmentMember,
    Shop,
    SyncState,
)

#: The rest is still to be read; the shop was removed before that; Shopify does not let us.
READING, STOPPED, SCOPE = "reading", "stopped", "scope"


@dataclass(frozen=True)
class Window:
    """What is known: everything from the day `since` on."""

    since: date
    why: str

    def days(self, as_of: date) -> int:
        """Return how long that is."""
        return (as_of - self.since).days


def window(session: Session, zone: ZoneInfo) -> Window | None:
    """Return from when on all sources of the account are known; None: from their beginning."""
    whole = select(ImportRun.shop_id).where(ImportRun.status == "done")
    cut = (
        select(SyncState.known_since, Shop.disconnected_at)
        .join(Shop, col(Shop.id) == col(SyncState.shop_id))
        .where(col(SyncState.known_since).is_not(None), col(SyncState.complete).is_(False))
        # What is read anew is known all the same.
        .where(col(SyncState.shop_id).not_in(whole))
    )
    found = [(since, STOPPED if gone else READING) for since, gone in session.exec(cut) if since]
    found += [(since, SCOPE) for since in shown_since(session)]
    if not found:
        return None
    why = READING if any(why == READING for _, why in found) else max(found)[1]
    return Window(max(found)[0].astimezone(zone).date(), why)


def told(session: Session) -> Window | None:
    """Return what the present figures know; None: everything, or there are none."""
    query = select(col(FittedModel.known_since), FittedModel.unknown_why)
    newest = session.exec(query.order_by(col(FittedModel.id).desc()).limit(1)).first()
    since, why = newest or (None, "")
    return None if since is None else Window(since, why)


def is_partial(session: Session) -> bool:
    """Tell whether the present figures are of a history that is still being read."""
    known = told(session)
    return known is not None and known.why == READING


def is_worth_computing(
    session: Session, known_since: datetime | None, computed_since: str | None, now: datetime
) -> bool:
    """Tell whether to compute in the middle of a reading.

    When the newest slice is there, and each time what is known doubled, so that all of these
    computations together take no longer than the last one. Where figures of everything are there
    already, as of another source, they stay until the end.
    """
    if known_since is None:
        return False
    if computed_since is not None:
        before = datetime.fromisoformat(computed_since)
        if now - known_since < 2 * (now - before):
            return False
    query = select(FittedModel.unknown_why).order_by(col(FittedModel.id).desc()).limit(1)
    return session.exec(query).first() in (None, READING)


def let_go_of_partial(session: Session) -> bool:
    """Forget what was computed of a part, so that figures of everything have no such past.

    Tells whether there was any.
    """
    if not is_partial(session):
        return False
    for table in (SegmentChange, SegmentMember):
        session.exec(delete(table))
    session.exec(delete(FittedModel).where(col(FittedModel.unknown_why) == READING))
    return True
