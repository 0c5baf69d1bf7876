"""When each person needs each thing next: dates, chances, and the states soon, now and late.

A window belongs to a purchase and stands still until the next one: only a purchase, a refund or the
calendar moves a state, never the nightly refit's small changes (hysteresis).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.duedates.intervals import (
    IntervalModel,
    days_until,
    due_chance,
    repeat_chance,
)
from segmentation.duedates.lives import LEARNED_FROM
from segmentation.duedates.starts import Bools, Floats, Ints, starts
from segmentation.features import day_numbers

#: Horizon of `p_due` in days.
DUE_WITHIN_DAYS = 30
#: `soon` starts this share of the expected days before the window, within these days.
LEAD_SHARE, LEAD_DAYS = 0.1, (2, 30)
#: `late` ends this share of the expected days after the window, within these days.
LATE_SHARE, LATE_DAYS = 0.5, (14, 365)
#: A state steps back only when its date moved later by more than this share, at least these days.
SLACK_SHARE, SLACK_DAYS = 0.05, 2
#: No state where coming back is less likely; a state that is there stays down to the second.
REPEAT_TO_ENTER, REPEAT_TO_STAY = 0.2, 0.15

#: What is told of the last purchase.
_LAST = ("product_id", "title", "colour", "size", "price")
_STATES = np.array(["", "soon", "now", "late", ""], dtype=object)
_PHASE = {"soon": 1, "now": 2, "late": 3}


def schedule(
    purchases: pd.DataFrame,
    model: IntervalModel,
    needs: list[str],
    *,
    as_of: int,
    previous: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row a person and need with dates, chances and state.

    Parameters
    ----------
    purchases
        One account's merged purchase days, sorted by person, `code` (position in `needs`), day.
    model
        Fitted on the same list of needs.
    needs
        Need keys.
    as_of
        Day number.
    previous
        `frames.PREVIOUS_DUE` of the account.

    Returns
    -------
    DataFrame
        `frames.DUE` without `reason` and `offers`, plus `life` (days) and `gaps` of the need, and
        `last_colour`, `last_size`, `last_price` of what was bought.
    """
    code, day = purchases["code"].to_numpy(), purchases["day"].to_numpy(dtype=np.int64)
    table = starts(purchases["person_id"].to_numpy(), code, day, as_of)
    last = ~table.done
    pace = model.predict(table, of=last)
    rows = np.flatnonzero(last)
    elapsed = table.length[rows]
    expected, early, late = (
        days_until(model, pace, share) for share in (0.5, *model.coverage_.window)
    )
    repeat = repeat_chance(model, pace)
    due = purchases.iloc[rows][["account_id", "person_id", *_LAST]]
    due = due.rename(columns={name: f"last_{name}" for name in _LAST})
    due = due.reset_index(drop=True)
    need = code[rows]
    due["need"] = pd.Series(np.array(needs, dtype=object)[need], dtype="str")
    due["last_on"] = dates(day[rows])
    due["owned"] = _owned(purchases["units"].to_numpy(dtype=np.float64), rows)
    due["own_gaps"] = table.own_gaps[rows]
    whole = [np.maximum(np.rint(days), 1).astype(np.int64) for days in (expected, early, late)]
    for column, days in zip(("expected_on", "window_from", "window_to"), whole, strict=True):
        due[column] = dates(day[rows] + days)
    due["p_repeat"] = repeat
    due["p_due"] = due_chance(model, pace, elapsed, DUE_WITHIN_DAYS).round(6)
    due["life"] = np.exp(model.lives_.mu)[need]
    due["gaps"] = model.lives_.gaps[need]
    edges = _edges(day[rows], whole)
    slack = np.maximum(SLACK_SHARE * whole[0], SLACK_DAYS)
    due["state"] = _states(edges, slack, repeat, as_of, _phases(due, previous, edges, as_of))
    return due


def dates(days: Ints) -> npt.NDArray[np.datetime64]:
    """Return day numbers as dates."""
    return days.astype("datetime64[D]").astype("datetime64[us]")


def is_learned(gaps: Ints) -> Bools:
    """Whether a need's life comes from its own repurchases."""
    return gaps >= LEARNED_FROM


def _owned(units: Floats, last: Ints) -> Ints:
    first = np.append(0, last[:-1] + 1)
    if not last.size:
        return np.zeros(0, dtype=np.int64)
    return np.rint(np.add.reduceat(units, first)).astype(np.int64)


def _edges(day: Ints, whole: list[Ints]) -> Ints:
    """Return the days on which soon, now, late begin and late ends; shape (rows, 4)."""
    expected, early, late = whole
    lead = np.clip(np.rint(LEAD_SHARE * expected), *LEAD_DAYS).astype(np.int64)
    after = np.clip(np.rint(LATE_SHARE * expected), *LATE_DAYS).astype(np.int64)
    opens, closes = day + early, day + late + 1
    return np.stack([np.maximum(opens - lead, day + 1), opens, closes, closes + after], axis=1)


def _phases(due: pd.DataFrame, previous: pd.DataFrame, edges: Ints, as_of: int) -> Ints:
    """Return last time's phase (0 none yet .. 4 over), -1 where it says nothing about this one."""
    key = ["person_id", "need"]
    before = due[[*key, "last_on"]].merge(
        previous[[*key, "state", "last_on"]], how="left", on=key, suffixes=("", "_before")
    )
    same = day_numbers(before["last_on"]) == day_numbers(before["last_on_before"])
    state = before["state"].map(_PHASE)
    phase = state.fillna(0).to_numpy(dtype=np.int64)
    # No state is told before `soon` and after `late`: the calendar says which.
    over = (phase == 0) & (as_of >= edges[:, 2])
    return np.where(same, np.where(over, 4, phase), -1)


def _states(edges: Ints, slack: Floats, repeat: Floats, as_of: int, previous: Ints) -> pd.Series:
    now = (as_of >= edges).sum(axis=1)
    # Forward on the day itself; back only when the date moved by more than the slack.
    lenient = (as_of >= edges - slack[:, None]).sum(axis=1)
    phase = np.where(previous < 0, now, np.clip(previous, now, lenient))
    had = (previous >= 1) & (previous <= 3)
    likely = (repeat >= REPEAT_TO_ENTER) | (had & (repeat >= REPEAT_TO_STAY))
    return pd.Series(_STATES[np.where(likely, phase, 0)], dtype="str")
