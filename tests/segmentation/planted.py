"""A wholesale trade with known rhythms and known lapses, for tests and figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentation.frames import LINES, PRODUCTS, Frames

GROUPS = ("Tiles", "Grout", "Adhesives", "Sealants", "Trims", "Tools", "Primers", "Mixers")
NEEDS = tuple(group.lower() for group in GROUPS)
#: Usual days between orders: from a fortnight to ten weeks; "every 5 weeks ± 6 days".
SHORTEST, LONGEST, SCATTER = 14, 70, 6 / 35
#: Contacts of a company, and the number of the first within a shop.
CONTACTS, FIRST_PERSON = 5, 1_000_000


@dataclass(frozen=True)
class Planted:
    """Orders of `companies` with several contacts each, up to a day, and what is true of them."""

    #: company, need, contact, day (0 is the first), units, amount (minor units).
    orders: pd.DataFrame
    #: company, need, rhythm (days), units (usual), lapsed (nothing for 1.5 rhythms).
    truth: pd.DataFrame
    days: int


def planted(
    seed: int,
    *,
    companies: int = 40,
    days: int = 900,
    lapsing: float = 0.2,
    late: float = 1.5,
    closed: Callable[[int, int], bool] = lambda _company, _day: False,
) -> Planted:
    """Return a trade in which each company orders four of eight groups in a rhythm for each.

    On a day on which a company is `closed` it ordered the day before.
    """
    rng = np.random.default_rng(seed)
    orders, truth = [], []
    for company in range(companies):
        for group in rng.choice(len(GROUPS), 4, replace=False):
            rhythm, units = rng.uniform(SHORTEST, LONGEST), rng.uniform(10, 100)
            lapsed = bool(rng.random() < lapsing)
            end = days - (round(late * rhythm) if lapsed else 0)
            for day in _order_days(rng, rhythm, end, ends=lapsed):
                while closed(company, day):
                    day -= 1
                bought = max(round(units * np.exp(rng.normal(0, 0.25))), 1)
                contact = int(rng.integers(CONTACTS))
                orders.append((company, NEEDS[group], contact, day, float(bought), bought * 900.0))
            truth.append((company, NEEDS[group], rhythm, units, lapsed))
    columns = ["company", "need", "contact", "day", "units", "amount"]
    made = pd.DataFrame(orders, columns=columns)
    made = made.drop_duplicates(["company", "need", "day"])
    made = made.sort_values(["company", "need", "day"], ignore_index=True)
    known = pd.DataFrame(truth, columns=["company", "need", "rhythm", "units", "lapsed"])
    return Planted(made, known, days)


def _order_days(rng: np.random.Generator, rhythm: float, end: int, *, ends: bool) -> list[int]:
    """Return days of orders; the last is on `end` itself when it `ends` there."""
    gaps = np.maximum(np.rint(rhythm * (1 + SCATTER * rng.normal(size=end))), 2)
    start = int(rng.integers(0, end // 3))
    found = start + np.concatenate([[0], np.cumsum(gaps)])
    found = found[found <= end].astype(int)
    return [int(day) for day in (found + end - found[-1] if ends else found)]


def with_planted(shop: Frames, trade: Planted, *, account: int, first: np.datetime64) -> Frames:
    """Return a shop's frames with the trade's orders, the first of its days on `first`.

    People and products are numbered from a million; contacts of a company share its name.
    """
    orders = trade.orders
    person = FIRST_PERSON + orders["company"] * CONTACTS + orders["contact"]
    product = 1_000_000 + orders["need"].map(NEEDS.index)
    lines = pd.DataFrame(
        {
            "account_id": account,
            "line_id": 10_000_000 + np.arange(len(orders)),
            "order_id": 10_000_000 + np.arange(len(orders)),
            "person_id": person,
            "ordered_on": first + orders["day"].to_numpy().astype("timedelta64[D]"),
            "status": "paid",
            "channel": "web",
            "product_id": product,
            "title": orders["need"],
            "colour": "",
            "size": "",
            "quantity": orders["units"],
            "net_amount": orders["amount"],
            "discount": 0.0,
            "refunded_quantity": 0.0,
            "refunded_amount": 0.0,
            "refunded_on": np.datetime64("NaT"),
            "is_gift": False,
            "is_subscription": False,
        }
    )
    goods = pd.DataFrame({"product_id": 1_000_000 + np.arange(len(GROUPS)), "title": GROUPS})
    goods = goods.assign(account_id=account, product_type=goods["title"])
    goods = goods.reindex(columns=list(PRODUCTS))
    texts = [column for column, kind in PRODUCTS.items() if kind == "str"]
    goods[texts] = goods[texts].astype("str").fillna("")
    people = pd.DataFrame({"person_id": np.unique(person)})
    number = (people["person_id"] - FIRST_PERSON) // CONTACTS
    people = people.assign(account_id=account, is_business=True, declared_gender="")
    people["company"] = "Bouwbedrijf " + number.astype("str")
    return Frames(
        lines=_both(shop.lines, lines[list(LINES)]),
        products=_both(shop.products, goods),
        people=_both(shop.people, people),
        stock=shop.stock,
    )


def _both(there: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    added = added.astype({column: there[column].dtype for column in added})
    return pd.concat([there, added[there.columns]], ignore_index=True)
