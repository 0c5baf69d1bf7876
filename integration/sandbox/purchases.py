"""Segment conditions about purchases: what the stores of an audience know of an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from integration.sandbox.comparing import compare
from integration.sandbox.shops.store import Row, is_revenue
from integration.sandbox.state import Audience, Member, SandboxState

Condition = dict[str, Any]
Test = Callable[[Member], bool]


def orders_at(audience: Audience, email: str) -> Iterator[tuple[str, Row]]:
    """Yield (store id, order) of everything that an address bought and kept."""
    for store in audience.stores.values():
        for customer_id in store.customers_at.get(email.lower(), ()):
            for order_id in store.orders_of.get(customer_id, ()):
                if is_revenue(store.orders[order_id]):
                    yield store.id, store.orders[order_id]


def last_day(audience: Audience, email: str) -> str:
    """The day of the last purchase, "" for none."""
    days = (str(o.get("processed_at_foreign") or "") for _, o in orders_at(audience, email))
    return max(days, default="")[:10]


def _number(_state: SandboxState, audience: Audience, c: Condition) -> Test:
    def figure(member: Member) -> float:
        orders = [order for _store, order in orders_at(audience, member.email)]
        spent = sum(float(order["order_total"]) for order in orders)
        bought = sum(int(line["quantity"]) for o in orders for line in o["lines"].values())
        return {
            "ecomm_orders": len(orders),
            "ecomm_prod_all": bought,
            "ecomm_avg_ord": bought / max(len(orders), 1),
            "ecomm_spent_avg": spent / max(len(orders), 1),
        }.get(c["field"], 0)

    return lambda member: compare(f"{figure(member):g}", c["op"], c["value"])


def _spent(_state: SandboxState, audience: Audience, c: Condition) -> Test:
    join = max if c["field"] == "ecomm_spent_one" else sum

    def figure(member: Member) -> float:
        totals = [float(order["order_total"]) for _, order in orders_at(audience, member.email)]
        return float(join(totals)) if totals else 0.0

    return lambda member: compare(f"{figure(member):g}", c["op"], c["value"])


def _category(_state: SandboxState, audience: Audience, c: Condition) -> Test:
    # Mailchimp has no field for a category: its conditions look at the vendor.
    name = "title" if c["field"] == "ecomm_prod" else "vendor"
    negative = c["op"] in ("not", "notcontain")
    op = {"not": "is", "notcontain": "contains"}.get(c["op"], c["op"])

    def has(member: Member) -> bool:
        for store_id, order in orders_at(audience, member.email):
            products = audience.stores[store_id].products
            for line in order["lines"].values():
                held = products.get(line["product_id"], {}).get(name, "")
                if compare(str(held or ""), str(op), c["value"]):
                    return True
        return False

    return lambda member: has(member) is not negative


def _purchased(_state: SandboxState, audience: Audience, c: Condition) -> Test:
    wanted = c["op"] == "member"
    return lambda member: any(orders_at(audience, member.email)) is wanted


def _store(_state: SandboxState, audience: Audience, c: Condition) -> Test:
    wanted = c["op"] == "is"

    def is_customer(member: Member) -> bool:
        return any(store_id == c["value"] for store_id, _ in orders_at(audience, member.email))

    return lambda member: is_customer(member) is wanted


TESTS: dict[str, Callable[[SandboxState, Audience, Condition], Test]] = {
    "EcommCategory": _category,
    "EcommNumber": _number,
    "EcommPurchased": _purchased,
    "EcommSpent": _spent,
    "EcommStore": _store,
}
