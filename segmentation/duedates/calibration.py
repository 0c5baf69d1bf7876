"""Chances in step with the shop as it is now: two numbers from the last eight weeks.

People buy more in some weeks than in others, and no model of intervals knows. So the model is
fitted once more on what was known eight weeks ago, its chances for four fortnights are compared
with what happened, and a logistic line through the two (Platt 1999) is kept: a shift and a slope of
the log-odds, shrunken to "no change" where little happened.
"""

from __future__ import annotations

import numpy as np

from segmentation.duedates.starts import Bools, Floats

#: The chances that are compared: of a purchase within so many days, this many times.
WITHIN_DAYS, TIMES = 14, 4
#: Intervals that are enough; of the few that end in eight weeks, a third as many told less well.
MOST = 1_000_000
#: Shift and slope that change nothing.
NONE = (0.0, 1.0)
#: Evidence that weighs as much as "no change", in units of a purchase.
_WEIGHT = 25.0
_ROUNDS = 30
_LEAST = 1e-6


def days(as_of: int) -> list[int]:
    """Return the days on which chances are compared, earliest first.

    Examples
    --------
    >>> days(100)
    [44, 58, 72, 86]
    """
    return [as_of - WITHIN_DAYS * times for times in range(TIMES, 0, -1)]


def fitted(chance: Floats, bought: Bools) -> tuple[float, float]:
    """Return shift and slope of the log-odds by penalised maximum likelihood.

    Examples
    --------
    >>> chance = np.repeat([0.2, 0.4], 5_000)
    >>> bought = np.arange(10_000) % 10 < np.where(chance > 0.3, 2, 1)  # half of what was told
    >>> applied(fitted(chance, bought), chance)[[0, -1]].round(1).tolist()
    [0.1, 0.2]
    """
    x = np.stack([np.ones(chance.size), _log_odds(chance)], axis=1)
    beta = np.array(NONE)
    for _ in range(_ROUNDS):
        p = _from_log_odds(x @ beta)
        slope = x.T @ (bought - p) - _WEIGHT * (beta - NONE)
        bend = x.T @ (x * (p * (1 - p))[:, None]) + _WEIGHT * np.eye(2)
        step = np.clip(np.linalg.solve(bend, slope), -1.0, 1.0)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    # Never turned round: who is likelier by the model stays likelier.
    return float(np.round(beta[0], 6)), float(np.round(max(beta[1], 0.1), 6))


def applied(numbers: tuple[float, float], chance: Floats) -> Floats:
    """Return chances in step with the last weeks."""
    shift, slope = numbers
    return _from_log_odds(shift + slope * _log_odds(chance))


def _log_odds(chance: Floats) -> Floats:
    held = np.clip(chance, _LEAST, 1 - _LEAST)
    result: Floats = np.log(held / (1 - held))
    return result


def _from_log_odds(value: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-value))
    return result
