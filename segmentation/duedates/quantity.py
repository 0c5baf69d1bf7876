"""How much longer a need stays away after more of it was bought than usual.

An interval grows with the units bought over the person's own usual number, but far less than in
proportion: ``days = usual days * (units / usual) ** q``. The exponent is estimated by need: a slope
of log residuals, shrunken to the shop's, which is shrunken to 0.1, what a grocer's goods were
measured at. It lies in 0..1. Only purchases followed until nearly all who come back would have done
so count, because a long interval still open is missing among the finished ones.

Intervals are then measured in days that the usual number lasts, so that one large purchase does not
pass for a change of rhythm.
"""

from __future__ import annotations

import numpy as np

from segmentation.duedates.starts import Floats, Starts

#: What is believed of any shop, and what the exponent is held in.
PRIOR, _HELD = 0.1, (0.0, 1.0)
#: Weight of what is believed, of the shop and of a need beside it: a standard deviation of 0.1.
_WEIGHT = 0.1**-2
#: Followed so many spreads past the expected log interval.
_FOLLOWED = 2.0


def usual(table: Starts, exponent: Floats) -> Starts:
    """Return intervals in the days that the usual number of units lasts."""
    if not table.more.any():
        return table
    return table.measured(table.length * np.exp(-exponent[table.need] * table.more))


def exponents(table: Starts, mu: Floats, sigma: Floats, needs: int) -> Floats:
    """Return the exponent of each need.

    Parameters
    ----------
    table
        Intervals in days.
    mu, sigma
        What a model expects of the log of each interval if the usual number were bought, and the
        spread.
    needs
        How many needs there are.
    """
    off = np.log(table.length) - mu
    followed = table.day + np.exp(mu + _FOLLOWED * sigma) <= table.as_of
    told = table.done & followed & (off <= _FOLLOWED * sigma)
    need, more, weight = table.need[told], table.more[told], sigma[told] ** -2.0
    slope = np.bincount(need, weight * more * off[told], needs)
    known = np.bincount(need, weight * more * more, needs)
    shop = (slope.sum() + _WEIGHT * PRIOR) / (known.sum() + _WEIGHT)
    result: Floats = np.round(np.clip((slope + _WEIGHT * shop) / (known + _WEIGHT), *_HELD), 6)
    return result
