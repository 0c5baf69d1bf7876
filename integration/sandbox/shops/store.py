"""What a store holds. Rows are documents as the API takes them, with the moments of change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integration.sandbox.state import SandboxState

Row = dict[str, Any]
#: Moments that say when something was written, not what.
MOMENTS = ("created_at", "updated_at")
#: Financial states of orders that are no revenue.
NO_REVENUE = ("pending", "cancelled")


@dataclass(slots=True, kw_only=True)
class Store:
    """One store of an audience; each collection by our id, in the order of arrival."""

    id: str
    list_id: str
    #: name, currency_code, domain and so on, as given.
    about: Row
    is_syncing: bool = False
    created_at: str = ""
    updated_at: str = ""
    customers: dict[str, Row] = field(default_factory=dict)
    #: Each with "variants": {id: row}.
    products: dict[str, Row] = field(default_factory=dict)
    #: Each with "customer_id" and "lines": {id: row}.
    orders: dict[str, Row] = field(default_factory=dict)
    carts: dict[str, Row] = field(default_factory=dict)
    #: Each with "codes": {id: row}.
    promo_rules: dict[str, Row] = field(default_factory=dict)
    #: Derived: orders by customer, customers by folded address.
    orders_of: dict[str, set[str]] = field(default_factory=dict)
    customers_at: dict[str, set[str]] = field(default_factory=dict)

    def put_customer(self, row: Row) -> None:
        """Take a customer in, or its newer self."""
        self.drop_customer(row["id"])
        self.customers[row["id"]] = row
        self.customers_at.setdefault(row["email_address"].lower(), set()).add(row["id"])

    def drop_customer(self, customer_id: str) -> None:
        """Remove a customer; nothing where there is none."""
        known = self.customers.pop(customer_id, None)
        if known is not None:
            self.customers_at[known["email_address"].lower()].discard(customer_id)

    def put_order(self, row: Row) -> None:
        """Take an order in, or its newer self."""
        self.drop_order(row["id"])
        self.orders[row["id"]] = row
        self.orders_of.setdefault(row["customer_id"], set()).add(row["id"])

    def drop_order(self, order_id: str) -> None:
        """Remove an order; nothing where there is none."""
        known = self.orders.pop(order_id, None)
        if known is not None:
            self.orders_of[known["customer_id"]].discard(order_id)

    def totals(self, customer_ids: Iterable[str]) -> tuple[int, float]:
        """How many orders these customers placed, and for how much."""
        rows = [self.orders[i] for c in customer_ids for i in self.orders_of.get(c, ())]
        counted = [row for row in rows if is_revenue(row)]
        return len(counted), round(sum(row["order_total"] for row in counted), 2)

    def totals_at(self, email: str) -> tuple[int, float]:
        """How many orders an address placed, and for how much."""
        return self.totals(self.customers_at.get(email.lower(), ()))


def is_revenue(order: Row) -> bool:
    """Whether an order counts for its customer."""
    state = str(order.get("financial_status", "")).lower()
    return not order.get("cancelled_at_foreign") and state not in NO_REVENUE


def find_store(state: SandboxState, store_id: str) -> Store | None:
    """A store of any audience."""
    held = (a.stores.get(store_id) for a in state.audiences.values())
    return next((store for store in held if store is not None), None)


def all_stores(state: SandboxState) -> list[Store]:
    """Every store of the account, oldest first."""
    rows = [store for a in state.audiences.values() for store in a.stores.values()]
    return sorted(rows, key=lambda store: store.created_at)


def dump_store(store: Store) -> Row:
    """A store as JSON, without what is derived."""
    kept = asdict(store)
    del kept["orders_of"], kept["customers_at"]
    return kept


def restore_store(kept: Row) -> Store:
    """The store that `dump_store` described."""
    store = Store(**{**kept, "customers": {}, "orders": {}})
    for row in kept["customers"].values():
        store.put_customer(row)
    for row in kept["orders"].values():
        store.put_order(row)
    return store


def canonical_store(store: Store) -> Row:
    """What a store holds, without the moments at which it was written."""
    kept: Row = _timeless(dump_store(store))
    return kept


def _timeless(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: _timeless(v) for k, v in value.items() if k not in MOMENTS}
