"""The golden shop through Shopify is the same tables as it is by itself: every table and column.

What differs stands in `COLUMNS` and `ROWS`, each with its reason; one that is not needed any more
fails.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest
from sqlmodel import SQLModel, col, select

from connectors.demo.shelf import ODD
from connectors.shopify import windows
from integration.db import scoped
from integration.tables import (
    Cart,
    Consent,
    Order,
    OrderLine,
    Product,
    Refund,
    RefundLine,
    SegmentMember,
    SourceProfile,
    Touchpoint,
    Variant,
    facts,
)
from tests import fresh_tables
from tests.emulators.shopify.dialect import number
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.service.installation import Installation
from tests.service.same_tables import OWNERS, Row, Rows, Told, Way, last_said, rows

CUSTOMERS = 25
#: The first of the sample shop's products that have no variants.
ODD_ID = 6_000_000
TABLES: tuple[type[SQLModel], ...] = (
    SourceProfile, Product, Variant, Order, OrderLine, Refund, RefundLine, Cart, Consent,
)  # fmt: skip
#: Tables that a shop does not fill.
ELSEWHERE: Mapping[type[SQLModel], str] = {
    Touchpoint: "newsletters are sent from elsewhere: Shopify does not tell of them",
}
#: Ids of the source, which are numbers at Shopify.
IDS = (*OWNERS, "external_id", "product_external_id", "variant_external_id", "order_external_id")


def whole_last_name(row: Row) -> str | None:
    """An infix and a last name as one."""
    return " ".join(filter(None, (row["middle_name"], row["last_name"]))) or None


_MOVES = "a customer's statement and an order's refund are changes of his and its record there"
COLUMNS: Mapping[tuple[type[SQLModel], str], tuple[str, Told]] = {
    (SourceProfile, "middle_name"): (
        "Shopify has two names, and no place for an infix: it begins the last name",
        lambda _row: None,
    ),
    (SourceProfile, "last_name"): ("as above", whole_last_name),
    (SourceProfile, "source_updated_at"): (_MOVES, None),
    (SourceProfile, "their_group"): ("Shopify's own scores of a customer: only it has them", None),
    (SourceProfile, "their_tier"): ("as above", None),
    (Order, "source_updated_at"): (_MOVES, None),
    (Product, "sku"): ("an article number is a variant's there, not a product's", None),
    (OrderLine, "tax_minor"): (
        "a line without tax lines has none; the sample shop leaves it open for what is free",
        lambda row: row["tax_minor"] or 0,
    ),
    (Cart, "checkout_url"): ("the address to go on with a checkout is the platform's own", None),
    (Consent, "external_id"): ("each source numbers statements in its own way", None),
    (Consent, "source"): ("Shopify does not tell on which form somebody said so", None),
    (Consent, "evidence"): ("as above; it tells state and level of the opt-in", None),
}


@pytest.fixture(scope="module")
def through_shopify(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Installation, Installation]]:
    """The sample web shop read as it is, and read out of an emulated Shopify."""
    made = []
    with (
        ShopifyEmulator.serve(customers=CUSTOMERS) as shopify,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Left checkouts are read for 30 days only, by choice; here all there are.
        patch.setattr(windows, "CARTS", timedelta(days=500))
        shopify.app.distribution = "custom"
        shopify.shop().plan = "enterprise"
        for name in ("demo", "shopify"):
            folder = tmp_path_factory.mktemp(name)
            url = f"sqlite:///{folder / 'stipt.db'}"
            fresh_tables.lay(url)
            template = f"STIPT_SHOPIFY_URL_TEMPLATE={shopify.url_template}"
            made.append(Installation(folder, url, template))
        demo, ours = made
        demo.demo("web", customers=CUSTOMERS)
        ours.shopify(GOLDEN, shopify.install(expiring=False)["access_token"])
        for one in made:
            one.work()
    yield demo, ours
    for one in made:
        one.engine.dispose()


def in_numbers(table: type[SQLModel], row: Row) -> Row:
    """A row of the sample shop with the ids that Shopify has in their place."""
    found = {name: _number(value) if name in IDS else value for name, value in row.items()}
    if table is OrderLine:
        found["external_id"] = _number(f"{row['order_id']}-{row['external_id']}")
    if table is RefundLine:
        order = row["refund_id"].rpartition("-")[0]
        found["line_external_id"] = _number(f"{order}-{row['line_external_id']}")
    if table is Cart:
        found["content"] = {
            "lines": [
                {name: _number(value) if name.endswith("_id") else value
                 for name, value in line.items()}
                for line in row["content"]["lines"]
            ]
        }  # fmt: skip
    return found


def _number(key: str | None) -> str | None:
    """An id of the sample shop as Shopify numbers it; guests have none."""
    return key if key is None or ":" in key else str(number(key))


def one_variant_at_least(found: Rows) -> Rows:
    """The variants, and one of each product that has none of its own."""
    bare = {str(ODD_ID + nth): price for nth, (_title, _kind, price) in enumerate(ODD)}
    made = dict.fromkeys(("sku", "title", "colour", "size", "inventory_quantity"))
    return found + [
        {**made, "product_id": key, "external_id": f"{key}-000", "price_minor": price}
        for key, price in bare.items()
    ]


#: Table to what both can know of the sample shop's rows, and why it is not just these.
ROWS: Mapping[type[SQLModel], tuple[str, Callable[[Rows], Rows]]] = {
    Consent: ("Shopify tells a state, not how it came about: what was said last", last_said),
    Variant: ("at Shopify a product without variants has one all the same", one_variant_at_least),
}


SHOPIFY = Way(COLUMNS, ROWS, in_numbers)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_same_shop_through_shopify_is_the_same_tables(
    through_shopify: tuple[Installation, Installation], table: type[SQLModel]
) -> None:
    SHOPIFY.check(table, *(rows(one, table) for one in through_shopify))


def test_no_table_of_a_source_is_left_out() -> None:
    told = {
        table
        for _name, table in inspect.getmembers(facts, inspect.isclass)
        if table.__module__ == facts.__name__
    }
    assert told | {SourceProfile} == {*TABLES, *ELSEWHERE}


@pytest.mark.parametrize(
    ("table", "name"), COLUMNS, ids=[f"{of.__name__}.{name}" for of, name in COLUMNS]
)
def test_each_exception_is_needed(
    through_shopify: tuple[Installation, Installation], table: type[SQLModel], name: str
) -> None:
    demo, ours = (rows(one, table) for one in through_shopify)
    assert SHOPIFY.is_needed(table, name, demo, ours)


def test_segments_through_shopify_are_those_of_the_sample_shop(
    through_shopify: tuple[Installation, Installation],
) -> None:
    query = (
        select(SourceProfile.external_id, SegmentMember.segment)
        .join(SegmentMember, col(SegmentMember.person_id) == col(SourceProfile.person_id))
        .where(
            ~col(SourceProfile.external_id).like("%:%"),
            col(SegmentMember.segment).like("stage:%"),
        )
    )
    found = []
    for one in through_shopify:
        with scoped(one.engine, one.account_id) as session:
            found.append(Counter(session.exec(query).all()))
    assert found[0].total() > 0
    assert found[0] == found[1]
