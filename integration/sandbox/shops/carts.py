"""Carts: they never expire and never turn into orders by themselves."""

from __future__ import annotations

from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import not_emulated
from integration.sandbox.shape import Document, page
from integration.sandbox.shops import automations, customers, lines
from integration.sandbox.shops.common import read, taken, the_row, the_store
from integration.sandbox.shops.store import Row, Store

KINDS = {
    "id": "text",
    "customer": "object",
    "currency_code": "text",
    "order_total": "number",
    "tax_total": "number",
    "checkout_url": "text",
    "campaign_id": "text",
    "lines": "list",
}
REQUIRED = ("id", "customer", "currency_code", "order_total", "lines")


def document(store: Store, row: Row) -> Document:
    """A cart as the API shows it."""
    customer = store.customers.get(row["customer_id"])
    return {
        "id": row["id"],
        "customer": customers.document(store, customer) if customer else {},
        "campaign_id": row.get("campaign_id", ""),
        "checkout_url": row.get("checkout_url", ""),
        "currency_code": row["currency_code"],
        "order_total": row["order_total"],
        "tax_total": row.get("tax_total", 0),
        "lines": lines.documents(store, row, of_order=False),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def get_carts(call: Call, store_id: str) -> Answer:
    """GET: carts."""
    store = the_store(call, store_id)
    rows = list(store.carts.values())
    return 200, page("carts", rows, call.query, lambda r: document(store, r), store_id=store_id)


def get_cart(call: Call, store_id: str, cart_id: str) -> Answer:
    """GET: one cart."""
    store = the_store(call, store_id)
    return 200, document(store, the_row(store.carts, cart_id))


def post_cart(call: Call, store_id: str) -> Answer:
    """POST: create only; refused for an address that is not in the audience."""
    store, body = the_store(call, store_id), read(call.object(), KINDS, REQUIRED)
    if body["id"] in store.carts:
        raise taken("cart")
    made = lines.new(store, body["lines"])
    customer_id = customers.of_body(call, store, body, for_cart=True)
    now = call.state.clock.text()
    plain = {k: v for k, v in body.items() if k not in ("customer", "lines")}
    row = {**plain, "customer_id": customer_id, "lines": made, "created_at": now, "updated_at": now}
    store.carts[row["id"]] = row
    automations.cart_left(call.state, store, row)
    return 200, document(store, row)


def patch_cart(call: Call, store_id: str, cart_id: str) -> Answer:
    """PATCH: the given fields; lines have calls of their own."""
    store = the_store(call, store_id)
    row = the_row(store.carts, cart_id)
    body = read(call.object(), {k: v for k, v in KINDS.items() if k not in ("id", "customer")})
    if "lines" in body:
        raise not_emulated("PATCH of a cart with lines")
    row.update(body, updated_at=call.state.clock.text())
    return 200, document(store, row)


def delete_cart(call: Call, store_id: str, cart_id: str) -> Answer:
    """DELETE: one cart, and the reminder that waits for it."""
    store = the_store(call, store_id)
    the_row(store.carts, cart_id)
    del store.carts[cart_id]
    automations.cart_gone(call.state, store, cart_id)
    return 204, None
