"""Floods: tags that are in the audience already and that many people get at once.

A flow of the merchant's that starts on a tag starts for everybody who gets it. People come into a
state a few at a time; after a late import, or when the life of a product was corrected, thousands
do at once, and most of them have been in it for long. So a flood is given quietly, with
`is_syncing`, which starts nothing, unless the merchant wants otherwise. On a tag that is new in
the audience no flow can start yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, select

from integration.audience.difference import TAG, Change, Values
from integration.audience.settled import STOPPED
from integration.tables import Audience, Plan

#: A tag is flooded by more people than this: of fewer a marketer can look at each ...
PEOPLE = 50
#: ... who are also more than this share of those who have it: in a large shop 50 are a usual day.
SHARE = 0.2


def is_flood(gain: int, holders: int) -> bool:
    """Tell whether so many people who get a tag are a flood, beside those who have it.

    Examples
    --------
    >>> is_flood(50, 10), is_flood(51, 10), is_flood(200, 1000), is_flood(201, 1000)
    (False, True, False, True)
    """
    return gain > PEOPLE and gain > SHARE * holders


def floods(
    session: Session,
    audience: Audience,
    changes: Iterable[Change],
    held: Mapping[str, Values],
    there: Iterable[str],
) -> list[str]:
    """Return the keys of tags that a plan floods.

    Parameters
    ----------
    held
        What members have of us by now, by address.
    there
        Keys of our tags that are in the audience.
    """
    gains = Counter(
        c.key for c in changes if c.kind == TAG and c.before is None and c.after is not None
    )
    holders = Counter(key for values in held.values() for kind, key in values if kind == TAG)
    begun = _begun(session, audience)
    return sorted(
        key
        for key in gains.keys() & set(there)
        if key in begun or is_flood(gains[key], holders[key])
    )


def _begun(session: Session, audience: Audience) -> set[str]:
    """Keys of floods that stopped on the way: the rest is of the same flood, however few it is."""
    newest_first = (
        select(Plan)
        .where(Plan.audience_id == audience.id, Plan.kind == "push")
        .where(col(Plan.status).not_in(("draft", "discarded")))
        .order_by(col(Plan.id).desc())
    )
    found: set[str] = set()
    for plan in session.exec(newest_first):
        if plan.status not in STOPPED:
            break
        found |= given_quietly(plan)
    return found


def given_quietly(plan: Plan) -> frozenset[str]:
    """Return the keys of tags that a plan gives so that no flow starts."""
    return frozenset(plan.summary["floods"]) if plan.summary.get("quiet") else frozenset()


def choose(plan: Plan, *, quietly: bool) -> None:
    """Keep whether a draft's floods are given quietly."""
    if plan.status == "draft":
        plan.summary = {**plan.summary, "quiet": quietly}
