"""A large shop by numbers: as many customers as wanted, about ten lines each, the same every time.

Every customer needs three of forty kinds of goods, each again and again after its own life at the
customer's own pace, until he leaves for good; he shops on days of his own, so that what is needed
within the same weeks is one order. People come in blocks with a draw of their own: the first
hundred thousand are the same in a shop of a million.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from segmentation.duedates.schedule import dates
from segmentation.frames import PEOPLE, PRODUCTS, empty

#: People drawn at a time.
BLOCK = 50_000
#: Days of history, from 1 January 2021 on.
DAYS, FIRST_DAY = 1_460, 18_628
AS_OF = FIRST_DAY + DAYS - 1
_NEEDS, _PRODUCTS_A_NEED, _OWN_NEEDS, _MOST_TIMES = 40, 60, 3, 14
_LEAVES = 0.37
_COLOURS = np.array(["navy", "black", "white", "grey", "red", "green"], dtype=object)
_SIZES = np.array(["S", "M", "L", "XL"], dtype=object)


def lines(customers: int, *, account: int = 1, seed: int = 0) -> Iterator[pd.DataFrame]:
    """Yield `frames.LINES` of a shop, a block of people at a time, sorted by day within it."""
    first_line = first_order = 1
    for block, first in enumerate(range(0, customers, BLOCK)):
        people = min(BLOCK, customers - first)
        bought = _bought(np.random.default_rng([seed, account, block]), people)
        frame = _frame(bought, account, first, first_line, first_order)
        first_line, first_order = first_line + len(frame), int(frame["order_id"].max()) + 1
        yield frame


def products(*, account: int = 1) -> pd.DataFrame:
    """Return `frames.PRODUCTS`: forty types, sixty products each."""
    number = np.arange(_NEEDS * _PRODUCTS_A_NEED)
    need = number // _PRODUCTS_A_NEED
    blank = pd.Series([""] * number.size, dtype="str")
    made = {
        "account_id": np.full(number.size, account),
        "product_id": number + 1,
        "title": pd.Series([f"Article {n}" for n in number], dtype="str"),
        "product_type": pd.Series([f"Kind {n}" for n in need], dtype="str"),
        "price": 1_000.0 + 500.0 * (number % 20),
        "replacement_days": np.full(number.size, np.nan),
    }
    return pd.DataFrame({column: made.get(column, blank) for column in PRODUCTS})


def people(customers: int, *, account: int = 1) -> pd.DataFrame:
    """Return `frames.PEOPLE`: nobody is a business."""
    frame = empty(PEOPLE).reindex(range(customers))
    frame["account_id"] = np.int64(account)
    frame["person_id"] = np.arange(1, customers + 1)
    frame["is_business"] = np.zeros(customers, dtype=bool)
    frame["declared_gender"] = pd.Series([""] * customers, dtype="str")
    frame["company"] = frame["declared_gender"]
    return frame


def _bought(rng: np.random.Generator, people: int) -> pd.DataFrame:
    """Return person (from 0), day and product of every line."""
    life = np.geomspace(30, 600, _NEEDS)
    shape = (people, _OWN_NEEDS)
    need = rng.integers(0, _NEEDS, shape)
    pace = rng.lognormal(0.0, 0.4, people)[:, None]
    gaps = rng.lognormal(0.0, 0.35, (*shape, _MOST_TIMES)) * (life[need] * pace)[..., None]
    joined = rng.uniform(0, DAYS, people)[:, None]
    first = joined + rng.exponential(120.0, shape)
    first[:, 0] = joined[:, 0]
    day = first[..., None] + np.cumsum(gaps, axis=2) - gaps[..., :1]
    times = rng.geometric(_LEAVES, shape)
    there = (np.arange(_MOST_TIMES) < times[..., None]) & (day < DAYS)
    person, own, _ = np.nonzero(there)
    # He shops every third week, on days of his own.
    visit = rng.integers(0, 21, people)[person]
    visited = np.clip((day[there] - visit) // 21 * 21 + visit, 0, DAYS - 1).astype(np.int64)
    copies = rng.geometric(0.575, person.size)
    row = np.repeat(np.arange(person.size), copies)
    of_need = need[person, own][row]
    product = of_need * _PRODUCTS_A_NEED + rng.integers(0, _PRODUCTS_A_NEED, row.size)
    made = {"person": person[row], "day": visited[row], "product": product}
    return pd.DataFrame(made).assign(quantity=rng.integers(1, 3, row.size).astype(np.float64))


def _frame(
    bought: pd.DataFrame, account: int, first_person: int, first_line: int, first_order: int
) -> pd.DataFrame:
    bought = bought.sort_values(["day", "person"], ignore_index=True, kind="stable")
    size, product = len(bought), bought["product"].to_numpy()
    order = bought.groupby(["day", "person"], sort=False).ngroup().to_numpy()
    number = np.arange(size)
    titles = products()["title"].to_numpy(dtype=object)
    zero = np.zeros(size)
    return pd.DataFrame(
        {
            "account_id": np.full(size, account),
            "line_id": number + first_line,
            "order_id": order + first_order,
            "person_id": pd.Series(bought["person"] + first_person + 1, dtype="Int64"),
            "ordered_on": dates(bought["day"].to_numpy() + FIRST_DAY),
            "status": pd.Series(np.where(number % 50 == 0, "cancelled", "paid"), dtype="str"),
            "channel": pd.Series(["web"] * size, dtype="str"),
            "product_id": pd.Series(product + 1, dtype="Int64"),
            "title": pd.Series(titles[product], dtype="str"),
            "colour": pd.Series(_COLOURS[product % _COLOURS.size], dtype="str"),
            "size": pd.Series(_SIZES[product % _SIZES.size], dtype="str"),
            "quantity": bought["quantity"],
            "net_amount": bought["quantity"] * (1_000.0 + 500.0 * (product % 20)),
            "discount": np.where(number % 5 == 0, 0.2, 0.0),
            "refunded_quantity": zero,
            "refunded_amount": zero,
            "refunded_on": np.full(size, np.datetime64("NaT", "us")),
            "is_gift": number % 40 == 0,
            "is_subscription": np.zeros(size, dtype=bool),
        }
    )
