"""Fits that are kept: what is live, what was live before the days a new fit is judged by.

Every score in the tables was computed with the newest fit. Where the trial kept a part of the one
before, `verdicts` names the fit that this part comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlmodel import Session, col, delete, func, select, update

from integration import history
from integration.tables import FittedModel
from segmentation.stored import groups as stored_groups

if TYPE_CHECKING:  # the models' libraries are large, and most that is stored needs none
    from segmentation.fitted import Fitted, Live
    from segmentation.trial.verdicts import Verdict

_log = structlog.get_logger(__name__)

#: Fits whose numbers are kept; of older ones those of one a week, while they may judge a new one.
NEWEST_KEPT, WEEKLY_KEPT = 10, timedelta(days=75)
#: How a fit did is told for so long.
TOLD_FOR = timedelta(days=400)


def newest(session: Session) -> FittedModel | None:
    """Return the fit that is live; None before the first run."""
    query = select(FittedModel).order_by(col(FittedModel.id).desc()).limit(1)
    return session.exec(query).first()


def newest_id(session: Session) -> int | None:
    """Return the number of the fit that is live: the version of every score in the tables."""
    return session.exec(select(func.max(FittedModel.id))).one()


def live(session: Session, as_of: date) -> Live:
    """Return what a fit as of a day is compared with; what this version cannot read is left out."""
    from segmentation.fitted import Live
    from segmentation.trial.verdicts import WINDOW_DAYS

    # One of a part of the history is no measure for one of all of it.
    known = select(FittedModel).where(
        col(FittedModel.thinned).is_(False), FittedModel.unknown_why != history.READING
    )
    known = known.order_by(col(FittedModel.id).desc()).limit(1)
    before = known.where(FittedModel.as_of <= as_of - timedelta(days=WINDOW_DAYS))
    # One that was made as of a later day has seen what this one has not.
    present = known.where(FittedModel.as_of <= as_of)
    return Live(
        present=_read(session, present), before=_read(session, before), groups=_groups(session)
    )


def _groups(session: Session) -> dict[int, dict[str, Any]]:
    stored, account_id = newest(session), session.info["account_id"]
    if stored is None or stored.unknown_why == history.READING:
        return {}
    found = stored_groups(stored.state, account_id)
    return {} if found is None else {account_id: found}


def _read(session: Session, query: Any) -> Fitted | None:
    from segmentation.fitted import Fitted, NotFitted

    stored = session.exec(query).first()
    try:
        return Fitted.from_dict(stored.state) if stored is not None else None
    except NotFitted:
        return None


def store(
    session: Session,
    fitted: Fitted,
    counters: Mapping[str, int],
    *,
    as_of: date,
    now: datetime,
    currency: str = "",
    known_of: history.Window | None = None,
) -> None:
    """Keep what a fit learned, of which history, in which currency, how it did; let old ones go."""
    account_id = session.info["account_id"]
    before = newest(session)
    row = FittedModel(
        account_id=account_id,
        as_of=as_of,
        state={**fitted.to_dict(), "currency": currency},
        counters=dict(counters),
        known_since=known_of.since if known_of else None,
        unknown_why=known_of.why if known_of else "",
        created_at=now,
    )
    session.add(row)
    session.flush()
    verdicts = fitted.verdicts.get(account_id, ())
    for verdict in verdicts:
        if verdict.outcome == "rejected":
            _log.warning("kept the numbers of before", part=verdict.part, worse=verdict.difference)
    row.verdicts = {verdict.part: _versioned(verdict, row, before) for verdict in verdicts}
    session.flush()
    _let_go(session, now)


def _versioned(verdict: Verdict, row: FittedModel, before: FittedModel | None) -> dict[str, Any]:
    """Return a verdict with the fit that the live numbers of its part come from."""
    version = {"version": row.id, "learned_on": row.as_of.isoformat()}
    if verdict.outcome == "rejected" and before is not None:
        version = {"version": before.id, "learned_on": before.as_of.isoformat()}
        kept = before.verdicts.get(verdict.part, {})
        version |= {name: kept[name] for name in version if name in kept}
    return verdict.to_dict() | version


def _let_go(session: Session, now: datetime) -> None:
    whole = select(FittedModel.id, FittedModel.created_at)
    whole = whole.where(col(FittedModel.thinned).is_(False)).order_by(col(FittedModel.id).desc())
    weeks, old = set(), []
    for fit_id, made_at in session.exec(whole).all()[NEWEST_KEPT:]:
        week = made_at.isocalendar()[:2]
        if week in weeks or made_at < now - WEEKLY_KEPT:
            old.append(fit_id)
        weeks.add(week)
    if old:
        thin = update(FittedModel).where(col(FittedModel.id).in_(old))
        session.exec(thin.values(state={}, thinned=True))
    session.exec(delete(FittedModel).where(col(FittedModel.created_at) < now - TOLD_FOR))
