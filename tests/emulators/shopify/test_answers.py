"""Every form in which Shopify refuses, as recorded: status, and where the error stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from tests.emulators.shopify import golden
from tests.emulators.shopify.conftest import Ask
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.emulators.shopify.state import Shop

_ORDERS = "query($after: String) { orders(first: 50, after: $after, sortKey: UPDATED_AT) { \
nodes { id updatedAt } pageInfo { hasNextPage endCursor } } }"


def test_a_page_says_what_it_cost_and_what_is_left(ask: Ask) -> None:
    cost = ask("{ orders(first: 3) { nodes { id } } }").json()["extensions"]["cost"]
    assert cost["requestedQueryCost"] == 5
    assert cost["throttleStatus"] == {
        "maximumAvailable": 2000.0,
        "currentlyAvailable": 1995,
        "restoreRate": 100.0,
    }


@pytest.mark.parametrize(("language", "name"), [("en", "Sample shop"), ("nl", "Voorbeeldwinkel")])
def test_the_sample_shop_is_named_in_its_language(language: str, name: str) -> None:
    shop = Shop(GOLDEN)
    golden.fill(shop, language=language)
    assert shop.name == name


def test_an_empty_bucket_throttles_with_status_200_and_fills_again(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.bucket(shopify.shop()).take(1990, shopify.clock())
    refused = ask("{ orders(first: 250) { nodes { id } } }")
    assert refused.status_code == 200
    body = refused.json()
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert body["extensions"]["cost"]["actualQueryCost"] is None
    shopify.clock.advance(seconds=3)
    assert "errors" not in ask("{ orders(first: 250) { nodes { id } } }").json()


def test_a_query_above_a_thousand_points_is_never_run(ask: Ask) -> None:
    text = "{ orders(first: 25) { nodes { id lineItems(first: 50) { nodes { id } } } } }"
    error = ask(text).json()["errors"][0]["extensions"]
    assert (error["code"], error["maxCost"]) == ("MAX_COST_EXCEEDED", 1000)


def test_a_wrong_token_is_told_by_a_string(shopify: ShopifyEmulator) -> None:
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/api/2026-10/graphql.json"
    answer = requests.post(address, json={"query": "{ shop { id } }"}, timeout=10)
    assert answer.status_code == 401
    assert isinstance(answer.json()["errors"], str)


def test_a_token_that_never_expires_is_refused_to_a_public_app(shopify: ShopifyEmulator) -> None:
    token = shopify.install(expiring=False)["access_token"]
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/api/2026-10/graphql.json"
    headers = {"X-Shopify-Access-Token": token}
    query = {"query": "{ shop { id } }"}
    assert requests.post(address, json=query, headers=headers, timeout=10).status_code == 403
    shopify.app.distribution = "custom"
    assert requests.post(address, json=query, headers=headers, timeout=10).status_code == 200


def test_a_retired_version_falls_forward_and_says_so(shopify: ShopifyEmulator) -> None:
    token = shopify.install()["access_token"]
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/api/2023-04/graphql.json"
    answer = requests.post(
        address,
        json={"query": "{ shop { id } }"},
        headers={"X-Shopify-Access-Token": token},
        timeout=10,
    )
    assert answer.headers["X-Shopify-API-Version"] == "2026-01"


def test_a_lacking_scope_and_a_lacking_approval_are_told_apart(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shop = shopify.shop()
    shop.scopes = frozenset({"read_products"})
    lacking = ask("{ customers(first: 1) { nodes { id } } }").json()["errors"][0]
    assert lacking["extensions"]["code"] == "ACCESS_DENIED"
    assert "read_customers" in lacking["extensions"]["requiredAccess"]
    shop.scopes = frozenset({"write_customers"})
    shop.approvals.customer_data = False
    closed = ask("{ customers(first: 1) { nodes { id } } }").json()["errors"][0]
    assert closed["message"].startswith("This app is not approved to access the Customer object")


def test_a_protected_field_is_null_and_named_while_the_rest_is_there(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.shop().approvals.fields = frozenset({"customer/email"})
    body = ask("{ customers(first: 1) { nodes { id firstName } } }").json()
    assert body["data"]["customers"]["nodes"][0]["firstName"] is None
    assert body["data"]["customers"]["nodes"][0]["id"]
    assert body["errors"][0]["path"] == ["customers", "nodes", 0, "firstName"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ shop { nonsense } }", "undefinedField"),
        ("{ order { id } }", "missingRequiredArguments"),
        ('{ order(id: "1", nonsense: 2) { id } }', "argumentNotAccepted"),
        ("{ shop { ", "BAD_REQUEST"),
    ],
)
def test_a_query_that_does_not_fit_the_schema_has_no_data(ask: Ask, query: str, code: str) -> None:
    body = ask(query).json()
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == code


def test_only_two_months_of_orders_are_shown_without_the_scope_for_all(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shop = shopify.shop()
    shop.scopes = frozenset({"read_orders"})
    shown = ask(_ORDERS).json()["data"]["orders"]["nodes"]
    assert len(shown) < len(shop.orders)
    oldest = min(shop.orders, key=lambda key: str(shop.orders.field(key, "createdAt")))
    assert ask("query($id: ID!) { order(id: $id) { id } }", id=oldest).json()["data"] == {
        "order": None
    }


def test_pages_go_on_where_they_stopped_though_a_record_is_deleted_between(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shop = shopify.shop()
    everything = set(shop.orders)
    seen: list[str] = []
    after = None
    while True:
        page = ask(_ORDERS, after=after).json()["data"]["orders"]
        seen += [one["id"] for one in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
        if seen[0] in shop.orders:
            shop.orders.remove(seen[0])
    assert set(seen) == everything
    assert len(seen) == len(everything)


def test_paging_ends_at_the_limit_of_a_connection(shopify: ShopifyEmulator, ask: Ask) -> None:
    shopify.shop().paging_limit = 50
    cursor = ask(_ORDERS).json()["data"]["orders"]["pageInfo"]["endCursor"]
    assert "not supported" in ask(_ORDERS, after=cursor).json()["errors"][0]["message"]


def test_a_cursor_of_another_query_is_refused(ask: Ask) -> None:
    cursor = ask(_ORDERS).json()["data"]["orders"]["pageInfo"]["endCursor"]
    other = "query($after: String) { orders(first: 5, after: $after) { nodes { id } } }"
    assert ask(other, after=cursor).json()["errors"]


def test_a_filter_that_is_not_known_fails_loudly(shopify: ShopifyEmulator, ask: Ask) -> None:
    answer = ask('{ orders(first: 1, query: "email:a@example.com") { nodes { id } } }')
    assert answer.status_code == 501
    assert shopify.problems.pop() == "not emulated: filter 'email' of Order"


def test_products_not_for_sale_are_shown_only_when_named(ask: Ask) -> None:
    text = "query($query: String) { productsCount(query: $query, limit: null) { count } }"
    counts = [
        ask(text, query=query).json()["data"]["productsCount"]["count"]
        for query in (None, "status:active,archived,draft,unlisted")
    ]
    assert counts[0] < counts[1]


def test_a_search_is_behind_and_asking_by_id_is_not(shopify: ShopifyEmulator, ask: Ask) -> None:
    shopify.shop().search_lag = timedelta(seconds=20)
    made = shopify.acts().order_again(next(iter(shopify.shop().orders)))["id"]
    search = (
        "{ orders(first: 250, query: \"created_at:>='2026-11-01T00:00:00Z'\") { nodes { id } } }"
    )
    assert ask(search).json()["data"]["orders"]["nodes"] == []
    by_id = ask("query($id: ID!) { order(id: $id) { id } }", id=made).json()["data"]
    assert by_id == {"order": {"id": made}}
    shopify.clock.advance(seconds=30)
    assert ask(search).json()["data"]["orders"]["nodes"] == [{"id": made}]
