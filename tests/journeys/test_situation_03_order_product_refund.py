"""Situation 3: an order before its product, a product gone before its order, cancelled before it
was sent, refunded after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests

from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.store_shop import TODAY, StoreShop

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings) -> Iterator[StoreShop]:
    with SandboxServer() as sandbox:
        made = StoreShop(settings, sandbox)
        made.on()
        yield made
        assert made.refused() == []
        assert made.send() == 0, "in step: nothing more to write"
        made.close()


def test_an_order_before_its_product(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", "blue"))
    shop.send()
    stub = shop.store.products["suit"]
    assert (stub["title"], stub["vendor"]) == ("Bought suit", "deleted")
    assert shop.revenue(ADA) == (1, 100)
    shop.product("suit", variants=["blue", "grey"], title="Navy suit")
    shop.send()
    product = shop.store.products["suit"]
    assert (product["title"], product["vendor"]) == ("Navy suit", "Suits")
    assert {v["visibility"] for v in product["variants"].values()} == {"visible"}
    assert shop.revenue(ADA) == (1, 100)


def test_a_product_deleted_before_its_order_is_sent(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.product("suit", variants=["blue"])
    shop.send()
    shop.drop_product("suit")
    shop.order("o1", ada, ("suit", "blue"))
    shop.send()
    assert shop.revenue(ADA) == (1, 100)
    assert shop.store.products["suit"]["variants"]["blue"]["visibility"] == "hidden"


def test_a_product_deleted_in_mailchimp_by_hand_before_its_order_is_sent(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.product("suit", variants=["blue"])
    shop.send()
    url = f"{shop.sandbox.url}/ecommerce/stores/{shop.row.store_id}/products/suit"
    requests.delete(url, auth=("u", shop.sandbox.key)).raise_for_status()
    shop.order("o1", ada, ("suit", "blue"))
    shop.send()
    assert shop.store.products["suit"]["title"] == "Suit"
    assert shop.revenue(ADA) == (1, 100)


def test_an_order_cancelled_before_it_was_sent_is_no_revenue(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None), status="cancelled")
    shop.order("o2", ada, ("suit", None), status="open")
    shop.send()
    assert list(shop.store.orders) == ["o2"]
    assert shop.store.orders["o2"]["financial_status"] == "pending"
    assert shop.revenue(ADA) == (0, 0)
    shop.order("o2", ada, ("suit", None), status="paid")
    shop.send()
    assert shop.revenue(ADA) == (1, 100)


def test_an_order_cancelled_after_it_was_sent_counts_no_longer(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None))
    shop.send()
    later = TODAY - timedelta(days=1)
    shop.order("o1", ada, ("suit", None), status="cancelled", source_updated_at=later)
    shop.send()
    order = shop.store.orders["o1"]
    assert (order["financial_status"], order["cancelled_at_foreign"]) == (
        "cancelled",
        later.isoformat(),
    )
    assert shop.revenue(ADA) == (0, 0)


def test_a_refund_after_the_order_was_sent(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("part", ada, ("suit", None), ("tie", None))
    shop.order("whole", ada, ("suit", None))
    shop.send()
    assert shop.revenue(ADA) == (2, 300)
    shop.refund("r1", "part", 10_000)
    shop.refund("r2", "whole", None)
    shop.send()
    states = {key: row["financial_status"] for key, row in shop.store.orders.items()}
    assert states == {"part": "paid", "whole": "refunded"}
    assert shop.revenue(ADA) == (2, 100)


def test_a_line_that_was_corrected_later(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None), ("tie", None))
    shop.send()
    shop.order("o1", ada, ("shirt", None))
    shop.send()
    lines = shop.store.orders["o1"]["lines"]
    assert [line["product_id"] for line in lines.values()] == ["shirt"]
    assert shop.revenue(ADA) == (1, 100)
