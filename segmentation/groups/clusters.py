"""Kinds of customers: k-means on how lately, often, much, long and broadly people buy.

k is the number of clusters that comes out the same whoever is asked: fitted on bootstrap samples,
the adjusted Rand index of what two fits say of everybody (Hubert and Arabie 1985) is 0.8 or more,
and none is clearly higher; of those as good the largest. The earlier k stays while it passes. From
one fit to the next clusters are matched by their centres (Hungarian assignment), so a cluster keeps
its key and its name.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.starts import Floats, Ints
from segmentation.groups.keys import TRAITS

#: People with two purchase days or more below whom nothing is fitted.
REPEATERS = 200
#: Spreads from which on a cluster differs from everybody in a trait, and those that keep it said.
APART, APART_KEPT = 0.5, 0.3
#: Another centre must be nearer than this part of the distance to one's own cluster.
NEARER = 0.85
#: A k is as good as the most stable one when its index is so near.
AS_GOOD = 0.05
#: A cluster is the same while its centre moved less, in spreads.
SAME = 1.5
_MOST_TOLD = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """One kind of customers."""

    #: A number that is never given twice.
    number: int
    #: (trait, "high" or "low"), the most telling first: what the name says.
    told: tuple[tuple[str, str], ...]
    #: Part of everybody, on the day of the fit.
    share: float
    #: In spreads from the mean of everybody, by trait.
    centre: tuple[float, ...]


class Clusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Group people by how they buy.

    Parameters
    ----------
    most : int, default=7
        Clusters, at most.
    stability : float, default=0.8
        Mean adjusted Rand index that k must reach.
    draws : int, default=6
        Bootstrap samples a k.
    sample : int, default=3000
        People who are drawn, and asked, for the stability.
    random_state : int, default=0
        Seed.

    Attributes
    ----------
    clusters_ : list of Cluster
        In the order of their numbers; empty where nothing is offered.
    mean_, spread_ : ndarray of float64, shape (5,)
        Of the logarithms of traits.
    stability_ : float or None
        The adjusted Rand index of the k chosen.
    refused_ : dict or None
        {"what", "needed", "there"}: what is missing.
    next_ : int
        Number of the next new cluster.
    """

    def __init__(
        self,
        most: int = 7,
        stability: float = 0.8,
        draws: int = 6,
        sample: int = 3_000,
        random_state: int = 0,
    ) -> None:
        self.most = most
        self.stability = stability
        self.draws = draws
        self.sample = sample
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: None = None, *, earlier: Clusters | None = None) -> Clusters:  # noqa: ARG002  # scikit-learn's form
        """Find the clusters of people with the columns `TRAITS`; `earlier` lends keys and names."""
        repeaters = int((X["frequency"] >= 2).sum())
        self.clusters_: list[Cluster] = []
        self.stability_: float | None = None
        self.next_: int = 1 if earlier is None else earlier.next_
        self.refused_: dict[str, Any] | None = None
        logs = _logs(X)
        self.mean_ = logs.mean(axis=0) if len(X) else np.zeros(len(TRAITS))
        self.spread_ = np.maximum(logs.std(axis=0), 1e-9) if len(X) else np.ones(len(TRAITS))
        if repeaters < REPEATERS:
            self.refused_ = {"what": "repeaters", "needed": REPEATERS, "there": repeaters}
            return self
        points = (logs - self.mean_) / self.spread_
        centres, self.stability_ = self._chosen(points, self._earlier_centres(earlier))
        if centres is None:
            needed, there = self.stability, self.stability_
            self.refused_ = {"what": "stability", "needed": needed, "there": there}
            self.stability_ = None
            return self
        self._name(centres, np.bincount(_nearest(points, centres), minlength=len(centres)), earlier)
        return self

    def predict(self, X: pd.DataFrame, before: Sequence[int] | Ints | None = None) -> Ints:
        """Return each person's cluster by number; 0 where there are none.

        `before` is the cluster each was in, 0 for none: he stays while no other is clearly nearer.
        """
        check_is_fitted(self)
        if not self.clusters_:
            return np.zeros(len(X), dtype=np.int64)
        points = (_logs(X) - self.mean_) / self.spread_
        numbers = np.array([cluster.number for cluster in self.clusters_])
        distance = _distances(points, np.array([c.centre for c in self.clusters_]))
        chosen = np.argmin(distance, axis=1)
        if before is not None:
            was = pd.Index(numbers).get_indexer(np.asarray(before))
            own = distance[np.arange(len(X)), was]
            stays = (was >= 0) & (distance.min(axis=1) > NEARER**2 * own)
            chosen = np.where(stays, was, chosen)
        result: Ints = numbers[chosen]
        return result

    def _earlier_centres(self, earlier: Clusters | None) -> Floats | None:
        """Return the centres there were, in today's measure."""
        if earlier is None or not earlier.clusters_:
            return None
        logs = np.array([c.centre for c in earlier.clusters_]) * earlier.spread_ + earlier.mean_
        result: Floats = (logs - self.mean_) / self.spread_
        return result

    def _chosen(self, points: Floats, was: Floats | None) -> tuple[Floats | None, float]:
        """Return the centres of the k to use (None: no k is stable), and its stability."""
        rng = np.random.default_rng(self.random_state)
        asked = points[rng.choice(len(points), min(self.sample, len(points)), replace=False)]
        if was is not None:
            # Another k is another set of names.
            found = self._stable(asked, len(was), rng)
            if found >= self.stability:
                return self._means(points, len(was), was).cluster_centers_, round(found, 4)
        stable = {k: self._stable(asked, k, rng) for k in range(2, self.most + 1)}
        best = max(stable.values())
        if best < self.stability:
            return None, round(best, 4)
        enough = max(self.stability, best - AS_GOOD)
        k = max(k for k, found in stable.items() if found >= enough)
        return self._means(points, k, "k-means++").cluster_centers_, round(stable[k], 4)

    def _stable(self, points: Floats, k: int, rng: np.random.Generator) -> float:
        said = []
        for _ in range(self.draws):
            drawn = points[rng.integers(0, len(points), len(points))]
            said.append(_nearest(points, self._means(drawn, k, "k-means++").cluster_centers_))
        pairs = itertools.combinations(said, 2)
        return float(np.mean([likeness(one, other) for one, other in pairs]))

    def _means(self, points: Floats, k: int, start: str | Floats) -> KMeans:
        tries = 3 if isinstance(start, str) else 1
        return KMeans(k, init=start, n_init=tries, random_state=self.random_state).fit(points)

    def _name(self, centres: Floats, people: Ints, earlier: Clusters | None) -> None:
        was = self._earlier_centres(earlier)
        same: dict[int, Cluster] = {}
        if was is not None and earlier is not None:
            away = np.sqrt(_distances(centres, was))
            for new, old in zip(*linear_sum_assignment(away), strict=True):
                if away[new, old] < SAME:
                    same[int(new)] = earlier.clusters_[old]
        told = _told(centres, same)
        for place in sorted(range(len(centres)), key=lambda at: (-people[at], at)):
            old_one = same.get(place)
            number = self.next_ if old_one is None else old_one.number
            self.next_ += old_one is None
            self.clusters_.append(
                Cluster(
                    number=number,
                    told=told[place],
                    share=round(float(people[place] / people.sum()), 4),
                    centre=tuple(float(value) for value in centres[place].round(6)),
                )
            )
        self.clusters_.sort(key=lambda cluster: cluster.number)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "params": self.get_params(),
            "clusters": [
                {"number": c.number, "told": [list(one) for one in c.told], "share": c.share,
                 "centre": list(c.centre)}
                for c in self.clusters_
            ],
            "mean": self.mean_.tolist(),
            "spread": self.spread_.tolist(),
            "stability": self.stability_,
            "refused": self.refused_,
            "next": self.next_,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Clusters:
        """Return what `to_dict` wrote down."""
        result = cls(**plain["params"])
        result.clusters_ = [
            Cluster(
                number=one["number"],
                told=tuple((trait, side) for trait, side in one["told"]),
                share=one["share"],
                centre=tuple(one["centre"]),
            )
            for one in plain["clusters"]
        ]
        result.mean_, result.spread_ = np.array(plain["mean"]), np.array(plain["spread"])
        result.stability_, result.refused_ = plain["stability"], plain["refused"]
        result.next_ = plain["next"]
        return result


