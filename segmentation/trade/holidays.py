"""Public holidays that all of a country keeps, as the package of that name knows them."""

from __future__ import annotations

from datetime import date
from functools import cache

import holidays as public
import numpy as np

from segmentation.duedates.starts import Ints

#: Years that are told.
FIRST_YEAR, LAST_YEAR = 2000, 2060
#: By country: holidays on which companies work all the same.
_WORKED = {"NL": "Good Friday"}
_EPOCH = date(1970, 1, 1)


@cache
def holidays(country: str) -> Ints:
    """Return the day numbers of a country's holidays, sorted; none of one that is not known.

    Examples
    --------
    >>> found = holidays("NL")
    >>> found[found >= 20_545][:5] - 20_545
    array([ 3,  4, 25, 42, 52])
    """
    try:
        found = public.country_holidays(
            country, years=range(FIRST_YEAR, LAST_YEAR + 1), language="en_US"
        )
    except NotImplementedError:  # how the package says that it does not know a country
        return np.zeros(0, dtype=np.int64)
    days = [day for day, name in found.items() if _WORKED.get(country) not in name.split("; ")]
    return np.array(sorted((day - _EPOCH).days for day in days), dtype=np.int64)
