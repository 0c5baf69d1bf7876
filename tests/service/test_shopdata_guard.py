"""What the guard lets through about a shop: nothing that could add or subscribe anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import integration
from integration.mailchimp import guard
from integration.mailchimp.errors import ConsentGuard
from integration.mailchimp.guard import Permit

STORE = "/ecommerce/stores/stipt-1"
CUSTOMER = {"id": "c-1", "email_address": "ada@stipt-demo.shop", "opt_in_status": False}
LINE = {"id": "1", "product_id": "p", "product_variant_id": "p", "quantity": 1, "price": 5}
SALE = {
    "id": "o1",
    "customer": {"id": "c-1"},
    "currency_code": "EUR",
    "order_total": 5,
    "lines": [LINE],
}
PROMO = {"code": "TEN", "amount_discounted": 1.5, "type": "fixed"}
CUSTOMERS, ORDERS, CARTS = (f"{STORE}/{name}" for name in ("customers/c-1", "orders", "carts"))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", CUSTOMERS, CUSTOMER),
        ("POST", ORDERS, SALE),
        ("POST", ORDERS, {**SALE, "promos": [PROMO]}),
        ("PATCH", f"{ORDERS}/o1", {"promos": [PROMO]}),
        ("POST", CARTS, SALE),
        ("DELETE", f"{CARTS}/k1", None),
        ("PATCH", STORE, {"is_syncing": False}),
    ],
)
def test_what_we_send_passes(method: str, path: str, body: Any) -> None:
    guard.check(method, path, {}, body)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PUT", CUSTOMERS, {**CUSTOMER, "opt_in_status": True}, id="opts in"),
        pytest.param("PUT", CUSTOMERS, {**CUSTOMER, "opt_in_status": 0}, id="0 for false"),
        pytest.param("PUT", CUSTOMERS, {**CUSTOMER, "status": "subscribed"}, id="a status"),
        pytest.param("PATCH", CUSTOMERS, {"opt_in_status": False}, id="PATCH of a customer"),
        pytest.param("POST", f"{STORE}/customers", CUSTOMER, id="POST of a customer"),
        pytest.param("DELETE", CUSTOMERS, None, id="a customer deleted"),
        pytest.param("POST", ORDERS, {**SALE, "customer": CUSTOMER}, id="order with a customer"),
        pytest.param("POST", CARTS, {**SALE, "customer": CUSTOMER}, id="cart with a customer"),
        pytest.param("PUT", f"{ORDERS}/o1", SALE, id="PUT of an order"),
        pytest.param("PATCH", f"{ORDERS}/o1", {"customer": {"id": "c-1"}}, id="customer changed"),
        pytest.param("POST", ORDERS, {**SALE, "lines": []}, id="no lines"),
        pytest.param(
            "POST", ORDERS, {**SALE, "promos": [{**PROMO, "code": "a@b.nl"}]}, id="an address"
        ),
        pytest.param(
            "PATCH", f"{ORDERS}/o1", {"promos": [{**PROMO, "email": "x"}]}, id="more than a code"
        ),
        pytest.param("POST", CARTS, {**SALE, "promos": [PROMO]}, id="a cart with a code"),
        pytest.param("PATCH", STORE, {"list_id": "other"}, id="another audience"),
        pytest.param("DELETE", STORE, None, id="the store deleted"),
        pytest.param("DELETE", f"{STORE}/products/p", None, id="a product deleted"),
    ],
)
def test_everything_else_is_stopped_before_it_is_sent(method: str, path: str, body: Any) -> None:
    with pytest.raises(ConsentGuard):
        guard.check(method, path, {}, body)


def test_a_store_is_deleted_with_its_permit_and_never_in_a_batch() -> None:
    guard.check("DELETE", STORE, {}, None, [Permit.DELETE_STORE])
    others = [permit for permit in Permit if permit is not Permit.DELETE_STORE]
    with pytest.raises(ConsentGuard):
        guard.check("DELETE", STORE, {}, None, others)
    operation = {"method": "DELETE", "path": STORE, "operation_id": "1"}
    with pytest.raises(ConsentGuard):
        guard.check("POST", "/batches", {}, {"operations": [operation]}, list(Permit))


def test_one_module_asks_for_the_permit_to_delete_stores() -> None:
    package = Path(integration.__file__).parent
    asking = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "Permit.DELETE_STORE" in path.read_text("utf-8") and "guard" not in path.parts
    ]
    assert asking == ["shopdata/remove.py"]
