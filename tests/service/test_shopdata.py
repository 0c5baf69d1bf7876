"""The shop in Mailchimp's e-commerce, over real HTTP: what arrives, what never does, what costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlmodel import select

from integration.audience import leave
from integration.audience.connect import connect
from integration.audience.contents import look_at
from integration.mailchimp.errors import NoAudience
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata import documents
from integration.shopdata.ids import remote_id
from integration.shopdata.prints import fingerprint
from integration.shopdata.stores import switch_off
from integration.tables import Order, OrderLine, ShopStore
from tests.service.audience_shop import TestJob
from tests.service.store_shop import LONG_AGO, TODAY, StoreShop

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[StoreShop]:
    made = StoreShop(settings, sandbox)
    yield made
    made.close()


def test_nothing_is_written_before_the_merchant_switches_it_on(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.product("suit", variants=["blue"])
    shop.order("o1", ada, ("suit", "blue"))
    preview = shop.look().preview
    assert {k: preview[k] for k in ("products", "customers", "orders", "carts")} == {
        "products": 1,
        "customers": 1,
        "orders": 1,
        "carts": 0,
    }
    assert preview["others"] == []
    assert shop.send() == 0
    assert shop.writes() == []


def test_a_shop_arrives_whole_and_costs_nothing_the_second_time(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.product("suit", variants=["blue", "grey"], title="Größe 52 Suit")
    shop.order("o1", ada, ("suit", "blue"), ("suit", "grey"), shipping_minor=495)
    shop.cart("k1", ada, "suit", at=TODAY)
    shop.on()
    assert shop.send() > 0
    order = shop.store.orders["o1"]
    assert (order["order_total"], order["shipping_total"]) == (200, 4.95)
    assert order["processed_at_foreign"] == LONG_AGO.isoformat()
    assert shop.revenue(ADA) == (1, 200)
    assert list(shop.store.carts) == ["k1"]
    assert shop.store.products["suit"]["title"] == "Größe 52 Suit"
    assert shop.store.products["suit"]["vendor"] == "Suits"
    assert not shop.store.is_syncing
    assert shop.row.status == "filled"
    assert shop.refused() == []
    before = len(shop.sandbox.requests)
    assert shop.send() == 0
    assert len(shop.sandbox.requests) - before < 10
    assert shop.unsettled() == 0


def test_a_backfill_starts_no_automation(shop: StoreShop) -> None:
    for number in range(30):
        profile = shop.buyer(f"p{number}@stipt-demo.shop")
        shop.order(f"o{number}", profile, ("suit", None), at=TODAY - timedelta(hours=number))
        shop.cart(f"k{number}", profile, "suit", at=TODAY + timedelta(minutes=5))
    shop.on()
    shop.send()
    assert len(shop.store.orders) == 30
    assert len(shop.store.carts) == 30
    assert shop.sandbox.fired == []


def test_news_after_the_backfill_does_and_history_does_not(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.on()
    shop.send()
    shop.order("late", ada, ("suit", None), at=LONG_AGO)
    shop.send()
    assert shop.sandbox.fired == []
    assert not shop.store.is_syncing
    shop.order("new", ada, ("suit", None), at=TODAY)
    shop.send()
    assert {row["about"] for row in shop.sandbox.fired} == {"new"}


@pytest.mark.parametrize("status", ["archived", "cleaned", None])
def test_nobody_becomes_a_contact_by_what_he_bought(shop: StoreShop, status: str | None) -> None:
    if status is not None:
        shop.sandbox.add_member(BOB, status)
    shop.people.person(BOB)
    shop.order("o1", shop.people.profiles[BOB], ("suit", None))
    shop.on()
    shop.send()
    assert shop.store.customers == {}
    assert shop.store.orders == {}
    held = [(m.email, m.status) for m in shop.sandbox.audience.members.values()]
    assert held == ([(BOB, status)] if status else [])


def test_who_unsubscribed_keeps_that_and_his_orders_count(shop: StoreShop) -> None:
    ada = shop.buyer(ADA, status="unsubscribed")
    shop.order("o1", ada, ("suit", None))
    shop.on()
    shop.send()
    assert shop.revenue(ADA) == (1, 100)
    member = shop.sandbox.audience.find(ADA)
    assert member is not None
    assert member.status == "unsubscribed"
    bodies = [entry.body for entry in shop.writes() if "/customers/" in entry.path]
    assert [body["opt_in_status"] for body in bodies] == [False]


def test_ids_are_opaque_and_nobodys_address_stands_in_a_path(shop: StoreShop) -> None:
    shop.buyer("guest:x@stipt-demo.shop".removeprefix("guest:"))
    shop.order("server 1/2", shop.people.profiles["x@stipt-demo.shop"], ("the server", "ü/x"))
    shop.on()
    shop.send()
    paths = [entry.path for entry in shop.sandbox.requests]
    assert not any("@" in path or "server" in path for path in paths)
    assert list(shop.store.orders) == [remote_id("server 1/2")]
    assert shop.refused() == []


def test_money_has_the_decimals_of_its_currency(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.order("yen", ada, ("suit", None), each=1_500, currency="JPY")
    shop.order("dinar", ada, ("suit", None), each=1_234, currency="KWD")
    shop.on()
    shop.send()
    totals = {key: row["order_total"] for key, row in shop.store.orders.items()}
    assert totals == {"yen": 1_500, "dinar": 1.234}


def test_codes_travel_with_their_order_and_a_later_one_takes_their_place(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    ten = {"code": "TEN", "amount_minor": 1_000, "kind": "percentage"}
    free = {"code": "FREE", "amount_minor": None, "kind": None}
    nobodys = {"code": "for-ada@stipt-demo.shop", "amount_minor": 500, "kind": "fixed"}
    shop.order("o1", ada, ("suit", None), discounts=[ten, nobodys])
    shop.order("o2", ada, ("suit", None))
    shop.on()
    shop.send()
    sent = {"code": "TEN", "amount_discounted": 10, "type": "percentage"}
    assert shop.store.orders["o1"]["promos"] == [sent]
    assert shop.store.orders["o2"]["promos"] == []
    assert shop.send() == 0
    shop.order("o1", ada, ("suit", None), discounts=[free])
    shop.send()
    assert shop.store.orders["o1"]["promos"] == [
        {"code": "FREE", "amount_discounted": 0, "type": "fixed"}
    ]
    shop.order("o1", ada, ("suit", None))
    shop.send()
    assert shop.store.orders["o1"]["promos"] == []
    assert shop.send() == 0


def test_codes_of_which_only_the_sum_is_known_share_it_evenly() -> None:
    codes: list[dict[str, Any]] = [
        {"code": code, "amount_minor": None, "kind": None} for code in ("A", "B", "C")
    ]
    codes.append({"code": "D", "amount_minor": 100, "kind": None})
    row = Order(
        account_id=1, shop_id=1, external_id="o", placed_at=LONG_AGO, status="paid", channel="web",
        currency="EUR", total_minor=900, shipping_minor=0, discounts=codes,
    )  # fmt: skip
    line = OrderLine(
        account_id=1, order_id=1, external_id="1", title="Suit", quantity=1, total_minor=900,
        discount_minor=200,
    )  # fmt: skip
    body = documents.order(row, [line], [], "c-1")
    assert body is not None
    shared = {promo["code"]: promo["amount_discounted"] for promo in body["promos"]}
    assert shared == {"A": 0.33, "B": 0.33, "C": 0.34, "D": 1}
    assert sum(shared.values()) == body["discount_total"]


def test_orders_without_a_code_keep_the_print_they_had_before_codes_were_sent() -> None:
    body = {"currency_code": "EUR", "order_total": 5}
    assert fingerprint("order", {**body, "promos": []}) == fingerprint("order", body)
    code = {"code": "TEN", "amount_discounted": 1, "type": "fixed"}
    theirs = {**code, "amount_discounted": 1.0}
    assert fingerprint("order", {**body, "promos": [code]}) != fingerprint("order", body)
    assert fingerprint("order", {**body, "promos": [code]}) == fingerprint(
        "order", {**body, "promos": [theirs]}
    )


def test_only_what_changed_travels(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    for number in range(40):
        shop.product(f"p{number}")
        shop.order(f"o{number}", ada, (f"p{number}", None))
    shop.on()
    shop.send()
    shop.product("p7", title="Renamed", price_minor=500)
    shop.order("o9", ada, ("p9", None), ("p10", None), at=LONG_AGO)
    seen = len(shop.writes())
    shop.send()
    sent = [(entry.method, entry.path.partition("/stores/")[2]) for entry in shop.writes()[seen:]]
    store = shop.row.store_id
    assert sent == [
        ("PATCH", f"{store}/products/p7"),
        ("PUT", f"{store}/products/p7/variants/p7"),
        ("PATCH", f"{store}/orders/o9"),
        ("POST", f"{store}/orders/o9/lines"),
    ]
    assert shop.store.products["p7"]["title"] == "Renamed"
    assert shop.store.orders["o9"]["order_total"] == 200


def test_a_product_the_shop_lost_stays_out_of_sight(shop: StoreShop) -> None:
    ada = shop.buyer(ADA)
    shop.product("suit", variants=["blue", "grey"])
    shop.order("o1", ada, ("suit", "blue"))
    shop.on()
    shop.send()
    shop.drop_product("suit")
    shop.send()
    variants = shop.store.products["suit"]["variants"].values()
    assert {(v["visibility"], v["inventory_quantity"]) for v in variants} == {("hidden", 0)}
    assert shop.revenue(ADA) == (1, 100)
    assert shop.send() == 0
    shop.product("suit", variants=["blue"])
    shop.send()
    assert shop.store.products["suit"]["variants"]["blue"]["visibility"] == "visible"


def test_test_orders_are_never_sent_and_taken_back_when_they_turn_out_to_be(
    shop: StoreShop,
) -> None:
    ada = shop.buyer(ADA)
    shop.order("o1", ada, ("suit", None), status="test")
    shop.order("o2", ada, ("suit", None))
    shop.on()
    shop.send()
    assert list(shop.store.orders) == ["o2"]
    shop.order("o2", ada, ("suit", None), status="test")
    shop.send()
    assert shop.store.orders == {}
    assert shop.send() == 0


def test_what_mailchimp_refuses_is_shown_and_stops_nothing_else(shop: StoreShop) -> None:
    ada, bob = shop.buyer(ADA), shop.buyer(BOB)
    shop.order("o1", ada, ("suit", None))
    shop.order("o2", bob, ("suit", None))
    shop.on()
    # Erased in Mailchimp after we read who is there: the address may not come back.
    shop.send(Interrupted(shop.people.account_id, lambda: shop.sandbox.act("erase", BOB)))
    assert list(shop.store.orders) == ["o1"]
    [(kind, _, error)] = shop.refused()
    assert kind == "customer"
    assert "permanently deleted" in error
    assert BOB not in error
    assert shop.send() == 0, "he is not in the audience any more"


class Interrupted(TestJob):
    """A job during which something happens, before the customers are written."""

    def __init__(self, account_id: int, event: Callable[[], None]) -> None:
        super().__init__(account_id)
        self._event = event

    def report(self, progress: float | None, note: str | None = None) -> None:
        """At this point the members are read."""
        if progress == 0.4:
            self._event()


def test_another_store_of_the_audience_is_seen(shop: StoreShop) -> None:
    body: dict[str, Any] = {"id": "woo", "list_id": shop.sandbox.list_id, "name": "WooCommerce"}
    add_store(shop.sandbox, {**body, "currency_code": "EUR", "platform": "woocommerce"})
    preview = shop.look().preview
    assert preview["others"] == [{"name": "WooCommerce", "platform": "woocommerce"}]
    shop.on()
    shop.send()
    assert shop.look().preview["others"] == preview["others"]
    assert len(shop.sandbox.stores) == 2


def test_a_store_of_another_installation_is_not_ours_wherever_it_is_shown(
    shop: StoreShop,
) -> None:
    body = {"id": "stipt-elsewhere", "list_id": shop.sandbox.list_id, "name": "Elsewhere"}
    add_store(shop.sandbox, {**body, "currency_code": "EUR", "platform": "files"})
    shop.on()
    shop.send()
    assert [other["name"] for other in shop.look().preview["others"]] == ["Elsewhere"]
    seen = look_at(shop.people.context, shop.people.audience).other_stores
    assert [other.name for other in seen] == ["Elsewhere"]


def add_store(sandbox: SandboxServer, body: dict[str, Any]) -> None:
    """Another application's store."""
    url = f"{sandbox.url}/ecommerce/stores"
    requests.post(url, json=body, auth=("u", sandbox.key)).raise_for_status()


