"""From purchase days to what the models read of a customer, as of any day.

Everything here speaks of customers in the order of their ids, and of days as whole numbers. Time
alone moves each figure that the boosted counts may use in one direction only, so that silence never
raises anybody's value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from segmentation.duedates.starts import Floats, Ints

WEEK = 7.0
#: Purchases and revenue of these last days are told apart.
RECENT_DAYS = (30, 60, 90)


def customers(days: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Return one row a customer seen by `as_of`, sorted by person_id.

    Parameters
    ----------
    days
        One row a purchase day, sorted by person_id and day: person_id, day, amount (net, after
        refunds; minor units), articles (different products).
    as_of
        The last day that is seen; `tenure` and `recency` count up to its end.

    Returns
    -------
    DataFrame
        person_id; repeat_orders, span and tenure (in weeks, for `bgnbd`); orders, monetary_value
        (mean amount a purchase day, for `gammagamma`); recency (days); revenue; articles (mean a
        purchase day); orders_30, orders_60, orders_90, revenue_90: of the last days.

    Examples
    --------
    >>> days = pd.DataFrame({"person_id": [1, 1, 2], "day": [0, 28, 21], "amount": [9.0, 5.0, 4.0],
    ...                      "articles": [2, 1, 1]})
    >>> customers(days, 34)[["person_id", "repeat_orders", "span", "tenure", "monetary_value"]]
       person_id  repeat_orders  span  tenure  monetary_value
    0          1            1.0   4.0     5.0             7.0
    1          2            0.0   0.0     2.0             4.0
    """
    seen = days[(days["day"] <= as_of).to_numpy()]
    person = seen["person_id"].to_numpy(dtype=np.int64)
    day = seen["day"].to_numpy(dtype=np.int64)
    amount = seen["amount"].to_numpy(dtype=np.float64)
    first = np.flatnonzero(np.append(True, person[1:] != person[:-1])[: person.size])
    orders = np.diff(np.append(first, person.size)).astype(np.float64)
    last = np.append(first[1:], person.size)[: first.size] - 1

    def total(values: Floats) -> Floats:
        return np.add.reduceat(values, first) if first.size else np.zeros(0)

    revenue = total(amount)
    end = as_of + 1
    table = {
        "person_id": person[first],
        "repeat_orders": orders - 1,
        "span": (day[last] - day[first]) / WEEK,
        "tenure": (end - day[first]) / WEEK,
        "orders": orders,
        "monetary_value": np.maximum(revenue, 0.0) / orders,
        "recency": (as_of - day[last]).astype(np.float64),
        "revenue": revenue,
        "articles": total(seen["articles"].to_numpy(dtype=np.float64)) / orders,
    }
    for width in RECENT_DAYS:
        table[f"orders_{width}"] = total((day > as_of - width).astype(np.float64))
    table["revenue_90"] = total(np.where(day > as_of - RECENT_DAYS[-1], amount, 0.0))
    return pd.DataFrame(table)


def outcomes(days: pd.DataFrame, persons: Ints, as_of: int, horizon: int) -> tuple[Floats, Floats]:
    """Return purchase days and revenue of each person in the `horizon` days after `as_of`."""
    if not persons.size:
        return np.zeros(0), np.zeros(0)
    later = days[((days["day"] > as_of) & (days["day"] <= as_of + horizon)).to_numpy()]
    place = np.searchsorted(persons, later["person_id"].to_numpy(dtype=np.int64))
    known = (place < persons.size) & (
        persons[np.minimum(place, persons.size - 1)] == later["person_id"].to_numpy()
    )
    place, amount = place[known], later["amount"].to_numpy(dtype=np.float64)[known]
    return (
        np.bincount(place, minlength=persons.size).astype(np.float64),
        np.bincount(place, amount, persons.size).astype(np.float64),
    )
