"""Ever finer groups: menswear, business, suits, navy; each only where it pays.

A group is told what to show: the five kinds of goods that its people bought most in one window of
the past. In the window after it we look whether the group's people bought more of the group's five
than of the five of the group it is part of (precision at 5, the same people under both lists). Only
what is clearly better becomes a group of its own; others stay with the group they are part of.

Goods are told apart by need and department, and by the detail when a group is split by one: knowing
that people like navy can only help to choose among colours. Attributes are tried in a fixed order
and groups are cut out one after another, so everybody walks one way down. scikit-learn's trees
fit neither: they split in two, by what fits best in the same window, and name nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.starts import Bools
from segmentation.groups.attributes import Texts, labels
from segmentation.groups.keys import ATTRIBUTES, has_tag, key_of
from segmentation.groups.lists import Path, View, goods_of, hits

#: Shortest window that is judged, in days, and people who bought in it from which on it says
#: something.
SHORTEST_DAYS, BUYERS = 60, 30
#: Cuts that do not pay and are remembered, so that a merchant can ask for one.
MOST_LEFT_OUT = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One group, and what it was worth in the last window."""

    #: (attribute, value) from the whole shop down to this group.
    path: Path
    #: People in it on the day of the fit.
    people: int
    #: Those of them who bought in the window.
    buyers: int
    #: Share of the five that was bought: of the group's own list, and of the larger group's.
    precision: float
    larger: float

    @property
    def key(self) -> str:
        """The values on the way down, joined by colons; details with what they are."""
        return key_of(self.path)


