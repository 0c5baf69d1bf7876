"""Groups judged on purchases that their choice never saw, and fits of the weeks that follow."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from segmentation import catalogue, features
from segmentation.account import Part
from segmentation.compute import run
from segmentation.fitted import Fitted, Live
from segmentation.frames import PREVIOUS_DUE, PREVIOUS_SEGMENTS, Choices
from segmentation.groups import attributes
from segmentation.groups.keys import DETAILS, key_of
from segmentation.groups.learned import learn
from segmentation.groups.lists import LISTED
from segmentation.groups.tree import Group, GroupTree
from segmentation.profiles import measures_of
from tests.segmentation.reference import ACCOUNT, Reference

_YEAR = 365


def judged(shop: Reference) -> pd.DataFrame:
    """Return the groups offered a year before the end, and what came in that year.

    Columns: key, people, finest (no other offered group is part of it), buyers, own and larger:
    share bought of the five kinds of goods that were bought most in the year before, by the group
    and by the larger group.
    """
    cut = shop.as_of - timedelta(days=_YEAR)
    day = features.day_number(cut)
    known, prices = _bought(shop, cut)
    tree = GroupTree().fit(known, until=day)
    later, _ = _bought(shop, shop.as_of, prices)
    inside = {
        when: tree.transform(now).set_axis(now["person_id"])
        for when, now in (
            (at, attributes.labels(known[known["day"] <= at])) for at in (day - _YEAR, day)
        )
    }
    offered = tree.offered()
    keys = [group.key for group in offered]
    rows = []
    for group in offered:
        before = known[known["day"].between(day - _YEAR + 1, day)]
        lists = [
            _most_bought(before[_members(before, inside[day - _YEAR], key)], group)
            for key in (group.key, key_of(group.path[:-1]))
        ]
        after = later[later["day"].between(day + 1, day + _YEAR)]
        after = after[_members(after, inside[day], group.key)]
        own, larger = (_precision(after, group, five) for five in lists)
        finest = not any(key.startswith(f"{group.key}:") for key in keys)
        rows.append((group.key, group.people, finest, after["person_id"].nunique(), own, larger))
    return pd.DataFrame(rows, columns=["key", "people", "finest", "buyers", "own", "larger"])


def _bought(
    shop: Reference, as_of: date, prices: attributes.Prices | None = None
) -> tuple[pd.DataFrame, attributes.Prices]:
    goods = catalogue.read(shop.frames, Choices())
    part = Part.of(ACCOUNT, shop.frames, features.compute(goods.lines, goods.placed, as_of=as_of))
    part, _ = part.split(part.people["is_business"].to_numpy())
    if prices is None:
        prices = attributes.price_levels(part.need_days, {})
    return attributes.purchases(part.need_days, catalogue.traits(goods), prices), prices


def _members(rows: pd.DataFrame, finest: pd.Series, key: str) -> pd.Series:
    """Tell whose purchases are those of the group; "" is everybody who was known."""
    keys = [one for one in finest.unique() if not key or f"{one}:".startswith(f"{key}:")]
    return rows["person_id"].isin(finest.index[finest.isin(keys)])


def _goods(rows: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Return different kinds of goods by person: need and department, and the group's detail."""
    name = group.path[-1][0]
    kept = rows[rows[name] != ""] if name in DETAILS else rows
    goods = kept["need"] + "|" + kept["department"]
    goods = goods + "|" + kept[name].astype("str") if name in DETAILS else goods
    return pd.DataFrame({"person_id": kept["person_id"], "goods": goods}).drop_duplicates()


def _most_bought(rows: pd.DataFrame, group: Group) -> set[str]:
    return set(_goods(rows, group)["goods"].value_counts().head(LISTED).index)


def _precision(rows: pd.DataFrame, group: Group, five: set[str]) -> float:
    bought = _goods(rows, group)
    return float(bought["goods"].isin(five).groupby(bought["person_id"]).sum().mean() / LISTED)


def weeks(shop: Reference, count: int) -> pd.DataFrame:
    """Fit in each week that follows, without any purchase, and return what moved.

    Columns: week, groups and kinds (people new in one), renamed (kinds renamed or lost).
    """
    fitted, assigned, rows = shop.fitted, shop.assigned, []
    for week in range(1, count + 1):
        was, called = assigned.segments, _called(fitted)
        fitted, assigned = run(
            shop.frames,
            as_of=shop.as_of + timedelta(weeks=week),
            choices=Choices(),
            previous_due=assigned.due[list(PREVIOUS_DUE)],
            previous_segments=was[list(PREVIOUS_SEGMENTS)],
            live=Live(groups={ACCOUNT: fitted.accounts[ACCOUNT].groups.to_dict()}),
        )
        moved = [len(_of(assigned.segments, one) - _of(was, one)) for one in ("group", "cluster")]
        now = _called(fitted)
        rows.append((week, *moved, sum(now.get(key) != told for key, told in called.items())))
    return pd.DataFrame(rows, columns=["week", "groups", "kinds", "renamed"])


def _called(fitted: Fitted) -> dict[int, object]:
    clusters = fitted.accounts[ACCOUNT].groups.clusters.clusters_
    return {cluster.number: cluster.told for cluster in clusters}


def _of(segments: pd.DataFrame, group: str) -> set[tuple[int, str]]:
    mine = segments[segments["segment"].str.startswith(f"{group}:")]
    return set(zip(mine["person_id"].tolist(), mine["segment"], strict=True))


def seconds(shop: Reference) -> tuple[float, float]:
    """Return the processor seconds of finding groups and kinds, first and on the next night."""
    goods = catalogue.read(shop.frames, Choices())
    table = features.compute(goods.lines, goods.placed, as_of=shop.as_of)
    part = Part.of(ACCOUNT, shop.frames, table)
    measures = measures_of(part.people, features.day_number(shop.as_of))
    taken: list[float] = []
    earlier: dict[str, Any] | None = None
    for _ in range(2):
        began = time.process_time()
        found = learn(part.detailed, part.tastes, measures, catalogue.traits(goods),
                      as_of=shop.as_of, every=1, earlier=earlier)  # fmt: skip
        taken.append(time.process_time() - began)
        earlier = found.to_dict()
    return taken[0], taken[1]


def mean(rows: pd.DataFrame, column: str) -> float:
    """Return the mean of a column, each group by its buyers."""
    return float(np.average(rows[column], weights=rows["buyers"]))
