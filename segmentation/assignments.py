"""From labels to rows: every assignment with the reason that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segmentation import following
from segmentation.fitted import AccountFit
from segmentation.frames import SEGMENTS, empty
from segmentation.trade.alarms import OVERDUE, segment_of
from segmentation.wholesale import CHANNEL_SHARE

_ANYTHING_LISTED = 3


def due_reasons(due: pd.DataFrame) -> pd.Series:
    """Return the reason of each row of `duedates.schedule.schedule`, with its basis."""
    expected = (due["expected_on"] - due["last_on"]).dt.days
    values = zip(
        due["need"],
        due["last_title"],
        due["last_on"].dt.strftime("%Y-%m-%d"),
        np.rint(due["life"]).astype(int).tolist(),
        due["gaps"].tolist(),
        due["basis"],
        due["own_gaps"].tolist(),
        expected.tolist(),
        strict=True,
    )
    keys = ("need", "title", "last_on", "life", "gaps", "basis", "own_gaps", "expected")
    reasons = [{"key": "due", **dict(zip(keys, row, strict=True))} for row in values]
    return pd.Series(reasons, index=due.index, dtype=object)


@dataclass(frozen=True)
class Evidence:
    """What stands behind assignments beside dates and profiles."""

    #: Of favourites: from `affinity.favourites`.
    loves: pd.DataFrame
    #: Of departments and styles: `features.Features.tastes`.
    tastes: pd.DataFrame
    #: Of what follows a purchase: from `following.Following.predict`.
    follows: pd.DataFrame


def segment_rows(
    account: int,
    due: pd.DataFrame,
    profiles: pd.DataFrame,
    evidence: Evidence,
    numbers: AccountFit,
    grouped: Iterable[tuple[int, str, dict[str, Any]]],
) -> pd.DataFrame:
    """Return `frames.SEGMENTS` of one account's consumers, sorted by person and segment."""
    rows: list[tuple[int, str, dict[str, Any]]] = []
    rows += _due_rows(due)
    rows += _anything_rows(due)
    rows += _stage_rows(profiles)
    rows += _value_rows(profiles)
    rows += _taste_rows(profiles, evidence.tastes)
    rows += _loves_rows(profiles, evidence.loves, numbers)
    rows += following.reasons(evidence.follows, numbers.following)
    rows += grouped
    return frame_of(account, rows)


def frame_of(account: int, rows: Iterable[tuple[int, str, dict[str, Any]]]) -> pd.DataFrame:
    """Return rows of person, segment and reason as `frames.SEGMENTS`."""
    ordered = sorted(rows, key=lambda row: row[:2])
    if not ordered:
        return empty(SEGMENTS)
    persons, segments, reasons = zip(*ordered, strict=True)
    return pd.DataFrame(
        {
            "account_id": np.full(len(ordered), account, dtype=np.int64),
            "person_id": np.array(persons, dtype=np.int64),
            "segment": pd.Series(segments, dtype="str"),
            "reason": pd.Series(list(reasons), dtype=object),
        }
    )


def _due_rows(due: pd.DataFrame) -> Iterable[tuple[int, str, dict[str, Any]]]:
    shown = due[((due["state"] != "") & (due["waits_for"] == "")).to_numpy()]
    for person, need, state, reason in zip(
        shown["person_id"], shown["need"], shown["state"], shown["reason"], strict=True
    ):
        yield person, f"due:{need}:{state}", reason


def _anything_rows(due: pd.DataFrame) -> Iterable[tuple[int, str, dict[str, Any]]]:
    """One row a person with anything in `now`: what is told, then what waits; at most three."""
    now = due[(due["state"] == "now").to_numpy()]
    now = now.assign(waits=now["waits_for"] != "")
    now = now.sort_values(["person_id", "waits", "expected_on", "need"])
    needs: dict[int, list[str]] = {}
    for person, need in zip(now["person_id"], now["need"], strict=True):
        needs.setdefault(person, []).append(need)
    for person, found in needs.items():
        yield (
            person,
            "due:anything:now",
            {"key": "due-anything", "needs": found[:_ANYTHING_LISTED]},
        )


