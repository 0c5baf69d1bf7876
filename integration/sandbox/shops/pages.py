"""Pages to look at an audience's stores: what a marketer sees under "Store" in Mailchimp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, request

from integration.sandbox.problems import not_found
from integration.sandbox.shops.store import Row, Store
from integration.sandbox.state import SandboxState

PER_PAGE = 50
#: What can be looked at, with the names of its columns in `texts`.
VIEWS: dict[str, tuple[str, ...]] = {
    "orders": ("order", "customer", "status", "total", "lines", "time"),
    "carts": ("cart", "customer", "total", "lines", "changed"),
    "products": ("product", "title", "vendor", "variants", "stock", "visibility"),
    "customers": ("customer", "email", "orders", "total"),
    "fired": ("time", "what", "about", "customer"),
}
Render = Callable[..., str]


def add(bp: Blueprint, state: SandboxState, render: Render) -> None:
    """Put the pages under a blueprint; `render` fills a template of the sandbox."""
    pages = _Pages(state, render)
    bp.get("/audiences/<list_id>/shop")(pages.shop)
    bp.get("/audiences/<list_id>/shop/<store_id>/<view>")(pages.rows)


class _Pages:
    def __init__(self, state: SandboxState, render: Render) -> None:
        self._state, self._render = state, render

    def shop(self, list_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            rows = [(store, _counts(self._state, store)) for store in audience.stores.values()]
            return self._render("shop.html", audience=audience, rows=rows, views=VIEWS)

    def rows(self, list_id: str, store_id: str, view: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            store = audience.stores.get(store_id)
            if store is None or view not in VIEWS:
                raise not_found()
            found = CELLS[view](self._state, store)
            number = max(1, request.args.get("page", 1, type=int))
            return self._render(
                "shop_rows.html",
                audience=audience,
                store=store,
                view=view,
                views=VIEWS,
                rows=found[(number - 1) * PER_PAGE : number * PER_PAGE],
                total=len(found),
                number=number,
                last=max(1, -(-len(found) // PER_PAGE)),
            )


def _counts(state: SandboxState, store: Store) -> dict[str, int]:
    return {view: len(CELLS[view](state, store)) for view in VIEWS}


def _email(store: Store, customer_id: str) -> str:
    return str(store.customers.get(customer_id, {}).get("email_address", customer_id))


def _money(store: Store, amount: float) -> str:
    return f"{amount:,.2f} {store.about['currency_code']}"


def _lines(row: Row) -> str:
    return ", ".join(f"{line['quantity']} × {line['product_id']}" for line in row["lines"].values())


def _orders(_state: SandboxState, store: Store) -> list[Sequence[Any]]:
    return [
        (
            row["id"],
            _email(store, row["customer_id"]),
            row.get("financial_status", ""),
            _money(store, row["order_total"]),
            _lines(row),
            row.get("processed_at_foreign", ""),
        )
        for row in store.orders.values()
    ]


def _carts(_state: SandboxState, store: Store) -> list[Sequence[Any]]:
    return [
        (
            row["id"],
            _email(store, row["customer_id"]),
            _money(store, row["order_total"]),
            _lines(row),
            row["updated_at"],
        )
        for row in store.carts.values()
    ]


def _products(_state: SandboxState, store: Store) -> list[Sequence[Any]]:
    return [
        (
            row["id"],
            row["title"],
            row.get("vendor", ""),
            len(row["variants"]),
            sum(v.get("inventory_quantity", 0) for v in row["variants"].values()),
            ", ".join(sorted({v.get("visibility", "") for v in row["variants"].values()})),
        )
        for row in store.products.values()
    ]


def _customers(_state: SandboxState, store: Store) -> list[Sequence[Any]]:
    rows = list[Sequence[Any]]()
    for row in store.customers.values():
        orders, spent = store.totals([row["id"]])
        rows.append((row["id"], row["email_address"], orders, _money(store, spent)))
    return rows


def _fired(state: SandboxState, store: Store) -> list[Sequence[Any]]:
    return [
        (row["at"], row["kind"], row["about"], _email(store, row["customer_id"]))
        for row in state.fired
        if row["store_id"] == store.id
    ]


CELLS: dict[str, Callable[[SandboxState, Store], list[Sequence[Any]]]] = {
    "orders": _orders,
    "carts": _carts,
    "products": _products,
    "customers": _customers,
    "fired": _fired,
}
