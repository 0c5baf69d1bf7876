"""Whom a computation is about: the few whose facts changed, or everybody.

What a fit learned holds until the next one, so an order moves its own person's tags by the numbers
of the last fit, at a cost that does not grow with the shop. Everybody is computed where that would
not be the same: when many changed, when products did, on another day than the fit's, after a fit on
a part of the history, when somebody buys for the first time, who may have to be drawn for the
control group, and for a company, whose contacts are placed together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, func, select

from integration import fits, history
from integration.store.common import parts
from integration.tables import PersonProfile, SourceProfile

if TYPE_CHECKING:  # the models' libraries are large, and most that looks here needs none
    from segmentation.fitted import Fitted

#: People who are few: at most these, and at most one of so many of the shop's.
MOST, ONE_OF = 200, 100


def both(one: Collection[int] | None, other: Collection[int] | None) -> list[int] | None:
    """Return the people of two changes as JSON can keep them; None stands for everybody.

    Examples
    --------
    >>> both([3, 1], [2, 3])
    [1, 2, 3]
    >>> both([3], None)
    """
    if one is None or other is None:
        return None
    people = sorted({*one, *other})
    return people if len(people) <= MOST else None


@dataclass(frozen=True)
class Few:
    """Some people, and the fit to place them by."""

    people: list[int]
    fitted: Fitted
    #: Of the amounts that were fitted.
    currency: str


def few(session: Session, payload: Mapping[str, Any], *, as_of: date) -> Few | None:
    """Return whom to compute, or None for everybody."""
    people = payload.get("people")
    if people is None:
        return None
    newest = fits.newest(session)
    if newest is None or newest.as_of != as_of or "currency" not in newest.state:
        return None
    if newest.unknown_why == history.READING:
        return None
    if not _are_known_consumers(session, people):
        return None
    from segmentation.fitted import Fitted, NotFitted

    try:
        return Few(people, Fitted.from_dict(newest.state), newest.state["currency"])
    except NotFitted:
        return None


def _are_known_consumers(session: Session, people: Collection[int]) -> bool:
    """Tell whether all are consumers with figures already, and few among those who have."""
    count = select(func.count()).select_from(PersonProfile)
    if session.exec(count).one() < ONE_OF * len(people):
        return False
    consumers = count.where(col(PersonProfile.is_wholesale).is_(False))
    business = select(SourceProfile.id).where(col(SourceProfile.is_business).is_(True)).limit(1)
    known = 0
    for part in parts(people):
        if session.exec(business.where(col(SourceProfile.person_id).in_(part))).first() is not None:
            return False
        known += session.exec(consumers.where(col(PersonProfile.person_id).in_(part))).one()
    return known == len(people)
