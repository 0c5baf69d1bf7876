"""Situation 4: an order and a cart of one person within a second, from two devices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.store_shop import TODAY, StoreShop

ADA = "ada@stipt-demo.shop"
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(settings: Settings) -> Iterator[StoreShop]:
    with SandboxServer() as sandbox:
        made = StoreShop(settings, sandbox)
        made.product("suit")
        made.on()
        made.send()
        yield made
        made.close()


@pytest.mark.parametrize("apart", [-SECOND, 0 * SECOND, SECOND], ids=["before", "with", "after"])
@pytest.mark.parametrize("cart_was_sent", [True, False])
def test_the_cart_is_gone_and_its_reminder_with_it(
    shop: StoreShop, cart_was_sent: bool, apart: timedelta
) -> None:
    ada = shop.buyer(ADA)
    shop.cart("phone", ada, "suit", at=TODAY + apart)
    if cart_was_sent:
        shop.send()
        assert list(shop.store.carts) == ["phone"]
        assert [row["kind"] for row in shop.sandbox.fired] == ["abandoned_cart"]
    shop.order("laptop", ada, ("suit", None), at=TODAY)
    seen = len(shop.writes())
    shop.send()
    assert shop.store.carts == {}
    assert shop.revenue(ADA) == (1, 100)
    assert "abandoned_cart" not in {row["kind"] for row in shop.sandbox.fired}
    sent = [(entry.method, entry.path.rpartition("/")[2]) for entry in shop.writes()[seen:]]
    if cart_was_sent:
        assert sent.index(("DELETE", "phone")) < sent.index(("POST", "orders"))
    assert shop.send() == 0


def test_a_cart_of_somebody_else_and_one_filled_later_stay(shop: StoreShop) -> None:
    ada, bob = shop.buyer(ADA), shop.buyer("bob@stipt-demo.shop")
    shop.order("o1", ada, ("suit", None), at=TODAY)
    shop.cart("his", bob, "suit", at=TODAY)
    shop.cart("next", ada, "suit", at=TODAY + timedelta(hours=1))
    shop.send()
    assert sorted(shop.store.carts) == ["his", "next"]


def test_a_cart_that_became_an_order_or_was_emptied_or_forgotten_goes(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    for key in ("bought", "emptied", "old"):
        shop.cart(key, ada, "suit", at=TODAY)
    shop.send()
    assert sorted(shop.store.carts) == ["bought", "emptied", "old"]
    shop.cart("bought", ada, "suit", at=TODAY, order="o9")
    shop.cart("emptied", ada, at=TODAY)
    shop.now = TODAY + timedelta(days=31)
    shop.send()
    assert shop.store.carts == {}
    assert shop.sandbox.fired == []


def test_a_cart_that_changed_is_there_once_with_what_is_in_it_now(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.cart("k1", ada, "suit", at=TODAY)
    shop.send()
    shop.cart("k1", ada, "suit", "tie", at=TODAY + timedelta(minutes=3))
    shop.send()
    cart = shop.store.carts["k1"]
    assert (cart["order_total"], len(cart["lines"])) == (100, 2)
    assert [row["kind"] for row in shop.sandbox.fired] == ["abandoned_cart"]
    assert shop.send() == 0