def test_a_batch_carries_many_and_one_call_few(shop: StoreShop) -> None:
    for number in range(60):
        profile = shop.buyer(f"p{number}@stipt-demo.shop")
        shop.order(f"o{number}", profile, (f"product {number}", None))
    shop.on()
    shop.send()
    assert len(shop.store.orders) == 60
    batches = [entry for entry in shop.writes() if entry.path == "/batches"]
    assert 3 <= len(batches) <= 5
    assert shop.send() == 0


# -- what the merchant does meanwhile --------------------------------------------------------------


@dataclass
class MeanwhileJob(TestJob):
    """Something happens once, as soon as the run is so far."""

    happens: Callable[[], object] = lambda: None
    at: float = 0.1
    has_happened: bool = False

    def report(self, progress: float | None, note: str | None = None) -> None:
        """Let it happen."""
        if not self.has_happened and (progress or 0) >= self.at:
            self.has_happened = True
            self.happens()


@pytest.fixture
def many(shop: StoreShop) -> StoreShop:
    """A shop that is switched on and has enough for batches."""
    for number in range(12):
        profile = shop.buyer(f"p{number}@stipt-demo.shop")
        shop.product(f"suit{number}")
        shop.order(f"o{number}", profile, (f"suit{number}", None))
    shop.on()
    return shop


