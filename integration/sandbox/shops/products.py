"""Products and their variants."""

from __future__ import annotations

from typing import Any

from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_emulated
from integration.sandbox.shape import Document, page
from integration.sandbox.shops.common import read, taken, the_row, the_store
from integration.sandbox.shops.store import Row, Store

TEXTS = ("title", "handle", "url", "description", "type", "vendor", "image_url")
KINDS = {
    "id": "text",
    **dict.fromkeys(TEXTS, "text"),
    "published_at_foreign": "text",
    "images": "list",
    "variants": "list",
}
VARIANT_TEXTS = ("title", "url", "sku", "image_url", "backorders", "visibility")
VARIANT = {
    "id": "text",
    **dict.fromkeys(VARIANT_TEXTS, "text"),
    "price": "number",
    "inventory_quantity": "whole number",
}
NO_PRODUCT = "A product with the provided ID does not exist in the account for this list."
NO_VARIANT = "A product with the provided variant ID does not exist in the account for this list."


def document(store: Store, row: Row) -> Document:
    """A product as the API shows it."""
    shown = {
        "id": row["id"],
        "currency_code": store.about["currency_code"],
        **{name: row.get(name, "") for name in TEXTS},
        "images": row.get("images", []),
        "variants": [variant_document(v) for v in row["variants"].values()],
    }
    if row.get("published_at_foreign"):
        shown["published_at_foreign"] = row["published_at_foreign"]
    return shown


def variant_document(row: Row) -> Document:
    """A variant as the API shows it."""
    return {
        "id": row["id"],
        **{name: row.get(name, "") for name in VARIANT_TEXTS},
        "price": row.get("price", 0),
        "inventory_quantity": row.get("inventory_quantity", 0),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def check_reference(store: Store, line: Row) -> None:
    """Whether a line names a product and variant of the store; Problem 400 in Mailchimp's words."""
    product = store.products.get(line["product_id"])
    if product is None:
        raise bad_request(NO_PRODUCT)
    if line["product_variant_id"] not in product["variants"]:
        raise bad_request(NO_VARIANT)


def _variant(call: Call, body: Any, known: Row | None = None) -> Row:
    given = read(body, VARIANT, () if known else ("id", "title"))
    now = call.state.clock.text()
    return {"created_at": now, **(known or {}), **given, "updated_at": now}


def _variants(call: Call, body: Row) -> dict[str, Row]:
    if not body["variants"]:
        raise invalid(SEE_ERRORS, ("variants", "This collection should contain 1 element or more."))
    rows = [_variant(call, given) for given in body["variants"]]
    return {row["id"]: row for row in rows}


def get_products(call: Call, store_id: str) -> Answer:
    """GET: products."""
    store = the_store(call, store_id)
    rows = list(store.products.values())
    return 200, page(
        "products", rows, call.query, lambda row: document(store, row), store_id=store_id
    )


def get_product(call: Call, store_id: str, product_id: str) -> Answer:
    """GET: one product."""
    store = the_store(call, store_id)
    return 200, document(store, the_row(store.products, product_id))


def post_product(call: Call, store_id: str) -> Answer:
    """POST: create only."""
    store, body = the_store(call, store_id), read(call.object(), KINDS, ("id", "title", "variants"))
    if body["id"] in store.products:
        raise taken("product")
    store.products[body["id"]] = {**body, "variants": _variants(call, body)}
    return 200, document(store, store.products[body["id"]])


def put_product(call: Call, store_id: str, product_id: str) -> Answer:
    """PUT (since 3.0.91): create or replace."""
    store, body = the_store(call, store_id), read(call.object(), KINDS, ("id", "title", "variants"))
    store.products[product_id] = {**body, "id": product_id, "variants": _variants(call, body)}
    return 200, document(store, store.products[product_id])


def patch_product(call: Call, store_id: str, product_id: str) -> Answer:
    """PATCH: the product's own fields; what `variants` does here is not known."""
    store = the_store(call, store_id)
    row = the_row(store.products, product_id)
    body = read(call.object(), {k: v for k, v in KINDS.items() if k != "id"})
    if "variants" in body:
        raise not_emulated("PATCH of a product with variants")
    row.update(body)
    return 200, document(store, row)


def delete_product(call: Call, store_id: str, product_id: str) -> Answer:
    """DELETE: a product; orders go on naming it."""
    store = the_store(call, store_id)
    the_row(store.products, product_id)
    del store.products[product_id]
    return 204, None


def get_variants(call: Call, store_id: str, product_id: str) -> Answer:
    """GET: variants of a product."""
    product = the_row(the_store(call, store_id).products, product_id)
    rows = list(product["variants"].values())
    more = {"store_id": store_id, "product_id": product_id}
    return 200, page("variants", rows, call.query, variant_document, **more)


def get_variant(call: Call, store_id: str, product_id: str, variant_id: str) -> Answer:
    """GET: one variant."""
    product = the_row(the_store(call, store_id).products, product_id)
    return 200, variant_document(the_row(product["variants"], variant_id))


def post_variant(call: Call, store_id: str, product_id: str) -> Answer:
    """POST: create only."""
    product = the_row(the_store(call, store_id).products, product_id)
    row = _variant(call, call.object())
    if row["id"] in product["variants"]:
        raise taken("product variant")
    product["variants"][row["id"]] = row
    return 200, variant_document(row)


def put_variant(call: Call, store_id: str, product_id: str, variant_id: str) -> Answer:
    """PUT: create or update."""
    product = the_row(the_store(call, store_id).products, product_id)
    row = _variant(call, call.object(), product["variants"].get(variant_id))
    product["variants"][variant_id] = {**row, "id": variant_id}
    return 200, variant_document(product["variants"][variant_id])


def patch_variant(call: Call, store_id: str, product_id: str, variant_id: str) -> Answer:
    """PATCH: update; 404 when absent."""
    product = the_row(the_store(call, store_id).products, product_id)
    known = the_row(product["variants"], variant_id)
    product["variants"][variant_id] = {**_variant(call, call.object(), known), "id": variant_id}
    return 200, variant_document(product["variants"][variant_id])


def delete_variant(call: Call, store_id: str, product_id: str, variant_id: str) -> Answer:
    """DELETE: one variant."""
    product = the_row(the_store(call, store_id).products, product_id)
    the_row(product["variants"], variant_id)
    del product["variants"][variant_id]
    return 204, None
