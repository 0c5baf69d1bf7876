"""How often customers come back, and whether they still do: the BG/NBD model.

Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24(2), 2005. While
alive, a customer buys at random with a rate of his own (rates are gamma distributed over customers,
shape `r`, rate `alpha`); after each purchase he leaves for good with a chance of his own (beta
distributed, `a` and `b`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import digamma, gammaln, polygamma, roots_jacobi
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from segmentation.duedates.starts import Floats, Ints
from segmentation.value.newton import Prior, maximise

COLUMNS = ("repeat_orders", "span", "tenure")
_NAMES = ("r", "alpha", "a", "b")
#: No shop needs more: beyond, the four parameters only tell of a history that is cut off.
_LOW, _HIGH = 1e-4, 1000.0
#: Chance to leave after a purchase below which nobody seems ever to leave, and above, to stay.
_HARDLY = 0.005
_POINTS = 24


class BetaGeo(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """BG/NBD by penalised maximum likelihood.

    Samples are customers with the columns repeat_orders (purchase days after the first), span
    (first purchase to last) and tenure (first purchase to the day we look from), the last two in
    one unit of time of the caller's choice; weeks are usual.

    Parameters
    ----------
    prior_sd : float, default=1.5
        Spread of the log-normal priors of the four parameters: weak, but enough to keep a shop
        whose history is cut off from running to the edge; ``inf`` for plain maximum likelihood.

    Attributes
    ----------
    r_, alpha_, a_, b_ : float
        Shape and rate of buying (alpha in the unit of time); shape of leaving.
    log_likelihood_ : float
        Of the samples, without the priors.
    degenerate_ : list of str
        What the samples could not tell: "r at its bound" (or another parameter), "nobody leaves",
        "nobody returns". Empty for a sound fit.
    n_features_in_ : int
        3.

    Examples
    --------
    >>> X = [[2, 30.4, 38.9], [1, 1.7, 38.9], [0, 0.0, 38.9], [7, 29.4, 38.9], [0, 0.0, 30.1]]
    >>> model = BetaGeo().fit(X)
    >>> model.p_alive(X).round(2).tolist()
    [0.78, 0.3, 1.0, 0.7, 1.0]
    """

    def __init__(self, prior_sd: float = 1.5) -> None:
        self.prior_sd = prior_sd

    def fit(
        self,
        X: npt.ArrayLike | pd.DataFrame,
        y: None = None,  # noqa: ARG002  # scikit-learn's form
        sample_weight: npt.ArrayLike | None = None,
    ) -> BetaGeo:
        """Learn from customers.

        Parameters
        ----------
        X : array-like of shape (n_customers, 3)
            repeat_orders, span, tenure.
        y : None
            Not used.
        sample_weight : array-like of shape (n_customers,), optional
            Customers that a row stands for.

        Raises
        ------
        ValueError
            Where a span is longer than its tenure, a figure is below zero or not a number, or
            nobody has a tenure.
        """
        x, span, tenure = _columns(X)
        self.n_features_in_ = len(COLUMNS)
        weight = (
            np.ones(x.size) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        )
        data = _Collapsed.of(x, span, tenure, weight)
        total = float(weight @ tenure)
        if total <= 0:
            raise ValueError("Nobody has been a customer for any time yet")
        # The prior speaks the caller's unit of time: as many orders as there are, over all.
        pace = total / max(float(weight @ x), 1.0)
        centre = np.array([1.0, pace, 1.0, 4.0])
        unit = np.array([1.0, max(pace, 1.0), 1.0, 1.0])
        found = maximise(
            data.log_likelihood,
            [centre, np.array([0.3, 0.3 * pace, 0.5, 1.5])],
            low=_LOW * np.minimum(unit, pace),
            high=_HIGH * unit,
            prior=Prior(centre=centre, sd=self.prior_sd),
        )
        self.r_, self.alpha_, self.a_, self.b_ = (float(value) for value in found.parameters)
        self.log_likelihood_ = found.log_likelihood
        self.degenerate_ = self._degenerate(found.at_bound, returned=bool((x > 0).any()))
        return self

    def _degenerate(self, at_bound: Ints, *, returned: bool) -> list[str]:
        told = [f"{name} at its bound" for name, at in zip(_NAMES, at_bound, strict=True) if at]
        leaves = self.a_ / (self.a_ + self.b_)
        if returned and leaves < _HARDLY:
            told.append("nobody leaves")
        if not returned or leaves > 1 - _HARDLY:
            told.append("nobody returns")
        return told

    def p_alive(self, X: npt.ArrayLike | pd.DataFrame) -> Floats:
        """Return the chance that each customer is one still; 1 for who bought only once.

        The model lets nobody leave before the second purchase.
        """
        check_is_fitted(self)
        return self._alive(*_columns(X))

    def _alive(self, x: Floats, span: Floats, tenure: Floats) -> Floats:
        r, alpha, a, b = self.r_, self.alpha_, self.a_, self.b_
        again = np.maximum(x, 1)
        log_odds = (r + x) * (np.log(alpha + tenure) - np.log(alpha + span))
        log_odds += np.log(a) - np.log(b + again - 1)
        return np.where(x > 0, 1 / (1 + np.exp(np.minimum(log_odds, 700))), 1.0)

    def p_active(self, X: npt.ArrayLike | pd.DataFrame, horizon: float) -> Floats:
        """Return each customer's chance of a purchase within `horizon` (in the unit of tenure)."""
        check_is_fitted(self)
        x, span, tenure = _columns(X)
        quiet = (1 + horizon / (self.alpha_ + tenure)) ** -(self.r_ + x)
        result: Floats = self._alive(x, span, tenure) * (1 - quiet)
        return result

    def predict(self, X: npt.ArrayLike | pd.DataFrame, horizon: float) -> Floats:
        """Return the purchases expected of each customer within `horizon` (in the unit of tenure).

        Given his chance p to leave, a living customer with posterior rate Gamma(r + x, alpha + T)
        makes (1 - (1 + p t / (alpha + T))^-(r + x)) / p purchases; p is Beta(a, b + x). The mean
        over p is taken with Gauss-Jacobi points: equal to the paper's hypergeometric form, and
        also sound where that one is 0 / 0 (a = 1) or overflows (many purchases).
        """
        check_is_fitted(self)
        x, span, tenure = _columns(X)
        result = self._alive(x, span, tenure)
        share = horizon / (self.alpha_ + tenure)
        for count in np.unique(x):
            rows = np.flatnonzero(x == count)
            # On (-1, 1), weight (1 - z)^(b + x - 1) (1 + z)^(a - 1), p = (1 + z) / 2.
            z, weight = roots_jacobi(_POINTS, self.b_ + count - 1, self.a_ - 1)
            p = np.maximum((1 + z) / 2, 1e-12)
            log_quiet = -(self.r_ + count) * np.log1p(np.outer(share[rows], p))
            # Summed by row, not multiplied as a matrix: then a few people get what all get.
            result[rows] *= (-np.expm1(log_quiet) / p * (weight / weight.sum())).sum(axis=1)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        fitted = {name: getattr(self, f"{name}_") for name in (*_NAMES, "log_likelihood")}
        return {"prior_sd": self.prior_sd, "degenerate": self.degenerate_, **fitted}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> BetaGeo:
        """Return the model that `to_dict` wrote down."""
        model = cls(prior_sd=plain["prior_sd"])
        for name in (*_NAMES, "log_likelihood", "degenerate"):
            setattr(model, f"{name}_", plain[name])
        model.n_features_in_ = len(COLUMNS)
        return model


