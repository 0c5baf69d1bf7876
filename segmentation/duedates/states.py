"""Soon, now, late: chosen by chance, with an end, and slow to change their mind.

- *now*: the window is open, and a purchase within the pair's own horizon (a quarter of its
  interval) is likely.
- *soon*: it will be so some days from now, if nothing is bought until then.
- *late*: the window is closed, and a purchase is still likely enough.

It ends at a purchase, when all but a few of those who come back have come, and when the chance fell
clearly below what it took to get in. All is of one purchase: the next one begins anew, and until
then nobody comes back who is past the window, however the window moves.

The chance is one that the shop's last weeks do not move: a dull month would empty every tag, and
the next fill it again. The thresholds were chosen on days before 1 July of both public sets and on
the demo shop, never on the days that the benchmarks judge; docs/segments.md has what was found.
None is so high that a need of which only the stated life is known could never be due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentation.duedates.intervals import (
    IntervalModel,
    chance,
    repeat_chance,
    steady_chance,
)
from segmentation.duedates.pace import Pace
from segmentation.duedates.starts import Bools, Floats

#: Horizon of the chance that decides: this share of the expected days, within these days.
HORIZON_SHARE, HORIZON_DAYS = 0.25, (14, 180)
#: `soon` looks ahead this share of the expected days, within these days.
LEAD_SHARE, LEAD_DAYS = 0.1, (2, 30)


@dataclass(frozen=True)
class Edge:
    """What it takes to get into a state, and to stay in it."""

    enter: float
    stay: float


#: Least chance of a purchase within the horizon, for `now` (and, looking ahead, `soon`) and `late`.
NOW, LATE = Edge(0.10, 0.067), Edge(0.067, 0.045)
#: Share of those who come back that has come: from here on it is over.
EXPIRES = Edge(0.95, 0.98)
#: The window has to move by this share to take a state back.
SLACK = 0.05


@dataclass(frozen=True)
class Outlook:
    """What is known of each open interval on a day; one entry an interval."""

    #: Days since the purchase; below 1 on the day itself.
    elapsed: Floats
    #: The horizon in days, and the chance of a purchase within it, given none so far.
    within_days: Floats
    p_within: Floats
    #: Share of those who come back that has come by now.
    passed: Floats
    #: The last two as they will be some days from now, if nothing is bought until then.
    p_ahead: Floats
    passed_ahead: Floats
    #: Share of those who come back at which the window opens, and closes.
    window: tuple[float, float]


def outlook(model: IntervalModel, pace: Pace, elapsed: Floats, expected: Floats) -> Outlook:
    """Return the outlook of open intervals; `elapsed` and `expected` are days from the start."""
    within = np.clip(np.rint(HORIZON_SHARE * expected), *HORIZON_DAYS)
    ahead = elapsed + np.clip(np.rint(LEAD_SHARE * expected), *LEAD_DAYS)
    repeat = np.maximum(repeat_chance(model, pace), 1e-9)
    # Rounded, so that a stored figure is the computed one on every engine.
    return Outlook(
        elapsed=elapsed,
        within_days=within,
        p_within=steady_chance(model, pace, elapsed, within).round(6),
        passed=(chance(model, pace, elapsed) / repeat).round(6),
        p_ahead=steady_chance(model, pace, ahead, within).round(6),
        passed_ahead=(chance(model, pace, ahead) / repeat).round(6),
        window=model.coverage_.window,
    )


def states(seen: Outlook, previous: pd.Series, passed_before: Floats) -> pd.Series:
    """Return soon, now, late or "" for each.

    Parameters
    ----------
    seen
        The outlook.
    previous
        Last time's state where it was of the same purchase, else "".
    passed_before
        Last time's `passed` where it was of the same purchase, else 0.
    """
    was = {state: (previous == state).to_numpy() for state in ("soon", "now", "late")}
    begun = was["now"] | was["late"]
    opens, closes = (Edge(share, share - SLACK) for share in seen.window)
    over = _reached(seen.passed, EXPIRES, was["soon"] | begun)
    over |= ~(was["soon"] | begun) & (passed_before >= closes.stay)
    is_late = _reached(seen.passed, closes, was["late"])
    likely_late = _reached(seen.p_within, LATE, was["late"])
    now = _reached(seen.passed, opens, begun) & _reached(seen.p_within, NOW, begun)
    soon = _reached(seen.passed_ahead, opens, was["soon"])
    soon &= _reached(seen.p_ahead, NOW, was["soon"])
    found = np.select(
        [(seen.elapsed < 1) | over, is_late & likely_late, is_late, now, soon],
        ["", "late", "", "now", "soon"],
        default="",
    )
    return pd.Series(found, dtype="str")


def _reached(value: Floats, edge: Edge, stays: Bools) -> Bools:
    result: Bools = value >= np.where(stays, edge.stay, edge.enter)
    return result
