"""Who is in which group and cluster, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from segmentation.affinity import Labels
from segmentation.groups import attributes
from segmentation.groups.keys import DETAILS, key_of
from segmentation.groups.learned import Groups, with_breadth

Row = tuple[int, str, dict[str, Any]]


def group_rows(
    profiles: pd.DataFrame, bought: pd.DataFrame, groups: Groups, asked: Collection[str] = ()
) -> Iterator[Row]:
    """Yield person, segment and reason of each group a person is in.

    Parameters
    ----------
    profiles
        person_id (sorted), shops, style and favourite of each consumer.
    bought
        Their purchases, from `attributes.purchases`.
    asked
        Keys of groups that the merchant asked for, whatever they gain.
    """
    found, apart = groups.tree.groups_, groups.tree.apart(asked)
    offered = {group.key: group for group in groups.tree.offered(asked)}
    if not offered and not apart:
        return
    used = {name for group in (*found, *apart) for name, _ in group.path if name in DETAILS}
    persons = profiles["person_id"]
    leaning = {name: attributes.leaning(bought, persons, name) for name in sorted(used)}
    now = pd.DataFrame(
        {"person_id": persons, "shops": profiles["shops"], "style": profiles["style"],
         "need": profiles["favourite"], **{name: one[0] for name, one in leaning.items()}}
    )  # fmt: skip
    finest = groups.tree.transform(now).tolist()
    # From a finest group to those it is part of, itself included, that are offered.
    part_of = {
        group.key: [offered[key] for key in map(key_of, _heads(group.path)) if key in offered]
        for group in found
    }
    for at, (person, key) in enumerate(zip(persons.tolist(), finest, strict=True)):
        for group in part_of.get(key, ()):
            parts = [_part(at, part, leaning, groups) for part in group.path]
            yield person, f"group:{group.key}", {"key": "group", "parts": parts}
    for group in apart:
        inside = np.logical_and.reduce([(now[name] == value) for name, value in group.path])
        for at in np.flatnonzero(inside).tolist():
            parts = [_part(at, part, leaning, groups) for part in group.path]
            yield int(persons.iloc[at]), f"group:{group.key}", {"key": "group", "parts": parts}


def _heads(path: tuple[tuple[str, str], ...]) -> list[tuple[tuple[str, str], ...]]:
    return [path[:length] for length in range(1, len(path) + 1)]


def _part(
    at: int, part: tuple[str, str], leaning: Mapping[str, attributes.Leaning], groups: Groups
) -> list[Any]:
    """Return attribute and value, and of a detail how many items are of it, and of how many."""
    name, value = part
    if name not in leaning:
        return [name, value]
    _, items, known = leaning[name]
    return [name, groups.texts.get(key_of([part]), value), int(items[at]), int(known[at])]


def cluster_rows(
    profiles: pd.DataFrame, tastes: pd.DataFrame, groups: Groups, before: Labels
) -> Iterator[Row]:
    """Yield person, segment and reason of each person's cluster; `before` is last time's."""
    clusters = groups.clusters
    if not clusters.clusters_:
        return
    told = {cluster.number: [list(one) for one in cluster.told] for cluster in clusters.clusters_}
    people = with_breadth(profiles, tastes)
    was = [int(label) if str(label).isdigit() else 0 for label in before]
    last_on = people["last_on"].dt.strftime("%Y-%m-%d")
    for person, number, frequency, breadth, since, last in zip(
        people["person_id"].tolist(),
        clusters.predict(people, was).tolist(),
        people["frequency"].tolist(),
        people["breadth"].tolist(),
        people["since"].dt.year.tolist(),
        last_on,
        strict=True,
    ):
        reason = {"key": "cluster", "told": told[number], "frequency": frequency}
        reason |= {"breadth": breadth, "since": since, "last_on": last}
        yield person, f"cluster:{number}", reason
