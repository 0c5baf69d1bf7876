"""Which webhooks a store sends us: made, looked at, mended.

Shopify deletes a subscription made here when it fails for four hours, and tells nobody. The three
privacy webhooks are named in the app's configuration and cannot be made here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.shopify.client import API_VERSION, Client
from connectors.shopify.errors import AccessDenied, UserErrors

#: What we want to be told -> the scope that it needs; None: always open.
#:
#: Not wanted: ORDERS_EDITED, ORDERS_PAID and fulfilments, as ORDERS_UPDATED comes with each;
#: RETURNS_*, as what counts is the refund; CUSTOMERS_PURCHASING_SUMMARY, as sums are made of
#: orders; CARTS_*, which name nobody; COLLECTIONS_*, which are not read; CUSTOMERS_ENABLE and
#: _DISABLE, an account's log-in; BULK_OPERATIONS_FINISH, as whoever waits for an export looks.
WANTED: Mapping[str, str | None] = {
    "APP_UNINSTALLED": None,
    "APP_SCOPES_UPDATE": None,
    "SHOP_UPDATE": None,
    "CUSTOMERS_CREATE": "read_customers",
    "CUSTOMERS_UPDATE": "read_customers",
    "CUSTOMERS_DELETE": "read_customers",
    "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE": "read_customers",
    "CUSTOMERS_MARKETING_CONSENT_UPDATE": "read_customers",
    "CUSTOMER_TAGS_ADDED": "read_customers",
    "CUSTOMER_TAGS_REMOVED": "read_customers",
    "CUSTOMERS_MERGE": "read_customer_merge",
    "ORDERS_CREATE": "read_orders",
    "ORDERS_UPDATED": "read_orders",
    "ORDERS_CANCELLED": "read_orders",
    "ORDERS_DELETE": "read_orders",
    "REFUNDS_CREATE": "read_orders",
    "CHECKOUTS_CREATE": "read_orders",
    "CHECKOUTS_UPDATE": "read_orders",
    "CHECKOUTS_DELETE": "read_orders",
    "PRODUCTS_CREATE": "read_products",
    "PRODUCTS_UPDATE": "read_products",
    "PRODUCTS_DELETE": "read_products",
}

SUBSCRIPTION_LIST = """
query Subscriptions($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { id topic uri format filter apiVersion { handle } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

SUBSCRIPTION_CREATE = """
mutation SubscriptionCreate(
  $topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!
) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
"""

SUBSCRIPTION_DELETE = """
mutation SubscriptionDelete($id: ID!) {
  webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId
    userErrors { field message }
  }
}
"""

_TAKEN = "already been taken"


@dataclass(kw_only=True, slots=True)
class Audit:
    """What a look at a store's subscriptions found and did; topics."""

    there: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    #: Ours, but not as they should be, or for what nobody wants any more.
    removed: list[str] = field(default_factory=list)
    #: Topic -> why Shopify does not let us have it.
    refused: dict[str, str] = field(default_factory=dict)


def wanted(scopes: Collection[str]) -> list[str]:
    """Return the topics that these scopes open; writing something includes reading it."""
    held = {scope.replace("write_", "read_", 1) for scope in scopes} | set(scopes)
    return [topic for topic, scope in WANTED.items() if scope is None or scope in held]


def look_after(client: Client, endpoint: str, scopes: Collection[str]) -> Audit:
    """Have Shopify tell `endpoint` of everything that the scopes open, and of nothing else.

    Other apps' and addresses' subscriptions are left alone. Repeated, it changes nothing.

    Raises
    ------
    ConnectorError
    """
    found, topics = Audit(), wanted(scopes)
    for row in _listed(client):
        if row["uri"] != endpoint:
            continue
        is_right = _is_right(row, client.answered_version)
        if row["topic"] in topics and row["topic"] not in found.there and is_right:
            found.there.append(row["topic"])
        else:
            client.run(SUBSCRIPTION_DELETE, {"id": row["id"]})
            found.removed.append(row["topic"])
    for topic in topics:
        if topic not in found.there:
            _make(client, endpoint, topic, found)
    return found


def _listed(client: Client) -> Iterator[Mapping[str, Any]]:
    after: str | None = None
    while True:
        page = client.run(SUBSCRIPTION_LIST, {"after": after}).need("webhookSubscriptions")
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def _is_right(row: Mapping[str, Any], answered: str) -> bool:
    """Tell whether a subscription is as we make it.

    Once Shopify no longer has our version it makes it in the one that it answers in.
    """
    as_made = row["format"] == "JSON" and not row["filter"]
    return as_made and row["apiVersion"]["handle"] in (API_VERSION, answered)


def _make(client: Client, endpoint: str, topic: str, found: Audit) -> None:
    subscription = {"uri": endpoint, "format": "JSON"}
    given = {"topic": topic, "subscription": subscription}
    try:
        client.run(SUBSCRIPTION_CREATE, given).mutated("webhookSubscriptionCreate")
    except UserErrors as error:
        if _TAKEN in str(error):  # somebody made it between our look and now
            found.there.append(topic)
        else:
            found.refused[topic] = str(error)
    except AccessDenied as error:  # of this topic; the others are made all the same
        found.refused[topic] = str(error)
    else:
        found.made.append(topic)
