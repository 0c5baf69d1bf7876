"""What may be said of people while only the end of a shop's history is known.

Whoever bought before it looks new, whoever has stayed away since is not seen at all, and a rhythm
longer than what is known has not been seen to come round. What hangs on that is left unsaid.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from segmentation.frames import Assigned

#: Days from which a history counts as long enough for every word.
ENOUGH_DAYS = 365
#: Groups of segments that compare people over a long time.
_LONG = ("stage", "value", "group", "cluster")
#: Figures of a person that do so.
_WORDS, _SCORES = ("stage", "value"), ("r", "f", "m")
_FIGURES = (
    "expected_gap",
    "p_alive",
    "expected_orders",
    "expected_value",
    "value_low",
    "value_high",
)
#: A date is told where so many times the way to it lie within what is known.
_CYCLES = 2
_ANYTHING = "due:anything:now"


def within(assigned: Assigned, known_days: int) -> Assigned:
    """Return what holds of an outcome when nothing older than `known_days` was seen."""
    if known_days >= ENOUGH_DAYS:
        return assigned
    due = _due(assigned.due, known_days)
    return replace(
        assigned,
        segments=_segments(assigned.segments, due),
        due=due,
        profiles=_profiles(assigned.profiles),
        groups=set(),
    )


def _due(due: pd.DataFrame, known_days: int) -> pd.DataFrame:
    """Take the state from dates that lie too far from their purchase."""
    away = (due["expected_on"] - due["last_on"]).dt.days
    told = (away * _CYCLES <= known_days).to_numpy()
    return due.assign(
        state=due["state"].where(told, ""), waits_for=due["waits_for"].where(told, "")
    )


def _segments(segments: pd.DataFrame, due: pd.DataFrame) -> pd.DataFrame:
    keys = segments["segment"]
    group = keys.str.partition(":")[0]
    stated = due[(due["state"] != "").to_numpy()]
    told = set(
        zip(stated["person_id"], "due:" + stated["need"] + ":" + stated["state"], strict=True)
    )
    told |= {(person, _ANYTHING) for person in stated["person_id"][stated["state"] == "now"]}
    pairs = zip(segments["person_id"], keys, strict=True)
    holds = np.fromiter((pair in told for pair in pairs), dtype=bool, count=len(segments))
    kept = ~group.isin(_LONG).to_numpy() & ((group != "due").to_numpy() | holds)
    remaining: pd.DataFrame = segments[kept].reset_index(drop=True)
    return remaining


def _profiles(profiles: pd.DataFrame) -> pd.DataFrame:
    blank = dict.fromkeys(_WORDS, "") | dict.fromkeys(_SCORES, 0) | dict.fromkeys(_FIGURES, np.nan)
    return profiles.assign(**blank).astype(
        dict.fromkeys(_WORDS, "str") | dict.fromkeys(_SCORES, "int64")
    )
