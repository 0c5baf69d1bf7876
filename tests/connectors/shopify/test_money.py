"""The same orders are worth the same, whatever the shop's prices hold and the buyer paid in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from connectors.records import Order, Record, Refund
from tests.connectors.contract import by_key, pages, records
from tests.connectors.shopify.conftest import Connect
from tests.emulators.shopify.prices import in_dollars, without_tax
from tests.emulators.shopify.server import ShopifyEmulator
from tests.emulators.shopify.tables import Row

WAYS = pytest.mark.parametrize("few", [0, 10_000], ids=["by export", "by pages"])


@pytest.fixture
def change(shopify: ShopifyEmulator) -> Iterator[Callable[[Callable[[Row], Row]], None]]:
    """Return what changes every order of the store, for this test."""
    shop = shopify.shop()
    kept = shop.orders.frozen()

    def do(make: Callable[[Row], Row]) -> None:
        for key in shop.orders:
            shop.orders.put(make(shop.orders[key]))

    yield do
    shop.orders = kept.copied()


def everything(connect: Connect, few: int) -> Mapping[tuple[type, str], Record]:
    """Every order and refund of the store."""
    return by_key(records(pages(connect(few=few), "orders")))


@WAYS
def test_prices_without_tax_give_the_same_orders_and_refunds(
    connect: Connect, change: Callable[[Callable[[Row], Row]], None], few: int
) -> None:
    gross = everything(connect, few)
    assert any(isinstance(one, Refund) and one.lines for one in gross.values())
    change(without_tax)
    assert everything(connect, few) == gross


@WAYS
def test_what_was_paid_in_dollars_is_told_in_the_shops_currency(
    connect: Connect, change: Callable[[Callable[[Row], Row]], None], few: int
) -> None:
    before = everything(connect, few)
    change(in_dollars)
    found = everything(connect, few)
    orders = [one for one in found.values() if isinstance(one, Order)]
    assert {one.original_currency for one in orders} == {"USD"}
    assert all(one.original_total > one.total for one in orders if one.original_total)
    alike = {
        key: replace(one, original_total=None, original_currency=None)
        if isinstance(one, Order)
        else one
        for key, one in found.items()
    }
    assert alike == before
