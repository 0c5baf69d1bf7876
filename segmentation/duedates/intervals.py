"""How long until the next purchase of a need: shrunken log intervals with censored residuals.

Three steps, each with the open intervals as evidence:

1. The need. Log intervals are normal among those who come back; a share never does (a cure model;
   Boag 1949). Fitted by expectation-maximisation with the stated or assumed life as
   pseudo-observations, so that data take over as they come.
2. The person. Own gaps are shrunken to the need's mean plus the person's general pace:
   ``mu = (n * mean(log gap) + k * m) / (n + k)``, k = within / between variance, held in 2..6.
3. The rest. What remains, in spreads of the need, has a Kaplan-Meier distribution (Kaplan and
   Meier 1958) by number of own gaps. Its discrete hazards are shrunken from need to shop to a
   log-normal start, so that thin needs borrow and rich ones speak for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtr
from sklearn.base import BaseEstimator

from segmentation.duedates.needs import Prior
from segmentation.duedates.starts import (
    MOST_OWN_GAPS,
    Bools,
    Floats,
    Ints,
    Starts,
    before_start,
)

#: Below this many repurchases a need's life is not called learned.
LEARNED_FROM = 30
#: Residual grid, in spreads of the need; beyond the last edge lies no repurchase worth a date.
EDGES: Floats = np.round(np.arange(-4.0, 3.01, 0.1), 6)
_GROUPS = MOST_OWN_GAPS + 1
_K_CUSTOMER = 10.0
_K_PAIR = (2.0, 6.0)
_PRIOR_WEIGHT = {"stated": 10.0, "assumption": 5.0}
_SPREAD_WEIGHT = 10.0
#: Before anything is seen, six in ten come back, worth five customers.
_REPEAT = (3.0, 2.0)
_SHAPE_WEIGHT = (20.0, 50.0)  # shop to start, need to shop
_ROUNDS, _CLOSE = 200, 1e-4


@dataclass(frozen=True)
class Lives:
    """What is known of each need's interval; one entry a need."""

    #: Mean and standard deviation of the log of days, given a repurchase.
    mu: Floats
    sigma: Floats
    #: Finished intervals.
    gaps: Ints


@dataclass(frozen=True)
class Pace:
    """Where each interval's end is expected: log days, spread, and row of the residual table."""

    mu: Floats
    sigma: Floats
    row: Ints