def _columns(X: npt.ArrayLike | pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    values = X[list(COLUMNS)] if isinstance(X, pd.DataFrame) else X
    table: Floats = check_array(values, dtype=np.float64)
    if table.shape[1] != len(COLUMNS):
        raise ValueError(f"X has {table.shape[1]} columns, expected {', '.join(COLUMNS)}")
    x, span, tenure = table.T
    if (table < 0).any() or (span > tenure).any():
        raise ValueError("0 <= repeat_orders and 0 <= span <= tenure must hold for everybody")
    return x, span, tenure


@dataclass(frozen=True)
class _Collapsed:
    """Equal customers once, with how many they are; and how many there are by repeat orders."""

    x: Floats
    span: Floats
    tenure: Floats
    weight: Floats
    counts: Floats
    many: Floats

    @classmethod
    def of(cls, x: Floats, span: Floats, tenure: Floats, weight: Floats) -> _Collapsed:
        order = np.lexsort((tenure, span, x))
        x, span, tenure = x[order], span[order], tenure[order]
        is_first = np.ones(x.size, dtype=bool)
        is_first[1:] = (np.diff(x) != 0) | (np.diff(span) != 0) | (np.diff(tenure) != 0)
        first = np.flatnonzero(is_first)
        counted = np.add.reduceat(weight[order], first)
        x = x[first]
        of_count = np.flatnonzero(np.append(True, np.diff(x) != 0))
        many = np.add.reduceat(counted, of_count)
        return cls(x, span[first], tenure[first], counted, x[of_count], many)

    def log_likelihood(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-likelihood with gradient and Hessian by (r, alpha, a, b)."""
        by_count = _by_count(parameters, self.counts, self.many)
        bracket = self._bracket(parameters)
        return by_count[0] + bracket[0], by_count[1] + bracket[1], by_count[2] + bracket[2]

    def _bracket(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """The part that depends on times: log of (still a customer + left after the last order)."""
        r, alpha, a, b = parameters
        w, n = self.weight, r + self.x
        late, early = alpha + self.tenure, alpha + self.span
        log_late, log_early = np.log(late), np.log(early)
        again = self.x > 0
        rest = b + np.maximum(self.x, 1) - 1
        stays = -n * log_late
        left = np.where(again, np.log(a) - np.log(rest) - n * log_early, -np.inf)
        both = np.logaddexp(stays, left)
        u = np.exp(left - both)  # chance that he has left
        v = 1 - u
        n_late, n_early = n / late, n / early
        wu, wv, spread = w * u, w * v, w * u * v
        # First derivatives of `left` minus those of `stays`, for the mixture's second ones.
        d = np.stack([log_late - log_early, n_late - n_early, np.full_like(n, 1 / a), -1 / rest])
        slope = np.array(
            [
                -wv @ log_late - wu @ log_early,
                -wv @ n_late - wu @ n_early,
                wu.sum() / a,
                -wu @ (1 / rest),
            ]
        )
        bend = (d * spread) @ d.T
        bend[0, 1] -= wv @ (1 / late) + wu @ (1 / early)
        bend[1, 0] = bend[0, 1]
        bend[1, 1] += wv @ (n_late / late) + wu @ (n_early / early)
        bend[2, 2] -= wu.sum() / a**2
        bend[3, 3] += wu @ (1 / rest**2)
        return float(w @ both), slope, bend


def _by_count(parameters: Floats, counts: Floats, many: Floats) -> tuple[float, Floats, Floats]:
    """The part that depends on the number of repeat orders alone, with its derivatives."""
    r, alpha, a, b = parameters
    total = many.sum()
    value = gammaln(r + counts) - gammaln(r) + gammaln(b + counts) - gammaln(b)
    value += gammaln(a + b) - gammaln(a + b + counts) + r * np.log(alpha)
    joint = digamma(a + b) - digamma(a + b + counts)
    slope = np.array(
        [
            many @ (digamma(r + counts) - digamma(r)) + total * np.log(alpha),
            total * r / alpha,
            many @ joint,
            many @ (joint + digamma(b + counts) - digamma(b)),
        ]
    )
    bent = many @ (polygamma(1, a + b) - polygamma(1, a + b + counts))
    bend = np.zeros((4, 4))
    bend[0, 0] = many @ (polygamma(1, r + counts) - polygamma(1, r))
    bend[0, 1] = bend[1, 0] = total / alpha
    bend[1, 1] = -total * r / alpha**2
    bend[2:, 2:] = bent
    bend[3, 3] += many @ (polygamma(1, b + counts) - polygamma(1, b))
    return float(many @ value), slope, bend
