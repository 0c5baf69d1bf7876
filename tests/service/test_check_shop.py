"""The nightly count of what our stores at Mailchimp hold, and what is done where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.audience import checked
from integration.audience.check import compared
from integration.audience.connect import current_audience
from integration.sandbox import snapshot
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.audience_shop import Killed, TestJob
from tests.service.store_shop import TODAY, StoreShop

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings) -> Iterator[StoreShop]:
    with SandboxServer() as sandbox:
        made = StoreShop(settings, sandbox)
        ada = made.buyer(ADA)
        made.product("suit", variants=["blue"])
        made.order("o1", ada, ("suit", "blue"))
        made.cart("k1", ada, "suit", at=TODAY)
        made.on()
        made.send()
        yield made
        made.close()


def found(shop: StoreShop) -> list[str]:
    known = shop.people
    result = compared(known.context, current_audience(known.context, known.account_id))
    return [checked.text(one, "en") for one in result["differences"]]


def test_a_store_that_holds_what_we_sent_is_in_step(shop: StoreShop) -> None:
    assert found(shop) == []


def somebody(shop: StoreShop, method: str, path: str, body: Any = None) -> None:
    """Let another application write to our store."""
    url = f"{shop.sandbox.url}/ecommerce/stores/{shop.row.store_id}/{path}"
    key = ("u", shop.sandbox.key)
    requests.request(method, url, json=body, auth=key, timeout=30).raise_for_status()


def order(shop: StoreShop, key: str) -> None:
    """Let another application write an order of Ada's into our store."""
    line = {"id": "1", "product_id": "suit", "product_variant_id": "blue", "quantity": 1}
    body = {
        "id": key,
        "customer": {"id": next(iter(shop.store.customers))},
        "currency_code": "EUR",
        "order_total": 10,
        "lines": [line | {"price": 10}],
    }
    somebody(shop, "POST", "orders", body)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("orders/o1", "Orders of Shop: we held 1, Mailchimp has 0."),
        ("carts/k1", "Carts of Shop: we held 1, Mailchimp has 0."),
        ("products/suit", "Products of Shop: we held 1, Mailchimp has 0."),
    ],
)
def test_what_somebody_deleted_is_told_and_sent_again(
    shop: StoreShop, path: str, said: str
) -> None:
    held = snapshot.canonical(shop.sandbox.state)
    somebody(shop, "DELETE", path)
    assert snapshot.canonical(shop.sandbox.state) != held
    assert found(shop) == [said]
    shop.work()
    assert snapshot.canonical(shop.sandbox.state) == held
    assert found(shop) == []
    shop.work()
    assert shop.send() == 0


def test_an_old_order_that_is_sent_again_starts_no_automation(shop: StoreShop) -> None:
    fired = list(shop.sandbox.fired)
    somebody(shop, "DELETE", "orders/o1")
    found(shop)
    shop.work()
    assert shop.store.orders.keys() == {"o1"}
    assert shop.sandbox.fired == fired
    assert not shop.store.is_syncing


def test_what_we_took_away_and_is_there_again_is_told_and_taken_away(shop: StoreShop) -> None:
    shop.order("o1", shop.people.profiles[ADA], ("suit", "blue"), status="test")
    shop.send()
    assert shop.store.orders == {}
    order(shop, "o1")
    assert found(shop) == ["Orders of Shop: we held 0, Mailchimp has 1."]
    shop.work()
    assert shop.store.orders == {}
    assert found(shop) == []


def test_what_never_was_ours_is_told_and_left_alone(shop: StoreShop) -> None:
    order(shop, "till-4711")
    for _ in range(2):
        assert found(shop) == ["Orders of Shop: we held 1, Mailchimp has 2."]
        shop.work()
    assert shop.store.orders.keys() == {"o1", "till-4711"}


def test_a_look_without_repair_sends_nothing(shop: StoreShop) -> None:
    somebody(shop, "DELETE", "orders/o1")
    known = shop.people
    audience = current_audience(known.context, known.account_id)
    assert compared(known.context, audience, repair=False)["differences"]
    shop.work()
    assert shop.store.orders == {}


def test_killed_between_looking_and_sending_it_is_mended_all_the_same(shop: StoreShop) -> None:
    somebody(shop, "DELETE", "orders/o1")
    job = TestJob(shop.people.account_id, payload={"store": shop.row.id}, dies_at=12)
    with pytest.raises(Killed):
        shop.send(job)
    assert shop.store.orders == {}
    shop.send()
    assert shop.store.orders.keys() == {"o1"}


def test_a_store_that_somebody_deleted_is_told(shop: StoreShop) -> None:
    shop.sandbox.stores.clear()
    assert found(shop) == ["The store of Shop was deleted in Mailchimp."]
