"""What remains when need and person are taken out: hazards of residuals, open intervals included.

A residual is a log interval minus its expectation, in spreads. Its cumulative hazard (Nelson 1969,
Aalen 1978) is fitted by number of own gaps, and every need has a ratio to it: purchases over
expected purchases, shrunken to 1 (a gamma frailty). ``1 - exp(-ratio * hazard)`` is the chance of a
repurchase; what never reaches 1 is the share that never returns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from segmentation.duedates.lives import LEARNED_FROM, REPEAT
from segmentation.duedates.starts import MOST_OWN_GAPS, Bools, Floats, Ints, Starts

#: Residual grid, in spreads; beyond the last edge lies no repurchase worth a date.
EDGES: Floats = np.round(np.arange(-4.0, 3.01, 0.1), 6)
#: Rows of a table: 0, 1, 2, 3 and 4 or more own gaps.
GROUPS = MOST_OWN_GAPS + 1
#: Intervals at risk that weigh as much as the log-normal start; as all groups together.
_START_WEIGHT, _GROUP_WEIGHT = 20.0, 50.0
#: Purchases that weigh as much as "like every need".
_K_NEED = 10.0
_ROUNDS = 5
#: The first part of a history says little: a first purchase there is seldom somebody's first.
_LEFT_OUT = 0.2


def fitted(table: Starts, residual: Floats, needs: int) -> tuple[Floats, Floats]:
    """Return cumulative hazards at `EDGES` by number of own gaps, and each need's ratio to them.

    Parameters
    ----------
    table
        Intervals.
    residual
        In spreads, one an interval.
    needs
        How many needs there are.
    """
    told = _telling(table)
    counts = _Counts.of(table.take(told), residual[told], needs)
    bought = np.bincount(table.need[told], table.done[told], needs)
    ratio = np.ones(needs)
    for _ in range(_ROUNDS):
        hazard = counts.cumulative(ratio)
        ratio = (bought + _K_NEED) / (counts.expected(hazard) + _K_NEED)
    return np.round(hazard, 7), np.round(ratio, 7)


@dataclass(frozen=True)
class _Counts:
    """How many intervals there are; all that the rounds of a fit ask of them."""

    #: Repurchases by group and bin; shape (groups, bins).
    ends: Floats
    #: Intervals by need, group and the bin they end in, one more for beyond the last edge.
    every: Floats
    #: Of those, the sum of how far into their bin they ended, in bins; shape (needs, groups, bins).
    into: Floats

    @classmethod
    def of(cls, table: Starts, residual: Floats, needs: int) -> _Counts:
        bins = EDGES.size - 1
        group = own_group(table.own_gaps)
        low, share = _place(residual)
        # What ends beyond the last edge is open at the edge: no repurchase within the horizon.
        beyond = residual >= EDGES[-1]
        done = table.done & ~beyond
        cell = group * (bins + 1) + np.where(beyond, bins, low)
        ends = np.bincount(cell[done], minlength=GROUPS * (bins + 1)).reshape(GROUPS, -1)
        cell += table.need * (GROUPS * (bins + 1))
        shape = (needs, GROUPS, bins + 1)
        every = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
        cell = (table.need * GROUPS + group) * bins + low
        into = np.bincount(cell, share, needs * GROUPS * bins).reshape(needs, GROUPS, bins)
        counts = (table.astype(np.float64) for table in (ends[:, :-1], every, into))
        return cls(*counts)

    def cumulative(self, ratio: Floats) -> Floats:
        """Return the cumulative hazards at `EDGES`, given each need's ratio to them."""
        every = np.tensordot(ratio, self.every, axes=1)
        # Whoever leaves within a bin was at risk for half of it.
        at_risk = (np.cumsum(every[:, ::-1], axis=1)[:, ::-1] - every / 2)[:, :-1]
        pool = (self.ends.sum(0) + _START_WEIGHT * _start()) / (at_risk.sum(0) + _START_WEIGHT)
        hazard = (self.ends + _GROUP_WEIGHT * pool) / (at_risk + _GROUP_WEIGHT)
        return np.pad(np.cumsum(hazard, axis=1), ((0, 0), (1, 0)))

    def expected(self, hazard: Floats) -> Floats:
        """Return the purchases that cumulative hazards expect of each need."""
        # What lies beyond the last edge is read at the end of the last bin.
        inside = self.every[:, :, :-1].copy()
        inside[:, :, -1] += self.every[:, :, -1]
        told = np.einsum("ngb,gb->n", inside, hazard[:, :-1])
        result: Floats = told + np.einsum("ngb,gb->n", self.into, np.diff(hazard, axis=1))
        return result


def own_group(own_gaps: Ints) -> Ints:
    """Return the row of a hazard table for a number of own gaps."""
    return np.minimum(own_gaps, MOST_OWN_GAPS)


def at(hazard: Floats, row: Ints, z: Floats) -> Floats:
    """Return the cumulative hazard of rows of a table at residuals `z`."""
    low, share = _place(z)
    left = hazard[row, low]
    result: Floats = left + share * (hazard[row, low + 1] - left)
    return result


def _place(z: Floats) -> tuple[Ints, Floats]:
    """Return the bin of residuals, the first or last one outside, and how far into it they lie."""
    place = np.clip((z - EDGES[0]) / (EDGES[1] - EDGES[0]), 0.0, EDGES.size - 1.0)
    low = np.minimum(place.astype(np.int64), EDGES.size - 2)
    return low, place - low


def reached(hazard: Floats, row: Ints, level: Floats) -> Floats:
    """Return the residual at which the cumulative hazard reaches `level`."""
    result = np.empty(level.size)
    for number in range(len(hazard)):
        mine = row == number
        result[mine] = np.interp(level[mine], hazard[number], EDGES)
    return result


def _telling(table: Starts) -> Bools:
    if not table.day.size:
        return np.ones(0, dtype=bool)
    first = int(table.day.min())
    told = table.day >= first + _LEFT_OUT * (table.as_of - first)
    # With too little left, a little bias is better than nothing.
    return told if table.done[told].sum() >= LEARNED_FROM else np.ones_like(told)


def _start() -> Floats:
    chance = REPEAT[0] / sum(REPEAT) * ndtr(EDGES)
    hazard: Floats = np.diff(-np.log1p(-chance))
    return hazard