@dataclass
class IntervalModel(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Days from a purchase to the next one of the same need by the same person.

    Parameters
    ----------
    k_customer : float, default=10
        Gaps of other needs that weigh as much as nothing known about the person's pace.

    Attributes
    ----------
    lives_ : Lives
        Per need.
    k_pair_ : float
        Own gaps that weigh as much as everything else known.
    shapes_ : ndarray of shape (rows, edges)
        Chance of a repurchase up to each residual; the last row of a need's groups or the shop's.
    rows_ : ndarray of shape (needs, 5)
        Row of `shapes_` by need and number of own gaps.
    """

    k_customer: float = _K_CUSTOMER
    lives_: Lives = field(init=False)
    k_pair_: float = field(init=False)
    shapes_: Floats = field(init=False)
    rows_: Ints = field(init=False)

    def fit(self, table: Starts, priors: Sequence[Prior]) -> IntervalModel:
        """Learn from intervals; `priors` has one entry a need, in the order of the codes."""
        self.lives_ = _lives(table, priors)
        self.k_pair_ = _k_pair(table, self.lives_.mu)
        mu, sigma = self._expected(table)
        residual = (np.log(table.length) - mu) / sigma
        self.shapes_, self.rows_ = _shapes(table, residual, len(priors))
        return self

    def predict(self, table: Starts, of: Bools | None = None) -> Pace:
        """Return the pace of intervals, or of those marked in `of`.

        The table must hold everything known of the persons in it: their pace over all needs counts.
        """
        mu, sigma = self._expected(table)
        row = self.rows_[table.need, np.minimum(table.own_gaps, MOST_OWN_GAPS)]
        return Pace(mu, sigma, row) if of is None else Pace(mu[of], sigma[of], row[of])

    def _expected(self, table: Starts) -> tuple[Floats, Floats]:
        need_mu = self.lives_.mu[table.need]
        total, count = before_start(table, np.log(table.length) - need_mu)
        prior = need_mu + total / (count + self.k_customer)
        mu: Floats = (table.own_log + self.k_pair_ * prior) / (table.own_gaps + self.k_pair_)
        return np.round(mu, 9), self.lives_.sigma[table.need]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "k_customer": self.k_customer,
            "k_pair": float(self.k_pair_),
            "mu": self.lives_.mu.tolist(),
            "sigma": self.lives_.sigma.tolist(),
            "gaps": self.lives_.gaps.tolist(),
            "shapes": self.shapes_.tolist(),
            "rows": self.rows_.tolist(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> IntervalModel:
        """Return the model that `to_dict` wrote down."""
        model = cls(k_customer=plain["k_customer"])
        model.k_pair_ = plain["k_pair"]
        model.lives_ = Lives(
            np.array(plain["mu"], dtype=np.float64),
            np.array(plain["sigma"], dtype=np.float64),
            np.array(plain["gaps"], dtype=np.int64),
        )
        model.shapes_ = np.array(plain["shapes"], dtype=np.float64).reshape(-1, EDGES.size)
        model.rows_ = np.array(plain["rows"], dtype=np.int64).reshape(-1, _GROUPS)
        return model


def _lives(table: Starts, priors: Sequence[Prior]) -> Lives:
    needs = len(priors)
    mu0 = np.log([prior.life for prior in priors]) if needs else np.zeros(0)
    sd0 = np.array([prior.spread for prior in priors], dtype=np.float64)
    weight = np.array([_PRIOR_WEIGHT[prior.basis] for prior in priors], dtype=np.float64)
    gaps = np.bincount(table.need[table.done], minlength=needs).astype(np.int64)
    mu, sigma = _cure_lognormal(table, mu0, sd0, weight)
    # A merchant's word holds until there is enough to contradict it, and then it still counts.
    untold = (gaps == 0) | ((weight == _PRIOR_WEIGHT["stated"]) & (gaps < LEARNED_FROM))
    return Lives(np.where(untold, mu0, mu), np.where(untold, sd0, sigma), gaps)


def _cure_lognormal(
    table: Starts, mu0: Floats, sd0: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of log days per need among those who come back.

    Expectation: the chance that an open interval will end, ``w = r S / (1 - r + r S)``, and the
    truncated normal moments of its end. Maximisation: weighted means with the prior's weight.
    """
    needs, code, done = mu0.size, table.need, table.done
    log = np.log(table.length)
    mu, sd, repeat = mu0.copy(), sd0.copy(), np.full(needs, _REPEAT[0] / sum(_REPEAT))
    rows = np.bincount(code, minlength=needs)
    ended = np.bincount(code, done, needs)
    log_sum = np.bincount(code, np.where(done, log, 0.0), needs)
    open_code, open_log = code[~done], log[~done]
    for _ in range(_ROUNDS):
        m, s = mu[open_code], sd[open_code]
        a = (open_log - m) / s
        survival = np.maximum(ndtr(-a), 1e-12)
        mills = np.exp(-0.5 * a * a) / np.sqrt(2 * np.pi) / survival
        r = repeat[open_code]
        w = r * survival / (1 - r + r * survival)
        later = np.bincount(open_code, w, needs)
        weighed = ended + later + weight
        new_mu = log_sum + np.bincount(open_code, w * (m + s * mills), needs) + weight * mu0
        new_mu /= weighed
        shift = m + s * mills - new_mu[open_code]
        left = s * s * (1 + a * mills - mills * mills)  # variance of the truncated normal
        squares = np.bincount(code, np.where(done, (log - new_mu[code]) ** 2, 0.0), needs)
        squares += np.bincount(open_code, w * (left + shift * shift), needs)
        new_sd = np.sqrt((squares + _SPREAD_WEIGHT * sd0 * sd0) / (ended + later + _SPREAD_WEIGHT))
        repeat = (ended + later + _REPEAT[0]) / (rows + sum(_REPEAT))
        moved = max(np.abs(new_mu - mu).max(initial=0), np.abs(new_sd - sd).max(initial=0))
        mu, sd = new_mu, np.maximum(new_sd, 0.05)
        if moved < _CLOSE:
            break
    return mu, sd


def _k_pair(table: Starts, need_mu: Floats) -> float:
    """Return within / between variance of log gaps by moments, held in 2..6."""
    last = np.flatnonzero(~table.done)
    own, total = table.own_gaps[last], table.own_log[last]
    first = np.append(0, last[:-1] + 1)
    if not (own >= 2).sum() >= LEARNED_FROM:
        return float(np.mean(_K_PAIR))
    logs = np.where(table.done, np.log(table.length), 0.0)
    squares = np.add.reduceat(logs * logs, first)
    some = own >= 2
    n, mean = own[some].astype(np.float64), total[some] / own[some]
    within = (squares[some] - n * mean * mean).sum() / (n - 1).sum()
    offset = mean - need_mu[table.need[last][some]]
    between = offset.var() - within * (1 / n).mean()
    return float(np.clip(within / max(between, 1e-9), *_K_PAIR))


def _shapes(table: Starts, residual: Floats, needs: int) -> tuple[Floats, Ints]:
    """Return distribution functions of residuals at `EDGES` and which row is whose."""
    bins = EDGES.size - 1
    group = np.minimum(table.own_gaps, MOST_OWN_GAPS)
    place = np.searchsorted(EDGES, residual, side="right") - 1
    # What ends beyond the last edge is open at the edge: no repurchase within the horizon.
    done = table.done & (place < bins)
    place = np.clip(place, 0, bins)
    cell = (table.need * _GROUPS + group) * (bins + 1) + place
    shape = (needs, _GROUPS, bins + 1)
    size = needs * _GROUPS * (bins + 1)
    ends = np.bincount(cell[done], minlength=size).reshape(shape)
    open_ = np.bincount(cell[~done], minlength=size).reshape(shape)
    pool_hazard = _shrunken(ends.sum(0), open_.sum(0), _start_hazard(), _SHAPE_WEIGHT[0])
    rich = ends.sum(axis=(1, 2)) >= LEARNED_FROM
    need_hazard = _shrunken(ends[rich], open_[rich], pool_hazard[None], _SHAPE_WEIGHT[1])
    hazards = np.concatenate([pool_hazard[None], need_hazard]).reshape(-1, bins)
    chance = 1 - np.cumprod(1 - hazards, axis=1)
    first_row = np.where(rich, np.cumsum(rich), 0) * _GROUPS
    rows = first_row[:, None] + np.arange(_GROUPS)
    return np.round(np.pad(chance, ((0, 0), (1, 0))), 7), rows.astype(np.int64)


def _start_hazard() -> Floats:
    chance = _REPEAT[0] / sum(_REPEAT) * ndtr(EDGES)
    chance[0] = 0.0
    hazard: Floats = np.diff(chance) / (1 - chance[:-1])
    return hazard


def _shrunken(ends: Ints, open_: Ints, towards: Floats, weight: float) -> Floats:
    every = ends + open_
    at_risk = np.cumsum(every[..., ::-1], axis=-1)[..., ::-1] - open_ / 2
    hazard: Floats = (ends[..., :-1] + weight * towards) / (at_risk[..., :-1] + weight)
    return np.clip(hazard, 0.0, 1.0)


def chance(model: IntervalModel, pace: Pace, days: Floats) -> Floats:
    """Return the chance of a repurchase within `days` of the start, one value an interval."""
    z = (np.log(np.maximum(days, 0.5)) - pace.mu) / pace.sigma
    place = np.clip((z - EDGES[0]) / (EDGES[1] - EDGES[0]), 0.0, EDGES.size - 1.0)
    low = np.minimum(place.astype(np.int64), EDGES.size - 2)
    left = model.shapes_[pace.row, low]
    result: Floats = left + (place - low) * (model.shapes_[pace.row, low + 1] - left)
    return result


def repeat_chance(model: IntervalModel, pace: Pace) -> Floats:
    """Return the chance of any repurchase within the need's horizon (3 spreads past the mean)."""
    result: Floats = model.shapes_[pace.row, -1]
    return result


def days_until(model: IntervalModel, pace: Pace, share: float) -> Floats:
    """Return the days by which `share` of those who come back have done so."""
    reached = np.array([np.interp(share * row[-1], row, EDGES) for row in model.shapes_])
    result: Floats = np.exp(pace.mu + pace.sigma * reached[pace.row])
    return result
