"""A shop's own scores of its customers beside ours, to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from integration.tables import PersonProfile, SourceProfile
from segmentation.lifecycle import STAGES

#: Shopify's, from the best to the least; see `CustomerRfmGroup` in its documentation.
GROUPS = (
    "champions",
    "loyal",
    "active",
    "new",
    "promising",
    "needs_attention",
    "previously_loyal",
    "at_risk",
    "almost_lost",
    "dormant",
    "prospects",
)
TIERS = ("high", "medium", "low")
#: Ours; "" is nobody's level, where it is not told.
LEVELS = ("high", "middle", "low", "")


@dataclass(frozen=True)
class Cross:
    """People by a shop's word for them and ours."""

    theirs: Sequence[str]
    ours: Sequence[str]
    counts: Mapping[tuple[str, str], int]
    #: The shop's people of whom it has no word, and those of whom only we have none.
    without_theirs: int
    without_ours: int

    def count(self, their: str, our: str) -> int:
        """Return how many people both words are of."""
        return self.counts.get((their, our), 0)

    @property
    def left_out(self) -> dict[str, int]:
        """How many people lack their word, and how many only ours."""
        return {"without_theirs": self.without_theirs, "without_ours": self.without_ours}

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return counts by their word and ours."""
        return {
            their: {our or "none": self.count(their, our) for our in self.ours}
            for their in self.theirs
        }


def groups(session: Session) -> Cross | None:
    """Return stages by Shopify's groups; None where no shop told any."""
    return _cross(session, col(SourceProfile.their_group), PersonProfile.stage, GROUPS, STAGES)


def tiers(session: Session) -> Cross | None:
    """Return levels of value by Shopify's tiers of what somebody will spend."""
    return _cross(session, col(SourceProfile.their_tier), PersonProfile.value, TIERS, LEVELS)


def _cross(
    session: Session, theirs: Any, ours: Any, order: Sequence[str], own: Sequence[str]
) -> Cross | None:
    query = (
        select(theirs, ours, func.count(func.distinct(col(PersonProfile.person_id))))
        .select_from(SourceProfile)
        .join(PersonProfile, col(PersonProfile.person_id) == col(SourceProfile.person_id))
        .where(theirs.is_not(None), col(PersonProfile.is_wholesale).is_(False))
        .group_by(theirs, ours)
    )
    counts = {(their, our): number for their, our, number in session.exec(query)}
    if not counts:
        return None
    without_theirs, without_ours = _left_out(session, theirs)
    # A word that is new at Shopify is shown as it came.
    more = sorted({their for their, _ in counts} - set(order))
    some = {their for their, _ in counts}
    named = {our for _, our in counts}
    return Cross(
        [their for their in (*order, *more) if their in some],
        [our for our in own if our in named or our],
        counts,
        without_theirs,
        without_ours,
    )


def _left_out(session: Session, theirs: Any) -> tuple[int, int]:
    """Count the people of shops that told words who have none, and who have none of ours."""
    telling = select(SourceProfile.shop_id).where(theirs.is_not(None))
    person, told = col(SourceProfile.person_id), func.max(theirs)
    words = (
        select(person, told.label("told"))
        .where(col(SourceProfile.shop_id).in_(telling))
        .group_by(person)
        .subquery()
    )
    consumers = select(PersonProfile.person_id).where(col(PersonProfile.is_wholesale).is_(False))
    query = select(
        func.count(sa.case((words.c.told.is_(None), 1))),
        func.count(sa.case((words.c.told.is_not(None) & words.c.person_id.not_in(consumers), 1))),
    )
    without_theirs, without_ours = session.exec(query).one()
    return without_theirs, without_ours