def _stage_rows(profiles: pd.DataFrame) -> Iterable[tuple[int, str, dict[str, Any]]]:
    columns = ("person_id", "stage", "last_on", "expected_gap", "frequency", "f", "m")
    days = profiles.assign(last_on=profiles["last_on"].dt.strftime("%Y-%m-%d"))
    for person, stage, last_on, gap, frequency, f, m in zip(
        *(days[c].tolist() for c in columns), strict=True
    ):
        reason = {"key": "stage", "stage": stage, "last_on": last_on, "gap": round(gap)}
        yield person, f"stage:{stage}", reason | {"frequency": frequency, "f": f, "m": m}


def _value_rows(profiles: pd.DataFrame) -> Iterable[tuple[int, str, dict[str, Any]]]:
    """The reason tells what is known, and no forecast: a forecast is another each night."""
    told = profiles[(profiles["value"] != "").to_numpy()]
    told = told.assign(last_on=told["last_on"].dt.strftime("%Y-%m-%d"))
    for person, level, last_on, since, frequency in zip(
        *(told[c].tolist() for c in ("person_id", "value", "last_on", "since", "frequency")),
        strict=True,
    ):
        reason = {"key": "value", "level": level, "frequency": frequency, "since": since.year}
        yield person, f"value:{level}", reason | {"last_on": last_on}


def _taste_rows(
    profiles: pd.DataFrame, tastes: pd.DataFrame
) -> Iterable[tuple[int, str, dict[str, Any]]]:
    columns = {"department": ("men", "women"), "style": ("business", "casual")}
    counts = {
        (column, side): tastes[(tastes[column] == side).to_numpy()]
        .groupby("person_id")["items"]
        .sum()
        .to_dict()
        for column, names in columns.items()
        for side in names
    }
    total = tastes.groupby("person_id")["items"].sum().to_dict()
    for person, shops, style, since in zip(
        *(profiles[c].tolist() for c in ("person_id", "shops", "style", "since")), strict=True
    ):
        base = {"of": int(total.get(person, 0)), "since": since.year}
        if shops:
            items = {
                side: int(counts["department", side].get(person, 0)) for side in ("men", "women")
            }
            department = {"menswear": "men", "womenswear": "women"}.get(shops, shops)
            reason = {"key": "shops", "department": department, **items, **base}
            yield person, f"shops:{shops}", reason
        if style:
            items_of = int(counts["style", style].get(person, 0))
            yield (
                person,
                f"style:{style}",
                {"key": "style", "style": style, "items": items_of} | base,
            )


def _loves_rows(
    profiles: pd.DataFrame, loves: pd.DataFrame, numbers: AccountFit
) -> Iterable[tuple[int, str, dict[str, Any]]]:
    for person, reason in _loved(profiles, "favourite", loves, numbers):
        yield person, f"loves:{reason['need']}", reason


def second_favourites(
    profiles: pd.DataFrame, loves: pd.DataFrame, numbers: AccountFit
) -> dict[int, dict[str, Any]]:
    """Return by person why a second favourite is one; nobody without one."""
    return dict(_loved(profiles, "second_favourite", loves, numbers))


def _loved(
    profiles: pd.DataFrame, column: str, loves: pd.DataFrame, numbers: AccountFit
) -> Iterable[tuple[int, dict[str, Any]]]:
    named = profiles[["person_id", column]].rename(columns={column: "need"})
    found = named.merge(loves, on=["person_id", "need"])
    for person, need, items, total in zip(
        *(found[c].tolist() for c in ("person_id", "need", "items", "total")), strict=True
    ):
        share = round(numbers.shares.needs.get(need, 0.0), 4)
        reason = {"key": "loves", "need": need, "items": items, "of": total, "share": share}
        yield person, reason


def business_rows(
    account: int, apart: pd.DataFrame, declared: frozenset[int], trade: pd.DataFrame
) -> pd.DataFrame:
    """Return `frames.SEGMENTS` of wholesale people, and of declared ones without a purchase.

    `trade` is that of `trade.model.Trade.place`: the contact named there carries the alarm.
    """
    why = dict.fromkeys(declared, "source")
    channel = apart["wholesale_share"] > CHANNEL_SHARE
    for person, ordered_there in zip(apart["person_id"].tolist(), channel, strict=True):
        why.setdefault(person, "channel" if ordered_there else "quantity")
    rows = [(p, "b2b:account", {"key": "b2b", "why": reason}) for p, reason in why.items()]
    alarms = trade[(trade["state"] == OVERDUE).to_numpy()]
    for person, need, reason in zip(
        alarms["person_id"].tolist(), alarms["need"], alarms["reason"], strict=True
    ):
        rows.append((person, segment_of(need), reason))
    return frame_of(account, rows)
