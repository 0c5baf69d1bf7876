"""Forgetting a customer of a store of ours in Mailchimp."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import select

from integration.privacy import erase
from integration.privacy.subject import of_address
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Erasure
from integration.work.execute import run_until_idle
from tests.service.store_shop import StoreShop
from tests.service.traces import found

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[StoreShop]:
    made = StoreShop(settings, sandbox)
    yield made
    made.close()


def test_the_customer_of_the_store_goes_and_his_orders_stay_as_totals_of_nobody(
    shop: StoreShop, sandbox: SandboxServer
) -> None:
    for number, email in enumerate((ADA, BOB)):
        codes = [{"code": f"FOR{number}", "amount_minor": 100, "kind": None}]
        shop.order(f"o{number}", shop.buyer(email), ("suit", None), discounts=codes)
    shop.on()
    shop.send()
    assert {row["email_address"] for row in shop.store.customers.values()} == {ADA, BOB}
    with shop.people.session() as session:
        erase.start(session, shop.people.context, of_address(session, ADA))
    run_until_idle(shop.people.context)
    assert {row["email_address"] for row in shop.store.customers.values()} == {BOB}
    with shop.people.session() as session:
        receipt = session.exec(select(Erasure)).one()
    assert receipt.status == "done"
    answers = receipt.mailchimp["answers"]
    assert [(bool(row["store"]), row["status"]) for row in answers] == [(False, 204), (True, 204)]
    shop.send()
    assert shop.store.orders.keys() == {"o0", "o1"}
    assert ADA not in str(shop.store.orders)
    codes_left = {key: [p["code"] for p in o["promos"]] for key, o in shop.store.orders.items()}
    assert codes_left == {"o0": [], "o1": ["FOR1"]}, "a code may have been made for her"
    assert sandbox.audience.find(ADA) is None
    assert {row["email_address"] for row in shop.store.customers.values()} == {BOB}
    assert found(shop.people.context.engine, ADA) == set()
