"""From order lines to features, in Ibis, DuckDB by default.

`account_id` is in every key, so one run serves many merchants. Days are whole numbers since
1970-01-01, so that no engine's idea of a time zone can enter. Cleaning happens here, once:

- cancelled and test orders, guests nobody could name, free lines and lines that are no goods
  (shipping, vouchers) are left out; a return line is netted with the latest earlier purchase of the
  same product, a refund with its own line; what came back in full is no purchase;
- gifts count for value and rhythm, not for needs and taste;
- what a subscription brings is no repurchase: it counts for value, rhythm and taste, and while it
  runs the need has no clock;
- nothing after `as_of` is seen: a line dated later does not exist, a refund dated later has not
  happened. Lines of the day itself count, so an order moves its tags on the day it is placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation import engines, grouping
from segmentation.duedates.needs import NO_GOODS

#: A subscription that delivered this lately still runs: quarterly ones do.
SUBSCRIBED_DAYS = 100
#: From 1 December to this day, one odd item is more likely a present than a taste.
_LAST_GIFT_DAY = 24
_EPOCH = date(1970, 1, 1)
_DAY_S = 86_400

_LINES = ibis.schema({
    "account_id": "int64", "line_id": "int64", "order_id": "int64", "person_id": "int64",
    "ordered_on": "timestamp(6)", "status": "string", "channel": "string", "product_id": "int64",
    "title": "string", "colour": "string", "size": "string", "quantity": "float64",
    "net_amount": "float64", "discount": "float64", "refunded_quantity": "float64",
    "refunded_amount": "float64", "refunded_on": "timestamp(6)", "is_gift": "boolean",
    "is_subscription": "boolean",
})  # fmt: skip
_PLACED = ibis.schema({
    "account_id": "int64", "product_id": "int64", "need": "string", "department": "string",
    "style": "string",
})  # fmt: skip
_NETTED = ibis.schema({
    "account_id": "int64", "line_id": "int64", "returned_units": "float64",
    "returned_amount": "float64",
})  # fmt: skip
#: What is read of a line, and what of it is kept once it is judged.
_READ = (
    "account_id", "line_id", "person_id", "status", "channel", "product_id", "title", "colour",
    "size", "quantity", "net_amount", "discount", "is_gift", "is_subscription",
)  # fmt: skip
_KEPT = (
    "account_id", "line_id", "person_id", "day", "channel", "product_id", "title", "colour", "size",
    "discount", "need", "department", "style", "is_gift", "is_subscription", "is_running",
    "in_season", "units", "amount",
)  # fmt: skip
_PRODUCT = ("account_id", "product_id")


def day_number(day: date) -> int:
    """Return days since 1970-01-01.

    Examples
    --------
    >>> day_number(date(1970, 3, 1))
    59
    """
    return (day - _EPOCH).days


def day_numbers(column: pd.Series) -> npt.NDArray[np.int64]:
    """Return a column of dates as day numbers; NaT becomes a number far below zero."""
    result: npt.NDArray[np.int64] = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    return result


def is_gift_season(day: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which day numbers lie in the weeks of presents.

    Examples
    --------
    >>> days = np.array([day_number(date(2025, 12, 24)), day_number(date(2025, 12, 25))])
    >>> is_gift_season(days).tolist()
    [True, False]
    """
    dates = day.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    in_month = (dates - months).astype(np.int64) + 1
    season: npt.NDArray[np.bool_] = (months.astype(np.int64) % 12 == 11) & (
        in_month <= _LAST_GIFT_DAY
    )
    return season


@dataclass(frozen=True, kw_only=True)
class Features:
    """Feature tables of all accounts in a run; `day` columns are whole numbers."""

    #: A purchase day of a person and need: account_id, person_id, need, day, units, and of the most
    #: expensive line product_id, title, colour, size, price (minor units a piece) and discount
    #: (share taken off). Gifts out.
    need_days: pd.DataFrame
    #: The same of some people, always with what was bought.
    detailed: pd.DataFrame
    #: A product bought by a person on a day: account_id, person_id, product_id, day. Gifts out.
    product_days: pd.DataFrame
    #: A purchase day of a person: account_id, person_id, day, amount, articles (different
    #: products). Gifts in.
    order_days: pd.DataFrame
    #: A person: account_id, person_id, first_day, last_day, frequency, revenue, line_quantity
    #: (median units a line), wholesale_share (of lines).
    people: pd.DataFrame
    #: A person, need, department and style: items, their decayed count `weight`, and the part of
    #: it from outside the gift season, `own_weight`. Gifts out.
    tastes: pd.DataFrame
    #: How many lines were read and left out, by reason.
    counters: Mapping[str, int]


