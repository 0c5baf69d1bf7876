"""What an order of a customer is worth: the Gamma-Gamma model.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value", note 025, 2013. Order values of one
customer are gamma distributed around his own mean, the means over customers again, and how much
somebody spends has nothing to do with how often: `correlation_` says whether that holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import digamma, gammaln, polygamma
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from segmentation.duedates.starts import Floats
from segmentation.value.newton import Prior, maximise

COLUMNS = ("orders", "monetary_value")
_NAMES = ("p", "q", "gamma")
_LOW, _HIGH = 1e-3, 1e4
#: q above it: the mean over customers exists only for q > 1.
_LEAST_Q = 1.05
#: |correlation| above which value and number of orders are not independent.
_DEPENDENT = 0.3


class GammaGamma(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Mean value of an order per customer, shrunken to the shop's, by maximum likelihood.

    Samples are customers with at least one order and the columns orders (how many are averaged) and
    monetary_value (their mean, any currency; above zero).

    Parameters
    ----------
    prior_sd : float, default=1.5
        Spread of the log-normal priors of the three parameters; ``inf`` for plain maximum
        likelihood.

    Attributes
    ----------
    p_, q_, gamma_ : float
        Shape within customers, shape over customers, scale in units of money.
    log_likelihood_ : float
        Of the samples, without the priors.
    correlation_ : float
        Between the number of orders and their mean value.
    degenerate_ : list of str
        "p at its bound" (or another parameter), "value depends on frequency".
    n_features_in_ : int
        2.

    Examples
    --------
    >>> X = [[1, 20.0], [9, 80.0], [2, 35.0], [4, 30.0], [3, 22.0], [1, 90.0]]
    >>> GammaGamma().fit(X).predict([[0, 0.0], [1, 90.0], [9, 90.0]]).round().tolist()
    [47.0, 65.0, 84.0]
    """

    def __init__(self, prior_sd: float = 1.5) -> None:
        self.prior_sd = prior_sd

    def fit(self, X: npt.ArrayLike | pd.DataFrame, y: None = None) -> GammaGamma:  # noqa: ARG002
        """Learn from customers with at least one order of some value; others are left out.

        Parameters
        ----------
        X : array-like of shape (n_customers, 2)
            orders, monetary_value.
        y : None
            Not used.

        Raises
        ------
        ValueError
            Where nobody has an order of some value.
        """
        n, m = _columns(X)
        self.n_features_in_ = len(COLUMNS)
        some = (n > 0) & (m > 0)
        n, m = n[some], m[some]
        if not n.size:
            raise ValueError("Nobody has an order of some value yet")
        scale = float(np.exp(np.log(m).mean()))
        data = _Sums(n, m / scale)
        centre = np.array([4.0, 4.0, 3.0])
        found = maximise(
            data.log_likelihood,
            [centre, np.array([1.0, 2.0, 1.0])],
            low=np.array([_LOW, _LEAST_Q, _LOW]),
            high=np.full(3, _HIGH),
            prior=Prior(centre=centre, sd=self.prior_sd),
        )
        self.p_, self.q_ = (float(value) for value in found.parameters[:2])
        self.gamma_ = float(found.parameters[2]) * scale
        # The density of m, not of m / scale.
        self.log_likelihood_ = found.log_likelihood - float(n.size * np.log(scale))
        steady = n.size < 3 or not n.std() or not m.std()
        self.correlation_ = 0.0 if steady else float(np.corrcoef(n, m)[0, 1])
        told = [
            f"{name} at its bound" for name, at in zip(_NAMES, found.at_bound, strict=True) if at
        ]
        if abs(self.correlation_) > _DEPENDENT:
            told.append("value depends on frequency")
        self.degenerate_ = told
        return self

    def predict(self, X: npt.ArrayLike | pd.DataFrame) -> Floats:
        """Return each customer's expected value of an order; the shop's mean without an order."""
        check_is_fitted(self)
        n, m = _columns(X)
        value: Floats = self.p_ * (self.gamma_ + n * m) / (self.p_ * n + self.q_ - 1)
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = (*_NAMES, "log_likelihood", "correlation", "degenerate")
        return {"prior_sd": self.prior_sd, **{name: getattr(self, f"{name}_") for name in names}}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> GammaGamma:
        """Return the model that `to_dict` wrote down."""
        model = cls(prior_sd=plain["prior_sd"])
        for name in (*_NAMES, "log_likelihood", "correlation", "degenerate"):
            setattr(model, f"{name}_", plain[name])
        model.n_features_in_ = len(COLUMNS)
        return model


def _columns(X: npt.ArrayLike | pd.DataFrame) -> tuple[Floats, Floats]:
    values = X[list(COLUMNS)] if isinstance(X, pd.DataFrame) else X
    table: Floats = check_array(values, dtype=np.float64)
    if table.shape[1] != len(COLUMNS):
        raise ValueError(f"X has {table.shape[1]} columns, expected {', '.join(COLUMNS)}")
    n, m = table.T
    if (n < 0).any():
        raise ValueError("orders must not be below zero")
    # An average of nothing may be written as anything.
    return n, np.where(n > 0, np.maximum(m, 0.0), 0.0)


class _Sums:
    """The log-likelihood of (p, q, gamma) with what does not depend on them taken out once."""

    def __init__(self, n: Floats, m: Floats) -> None:
        self.n, self.m = n, m
        self.counts, at = np.unique(n, return_inverse=True)
        self.many = np.bincount(at).astype(np.float64)
        self.n_log_n = float((n * np.log(n)).sum())
        self.n_log_m = float((n * np.log(m)).sum())
        self.log_m = float(np.log(m).sum())

    def log_likelihood(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-likelihood with gradient and Hessian by (p, q, gamma).

        ln G(pn + q) - ln G(pn) - ln G(q) + q ln gamma + (pn - 1) ln m + pn ln n
        - (pn + q) ln(gamma + n m), summed over customers.
        """
        p, q, gamma = parameters
        k, many, total = self.counts, self.many, self.many.sum()
        reach = gamma + self.n * self.m
        logs = np.log(reach)
        power = p * self.n + q
        n_logs, one, n_one = self.n @ logs, (1 / reach).sum(), self.n @ (1 / reach)
        whole, part = digamma(p * k + q), digamma(p * k)
        value = many @ (gammaln(p * k + q) - gammaln(p * k)) - total * gammaln(q)
        value += total * q * np.log(gamma) + p * (self.n_log_m + self.n_log_n) - self.log_m
        value -= power @ logs
        slope = np.array(
            [
                (many * k) @ (whole - part) + self.n_log_m + self.n_log_n - n_logs,
                many @ whole - total * digamma(q) + total * np.log(gamma) - logs.sum(),
                total * q / gamma - power @ (1 / reach),
            ]
        )
        whole, part = polygamma(1, p * k + q), polygamma(1, p * k)
        pp, pq = (many * k * k) @ (whole - part), (many * k) @ whole
        qq = many @ whole - total * polygamma(1, q)
        p_gamma, q_gamma = -n_one, total / gamma - one
        gamma_gamma = power @ (1 / reach**2) - total * q / gamma**2
        bend = np.array([[pp, pq, p_gamma], [pq, qq, q_gamma], [p_gamma, q_gamma, gamma_gamma]])
        return float(value), slope, bend
