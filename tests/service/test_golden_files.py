"""The golden shop through export files in our own formats is the same tables as it is by itself.

What differs stands in `COLUMNS` and `ROWS`, each with its reason; one that is not needed any more
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from connectors.demo.connector import DemoConnector
from connectors.records import ConsentEvent, OrderStatus
from integration.tables import (
    Cart,
    Consent,
    Order,
    OrderLine,
    Product,
    Refund,
    RefundLine,
    SourceProfile,
    Variant,
)
from tests import fresh_tables
from tests.service.installation import AS_OF, Installation
from tests.service.same_tables import Row, Rows, Told, Way, last_said, rows
from tests.service.shop_files import write_customers, write_products, write_receipts

CUSTOMERS = 25
TABLES: tuple[type[SQLModel], ...] = (
    SourceProfile, Product, Variant, Order, OrderLine, Consent,
)  # fmt: skip
#: Tables of which our formats tell nothing.
UNTOLD: Mapping[type[SQLModel], str] = {
    Cart: "a receipt was paid",
    Refund: "goods that come back are lines below zero, on a receipt of their own",
    RefundLine: "as above",
}
#: What a line without an article number is called by.
NAMELESS = "free pair of socks"
#: Products of the sample shop outside its categories.
BARE = ("Gift cards", "Services")

_CHANGES = "no column says when a row was changed"
COLUMNS: Mapping[tuple[type[SQLModel], str], tuple[str, Told]] = {
    (SourceProfile, "source_updated_at"): (_CHANGES, lambda _row: None),
    (Product, "source_updated_at"): (_CHANGES, lambda _row: None),
    (Product, "created_at"): ("nor when a product was made", lambda _row: None),
    (Product, "sku"): ("an article number is a variant's there: the first one's", None),
    (Product, "category_path"): (
        "a kind of thing is a category too",
        lambda row: row["product_type"] if row["product_type"] in BARE else row["category_path"],
    ),
    (Variant, "title"): ("a variant has no name but its colour and size", lambda _row: None),
    (Order, "source_updated_at"): (_CHANGES, lambda _row: None),
    (Order, "number"): ("one number, which is the order's id", lambda row: row["external_id"]),
    (Order, "total_minor"): (
        "of a receipt only the lines are paid",
        lambda row: row["total_minor"] - row["shipping_minor"],
    ),
    (Order, "shipping_minor"): ("as above", lambda _row: 0),
    (Order, "tax_minor"): ("each line has its own", lambda _row: None),
    (Order, "ships_to_other"): ("no column tells where it went", lambda _row: False),
    (Order, "discounts"): (
        "no column says of what kind a code is",
        lambda row: [{**given, "kind": None} for given in row["discounts"]],
    ),
    (OrderLine, "variant_external_id"): ("a line has an article number", lambda _row: None),
    (OrderLine, "is_gift"): ("no column tells it", lambda _row: False),
    (OrderLine, "product_external_id"): (
        "what has no number is known by its name",
        lambda row: row["product_external_id"] or NAMELESS,
    ),
    (Consent, "external_id"): ("each source numbers statements in its own way", None),
    (Consent, "evidence"): ("the file and its row", None),
}


def only_paid(found: Rows) -> Rows:
    """Orders that were paid."""
    return [row for row in found if row["status"] == OrderStatus.PAID.value]


def of_buyers(found: Rows) -> Rows:
    """Whoever has an account, or paid for something."""
    return [row for row in found if row["external_id"] not in _NEVER_PAID]


def of_paid(found: Rows) -> Rows:
    """Lines of orders that were paid."""
    return [row for row in found if row["order_id"] not in _UNPAID]


def and_nameless(found: Rows) -> Rows:
    """The catalogue, and what only a line names."""
    untold = dict.fromkeys(found[0], None)
    given = {"external_id": NAMELESS, "title": NAMELESS.capitalize(), "status": "active"}
    empty = dict.fromkeys(("category_path", "product_type", "brand", "gender_target", "tags"), "")
    return [*found, {**untold, **empty, **given}]


_SHOP = DemoConnector("web", customers=CUSTOMERS, as_of=AS_OF)


def told(stream: str) -> list[Any]:
    """Records of the sample shop."""
    return [record for page in _SHOP.read(stream) for record in page.records]


_ORDERS = told("orders")
_UNPAID = {order.id for order in _ORDERS if order.status != OrderStatus.PAID}
_PAID_BY = {order.email for order in _ORDERS if order.id not in _UNPAID}
_NEVER_PAID = {f"guest:{order.email}" for order in _ORDERS if order.email not in _PAID_BY}

ROWS: Mapping[type[SQLModel], tuple[str, Callable[[Rows], Rows]]] = {
    SourceProfile: ("a guest who paid nothing is on no receipt", of_buyers),
    Product: ("what lines name is a product too", and_nameless),
    Order: ("a receipt was paid", only_paid),
    OrderLine: ("as above", of_paid),
    Consent: ("a list of customers tells what was said last", last_said),
}


def by_file(table: type[SQLModel], row: Row) -> Row:
    """A row of the sample shop with the ids of files: guests and variants have others."""
    found = dict(row)
    for name in ("external_id", "profile_id"):
        if isinstance(row.get(name), str):
            found[name] = row[name].removeprefix("guest:")
    if table is Variant:
        found["external_id"] = row["sku"]
    return found


FILES = Way(COLUMNS, ROWS, by_file)


@pytest.fixture(scope="module")
def through_files(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Installation, Installation]]:
    """The sample web shop read as it is, and read out of its exports."""
    exports = tmp_path_factory.mktemp("exports")
    made = []
    for name in ("demo", "files"):
        folder = tmp_path_factory.mktemp(name)
        url = f"sqlite:///{folder / 'stipt.db'}"
        fresh_tables.lay(url)
        made.append(Installation(folder, url))
    demo, ours = made
    demo.demo("web", customers=CUSTOMERS)
    ours.file(*_exports(exports))
    for one in made:
        one.work(computes=False)
    yield demo, ours
    for one in made:
        one.engine.dispose()


def _exports(folder: Path) -> list[Path]:
    files = [folder / f"{name}.csv" for name in ("customers", "products", "transactions")]
    said: dict[str, ConsentEvent] = {}
    for event in sorted(told("consent"), key=lambda event: event.at):
        said[event.customer_id] = event
    write_customers(files[0], told("customers"), said)
    write_products(files[1], told("products"))
    write_receipts(files[2], [order for order in _ORDERS if order.id not in _UNPAID])
    return files


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_same_shop_through_files_is_the_same_tables(
    through_files: tuple[Installation, Installation], table: type[SQLModel]
) -> None:
    FILES.check(table, *(rows(one, table) for one in through_files))


@pytest.mark.parametrize("table", UNTOLD, ids=lambda table: table.__name__)
def test_what_no_format_tells_of_is_empty(
    through_files: tuple[Installation, Installation], table: type[SQLModel]
) -> None:
    demo, ours = (rows(one, table) for one in through_files)
    assert demo
    assert ours == []


@pytest.mark.parametrize(
    ("table", "name"), COLUMNS, ids=[f"{of.__name__}.{name}" for of, name in COLUMNS]
)
def test_each_exception_is_needed(
    through_files: tuple[Installation, Installation], table: type[SQLModel], name: str
) -> None:
    demo, ours = (rows(one, table) for one in through_files)
    assert FILES.is_needed(table, name, demo, ours)
