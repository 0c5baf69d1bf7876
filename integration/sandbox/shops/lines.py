"""Lines of orders and carts, the same resource under both."""

from __future__ import annotations

from typing import Any

from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import SEE_ERRORS, invalid
from integration.sandbox.shape import Document, page
from integration.sandbox.shops.common import read, taken, the_row, the_store
from integration.sandbox.shops.products import check_reference
from integration.sandbox.shops.store import Row, Store

KINDS = {
    "id": "text",
    "product_id": "text",
    "product_variant_id": "text",
    "quantity": "whole number",
    "price": "number",
    "discount": "number",
}
REQUIRED = ("id", "product_id", "product_variant_id", "quantity", "price")


def document(store: Store, row: Row, *, of_order: bool) -> Document:
    """A line as the API shows it, with the product's present title."""
    product = store.products.get(row["product_id"], {"variants": {}})
    variant = product["variants"].get(row["product_variant_id"], {})
    shown = {
        "id": row["id"],
        "product_id": row["product_id"],
        "product_title": product.get("title", ""),
        "product_variant_id": row["product_variant_id"],
        "product_variant_title": variant.get("title", ""),
        "quantity": row["quantity"],
        "price": row["price"],
    }
    if of_order:
        shown |= {"discount": row.get("discount", 0), "image_url": product.get("image_url", "")}
    return shown


def documents(store: Store, owner: Row, *, of_order: bool) -> list[Document]:
    """All lines of an order or cart."""
    return [document(store, row, of_order=of_order) for row in owner["lines"].values()]


def new(store: Store, rows: Any) -> dict[str, Row]:
    """The lines of a new order or cart; Problem 400 for none, or for one without its product."""
    if not rows:
        raise invalid(SEE_ERRORS, ("lines", "This collection should contain 1 element or more."))
    made = [_line(store, given) for given in rows]
    return {row["id"]: row for row in made}


def _line(store: Store, body: Any) -> Row:
    row = read(body, KINDS, REQUIRED)
    check_reference(store, row)
    return row


class LineCalls:
    """The handlers of `.../lines` under one collection: "orders" or "carts"."""

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._of_order = collection == "orders"

    def _owner(self, call: Call, store_id: str, owner_id: str) -> tuple[Store, Row]:
        store = the_store(call, store_id)
        return store, the_row(getattr(store, self._collection), owner_id)

    def get_all(self, call: Call, store_id: str, owner_id: str) -> Answer:
        """GET: all lines."""
        store, owner = self._owner(call, store_id, owner_id)
        more = {"store_id": store_id, f"{self._collection[:-1]}_id": owner_id}
        rows = list(owner["lines"].values())
        return 200, page("lines", rows, call.query, lambda r: self._shown(store, r), **more)

    def get(self, call: Call, store_id: str, owner_id: str, line_id: str) -> Answer:
        """GET: one line."""
        store, owner = self._owner(call, store_id, owner_id)
        return 200, self._shown(store, the_row(owner["lines"], line_id))

    def post(self, call: Call, store_id: str, owner_id: str) -> Answer:
        """POST: one line more."""
        store, owner = self._owner(call, store_id, owner_id)
        row = _line(store, call.object())
        if row["id"] in owner["lines"]:
            raise taken("line")
        owner["lines"][row["id"]] = row
        return 200, self._shown(store, row)

    def patch(self, call: Call, store_id: str, owner_id: str, line_id: str) -> Answer:
        """PATCH: change a line."""
        store, owner = self._owner(call, store_id, owner_id)
        known = the_row(owner["lines"], line_id)
        row = {**known, **read(call.object(), KINDS), "id": line_id}
        check_reference(store, row)
        owner["lines"][line_id] = row
        return 200, self._shown(store, row)

    def delete(self, call: Call, store_id: str, owner_id: str, line_id: str) -> Answer:
        """DELETE: one line."""
        _store, owner = self._owner(call, store_id, owner_id)
        the_row(owner["lines"], line_id)
        del owner["lines"][line_id]
        return 204, None

    def _shown(self, store: Store, row: Row) -> Document:
        return document(store, row, of_order=self._of_order)
