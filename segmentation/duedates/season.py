"""The shop's year: in some months people buy more, and dates should know it before it happens.

Intervals are measured in *shop days*: a day of a strong month counts for more than one, a day of a
weak month for less, and a year has as many as days. So one rhythm holds all year round, chances
rise with the season, and a date that would fall into a quiet month moves to where people buy again.

The index of a month is purchases over what the model expects of that month without one, of the same
month in at least two years. It is used where months differ far more from each other than a month
from itself a year later (F test), and is shrunken by as much as they do not (James and Stein 1961).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.stats import f as f_distribution

from segmentation.duedates.starts import Bools, Floats, Ints, Starts

#: Whole years that have to be seen, and purchases expected in every month of them.
YEARS_NEEDED, EXPECTED_NEEDED = 2, 20.0
#: Chance that months of a shop without seasons look as different.
FALSE_ALARM = 0.001
_YEAR = 12
#: Months from January 1970 that a clock covers; later ones are as long as the last.
_MONTHS = 200 * _YEAR
#: First day of each month.
_FIRST: Ints = (
    np.arange(_MONTHS + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
)


@dataclass(frozen=True)
class Season:
    """How many shop days a day of each month counts for.

    Examples
    --------
    >>> double = Season(np.array([[0.5] * 6 + [1.5] * 6]))
    >>> need, january = np.array([0]), np.array([0])
    >>> double.passed(need, january, np.array([31.0])).tolist()
    [15.5]
    >>> double.days(need, january, np.array([15.5])).tolist()
    [31.0]
    """

    #: Shape (needs, 12), mean 1 in each row; no row at all where no month stands out.
    index: Floats

    @property
    def flat(self) -> bool:
        """Whether every day counts the same."""
        return not len(self.index)

    def measured(self, table: Starts) -> Starts:
        """Return intervals in shop days."""
        if self.flat:
            return table
        length = self.passed(table.need, table.day, np.maximum(table.until - table.day, 0.5))
        return table.measured(length)

    def passed(self, need: Ints, start: Ints, days: Floats) -> Floats:
        """Return the shop days in so many days from a start on."""
        if self.flat:
            return days
        end = start + days
        result: Floats = np.maximum(self._clock(need, end) - self._clock(need, start), 1e-3)
        return result

    def days(self, need: Ints, start: Ints, passed: Floats) -> Floats:
        """Return the days from a start on in which so many shop days pass."""
        if self.flat:
            return passed
        goal = self._clock(need, start) + passed
        # One long sorted line for all needs, so that one search serves them all.
        width = self._begins[:, -1].max() + 1.0
        line = (self._begins + width * np.arange(len(self._begins))[:, None]).ravel()
        held = np.minimum(goal, width - 1.0)
        place = np.searchsorted(line, held + width * need, side="right") - 1
        month = np.clip(place - need * (_MONTHS + 1), 0, _MONTHS - 1)
        into = (goal - self._begins[need, month]) / self.index[need, month % _YEAR]
        result: Floats = _FIRST[month] + into - start
        return result

    @cached_property
    def _begins(self) -> Floats:
        """Shop days from 1970 to the first day of each month; shape (needs, months + 1)."""
        long = np.diff(_FIRST) * np.tile(self.index, _MONTHS // _YEAR)
        return np.pad(np.cumsum(long, axis=1), ((0, 0), (1, 0)))

    def _clock(self, need: Ints, day: Ints | Floats) -> Floats:
        month = np.clip(np.searchsorted(_FIRST, day, side="right") - 1, 0, _MONTHS - 1)
        begun: Floats = self._begins[need, month]
        result: Floats = begun + (day - _FIRST[month]) * self.index[need, month % _YEAR]
        return result


NONE = Season(np.zeros((0, _YEAR)))


#: Purchases expected of rows of a table between two numbers of days since each start.
Expected: TypeAlias = Callable[[Ints, Floats, Floats], Floats]


def learned(table: Starts, needs: int, expected: Expected) -> Season:
    """Return the season of a shop.

    Parameters
    ----------
    table
        Intervals in days.
    needs
        How many needs there are.
    expected
        By a model that knows no season; called only where the history is long enough.
    """
    opened, last = (
        int(m) for m in _month(np.array([table.day.min(initial=table.as_of), table.as_of]))
    )
    months = (last - opened) // _YEAR * _YEAR
    if months < YEARS_NEEDED * _YEAR:
        return NONE
    first = last - months
    bought, told = _by_month(table, needs, expected, first, months)
    shop = _index(bought.sum(axis=0), told.sum(axis=0), first)
    own = [_index(*of_need, first) for of_need in zip(bought, told, strict=True)]
    if shop is None and all(one is None for one in own):
        return NONE
    usual = np.ones(_YEAR) if shop is None else shop
    return Season(np.round([usual if one is None else one for one in own], 6))


def _month(day: Ints) -> Ints:
    result: Ints = np.searchsorted(_FIRST, day, side="right") - 1
    return result


def _by_month(
    table: Starts, needs: int, expected: Expected, first: int, months: int
) -> tuple[Floats, Floats]:
    """Return purchases and expected purchases; shape (needs, months)."""
    begun, ended = _month(table.day), _month(table.until)
    spans = ended - begun + 1
    row = np.repeat(np.arange(spans.size), spans)
    month = np.arange(row.size) - np.repeat(np.cumsum(spans) - spans, spans) + begun[row]
    # Elapsed at the end of the month before, and at the end of this one.
    day, until = table.day[row], table.until[row]
    since = np.maximum(_FIRST[month] - 1 - day, 0).astype(np.float64)
    upto = (np.minimum(_FIRST[month + 1] - 1, until) - day).astype(np.float64)
    within = (month >= first) & (month < first + months)
    row, month, since, upto = row[within], month[within], since[within], upto[within]
    cell = table.need[row] * months + month - first
    told = np.bincount(cell, expected(row, since, upto), needs * months).astype(np.float64)
    done = table.done & (ended >= first) & (ended < first + months)
    bought = np.bincount(table.need[done] * months + ended[done] - first, minlength=needs * months)
    return bought.reshape(needs, months).astype(np.float64), told.reshape(needs, months)


def _index(bought: Floats, expected: Floats, first: int) -> Floats | None:
    """Return twelve numbers from January on, mean 1; None where months do not stand out."""
    enough: Bools = expected.reshape(-1, _YEAR).min(axis=1) >= EXPECTED_NEEDED
    # Years without a break, up to the last.
    years = int(np.cumprod(enough[::-1]).sum())
    if years < YEARS_NEEDED:
        return None
    used = slice(bought.size - years * _YEAR, None)
    log = np.log((bought[used] + 1) / (expected[used] + 1))
    at = np.arange(log.size) - (log.size - 1) / 2
    log = (log - log.mean() - at * (at @ log) / (at @ at)).reshape(years, _YEAR)
    usual = log.mean(axis=0)
    left = log.size - _YEAR - 1
    between = years * usual @ usual / (_YEAR - 1)
    within = max(float(((log - usual) ** 2).sum()) / left, 1e-12)
    ratio = between / within
    if ratio < f_distribution.isf(FALSE_ALARM, _YEAR - 1, left):
        return None
    index = np.exp(np.roll(usual, first % _YEAR) * (1 - 1 / ratio))
    result: Floats = index / index.mean()
    return result
