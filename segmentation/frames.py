"""Which columns a computation needs: the contract between tables and models.

Frames are pandas DataFrames, checked once at the border by `check`. `account_id` is in every key,
so that one expression serves many merchants at once: the account, not the single shop, is the unit
of analysis because one person's web orders and store receipts belong together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

#: One row a stored order line, cancelled and guest lines included: cleaning is a step of ours.
LINES: Mapping[str, str] = {
    "account_id": "int64",
    "line_id": "int64",
    "order_id": "int64",
    "person_id": "Int64",  # <NA>: a guest nobody could name
    "ordered_on": "datetime64",  # calendar day in the shop's zone, time of day zero, no zone
    "status": "str",  # open, paid, cancelled, test
    "channel": "str",  # web, store, wholesale
    "product_id": "Int64",  # <NA>: not in the catalogue
    "title": "str",
    "colour": "str",  # of the variant bought, "" when unknown
    "size": "str",
    "quantity": "float64",  # units; below zero for a return
    "net_amount": "float64",  # minor units of the account's currency, after discounts
    "discount": "float64",  # share of the line's price that was taken off, 0 to 1
    "refunded_quantity": "float64",  # units of this line that came back as a refund, 0 or more
    "refunded_amount": "float64",  # minor units, 0 or more
    "refunded_on": "datetime64",  # day of the last refund of this line, NaT when none
    "is_gift": "bool",
    "is_subscription": "bool",  # sent by a subscription
}

#: One row a product of any source, plus one for each line without one (product_id < 0).
PRODUCTS: Mapping[str, str] = {
    "account_id": "int64",
    "product_id": "int64",
    "title": "str",
    "product_type": "str",  # "" when the source has none
    "category_path": "str",  # "Men > Suits", "" when none
    "brand": "str",
    "tags": "str",  # joined by ", "
    "gender_target": "str",  # men, women, unisex, kids or ""
    "colour": "str",
    "size": "str",
    "price": "float64",  # minor units, NaN when unknown
    "replacement_days": "float64",  # stated by the merchant in the catalogue, NaN when not
}

#: One row a variant that can be bought now: published, and in stock where stock is counted. A
#: product without variants has one row.
STOCK: Mapping[str, str] = {
    "account_id": "int64",
    "product_id": "int64",
    "variant_id": "Int64",  # <NA>: a product without variants
    "colour": "str",  # "" when unknown
    "size": "str",
    "price": "float64",  # minor units, NaN when unknown
}

#: One row a person.
PEOPLE: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "is_business": "bool",  # a source says so
    "declared_gender": "str",  # f, m, x or ""
    "company": "str",  # as a source writes it, "" when none: contacts of one order as one
}

#: One row a moment of contact that may show an interest, or take one back: see `interest`.
MOMENTS: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "kind": "str",
    "product_id": "Int64",  # <NA>: about no product, or one that is not in the catalogue
    "subject": "str",  # what it was about, in words
    "seen_on": "datetime64",  # calendar day in the shop's zone
}

#: What was assigned last time, for hysteresis: one row a person and need.
PREVIOUS_DUE: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "need": "str",
    "state": "str",  # "", soon, now, late
    "last_on": "datetime64",
    "waits_for": "str",  # as in DUE
    "passed": "float64",  # as in DUE
}

#: What was assigned last time, one row a person and segment.
PREVIOUS_SEGMENTS: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "segment": "str",
}

#: Result: one row a person and segment.
SEGMENTS: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "segment": "str",  # "due:suits:now", "stage:regular"; see segments.py
    "reason": "object",  # dict: {"key": ..., **values}; see reasons.py
}

#: Result: one row a person and need with a date.
DUE: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "need": "str",
    "last_on": "datetime64",  # last purchase day of the need that still counts
    "last_product_id": "Int64",
    "last_title": "str",
    "owned": "int64",  # units bought and not returned
    "own_gaps": "int64",  # completed intervals of this person for this need
    "expected_on": "datetime64",  # median date given a repurchase
    "window_from": "datetime64",  # 20% point
    "window_to": "datetime64",  # 80% point
    "p_repeat": "float64",  # chance of any repurchase within the need's horizon
    "p_due": "float64",  # chance of a purchase within the next 30 days given none so far
    "within_days": "int64",  # the need's and person's own horizon
    "p_within": "float64",  # chance of a purchase within it, given none so far
    "passed": "float64",  # share of those who come back that has come by now
    "state": "str",  # "", soon, now, late
    "waits_for": "str",  # with a state: the need that is told first; "" when it is its own turn
    "basis": "str",  # learned, assumption, stated
    #: What to offer, best first, where there is a state: {"product_id", "variant_id"}, the latter
    #: None where the size is not known.
    "offers": "object",
    "reason": "object",  # dict as in SEGMENTS
}

#: Result: one row a person with at least one counted purchase (RFM and lifecycle).
PROFILES: Mapping[str, str] = {
    "account_id": "int64",
    "person_id": "int64",
    "recency": "int64",  # days
    "frequency": "int64",  # purchase days
    "monetary_value": "float64",  # mean revenue a purchase day, minor units
    "revenue": "float64",  # minor units, after refunds
    "tenure": "int64",  # days
    "r": "int64",  # 1..5
    "f": "int64",
    "m": "int64",
    "expected_gap": "float64",  # days, shrunken
    "stage": "str",  # new, second-order-due, regular, best, at-risk, lost
    # Chance that the person is a customer still; NaN where refused and before a second purchase.
    "p_alive": "float64",
    "expected_orders": "float64",  # purchase days in the next 12 months
    "expected_value": "float64",  # minor units in the next 12 months
    "value_low": "float64",  # eight of ten end between value_low and value_high
    "value_high": "float64",
    "value": "str",  # high, middle, low; "" where refused
    "is_wholesale": "bool",
    "shops": "str",  # menswear, womenswear, both or ""
    "style": "str",  # business, casual or ""
    "favourite": "str",  # need key or ""
    "second_favourite": "str",
    "brand": "str",  # what is bought more of than by others, see `likes`; "" where there is none
    "colour": "str",  # first English word for it
    "material": "str",  # likewise
    "size": "str",  # in capitals
    "price_level": "str",  # low, middle, high of their kinds
    "discount": "str",  # reduced
    #: Why those six and the second favourite: a reason each, see `reasons`.
    "likes": "object",
    #: Products to show, best first: {"product_id", "basis": again, taste or popular}.
    "picks": "object",
    #: What others bought with the same: {"shown", "why"}, see `picks.personal.also_bought`.
    "also": "object",
    #: Of the company that a wholesale person buys for, see `trade.model`; {} of others.
    "trade": "object",
}

_KINDS = {
    "int64": pd.api.types.is_integer_dtype,
    "Int64": pd.api.types.is_integer_dtype,
    "float64": pd.api.types.is_float_dtype,
    "bool": pd.api.types.is_bool_dtype,
    "str": pd.api.types.is_string_dtype,
    "datetime64": pd.api.types.is_datetime64_dtype,
}


class WrongFrame(ValueError):
    """A frame that does not keep its contract; the text names the columns."""


def check(frame: pd.DataFrame, contract: Mapping[str, str], name: str) -> pd.DataFrame:
    """Return `frame` with the contract's columns in their order.

    Raises
    ------
    WrongFrame
        When a column is missing or of another type, or has no list or dict in some row.

    Examples
    --------
    >>> check(pd.DataFrame({"n": [1], "x": ["a"]}), {"n": "int64"}, "tiny").columns.tolist()
    ['n']
    >>> check(pd.DataFrame({"n": ["1"]}), {"n": "int64"}, "tiny")
    Traceback (most recent call last):
    segmentation.frames.WrongFrame: frame 'tiny': column 'n' is str, expected int64
    """
    for column, kind in contract.items():
        if column not in frame:
            raise WrongFrame(f"frame {name!r}: column {column!r} is missing")
        matches = _KINDS.get(kind)
        if matches is not None and not matches(frame[column]):
            raise WrongFrame(
                f"frame {name!r}: column {column!r} is {frame[column].dtype}, expected {kind}"
            )
        if kind == "object" and frame[column].isna().any():
            raise WrongFrame(f"frame {name!r}: column {column!r} is empty in some row")
    return frame[list(contract)]


def empty(contract: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame of no rows that keeps the contract."""
    units = {"datetime64": "datetime64[us]"}
    return pd.DataFrame(
        {column: pd.Series(dtype=units.get(kind, kind)) for column, kind in contract.items()}
    )


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Everything a run reads, already limited to what was known by then."""

    lines: pd.DataFrame
    products: pd.DataFrame
    people: pd.DataFrame
    #: Nothing known of what is in stock: nothing is offered.
    stock: pd.DataFrame = field(default_factory=lambda: empty(STOCK))
    #: None: no source tells of views, searches or clicks.
    moments: pd.DataFrame = field(default_factory=lambda: empty(MOMENTS))
    #: In place of `lines`, where they are too many for a frame: a folder of Parquet files with the
    #: columns of `LINES`, in which every line has a product of `products`.
    files: Path | None = None
    #: What amounts are in, ISO 4217; "" where nobody said.
    currency: str = ""
    #: Where the shop is, ISO 3166; "" where that is not known.
    country: str = ""
    #: Where features are computed: a name of `engines.ENGINES`.
    engine: str = "duckdb"

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", check(self.lines, LINES, "lines"))
        object.__setattr__(self, "products", check(self.products, PRODUCTS, "products"))
        object.__setattr__(self, "people", check(self.people, PEOPLE, "people"))
        object.__setattr__(self, "stock", check(self.stock, STOCK, "stock"))
        object.__setattr__(self, "moments", check(self.moments, MOMENTS, "moments"))


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the merchant said; it outranks what is learned or assumed.

    Keys are need keys ("suits") or product ids; days are calendar days.
    """

    #: need -> stated life in days.
    lives: Mapping[str, int] = field(default_factory=dict)
    #: product type or title word as the merchant corrected it -> need key.
    needs: Mapping[str, str] = field(default_factory=dict)
    #: need key or product type -> "business", "casual" or "" for neither.
    styles: Mapping[str, str] = field(default_factory=dict)
    #: need key or product type -> "men", "women", "unisex".
    departments: Mapping[str, str] = field(default_factory=dict)
    #: Keys of finer groups that are wanted though they are not offered.
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """The outcome of a run; frames that keep the contracts above."""

    segments: pd.DataFrame
    due: pd.DataFrame
    profiles: pd.DataFrame
    #: Counts of the cleaning step: "cancelled lines", "guest lines", ...
    counters: Mapping[str, int]
    #: Every segment that is one of the groups found, whoever is in it.
    groups: Collection[str]
