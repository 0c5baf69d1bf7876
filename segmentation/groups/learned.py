"""What a fit learns of an account's groups and clusters, and keeps from the fit before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from segmentation.features import day_number
from segmentation.groups.attributes import BY_TEXT, price_levels, purchases, texts_of
from segmentation.groups.clusters import Clusters
from segmentation.groups.keys import key_of
from segmentation.groups.tree import GroupTree

#: People who tell enough; of more, one in so many is looked at.
ENOUGH = 25_000
#: Part of the purchases judged that may have changed since: groups stay as they are.
SAME = 0.01
#: Of the JSON of groups alone: another version of the rest must not rename what people know.
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Groups:
    """One account's groups and clusters."""

    #: Need to the prices up to which it is low, and middle; minor units.
    prices: Mapping[str, list[float]]
    tree: GroupTree
    clusters: Clusters
    #: What the shop calls brands and sizes that groups are made of: "brand-zilte" to "Zilte".
    texts: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "prices": {need: list(limits) for need, limits in self.prices.items()},
            "tree": self.tree.to_dict(),
            "clusters": self.clusters.to_dict(),
            "texts": dict(self.texts),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Groups:
        """Return what `to_dict` wrote down."""
        return cls(
            prices={need: list(limits) for need, limits in plain["prices"].items()},
            tree=GroupTree.from_dict(plain["tree"]),
            clusters=Clusters.from_dict(plain["clusters"]),
            texts=dict(plain["texts"]),
        )


def one_in(people: int) -> int:
    """Return one in how many people is looked at.

    Examples
    --------
    >>> one_in(0), one_in(25_000), one_in(1_000_000)
    (1, 1, 40)
    """
    return max(-(-people // ENOUGH), 1)


def learn(
    need_days: pd.DataFrame,
    tastes: pd.DataFrame,
    measures: pd.DataFrame,
    traits: pd.DataFrame,
    *,
    as_of: date,
    every: int,
    earlier: Mapping[str, Any] | None,
) -> Groups:
    """Find one account's groups and clusters.

    Parameters
    ----------
    need_days
        `features.Features.detailed` of its consumers: one in `every`.
    tastes
        `features.Features.tastes` of all of them.
    measures
        person_id and `keys.TRAITS` but breadth, of each consumer.
    traits
        `catalogue.traits` of its products.
    as_of
        The last day that is seen.
    every
        One in so many people is looked at: `one_in` of all of them.
    earlier
        What the fit before wrote down, as plain JSON; None without.
    """
    before = Groups.from_dict(earlier) if earlier and earlier.get("schema") == SCHEMA else None
    some, liked = (
        frame[(frame["person_id"] % every == 0).to_numpy()] if every > 1 else frame
        for frame in (measures, tastes)
    )
    clusters = Clusters().fit(
        with_breadth(some, liked), earlier=before.clusters if before else None
    )
    until = quarter_end(as_of)
    if before and _is_same(before.tree, need_days, until):
        return replace(before, clusters=clusters)
    prices = price_levels(need_days, before.prices if before else {})
    tree = GroupTree().fit(
        purchases(need_days, traits, prices),
        tastes=liked,
        until=until,
        share=len(some) / max(len(measures), 1),
        kept=[group.key for group in before.tree.groups_] if before else (),
    )
    made = (*tree.groups_, *tree.left_out_)
    named = {key_of([part]) for group in made for part in group.path if part[0] in BY_TEXT}
    texts = {key: text for key, text in texts_of(need_days, traits).items() if key in named}
    return Groups(prices=prices, tree=tree, clusters=clusters, texts=texts)


def _is_same(tree: GroupTree, need_days: pd.DataFrame, until: int) -> bool:
    """Tell whether a tree was made of what would be judged now, but for a late refund or two."""
    seen = int((need_days["day"] <= until).sum())
    return tree.until_ == until and abs(seen - tree.seen_) <= SAME * seen


def with_breadth(measures: pd.DataFrame, tastes: pd.DataFrame) -> pd.DataFrame:
    """Return the measures with the number of needs each person bought."""
    needs = tastes.groupby("person_id")["need"].nunique()
    return measures.assign(breadth=measures["person_id"].map(needs).fillna(0).astype("int64"))


def quarter_end(as_of: date) -> int:
    """Return the last day before the quarter: what is a group is decided anew four times a year,
    so that from week to week only purchases move people."""
    return day_number(date(as_of.year, 3 * ((as_of.month - 1) // 3) + 1, 1)) - 1