class GroupTree(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Split people by what they buy while it foretells purchases better.

    Parameters
    ----------
    minimum : int, default=100
        People that a group has at least.
    window_days : int, default=365
        Longest window, in days, in which purchases are counted, and then judged.
    certainty : float, default=2.33
        Standard errors by which a list must be better; 2.33 errs once in a hundred.
    most_parts : int, default=4
        Attributes of one group.
    most_offered : int, default=24
        Groups to mail, those in which most is gained; finer ones are only shown.

    Attributes
    ----------
    groups_ : list of Group
        Larger groups before those that are part of them.
    left_out_ : list of Group
        Cuts that do not pay, though they would be large enough; those with most buyers.
    window_days_ : int
        Days that were judged; 0 when the history is too short.
    until_ : int
        Last day number that was judged.
    seen_ : int
        Purchases up to it.
    """

    def __init__(
        self,
        minimum: int = 100,
        window_days: int = 365,
        certainty: float = 2.33,
        most_parts: int = 4,
        most_offered: int = 24,
    ) -> None:
        self.minimum = minimum
        self.window_days = window_days
        self.certainty = certainty
        self.most_parts = most_parts
        self.most_offered = most_offered

    def fit(
        self,
        X: pd.DataFrame,
        y: None = None,  # noqa: ARG002  # scikit-learn's form
        *,
        tastes: pd.DataFrame | None = None,
        until: int | None = None,
        share: float = 1.0,
        kept: Collection[str] = (),
    ) -> GroupTree:
        """Find the groups.

        Parameters
        ----------
        X
            Purchases, from `attributes.purchases`.
        tastes
            Of the same people, as `features` counts them; without, they are counted from X.
        until
            Last day number that is judged; the last one of X when None.
        share
            Which share of all people X has.
        kept
            Keys of groups there were: such a one stays while it is not worse.
        """
        self.groups_: list[Group] = []
        self.left_out_: list[Group] = []
        day = X["day"].to_numpy(dtype=np.int64)
        until = int(day.max(initial=0)) if until is None else until
        window = min(self.window_days, (until - int(day.min(initial=until))) // 3)
        self.until_, self.seen_ = until, int((day <= until).sum())
        self.window_days_ = window if window >= SHORTEST_DAYS else 0
        if self.window_days_ and X["person_id"].nunique() >= 2 * self.minimum * share:
            goods, cut = goods_of(X), until - window
            before = View.of(X, goods, cut - window, cut)
            after = View.of(X, goods, cut, until)
            growth = _Growth(self, share, frozenset(kept), self.groups_, self.left_out_)
            growth.grow((), before, after, _Today.of(labels(X, tastes)))
            self.left_out_.sort(key=lambda group: (-group.buyers, group.key))
            del self.left_out_[MOST_LEFT_OUT:]
        return self

    def transform(self, X: pd.DataFrame) -> pd.Series:
        """Return each person's finest group ("" for none) from the attributes that are asked."""
        check_is_fitted(self)
        finest = np.full(len(X), "", dtype=object)
        asked = {name for group in self.groups_ for name, _ in group.path}
        values = {name: X[name].to_numpy(dtype=object) for name in asked}
        for group in self.groups_:
            name, value = group.path[-1]
            # Larger and earlier groups come first: whoever has left for another one is not asked.
            at_larger = finest == key_of(group.path[:-1])
            finest[at_larger & (values[name] == value)] = group.key
        return pd.Series(finest, index=X.index)

    def offered(self, asked: Collection[str] = ()) -> list[Group]:
        """Return the groups to mail: of two parts or a detail, as one part alone is a tag anyway.

        Buyers of the window rank them, not today's people: no group comes and goes in a night.
        Those `asked` for (keys) are among them; cuts that were left out stand apart from the tree.
        """
        tagged = [group for group in self.groups_ if has_tag(group.path)]
        best = sorted(tagged, key=lambda g: (-g.buyers * (g.precision - g.larger), g.key))
        chosen = {group.key for group in best[: self.most_offered]}
        return [group for group in tagged if group.key in chosen or group.key in asked]

    def apart(self, asked: Collection[str]) -> list[Group]:
        """Return those asked for that do not pay: who is in them is in his own group as well."""
        return [group for group in self.left_out_ if group.key in asked]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        offered = [group.key for group in self.offered()]
        return {
            "params": self.get_params(),
            "window_days": self.window_days_,
            "until": self.until_,
            "seen": self.seen_,
            "groups": [_plain(group) for group in self.groups_],
            "left_out": [_plain(group) for group in self.left_out_],
            "offered": offered,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> GroupTree:
        """Return what `to_dict` wrote down."""
        tree = cls(**plain["params"])
        tree.window_days_ = plain["window_days"]
        tree.until_, tree.seen_ = plain["until"], plain["seen"]
        tree.groups_ = [_group(one) for one in plain["groups"]]
        # Trees that were made before cuts were remembered stay until their quarter ends.
        tree.left_out_ = [_group(one) for one in plain.get("left_out", ())]
        return tree


def _plain(group: Group) -> dict[str, Any]:
    return {**asdict(group), "path": [list(part) for part in group.path]}


def _group(plain: Mapping[str, Any]) -> Group:
    return Group(**{**plain, "path": tuple((name, value) for name, value in plain["path"])})


@dataclass(frozen=True)
class _Growth:
    """Cuts groups out of groups; `found` is what was found so far, `left_out` what does not pay."""

    tree: GroupTree
    share: float
    kept: frozenset[str]
    found: list[Group]
    left_out: list[Group]

    def grow(self, path: Path, before: View, after: View, now: _Today) -> None:
        """Add the groups within one; lists are learned in `before` and judged in `after`."""
        used = [ATTRIBUTES.index(name) for name, _ in path]
        whole, people = before, now.inside
        for name in ATTRIBUTES[max(used, default=-1) + 1 :]:
            for value, count in now.sizes(name, people):
                if count < self.tree.minimum * self.share:
                    break
                group = self._judged((*path, (name, value)), count, whole, after)
                if group is None:
                    continue
                self.found.append(group)
                inside = now.values[name] == value
                mine, before = before.split(name, value)
                theirs, after = after.split(name, value)
                if len(group.path) < self.tree.most_parts:
                    self.grow(group.path, mine, theirs, _Today(now.values, people & inside))
                people = people & ~inside

    def _judged(self, path: Path, count: int, before: View, after: View) -> Group | None:
        """Return the group when its own list is better than that of the larger group's people."""
        name, value = path[-1]
        told = before.values[name][before.rows[name][0]] == value
        if np.unique(before.rows[name][0][told]).size < BUYERS:
            return None
        found = hits(before, after, name, value)
        if found.person.size < BUYERS:
            return None
        gain = found.own - found.larger
        needed = self.tree.certainty * gain.std(ddof=1) / np.sqrt(gain.size)
        if key_of(path) in self.kept:
            needed = 0.0
        group = Group(
            path=path,
            people=round(count / self.share),
            buyers=round(gain.size / self.share),
            precision=round(float(found.own.mean()), 4),
            larger=round(float(found.larger.mean()), 4),
        )
        if gain.mean() > needed:
            return group
        if has_tag(path):
            self.left_out.append(group)
        return None


@dataclass(frozen=True)
class _Today:
    """Everybody's attributes on the day of the fit, and who is in the group that is split."""

    values: Mapping[str, Texts]
    inside: Bools

    @staticmethod
    def of(now: pd.DataFrame) -> _Today:
        values = {name: now[name].to_numpy(dtype=object) for name in ATTRIBUTES}
        return _Today(values, np.ones(len(now), dtype=bool))

    def sizes(self, name: str, people: Bools) -> list[tuple[str, int]]:
        """Return values of an attribute with their people, the largest first."""
        values, counts = np.unique(self.values[name][people], return_counts=True)
        sizes = [(str(v), int(n)) for v, n in zip(values, counts, strict=True) if v]
        return sorted(sizes, key=lambda size: (-size[1], size[0]))
