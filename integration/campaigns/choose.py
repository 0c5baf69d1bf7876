"""Who gets a run of a rule: a pure choice over candidates, so that it can be tried many times.

Left out are, in this order: who is not subscribed, who is held back (holdout, ask first, denied),
who had a mail for the same need and cycle, who had any mail of ours too short ago, and those for
whom the run has no room; they come first the next time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

#: A run waits for a person when it is more than this many times the median of earlier ones ...
TIMES_USUAL = 3
#: ... or more than this share of those who can be written to.
SHARE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Somebody in the segment of a rule."""

    person_id: int
    email_key: str
    #: The need and its cycle.
    need: str
    since: date
    is_subscribed: bool = True


@dataclass(kw_only=True)
class Chosen:
    """Who gets the run, and how many do not for which reason."""

    people: list[Candidate] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def choose(
    candidates: Iterable[Candidate],
    *,
    held_back: Mapping[int, str],
    reached: Collection[tuple[str, str]],
    mailed: Mapping[int, Sequence[datetime]],
    send_at: datetime,
    rest_days: int,
    most_people: int,
) -> Chosen:
    """Return who gets a run.

    Parameters
    ----------
    held_back
        Person to reason.
    reached
        (address, need) of every choice so far.
    mailed
        Person to the moments of our mails to him, planned ones too.
    rest_days
        At most one mail of all rules in so many days.
    """
    chosen = Chosen()
    taken: set[int] = set()
    for one in sorted(candidates, key=lambda c: (c.since, c.person_id)):
        reason = ""
        if not one.is_subscribed:
            reason = "not_subscribed"
        elif one.person_id in held_back:
            reason = held_back[one.person_id]
        elif (one.email_key, one.need) in reached or one.person_id in taken:
            reason = "had_it"
        elif is_resting(mailed.get(one.person_id, ()), send_at, rest_days):
            reason = "resting"
        elif len(chosen.people) >= most_people:
            reason = "no_room"
        if reason:
            chosen.left_out[reason] += 1
        else:
            taken.add(one.person_id)
            chosen.people.append(one)
    return chosen


def is_resting(moments: Sequence[datetime], at: datetime, days: int) -> bool:
    """Tell whether a mail at a moment comes too soon before or after another."""
    return any(abs(at - moment) < timedelta(days=days) for moment in moments)


def why_it_waits(
    people: int, *, usual: Sequence[int], contacts: int, no_room: int = 0
) -> dict[str, Any] | None:
    """Return why a run needs a click, None for one that may go.

    Parameters
    ----------
    usual
        People of the rule's earlier runs, those for whom they had no room included.
    no_room
        People who would get it too if the run had room: a limit must not hide a wrong file. Once
        a run was let go they count as usual, and the limit works them off without a click a week.
    contacts
        People in the audience who can be written to.

    Examples
    --------
    >>> why_it_waits(40, usual=[10, 12, 90], contacts=1000)
    {'key': 'far_more', 'people': 40, 'usual': 12}
    >>> why_it_waits(36, usual=[10, 12, 90], contacts=1000) is None
    True
    >>> why_it_waits(101, usual=[], contacts=1000)
    {'key': 'large_share', 'people': 101, 'percent': 11}
    >>> why_it_waits(15, usual=[6], contacts=1000, no_room=285)
    {'key': 'far_more', 'people': 300, 'usual': 6}
    >>> why_it_waits(15, usual=[300], contacts=1000, no_room=270) is None
    True
    """
    wanting = people + no_room
    share = people if usual else wanting
    if share > SHARE * contacts:
        percent = -(-100 * share // max(contacts, 1))
        return {"key": "large_share", "people": share, "percent": percent}
    if usual and wanting > TIMES_USUAL * median(usual):
        return {"key": "far_more", "people": wanting, "usual": round(median(usual))}
    return None
