"""The chance of any order within a window, learned from the shop's own past windows.

Logistic regression over logs of what is known of a customer, with a ridge and with signs: silence
alone can only lower the chance. Beside BG/NBD, whose mean it is used in, it errs elsewhere: it
follows the shop's own windows and seasons, and takes no purchase process for granted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from segmentation.duedates.starts import Floats

#: Odds beyond these are certain enough: where everybody bought, or nobody, they would never end.
_MOST_LOG_ODDS = 15.0


class ActiveOdds(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Chance of a purchase by ridge logistic regression with signed coefficients.

    Parameters
    ----------
    ridge : float, default=100.0
        Weight of the squared coefficients (of features in standard deviations) beside the
        log-likelihood: worth about as much as that many customers.
    signs : sequence of int of shape (n_features,), optional
        1 where more of a feature may only raise the chance, -1 where it may only lower it, else 0.

    Attributes
    ----------
    intercept_ : float
        Log-odds where every feature is zero.
    coef_ : ndarray of shape (n_features,)
        Log-odds by one more in the log of one plus a feature.
    n_features_in_ : int
        Features seen by `fit`.

    Examples
    --------
    >>> X = np.repeat([[0.0], [9.0]], 500, axis=0)
    >>> y = np.repeat([0, 1, 0, 1], [400, 100, 100, 400])
    >>> ActiveOdds(ridge=1.0).fit(X, y).predict([[0.0], [9.0]]).round(1).tolist()
    [0.2, 0.8]
    """

    def __init__(self, ridge: float = 100.0, signs: Sequence[int] | None = None) -> None:
        self.ridge = ridge
        self.signs = signs

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> ActiveOdds:
        """Find the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            1 for whoever bought, else 0.
        """
        samples, bought = check_X_y(X, y, dtype=np.float64)
        self.n_features_in_ = samples.shape[1]
        logs = _logs(samples)
        middle, scale = logs.mean(axis=0), logs.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        standard = (logs - middle) / scale

        def loss(found: Floats) -> tuple[float, Floats]:
            odds, coef = found[0] + standard @ found[1:], found[1:]
            error = expit(odds) - bought
            slope = standard.T @ error + self.ridge * coef
            total = (np.logaddexp(0, odds) - bought * odds).sum() + self.ridge / 2 * coef @ coef
            return float(total), np.append(error.sum(), slope)

        bounds = [(-_MOST_LOG_ODDS, _MOST_LOG_ODDS), *map(_bound, self._signs())]
        start = np.zeros(self.n_features_in_ + 1)
        found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
        self.coef_ = found[1:] / scale
        self.intercept_ = float(found[0] - self.coef_ @ middle)
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Return each sample's chance of a purchase."""
        check_is_fitted(self)
        samples = validate_data(self, X, dtype=np.float64, reset=False)
        chance: Floats = expit(self.intercept_ + _logs(samples) @ self.coef_)
        return chance

    def _signs(self) -> Sequence[int]:
        return [0] * self.n_features_in_ if self.signs is None else self.signs

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        signs = None if self.signs is None else [int(sign) for sign in self.signs]
        return {
            "parameters": {"ridge": self.ridge, "signs": signs},
            "intercept": self.intercept_,
            "coef": self.coef_.tolist(),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ActiveOdds:
        """Return the model that `to_dict` wrote down."""
        model = cls(**plain["parameters"])
        model.intercept_ = plain["intercept"]
        model.coef_ = np.array(plain["coef"], dtype=np.float64)
        model.n_features_in_ = model.coef_.size
        return model


def _logs(samples: Floats) -> Floats:
    logs: Floats = np.sign(samples) * np.log1p(np.abs(samples))
    return logs


def _bound(sign: int) -> tuple[float | None, float | None]:
    return (0.0 if sign > 0 else None, 0.0 if sign < 0 else None)
