"""Customers of a store, and what writing one does to the audience."""

from __future__ import annotations

from integration.sandbox import members
from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import SEE_ERRORS, Problem, bad_request, invalid
from integration.sandbox.shape import Document, page
from integration.sandbox.shops.common import read, short_id, taken, the_row, the_store
from integration.sandbox.shops.store import Row, Store
from integration.sandbox.state import Audience

KINDS = {
    "id": "text",
    "email_address": "text",
    "opt_in_status": "flag",
    "company": "text",
    "first_name": "text",
    "last_name": "text",
    "address": "object",
}
REQUIRED = ("id", "email_address", "opt_in_status")
TEXTS = ("company", "first_name", "last_name")


def document(store: Store, row: Row) -> Document:
    """A customer as the API shows it; Mailchimp itself computes the totals."""
    orders, spent = store.totals([row["id"]])
    return {
        "id": row["id"],
        "email_address": row["email_address"],
        "opt_in_status": row["opt_in_status"],
        **{name: row.get(name, "") for name in TEXTS},
        "orders_count": orders,
        "total_spent": spent,
        "address": row.get("address", {}),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def upsert(call: Call, store: Store, body: Row) -> Row:
    """Write a customer with its side effect on the audience, and return it."""
    short_id("id", body["id"])
    known = store.customers.get(body["id"])
    email = body.get("email_address") or (known or {}).get("email_address")
    if not email or (known is None and "opt_in_status" not in body):
        raise invalid(SEE_ERRORS, ("email_address", "This value should not be blank."))
    opts_in = bool(body.get("opt_in_status", (known or {}).get("opt_in_status")))
    _into_audience(call, store, email, opts_in=opts_in)
    now = call.state.clock.text()
    row = {"created_at": now, **(known or {}), **body, "email_address": email, "updated_at": now}
    store.put_customer({**row, "opt_in_status": opts_in})
    return store.customers[body["id"]]


def _into_audience(call: Call, store: Store, email: str, *, opts_in: bool) -> None:
    """Documented: a new address comes in by `opt_in_status`; true also subscribes a known one.

    An archived contact counts as absent, and comes back. The specification says that a known
    contact never changes; this sandbox takes the documentation's word, which is the dangerous one.
    """
    audience: Audience = call.state.audience(store.list_id)
    member = audience.find(email)
    status = "subscribed" if opts_in else "transactional"
    if member is None:
        body = {"email_address": email}
        members.create(call.state, audience, call, body, status)
    elif member.status == "archived" or (opts_in and member.status != "subscribed"):
        try:
            members.update(call, audience, member, {"status": status})
        except Problem:
            if opts_in:
                return  # who left stays out; the customer is stored all the same
            raise


def in_audience(call: Call, store: Store, email: str) -> bool:
    """Whether an address is in the store's audience, archived contacts aside."""
    member = call.state.audience(store.list_id).find(email)
    return member is not None and member.status != "archived"


def of_body(call: Call, store: Store, body: Row, *, for_cart: bool = False) -> str:
    """The customer that an order or cart names, written first when it says more than an id."""
    given = read(body["customer"], KINDS, ("id",))
    known = store.customers.get(given["id"])
    email = given.get("email_address") or (known or {}).get("email_address", "")
    if for_cart and not in_audience(call, store, email):
        raise bad_request("The customer's email address was not found in audience.")
    if known is None or len(given) > 1:
        upsert(call, store, given)
    return str(given["id"])


def get_customers(call: Call, store_id: str) -> Answer:
    """GET: customers, all or those of an address."""
    store = the_store(call, store_id)
    rows = list(store.customers.values())
    email = call.query.get("email_address")
    if email is not None:
        rows = [row for row in rows if row["email_address"].lower() == email.lower()]
    return 200, page(
        "customers", rows, call.query, lambda row: document(store, row), store_id=store_id
    )


def get_customer(call: Call, store_id: str, customer_id: str) -> Answer:
    """GET: one customer."""
    store = the_store(call, store_id)
    return 200, document(store, the_row(store.customers, customer_id))


def post_customer(call: Call, store_id: str) -> Answer:
    """POST: create only."""
    store, body = the_store(call, store_id), read(call.object(), KINDS, REQUIRED)
    if body["id"] in store.customers:
        raise taken("customer")
    return 200, document(store, upsert(call, store, body))


def put_customer(call: Call, store_id: str, customer_id: str) -> Answer:
    """PUT: create or update; here the address can change."""
    store, body = the_store(call, store_id), read(call.object(), KINDS, REQUIRED)
    return 200, document(store, upsert(call, store, {**body, "id": customer_id}))


def patch_customer(call: Call, store_id: str, customer_id: str) -> Answer:
    """PATCH: anything but id and address."""
    store = the_store(call, store_id)
    the_row(store.customers, customer_id)
    kinds = {k: v for k, v in KINDS.items() if k not in ("id", "email_address")}
    body = read(call.object(), kinds)
    return 200, document(store, upsert(call, store, {**body, "id": customer_id}))


def delete_customer(call: Call, store_id: str, customer_id: str) -> Answer:
    """DELETE: the customer; orders stay."""
    store = the_store(call, store_id)
    the_row(store.customers, customer_id)
    store.drop_customer(customer_id)
    return 204, None