@pytest.mark.parametrize("at", [0.1, 0.5])
def test_a_run_on_its_way_writes_nothing_after_the_merchant_left(
    many: StoreShop, sandbox: SandboxServer, at: float
) -> None:
    people, before = many.people, list[Any]()

    def leaves() -> None:
        leave.disconnect(people.context, people.account_id)
        before.extend(many.writes())

    with pytest.raises(NoAudience):
        many.send(MeanwhileJob(people.account_id, happens=leaves, at=at))
    assert before
    assert many.writes() == before
    with people.session() as session:
        assert session.exec(select(ShopStore)).one().error == ""


def test_a_store_that_is_switched_off_while_it_is_filled_stops_and_has_its_automations(
    many: StoreShop, sandbox: SandboxServer
) -> None:
    before = list[Any]()

    def off() -> None:
        with many.people.session() as session:
            switch_off(session, session.get_one(ShopStore, many.row.id))
        before.extend(many.writes())

    many.send(MeanwhileJob(many.people.account_id, happens=off))
    assert many.store.is_syncing
    many.work()
    after = [(entry.method, entry.path) for entry in many.writes()[len(before) :]]
    assert after == [("PATCH", f"/ecommerce/stores/{many.row.store_id}")]
    assert (many.store.is_syncing, many.row.is_quiet) == (False, False)
    assert sandbox.fired == []


@pytest.mark.parametrize("way", ["disconnected", "moved"])
def test_who_comes_back_to_an_audience_switches_the_shop_on_anew(
    shop: StoreShop, sandbox: SandboxServer, way: str
) -> None:
    shop.on()
    context, account_id = shop.people.context, shop.people.account_id
    if way == "disconnected":
        leave.disconnect(context, account_id)
    else:
        other = sandbox.state.add_audience("Wholesale").id
        connect(context, account_id, token=sandbox.key, list_id=other, language="en")
    connect(context, account_id, token=sandbox.key, list_id=sandbox.list_id, language="en")
    assert not shop.row.is_on
    assert shop.send() == 0
