"""Webhook subscriptions of one shop: made, listed, changed, deleted, refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.execution import Call, Root
from tests.emulators.shopify.gates import holds
from tests.emulators.shopify.paging import page_of_list
from tests.emulators.shopify.search import NotEmulated, matcher
from tests.emulators.shopify.tables import Row, number_of
from tests.emulators.shopify.topics import scope_of

_GONE = {"field": ["id"], "message": "Webhook subscription does not exist"}


def _create(call: Call, args: Mapping[str, Any]) -> Row:
    topic, given = args["topic"], args["webhookSubscription"]
    for name in ("filter", "includeFields", "metafieldNamespaces"):
        if given.get(name):
            raise NotEmulated(f"{name} of a subscription")
    wrong = _wrong(call, topic, given, None)
    if wrong:
        return {"webhookSubscription": None, "userErrors": wrong}
    key, now = call.shop.next_id("WebhookSubscription"), stamp(call.now)
    call.shop.subscriptions[key] = {
        "__typename": "WebhookSubscription",
        "id": key,
        "legacyResourceId": str(number_of(key)),
        "topic": topic,
        "uri": given["uri"],
        "format": given.get("format") or "JSON",
        "filter": given.get("filter"),
        "name": given.get("name"),
        "includeFields": given.get("includeFields") or [],
        "metafieldNamespaces": given.get("metafieldNamespaces") or [],
        "apiVersion": {
            "handle": call.version,
            "displayName": call.version,
            "supported": True,
        },
        "createdAt": now,
        "updatedAt": now,
    }
    return {"webhookSubscription": call.shop.subscriptions[key], "userErrors": []}


def _wrong(
    call: Call, topic: str, given: Mapping[str, Any], own: str | None
) -> list[dict[str, Any]]:
    address = ["webhookSubscription", "callbackUrl"]
    if not given.get("uri"):
        return [{"field": address, "message": "Address can't be blank"}]
    scope = scope_of(topic)
    data = scope in ("read_customers", "read_orders", "read_customer_merge")
    closed = data and not call.shop.approvals.customer_data
    if closed or (scope and not holds(call.scopes, scope)):
        text = f"You do not have permission to create or update webhooks with {topic} topic"
        return [{"field": ["topic"], "message": text}]
    for key, row in call.shop.subscriptions.items():
        same = (row["topic"], row["uri"], row["filter"]) == (
            topic,
            given["uri"],
            given.get("filter"),
        )
        if same and key != own:
            text = "Address for this topic has already been taken"
            return [{"field": address, "message": text}]
    return []


def _update(call: Call, args: Mapping[str, Any]) -> Row:
    row = call.shop.subscriptions.get(args["id"])
    if row is None:
        return {"webhookSubscription": None, "userErrors": [_GONE]}
    given = {**row, **args["webhookSubscription"]}
    wrong = _wrong(call, row["topic"], given, row["id"])
    if not wrong:
        row.update(given, updatedAt=stamp(call.now))
    return {"webhookSubscription": None if wrong else row, "userErrors": wrong}


def _delete(call: Call, args: Mapping[str, Any]) -> Row:
    row = call.shop.subscriptions.pop(args["id"], None)
    return {
        "deletedWebhookSubscriptionId": row["id"] if row else None,
        "userErrors": [] if row else [_GONE],
    }


def _list(call: Call, args: Mapping[str, Any]) -> Row:
    test = matcher("WebhookSubscription", args.get("query"))
    found = [
        row
        for row in call.shop.subscriptions.values()
        if row["topic"] in (args.get("topics") or [row["topic"]])
        and row["uri"] == (args.get("uri") or row["uri"])
        and test(_look(row))
    ]
    return page_of_list(found, args)


def _look(row: Row) -> Callable[[str], Any]:
    return lambda name: number_of(row["id"]) if name == "id" else row[name]


ROOTS: Mapping[str, Root] = {
    "webhookSubscriptionCreate": _create,
    "webhookSubscriptionUpdate": _update,
    "webhookSubscriptionDelete": _delete,
    "webhookSubscriptions": _list,
}
