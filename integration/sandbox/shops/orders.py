"""Orders of a store, and of all stores at once."""

from __future__ import annotations

from collections.abc import Iterable

from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import SEE_ERRORS, invalid, not_emulated
from integration.sandbox.shape import Document, page
from integration.sandbox.shops import automations, customers, lines
from integration.sandbox.shops.common import read, taken, the_row, the_store
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
NUMBERS = ("order_total", "discount_total", "tax_total", "shipping_total")
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
    "id": "text",
    "customer": "object",
    "currency_code": "text",
    "lines": "list",
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys((*TEXTS, *GIVEN[:-1]), "text"),
    "outreach": "object",
    "shipping_address": "object",
    "billing_address": "object",
    "promos": "list",
}
REQUIRED = ("id", "customer", "currency_code", "order_total", "lines")


def document(store: Store, row: Row) -> Document:
    """An order as the API shows it."""
    customer = store.customers.get(row["customer_id"])
    return {
        "id": row["id"],
        "customer": customers.document(store, customer) if customer else {},
        "store_id": store.id,
        "currency_code": row["currency_code"],
        **{name: row.get(name, 0) for name in NUMBERS},
        **{name: row.get(name, "") for name in TEXTS},
        **{name: row[name] for name in GIVEN if row.get(name)},
        "shipping_address": row.get("shipping_address", {}),
        "billing_address": row.get("billing_address", {}),
        "promos": row.get("promos", []),
        "lines": lines.documents(store, row, of_order=True),
    }


def _row(call: Call, store: Store, body: Row) -> Row:
    """A whole order from a body; its products must be there before anything is written."""
    _check(body)
    made = lines.new(store, body["lines"])
    customer_id = customers.of_body(call, store, body)
    plain = {k: v for k, v in body.items() if k not in ("customer", "lines")}
    return {**plain, "customer_id": customer_id, "lines": made}


def _check(body: Row) -> None:
    url = body.get("order_url", "")
    if url and not url.startswith(("http://", "https://")):
        raise invalid(SEE_ERRORS, ("order_url", "This value is not a valid URL."))
    if body.get("tracking_code", "prec") != "prec":
        raise invalid(SEE_ERRORS, ("tracking_code", "The value is not a valid choice."))


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
    store, body = the_store(call, store_id), read(call.object(), KINDS, REQUIRED)
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
    store, body = the_store(call, store_id), read(call.object(), KINDS, REQUIRED)
    before = store.orders.get(order_id)
    if before is None:
        return _new(call, store, {**body, "id": order_id})
    row = {**_row(call, store, body), "id": order_id}
    store.put_order(row)
    automations.order_changed(call.state, store, before, row)
    return 200, document(store, row)


def patch_order(call: Call, store_id: str, order_id: str) -> Answer:
    """PATCH: the given fields; lines have calls of their own."""
    store = the_store(call, store_id)
    before = the_row(store.orders, order_id)
    kinds = {k: v for k, v in KINDS.items() if k not in ("id", "customer")}
    body = read(call.object(), kinds)
    if "lines" in body:
        raise not_emulated("PATCH of an order with lines")
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
