"""Who buys for a business: kept apart, so that no wholesaler bends the shop's statistics.

Wholesale is who a source says is one, who mostly orders in the wholesale channel, and who stands
far outside: above the 99th percentile of yearly value and ten times the shop's line quantity.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from segmentation.duedates.starts import Bools, Floats

_PERCENTILE = 99.0
_TIMES_QUANTITY = 10.0
#: Share of lines in the wholesale channel.
CHANNEL_SHARE = 0.5
_YEAR = 365.25


@dataclass(frozen=True)
class WholesaleRule:
    """The shop's limits: value a year in minor units, and median units a line."""

    yearly_value: float
    line_quantity: float

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON values."""
        return asdict(self)


def limits(people: pd.DataFrame, as_of: int) -> WholesaleRule:
    """Return the limits of one account's people, with the columns that `is_wholesale` reads.

    Known business customers, and whoever orders by the dozen, do not count: a limit that they
    raised would let other wholesalers pass for consumers.
    """
    people = people[~_known(people)]
    if people.empty:
        return WholesaleRule(float("1e18"), 1.0)
    quantity = float(people["line_quantity"].median())
    rest = people[~_is_bulk(people, quantity)]
    yearly = float(np.percentile(_yearly(rest, as_of), _PERCENTILE))
    return WholesaleRule(yearly_value=yearly, line_quantity=quantity)


def is_wholesale(people: pd.DataFrame, rule: WholesaleRule, as_of: int) -> Bools:
    """Return who is wholesale; `people` with the column is_business added.

    Examples
    --------
    >>> people = pd.DataFrame({"first_day": [0, 0], "revenue": [9e6, 9e6], "is_business": False,
    ...                        "line_quantity": [24.0, 1.0], "wholesale_share": 0.0})
    >>> is_wholesale(people, WholesaleRule(1e6, 1.0), 365).tolist()
    [True, False]
    """
    outside = _yearly(people, as_of) > rule.yearly_value
    return _known(people) | (outside & _is_bulk(people, rule.line_quantity))


def _known(people: pd.DataFrame) -> Bools:
    channel = people["wholesale_share"].to_numpy() > CHANNEL_SHARE
    result: Bools = people["is_business"].to_numpy(dtype=bool) | channel
    return result


def _is_bulk(people: pd.DataFrame, usual: float) -> Bools:
    result: Bools = people["line_quantity"].to_numpy() >= _TIMES_QUANTITY * max(usual, 1.0)
    return result


def _yearly(people: pd.DataFrame, as_of: int) -> Floats:
    years = np.maximum((as_of - people["first_day"].to_numpy()) / _YEAR, 1.0)
    result: Floats = people["revenue"].to_numpy(dtype=np.float64) / years
    return result
