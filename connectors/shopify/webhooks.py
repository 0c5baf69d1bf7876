"""What Shopify tells by webhooks: who signed them, and which record each means.

Only the body is signed, not the headers: a body can be sent again under another topic or another
store's name. So a body that names a store must name the header's, and nothing of a body is stored
but the ids in it; whoever gets a change reads the record again. Source: Shopify, "Deliver webhooks
through HTTPS" and the list of topics of version 2026-10.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from connectors.base import (
    AccessAsked,
    Change,
    ErasureAsked,
    Merged,
    Refetch,
    ShopErasureAsked,
    SomeDeleted,
    Uninstalled,
)
from connectors.errors import NotGenuine, NotReadable
from connectors.records import Deleted
from connectors.shopify.checkouts import is_token, token_in
from connectors.shopify.fields import number
from connectors.shopify.shops import NoShop, checked_shop

#: What we look at -> its names: today's, and those of Shopify's announced "Events".
HEADERS: Mapping[str, tuple[str, str]] = {
    name: (f"X-Shopify-{name}", f"Shopify-{name}")
    for name in ("Topic", "Hmac-Sha256", "Shop-Domain", "Webhook-Id", "Triggered-At")
}

Body: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What the headers of a webhook say; none of it is signed."""

    topic: str
    #: "dressed.myshopify.com"
    shop: str
    #: The platform's id of this delivery; "" where there is none.
    id: str
    #: When what it tells of happened; None where it does not say.
    triggered_at: datetime | None = None


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header by its name in `HEADERS`, however its letters are written."""
    usual = HEADERS[name][0]
    if usual in headers:
        return headers[usual]
    wanted = [spelling.lower() for spelling in HEADERS[name]]
    given = {key.lower(): value for key, value in headers.items()}
    return next((given[spelling] for spelling in wanted if spelling in given), "")


def needed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that `read` and `changes` look at, to be kept with the body."""
    return {HEADERS[name][0]: value for name in HEADERS if (value := header(headers, name))}


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body: HMAC-SHA256 in base64.

    Examples
    --------
    >>> sign(b'{"id":1,"email":"a@example.com"}', "hush")
    'SnRPygpSlvOBkfX6XdQZR4cL4GiE8A3prXrBdoz9iBA='
    """
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check that Shopify signed the body, with the client secret or the one before it.

    Raises
    ------
    NotGenuine
    """
    given = header(headers, "Hmac-Sha256").encode()
    # All are compared, so that the time tells nothing.
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]
    if not any(matches):
        raise NotGenuine("the webhook was not signed by Shopify")


def read(headers: Mapping[str, str]) -> Delivery | None:
    """Return what the headers say; None for a topic nobody here listens to, or no store."""
    topic = header(headers, "Topic").lower()
    try:
        shop = checked_shop(header(headers, "Shop-Domain"))
    except NoShop:
        return None
    if topic not in TOPICS:
        return None
    return Delivery(
        topic=topic,
        shop=shop,
        id=header(headers, "Webhook-Id"),
        triggered_at=_moment(header(headers, "Triggered-At")),
    )


def parse(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Sequence[Change]:
    """Return what a webhook says; nothing for a topic that tells of no record.

    Raises
    ------
    NotGenuine
        Not signed, or about another store than the headers say.
    NotReadable
        Signed, but not of the form that its topic has.
    """
    verify(headers, body, secrets)
    delivery = read(headers)
    if delivery is None:
        return ()
    try:
        told = json.loads(body)
        _check_shop(told, delivery.shop)
        if delivery.topic == "shop/redact":
            return (ShopErasureAsked(at=delivery.triggered_at),)
        return TOPICS[delivery.topic](told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Without the body's words: they are people's.
        raise NotReadable(f"a webhook of {delivery.topic} has another form than known") from error


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _check_shop(told: Body, shop: str) -> None:
    named = told.get("myshopify_domain") or told.get("shop_domain") or shop
    if str(named).lower() != shop:
        raise NotGenuine("the webhook is about another store than it says")


def _id(value: Any) -> str:
    """Return an id, which comes as a number or as "gid://shopify/Order/1"."""
    text = number(value) if isinstance(value, str) and value.startswith("gid:") else str(value)
    if not text.isascii() or not text.isdecimal():
        raise ValueError("not an id of Shopify's")
    return text


_Reader: TypeAlias = Callable[[Body], Sequence[Change]]


def _named(stream: str, field: str = "id") -> _Reader:
    return lambda told: (Refetch(stream=stream, key=_id(told[field])),)


def _gone(stream: str) -> _Reader:
    return lambda told: (Deleted(stream=stream, key=_id(told["id"])),)


def _checkout(told: Body) -> Sequence[Change]:
    """Since version 2026-04 a checkout has no id here; see `checkouts` for what it is known by."""
    token = token_in(told.get("abandoned_checkout_url")) or told["token"]
    if not is_token(token):
        raise ValueError("not a token of Shopify's")
    return (Refetch(stream="carts", key=token),)


def _nothing(_told: Body) -> Sequence[Change]:
    return ()


def _merged(told: Body) -> Sequence[Change]:
    if told.get("status", "completed") != "completed":
        return ()
    kept = _id(told["admin_graphql_api_customer_kept_id"])
    gone = _id(told["admin_graphql_api_customer_deleted_id"])
    return (Merged(key=gone, into=kept), Deleted(stream="customers", key=gone))


def _asked(told: Body) -> dict[str, Any]:
    customer = told.get("customer") or {}
    key = customer.get("id")
    return {"key": _id(key) if key else None, "email": customer.get("email") or None}


def _access(told: Body) -> Sequence[Change]:
    return (AccessAsked(request=str(told["data_request"]["id"]), **_asked(told)),)


def _erasure(told: Body) -> Sequence[Change]:
    phone = (told.get("customer") or {}).get("phone") or None
    return (ErasureAsked(phone=phone, **_asked(told)),)


#: Every topic we listen to, as the header says it, and what its body means.
TOPICS: Mapping[str, _Reader] = {
    "app/uninstalled": lambda _told: (Uninstalled(),),
    "app/scopes_update": _nothing,
    "shop/update": _nothing,
    "bulk_operations/finish": _nothing,
    "customers/create": _named("customers"),
    "customers/update": _named("customers"),
    "customers/delete": _gone("customers"),
    "customers/merge": _merged,
    "customers_email_marketing_consent/update": _named("customers", "customer_id"),
    "customers_marketing_consent/update": _named("customers"),
    "customers/purchasing_summary": _named("customers", "customerId"),
    "customer.tags_added": _named("customers", "customerId"),
    "customer.tags_removed": _named("customers", "customerId"),
    "orders/create": _named("orders"),
    "orders/updated": _named("orders"),
    "orders/cancelled": _named("orders"),
    "orders/delete": _gone("orders"),
    "refunds/create": _named("orders", "order_id"),
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    # By its own token, which is not the one in its address.
    "checkouts/delete": lambda _told: (SomeDeleted(stream="carts"),),
    "products/create": _named("products"),
    "products/update": _named("products"),
    "products/delete": _gone("products"),
    "customers/data_request": _access,
    "customers/redact": _erasure,
    "shop/redact": _nothing,  # what it means is in `parse`, as its moment stands in a header
}
