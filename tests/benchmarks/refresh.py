"""From one new order to its person's new tags: in a small shop, and in one a hundred times larger.

The shops of `_crowd` stand in SQLite, each with figures for everybody and the same fit. Measured is
the work of `refresh` from the row that asks for it to the committed segments, in a process that has
done it once before: the first also loads the models' libraries. What else a segment starts, such
as a push, is other work.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from connectors.records import OrderStatus
from integration import fits
from integration.db import make_engine, scoped, take_stock
from integration.pipeline import refresh, start_refresh
from integration.sources import files_shop
from integration.tables import (
    Order,
    OrderLine,
    Person,
    PersonProfile,
    Product,
    SegmentMember,
    SourceProfile,
)
from integration.work.execute import run_until_idle
from segmentation.compute import fit
from segmentation.features import day_numbers
from segmentation.frames import Choices, Frames
from tests.benchmarks import _crowd
from tests.benchmarks.nightly import busy
from tests.benchmarks.result import Result
from tests.service.installation import Installation
from tests.service.records import NOON

ORDERS, SMALL = 1_000_000, 10_000
_ORDERS_A_CUSTOMER, _TIMES = 5.48, 7
_SECONDS, _TIMES_SLOWER = 1.0, 2.0
_AS_OF = date(1970, 1, 1) + timedelta(days=_crowd.AS_OF)


def run(data: Path, orders: float = ORDERS) -> list[Result]:
    """Measure both shops."""
    small, large = (measure(int(count)) for count in (SMALL, orders))
    shop = f"{int(orders):,} orders"
    return [
        Result(set=shop, metric="one order to new tags: seconds, median", ours=round(large[0], 3),
               bar=_SECONDS, better="lower"),
        Result(set=shop, metric="one order to new tags: processor seconds",
               ours=round(large[1], 3), better="lower"),
        Result(set=f"{SMALL:,} orders", metric="one order to new tags: seconds, median",
               ours=round(small[0], 3), better="lower"),
        Result(set=f"{SMALL:,} orders", metric="one order to new tags: processor seconds",
               ours=round(small[1], 3), better="lower"),
        Result(set=shop, metric=f"time / time in a shop of {SMALL:,} orders",
               ours=round(large[0] / small[0], 2), bar=_TIMES_SLOWER, better="lower"),
    ]  # fmt: skip


def measure(orders: int) -> tuple[float, float]:
    """Return median seconds and processor seconds of a refresh after one order."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/stipt.db"
        engine = make_engine(url)
        SQLModel.metadata.create_all(engine)
        engine.dispose()
        made = Installation(Path(name), url)
        customers = int(orders / _ORDERS_A_CUSTOMER)
        _fill(made, customers)
        took = [_one(made, 1 + number * (customers // 20)) for number in range(_TIMES + 1)][1:]
        made.engine.dispose()
    return median(seconds for seconds, _ in took), median(used for _, used in took)


def _one(made: Installation, person: int) -> tuple[float, float]:
    with scoped(made.engine, made.account_id) as session:
        number = session.execute(sa.select(sa.func.max(_id(Order)))).scalar_one() + 1
        _insert(session, Order, [_order(number, person, _crowd.AS_OF)])
        _insert(session, OrderLine, [_line(number, number, 7, 1.0, 1_500)])
        start_refresh(session, as_of=_AS_OF.isoformat(), people=[person])
    began, used = time.perf_counter(), busy()
    run_until_idle(made.context, handlers={"refresh": refresh})
    return time.perf_counter() - began, busy() - used


def _fill(made: Installation, customers: int) -> None:
    with scoped(made.engine, made.account_id) as session:
        files_shop(session, NOON)
        goods = _crowd.products()
        _insert(session, Product, _products(goods))
        some = pd.concat(_crowd.lines(SMALL // 2), ignore_index=True)
        known = Frames(lines=some, products=goods, people=_crowd.people(SMALL // 2))
        fitted = fit(known, as_of=_AS_OF, choices=Choices())
        fits.store(session, fitted, {}, as_of=_AS_OF, now=NOON, currency="EUR")
    first = 1
    for block in _crowd.lines(customers):
        last = min(first + _crowd.BLOCK - 1, customers)
        with scoped(made.engine, made.account_id) as session:
            _people(session, range(first, last + 1))
            rows = block[["order_id", "person_id"]].assign(day=day_numbers(block["ordered_on"]))
            kept = rows.drop_duplicates("order_id").itertuples(index=False)
            _insert(session, Order, [_order(*row) for row in kept])
            columns = ("line_id", "order_id", "product_id", "quantity", "net_amount")
            lines = zip(*(block[name].tolist() for name in columns), strict=True)
            _insert(session, OrderLine, [_line(*row) for row in lines])
        first = last + 1
    take_stock(made.engine)  # as the last night's run did


def _people(session: Session, ids: range) -> None:
    _insert(session, Person, [{"id": n, "created_at": NOON} for n in ids])
    blank = {"tags": {}, "is_business": False, "content_hash": ""}
    profiles = [{"id": n, "shop_id": 1, "external_id": f"c{n}", "person_id": n} for n in ids]
    _insert(session, SourceProfile, [one | blank for one in profiles])
    names = ("recency", "frequency", "monetary_value", "revenue", "tenure", "r", "f", "m")
    figures: dict[str, Any] = dict.fromkeys(names, 0)
    texts = ("stage", "value", "shops", "style", "favourite", "second_favourite")
    figures |= dict.fromkeys(texts, "") | {"is_wholesale": False, "computed_on": _AS_OF}
    shown = [PersonProfile(person_id=n, account_id=1, **figures).model_dump() for n in ids]
    _insert(session, PersonProfile, shown)
    held = {"segment": "stage:regular", "reason": {"key": "stage"}, "since": _AS_OF}
    _insert(session, SegmentMember, [{"person_id": n, **held} for n in ids])


def _products(goods: pd.DataFrame) -> list[dict[str, Any]]:
    rows = goods[["product_id", "title", "product_type", "price"]].itertuples(index=False)
    return [
        Product(id=n, shop_id=1, account_id=1, external_id=str(n), title=title, product_type=kind,
                price_minor=int(price)).model_dump()
        for n, title, kind, price in rows
    ]  # fmt: skip


def _order(number: int, person: int, day: int) -> dict[str, Any]:
    return {
        "id": number, "shop_id": 1, "external_id": str(number), "profile_id": int(person),
        "placed_at": NOON.replace(year=1970, month=1, day=1) + timedelta(days=int(day)),
        "status": OrderStatus.PAID.value, "channel": "web", "currency": "EUR", "total_minor": 0,
        "shipping_minor": 0, "ships_to_other": False, "discounts": [], "content_hash": "",
    }  # fmt: skip


def _line(line: int, order: int, product: int, quantity: float, amount: float) -> dict[str, Any]:
    return {
        "order_id": order, "external_id": str(line), "product_external_id": str(product),
        "title": f"Article {product - 1}", "product_type": "", "category_path": "", "brand": "",
        "gender_target": "", "colour": "", "size": "", "quantity": quantity,
        "total_minor": int(amount), "discount_minor": 0, "is_gift": False,
    }  # fmt: skip


def _insert(session: Session, table: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    account = {"account_id": session.info["account_id"]}
    for part in _parts(rows):
        # A row without a number of its own gets the next.
        told = [{k: v for k, v in row.items() if v is not None or k != "id"} for row in part]
        session.execute(sa.insert(table), [row | account for row in told])


def _parts(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), 10_000):
        yield rows[start : start + 10_000]


def _id(table: type[SQLModel]) -> Any:
    return table.__table__.c.id  # type: ignore[attr-defined]  # SQLModel adds __table__
