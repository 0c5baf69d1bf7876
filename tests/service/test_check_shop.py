"""The nightly count of what our stores at Mailchimp hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from integration.audience import checked
from integration.audience.check import compared
from integration.audience.connect import current_audience
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
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


def test_an_order_that_somebody_deleted_is_told(shop: StoreShop) -> None:
    path = f"/ecommerce/stores/{shop.row.store_id}/orders/o1"
    requests.delete(shop.sandbox.url + path, auth=("u", shop.sandbox.key)).raise_for_status()
    assert found(shop) == ["Orders of Shop: we held 1, Mailchimp has 0."]


def test_a_store_that_somebody_deleted_is_told(shop: StoreShop) -> None:
    shop.sandbox.stores.clear()
    assert found(shop) == ["The store of Shop was deleted in Mailchimp."]
