"""Counts by boosted trees, kept as plain numbers.

scikit-learn grows the trees; what is kept are their nodes as lists of numbers, and predicting walks
them here. So a fit can be stored as JSON and read by another version, which no pickle allows, and
one person can be placed by day with the very numbers of the night.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from threadpoolctl import threadpool_limits

from segmentation.duedates.starts import Floats, Ints

#: Node fields, in the order in which they are stored.
_FIELDS = ("feature", "threshold", "left", "right", "value")
#: Bins of a feature; scikit-learn takes no more.
_MOST_BINS = 255


class BoostedCounts(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Mean of a count (or of a ratio of counts) by gradient-boosted trees with Poisson loss.

    Parameters
    ----------
    n_trees : int, default=80
        Trees.
    learning_rate : float, default=0.05
        Weight of each tree.
    max_leaf_nodes : int, default=4
        Leaves of a tree: few, as what is left to learn is little.
    min_samples_leaf : int, default=200
        Samples of a leaf.
    monotonic_cst : sequence of int of shape (n_features,), optional
        1 where more of a feature may only raise the mean, -1 where it may only lower it, else 0.

    Attributes
    ----------
    baseline_ : float
        Log of the mean before the first tree.
    trees_ : list of dict of ndarray
        Per tree the nodes: feature (-1 for a leaf), threshold, left, right, value.
    n_features_in_ : int
        Features seen by `fit`.

    Examples
    --------
    >>> X = np.repeat([[0.0], [1.0]], 300, axis=0)
    >>> BoostedCounts().fit(X, np.repeat([1.0, 3.0], 300)).predict([[0.0], [1.0]]).round(1).tolist()
    [1.0, 3.0]
    """

    def __init__(
        self,
        n_trees: int = 80,
        learning_rate: float = 0.05,
        max_leaf_nodes: int = 4,
        min_samples_leaf: int = 200,
        monotonic_cst: Sequence[int] | None = None,
    ) -> None:
        self.n_trees = n_trees
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.monotonic_cst = monotonic_cst

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> BoostedCounts:
        """Grow the trees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Zero or more, above zero for somebody.
        sample_weight : array-like of shape (n_samples,), optional
            For a ratio: what its counts were divided by.

        Raises
        ------
        ValueError
            Where y is below zero, or zero for everybody.
        """
        samples, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        model = HistGradientBoostingRegressor(
            loss="poisson",
            max_iter=self.n_trees,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            monotonic_cst=self.monotonic_cst,
            early_stopping=False,
        )
        weight = None if sample_weight is None else column_or_1d(sample_weight, dtype=np.float64)
        columns: list[Floats] = list(samples.T)
        edges = [_edges(column, weight) for column in columns]
        bins = np.stack([np.searchsorted(*two) for two in zip(edges, columns, strict=True)], axis=1)
        # On a busy machine its threads spend longer spinning for each other than growing trees.
        with threadpool_limits(1, user_api="openmp"):
            grown = model.fit(bins.astype(np.float64), y, sample_weight=sample_weight)
        # scikit-learn offers no public reading of these trees; that ours say the same is tested.
        self.baseline_ = float(grown._baseline_prediction.item())
        self.trees_ = [_nodes(tree.nodes, edges) for (tree,) in grown._predictors]
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Return the mean of each sample, above zero."""
        check_is_fitted(self)
        samples: Floats = validate_data(self, X, dtype=np.float64, reset=False)
        raw = np.full(len(samples), self.baseline_, dtype=np.float64)
        for tree in self.trees_:
            raw += _walk(tree, samples)
        result: Floats = np.exp(raw)
        return result

    def __sklearn_tags__(self) -> Any:
        """Say that counts are not below zero."""
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        trees = [[tree[field].tolist() for field in _FIELDS] for tree in self.trees_]
        return {
            "parameters": {**self.get_params(), "monotonic_cst": _plain(self.monotonic_cst)},
            "n_features": self.n_features_in_,
            "baseline": self.baseline_,
            "trees": trees,
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> BoostedCounts:
        """Return the model that `to_dict` wrote down."""
        model = cls(**plain["parameters"])
        model.n_features_in_ = plain["n_features"]
        model.baseline_ = plain["baseline"]
        kinds = (np.int64, np.float64, np.int64, np.int64, np.float64)
        model.trees_ = [
            {
                field: np.array(values, dtype=kind)
                for field, values, kind in zip(_FIELDS, tree, kinds, strict=True)
            }
            for tree in plain["trees"]
        ]
        return model


def _plain(constraint: Sequence[int] | None) -> list[int] | None:
    return None if constraint is None else [int(sign) for sign in constraint]


def _edges(column: Floats, weight: Floats | None) -> Floats:
    """Return the values between which a feature is cut: at most 254, bins of equal weight.

    scikit-learn cuts at the same values, but looks through all samples for each of them: with
    weights that took nine tenths of a fit's time.
    """
    weight = np.ones(column.size) if weight is None else weight
    order = np.argsort(column, kind="stable")
    order = order[weight[order] > 0]
    value, sum_so_far = column[order], np.cumsum(weight[order])
    distinct = np.unique(value)
    if distinct.size <= _MOST_BINS:
        between: Floats = (distinct[1:] + distinct[:-1]) / 2
        return between
    wanted = np.linspace(0, 1, _MOST_BINS + 1)[1:-1] * sum_so_far[-1]
    at = np.minimum(np.searchsorted(sum_so_far, wanted), value.size - 1)
    after = value[np.minimum(at + 1, value.size - 1)]
    inside = sum_so_far[at] - wanted > np.finfo(np.float64).eps
    return np.unique(np.where(inside, value[at], (value[at] + after) / 2))


def _nodes(nodes: Any, edges: Sequence[Floats]) -> dict[str, npt.NDArray[Any]]:
    """Return a tree as numbers; it was grown on the numbers of bins, and asks for values."""
    leaf = nodes["is_leaf"].astype(bool)
    asked = zip(leaf, nodes["feature_idx"], nodes["num_threshold"], strict=True)
    threshold = [0.0 if is_leaf else edges[f][int(number)] for is_leaf, f, number in asked]
    return {
        "feature": np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64),
        "threshold": np.array(threshold, dtype=np.float64),
        "left": nodes["left"].astype(np.int64),
        "right": nodes["right"].astype(np.int64),
        "value": nodes["value"].astype(np.float64),
    }


def _walk(tree: dict[str, npt.NDArray[Any]], X: Floats) -> Floats:
    """Return the value of the leaf that each sample falls into, all a level at a time."""
    at: Ints = np.zeros(len(X), dtype=np.int64)
    rows = np.arange(len(X)) if tree["feature"][0] >= 0 else np.zeros(0, dtype=np.int64)
    while rows.size:
        node = at[rows]
        goes_left = X[rows, tree["feature"][node]] <= tree["threshold"][node]
        at[rows] = np.where(goes_left, tree["left"][node], tree["right"][node])
        rows = rows[tree["feature"][at[rows]] >= 0]
    value: Floats = tree["value"][at]
    return value
