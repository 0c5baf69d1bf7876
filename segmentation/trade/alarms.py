"""When a business customer is overdue, and what that segment is called."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from segmentation.duedates.starts import Bools

OVERDUE = "overdue"
#: Orders from which on a company has a rhythm.
RHYTHM_ORDERS = 3
#: Chance from which on a company is overdue, and down to which one that is stays so.
TO_ENTER, TO_STAY = 0.9, 0.85
#: After so many usual intervals, and so many days at least, a company orders no more.
_GIVEN_UP, _GIVEN_UP_DAYS = 4.0, 90


def segment_of(need: str) -> str:
    """Return the segment of who is overdue for a group.

    Examples
    --------
    >>> segment_of("tiles")
    'b2b:tiles:overdue'
    """
    return f"b2b:{need}:{OVERDUE}"


def is_overdue(found: pd.DataFrame, today: int, held: Collection[tuple[int, str]]) -> Bools:
    """Return which rows of `model.Trade.place` are overdue; arguments as there."""
    keys = zip(found["person_id"].tolist(), found["need"], strict=True)
    had = np.array([(person, segment_of(need)) in held for person, need in keys], dtype=bool)
    least = np.where(had, TO_STAY, TO_ENTER)
    result: Bools = (
        (found["orders"].to_numpy() >= RHYTHM_ORDERS)
        & (found["overdue"].to_numpy() >= least)
        & ~gave_up(found, today)
    )
    return result


def gave_up(found: pd.DataFrame, today: int) -> Bools:
    """Return which rows of `rhythm.TradeRhythm.predict` wait for so long that no order comes."""
    waited = today - found["last"].to_numpy()
    longest = np.maximum(_GIVEN_UP * found["every"].to_numpy(), _GIVEN_UP_DAYS)
    result: Bools = waited > longest
    return result
