"""A ledger of the mails and flows that Mailchimp would have started by itself.

Nothing starts while a store says `is_syncing`: that is what a backfill must keep to.
"""

from __future__ import annotations

from integration.sandbox import flows
from integration.sandbox.shops.store import Row, Store, is_revenue
from integration.sandbox.state import SandboxState

ABANDONED_CART = "abandoned_cart"


def fire(state: SandboxState, store: Store, kind: str, about: str, customer_id: str) -> None:
    """Note that an automation starts, unless the store is syncing."""
    if not store.is_syncing:
        state.fired.append(
            {
                "at": state.clock.text(),
                "store_id": store.id,
                "kind": kind,
                "about": about,
                "customer_id": customer_id,
            }
        )


def order_placed(state: SandboxState, store: Store, order: Row) -> None:
    """What a new order starts."""
    who = order["customer_id"]
    if order.get("financial_status"):
        fire(state, store, f"order_{order['financial_status']}", order["id"], who)
    if not is_revenue(order):
        return
    _leave_flows(state, store, who)
    if store.totals([who])[0] == 1:
        fire(state, store, "first_purchase", order["id"], who)
    fire(state, store, "product_follow_up", order["id"], who)


def _leave_flows(state: SandboxState, store: Store, customer_id: str) -> None:
    """A buyer leaves the marketer's flows whose exit that is; orders of the past move nobody."""
    audience = state.audiences.get(store.list_id)
    customer = store.customers.get(customer_id)
    if audience is None or customer is None or store.is_syncing:
        return
    member = audience.find(customer["email_address"])
    if member is not None:
        flows.bought(state, audience, member)


def order_changed(state: SandboxState, store: Store, before: Row, order: Row) -> None:
    """What a change of an order starts: a mail for each state that is new."""
    for name in ("financial_status", "fulfillment_status"):
        if order.get(name) and order.get(name) != before.get(name):
            fire(state, store, f"order_{order[name]}", order["id"], order["customer_id"])
    if order.get("cancelled_at_foreign") and not before.get("cancelled_at_foreign"):
        fire(state, store, "order_cancelled", order["id"], order["customer_id"])


def cart_left(state: SandboxState, store: Store, cart: Row) -> None:
    """A cart with an address to go on at gets a reminder, later."""
    if cart.get("checkout_url"):
        fire(state, store, ABANDONED_CART, cart["id"], cart["customer_id"])


def cart_gone(state: SandboxState, store: Store, cart_id: str) -> None:
    """A cart deleted in time: its reminder is not sent."""
    gone = (store.id, ABANDONED_CART, cart_id)
    state.fired[:] = [r for r in state.fired if (r["store_id"], r["kind"], r["about"]) != gone]