def compute(
    lines: pd.DataFrame | Path,
    placed: pd.DataFrame,
    *,
    as_of: date,
    engine: str = engines.DUCKDB,
    details: bool = True,
    one_in: Mapping[int, int] | None = None,
) -> Features:
    """Clean the lines and group them.

    Parameters
    ----------
    lines
        As `frames.LINES`, or a folder of Parquet files with those columns; every `product_id` is
        in `placed`.
    placed
        account_id, product_id, need, department, style: one row a product.
    as_of
        The last day that is seen.
    engine
        Where it is computed, see `engines`.
    details
        Whether `need_days` tells what was bought; without, it has account_id, person_id, need, day
        and units, which is all that a fit reads of everybody, at a third of the memory.
    one_in
        Account to one in how many people `detailed` is about; everybody where it is not said.
    """
    sample = _sample(placed, one_in or {})
    with engines.opened(engine) as on:
        asked = _statements() if engine == engines.DUCKDB else on.compiled(_expressions())
        _give(on, lines, placed, _today(on, engine, as_of))
        on.give("sample", sample, grouping.SAMPLE)
        # Materialised: what follows reads them more than once.
        for name in ("back", "netted", "judged"):
            on.keep(name, asked[name])
        need_days = on.rows(asked["need_days" if details else "bare_need_days"])
        everybody = details and set((one_in or {}).values()) <= {1}
        return Features(
            need_days=need_days,
            detailed=need_days if everybody else on.rows(asked["detailed"]),
            product_days=on.rows(asked["product_days"]),
            order_days=on.rows(asked["order_days"]),
            people=on.rows(asked["people"]),
            tastes=on.rows(asked["tastes"]),
            counters=_counters(on.rows(asked["reasons"])),
        )


def people(lines: Path, placed: pd.DataFrame, *, as_of: date, engine: str) -> pd.DataFrame:
    """Return `Features.people` alone, in one pass over the files of any number of accounts."""
    with engines.opened(engine) as on:
        _give(on, lines, placed, _today(on, engine, as_of))
        asked = on.compiled({**_returned(), "people": grouping.people(_counted())})
        for name in ("back", "netted"):
            on.keep(name, asked[name])
        return on.rows(asked["people"])


def _give(on: engines.Engine, lines: Any, placed: pd.DataFrame, seen: str) -> None:
    on.give("lines", lines, _LINES)
    on.give("placed", placed, _PLACED)
    on.view("seen", seen)


def _today(on: engines.Engine, engine: str, as_of: date) -> str:
    """Return the statement that finds the lines up to a day."""
    if engine == engines.DUCKDB:
        return _seen_statement(as_of)
    return on.compiled({"seen": _seen(as_of)})["seen"]


@lru_cache(maxsize=100)
def _seen_statement(as_of: date) -> str:
    """Return what DuckDB is asked: in a night it is the same for every account."""
    return engines.duckdb_statements({"seen": _seen(as_of)})["seen"]


@cache
def _expressions() -> Mapping[str, Any]:
    """Return what is asked of the lines, by name."""
    judged = _judged()
    tables = grouping.tables(ibis.table(judged.schema(), name="judged"))
    return {**_returned(), "judged": judged, **tables}


@cache
def _statements() -> Mapping[str, str]:
    """Return what DuckDB is asked: making it takes longer than a small shop's answer."""
    return engines.duckdb_statements(_expressions())


def _seen(as_of: date) -> Any:
    """Return lines up to a day with the units and the amount that refunds left of them.

    The day is written into this statement alone, where engines need not read what is later.
    """
    lines, today = ibis.table(_LINES, name="lines"), day_number(as_of)
    tomorrow = ibis.timestamp(as_of + timedelta(days=1))
    seen = lines.filter(lines.ordered_on < tomorrow)
    # A refund of tomorrow has not happened; one without a day has.
    known = (seen.refunded_on < tomorrow).fill_null(True)
    day = seen.ordered_on.cast("timestamp").epoch_seconds() // _DAY_S
    return seen.select(
        *_READ,
        day=day,
        in_season=(seen.ordered_on.month() == 12) & (seen.ordered_on.day() <= _LAST_GIFT_DAY),
        is_running=seen.is_subscription & (day > today - SUBSCRIBED_DAYS),
        units=seen.quantity - ibis.ifelse(known, seen.refunded_quantity, 0.0),
        amount=seen.net_amount - ibis.ifelse(known, seen.refunded_amount, 0.0),
    )


