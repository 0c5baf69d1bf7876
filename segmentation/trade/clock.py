"""Time as a company counts it: weekends and holidays on which it never orders do not pass.

A company that orders from Monday to Friday is on Sunday no later than it was on Friday. Its average
day is one day long, so that a rhythm of five weeks is one of 35 days for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentation.duedates.starts import Floats, Ints
from segmentation.duedates.weekdays import Weekdays
from segmentation.trade.holidays import FIRST_YEAR, LAST_YEAR, holidays

#: Saturday and Sunday; day number 0 was a Thursday.
_WEEKEND = (2, 3)
_YEAR_DAYS = 365.25
#: Order days that the trade's shares may weigh as much as.
_LIKENESS = (2.0, 200.0)


@dataclass(frozen=True)
class Clock:
    """What each row's company counts; rows are those that `clock` was asked for."""

    #: Shape (rows, 7): length of a day of the week, Thursday first.
    weights: Floats
    #: Shape (rows, 7): how much likelier an order is on it than on the average day.
    likelier: Floats
    #: What part of its length a holiday keeps, one entry a row.
    kept: Floats
    #: Day numbers, sorted.
    holidays: Ints

    def end(self, row: Ints, day: Ints) -> Floats:
        """Return the time at the end of days, since a moment that all of a row have in common.

        `row` and `day` are of one shape, here and below.
        """
        weights = self.weights[row]
        until = np.take_along_axis(weights.cumsum(axis=-1), (day % 7)[..., None], axis=-1)[..., 0]
        whole = (day // 7) * weights.sum(axis=-1)
        passed = self._passed()[np.searchsorted(self.holidays, day, side="right")]
        lost: Floats = (passed * weights).sum(axis=-1) * (1 - self.kept[row])
        result: Floats = whole + until - lost
        return result

    def middle(self, row: Ints, day: Ints) -> Floats:
        """Return the time in the middle of days."""
        result: Floats = self.end(row, day) - self.length(row, day) / 2
        return result

    def length(self, row: Ints, day: Ints) -> Floats:
        """Return how long days are."""
        return self._on(self.weights, row, day)

    def chance(self, row: Ints, day: Ints) -> Floats:
        """Return how much likelier an order is on days than on the average day."""
        return self._on(self.likelier, row, day)

    def _on(self, of: Floats, row: Ints, day: Ints) -> Floats:
        free = np.isin(day, self.holidays)
        result: Floats = np.where(free, self.kept[row], 1.0) * of[row, day % 7]
        return result

    def _passed(self) -> Floats:
        """Return holidays by day of the week before each of them; shape (holidays + 1, 7)."""
        one = np.zeros((self.holidays.size + 1, 7))
        one[np.arange(self.holidays.size) + 1, self.holidays % 7] = 1.0
        result: Floats = one.cumsum(axis=0)
        return result


def usual_weekdays(company: Ints, day: Ints) -> Weekdays:
    """Return on which days of the week companies order, from one entry a company and day.

    The trade's shares count for more the more companies are alike: by the variance of a
    Dirichlet-multinomial (Mosimann 1962), whose mean is 1 + (orders - 1) / (k + 1) times that of
    chance alone.
    """
    shares = Weekdays().fit(day).shares_
    place = np.unique(company, return_inverse=True)[1]
    count = np.bincount(place * 7 + day % 7, minlength=(place.max(initial=-1) + 1) * 7)
    count = count.reshape(-1, 7)
    orders = count.sum(axis=1, keepdims=True)
    beyond = ((count - orders * shares) ** 2 / (orders * shares)).sum() - 6 * len(count)
    most = 6 * float((orders - 1).sum())
    low, high = _LIKENESS
    share = min(max(beyond / most, 1 / (high + 1)), 1 / (low + 1)) if most > 0 else 1 / (high + 1)
    return Weekdays(k=round(1 / share - 1, 6)).fit(day)


def clock(weekdays: Weekdays, country: str, company: Ints, day: Ints, of: Ints) -> Clock:
    """Return how companies count.

    Parameters
    ----------
    weekdays
        Fitted on the trade.
    country
        ISO 3166; "" for one whose holidays are not known.
    company, day
        Order days of the companies, one entry a company and day.
    of
        The company of each row.
    """
    likelier = weekdays.transform(company, day, of)
    weights = np.ones_like(likelier)
    for weekday in _WEEKEND:
        weights[:, weekday] = np.isin(of, company[day % 7 == weekday])
    likelier *= weights
    weights *= 7 / weights.sum(axis=1, keepdims=True)
    free = holidays(country)
    kept = np.isin(of, company[np.isin(day, free)]).astype(np.float64)
    a_year = np.bincount(free % 7, minlength=7) / (LAST_YEAR - FIRST_YEAR + 1)
    lost = (weights * a_year).sum(axis=1) * (1 - kept)
    weights *= (_YEAR_DAYS / (_YEAR_DAYS - lost))[:, None]
    return Clock(weights, likelier, kept, free)
