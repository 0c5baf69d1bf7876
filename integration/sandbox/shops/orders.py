"""Orders of a store, and of all stores at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from integration.sandbox.call import Answer, Call, check
from integration.sandbox.problems import SEE_ERRORS, invalid
from integration.sandbox.shape import Document, page
from integration.sandbox.shops import automations, sales
from integration.sandbox.shops.common import taken, the_row, the_store
from integration.sandbox.shops.store import Row, Store, all_stores

TEXTS = (
    "financial_status",
    "fulfillment_status",
    "landing_site",
    "order_url",
    "tracking_number",
    "tracking_carrier",
    "tracking_url",
)
NUMBERS = ("discount_total", "tax_total", "shipping_total")
#: Shown only when given: texts of a set form.
GIVEN = (
    "campaign_id",
    "tracking_code",
    "processed_at_foreign",
    "cancelled_at_foreign",
    "updated_at_foreign",
    "outreach",
)
KINDS = {
    **sales.KINDS,
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys((*TEXTS, *GIVEN[:-1]), "text"),
    "outreach": "object",
    "shipping_address": "object",
    "billing_address": "object",
    "promos": "list",
}
PROMO = {"code": "text", "type": "text", "amount_discounted": "number"}


def document(store: Store, row: Row) -> Document:
    """An order as the API shows it."""
    return {
        **sales.document(store, row, of_order=True),
        "store_id": store.id,
        **{name: row.get(name, 0) for name in NUMBERS},
        **{name: row.get(name, "") for name in TEXTS},
        **{name: row[name] for name in GIVEN if row.get(name)},
        "shipping_address": row.get("shipping_address", {}),
        "billing_address": row.get("billing_address", {}),
        "promos": row.get("promos", []),
    }


def _row(call: Call, store: Store, body: Row) -> Row:
    _check(body)
    return sales.whole(call, store, body)


def _check(body: Row) -> None:
    url = body.get("order_url", "")
    if url and not url.startswith(("http://", "https://")):
        raise invalid(SEE_ERRORS, ("order_url", "This value is not a valid URL."))
    if body.get("tracking_code", "prec") != "prec":
        raise invalid(SEE_ERRORS, ("tracking_code", "The value is not a valid choice."))
    for promo in body.get("promos", ()):
        _check_promo(promo)


def _check_promo(promo: Any) -> None:
    if not isinstance(promo, dict):
        raise invalid(SEE_ERRORS, ("promos", "Schema describes object"))
    check(promo, PROMO, required=tuple(PROMO))
    if promo["type"] not in ("fixed", "percentage"):
        raise invalid(SEE_ERRORS, ("promos.type", "The value you selected is not a valid choice."))


def _found(rows: Iterable[tuple[Store, Row]], call: Call) -> list[tuple[Store, Row]]:
    wanted = {n: call.query[n] for n in ("customer_id", "campaign_id") if n in call.query}
    return [(s, r) for s, r in rows if all(r.get(n) == v for n, v in wanted.items())]


def get_all_orders(call: Call) -> Answer:
    """GET /ecommerce/orders: of every store."""
    rows = ((s, r) for s in all_stores(call.state) for r in s.orders.values())
    return 200, page("orders", _found(rows, call), call.query, lambda pair: document(*pair))


def get_orders(call: Call, store_id: str) -> Answer:
    """GET: orders of one store."""
    store = the_store(call, store_id)
    rows = _found(((store, r) for r in store.orders.values()), call)
    return 200, page("orders", rows, call.query, lambda p: document(*p), store_id=store_id)


def get_order(call: Call, store_id: str, order_id: str) -> Answer:
    """GET: one order."""
    store = the_store(call, store_id)
    return 200, document(store, the_row(store.orders, order_id))


def post_order(call: Call, store_id: str) -> Answer:
    """POST: create only."""
    store, body = sales.asked(call, store_id, KINDS)
    if body["id"] in store.orders:
        raise taken("order")
    return _new(call, store, body)


def _new(call: Call, store: Store, body: Row) -> Answer:
    row = _row(call, store, body)
    store.put_order(row)
    automations.order_placed(call.state, store, row)
    return 200, document(store, row)


def put_order(call: Call, store_id: str, order_id: str) -> Answer:
    """PUT (since 3.0.91): create or replace."""
    store, body = sales.asked(call, store_id, KINDS)
    before = store.orders.get(order_id)
    if before is None:
        return _new(call, store, {**body, "id": order_id})
    row = {**_row(call, store, body), "id": order_id}
    store.put_order(row)
    automations.order_changed(call.state, store, before, row)
    return 200, document(store, row)


def patch_order(call: Call, store_id: str, order_id: str) -> Answer:
    """PATCH: the given fields."""
    store = the_store(call, store_id)
    before = the_row(store.orders, order_id)
    body = sales.changes(call, KINDS, "an order")
    _check(body)
    row = {**before, **body}
    store.orders[order_id] = row
    automations.order_changed(call.state, store, before, row)
    return 200, document(store, row)


def delete_order(call: Call, store_id: str, order_id: str) -> Answer:
    """DELETE: one order; its revenue goes with it."""
    store = the_store(call, store_id)
    the_row(store.orders, order_id)
    store.drop_order(order_id)
    return 204, None
