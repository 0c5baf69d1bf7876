"""Public holidays that all of a country keeps, by law.

Sources: Algemene termijnenwet art. 3 (NL), loi du 4 janvier 1974 (BE), Code du travail L.232-2
(LU), the holiday laws of the Länder (DE, those of all sixteen), Feiertagsruhegesetz § 1 (AT),
Code du travail L3133-1 (FR). Good Friday is none in NL, where companies work on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd

from segmentation.duedates.starts import Ints

#: Days after Easter Sunday.
_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY, _CORPUS_CHRISTI = -2, 1, 39, 50, 60
#: ISO country -> days after Easter, and (month, day) of those that do not move.
_RULES: Mapping[str, tuple[tuple[int, ...], tuple[tuple[int, int], ...]]] = {
    "NL": (
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
        ((1, 1), (4, 27), (12, 25), (12, 26)),
    ),
    "BE": (
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
        ((1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25)),
    ),
    "LU": (
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
        ((1, 1), (5, 1), (5, 9), (6, 23), (8, 15), (11, 1), (12, 25), (12, 26)),
    ),
    "DE": (
        (_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
        ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
    ),
    "AT": (
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY, _CORPUS_CHRISTI),
        ((1, 1), (1, 6), (5, 1), (8, 15), (10, 26), (11, 1), (12, 8), (12, 25), (12, 26)),
    ),
    "FR": (
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
        ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)),
    ),
}
#: Years that are told.
FIRST_YEAR, LAST_YEAR = 2000, 2060
_EPOCH = date(1970, 1, 1)
_SUNDAY = 6


@cache
def holidays(country: str) -> Ints:
    """Return the day numbers of a country's holidays, sorted; none of one that is not known.

    Examples
    --------
    >>> found = holidays("NL")
    >>> [str(_EPOCH + timedelta(days=int(day))) for day in found[found >= 20_545][:4]]
    ['2026-04-06', '2026-04-27', '2026-05-14', '2026-05-25']
    """
    moving, fixed = _RULES.get(country, ((), ()))
    days = set()
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        easter = (pd.Timestamp(year, 1, 1) + pd.offsets.Easter()).date()
        days |= {easter + timedelta(days=after) for after in moving}
        days |= {_moved(country, date(year, month, day)) for month, day in fixed}
    return np.array(sorted((day - _EPOCH).days for day in days), dtype=np.int64)


def _moved(country: str, day: date) -> date:
    """Return a day, or the one it is kept on: King's Day is no Sunday."""
    is_kings_day = (country, day.month, day.day) == ("NL", 4, 27)
    return day - timedelta(days=1) if is_kings_day and day.weekday() == _SUNDAY else day
