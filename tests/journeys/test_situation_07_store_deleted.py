"""Situation 7, in part: the store is deleted by hand in Mailchimp."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from sqlmodel import delete, select

from integration.mailchimp.errors import NotFound
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata.stores import switch_on
from integration.tables import ShopRecord, ShopStore, Work
from tests.service.audience_shop import TestJob
from tests.service.store_shop import StoreShop

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings) -> Iterator[StoreShop]:
    with SandboxServer() as sandbox:
        made = StoreShop(settings, sandbox)
        made.order("o1", made.buyer(ADA), ("suit", None))
        made.on()
        made.send()
        assert made.revenue(ADA) == (1, 100)
        yield made
        made.close()


def delete_by_hand(shop: StoreShop) -> None:
    url = f"{shop.sandbox.url}/ecommerce/stores/{shop.row.store_id}"
    requests.delete(url, auth=("u", shop.sandbox.key)).raise_for_status()


def test_it_is_said_and_never_made_again_silently(shop: StoreShop) -> None:
    delete_by_hand(shop)
    shop.order("o2", shop.people.profiles[ADA], ("suit", None))
    seen = len(shop.writes())
    shop.send()
    assert shop.row.status == "lost"
    assert shop.row.is_on, "the merchant had it on: the page says what happened to it"
    with shop.people.session() as session:
        assert session.exec(select(ShopRecord)).all() == [], "nothing is there, so nothing is known"
    shop.send()
    assert [e for e in shop.writes()[seen:] if e.status < 400] == []
    assert shop.sandbox.stores == {}


def test_the_merchant_sends_everything_again_with_one_click(shop: StoreShop) -> None:
    before = shop.sandbox.canonical()
    delete_by_hand(shop)
    shop.send()
    with shop.people.session() as session:
        switch_on(session, session.get_one(ShopStore, shop.row.id))
        session.exec(delete(Work))
    shop.send()
    assert shop.row.status == "filled"
    assert shop.sandbox.canonical() == before
    assert shop.sandbox.fired == []


class DeletedMeanwhile(TestJob):
    """A job during which the store is deleted, after we saw that it is there."""

    def __init__(self, shop: StoreShop) -> None:
        super().__init__(shop.people.account_id)
        self._shop = shop

    def report(self, progress: float | None, note: str | None = None) -> None:
        """At this point products are sent and customers are not."""
        if progress == 0.4:
            delete_by_hand(self._shop)


@pytest.mark.parametrize("orders", [1, 30], ids=["one call each", "in a batch"])
def test_a_store_deleted_in_the_middle_of_a_run_is_noticed(shop: StoreShop, orders: int) -> None:
    for number in range(orders):
        profile = shop.buyer(f"p{number}@stipt-demo.shop")
        shop.order(f"n{number}", profile, ("suit", None))
    shop.send(DeletedMeanwhile(shop))
    assert shop.row.status == "lost"
    assert shop.sandbox.stores == {}


def test_a_deleted_audience_is_not_taken_for_a_deleted_store(shop: StoreShop) -> None:
    del shop.sandbox.state.audiences[shop.sandbox.list_id]
    with pytest.raises(NotFound):
        shop.send()
    with shop.people.session() as session:
        store = session.exec(select(ShopStore)).one()
        assert (store.status, store.is_on) == ("filled", True)
        assert session.exec(select(ShopRecord)).all() != [], "what was there is not forgotten"
