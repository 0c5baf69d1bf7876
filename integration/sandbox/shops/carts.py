"""Carts: they never expire and never turn into orders by themselves."""

from __future__ import annotations

from integration.sandbox.call import Answer, Call
from integration.sandbox.shape import Document, page
from integration.sandbox.shops import automations, sales
from integration.sandbox.shops.common import taken, the_row, the_store
from integration.sandbox.shops.store import Row, Store

KINDS = {**sales.KINDS, "tax_total": "number", "checkout_url": "text", "campaign_id": "text"}


def document(store: Store, row: Row) -> Document:
    """A cart as the API shows it."""
    return {
        **sales.document(store, row, of_order=False),
        "campaign_id": row.get("campaign_id", ""),
        "checkout_url": row.get("checkout_url", ""),
        "tax_total": row.get("tax_total", 0),
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
    store, body = sales.asked(call, store_id, KINDS)
    if body["id"] in store.carts:
        raise taken("cart")
    row, now = sales.whole(call, store, body, for_cart=True), call.state.clock.text()
    row.update(created_at=now, updated_at=now)
    store.carts[row["id"]] = row
    automations.cart_left(call.state, store, row)
    return 200, document(store, row)


def patch_cart(call: Call, store_id: str, cart_id: str) -> Answer:
    """PATCH: the given fields."""
    store = the_store(call, store_id)
    row = the_row(store.carts, cart_id)
    row.update(sales.changes(call, KINDS, "a cart"), updated_at=call.state.clock.text())
    return 200, document(store, row)


def delete_cart(call: Call, store_id: str, cart_id: str) -> Answer:
    """DELETE: one cart, and the reminder that waits for it."""
    store = the_store(call, store_id)
    the_row(store.carts, cart_id)
    del store.carts[cart_id]
    automations.cart_gone(call.state, store, cart_id)
    return 204, None
