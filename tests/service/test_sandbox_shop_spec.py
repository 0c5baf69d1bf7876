"""Every e-commerce answer of the sandbox against Mailchimp's own specification."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.sandbox.server import SandboxServer
from integration.sandbox.shops.routes import ROUTES
from tests.service.test_sandbox_spec import Checked, shape

pytestmark = pytest.mark.shared

ADA = "ada@stipt-demo.shop"
#: Since 3.0.91, so the file does not have them: their answers are those of POST.
LATER = {("PUT", "/ecommerce/stores/{}/products/{}"), ("PUT", "/ecommerce/stores/{}/orders/{}")}

STORES = "/ecommerce/stores"
STORE = f"{STORES}/{{store_id}}"
CUSTOMER = f"{STORE}/customers/{{customer_id}}"
PRODUCT = f"{STORE}/products/{{product_id}}"
VARIANT = f"{PRODUCT}/variants/{{variant_id}}"
ORDER = f"{STORE}/orders/{{order_id}}"
CART = f"{STORE}/carts/{{cart_id}}"
RULE = f"{STORE}/promo-rules/{{promo_rule_id}}"
CODE = f"{RULE}/promo-codes/{{promo_code_id}}"

PRODUCT_BODY = {
    "id": "suit",
    "title": "Größe Suit",
    "vendor": "Suits",
    "variants": [{"id": "blue", "title": "Blue", "price": 199.5, "inventory_quantity": 3}],
}
LINE = {
    "id": "1",
    "product_id": "suit",
    "product_variant_id": "blue",
    "quantity": 1,
    "price": 199.5,
}
CUSTOMER_BODY = {"id": "c1", "email_address": ADA, "opt_in_status": False}
SALE = {
    "customer": {"id": "c1"},
    "currency_code": "EUR",
    "order_total": 199.5,
    "lines": [LINE],
}


@pytest.fixture
def checked(shared_specs: Path) -> Iterator[Checked]:
    text = (shared_specs / "mailchimp-marketing.json").read_text(encoding="utf-8")
    with SandboxServer() as sandbox:
        sandbox.add_member(ADA)
        yield Checked(sandbox, paths_of(json.loads(text)))


def paths_of(document: dict[str, Any]) -> dict[str, Any]:
    """The paths, with the bodies that two calls share put where they are used."""
    for operations in document["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {}) if isinstance(operation, dict) else {}
            if "$ref" in body:
                shared = body["$ref"].rpartition("/")[2]
                operation["requestBody"] = document["components"]["requestBodies"][shared]
    return dict(document["paths"])


def test_every_call_about_a_shop_keeps_to_the_specification(checked: Checked) -> None:
    body = {"id": "s1", "list_id": checked.sandbox.list_id, "name": "Shop", "currency_code": "EUR"}
    checked("POST", STORES, json={**body, "domain": "stipt-demo.shop", "is_syncing": True})
    checked("GET", STORES)
    checked("GET", STORE, "s1")
    checked("PATCH", STORE, "s1", json={"is_syncing": False})
    call_customers(checked)
    call_products(checked)
    call_orders(checked)
    call_carts(checked)
    call_promos(checked)
    checked("GET", "/lists/{list_id}/members", checked.sandbox.list_id)
    checked("DELETE", STORE, "s1")
    reached = {(m, shape(p)) for m, p in checked.seen}
    assert set(ROUTES) - reached == LATER


def call_customers(checked: Checked) -> None:
    body: dict[str, Any] = {**CUSTOMER_BODY, "first_name": "Ada"}
    checked("POST", f"{STORE}/customers", "s1", json=body)
    checked("PUT", CUSTOMER, "s1", "c1", json=CUSTOMER_BODY)
    checked("PATCH", CUSTOMER, "s1", "c1", json={"first_name": "Ada"})
    checked("GET", CUSTOMER, "s1", "c1")
    checked("GET", f"{STORE}/customers", "s1", params={"email_address": ADA})
    checked("PUT", CUSTOMER, "s1", "c2", json={**CUSTOMER_BODY, "id": "c2"})
    checked("DELETE", CUSTOMER, "s1", "c2")


def call_products(checked: Checked) -> None:
    checked("POST", f"{STORE}/products", "s1", json=PRODUCT_BODY)
    checked("PATCH", PRODUCT, "s1", "suit", json={"title": "Suit"})
    checked("GET", f"{STORE}/products", "s1")
    checked("GET", PRODUCT, "s1", "suit")
    checked("POST", f"{PRODUCT}/variants", "s1", "suit", json={"id": "grey", "title": "Grey"})
    checked("PUT", VARIANT, "s1", "suit", "grey", json={"id": "grey", "title": "Grey"})
    checked("PATCH", VARIANT, "s1", "suit", "grey", json={"visibility": "hidden"})
    checked("GET", f"{PRODUCT}/variants", "s1", "suit")
    checked("GET", VARIANT, "s1", "suit", "grey")
    checked("DELETE", VARIANT, "s1", "suit", "grey")
    checked("POST", f"{STORE}/products", "s1", json={**PRODUCT_BODY, "id": "tie"})
    checked("DELETE", PRODUCT, "s1", "tie")


def call_orders(checked: Checked) -> None:
    more = {"financial_status": "paid", "processed_at_foreign": "2026-01-31T10:00:00+00:00"}
    promos = [{"code": "TEN", "amount_discounted": 10, "type": "fixed"}]
    body = {"id": "o1", **SALE, **more, "promos": promos, "discount_total": 10}
    checked("POST", f"{STORE}/orders", "s1", json=body)
    checked("PATCH", ORDER, "s1", "o1", json={"financial_status": "refunded", "order_total": 0})
    checked("GET", f"{STORE}/orders", "s1", params={"customer_id": "c1"})
    checked("GET", ORDER, "s1", "o1")
    checked("GET", "/ecommerce/orders")
    call_lines(checked, ORDER, "o1")
    checked("DELETE", ORDER, "s1", "o1")


def call_lines(checked: Checked, owner: str, owner_id: str) -> None:
    one = f"{owner}/lines/{{line_id}}"
    checked("POST", f"{owner}/lines", "s1", owner_id, json={**LINE, "id": "2"})
    checked("PATCH", one, "s1", owner_id, "2", json={"quantity": 2})
    checked("GET", f"{owner}/lines", "s1", owner_id)
    checked("GET", one, "s1", owner_id, "2")
    checked("DELETE", one, "s1", owner_id, "2")


def call_carts(checked: Checked) -> None:
    body = {"id": "k1", **SALE, "checkout_url": "https://stipt-demo.shop/cart"}
    checked("POST", f"{STORE}/carts", "s1", json=body)
    checked("PATCH", CART, "s1", "k1", json={"order_total": 20})
    checked("GET", f"{STORE}/carts", "s1")
    checked("GET", CART, "s1", "k1")
    call_lines(checked, CART, "k1")
    checked("DELETE", CART, "s1", "k1")


def call_promos(checked: Checked) -> None:
    body: dict[str, Any] = {"id": "r1", "description": "Ten off", "amount": 10, "type": "fixed"}
    checked("POST", f"{STORE}/promo-rules", "s1", json={**body, "target": "total"})
    checked("PATCH", RULE, "s1", "r1", json={"enabled": False})
    checked("GET", f"{STORE}/promo-rules", "s1")
    checked("GET", RULE, "s1", "r1")
    code = {"id": "k1", "code": "TEN", "redemption_url": "https://stipt-demo.shop"}
    checked("POST", f"{RULE}/promo-codes", "s1", "r1", json=code)
    checked("PATCH", CODE, "s1", "r1", "k1", json={"usage_count": 2})
    checked("GET", f"{RULE}/promo-codes", "s1", "r1")
    checked("GET", CODE, "s1", "r1", "k1")
    checked("DELETE", CODE, "s1", "r1", "k1")
    checked("DELETE", RULE, "s1", "r1")
