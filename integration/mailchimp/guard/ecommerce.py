"""A shop's products, customers, orders and carts.

Writing a customer can create a contact or subscribe one. Ours never opt anybody in, and an order or
a cart names its customer by id alone, which changes nobody. Deleting a store deletes everything in
it, so it takes a permit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.mailchimp.guard.rules import ID, Permit, keys, nothing, rule

STORES = r"/ecommerce/stores"
STORE = rf"{STORES}/{ID}"

_STORE = {"id", "list_id", "name", "currency_code", "platform", "is_syncing"}
_CUSTOMER = {"id", "email_address", "opt_in_status"}
_PRODUCT = {"id", "title", "type", "vendor", "url", "image_url", "variants"}
_VARIANT = {
    "id",
    "title",
    "sku",
    "price",
    "inventory_quantity",
    "visibility",
    "url",
    "image_url",
}
_LINE = {"id", "product_id", "product_variant_id", "quantity", "price", "discount"}
_ORDER = {
    "id",
    "customer",
    "currency_code",
    "order_total",
    "discount_total",
    "tax_total",
    "shipping_total",
    "financial_status",
    "processed_at_foreign",
    "cancelled_at_foreign",
    "promos",
    "lines",
}
_CART = {"id", "customer", "currency_code", "order_total", "checkout_url", "lines"}


def _new_store(body: Any) -> bool:
    return keys(body) == _STORE


def _store_change(body: Any) -> bool:
    return bool(keys(body)) and keys(body) <= {"is_syncing", "name", "currency_code"}


def _customer(body: Any) -> bool:
    return keys(body) == _CUSTOMER and body["opt_in_status"] is False


def _product(body: Any) -> bool:
    return {"variants"} <= keys(body) <= _PRODUCT and all(map(_variant, body["variants"]))


def _product_change(body: Any) -> bool:
    return keys(body) <= _PRODUCT - {"id", "variants"}


def _variant(body: Any) -> bool:
    return keys(body) <= _VARIANT


def _line(body: Any) -> bool:
    return keys(body) <= _LINE


def _sale(body: Any, known: set[str]) -> bool:
    if not {"customer", "lines"} <= keys(body) <= known:
        return False
    lines = body["lines"]
    return keys(body["customer"]) == {"id"} and bool(lines) and all(_line(row) for row in lines)


def _order(body: Any) -> bool:
    return _sale(body, _ORDER) and all(map(_promo, body.get("promos", [])))


def _promo(row: Any) -> bool:
    """A code with what it took off; no code of ours is an address, and none may become one."""
    if keys(row) != {"code", "amount_discounted", "type"} or not isinstance(row["code"], str):
        return False
    is_amount = isinstance(row["amount_discounted"], int | float)
    return is_amount and row["type"] in ("fixed", "percentage") and "@" not in row["code"]


def _cart(body: Any) -> bool:
    return _sale(body, _CART)


def _order_change(body: Any) -> bool:
    if not isinstance(body, Mapping) or not keys(body) <= _ORDER - {"id", "customer", "lines"}:
        return False
    return all(map(_promo, body.get("promos", [])))


RULES = (
    rule("POST", STORES, _new_store),
    rule("PATCH", STORE, _store_change),
    rule("DELETE", STORE, nothing, permit=Permit.DELETE_STORE),
    rule("PUT", rf"{STORE}/customers/{ID}", _customer, in_batch=True),
    rule("POST", rf"{STORE}/products", _product, in_batch=True),
    rule("PATCH", rf"{STORE}/products/{ID}", _product_change, in_batch=True),
    rule("PUT", rf"{STORE}/products/{ID}/variants/{ID}", _variant, in_batch=True),
    rule("PATCH", rf"{STORE}/products/{ID}/variants/{ID}", _variant, in_batch=True),
    rule("POST", rf"{STORE}/orders", _order, in_batch=True),
    rule("PATCH", rf"{STORE}/orders/{ID}", _order_change, in_batch=True),
    rule("DELETE", rf"{STORE}/orders/{ID}", nothing, in_batch=True),
    rule("POST", rf"{STORE}/orders/{ID}/lines", _line, in_batch=True),
    rule("PATCH", rf"{STORE}/orders/{ID}/lines/{ID}", _line, in_batch=True),
    rule("DELETE", rf"{STORE}/orders/{ID}/lines/{ID}", nothing, in_batch=True),
    rule("POST", rf"{STORE}/carts", _cart, in_batch=True),
    rule("DELETE", rf"{STORE}/carts/{ID}", nothing, in_batch=True),
)
