"""The sample shop as a source of records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice, pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from connectors.base import Connector, InstallShape
from connectors.demo import DemoConnector
from connectors.demo.connector import PAGE, Source
from connectors.demo.world import world
from connectors.errors import NotGenuine, NotReadable
from connectors.records import (
    ConsentEvent,
    Customer,
    Order,
    OrderStatus,
    Product,
    Record,
    Refund,
    Touchpoint,
)

PEOPLE = 1_500
SOURCES: tuple[Source, ...] = get_args(Source)
BOTH = pytest.mark.parametrize("source", SOURCES)


@pytest.fixture(scope="module")
def shop() -> dict[tuple[str, str], list[Record]]:
    """Every record of both sources, by source and stream."""
    return {
        (source, stream.name): everything(DemoConnector(source, customers=PEOPLE), stream.name)
        for source in SOURCES
        for stream in DemoConnector(source, customers=PEOPLE).streams
    }


def everything(connector: Connector, stream: str) -> list[Record]:
    return [record for page in connector.read(stream) for record in page.records]


def changed(record: Record) -> datetime:
    """The last change; permission and contact have one moment only."""
    if isinstance(record, ConsentEvent | Touchpoint):
        moment = record.at
    else:
        moment = record.source_updated_at
    assert moment is not None
    return moment


def orders_of(shop: dict[tuple[str, str], list[Record]], source: str) -> list[Order]:
    return [record for record in shop[source, "orders"] if isinstance(record, Order)]


def customers_of(shop: dict[tuple[str, str], list[Record]], source: str) -> list[Customer]:
    return [record for record in shop[source, "customers"] if isinstance(record, Customer)]


@BOTH
def test_it_is_a_connector_that_needs_no_installation(source: Source) -> None:
    connector: Connector = DemoConnector(source, customers=200)
    found = connector.check()
    assert (connector.platform, connector.install) == ("demo", InstallShape.BUILT_IN)
    assert (found.currency, found.time_zone) == ("EUR", "Europe/Amsterdam")
    assert not any(found.problems.values())
    assert set(found.problems) == {stream.name for stream in connector.streams}


def test_the_two_sources_are_different_shops() -> None:
    web, card = (DemoConnector(source, customers=200).check() for source in SOURCES)
    assert web.shop_id != card.shop_id
    assert web.name != card.name


@BOTH
def test_one_seed_always_gives_the_same_records_and_another_one_others(source: Source) -> None:
    first = everything(DemoConnector(source, customers=200, seed=3), "orders")
    world.cache_clear()
    assert everything(DemoConnector(source, customers=200, seed=3), "orders") == first
    assert everything(DemoConnector(source, customers=200, seed=4), "orders") != first


@BOTH
def test_a_read_cut_off_after_any_page_goes_on_where_it_was(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    pages = list(DemoConnector(source, customers=PEOPLE).read("orders"))
    assert len(pages) > 2
    for done in range(len(pages)):
        before = list(islice(DemoConnector(source, customers=PEOPLE).read("orders"), done))
        cursor = before[-1].cursor_after if before else None
        after = DemoConnector(source, customers=PEOPLE).read("orders", cursor)
        read = [record for page in (*before, *after) for record in page.records]
        assert read == shop[source, "orders"]


@BOTH
def test_only_the_last_page_is_complete_and_pages_are_full(source: Source) -> None:
    for stream in DemoConnector(source, customers=PEOPLE).streams:
        pages = list(DemoConnector(source, customers=PEOPLE).read(stream.name))
        assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
        assert {len(page.records) for page in pages[:-1]} <= {PAGE}
        assert pages[-1].progress == 1.0
        (after,) = DemoConnector(source, customers=PEOPLE).read(stream.name, pages[-1].cursor_after)
        assert after.complete
        assert not after.records
        assert after.cursor_after == pages[-1].cursor_after


@BOTH
def test_records_come_in_the_order_of_their_last_change(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    for (of, stream), records in shop.items():
        if of == source:
            moments = [changed(record) for record in records]
            assert all(a <= b for a, b in pairwise(moments)), stream
            assert all(moment.tzinfo == UTC for moment in moments)


@BOTH
def test_every_key_is_unique_and_fetches_its_record(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    connector = DemoConnector(source, customers=PEOPLE)
    for stream in connector.streams:
        keys = list(connector.keys(stream.name))
        records = shop[source, stream.name]
        assert keys == [record.id for record in records]
        assert len(set(keys)) == len(keys)
        for place in (0, len(keys) // 2, len(keys) - 1):
            assert list(connector.fetch(stream.name, keys[place])) == [records[place]]
        assert list(connector.fetch(stream.name, "nobody")) == []


def test_a_stream_that_a_till_does_not_have_is_refused() -> None:
    with pytest.raises(NotReadable, match="carts"):
        list(DemoConnector("card", customers=200).read("carts"))


def test_no_webhook_is_genuine() -> None:
    with pytest.raises(NotGenuine):
        DemoConnector("web").parse_hook({}, b"{}")


@BOTH
def test_lines_and_shipping_add_up_to_the_total_to_the_cent(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    for order in orders_of(shop, source):
        assert sum(line.total for line in order.lines) + order.shipping == order.total
        assert order.lines
        assert len({line.id for line in order.lines}) == len(order.lines)
        assert all((line.total < 0) == (line.quantity < 0) for line in order.lines)
        assert order.tax is not None
        assert abs(order.tax - order.total * 21 / 121) < Decimal("0.10")


def test_a_refund_never_gives_back_more_than_was_paid(
    shop: dict[tuple[str, str], list[Record]],
) -> None:
    orders = {order.id: order for order in orders_of(shop, "web")}
    refunds = [record for record in shop["web", "refunds"] if isinstance(record, Refund)]
    for refund in refunds:
        order = orders[refund.order_id]
        lines = {line.id: line for line in order.lines}
        for back in refund.lines:
            assert 0 < back.amount <= lines[back.order_line_id].total
            assert 0 < back.quantity <= lines[back.order_line_id].quantity
        assert refund.refunded_at > order.placed_at
        assert refund.amount == sum(back.amount for back in refund.lines)
    lines_sold = sum(len(order.lines) for order in orders.values())
    assert 0.05 < len(refunds) / lines_sold < 0.11


def test_a_till_writes_returns_as_lines_below_zero(
    shop: dict[tuple[str, str], list[Record]],
) -> None:
    receipts = orders_of(shop, "card")
    assert any(line.quantity < 0 for order in receipts for line in order.lines)
    # An exchange: one line back and another one of the same product on one receipt.
    assert any(
        {line.quantity > 0 for line in order.lines} == {True, False}
        and len({line.product_id for line in order.lines}) == 1
        for order in receipts
    )


@BOTH
def test_nothing_lies_outside_the_six_years(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")
    for order in orders_of(shop, source):
        assert date(2020, 11, 1) <= order.placed_at.astimezone(amsterdam).date()
        assert order.placed_at < datetime(2026, 11, 1, tzinfo=amsterdam)


def test_another_as_of_moves_the_whole_history() -> None:
    leap_day = DemoConnector("web", customers=200, as_of=date(2028, 2, 29))
    orders = [order for order in everything(leap_day, "orders") if isinstance(order, Order)]
    assert orders[0].placed_at.year == 2022
    assert orders[-1].placed_at < datetime(2028, 2, 29, tzinfo=UTC)
    assert orders[-1].placed_at.date() > date(2028, 2, 1)


def test_every_line_names_a_variant_of_the_catalogue_or_nothing(
    shop: dict[tuple[str, str], list[Record]],
) -> None:
    for source in SOURCES:
        products = {
            product.id: product
            for product in shop[source, "products"]
            if isinstance(product, Product)
        }
        for order in orders_of(shop, source):
            for line in order.lines:
                if line.product_id is None:
                    assert line.total == 0  # a free extra
                    continue
                product = products[line.product_id]
                (variant,) = [one for one in product.variants if one.id == line.variant_id]
                assert (line.sku, line.colour, line.size) == (
                    variant.sku,
                    variant.colour,
                    variant.size,
                )
                assert line.title == product.title
                assert line.total + line.discount == product.price * line.quantity  # type: ignore[operator]  # every product here has a price


def test_the_catalogue_has_labels_missing_and_products_out_of_the_collection(
    shop: dict[tuple[str, str], list[Record]],
) -> None:
    products = [one for one in shop["web", "products"] if isinstance(one, Product)]
    unlabelled = [one for one in products if one.product_type is None]
    assert 1_000 < len(products) < 1_400
    assert 0.03 < len(unlabelled) / len(products) < 0.08
    assert {one.status for one in products} == {"active", "archived", "draft"}
    stock = [
        v.inventory_quantity for one in products if one.status == "active" for v in one.variants
    ]
    assert 0.05 < stock.count(0) / len(stock) < 0.3
    card = [one for one in shop["card", "products"] if isinstance(one, Product)]
    assert not {one.sku for one in products} & {one.sku for one in card}
    assert {one.title for one in card} < {one.title for one in products}


def test_dutch_changes_the_words_and_nothing_else() -> None:
    english = everything(DemoConnector("web", customers=200), "orders")
    dutch = everything(DemoConnector("web", customers=200, language="nl"), "orders")
    for one, other in zip(english, dutch, strict=True):
        assert isinstance(one, Order)
        assert isinstance(other, Order)
        assert (one.id, one.total, one.placed_at) == (other.id, other.total, other.placed_at)
    kinds = {
        line.product_type for order in dutch if isinstance(order, Order) for line in order.lines
    }
    assert {"Pakken", "Overhemden", "Jurken"} <= kinds


def test_orders_of_every_state_and_kind_occur_in_plausible_shares(
    shop: dict[tuple[str, str], list[Record]],
) -> None:
    web = orders_of(shop, "web")
    share = {
        status: sum(order.status is status for order in web) / len(web) for status in OrderStatus
    }
    assert 0.01 < share[OrderStatus.CANCELLED] < 0.02
    assert 0 < share[OrderStatus.TEST] < 0.005
    assert share[OrderStatus.OPEN] < 0.01
    assert 0.10 < sum(order.customer_id is None for order in web) / len(web) < 0.3
    assert any(order.ships_to_other for order in web)
    assert any(line.is_gift for order in web for line in order.lines)
    with_code = [order for order in web if order.discounts]
    assert 0.03 < len(with_code) / len(web) < 0.3
    for order in with_code:
        assert order.discounts[0].amount == sum(line.discount for line in order.lines)
    assert {order.channel for order in web} == {"web", "wholesale"}
    receipts = orders_of(shop, "card")
    nobody = sum(order.customer_id is None for order in receipts) / len(receipts)
    assert 0.03 < nobody < 0.12
    assert {order.channel for order in receipts} == {"store"}
    assert not any(order.discounts for order in receipts)
    assert len({order.store for order in receipts}) == 3


@BOTH
def test_a_phone_number_is_a_real_one_in_international_form(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    numbers = [one.phone for one in customers_of(shop, source) if one.phone]
    assert len(numbers) > 100
    for number in numbers:
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))


@BOTH
def test_addresses_are_of_the_sample_domain_and_spelt_as_people_do(
    source: Source, shop: dict[tuple[str, str], list[Record]]
) -> None:
    emails = [one.email for one in customers_of(shop, source) if one.email]
    assert all(email.endswith("stipt-demo.shop") for email in emails)
    assert any(email != email.lower() for email in emails)
    assert all(domain == domain.lower() for _, _, domain in (e.partition("@") for e in emails))
    known = {email.lower() for email in emails}
    assert len(known) == len(emails)
