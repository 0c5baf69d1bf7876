"""A store tells us of what its merchant lets us see, and what is missing is made again."""

from __future__ import annotations

import pytest

from connectors.shopify.client import Client
from connectors.shopify.subscriptions import WANTED, look_after, wanted
from connectors.shopify.tokens import FixedToken
from connectors.shopify.webhooks import TOPICS
from tests.connectors.shopify.scripted import Script, failed, good
from tests.connectors.shopify.scripted import client as scripted
from tests.emulators.shopify.server import GOLDEN, SCOPES, ShopifyEmulator
from tests.emulators.shopify.topics import header_name

HERE = "https://stipt.example/hooks/shopify"


@pytest.fixture
def client(shopify: ShopifyEmulator) -> Client:
    """A client of the golden shop, which has no subscription yet."""
    shopify.shop().subscriptions.clear()
    token = shopify.install(expiring=False)["access_token"]
    return Client(GOLDEN, FixedToken(token), url_template=shopify.url_template)


def test_every_topic_that_is_wanted_is_understood() -> None:
    assert {header_name(topic) for topic in WANTED} <= set(TOPICS)


def test_what_the_scopes_open_is_made_once(shopify: ShopifyEmulator, client: Client) -> None:
    first = look_after(client, HERE, SCOPES)
    assert sorted(first.made) == sorted(WANTED)
    again = look_after(client, HERE, SCOPES)
    assert sorted(again.there) == sorted(WANTED)
    assert (again.made, again.removed, again.refused) == ([], [], {})
    assert len(shopify.shop().subscriptions) == len(WANTED)


def test_a_lost_and_a_changed_one_are_mended_and_others_left_alone(
    shopify: ShopifyEmulator, client: Client
) -> None:
    look_after(client, HERE, SCOPES)
    rows = shopify.shop().subscriptions
    keys = {row["topic"]: key for key, row in rows.items()}
    del rows[keys["ORDERS_CREATE"]]
    rows[keys["ORDERS_UPDATED"]]["filter"] = "id:1"
    rows[keys["SHOP_UPDATE"]]["uri"] = "https://another.example/"
    found = look_after(client, HERE, SCOPES)
    assert sorted(found.made) == ["ORDERS_CREATE", "ORDERS_UPDATED", "SHOP_UPDATE"]
    assert found.removed == ["ORDERS_UPDATED"]
    assert any(row["uri"] == "https://another.example/" for row in rows.values())


def test_in_a_version_that_shopify_no_longer_has_they_are_not_made_anew_each_day(
    shopify: ShopifyEmulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_after(client, HERE, SCOPES)
    for module in ("admin", "execution"):
        monkeypatch.setattr(f"tests.emulators.shopify.{module}.VERSIONS", ("2027-01", "unstable"))
    assert sorted(look_after(client, HERE, SCOPES).there) == sorted(WANTED)
    shopify.shop().subscriptions.clear()
    assert sorted(look_after(client, HERE, SCOPES).made) == sorted(WANTED)
    again = look_after(client, HERE, SCOPES)
    assert (again.removed, again.made, again.refused) == ([], [], {})


def test_what_shopify_does_not_approve_is_told_and_the_rest_is_made(
    shopify: ShopifyEmulator, client: Client
) -> None:
    shopify.shop().approvals.customer_data = False
    try:
        found = look_after(client, HERE, SCOPES)
    finally:
        shopify.shop().approvals.customer_data = True
    assert "ORDERS_CREATE" in found.refused
    assert "PRODUCTS_UPDATE" in found.made


def test_writing_customers_includes_being_told_of_them() -> None:
    assert "CUSTOMERS_UPDATE" in wanted(["write_customers"])
    assert "ORDERS_CREATE" not in wanted(["write_customers"])


def test_a_topic_that_is_refused_as_a_whole_keeps_none_of_the_others() -> None:
    none = good(webhookSubscriptions={"nodes": [], "pageInfo": {"hasNextPage": False}})
    made = good(webhookSubscriptionCreate={"webhookSubscription": {"id": "1"}, "userErrors": []})
    closed = failed("ACCESS_DENIED", "This app is not approved to subscribe to this topic.")
    found = look_after(scripted(Script(none, made, closed, made)), HERE, SCOPES)
    (refused,) = found.refused
    assert sorted([*found.made, refused]) == sorted(WANTED)
