"""Small shops for tests: purchases in, frames out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segmentation.compute import assign, fit, run
from segmentation.fitted import Fitted
from segmentation.frames import (
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    PRODUCTS,
    Assigned,
    Choices,
    Frames,
    empty,
)

ACCOUNT = 3


@dataclass(frozen=True, kw_only=True)
class Buy:
    """One line; a product is what its type, title, category and target say."""

    person: int | None
    on: date
    type: str = "Suits"
    title: str = "Navy suit"
    category: str = ""
    colour: str = ""
    size: str = ""
    target: str = ""
    quantity: float = 1.0
    amount: float = 10_000.0
    discount: float = 0.0
    brand: str = ""
    status: str = "paid"
    channel: str = "web"
    refunded: float = 0.0
    refunded_on: date | None = None
    gift: bool = False
    subscription: bool = False
    replacement_days: float = float("nan")
    #: Of the person; the last line's counts.
    company: str = ""
    #: Not in the catalogue.
    loose: bool = False
    account: int = field(default=ACCOUNT)

    def product(self) -> tuple[object, ...]:
        """What the catalogue knows of it, without an id."""
        return (
            self.account, self.title, self.type, self.category, self.brand, "", self.target, "", "",
            self.amount / self.quantity, self.replacement_days,
        )  # fmt: skip


def frames(buys: Sequence[Buy], business: Iterable[int] = ()) -> Frames:
    """Return the frames of these lines."""
    products: dict[tuple[str, ...], int] = {}
    for buy in buys:
        if not buy.loose:
            products.setdefault(tuple(map(str, buy.product())), len(products) + 1)
    by_text = {tuple(map(str, buy.product())): buy.product() for buy in buys}
    rows = [(by_text[key][0], number, *by_text[key][1:]) for key, number in products.items()]
    catalogue = pd.DataFrame(rows, columns=list(PRODUCTS)) if rows else empty(PRODUCTS)
    company = {(buy.account, buy.person): buy.company for buy in buys}
    persons = sorted({(buy.account, buy.person) for buy in buys if buy.person is not None})
    people = pd.DataFrame(
        {
            "account_id": np.array([account for account, _ in persons], dtype=np.int64),
            "person_id": np.array([person for _, person in persons], dtype=np.int64),
            "is_business": np.array([person in set(business) for _, person in persons], dtype=bool),
            "declared_gender": pd.Series([""] * len(persons), dtype="str"),
            "company": pd.Series([company[person] for person in persons], dtype="str"),
        }
    )
    return Frames(lines=_lines(buys, products), products=catalogue, people=people)


def _lines(buys: Sequence[Buy], products: dict[tuple[str, ...], int]) -> pd.DataFrame:
    def days(values: Iterable[date | None]) -> pd.Series:
        return pd.Series([pd.NaT if v is None else pd.Timestamp(v) for v in values],
                         dtype="datetime64[us]")  # fmt: skip

    def floats(values: Iterable[float]) -> pd.Series:
        return pd.Series(list(values), dtype="float64")

    ids = [None if b.loose else products[tuple(map(str, b.product()))] for b in buys]
    return pd.DataFrame(
        {
            "account_id": pd.Series([b.account for b in buys], dtype="int64"),
            "line_id": pd.Series(range(1, len(buys) + 1), dtype="int64"),
            "order_id": pd.Series(range(1, len(buys) + 1), dtype="int64"),
            "person_id": pd.Series([b.person for b in buys], dtype="Int64"),
            "ordered_on": days(b.on for b in buys),
            "status": pd.Series([b.status for b in buys], dtype="str"),
            "channel": pd.Series([b.channel for b in buys], dtype="str"),
            "product_id": pd.Series(ids, dtype="Int64"),
            "title": pd.Series([b.title for b in buys], dtype="str"),
            "colour": pd.Series([b.colour for b in buys], dtype="str"),
            "size": pd.Series([b.size for b in buys], dtype="str"),
            "quantity": floats(b.quantity for b in buys),
            "net_amount": floats(b.amount for b in buys),
            "discount": floats(b.discount for b in buys),
            "refunded_quantity": floats(b.refunded for b in buys),
            "refunded_amount": floats(b.refunded * b.amount / b.quantity for b in buys),
            "refunded_on": days(b.refunded_on for b in buys),
            "is_gift": pd.Series([b.gift for b in buys], dtype="bool"),
            "is_subscription": pd.Series([b.subscription for b in buys], dtype="bool"),
        }
    )


def fitted(buys: Sequence[Buy], as_of: date, choices: Choices | None = None) -> Fitted:
    """Return what is learned from these lines."""
    return fit(frames(buys), as_of=as_of, choices=choices or Choices())


def assigned(
    buys: Sequence[Buy],
    as_of: date,
    *,
    choices: Choices | None = None,
    by: Fitted | None = None,
    before: Assigned | None = None,
    business: Iterable[int] = (),
) -> Assigned:
    """Return the outcome of a run; fitted on the same lines unless said otherwise."""
    known = frames(buys, business)
    when: Any = {
        "as_of": as_of,
        "choices": choices or Choices(),
        "previous_due": (empty(PREVIOUS_DUE) if before is None else before.due[list(PREVIOUS_DUE)]),
        "previous_segments": (
            empty(PREVIOUS_SEGMENTS) if before is None else before.segments[list(PREVIOUS_SEGMENTS)]
        ),
    }
    return run(known, **when)[1] if by is None else assign(by, known, **when)


def segments_of(outcome: Assigned, person: int) -> set[str]:
    """Return a person's segments."""
    mine = outcome.segments[outcome.segments["person_id"] == person]
    return set(mine["segment"])


def due_of(outcome: Assigned, person: int, need: str = "suits") -> pd.Series:
    """Return a person's one due row for a need."""
    due = outcome.due
    found = due[(due["person_id"] == person) & (due["need"] == need)]
    assert len(found) == 1
    return found.iloc[0]


def random_shop(seed: int, *, people: int = 40, end: date = date(2025, 6, 30)) -> list[Buy]:
    """Return a small shop with returns, gifts, guests and odd orders; the same for one seed."""
    rng = np.random.default_rng(seed)
    types = ("Suits", "Shirts", "Dresses", "Socks", "Garden gnomes", "Bags")
    lives = (700, 200, 300, 90, 400, 500)
    buys = []
    for person in range(1, people + 1):
        for which in rng.choice(len(types), rng.integers(1, 4), replace=False):
            day = int(rng.integers(0, 900))
            while day < 1_000:
                buys.append(_random_buy(rng, person, types[which], end, 1_000 - day))
                day += max(1, int(lives[which] * np.exp(rng.normal(0, 0.3))))
    return buys


def _random_buy(rng: np.random.Generator, person: int, kind: str, end: date, ago: int) -> Buy:
    on = date.fromordinal(end.toordinal() - ago)
    quantity = float(rng.integers(1, 4))
    buy = Buy(
        person=person, on=on, type=kind, title=f"{kind} {rng.integers(3)}", quantity=quantity,
        amount=float(rng.integers(10, 400) * 100), target=str(rng.choice(["men", "women", ""])),
    )  # fmt: skip
    chance = rng.random()
    if chance < 0.05:
        back = date.fromordinal(min(on.toordinal() + 9, end.toordinal()))
        return replace(buy, refunded=quantity, refunded_on=back)
    if chance < 0.1:
        return replace(buy, gift=True)
    if chance < 0.13:
        return replace(buy, person=None)
    if chance < 0.16:
        return replace(buy, status="cancelled")
    return replace(buy, loose=True) if chance < 0.2 else buy
