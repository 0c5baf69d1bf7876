"""Recency, frequency, monetary value: scores from 1 (worst) to 5.

Quintiles by rank with a stable tie-break, as SQL's ``ntile(5)`` over (value, person): over half the
customers may have bought once, and plain quantile cuts fail on such ties.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

_COLUMNS = ("recency", "frequency", "monetary_value")
_SCORES = ("r", "f", "m")


class RfmScorer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Score persons from 1 (worst) to `n_bins` (best).

    Parameters
    ----------
    n_bins : int, default=5
        Number of scores; the cut points are ranks among the shop's own customers.

    Attributes
    ----------
    edges_ : list of list of (float, int)
        Per column, the value and person with whom each better score begins (recency with its sign
        turned). Keeping the person makes scoring a few people equal to scoring all.

    Examples
    --------
    >>> X = pd.DataFrame({"person_id": [7, 8], "recency": [3, 400], "frequency": [9, 1],
    ...                   "monetary_value": [80.0, 15.0]})
    >>> RfmScorer(n_bins=2).fit_transform(X).to_numpy().tolist()
    [[2, 2, 2], [1, 1, 1]]
    """

    def __init__(self, n_bins: int = 5) -> None:
        self.n_bins = n_bins

    def fit(self, X: pd.DataFrame, y: None = None) -> RfmScorer:  # noqa: ARG002  # scikit-learn's form
        """Learn cut points from columns person_id, recency (days), frequency, monetary_value."""
        person = X["person_id"].to_numpy(dtype=np.int64)
        self.edges_ = []
        for column in _COLUMNS:
            value = _better_is_larger(X, column)
            order = np.lexsort((person, value))
            parts = np.array_split(order, self.n_bins)  # the first parts are longer, as in ntile
            heads = [part[0] for part in parts[1:] if part.size]
            self.edges_.append([(float(value[i]), int(person[i])) for i in heads])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the columns r, f, m."""
        check_is_fitted(self)
        person = X["person_id"].to_numpy(dtype=np.int64)
        scores = {}
        for column, name, edges in zip(_COLUMNS, _SCORES, self.edges_, strict=True):
            value = _better_is_larger(X, column)
            score = np.ones(len(X), dtype=np.int64)
            for edge, who in edges:
                score += (value > edge) | ((value == edge) & (person >= who))
            scores[name] = score
        return pd.DataFrame(scores, index=X.index)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"n_bins": self.n_bins, "edges": [[list(edge) for edge in e] for e in self.edges_]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> RfmScorer:
        """Return the scorer that `to_dict` wrote down."""
        scorer = cls(n_bins=plain["n_bins"])
        scorer.edges_ = [[(value, who) for value, who in edges] for edges in plain["edges"]]
        return scorer


def _better_is_larger(X: pd.DataFrame, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    value = X[column].to_numpy(dtype=np.float64)
    return -value if column == "recency" else value
