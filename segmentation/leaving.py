"""Why people left segments: worked out from what was told last time and what is so now.

A cause is a plain dict as a reason is, ``{"key": "left-...", **values}``; its sentences stand in
`leaving_words`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from segmentation.duedates.coverage import WINDOW
from segmentation.following import WITHIN_DAYS
from segmentation.frames import Assigned
from segmentation.trade.alarms import OVERDUE, TO_STAY

Key = tuple[int, str]
Cause = dict[str, Any]
Reason = Mapping[str, Any]
_OTHER = ("left-other", "left-unknown", "left-business")
#: By group of segments: for what one can be left. Sentences stand in `leaving_words`.
CAUSES: Mapping[str, tuple[str, ...]] = {
    "due": (
        "left-bought", "left-returned", "left-first", "left-moved", "left-expired", "left-later",
        "left-unlikely", "left-business",
    ),
    "shops": _OTHER,
    "style": _OTHER,
    "loves": _OTHER,
    "next": (
        "left-bought", "left-returned", "left-other", "left-passed", "left-refit", "left-business",
    ),
    "interest": ("left-bought", "left-interest", "left-business"),
    "stage": _OTHER,
    "value": _OTHER,
    "group": ("left-group", "left-ungrouped", "left-business"),
    "cluster": ("left-kind", "left-unknown", "left-business"),
    "own": ("left-own", "left-removed"),
    "b2b": ("left-b2b", "left-returned", "left-ordered", "left-gone"),
    "test": ("left-test",),
}  # fmt: skip
#: Groups in which a person has one segment at most.
_ONE_OF = ("stage", "value", "shops", "style", "loves")
_ANYTHING = "anything"


def causes(
    left: Mapping[Key, Reason], *, previous_due: pd.DataFrame, assigned: Assigned, as_of: date
) -> dict[Key, Cause]:
    """Return the cause of each (person, segment) that was left.

    Parameters
    ----------
    left
        Who left what, with the reason it was held for.
    previous_due
        `frames.PREVIOUS_DUE` of last time.
    assigned
        What is so now, of the same people.
    as_of
        The day of it, in the shop's zone.
    """
    people = {person for person, _ in left}
    inside: dict[int, dict[str, Reason]] = defaultdict(dict)
    now = assigned.segments[assigned.segments["person_id"].isin(people)]
    columns = (now["person_id"].tolist(), now["segment"], now["reason"])
    for person, segment, reason in zip(*columns, strict=True):
        inside[person][segment] = reason
    figures = assigned.profiles[assigned.profiles["person_id"].isin(people)]
    known = _Known(
        before=_by_need(previous_due, people),
        now=_by_need(assigned.due, people),
        inside=inside,
        groups=assigned.groups,
        as_of=as_of,
        rhythms={
            person: company.get("rhythms", [])
            for person, company in zip(figures["person_id"].tolist(), figures["trade"], strict=True)
        },
    )
    return {
        (person, segment): _cause(person, segment, reason, known)
        for (person, segment), reason in left.items()
    }


@dataclass(frozen=True)
class _Known:
    """What the causes of some people are worked out from."""

    #: Person -> need -> the row of last time, and of now.
    before: Mapping[int, Mapping[str, Any]]
    now: Mapping[int, Mapping[str, Any]]
    #: Person -> segment -> the reason to be in it now.
    inside: Mapping[int, Mapping[str, Reason]]
    #: Person -> rhythms of the company.
    rhythms: Mapping[int, list[dict[str, Any]]]
    #: Segments that are groups now.
    groups: Collection[str]
    as_of: date


def _by_need(due: pd.DataFrame, people: Collection[int]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    mine = due[due["person_id"].isin(people)]
    rows = mine.itertuples(index=False)
    for person, need, row in zip(mine["person_id"].tolist(), mine["need"], rows, strict=True):
        found[person][need] = row
    return found


def _cause(person: int, segment: str, reason: Reason, known: _Known) -> Cause:
    group, _, rest = segment.partition(":")
    inside = known.inside.get(person, {})
    if group not in ("b2b", "own", "test") and "b2b:account" in inside:
        return {"key": "left-business"}
    if group == "due":
        return _due_cause(person, rest, known)
    if rest.endswith(f":{OVERDUE}") and "b2b:account" in inside:
        return _trade_cause(rest.rpartition(":")[0], known.rhythms.get(person, []))
    if group == "next":
        return _next_cause(person, rest, reason, known)
    if group == "interest":
        return _interest_cause(person, rest.rpartition(":")[0], reason, known)
    if group == "group" and segment not in known.groups:
        return {"key": "left-ungrouped"}
    other = next((one for one in inside if one.startswith(f"{group}:")), None)
    if group == "cluster" and other:
        return {"key": "left-kind", "told": inside[other]["told"]}
    if group == "cluster" or group in _ONE_OF:
        return {"key": "left-other", "segment": other} if other else {"key": "left-unknown"}
    return {"key": f"left-{group}"}


def _due_cause(person: int, rest: str, known: _Known) -> Cause:
    before = known.before.get(person, {})
    need = rest.rpartition(":")[0]
    if need == _ANYTHING:
        told = [one.need for one in before.values() if one.state == "now" and not one.waits_for]
        need = told[0] if told else need
    was, row = before.get(need), known.now.get(person, {}).get(need)
    if was is None or row is None or row.last_on < was.last_on:
        return {"key": "left-returned", "need": need}
    if row.last_on > was.last_on:
        return {"key": "left-bought", "need": need, "on": row.last_on.date().isoformat()}
    if row.waits_for:
        return {"key": "left-first", "need": row.waits_for}
    if row.state:
        return {"key": "left-moved", "need": need, "state": row.state}
    if row.passed >= WINDOW[1]:
        return {"key": "left-expired", "need": need}
    if row.passed < WINDOW[0]:
        on = row.expected_on.date().isoformat()
        return {"key": "left-later", "need": need, "on": on}
    return {"key": "left-unlikely", "need": need}


def _next_cause(person: int, then: str, reason: Reason, known: _Known) -> Cause:
    """What follows ends with its purchase or its time, or where it follows no more."""
    now, before = known.now.get(person, {}), known.before.get(person, {})
    bought, was = now.get(then), before.get(then)
    if bought is not None and (was is None or bought.last_on > was.last_on):
        return {"key": "left-bought", "need": then, "on": bought.last_on.date().isoformat()}
    after, started = reason.get("after", then), reason.get("bought_on", "")
    start = now.get(after)
    if start is None or start.last_on.date().isoformat() < started:
        return {"key": "left-returned", "need": after}
    other = next((one for one in known.inside.get(person, {}) if one.startswith("next:")), None)
    if other:
        return {"key": "left-other", "segment": other}
    within = reason.get("within", WITHIN_DAYS)
    if started and (known.as_of - date.fromisoformat(started)).days > within:
        return {"key": "left-passed", "need": then, "after": after, "within": within}
    return {"key": "left-refit", "need": then, "after": after}


def _interest_cause(person: int, need: str, reason: Reason, known: _Known) -> Cause:
    bought = known.now.get(person, {}).get(need)
    on = bought.last_on.date().isoformat() if bought is not None else ""
    if on and on >= reason.get("first_on", ""):
        return {"key": "left-bought", "need": need, "on": on}
    return {"key": "left-interest", "need": need}


def _trade_cause(need: str, rhythms: list[dict[str, Any]]) -> Cause:
    row = next((one for one in rhythms if one["need"] == need), None)
    if row is None:
        return {"key": "left-returned", "need": need}
    if row["p_overdue"] >= TO_STAY:
        return {"key": "left-gone", "on": row["last_on"]}
    return {"key": "left-ordered", "on": row["last_on"]}
