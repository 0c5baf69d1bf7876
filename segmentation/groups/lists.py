"""What a list of one's own is worth to a group: the five kinds of goods that its people bought
most, against the five of the group it is part of, by what the same people bought afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.duedates.starts import Bools, Floats, Ints
from segmentation.groups.attributes import Texts, labels
from segmentation.groups.keys import ATTRIBUTES, DETAILS, key_of

#: Kinds of goods in a list.
LISTED = 5
#: Of the list of the larger group, purchases that count in a group's own.
_PRIOR = 5.0
_YEAR = 365
#: (attribute, value) from the whole shop down to a group.
Path = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class View:
    """People with their attributes on a day, and what they bought in the window after it."""

    #: Ids, sorted; others speak of a person by his place here.
    persons: Ints
    #: Attribute to each person's value.
    values: Mapping[str, Texts]
    #: Attribute to (person, goods): different kinds of goods bought, as told apart for it.
    rows: Mapping[str, tuple[Ints, Ints]]

    @classmethod
    def of(cls, X: pd.DataFrame, goods: Mapping[str, Ints], day: int, until: int) -> View:
        days = X["day"].to_numpy(dtype=np.int64)
        known = labels(X[days <= day])
        persons = known["person_id"].to_numpy(dtype=np.int64)
        at = pd.Index(persons).get_indexer(X["person_id"])
        # Who comes for the first time has shown nothing that a group could be chosen by.
        inside = (days > day) & (days <= until) & (at >= 0)
        values = {name: known[name].to_numpy(dtype=object) for name in ATTRIBUTES}
        return cls(persons, values, {name: _pairs(at, goods[name], inside) for name in ATTRIBUTES})

    def split(self, name: str, value: str) -> tuple[View, View]:
        """Return the view of whom an attribute's value is, and of all others."""
        inside = self.values[name] == value
        return self._only(inside), self._only(~inside)

    def _only(self, chosen: Bools) -> View:
        rows = {
            name: (person[chosen[person]], goods[chosen[person]])
            for name, (person, goods) in self.rows.items()
        }
        return View(self.persons, self.values, rows)


def _pairs(at: Ints, goods: Ints, inside: Bools) -> tuple[Ints, Ints]:
    rows = inside & (goods >= 0)
    kinds = int(goods.max(initial=0)) + 1
    person, good = np.divmod(np.unique(at[rows] * kinds + goods[rows]), kinds)
    return person, good


def goods_of(X: pd.DataFrame) -> dict[str, Ints]:
    """Return by attribute which kind of goods each purchase is; -1 where it is not known."""
    # One code of two columns, without making a text for each row.
    need, department = (pd.factorize(X[name])[0] for name in ("need", "department"))
    head = pd.factorize(need * (int(department.max(initial=0)) + 1) + department)[0]
    result = dict.fromkeys(ATTRIBUTES, head.astype(np.int64))
    for name in DETAILS:
        code, words = pd.factorize(X[name].to_numpy(dtype=object))
        told = np.append(np.asarray(words, dtype=object) != "", False)[code]
        kind = pd.factorize(head * (len(words) + 1) + code)[0]
        result[name] = np.where(told, kind, -1).astype(np.int64)
    return result


@dataclass(frozen=True)
class Hits:
    """Who of a group bought in the window, and the share of each list that he bought."""

    person: Ints
    own: Floats
    larger: Floats


def hits(before: View, after: View, name: str, value: str) -> Hits:
    """Judge a group within a larger one: lists are learned in `before`, and judged in `after`."""
    everyone, goods = before.rows[name]
    mine = before.values[name][everyone] == value
    bought = np.bincount(goods).astype(np.float64)
    prior = _PRIOR * bought / max(bought.sum(), 1.0)
    own = np.bincount(goods[mine], minlength=bought.size) + prior
    person, goods = after.rows[name]
    chosen = after.values[name][person] == value
    person, place = np.unique(person[chosen], return_inverse=True)
    goods = goods[chosen]
    found = (
        np.bincount(place, np.isin(goods, _best(score)), person.size) / LISTED
        for score in (own, bought)
    )
    return Hits(person, *found)


def gains(paths: Sequence[Path], X: pd.DataFrame, cut: int, until: int) -> tuple[Ints, Floats]:
    """Return who bought between two days, and how much better than the whole shop's his lists were.

    Each group that a person is in adds the share of its own five that he bought, less that of the
    larger group's five. Lists are of the year that ends with `cut`.

    Parameters
    ----------
    paths
        Groups, larger ones before those that are part of them, in the order they were cut out.
    X
        Purchases, from `attributes.purchases`.
    cut, until
        Day numbers: purchases up to the first are known, those after it up to the other are judged.
    """
    goods = goods_of(X)
    before = View.of(X, goods, cut - _YEAR, cut)
    after = View.of(X, goods, cut, until)
    total = np.zeros(after.persons.size)
    left = {"": (before, after)}
    for path in paths:
        above, (name, value) = key_of(path[:-1]), path[-1]
        found = hits(*left[above], name, value)
        total[found.person] += found.own - found.larger
        inside, others = zip(*(view.split(name, value) for view in left[above]), strict=True)
        left[key_of(path)], left[above] = inside, others
    buyers = np.unique(after.rows[ATTRIBUTES[0]][0])
    return after.persons[buyers], total[buyers]


def _best(score: Floats) -> npt.NDArray[np.intp]:
    return np.argsort(-score, kind="stable")[:LISTED]
