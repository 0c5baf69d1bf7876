"""A measure that every pair repeats, pooled: what its next value is likely to be.

A pair is a company and an article group; its values are logs. Each pair has a mean and a spread of
its own. Both are shrunken: the mean to that of the group (James and Stein), the spread to the usual
one with as many degrees of freedom as spreads are found alike (Smyth 2004, doi
10.2202/1544-6115.1027, section 6.2). So a strict rhythm among loose ones keeps its narrow interval.
The next value then follows a t distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.starts import Floats, Ints

#: Before anything is seen: spread of logs within a pair, worth some values, and between pairs.
_WITHIN, _WITHIN_WEIGHT, _BETWEEN = 0.35, 10.0, 0.6
#: Degrees of freedom that the usual spread may be worth; and is, below so many pairs.
_LIKENESS = (1.0, 20.0)
_UNKNOWN_LIKENESS, _FEW = 3.0, 5
#: No spread is taken for smaller: a whole day in a month.
_LEAST = 0.03
#: Pairs that weigh as much as all groups together in a group's mean.
_GROUP_WEIGHT = 5.0


@dataclass(frozen=True)
class Sums:
    """What is kept of the values of each pair; one entry a pair."""

    #: Values, those counted by weight, their mean, and the sum of squares about it.
    count: Ints
    weight: Floats
    mean: Floats
    squares: Floats


@dataclass(frozen=True)
class Next:
    """The t distribution of each pair's next value: centre, scale, degrees of freedom."""

    centre: Floats
    scale: Floats
    freedom: Floats


@dataclass(eq=False, repr=False)  # both are scikit-learn\'s
class Pool(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What pairs have in common.

    Parameters
    ----------
    recent : float, default=0.9
        Each value weighs this much of the next one: habits change.

    Attributes
    ----------
    means_ : dict of str to float
        Mean of each group; others have `mean_`.
    mean_ : float
        Of all groups.
    within_, between_ : float
        Usual spread of a pair's values, and of pairs about the mean of their group.
    likeness_ : float
        Values that the usual spread weighs as much as.
    """

    recent: float = 0.9
    means_: dict[str, float] = field(init=False)
    mean_: float = field(init=False)
    within_: float = field(init=False)
    between_: float = field(init=False)
    likeness_: float = field(init=False)

    def fit(self, values: Floats, pair: Ints, groups: pd.Series) -> Pool:
        """Learn from all pairs.

        Parameters
        ----------
        values
            Sorted by pair, oldest first.
        pair
            Position in `groups`, one entry a value.
        groups
            The group of each pair; a pair may be without a value.
        """
        sums = self.sums(values, pair, len(groups))
        some = sums.count > 0
        of = groups[some].to_numpy()
        mean = sums.mean[some]
        self.mean_ = float(mean.mean()) if mean.size else 0.0
        frame = pd.DataFrame({"group": of, "mean": mean}).groupby("group")["mean"]
        total = frame.sum() + _GROUP_WEIGHT * self.mean_
        shrunken = total / (frame.count() + _GROUP_WEIGHT)
        self.means_ = {str(group): float(value) for group, value in shrunken.items()}
        self._spreads(sums, self._centres(groups))
        return self

    def _spreads(self, sums: Sums, centre: Floats) -> None:
        many = sums.count >= 2
        freedom = (sums.count[many] - 1).astype(np.float64)
        variance = np.maximum(sums.squares[many] / freedom, _LEAST**2)
        assumed = _WITHIN_WEIGHT * _WITHIN**2
        pooled = (assumed + (freedom * variance).sum()) / (_WITHIN_WEIGHT + freedom.sum())
        self.within_, self.likeness_ = _usual(variance, freedom, float(np.sqrt(pooled)))
        if many.sum() < 2:
            self.between_ = _BETWEEN
            return
        off = (sums.mean[many] - centre[many]) ** 2 - variance / sums.count[many]
        self.between_ = float(np.sqrt(max(off.mean(), _LEAST**2)))

    def predict(self, values: Floats, pair: Ints, groups: pd.Series) -> Next:
        """Return the distribution of the next value of each pair; arguments as in `fit`."""
        check_is_fitted(self)
        sums = self.sums(values, pair, len(groups))
        freedom = np.maximum(sums.count - 1, 0).astype(np.float64)
        own = np.maximum(sums.squares, freedom * _LEAST**2)
        worth = self.likeness_ + freedom
        variance = (self.likeness_ * self.within_**2 + own) / worth
        k = variance / self.between_**2
        centre = (sums.weight * sums.mean + k * self._centres(groups)) / (sums.weight + k)
        # The next value scatters about a mean that is itself known only so well.
        scale = np.sqrt(variance * (1 + 1 / (sums.weight + k)))
        return Next(centre.round(9), scale.round(9), worth)

    def _centres(self, groups: pd.Series) -> Floats:
        known = groups.map(self.means_).astype("float64").fillna(self.mean_)
        return np.array(known, dtype=np.float64)

    def sums(self, values: Floats, pair: Ints, pairs: int) -> Sums:
        """Return what is kept of each pair's values.

        Examples
        --------
        >>> Pool(recent=1.0).sums(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 2]), 3).mean.tolist()
        [2.0, 0.0, 5.0]
        """
        count = np.bincount(pair, minlength=pairs)
        behind = np.cumsum(count)[pair] - 1 - np.arange(pair.size)
        weights = self.recent**behind
        weight = np.bincount(pair, weights, pairs).astype(np.float64)
        mean = np.bincount(pair, weights * values, pairs) / np.maximum(weight, 1e-12)
        squares = np.bincount(pair, (values - mean[pair]) ** 2, pairs).astype(np.float64)
        return Sums(count.astype(np.int64), weight, mean, squares)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            **self.get_params(),
            "means": dict(self.means_),
            "mean": self.mean_,
            "within": self.within_,
            "between": self.between_,
            "likeness": self.likeness_,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Pool:
        """Return what `to_dict` wrote down."""
        pool = cls(plain["recent"])
        pool.means_, pool.mean_ = dict(plain["means"]), plain["mean"]
        pool.within_, pool.between_ = plain["within"], plain["between"]
        pool.likeness_ = plain["likeness"]
        return pool


def _usual(variance: Floats, freedom: Floats, pooled: float) -> tuple[float, float]:
    """Return the usual spread and how many values it is worth, by moments of log variances.

    Where spreads differ by chance alone all are alike; where they differ more, each pair's own
    counts for more.
    """
    low, high = _LIKENESS
    if variance.size < _FEW:
        return pooled, _UNKNOWN_LIKENESS
    half = freedom / 2
    logs = np.log(variance) - digamma(half) + np.log(half)
    beyond_chance = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if beyond_chance <= polygamma(1, high / 2):
        return pooled, high
    worth = low
    if beyond_chance < polygamma(1, low / 2):
        worth = float(brentq(lambda d: polygamma(1, d / 2) - beyond_chance, low, high))
    log_variance = logs.mean() + digamma(worth / 2) - np.log(worth / 2)
    return float(np.exp(log_variance / 2)), worth
