"""When each person needs each thing next: dates and chances, states and turns.

Dates belong to a purchase and stand still until the next one; states follow chances (`states`), and
of what is due one thing a person is told at a time (`turns`).
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
from segmentation.duedates.states import outlook, states
from segmentation.duedates.turns import waits_for
from segmentation.features import day_numbers

#: Horizon of `p_due` in days.
DUE_WITHIN_DAYS = 30

#: What is told of the last purchase.
_LAST = ("product_id", "title", "colour", "size", "price")


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
    units = purchases["units"].to_numpy(dtype=np.float64)
    table = starts(purchases["person_id"].to_numpy(), code, day, as_of, units)
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
    due["owned"] = _owned(units, rows)
    due["own_gaps"] = table.own_gaps[rows]
    whole = [np.maximum(np.rint(days), 1).astype(np.int64) for days in (expected, early, late)]
    for column, days in zip(("expected_on", "window_from", "window_to"), whole, strict=True):
        due[column] = dates(day[rows] + days)
    due["p_repeat"] = repeat
    due["p_due"] = due_chance(model, pace, elapsed, DUE_WITHIN_DAYS).round(6)
    seen = outlook(model, pace, elapsed, expected)
    due["within_days"] = seen.within_days.astype(np.int64)
    due["p_within"], due["passed"] = seen.p_within, seen.passed
    due["life"] = np.exp(model.lives_.mu)[need]
    due["gaps"] = model.lives_.gaps[need]
    before = _before(due, previous)
    due["state"] = states(seen, before["state"], before["passed"].to_numpy(dtype=np.float64))
    due["waits_for"] = waits_for(due, (before["state"] != "") & (before["waits_for"] == ""))
    return due


def _before(due: pd.DataFrame, previous: pd.DataFrame) -> pd.DataFrame:
    """Return last time's state, turn and share of each row; nothing where of another purchase."""
    key = ["person_id", "need"]
    nothing: dict[str, str | float] = {"state": "", "waits_for": "", "passed": 0.0}
    before = due[[*key, "last_on"]].merge(
        previous[[*key, *nothing, "last_on"]], how="left", on=key, suffixes=("", "_before")
    )
    same = day_numbers(before["last_on"]) == day_numbers(before["last_on_before"])
    kept = {column: before[column].where(same).fillna(none) for column, none in nothing.items()}
    return pd.DataFrame(kept)


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
