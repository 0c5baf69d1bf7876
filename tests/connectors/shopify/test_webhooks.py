"""A webhook is believed when Shopify signed it, and of what it says only the ids are used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.base import (
    AccessAsked,
    ErasureAsked,
    Merged,
    Refetch,
    ShopErasureAsked,
    SomeDeleted,
    Uninstalled,
)
from connectors.errors import NotGenuine, NotReadable
from connectors.records import Deleted
from connectors.shopify import webhooks

SHOP = "dressed.myshopify.com"
#: A body and its signature under "hush", computed by two other programs.
BODY = b'{"id":1,"email":"a@example.com"}'
SIGNATURE = "SnRPygpSlvOBkfX6XdQZR4cL4GiE8A3prXrBdoz9iBA="


def headers(topic: str, signature: str, shop: str = SHOP, prefix: str = "X-Shopify-") -> Any:
    """Headers of a delivery."""
    told = {"Topic": topic, "Hmac-Sha256": signature, "Shop-Domain": shop, "Webhook-Id": "w1"}
    return {prefix + name: value for name, value in told.items()}


def say(topic: str, body: Any, shop: str = SHOP) -> list[Any]:
    """What a signed webhook means."""
    raw = json.dumps(body).encode()
    return list(webhooks.parse(headers(topic, webhooks.sign(raw, "s"), shop), raw, ["s"]))


@pytest.mark.parametrize("secrets", [["hush"], ["new", "hush"], ["hush", "old"]])
@pytest.mark.parametrize("prefix", ["X-Shopify-", "Shopify-", "x-shopify-"])
def test_either_secret_in_use_and_either_spelling_of_the_headers_counts(
    secrets: list[str], prefix: str
) -> None:
    given = headers("orders/create", SIGNATURE, prefix=prefix)
    assert webhooks.parse(given, BODY, secrets) == (Refetch(stream="orders", key="1"),)


@pytest.mark.parametrize(
    ("signature", "body", "secrets"),
    [
        pytest.param("", BODY, ["hush"], id="none"),
        pytest.param(SIGNATURE, BODY, ["other"], id="another secret"),
        pytest.param(SIGNATURE, BODY, [], id="no secret is set"),
        pytest.param(SIGNATURE, BODY + b"\n", ["hush"], id="one byte more"),
        pytest.param(SIGNATURE.lower(), BODY, ["hush"], id="another letter"),
        pytest.param("é", BODY, ["hush"], id="not of the alphabet"),
    ],
)
def test_any_other_signature_is_refused(signature: str, body: bytes, secrets: list[str]) -> None:
    with pytest.raises(NotGenuine):
        webhooks.parse(headers("orders/create", signature), body, secrets)


@pytest.mark.parametrize(
    ("topic", "body", "meaning"),
    [
        ("orders/updated", {"id": 7, "total_price": "1"}, [Refetch(stream="orders", key="7")]),
        ("refunds/create", {"id": 9, "order_id": 7}, [Refetch(stream="orders", key="7")]),
        (
            "checkouts/update",
            {"token": "own1", "abandoned_checkout_url": "https://a.example/1/checkouts/ac/c7/r"},
            [Refetch(stream="carts", key="own1")],
        ),
        (
            "checkouts/create",
            {"token": "own1", "abandoned_checkout_url": "https://a.example/1/checkouts/ac/c7T/r"},
            [Refetch(stream="carts", key="c7T")],
        ),
        ("checkouts/delete", {"token": "own1"}, [SomeDeleted(stream="carts")]),
        ("orders/delete", {"id": 7}, [Deleted(stream="orders", key="7")]),
        ("products/delete", {"id": 8}, [Deleted(stream="products", key="8")]),
        ("customers/delete", {"id": 5}, [Deleted(stream="customers", key="5")]),
        (
            "customers_email_marketing_consent/update",
            {"customer_id": 5, "email_marketing_consent": {"state": "subscribed"}},
            [Refetch(stream="customers", key="5")],
        ),
        (
            "customers/purchasing_summary",
            {"customerId": "gid://shopify/Customer/5"},
            [Refetch(stream="customers", key="5")],
        ),
        (
            "customers/merge",
            {
                "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/5",
                "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/6",
                "status": "completed",
            },
            [Merged(key="6", into="5"), Deleted(stream="customers", key="6")],
        ),
        ("app/uninstalled", {"id": 1, "myshopify_domain": SHOP}, [Uninstalled()]),
        ("shop/update", {"id": 1}, []),
        ("collections/create", {"id": 1}, []),
        (
            "customers/data_request",
            {
                "shop_domain": SHOP,
                "customer": {"id": 5, "email": "a@b.c"},
                "data_request": {"id": 3},
            },
            [AccessAsked(request="3", key="5", email="a@b.c")],
        ),
        (
            "customers/redact",
            {"shop_domain": SHOP, "customer": {"id": 5, "email": None, "phone": "+31600000000"}},
            [ErasureAsked(key="5", phone="+31600000000")],
        ),
        ("customers/redact", {"shop_domain": SHOP}, [ErasureAsked()]),
        ("shop/redact", {"shop_id": 1, "shop_domain": SHOP}, [ShopErasureAsked()]),
    ],
)
def test_each_topic_means_records_by_their_ids(
    topic: str, body: dict[str, Any], meaning: list[Any]
) -> None:
    assert say(topic, body) == meaning


def test_a_body_about_another_store_is_not_genuine() -> None:
    with pytest.raises(NotGenuine):
        say("shop/redact", {"shop_domain": "other.myshopify.com"})
    with pytest.raises(NotGenuine):
        say("app/uninstalled", {"myshopify_domain": "other.myshopify.com"})


@pytest.mark.parametrize("body", [[], None, 3, {}, {"id": "1; drop"}, {"id": None}, {"id": "٣"}])
def test_a_body_of_another_form_is_an_error_without_its_words(body: Any) -> None:
    with pytest.raises(NotReadable, match="orders/create"):
        say("orders/create", body)


@pytest.mark.parametrize("token", [None, 7, "a' OR id:1", "", "x" * 201])
def test_what_is_no_token_of_a_checkout_is_not_asked_for(token: Any) -> None:
    with pytest.raises(NotReadable, match="checkouts/update"):
        say("checkouts/update", {"token": token})


def test_an_address_in_place_of_a_store_is_none() -> None:
    assert say("orders/create", {"id": 1}, shop="dressed.myshopify.com.evil.example") == []


def test_what_is_kept_of_the_headers_is_what_is_looked_at() -> None:
    given = headers("orders/create", SIGNATURE) | {"Cookie": "secret", "User-Agent": "x"}
    kept = webhooks.needed(given)
    assert set(kept) == {
        "X-Shopify-Topic", "X-Shopify-Hmac-Sha256", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id"
    }  # fmt: skip
    assert webhooks.parse(kept, BODY, ["hush"]) == (Refetch(stream="orders", key="1"),)
