"""Intervals between purchase days, finished and open, as sorted arrays.

Open intervals are data too: leaving them out makes chances 2.4 to 5 times too high and dates early.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

#: Purchase days this close together are one purchase: the forgotten item.
SAME_PURCHASE_DAYS = 1
#: Counts of own gaps from here on are one group.
MOST_OWN_GAPS = 4
#: Of own gaps each weighs this much of the next: a rhythm changes with the household.
RECENT = 0.9
#: Units are told apart from the usual number up to ten times as many, or as few.
_MOST = float(np.log(10))
_DAY_BITS = 20


@dataclass(frozen=True)
class Starts:
    """One row an interval that starts with a purchase; equal lengths, sorted by person, need, day.

    Everything but `until`, `length` and `done` was known on the first day of the interval.
    """

    #: Any whole number a person; equal numbers are one person.
    person: Ints
    #: Position of the need in the model's list.
    need: Ints
    #: First day, a number of days.
    day: Ints
    #: Day of the next purchase, or `as_of` when open.
    until: Ints
    #: Days from one to the other; at least half a day.
    length: Floats
    #: Whether the next purchase has been seen.
    done: Bools
    #: Completed gaps of this person and need before the start; sums of their logs and the squares,
    #: and the mean of the logs in which later ones weigh more.
    own_gaps: Ints
    own_log: Floats
    own_squares: Floats
    own_mean: Floats
    #: Log of the units bought on the first day over the person's usual number (this one counts
    #: in it); 0 where that is not known.
    more: Floats

    def take(self, rows: Ints | Bools) -> Starts:
        """Return the chosen rows."""
        return Starts(
            self.person[rows],
            self.need[rows],
            self.day[rows],
            self.until[rows],
            self.length[rows],
            self.done[rows],
            self.own_gaps[rows],
            self.own_log[rows],
            self.own_squares[rows],
            self.own_mean[rows],
            self.more[rows],
        )

    @property
    def as_of(self) -> int:
        """The last day that was seen; 0 without intervals."""
        return int(self.until.max(initial=0))

    def seen_on(self, day: int) -> Starts:
        """Return the intervals as they looked on an earlier day.

        Examples
        --------
        >>> s = starts(np.array([1, 1, 1]), np.array([0, 0, 0]), np.array([0, 10, 30]), 35)
        >>> s.seen_on(25).length.tolist(), s.seen_on(25).done.tolist()
        ([10.0, 15.0], [True, False])
        """
        known = self.take(self.day <= day)
        over = known.until > day
        return replace(
            known,
            until=np.where(over, day, known.until),
            length=np.where(over, np.maximum(day - known.day, 0.5), known.length),
            done=known.done & ~over,
        )

    def measured(self, length: Floats) -> Starts:
        """Return the intervals with other lengths, and the sums that follow from them.

        All earlier intervals of a person and need must be there.
        """
        first = np.flatnonzero(self.own_gaps == 0)
        logs = np.where(self.done, np.log(length), 0.0)
        own_log, own_squares, own_mean = _own(logs, first)
        return replace(
            self, length=length, own_log=own_log, own_squares=own_squares, own_mean=own_mean
        )

    def some(self, most: int) -> Starts:
        """Return the intervals of about so many, of whole persons spread evenly; all when fewer."""
        if self.day.size <= most:
            return self
        place = persons_of(self.person)
        share = most / self.day.size
        chosen = np.diff(np.floor(np.arange(place[-1] + 2) * share)) > 0
        return self.take(chosen[place])


def merged(days: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return one row a purchase: days 0 or 1 apart become the last of them, units add up.

    Parameters
    ----------
    days
        Sorted by `key` and `day`; the columns `product_id` and `title` of the last day stay.
    key
        Columns that name one clock.

    Examples
    --------
    >>> merged(pd.DataFrame({"k": [1, 1, 1], "day": [5, 6, 9], "units": [1.0, 2.0, 1.0]}), ["k"])
       k  day  units
    0  1    6    3.0
    1  1    9    1.0
    """
    if days.empty:
        return days
    first = _first_of(days, key)
    day = days["day"].to_numpy()
    first |= np.diff(day, prepend=day[0]) > SAME_PURCHASE_DAYS
    at = np.flatnonzero(first)
    last = np.append(at[1:], len(days)) - 1
    result = days.iloc[last].reset_index(drop=True)
    if "units" in days:
        result["units"] = np.add.reduceat(days["units"].to_numpy(dtype=np.float64), at)
    return result


