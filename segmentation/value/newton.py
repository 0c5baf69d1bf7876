"""Newton's method for a handful of positive parameters, between bounds, with weak priors.

The models of this package have three or four parameters and likelihoods whose second derivatives
are a few lines: ten steps find the maximum that general optimisers look for in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.duedates.starts import Floats

#: Parameters -> log-likelihood, its gradient and its Hessian, by the parameters themselves.
LogLikelihood = Callable[[Floats], tuple[float, Floats, Floats]]
_ROUNDS = 100
_LONGEST_STEP = 2.0
_CLOSE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Log-normal beliefs: `centre` is the median, `sd` the spread of the logs; inf for none."""

    centre: Floats
    sd: float


@dataclass(frozen=True, kw_only=True)
class Maximum:
    """Where the posterior is highest."""

    parameters: Floats
    #: Of the data alone, without the prior.
    log_likelihood: float
    #: Per parameter: -1 at its lower bound, 1 at its upper, 0 between.
    at_bound: npt.NDArray[np.int64]


def maximise(
    of: LogLikelihood,
    starts: Sequence[Floats],
    *,
    low: Floats,
    high: Floats,
    prior: Prior,
) -> Maximum:
    """Return the best maximum reached from the starts.

    Steps are taken in the logs of the parameters, against the absolute eigenvalues of the Hessian,
    so that they go uphill from saddles too (Dauphin et al. 2014), and are halved until they do. A
    parameter that presses against its bound stands still.
    """
    bounds = np.log(low), np.log(high)
    found = [_climb(of, np.clip(np.log(start), *bounds), bounds, prior) for start in starts]
    _, place = max(found, key=lambda pair: pair[0])
    at = np.where(place <= bounds[0] + 1e-6, -1, np.where(place >= bounds[1] - 1e-6, 1, 0))
    parameters = np.exp(place)
    return Maximum(parameters=parameters, log_likelihood=of(parameters)[0], at_bound=at)


def _climb(
    of: LogLikelihood, place: Floats, bounds: tuple[Floats, Floats], prior: Prior
) -> tuple[float, Floats]:
    height, slope, bend = _posterior(of, place, prior)
    for _ in range(_ROUNDS):
        step = _step(place, slope, bend, bounds)
        gain = float(slope @ step)
        if gain < _CLOSE * (1 + abs(height)):
            break
        share = 1.0
        while share > 1e-6:
            there = np.clip(place + share * step, *bounds)
            tried = _posterior(of, there, prior)
            if tried[0] >= height + 1e-4 * share * gain:
                break
            share /= 2
        else:
            break
        place = there
        height, slope, bend = tried
    return height, place


def _step(place: Floats, slope: Floats, bend: Floats, bounds: tuple[Floats, Floats]) -> Floats:
    pressed = ((place <= bounds[0]) & (slope < 0)) | ((place >= bounds[1]) & (slope > 0))
    free = np.flatnonzero(~pressed)
    step = np.zeros_like(place)
    if free.size:
        value, vector = np.linalg.eigh(-bend[np.ix_(free, free)])
        floor = 1e-8 * np.abs(value).max() + 1e-12
        step[free] = vector @ (vector.T @ slope[free] / np.maximum(np.abs(value), floor))
    length = float(np.linalg.norm(step))
    return step * min(1.0, _LONGEST_STEP / length) if length else step


def _posterior(of: LogLikelihood, place: Floats, prior: Prior) -> tuple[float, Floats, Floats]:
    """Return height, gradient and Hessian by the logs of the parameters."""
    parameters = np.exp(place)
    height, slope, bend = of(parameters)
    slope = slope * parameters
    bend = bend * np.outer(parameters, parameters) + np.diag(slope)
    if np.isfinite(prior.sd):
        away = (place - np.log(prior.centre)) / prior.sd
        height -= 0.5 * float(away @ away)
        slope = slope - away / prior.sd
        bend = bend - np.eye(place.size) / prior.sd**2
    return height, slope, bend
