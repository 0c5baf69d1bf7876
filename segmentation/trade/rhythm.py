"""The rhythm of business customers per article group: when the next order comes, and how much.

Apart from consumers in every figure: companies order in strict rhythms and by the dozen. Days from
one order to the next, and units, are pooled over companies (`pool`), both as logs. Days are counted
as the company counts them (`clock`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.starts import Floats, Ints
from segmentation.duedates.weekdays import Weekdays
from segmentation.trade.clock import Clock, clock, usual_weekdays
from segmentation.trade.pool import Next, Pool

#: Ends of the range of units: eight of ten orders.
_RANGE = (0.1, 0.9)
#: One spread to each side, as in "± 6 days": two of three orders.
_SPREAD = (1 / 6, 5 / 6)
#: The likeliest day is looked for within so many days of the median, which holidays may have moved.
_NEAR, _MOVED = 3, 14


@dataclass(eq=False, repr=False)  # both are scikit-learn\'s
class TradeRhythm(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Days and units of a company's orders of an article group.

    Parameters
    ----------
    recent : float, default=0.9
        Each order weighs this much of the next one.
    country : str, default=""
        ISO 3166: whose holidays are kept; "" for none.

    Attributes
    ----------
    weekdays_ : Weekdays
        On which days of the week companies order.
    gaps_, units_ : Pool
        Of log days between orders, and of log units an order.

    Examples
    --------
    >>> days = pd.DataFrame({"company": 1, "need": "tiles", "day": [0, 35, 70, 105], "units": 40.0})
    >>> found = TradeRhythm().fit(days).predict(days, as_of=170)
    >>> found["every"].tolist(), found["overdue"].round(2).tolist(), found["units"].tolist()
    ([35.0], [0.96], [40.0])
    """

    recent: float = 0.9
    country: str = ""
    weekdays_: Weekdays = field(init=False)
    gaps_: Pool = field(init=False)
    units_: Pool = field(init=False)

    def fit(self, days: pd.DataFrame) -> TradeRhythm:
        """Learn from order days: company, need, day (number), units.

        One row an order of a company and article group, sorted by company, need and day.
        """
        pairs, pair = _pairs(days)
        self.weekdays_ = usual_weekdays(*_order_days(days))
        logs, of = _gaps(days, pair, self._clock(days, pairs))
        self.gaps_ = Pool(self.recent).fit(logs, of, pairs["need"])
        self.units_ = Pool(self.recent).fit(_log(days["units"]), pair, pairs["need"])
        return self

    def predict(self, days: pd.DataFrame, as_of: int) -> pd.DataFrame:
        """Return one row a company and article group, in the order of `days`.

        Returns
        -------
        DataFrame
            company, need, orders, last (day number), every (median days to the next order), spread
            (days to each side that hold two of three), next (day number: the likeliest day about
            the median, none on which the company never orders where that is a weekend or a
            holiday), overdue (chance that a next order would have come before the end of `as_of`),
            units (median) with units_low and units_high (eight of ten).
        """
        check_is_fitted(self)
        pairs, pair = _pairs(days)
        time = self._clock(days, pairs)
        logs, of = _gaps(days, pair, time)
        gap = self.gaps_.predict(logs, of, pairs["need"])
        every = np.exp(gap.centre)
        early, late = (np.exp(_quantile(gap, share)) for share in _SPREAD)
        last = days["day"].to_numpy(dtype=np.int64)[np.cumsum(np.bincount(pair)) - 1]
        units = self.units_.predict(_log(days["units"]), pair, pairs["need"])
        low, high = (np.exp(_quantile(units, share)) for share in _RANGE)
        row = np.arange(len(pairs))
        waited = time.end(row, np.maximum(last, as_of)) - time.middle(row, last)
        overdue = t.cdf((np.log(waited) - gap.centre) / gap.scale, gap.freedom)
        return pairs.assign(
            orders=np.bincount(pair, minlength=len(pairs)),
            last=last,
            every=every.round(3),
            spread=((late - early) / 2).round(3),
            next=_likeliest(gap, last, time),
            overdue=np.round(overdue, 6),
            units=np.exp(units.centre).round(3),
            units_low=low.round(3),
            units_high=high.round(3),
        )

    def chances(self, days: pd.DataFrame, as_of: int, within: int) -> pd.DataFrame:
        """Return what `predict` does, with `chance`: of an order in the next `within` days.

        Given that none has come by the end of `as_of`.
        """
        now, then = self.predict(days, as_of), self.predict(days, as_of + within)
        still = np.maximum(1 - now["overdue"], 1e-6)
        return now.assign(chance=((then["overdue"] - now["overdue"]) / still).clip(0, 1))

    def _clock(self, days: pd.DataFrame, pairs: pd.DataFrame) -> Clock:
        company, day = _order_days(days)
        of = pairs["company"].to_numpy(dtype=np.int64)
        return clock(self.weekdays_, self.country, company, day, of)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        pools = {"gaps": self.gaps_.to_dict(), "units": self.units_.to_dict()}
        weekdays = {"k": self.weekdays_.k, "shares": self.weekdays_.shares_.tolist()}
        return {**self.get_params(), "weekdays": weekdays, **pools}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TradeRhythm:
        """Return what `to_dict` wrote down."""
        model = cls(plain["recent"], plain["country"])
        model.weekdays_ = Weekdays(plain["weekdays"]["k"])
        model.weekdays_.shares_ = np.array(plain["weekdays"]["shares"])
        model.gaps_, model.units_ = (Pool.from_dict(plain[name]) for name in ("gaps", "units"))
        return model


