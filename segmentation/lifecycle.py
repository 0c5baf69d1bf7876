"""Where a customer stands, measured by the customer's own rhythm and not by fixed days.

``late = days since the last purchase / expected gap``; the expected gap is the shrunken one of
`duedates.intervals` applied to whole orders.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.duedates.starts import Floats, Ints

NEW, SECOND, REGULAR, BEST, AT_RISK, LOST = STAGES = (
    "new",
    "second-order-due",
    "regular",
    "best",
    "at-risk",
    "lost",
)
#: `late` from which someone with one purchase is second-order-due, and lost.
ONE_PURCHASE = (1.0, 3.0)
#: `late` from which someone with more is at risk, and lost.
MORE_PURCHASES = (2.0, 3.5)
#: Sum of the F and M scores to become best, and to stay it.
BEST_SCORE, STILL_BEST_SCORE = 9, 8
#: Share by which `late` must fall below a threshold before a stage steps back without a purchase.
SLACK = 0.1
#: Nobody's rhythm is faster than this, in days.
SHORTEST_GAP_DAYS = 7.0

_ONCE = np.array([NEW, SECOND, LOST], dtype=object)
_MORE = np.array([REGULAR, AT_RISK, LOST], dtype=object)


def stages(
    recency: Ints,
    frequency: Ints,
    expected_gap: Floats,
    scores: pd.DataFrame,
    previous: npt.NDArray[np.object_],
) -> npt.NDArray[np.object_]:
    """Return a stage a person.

    Parameters
    ----------
    recency, frequency, expected_gap
        Days since the last purchase day, purchase days, days; one entry a person.
    scores
        Columns f and m, 1..5.
    previous
        Last time's stage, "" when there is none.

    Examples
    --------
    >>> scores = pd.DataFrame({"f": [1, 5], "m": [3, 5]})
    >>> none = np.array(["", ""], dtype=object)
    >>> stages(np.array([5, 50]), np.array([1, 9]), np.array([30.0, 30.0]), scores, none).tolist()
    ['new', 'best']
    """
    late = recency / np.maximum(expected_gap, SHORTEST_GAP_DAYS)
    once = _step(late, ONE_PURCHASE, _position(previous, _ONCE))
    more = _step(
        late, MORE_PURCHASES, _position(np.where(previous == BEST, REGULAR, previous), _MORE)
    )
    result = np.where(frequency <= 1, _ONCE[once], _MORE[more])
    score = (scores["f"] + scores["m"]).to_numpy()
    best = score >= np.where(previous == BEST, STILL_BEST_SCORE, BEST_SCORE)
    staged: npt.NDArray[np.object_] = np.where((result == REGULAR) & best, BEST, result)
    return staged


def _position(previous: npt.NDArray[np.object_], order: npt.NDArray[np.object_]) -> Ints:
    places = {stage: place for place, stage in enumerate(order)}
    return np.array([places.get(stage, -1) for stage in previous], dtype=np.int64)


def _step(late: Floats, thresholds: tuple[float, float], previous: Ints) -> Ints:
    edges = np.array(thresholds)
    now = (late[:, None] >= edges).sum(axis=1)
    lenient = (late[:, None] >= edges * (1 - SLACK)).sum(axis=1)
    return np.where(previous < 0, now, np.clip(previous, now, lenient))
