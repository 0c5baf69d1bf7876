"""The rhythm of business customers per article group: when the next order comes, and how much.

Apart from consumers in every figure: companies order in strict rhythms and by the dozen. Days from
one order to the next, and units, are pooled over companies (`pool`), both as logs.
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

from segmentation.duedates.starts import Bools, Floats, Ints
from segmentation.trade.pool import Next, Pool

#: Ends of the range of units: eight of ten orders.
_RANGE = (0.1, 0.9)
#: One spread to each side, as in "± 6 days": two of three orders.
_SPREAD = (1 / 6, 5 / 6)
#: Day number 0 was a Thursday.
_TO_MONDAY = np.array([0, 0, 2, 1, 0, 0, 0])


@dataclass(eq=False, repr=False)  # both are scikit-learn\'s
class TradeRhythm(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Days and units of a company's orders of an article group.

    Parameters
    ----------
    recent : float, default=0.9
        Each order weighs this much of the next one.

    Attributes
    ----------
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
    gaps_: Pool = field(init=False)
    units_: Pool = field(init=False)

    def fit(self, days: pd.DataFrame) -> TradeRhythm:
        """Learn from order days: company, need, day (number), units.

        One row an order of a company and article group, sorted by company, need and day.
        """
        pairs, pair = _pairs(days)
        logs, of = _gaps(days, pair)
        self.gaps_ = Pool(self.recent).fit(logs, of, pairs["need"])
        self.units_ = Pool(self.recent).fit(_log(days["units"]), pair, pairs["need"])
        return self

    def predict(self, days: pd.DataFrame, as_of: int) -> pd.DataFrame:
        """Return one row a company and article group, in the order of `days`.

        Returns
        -------
        DataFrame
            company, need, orders, last (day number), every (median days to the next order), spread
            (days to each side that hold two of three), next (day number of the median, never a
            weekend for who never orders on one), overdue (chance that a next order would have come
            before the end of `as_of`), units (median) with units_low and units_high (eight of ten).
        """
        check_is_fitted(self)
        pairs, pair = _pairs(days)
        logs, of = _gaps(days, pair)
        gap = self.gaps_.predict(logs, of, pairs["need"])
        every = np.exp(gap.centre)
        early, late = (np.exp(_quantile(gap, share)) for share in _SPREAD)
        last = days["day"].to_numpy(dtype=np.int64)[np.cumsum(np.bincount(pair)) - 1]
        units = self.units_.predict(_log(days["units"]), pair, pairs["need"])
        low, high = (np.exp(_quantile(units, share)) for share in _RANGE)
        waited = np.log(np.maximum(as_of - last, 0) + 0.5)
        overdue = t.cdf((waited - gap.centre) / gap.scale, gap.freedom)
        expected = last + np.maximum(np.rint(every), 1).astype(np.int64)
        return pairs.assign(
            orders=np.bincount(pair, minlength=len(pairs)),
            last=last,
            every=every.round(3),
            spread=((late - early) / 2).round(3),
            next=expected + np.where(_orders_on_weekends(days, pairs), 0, _to_monday(expected)),
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

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        pools = {"gaps": self.gaps_.to_dict(), "units": self.units_.to_dict()}
        return {**self.get_params(), **pools}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TradeRhythm:
        """Return what `to_dict` wrote down."""
        model = cls(plain["recent"])
        model.gaps_, model.units_ = (Pool.from_dict(plain[name]) for name in ("gaps", "units"))
        return model


def _pairs(days: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
    """Return company and need of each pair, and the pair of each row."""
    key = days[["company", "need"]]
    first = ~key.duplicated().to_numpy()
    return key[first].reset_index(drop=True), np.cumsum(first) - 1


def _gaps(days: pd.DataFrame, pair: Ints) -> tuple[Floats, Ints]:
    """Return log days from each order to the next of its pair, and the pair."""
    same = pair[1:] == pair[:-1]
    gap = np.diff(days["day"].to_numpy(dtype=np.float64))[same]
    logs: Floats = np.log(np.maximum(gap, 0.5))
    return logs, pair[1:][same]


def _log(values: pd.Series) -> Floats:
    result: Floats = np.log(np.maximum(values.to_numpy(dtype=np.float64), 1e-3))
    return result


def _quantile(of: Next, share: float) -> Floats:
    result: Floats = of.centre + of.scale * t.ppf(share, of.freedom)
    return result


def _to_monday(day: Ints) -> Ints:
    """Return the days from a Saturday or Sunday to the Monday after, 0 from any other day."""
    result: Ints = _TO_MONDAY[day % 7]
    return result


def _orders_on_weekends(days: pd.DataFrame, pairs: pd.DataFrame) -> Bools:
    there = _to_monday(days["day"].to_numpy(dtype=np.int64)) > 0
    result: Bools = pairs["company"].isin(days.loc[there, "company"].unique()).to_numpy()
    return result