def _pairs(days: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
    """Return company and need of each pair, and the pair of each row."""
    key = days[["company", "need"]]
    first = ~key.duplicated().to_numpy()
    return key[first].reset_index(drop=True), np.cumsum(first) - 1


def _order_days(days: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return company and day of each day on which it ordered anything."""
    told = days[["company", "day"]].drop_duplicates()
    return told["company"].to_numpy(dtype=np.int64), told["day"].to_numpy(dtype=np.int64)


def _gaps(days: pd.DataFrame, pair: Ints, time: Clock) -> tuple[Floats, Ints]:
    """Return log days from each order to the next of its pair, and the pair."""
    same = pair[1:] == pair[:-1]
    gap = np.diff(time.middle(pair, days["day"].to_numpy(dtype=np.int64)))[same]
    logs: Floats = np.log(np.maximum(gap, 0.5))
    return logs, pair[1:][same]


def _log(values: pd.Series) -> Floats:
    result: Floats = np.log(np.maximum(values.to_numpy(dtype=np.float64), 1e-3))
    return result


def _quantile(of: Next, share: float) -> Floats:
    result: Floats = of.centre + of.scale * t.ppf(share, of.freedom)
    return result


def _likeliest(gap: Next, last: Ints, time: Clock) -> Ints:
    """Return the day about the median of each pair on which the next order is likeliest."""
    row, first = np.arange(last.size)[:, None], (last + 1)[:, None]
    start, rhythm = time.middle(row, last[:, None]), np.exp(gap.centre)[:, None]
    about = last[:, None] + np.rint(rhythm).astype(np.int64)
    days = np.maximum(about + np.arange(-_MOVED, _MOVED + 1), first)
    rows = np.broadcast_to(row, days.shape)
    passed = (time.end(rows, days) - start >= rhythm).argmax(axis=1)[:, None]
    median = np.take_along_axis(days, passed, axis=1)
    days = np.maximum(median + np.arange(-_NEAR, _NEAR + 1), first)
    rows = np.broadcast_to(row, days.shape)
    waited = np.log(np.maximum(time.middle(rows, days) - start, 0.5))
    away = (waited - gap.centre[:, None]) / gap.scale[:, None]
    chance = t.pdf(away, gap.freedom[:, None]) * time.chance(rows, days)
    result: Ints = np.take_along_axis(days, chance.argmax(axis=1)[:, None], axis=1)[:, 0]
    return result
