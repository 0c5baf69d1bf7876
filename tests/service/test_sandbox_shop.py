"""The emulated e-commerce: references, side effects on the audience, counts and automations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.sandbox import snapshot
from integration.sandbox.server import SandboxServer

ADA = "ada@stipt-demo.shop"
NEW = "new@stipt-demo.shop"
LINE = {
    "id": "1",
    "product_id": "suit",
    "product_variant_id": "blue",
    "quantity": 1,
    "price": 199.5,
}
SUIT = {"id": "suit", "title": "Suit", "variants": [{"id": "blue", "title": "Blue"}]}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.add_member(ADA)
        yield server


class Shop:
    """Calls about one store."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        url = f"{self.sandbox.url}/ecommerce/stores{path}"
        answer = requests.request(method, url, json=body, auth=("u", self.sandbox.key))
        return answer.status_code, answer.json() if answer.content else {}

    def open(self, store_id: str = "s1", *, is_syncing: bool = False, **more: Any) -> None:
        body = {"id": store_id, "list_id": self.sandbox.list_id, "name": "S", **more}
        status, _ = self("POST", "", {**body, "currency_code": "EUR", "is_syncing": is_syncing})
        assert status == 200

    def customer(self, email: str = ADA, who: str = "c1", *, opt_in_status: bool = False) -> int:
        body = {"id": who, "email_address": email, "opt_in_status": opt_in_status}
        return self("PUT", f"/s1/customers/{who}", body)[0]

    def order(self, order_id: str, total: float = 199.5, **more: Any) -> tuple[int, Any]:
        return self("POST", "/s1/orders", sale(order_id, order_total=total, **more))


def sale(sale_id: str, **more: Any) -> dict[str, Any]:
    """An order or a cart."""
    base = {"customer": {"id": "c1"}, "currency_code": "EUR", "order_total": 1, "lines": [LINE]}
    return {"id": sale_id, **base, **more}


@pytest.fixture
def shop(sandbox: SandboxServer) -> Shop:
    made = Shop(sandbox)
    made.open()
    made.customer()
    made("POST", "/s1/products", SUIT)
    return made


def test_an_order_without_its_product_is_refused_in_mailchimps_words(shop: Shop) -> None:
    lost = [{**LINE, "product_id": "gone"}]
    status, document = shop("POST", "/s1/orders", sale("o1", lines=lost))
    assert status == 400
    text = "A product with the provided ID does not exist in the account for this list."
    assert document["detail"] == text
    lost = [{**LINE, "product_variant_id": "gone"}]
    _, document = shop("POST", "/s1/orders", sale("o1", lines=lost))
    assert document["detail"].startswith("A product with the provided variant ID does not exist")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/s1/orders", sale("o1", lines=[]), id="order without lines"),
        pytest.param("/s1/carts", sale("k1", lines=[]), id="cart without lines"),
        pytest.param("/s1/products", {**SUIT, "id": "tie", "variants": []}, id="no variant"),
        pytest.param("/s1/products", SUIT, id="product that is there"),
        pytest.param(
            "/s1/customers",
            {"id": "c" * 51, "email_address": ADA, "opt_in_status": False},
            id="long customer id",
        ),
        pytest.param("/s1/customers", {"id": "c2", "email_address": ADA}, id="no opt_in_status"),
        pytest.param("/s1/orders", sale("o1", order_url="shop/1"), id="order_url that is none"),
        pytest.param("/s1/orders", sale("o1", customer={"id": "c9"}), id="unknown customer"),
    ],
)
def test_what_mailchimp_refuses_is_refused(shop: Shop, path: str, body: Any) -> None:
    before = shop.sandbox.canonical()
    assert shop("POST", path, body)[0] == 400
    assert shop.sandbox.canonical() == before


def test_a_store_keeps_its_audience_and_its_domain_to_itself(shop: Shop) -> None:
    assert shop("PATCH", "/s1", {"domain": "stipt-demo.shop"})[0] == 200
    other = shop.sandbox.state.add_audience("Other").id
    assert shop("PATCH", "/s1", {"list_id": other})[0] == 400
    body = {"id": "s1", "list_id": other, "name": "S", "currency_code": "EUR"}
    assert shop("POST", "", body)[0] == 400
    status, _ = shop("POST", "", {**body, "id": "s2", "domain": "stipt-demo.shop"})
    assert status == 400


@pytest.mark.parametrize(
    ("opt_in_status", "status"), [(False, "transactional"), (True, "subscribed")]
)
def test_a_customer_of_a_new_address_becomes_a_contact(
    shop: Shop, opt_in_status: bool, status: str
) -> None:
    shop.customer(NEW, "c2", opt_in_status=opt_in_status)
    member = shop.sandbox.audience.find(NEW)
    assert member is not None
    assert member.status == status


def test_false_leaves_a_known_contact_alone_and_true_does_not(shop: Shop) -> None:
    shop.sandbox.add_member("left@stipt-demo.shop", "unsubscribed", status_by="person")
    shop.sandbox.add_member("off@stipt-demo.shop", "unsubscribed")
    for number, name in enumerate(("left", "off")):
        shop.customer(f"{name}@stipt-demo.shop", f"d{number}")
    assert statuses(shop.sandbox) == {"subscribed": 1, "unsubscribed": 2}
    for number, name in enumerate(("left", "off")):
        shop.customer(f"{name}@stipt-demo.shop", f"d{number}", opt_in_status=True)
    # Who left by themselves cannot be brought back; whom an administrator took out can.
    assert statuses(shop.sandbox) == {"subscribed": 2, "unsubscribed": 1}


