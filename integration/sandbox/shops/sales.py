"""What orders and carts have in common: a customer, lines, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping

from integration.sandbox.call import Call
from integration.sandbox.problems import not_emulated
from integration.sandbox.shape import Document
from integration.sandbox.shops import customers, lines
from integration.sandbox.shops.common import read, the_store
from integration.sandbox.shops.store import Row, Store

#: Fields that both have, and the kind of each.
KINDS = {
    "id": "text",
    "customer": "object",
    "currency_code": "text",
    "order_total": "number",
    "lines": "list",
}


def asked(call: Call, store_id: str, kinds: Mapping[str, str]) -> tuple[Store, Row]:
    """The store, and the body of a call that writes one whole."""
    return the_store(call, store_id), read(call.object(), dict(kinds), tuple(KINDS))


def whole(call: Call, store: Store, body: Row, *, for_cart: bool = False) -> Row:
    """A row from a whole body; its products must be there before anything is written."""
    made = lines.new(store, body["lines"])
    customer_id = customers.of_body(call, store, body, for_cart=for_cart)
    plain = {k: v for k, v in body.items() if k not in ("customer", "lines")}
    return {**plain, "customer_id": customer_id, "lines": made}


def changes(call: Call, kinds: Mapping[str, str], what: str) -> Row:
    """The fields that a PATCH gives; lines have calls of their own."""
    body = read(call.object(), {k: v for k, v in kinds.items() if k not in ("id", "customer")})
    if "lines" in body:
        raise not_emulated(f"PATCH of {what} with lines")
    return body


def document(store: Store, row: Row, *, of_order: bool) -> Document:
    """What the API shows of both."""
    customer = store.customers.get(row["customer_id"])
    return {
        "id": row["id"],
        "customer": customers.document(store, customer) if customer else {},
        "currency_code": row["currency_code"],
        "order_total": row.get("order_total", 0),
        "lines": lines.documents(store, row, of_order=of_order),
    }
