"""A store after its first filling: late edits and returns, odd currencies, news, a stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata import mirror
from integration.shopdata.stores import switch_off
from integration.tables import ShopStore
from tests.service.audience_shop import TestJob
from tests.service.store_shop import TODAY, StoreShop

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[StoreShop]:
    made = StoreShop(settings, sandbox)
    yield made
    made.close()


def test_an_order_whose_lines_are_all_taken_off_earns_nothing(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None))
    shop.order("o2", ada, ("suit", None))
    shop.on()
    shop.send()
    assert shop.revenue(ADA) == (2, 200)
    shop.order("o1", ada)
    shop.send()
    assert shop.revenue(ADA) == (1, 100)
    assert shop.send() == 0
    shop.order("o1", ada, ("suit", None))
    shop.send()
    assert shop.revenue(ADA) == (2, 200)


def test_an_order_that_never_had_lines_is_not_sent(shop: StoreShop) -> None:
    shop.order("o1", shop.buyer(ADA))
    shop.on()
    shop.send()
    assert shop.store.orders == {}
    assert shop.send() == 0


def test_a_return_that_is_a_receipt_of_its_own_is_counted_for_the_merchant(
    shop: StoreShop,
) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None))
    shop.order("back", ada, ("suit", None), each=-10_000, quantity=-1)
    shop.order("voided", ada, ("suit", None), each=-1, quantity=-1, status="cancelled")
    assert shop.look().preview["returns"] == 1
    shop.on()
    shop.send()
    assert list(shop.store.orders) == ["o1"]
    assert shop.row.outcome["returns"] == 1


@pytest.mark.parametrize("has_order", [False, True])
def test_what_is_fresh_is_news_although_old_orders_come_along(
    shop: StoreShop, has_order: bool
) -> None:
    ada, bob = shop.buyer(ADA), shop.buyer(BOB)
    shop.on()
    shop.send()
    if has_order:
        shop.order("new", ada, ("suit", None), at=TODAY)
    shop.order("late", ada, ("suit", None))
    shop.cart("k1", bob, "suit", at=TODAY)
    shop.send()
    news = {"new"} if has_order else set()
    assert shop.store.orders.keys() == {"late", *news}
    assert {row["about"] for row in shop.sandbox.fired} == {"k1", *news}
    assert not shop.store.is_syncing
    assert shop.send() == 0


class Broken(TestJob):
    """A job whose worker is lost when the orders are through."""

    def report(self, progress: float | None, note: str | None = None) -> None:
        """Break after the first window of orders."""
        if progress is not None and progress > 0.55:
            raise ConnectionError("the worker is gone")


@pytest.mark.parametrize("is_filled", [False, True])
def test_switched_off_after_a_break_a_store_is_not_left_syncing(
    shop: StoreShop, is_filled: bool
) -> None:
    shop.on()
    if is_filled:
        shop.send()
    for number in range(2):
        shop.order(f"o{number}", shop.buyer(f"p{number}@stipt-demo.shop"), ("suit", None))
    with pytest.raises(ConnectionError):
        shop.send(Broken(shop.people.account_id))
    assert shop.store.is_syncing
    held = set(shop.store.orders)
    with shop.people.session() as session:
        switch_off(session, session.get_one(ShopStore, shop.row.id))
    shop.order("after", shop.people.profiles["p0@stipt-demo.shop"], ("suit", None))
    seen = len(shop.writes())
    shop.work()
    assert not shop.store.is_syncing
    assert set(shop.store.orders) == held
    assert len(shop.writes()) - seen == 1
    assert not shop.row.is_quiet


def test_a_refund_in_the_currency_of_the_buyer_is_counted_in_that_of_the_order(
    shop: StoreShop,
) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None), original_total_minor=1_600_000, original_currency="JPY")
    shop.refund("r1", "o1", 400_000, "JPY")
    shop.on()
    shop.send()
    assert shop.revenue(ADA) == (1, 75)
    assert noted(shop) == []


def test_a_refund_that_cannot_be_converted_is_left_out_and_shown(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None))
    shop.on()
    shop.send()
    shop.refund("r1", "o1", 9_000, "USD")
    assert shop.send() == 0
    assert shop.revenue(ADA) == (1, 100)
    assert shop.store.orders["o1"]["financial_status"] == "paid"
    assert noted(shop) == [("o1", "refund_currency")]
    changed: dict[str, Any] = {"original_total_minor": 11_000, "original_currency": "USD"}
    shop.order("o1", ada, ("suit", None), **changed)
    shop.send()
    assert shop.revenue(ADA) == (1, 18.18)
    assert noted(shop) == []


def noted(shop: StoreShop) -> list[tuple[str, str]]:
    """Orders that the page explains something about."""
    with shop.people.session() as session:
        return [(row.key, row.error) for row in mirror.noted(session, shop.row.id or 0)]
