"""How numbers are compared: what they were off by, and whether that is clearly worse."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from segmentation.duedates.schedule import DUE_WITHIN_DAYS
from segmentation.duedates.starts import Floats, Ints

#: The days that are judged: months, each by the chances told on its eve.
PERIODS = 2
WINDOW_DAYS = PERIODS * DUE_WITHIN_DAYS
#: Purchases in them (for picks: people who bought) below which nothing is judged.
CASES_NEEDED = 100
#: People below whom no interval is drawn.
PEOPLE_NEEDED = 30
#: How much worse is too much, as a share of the present loss, and how sure that has to be:
#: the normal deviate that chance passes once in a hundred.
MARGIN, SURE = 0.01, 2.326
#: No chance or expectation is taken for smaller.
LEAST = 1e-4
_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one part of a fit."""

    #: A key of `choose.TRIALS`.
    part: str
    #: "accepted", "rejected" or "untested".
    outcome: str
    #: Of what is untested: "few" cases, "first" numbers, "same" numbers, "refused" (nothing is
    #: told), or "stated": the merchant has just said how long things last, and his word goes.
    why: str = ""
    #: Whether both had seen the days they were judged by.
    seen: bool = False
    #: Purchases in the window (for picks and groups: people who bought).
    cases: int = 0
    people: int = 0
    #: Of a fit that had not seen the days: purchases told and those that came, mean loss, and the
    #: loss of telling everybody the same.
    told: float | None = None
    came: float | None = None
    loss: float | None = None
    base: float | None = None
    #: New loss less present loss, as a share of the present one, with the ends of its interval.
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Rows:
    """How far numbers were off, one entry a chance (dates), customer, company or buyer."""

    person: Ints
    #: Which month.
    period: Ints
    #: NaN where the numbers do not know the need.
    loss: Floats
    #: Loss of telling everybody the same.
    base: Floats
    told: Floats
    came: Floats


def figures(rows: Rows) -> dict[str, Any]:
    """Return what numbers that had not seen the window told, and what came."""
    figures = {
        "told": rows.told.sum(),
        "came": rows.came.sum(),
        "loss": rows.loss.mean(),
        "base": rows.base.mean(),
    }
    plain = {name: round(float(value), _DIGITS) for name, value in figures.items()}
    # Of picks no chance is told, and of groups nothing but what their lists are worth.
    plain = {name: value for name, value in plain.items() if not np.isnan(value)}
    return {**plain, "people": int(np.unique(rows.person).size)}


def compared(verdict: Verdict, ours: Rows, theirs: Rows) -> Verdict:
    """Return the verdict on numbers against others that were judged by the same cases."""
    both = ~np.isnan(ours.loss) & ~np.isnan(theirs.loss)
    code = np.unique(ours.person[both], return_inverse=True)[1]
    people = int(code.max(initial=-1)) + 1
    if people < PEOPLE_NEEDED:
        return replace(verdict, why="few")
    more = (ours.loss - theirs.loss)[both]
    mean, scale = float(more.mean()), max(float(theirs.loss[both].mean()), 1e-9)
    # Of a ratio of two sums over persons (Cochran, Sampling Techniques, 1977, 6.4).
    off = np.bincount(code, more) - mean * np.bincount(code)
    spread = SURE * float(np.sqrt((off**2).sum())) / more.size
    period = ours.period[both]
    always = all(more[period == one].mean() > 0 for one in np.unique(period))
    worse = mean - spread > 0 and mean > MARGIN * scale and always
    return replace(
        verdict,
        outcome="rejected" if worse else "accepted",
        people=people,
        difference=round(mean / scale, _DIGITS),
        low=round((mean - spread) / scale, _DIGITS),
        high=round((mean + spread) / scale, _DIGITS),
    )


def log_loss(told: Floats, came: Floats) -> Floats:
    """Return the log loss of each chance told; NaN of what is not told."""
    p = np.clip(told, LEAST, 1 - LEAST)
    result: Floats = -(came * np.log(p) + (1 - came) * np.log1p(-p))
    return result


def deviance(told: Floats, came: Floats) -> Floats:
    """Return the Poisson deviance of each expectation."""
    told = np.maximum(told, LEAST)
    logs = np.where(came > 0, came * np.log(np.maximum(came, 1.0) / told), 0.0)
    result: Floats = 2 * (logs - (came - told))
    return result
