"""A shop's own scores of its customers beside ours, to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

    def count(self, their: str, our: str) -> int:
        """Return how many people both words are of."""
        return self.counts.get((their, our), 0)

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
    # A word that is new at Shopify is shown as it came.
    more = sorted({their for their, _ in counts} - set(order))
    some = {their for their, _ in counts}
    named = {our for _, our in counts}
    return Cross(
        [their for their in (*order, *more) if their in some],
        [our for our in own if our in named or our],
        counts,
    )