def test_an_archived_contact_comes_back_through_a_customer(shop: Shop) -> None:
    shop.sandbox.add_member(NEW, "archived")
    shop.customer(NEW, "c2")
    assert statuses(shop.sandbox) == {"subscribed": 1, "transactional": 1}


def statuses(sandbox: SandboxServer) -> dict[str, int]:
    held = [m.status for m in sandbox.audience.members.values()]
    return {status: held.count(status) for status in held}


def test_a_cart_of_somebody_outside_the_audience_is_refused(shop: Shop) -> None:
    assert shop("POST", "/s1/carts", sale("k1"))[0] == 200
    shop.sandbox.act("erase", ADA)
    status, document = shop("POST", "/s1/carts", sale("k2"))
    assert status == 400
    assert "not found in audience" in document["detail"]


def test_only_orders_that_stand_count_for_customer_and_member(shop: Shop) -> None:
    shop.order("o1", 100, financial_status="paid")
    shop.order("o2", 30, financial_status="pending")
    shop.order("o3", 20, financial_status="cancelled")
    shop.order("o4", 10, cancelled_at_foreign="2026-01-31T10:00:00+00:00")
    shop.order("o5", 7)
    customer = shop("GET", "/s1/customers/c1")[1]
    assert (customer["orders_count"], customer["total_spent"]) == (2, 107)
    url = f"{shop.sandbox.url}/lists/{shop.sandbox.list_id}/members/{ADA}"
    member = requests.get(url, auth=("u", shop.sandbox.key)).json()
    assert member["stats"]["ecommerce_data"] == {
        "total_revenue": 107,
        "number_of_orders": 2,
        "currency_code": "EUR",
    }


def test_nothing_starts_while_a_store_is_syncing(sandbox: SandboxServer) -> None:
    shop = Shop(sandbox)
    shop.open(is_syncing=True)
    shop.customer()
    shop("POST", "/s1/products", SUIT)
    shop.order("o1", financial_status="paid")
    shop("PATCH", "/s1/orders/o1", {"financial_status": "refunded"})
    shop("POST", "/s1/carts", sale("k1", checkout_url="https://stipt-demo.shop/k1"))
    assert sandbox.fired == []
    shop("PATCH", "/s1", {"is_syncing": False})
    shop("PATCH", "/s1/orders/o1", {"financial_status": "paid"})
    assert [row["kind"] for row in sandbox.fired] == ["order_paid"]


def test_a_first_order_and_a_cart_start_automations(shop: Shop) -> None:
    shop("POST", "/s1/carts", sale("k1", checkout_url="https://stipt-demo.shop/k1"))
    shop.order("o1", financial_status="paid")
    kinds = [row["kind"] for row in shop.sandbox.fired]
    assert kinds == ["abandoned_cart", "order_paid", "first_purchase", "product_follow_up"]


def test_a_cart_deleted_in_time_sends_no_reminder(shop: Shop) -> None:
    shop("POST", "/s1/carts", sale("k1", checkout_url="https://stipt-demo.shop/k1"))
    assert shop("DELETE", "/s1/carts/k1")[0] == 204
    assert shop.sandbox.fired == []


def test_deleting_a_store_takes_everything_in_it(shop: Shop) -> None:
    shop.order("o1")
    assert shop("DELETE", "/s1")[0] == 204
    assert shop("GET", "/s1/orders")[0] == 404
    orders = requests.get(f"{shop.sandbox.url}/ecommerce/orders", auth=("u", shop.sandbox.key))
    assert orders.json()["total_items"] == 0


def test_put_writes_a_whole_order_or_product(shop: Shop) -> None:
    assert shop("PUT", "/s1/orders/o1", sale("o1", order_total=5))[0] == 200
    assert shop("PUT", "/s1/orders/o1", sale("o1", order_total=6))[0] == 200
    assert shop("PUT", "/s1/products/suit", {**SUIT, "title": "Blue suit"})[0] == 200
    assert shop("GET", "/s1/customers/c1")[1]["total_spent"] == 6
    assert shop("GET", "/s1/products/suit")[1]["title"] == "Blue suit"


def test_a_store_survives_a_restart_and_not_a_reset(shop: Shop) -> None:
    shop.order("o1", financial_status="paid")
    kept = json.loads(json.dumps(snapshot.dump(shop.sandbox.state)))
    restored = snapshot.restore(kept)
    assert snapshot.canonical(restored) == shop.sandbox.canonical()
    store = next(iter(restored.audiences.values())).stores["s1"]
    assert store.totals(["c1"]) == (1, 199.5)
    assert restored.fired == shop.sandbox.fired
    shop.sandbox.state.reset()
    assert '"o1"' not in shop.sandbox.canonical()
    assert shop.sandbox.fired == []


@pytest.mark.parametrize("view", ["", "/s1/orders", "/s1/carts", "/s1/products", "/s1/customers"])
def test_pages_show_the_shop(shop: Shop, view: str) -> None:
    shop.order("o1", financial_status="paid")
    shop("POST", "/s1/carts", sale("k1"))
    page = f"{shop.sandbox.root}/audiences/{shop.sandbox.list_id}/shop{view}"
    text = requests.get(page, headers={"Accept-Language": "nl"}).text
    assert "Winkel" in text
    wanted = {"": "Bestellingen", "/s1/products": "suit", "/s1/carts": "k1"}
    assert wanted.get(view, ADA) in text
    assert requests.get(page.replace("/s1/", "/s9/")).status_code == (404 if view else 200)
