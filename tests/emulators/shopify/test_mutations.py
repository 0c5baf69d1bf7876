"""What an app may write at Shopify, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.shopify.conftest import Ask
from tests.emulators.shopify.server import ShopifyEmulator

_CONSENT = "mutation($input: CustomerEmailMarketingConsentUpdateInput!) { \
customerEmailMarketingConsentUpdate(input: $input) { \
customer { defaultEmailAddress { marketingState marketingUpdatedAt } } \
userErrors { field message code } } }"


@pytest.fixture
def write(shopify: ShopifyEmulator, ask: Ask) -> Any:
    """State something about the first customer, with the right to do so."""
    shop = shopify.shop()
    shop.scopes = frozenset({"write_customers"})
    first = next(iter(shop.customers))

    def state(marketing_state: str, key: str = first, **more: Any) -> Any:
        consent = {"marketingState": marketing_state, **more}
        answer = ask(_CONSENT, input={"customerId": key, "emailMarketingConsent": consent}).json()
        return answer.get("errors") or answer["data"]["customerEmailMarketingConsentUpdate"]

    return state


def test_a_withdrawal_is_written_with_its_date(write: Any) -> None:
    at = "2026-10-30T00:00:00Z"
    done = write("UNSUBSCRIBED", consentUpdatedAt=at)
    assert done["userErrors"] == []
    assert done["customer"]["defaultEmailAddress"] == {
        "marketingState": "UNSUBSCRIBED",
        "marketingUpdatedAt": at,
    }
    again = write("UNSUBSCRIBED", consentUpdatedAt="2026-10-31T00:00:00Z")
    assert again["customer"]["defaultEmailAddress"]["marketingUpdatedAt"] == at
    older = write("SUBSCRIBED", consentUpdatedAt="2026-10-29T00:00:00Z")
    assert older["customer"]["defaultEmailAddress"]["marketingState"] == "UNSUBSCRIBED"


def test_what_consent_may_not_be_written_is_refused(write: Any) -> None:
    assert write("NOT_SUBSCRIBED")[0]["extensions"]["code"] == "INVALID"
    assert write("PENDING")["userErrors"][0]["code"] == "INVALID"
    future = write("SUBSCRIBED", consentUpdatedAt="2027-01-01T00:00:00Z")
    assert future["userErrors"]
    assert future["customer"]
    nobody = write("SUBSCRIBED", key="gid://shopify/Customer/1")
    assert nobody["userErrors"][0]["field"] == ["input", "customerId"]


def test_tags_are_added_and_metafields_set_only_over_what_was_read(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shop = shopify.shop()
    shop.scopes = frozenset({"write_customers"})
    first = next(iter(shop.customers))
    tags = 'mutation($id: ID!) { tagsAdd(id: $id, tags: ["vip"]) { node { id } userErrors { \
message } } }'
    assert ask(tags, id=first).json()["data"]["tagsAdd"]["userErrors"] == []
    assert "vip" in shop.customers[first]["tags"]
    text = "mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { \
metafields { value compareDigest } userErrors { code elementIndex } } }"
    one = {"ownerId": first, "namespace": "stipt", "key": "segment", "value": "at-risk"}
    made = ask(text, m=[one]).json()["data"]["metafieldsSet"]
    assert made["metafields"][0]["value"] == "at-risk"
    stale = ask(text, m=[{**one, "compareDigest": "old"}]).json()["data"]["metafieldsSet"]
    assert stale["userErrors"] == [{"code": "STALE_OBJECT", "elementIndex": None}]
