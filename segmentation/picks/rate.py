"""How likely each product is in a person's next basket: bought again, or for the first time.

A Poisson-Gamma rate per basket (Bhagat et al., "Buy It Again", KDD 2018, doi
10.1145/3219819.3219891, there per day): the prior of a product is its own repeat rate, shrunken to
that of its kind and of the shop, times the person's own tendency to come back for things. A product
the person has not bought competes with the rate at which others buy it for the first time, times
the person's share of its kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.stored import SCHEMA

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: First purchases of the products bought most are compared, not of the whole catalogue.
_NEW_ONES = 1_000
#: Persons at a time: a block of persons times products stays under some 100 MB.
_BLOCK = 4_000_000
#: A chance is held off 0 and 1, where the prior would be without doubt.
_EDGE = 1e-6


class PersonalRate(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Rank products by their chance to be in a person's next basket.

    Parameters
    ----------
    item_weight : float, default=50
        Baskets for which the kind's repeat rate counts in a product's own.
    kind_weight : float, default=50
        Baskets for which the shop's repeat rate counts in a kind's.
    person_weight : float, default=5
        Expected repeats after which half of a person's own tendency counts.
    taste_weight : float, default=30
        Baskets for which the shop's share of a kind counts in a person's.
    forgetting : float, default=0.04
        How much the rate of a product falls with each basket since it was bought last.

    Attributes
    ----------
    items_ : ndarray of int64, shape (n_items,)
        Products seen, sorted.
    kinds_ : ndarray of str, shape (n_items,)
        Kind of each product, "" for none.
    repeat_ : ndarray of float64, shape (n_items,)
        Repeats a basket after the first purchase, shrunken.
    first_ : ndarray of float64, shape (n_items,)
        First purchases a basket of those who have not bought it.
    kind_rate_ : dict of str to float
        Share of baskets with a kind.

    Examples
    --------
    >>> bought = pd.DataFrame({"person_id": [1, 1, 1, 2, 2], "day": [0, 7, 14, 0, 9],
    ...                        "product_id": [10, 10, 10, 10, 11]})
    >>> model = PersonalRate().fit(bought)
    >>> model.predict(bought, n=1)[["person_id", "product_id", "is_repeat"]].to_numpy().tolist()
    [[1, 10, True], [2, 11, True]]
    """

    def __init__(
        self,
        item_weight: float = 50.0,
        kind_weight: float = 50.0,
        person_weight: float = 5.0,
        taste_weight: float = 30.0,
        forgetting: float = 0.04,
    ) -> None:
        self.item_weight = item_weight
        self.kind_weight = kind_weight
        self.person_weight = person_weight
        self.taste_weight = taste_weight
        self.forgetting = forgetting

    def fit(
        self, X: pd.DataFrame, y: None = None, *, kinds: pd.Series | None = None
    ) -> PersonalRate:
        """Learn rates.

        Parameters
        ----------
        X
            person_id, day (whole number) and product_id of every purchase that counts; what one
            person buys on one day is one basket.
        y
            Not used.
        kinds
            Kind by product id, such as its need; products without one are a kind of their own.
        """
        del y
        own = _owned(X)
        self.items_ = np.unique(own["product_id"].to_numpy(dtype=np.int64))
        at = np.searchsorted(self.items_, own["product_id"])
        named = {} if kinds is None else dict(zip(kinds.index, kinds.astype(str), strict=True))
        self.kinds_ = np.array([named.get(item, "") for item in self.items_.tolist()], dtype=str)
        repeats, trials = _sums(own, at, self.items_.size)
        self.repeat_ = self._repeat_rates(repeats, trials)
        is_person = _changes(own["person_id"].to_numpy())
        baskets = own["baskets"].to_numpy(dtype=np.float64)[is_person]
        later = (own["first"] > 1).to_numpy()
        firsts = np.bincount(at[later], minlength=self.items_.size)
        self.first_ = firsts / np.maximum(np.sum(baskets - 1) - trials, 1.0)
        self.kind_rate_ = _kind_rates(X, self.items_, self.kinds_, float(baskets.sum()))
        return self

    def _repeat_rates(self, repeats: Floats, trials: Floats) -> Floats:
        """Shrink product to kind to shop."""
        shop = np.clip(repeats.sum() / max(trials.sum(), 1.0), _EDGE, 1 - _EDGE)
        names, code = np.unique(self.kinds_, return_inverse=True)
        of_kind = _sum(code, repeats, names.size), _sum(code, trials, names.size)
        kind = (of_kind[0] + self.kind_weight * shop) / (of_kind[1] + self.kind_weight)
        rate: Floats = (repeats + self.item_weight * kind[code]) / (trials + self.item_weight)
        return np.clip(rate, _EDGE, 1 - _EDGE)

    def rates(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return person_id, product_id and rate a basket of what each person has bought before."""
        check_is_fitted(self)
        own = _owned(X)
        own = own[np.isin(own["product_id"], self.items_)].reset_index(drop=True)
        prior = self.repeat_[np.searchsorted(self.items_, own["product_id"])]
        trials, repeats = _exposure(own)
        person, code = np.unique(own["person_id"].to_numpy(), return_inverse=True)
        expected = np.bincount(code, prior * trials, person.size)
        seen = np.bincount(code, repeats, person.size)
        tendency = (seen + self.person_weight) / (expected + self.person_weight)
        prior = np.clip(prior * tendency[code], _EDGE, 1 - _EDGE)
        since = (own["baskets"] - own["last"]).to_numpy(dtype=np.float64)
        rate = (1 + repeats) / (1 / prior + trials) * np.exp(-self.forgetting * since)
        return own[["person_id", "product_id"]].assign(rate=rate)

    def predict(self, X: pd.DataFrame, n: int = 10, allowed: Ints | None = None) -> pd.DataFrame:
        """Return the `n` likeliest products a person, best first.

        Parameters
        ----------
        X
            As in `fit`, all purchases of the persons asked about.
        n
            Products a person.
        allowed
            Products that may be shown, such as those in stock; all by default.

        Returns
        -------
        DataFrame
            person_id, product_id, rank (from 1), rate (a basket), is_repeat; by person and rank.
        """
        check_is_fitted(self)
        may = np.ones(self.items_.size, dtype=bool)
        if allowed is not None:
            may = np.isin(self.items_, allowed)
        blocks = [self._best(block, n, may) for block in self._blocks(X)]
        if not blocks:
            kinds = {
                "person_id": "int64",
                "product_id": "int64",
                "rank": "int64",
                "rate": "float64",
            }
            return pd.DataFrame(columns=[*kinds, "is_repeat"]).astype({**kinds, "is_repeat": bool})
        return pd.concat(blocks, ignore_index=True)

    def _blocks(self, X: pd.DataFrame) -> Iterator[pd.DataFrame]:
        persons = np.unique(X["person_id"].to_numpy(dtype=np.int64))
        parts = max(1, -(-persons.size * self.items_.size // _BLOCK))
        X = X.sort_values("person_id", kind="stable")
        edges = [int(part[0]) for part in np.array_split(persons, parts) if part.size]
        starts = [*np.searchsorted(X["person_id"], edges), len(X)]
        for start, end in pairwise(starts):
            yield X.iloc[start:end]

    def _best(self, X: pd.DataFrame, n: int, may: npt.NDArray[np.bool_]) -> pd.DataFrame:
        persons = np.unique(X["person_id"].to_numpy(dtype=np.int64))
        score = self._first_rates(X, persons)
        own = self.rates(X)
        row, column = (
            np.searchsorted(persons, own["person_id"]),
            np.searchsorted(self.items_, own["product_id"]),
        )
        score[row, column] = own["rate"]
        repeat = np.zeros(score.shape, dtype=bool)
        repeat[row, column] = True
        score[:, ~may] = 0.0
        top = np.argsort(-score, axis=1, kind="stable")[:, :n]
        shown = pd.DataFrame(
            {
                "person_id": np.repeat(persons, top.shape[1]),
                "product_id": self.items_[top].ravel(),
                "rank": np.tile(np.arange(1, top.shape[1] + 1), persons.size),
                "rate": np.take_along_axis(score, top, 1).ravel(),
                "is_repeat": np.take_along_axis(repeat, top, 1).ravel(),
            }
        )
        return shown[shown["rate"] > 0]

    def _first_rates(self, X: pd.DataFrame, persons: Ints) -> Floats:
        """Return rates of products never bought, shape (persons, items); 0 for rare ones."""
        names = np.array(sorted(self.kind_rate_), dtype=str)
        shop = np.array([self.kind_rate_[name] for name in names])
        bought = X[np.isin(X["product_id"], self.items_)]
        kind = np.searchsorted(
            names, self.kinds_[np.searchsorted(self.items_, bought["product_id"])]
        )
        seen = pd.DataFrame(
            {
                "person": bought["person_id"].to_numpy(),
                "day": bought["day"].to_numpy(),
                "kind": kind,
            }
        ).drop_duplicates()
        at = np.searchsorted(persons, seen["person"])
        counts = sparse.csr_array(
            (np.ones(len(seen)), (at, seen["kind"])), shape=(persons.size, names.size)
        ).toarray()
        days = X[["person_id", "day"]].drop_duplicates()["person_id"]
        baskets = np.bincount(np.searchsorted(persons, days), minlength=persons.size)
        share = (counts + self.taste_weight * shop) / (baskets + self.taste_weight)[:, None]
        common = np.argsort(-self.first_, kind="stable")[:_NEW_ONES]
        result = np.zeros((persons.size, self.items_.size))
        of_kind = np.searchsorted(names, self.kinds_[common])
        result[:, common] = self.first_[common] * (share / shop)[:, of_kind]
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        check_is_fitted(self)
        return {
            "schema": SCHEMA,
            "parameters": self.get_params(),
            "items": self.items_.tolist(),
            "kinds": self.kinds_.tolist(),
            "repeat": self.repeat_.tolist(),
            "first": self.first_.tolist(),
            "kind_rate": dict(self.kind_rate_),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> PersonalRate:
        """Return the estimator that `to_dict` wrote down."""
        model = cls(**plain["parameters"])
        model.items_ = np.array(plain["items"], dtype=np.int64)
        model.kinds_ = np.array(plain["kinds"], dtype=str)
        model.repeat_ = np.array(plain["repeat"], dtype=np.float64)
        model.first_ = np.array(plain["first"], dtype=np.float64)
        model.kind_rate_ = dict(plain["kind_rate"])
        return model


def _owned(X: pd.DataFrame) -> pd.DataFrame:
    """Return a row a person and product: baskets of the person, and the first, last and number
    of those with the product, counted from 1."""
    person, product, day = (
        X[c].to_numpy(dtype=np.int64) for c in ("person_id", "product_id", "day")
    )
    basket, baskets = _baskets(person, day)
    order = np.lexsort((basket, product, person))
    person, product, basket = person[order], product[order], basket[order]
    is_pair = _changes(person, product)
    is_new = _changes(person, product, basket)
    pair = np.flatnonzero(is_pair)
    end = np.append(pair[1:], person.size)[: pair.size] - 1
    return pd.DataFrame(
        {
            "person_id": person[pair],
            "product_id": product[pair],
            "baskets": baskets[order][pair],
            "times": np.bincount(np.cumsum(is_pair) - 1, is_new).astype(np.int64),
            "first": basket[pair],
            "last": basket[end],
        }
    )


def _baskets(person: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Return which of a person's baskets, from 1, each row belongs to, and how many he has."""
    order = np.lexsort((day, person))
    number = np.cumsum(_changes(person[order], day[order]))
    first = np.flatnonzero(_changes(person[order]))
    rows = np.diff(np.append(first, person.size))
    last = number[np.cumsum(rows) - 1]
    begin = np.repeat(number[first] - 1, rows)
    basket, baskets = np.empty_like(person), np.empty_like(person)
    basket[order], baskets[order] = number - begin, np.repeat(last, rows) - begin
    return basket, baskets


def _changes(*columns: Ints) -> npt.NDArray[np.bool_]:
    """Tell which of sorted rows differ from the one before; the first does."""
    changed = np.zeros(columns[0].size, dtype=bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _exposure(own: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return baskets after the first purchase, and how many of them had the product again."""
    trials = (own["baskets"] - own["first"]).to_numpy(dtype=np.float64)
    return trials, (own["times"] - 1).to_numpy(dtype=np.float64)


def _sums(own: pd.DataFrame, at: npt.NDArray[np.intp], size: int) -> tuple[Floats, Floats]:
    trials, repeats = _exposure(own)
    return _sum(at, repeats, size), _sum(at, trials, size)


def _sum(at: npt.NDArray[np.intp], values: Floats, size: int) -> Floats:
    return np.bincount(at, values, size).astype(np.float64)


def _kind_rates(X: pd.DataFrame, items: Ints, kinds: Any, baskets: float) -> dict[str, float]:
    names, code = np.unique(kinds, return_inverse=True)
    kind = code[np.searchsorted(items, X["product_id"])]
    person, day = (X[c].to_numpy(dtype=np.int64) for c in ("person_id", "day"))
    order = np.lexsort((kind, day, person))
    is_new = _changes(person[order], day[order], kind[order])
    counts = np.bincount(kind[order], is_new, names.size)
    return {str(name): float(count) / baskets for name, count in zip(names, counts, strict=True)}
