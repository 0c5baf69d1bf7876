"""`/ecommerce/stores`."""

from __future__ import annotations

from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import bad_request
from integration.sandbox.shape import Document, page
from integration.sandbox.shops.common import read, short_id, taken, the_store
from integration.sandbox.shops.store import Store, all_stores, find_store

KINDS = {
    "name": "text",
    "currency_code": "text",
    "platform": "text",
    "domain": "text",
    "email_address": "text",
    "money_format": "text",
    "primary_locale": "text",
    "timezone": "text",
    "phone": "text",
    "address": "object",
}
ALL_KINDS = {"id": "text", "list_id": "text", "is_syncing": "flag", **KINDS}


def document(store: Store) -> Document:
    """A store as the API shows it."""
    automation = {"is_supported": True}
    return {
        "id": store.id,
        "list_id": store.list_id,
        **{name: store.about.get(name, "") for name in KINDS if name != "address"},
        "address": store.about.get("address", {}),
        "is_syncing": store.is_syncing,
        "list_is_active": True,
        "connected_site": {
            "site_foreign_id": store.id,
            "site_script": {"url": "", "fragment": ""},
        },
        "automations": {"abandoned_cart": automation, "abandoned_browse": automation},
        "created_at": store.created_at,
        "updated_at": store.updated_at,
    }


def get_stores(call: Call) -> Answer:
    """GET: all stores of the account."""
    return 200, page("stores", all_stores(call.state), call.query, document)


def post_store(call: Call) -> Answer:
    """POST: create a store for an audience."""
    body = read(call.object(), ALL_KINDS, ("id", "list_id", "name", "currency_code"))
    short_id("id", body["id"])
    audience = call.state.audience(body["list_id"])
    if find_store(call.state, body["id"]) is not None:
        raise taken("store")
    _check_domain(call, body.get("domain"), body["id"])
    now = call.state.clock.text()
    store = Store(
        id=body["id"],
        list_id=audience.id,
        about={name: body[name] for name in KINDS if name in body},
        is_syncing=body.get("is_syncing", False),
        created_at=now,
        updated_at=now,
    )
    audience.stores[store.id] = store
    return 200, document(store)


def get_store(call: Call, store_id: str) -> Answer:
    """GET: one store."""
    return 200, document(the_store(call, store_id))


def patch_store(call: Call, store_id: str) -> Answer:
    """PATCH: anything but the audience, which a store keeps for good."""
    store = the_store(call, store_id)
    body = read(call.object(), ALL_KINDS)
    if body.get("list_id", store.list_id) != store.list_id:
        raise bad_request("The list_id for a store cannot be changed.")
    _check_domain(call, body.get("domain"), store_id)
    store.about.update({name: body[name] for name in KINDS if name in body})
    store.is_syncing = body.get("is_syncing", store.is_syncing)
    store.updated_at = call.state.clock.text()
    return 200, document(store)


def delete_store(call: Call, store_id: str) -> Answer:
    """DELETE: the store with everything in it."""
    store = the_store(call, store_id)
    del call.state.audience(store.list_id).stores[store_id]
    return 204, None


def _check_domain(call: Call, domain: str | None, store_id: str) -> None:
    same = [s for s in all_stores(call.state) if domain and s.about.get("domain") == domain]
    if any(s.id != store_id for s in same):
        raise bad_request("A store with the provided domain already exists in the account.")