@cache
def _read() -> Any:
    return ibis.table(_seen(_EPOCH).schema(), name="seen")


def _net() -> Any:
    """Return seen lines with net units and net amount."""
    lines = _read().left_join(ibis.table(_NETTED, name="netted"), ["account_id", "line_id"])
    return lines.select(
        *(name for name in _read().columns if name not in ("units", "amount")),
        units=lines.units + lines.returned_units.fill_null(0.0),
        amount=lines.amount + lines.returned_amount.fill_null(0.0),
    )


def _odd(lines: Any, is_no_goods: Any) -> dict[str, Any]:
    """Return what makes a line start no clock, by name; the first that fits is its reason."""
    return {
        "test": lines.status == "test",
        "cancelled": lines.status == "cancelled",
        "guest": lines.person_id.isnull(),
        "return": lines.quantity <= 0,
        "free": lines.net_amount <= 0,
        "no goods": is_no_goods,
        "refunded": lines.units <= 0,
    }


def _counted() -> Any:
    """Return lines that count, of which needs are not asked: most shops have few no goods."""
    placed, lines = ibis.table(_PLACED, name="placed"), _net()
    odd = _odd(lines, ibis.literal(False)).values()
    no_goods = placed.filter(placed.need == NO_GOODS)
    return lines.filter(*(~is_so for is_so in odd)).anti_join(no_goods, _PRODUCT)


def _judged() -> Any:
    """Return lines with their product's place and the number of the reason to leave them out."""
    lines = _net().join(ibis.table(_PLACED, name="placed"), _PRODUCT)
    odd = _odd(lines, lines.need == NO_GOODS).values()
    numbered = [(is_so, number) for number, is_so in enumerate(odd)]
    return lines.select(*_KEPT, reason=ibis.cases(*numbered, else_=grouping.COUNTS).cast("int8"))


def _returned() -> dict[str, Any]:
    """Return what nets return lines with the latest earlier purchase of the same product.

    Purchases of one person and product are numbered by time; a return has the number of the last
    purchase before it, so one sum over the number nets them. Few people bring anything back this
    way: their return lines (`back`) are kept, and only their lines of that product are looked
    through for what came back of each (`netted`).
    """
    lines = _read()
    alive = lines.filter(~lines.status.isin(["cancelled", "test"]), lines.person_id.notnull())
    key = [*_PRODUCT, "person_id"]
    place = [*key, "line_id", "day"]
    came = alive.filter(alive.quantity < 0).select(*place, "quantity", "net_amount")
    back = ibis.table(came.schema(), name="back")
    # Only the return lines' amounts count: of purchases they are not even read.
    zero = ibis.literal(0.0)
    buys = alive.filter(alive.quantity > 0).semi_join(back, key)
    some = ibis.union(buys.select(*place, quantity=zero, net_amount=zero), back)
    is_back = some.quantity < 0
    order = [some.day, is_back.cast("int8"), some.line_id]
    until_now = ibis.window(group_by=key, order_by=order, rows=(None, 0))
    some = some.mutate(number=(~is_back).cast("int64").sum().over(until_now))
    of_number = ibis.window(group_by=[*key, "number"])
    some = some.mutate(
        returned_units=some.quantity.sum().over(of_number),
        returned_amount=some.net_amount.sum().over(of_number),
    )
    netted = some.filter(some.quantity >= 0, some.returned_units < 0)
    return {"back": came, "netted": netted.select(*_NETTED.names)}


def _sample(placed: pd.DataFrame, one_in: Mapping[int, int]) -> pd.DataFrame:
    accounts = sorted({int(account) for account in placed["account_id"].unique()})
    every = [one_in.get(account, 1) for account in accounts]
    return pd.DataFrame({"account_id": accounts, "every": every}, dtype="int64")


def _counters(reasons: pd.DataFrame) -> dict[str, int]:
    count = dict(zip(reasons["reason"], reasons["lines"].astype(int), strict=True))
    counted = reasons[(reasons["reason"] == grouping.COUNTS).to_numpy()]
    counters = {
        "lines": int(reasons["lines"].sum()),
        "counted lines": count.get(grouping.COUNTS, 0),
    }
    reasons_by_number = enumerate(_odd(_read(), ibis.literal(False)))
    counters |= {f"{reason} lines": count.get(number, 0) for number, reason in reasons_by_number}
    return counters | {
        "gift lines": int(counted["gifts"].sum()),
        "subscription lines": int(counted["subscriptions"].sum()),
    }
