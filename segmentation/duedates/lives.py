"""How long a need lasts: log-normal days among those who come back, and a share that never does.

A cure model (Boag 1949), fitted by expectation-maximisation with the stated or assumed life as
pseudo-observations, so that data take over as they come. Open intervals are evidence too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from segmentation.duedates.needs import Prior
from segmentation.duedates.starts import Floats, Ints, Starts

#: Below this many repurchases a need's life is not called learned.
LEARNED_FROM = 30
#: Before anything is seen, six in ten come back, worth five customers.
REPEAT = (3.0, 2.0)
#: Repurchases that weigh as much as the spread that a need starts from.
_SPREAD_WEIGHT = 10.0
_ROUNDS, _CLOSE = 200, 1e-4
#: Open intervals whose logs differ by less count as equal.
_STEP = 1e-3


@dataclass(frozen=True)
class Lives:
    """What is known of each need's interval; one entry a need."""

    #: Mean and standard deviation of the log of days, given a repurchase.
    mu: Floats
    sigma: Floats
    #: Finished intervals.
    gaps: Ints


def lives(table: Starts, priors: Sequence[Prior]) -> Lives:
    """Return each need's life; `priors` has one entry a need, in the order of the codes."""
    needs = len(priors)
    mu0 = np.log([prior.life for prior in priors]) if needs else np.zeros(0)
    sd0 = np.array([prior.spread for prior in priors], dtype=np.float64)
    stated = np.array([prior.basis == "stated" for prior in priors], dtype=bool)
    gaps = np.bincount(table.need[table.done], minlength=needs).astype(np.int64)
    weight = np.array([prior.weight for prior in priors], dtype=np.float64)
    mu, sigma = _cure_lognormal(table, mu0, sd0, weight)
    # A merchant's word holds until there is enough to contradict it, and then it still counts.
    untold = (gaps == 0) | (stated & (gaps < LEARNED_FROM))
    return Lives(np.where(untold, mu0, mu), np.where(untold, sd0, sigma), gaps)


def _cure_lognormal(
    table: Starts, mu0: Floats, sd0: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of log days per need among those who come back.

    Expectation: the chance that an open interval will end, ``w = r S / (1 - r + r S)``, and the
    truncated normal moments of its end. Maximisation: weighted means with the prior's weight.
    """
    needs = mu0.size
    mu, sd, repeat = mu0.copy(), sd0.copy(), np.full(needs, REPEAT[0] / sum(REPEAT))
    rows = np.bincount(table.need, minlength=needs)
    ended, log_sum, log_squares = _finished(table, needs)
    code, log, many = _open(table)
    for _ in range(_ROUNDS):
        m, s = mu[code], sd[code]
        a = (log - m) / s
        survival = np.maximum(ndtr(-a), 1e-12)
        mills = np.exp(-0.5 * a * a) / np.sqrt(2 * np.pi) / survival
        r = repeat[code]
        w = many * r * survival / (1 - r + r * survival)
        later = np.bincount(code, w, needs)
        weighed = ended + later + weight
        new_mu = log_sum + np.bincount(code, w * (m + s * mills), needs) + weight * mu0
        new_mu /= weighed
        shift = m + s * mills - new_mu[code]
        left = s * s * (1 + a * mills - mills * mills)  # variance of the truncated normal
        squares = np.maximum(log_squares - new_mu * (2 * log_sum - ended * new_mu), 0.0)
        squares += np.bincount(code, w * (left + shift * shift), needs)
        new_sd = np.sqrt((squares + _SPREAD_WEIGHT * sd0 * sd0) / (ended + later + _SPREAD_WEIGHT))
        repeat = (ended + later + REPEAT[0]) / (rows + sum(REPEAT))
        moved = max(np.abs(new_mu - mu).max(initial=0), np.abs(new_sd - sd).max(initial=0))
        mu, sd = new_mu, np.maximum(new_sd, 0.05)
        if moved < _CLOSE:
            break
    return mu, sd


def _finished(table: Starts, needs: int) -> tuple[Floats, Floats, Floats]:
    """Return how many intervals have ended, the sum of their logs and of the squares, per need."""
    code, log = table.need[table.done], np.log(table.length[table.done])
    ended = np.bincount(code, minlength=needs).astype(np.float64)
    total, squares = (np.bincount(code, v, needs).astype(np.float64) for v in (log, log * log))
    return ended, total, squares


def _open(table: Starts) -> tuple[Ints, Floats, Floats]:
    """Return the need and log length of open intervals, about equal ones once, and how many.

    Logs are told apart by a thousandth, far finer than anything that is learned from them; so the
    rounds take as long for a million people as for a thousand.
    """
    code, log = table.need[~table.done], np.log(table.length[~table.done])
    step = np.rint(log / _STEP).astype(np.int64)
    low = int(step.min(initial=0))
    width = int(step.max(initial=0)) - low + 1
    cell, many = np.unique(code * width + step - low, return_counts=True)
    return cell // width, (cell % width + low) * _STEP, many.astype(np.float64)