def _first_of(days: pd.DataFrame, key: list[str]) -> Bools:
    first = np.zeros(len(days), dtype=bool)
    first[0] = True
    for column in key:
        values = days[column].to_numpy()
        first[1:] |= values[1:] != values[:-1]
    return first


def starts(person: Ints, need: Ints, day: Ints, as_of: int, units: Floats | None = None) -> Starts:
    """Return the intervals of purchases sorted by person, need and day, as seen on `as_of`.

    `units` above zero, where they are known.

    Examples
    --------
    >>> s = starts(np.array([1, 1, 1]), np.array([0, 0, 0]), np.array([0, 10, 30]), 35)
    >>> s.length.tolist(), s.done.tolist(), s.own_gaps.tolist()
    ([10.0, 20.0, 5.0], [True, True, False], [0, 1, 2])
    """
    size = day.size
    if size == 0:
        none, no = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Starts(none, none, none, none, no, np.zeros(0, dtype=bool), none, no, no, no, no)
    same = np.zeros(size, dtype=bool)  # the next row is the same pair
    same[:-1] = (person[1:] == person[:-1]) & (need[1:] == need[:-1])
    until = np.where(same, np.roll(day, -1), as_of)
    length = np.maximum(until - day, 0.5).astype(np.float64)
    logs = np.where(same, np.log(length), 0.0)
    first = np.flatnonzero(np.concatenate([[True], ~same[:-1]]))
    own_log, own_squares, own_mean = _own(logs, first)
    own_gaps = np.arange(size) - np.repeat(first, np.diff(np.append(first, size)))
    return Starts(
        person=person,
        need=need,
        day=day,
        until=until,
        length=length,
        done=same,
        own_gaps=own_gaps,
        own_log=own_log,
        own_squares=own_squares,
        own_mean=own_mean,
        more=np.zeros(size) if units is None else _more(np.log(units), own_gaps, first),
    )


def _more(log: Floats, own_gaps: Ints, first: Ints) -> Floats:
    usual: Floats = (_before(log, first) + log) / (own_gaps + 1)
    result: Floats = np.clip(log - usual, -_MOST, _MOST).round(9)
    return result


def _own(logs: Floats, first: Ints) -> tuple[Floats, Floats, Floats]:
    return _before(logs, first), _before(logs * logs, first), _recent(logs, first)


def _recent(logs: Floats, first: Ints) -> Floats:
    """Return the mean of the logs before each within its pair, later ones weighing more."""
    rows = np.diff(np.append(first, logs.size))
    order = np.argsort(-rows, kind="stable")
    begin, rows = first[order], rows[order]
    mean, total, weight = np.zeros(logs.size), np.zeros(first.size), 0.0
    # Step by step over the gaps of all pairs that have so many: never more than rows in all.
    for gap in range(1, int(rows.max(initial=0))):
        pairs = int(np.searchsorted(-rows, -gap, side="left"))
        at = begin[:pairs] + gap
        total[:pairs] = RECENT * total[:pairs] + logs[at - 1]
        weight = RECENT * weight + 1
        mean[at] = total[:pairs] / weight
    result: Floats = np.round(mean, 9)
    return result


def _before(values: Floats, first: Ints) -> Floats:
    """Return the sum of the values before each within its pair; pairs begin at rows `first`."""
    so_far = np.cumsum(values) - values
    # Rounded: the dust of long running sums would make a subset differ from the whole.
    result: Floats = np.round(
        so_far - np.repeat(so_far[first], np.diff(np.append(first, values.size))), 9
    )
    return result


def before_start(table: Starts, residual: Floats) -> tuple[Floats, Ints]:
    """Return sum and count of a person's residuals, over all needs, finished by each start.

    Parameters
    ----------
    table
        Intervals.
    residual
        One value an interval; only those of finished intervals are used.
    """
    person = persons_of(table.person)
    finished = (person[table.done] << _DAY_BITS) + table.until[table.done]
    order = np.argsort(finished, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(residual[table.done][order])])
    until = np.searchsorted(finished[order], (person << _DAY_BITS) + table.day, side="right")
    # Before the first of a person come all that are finished of those before him.
    counts = np.bincount(person, table.done).astype(np.int64)
    base = (np.cumsum(counts) - counts)[person]
    # Rounded as in `starts`.
    return np.round(total[until] - total[base], 9), until - base


def persons_of(person: Ints) -> Ints:
    """Return 0, 1, 2 .. for the persons of sorted rows."""
    code = np.zeros(person.size, dtype=np.int64)
    np.cumsum(person[1:] != person[:-1], out=code[1:])
    return code
