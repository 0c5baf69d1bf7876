"""On which days of the week somebody shops, and the day around which a purchase is likeliest.

People shop on their own days: an interval of 7, 14 or 21 days is seen half as often again as one a
day longer or shorter. So the best day to write, for goods bought every few weeks, is not the
median: it is the middle of the fortnight that holds the most chance, and a day can decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.intervals import IntervalModel, hazard
from segmentation.duedates.pace import Pace
from segmentation.duedates.starts import Floats, Ints

#: Half the window whose chance is looked at, in days.
HALF_WINDOW_DAYS = 7
#: Beyond so many days the day of the week says nothing.
HORIZON_DAYS = 92
_ROWS_AT_ONCE = 50_000
_MOST_A_DAY = 0.95


@dataclass(eq=False, repr=False)  # both are scikit-learn\'s
class Weekdays(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Shares of the days of the week in somebody's shopping days, shrunken to the shop's.

    Parameters
    ----------
    k : float, default=20
        Shopping days that weigh as much as the shop's shares.

    Attributes
    ----------
    shares_ : ndarray of shape (7,)
        The shop's; day number 0 (1970-01-01) is a Thursday and comes first.
    """

    k: float = 20.0
    shares_: Floats = field(init=False)

    def fit(self, day: Ints) -> Weekdays:
        """Learn from shopping days of all persons, one entry a person and day."""
        count = np.bincount(day % 7, minlength=7).astype(np.float64)
        self.shares_ = np.round((count + 1) / (count.sum() + 7), 9)
        return self

    def transform(self, person: Ints, day: Ints, of: Ints) -> Floats:
        """Return how much likelier each day of the week is for persons than an average day.

        Parameters
        ----------
        person, day
            Shopping days, one entry a person and day.
        of
            For whom; somebody without a shopping day has the shop's shares.

        Returns
        -------
        ndarray of shape (persons asked for, 7)
            Mean 1 in each row.
        """
        check_is_fitted(self)
        persons, place = np.unique(np.concatenate([person, of]), return_inverse=True)
        cell = place[: person.size] * 7 + day % 7
        count = np.bincount(cell, minlength=persons.size * 7).reshape(-1, 7)
        total = count.sum(axis=1, keepdims=True) + self.k
        likelier: Floats = 7 * (count + self.k * self.shares_) / total
        return likelier[place[person.size :]]


def best_days(
    model: IntervalModel, pace: Pace, start: Ints, likelier: Floats, horizon: int = HORIZON_DAYS
) -> tuple[Ints, Ints, Floats]:
    """Return the best day, the median day and the chance of a repurchase within the horizon.

    Parameters
    ----------
    model, pace
        Fitted; one entry of `pace` an interval.
    start
        First day of each interval, a day number.
    likelier
        From `Weekdays.transform`, one row an interval.
    horizon
        In days.

    Returns
    -------
    best, median, chance
        Days after the start: the middle of the 15 days that hold the most chance, and the day by
        which half of those who come back within the horizon have done so.
    """
    best = np.empty(start.size, dtype=np.int64)
    median, chance = np.empty_like(best), np.empty(start.size)
    for first in range(0, start.size, _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        by = _by_day(model, pace.take(np.arange(start.size)[rows]), start[rows], likelier[rows],
                     horizon + HALF_WINDOW_DAYS)  # fmt: skip
        middle = np.arange(1, horizon + 1)
        mass = by[:, middle + HALF_WINDOW_DAYS]
        mass = mass - by[:, np.maximum(middle - HALF_WINDOW_DAYS - 1, 0)]
        best[rows] = middle[mass.argmax(axis=1)]
        chance[rows] = by[:, horizon]
        median[rows] = (by[:, : horizon + 1] < by[:, [horizon]] / 2).sum(axis=1)
    return best, median, chance


def _by_day(model: IntervalModel, pace: Pace, start: Ints, likelier: Floats, days: int) -> Floats:
    """Return the chance of a repurchase by the end of day 0, 1, .. `days`; shape (rows, days)."""
    later = [hazard(model, pace, np.full(start.size, float(day))) for day in range(1, days + 1)]
    until = np.stack([np.zeros(start.size), *later], axis=1)
    weekday = (start[:, None] + np.arange(1, days + 1)) % 7
    a_day = -np.expm1(-np.diff(until, axis=1)) * np.take_along_axis(likelier, weekday, axis=1)
    still = np.cumprod(1 - np.minimum(a_day, _MOST_A_DAY), axis=1)
    return np.pad(1 - still, ((0, 0), (1, 0)))