def likeness(one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> float:
    """Return the adjusted Rand index of two labellings by small whole numbers.

    scikit-learn's comes to the same number; finding out what it was given takes it longer than a
    small shop's clusters.

    Examples
    --------
    >>> likeness(np.array([0, 0, 1, 2]), np.array([1, 1, 0, 0])).__round__(4)
    0.5714
    """
    height, width = int(one.max()) + 1, int(other.max()) + 1
    table = np.bincount(one * width + other, minlength=height * width).reshape(height, width)
    same, ones, others = (
        int((people**2).sum()) for people in (table, table.sum(axis=1), table.sum(axis=0))
    )
    # Pairs of people, each counted twice: together in both, in one of them only, in neither.
    both, first, second = same - len(one), ones - same, others - same
    apart = len(one) ** 2 - first - second - same
    if first == second == 0:
        return 1.0
    chance = (both + first) * (first + apart) + (both + second) * (second + apart)
    return 2.0 * (both * apart - first * second) / chance


def _told(centres: Floats, same: Mapping[int, Cluster]) -> dict[int, tuple[tuple[str, str], ...]]:
    """Return what sets each cluster apart: two traits at most, no two clusters the same.

    What was said of a cluster is said again while it holds.
    """
    result = {place: old.told for place, old in same.items() if _holds(centres[place], old.told)}
    taken = set(map(frozenset, result.values()))
    # Those that differ most choose first.
    for place in np.argsort(-np.abs(centres).max(axis=1), kind="stable").tolist():
        if place not in result:
            choices = _descriptions(centres[place])
            result[place] = next((c for c in choices if frozenset(c) not in taken), choices[0])
            taken.add(frozenset(result[place]))
    return result


def _holds(centre: Floats, told: Sequence[tuple[str, str]]) -> bool:
    at = dict(zip(TRAITS, centre, strict=True))
    return all((at[trait] if side == "high" else -at[trait]) > APART_KEPT for trait, side in told)


def _descriptions(centre: Floats) -> list[tuple[tuple[str, str], ...]]:
    """Return sets of traits that tell a cluster apart, the most telling first."""
    order = np.argsort(-np.abs(centre), kind="stable").tolist()
    sides = [(TRAITS[at], "high" if centre[at] > 0 else "low") for at in order]
    far = [side for side, at in zip(sides, order, strict=True) if abs(centre[at]) >= APART]
    pairs = list(itertools.combinations(far, _MOST_TOLD))
    # Nothing far from everybody: the average customer, where no other is called that.
    return [*pairs, *[(one,) for one in far], (), *itertools.combinations(sides, _MOST_TOLD)]


def _logs(X: pd.DataFrame) -> Floats:
    values = X[list(TRAITS)].to_numpy(dtype=np.float64)
    result: Floats = np.log1p(np.maximum(values, 0.0))
    return result


def _distances(points: Floats, centres: Floats) -> Floats:
    result: Floats = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return result


def _nearest(points: Floats, centres: Floats) -> npt.NDArray[np.intp]:
    result: npt.NDArray[np.intp] = np.argmin(_distances(points, centres), axis=1)
    return result
