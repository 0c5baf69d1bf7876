"""Every fault switch answers as what it stands for, as often as told, and then all is well."""

from __future__ import annotations

import pytest
import requests

from tests.emulators.shopify.conftest import Ask
from tests.emulators.shopify.faults import REFUSALS
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator

_ASKED = "{ shop { name } }"


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_a_refusal_strikes_once_and_then_the_shop_answers(
    shopify: ShopifyEmulator, ask: Ask, kind: str
) -> None:
    shopify.faults.add(kind)
    assert ask(_ASKED).status_code == REFUSALS[kind][0]
    assert ask(_ASKED).json()["data"]["shop"]["name"] == "Sample shop"


def test_too_many_requests_come_with_and_without_a_time_to_wait(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.faults.add("too_many")
    shopify.faults.add("too_many_bare")
    assert ask(_ASKED).headers["Retry-After"] == "2.0"
    assert "Retry-After" not in ask(_ASKED).headers


def test_an_answer_ends_in_its_middle_and_a_burst_ends_after_as_many(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.faults.add("truncated")
    with pytest.raises(requests.JSONDecodeError):
        ask(_ASKED).json()
    shopify.faults.add("error_502", first=2, times=3)
    assert [ask(_ASKED).status_code for _ in range(5)] == [200, 502, 502, 502, 200]


def test_a_part_of_an_answer_can_lack_while_the_rest_is_there(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.faults.add("partial", word="orders")
    body = ask("{ orders(first: 1) { nodes { id customer { id } } } }").json()
    assert body["data"]["orders"]["nodes"][0]["id"]
    assert body["data"]["orders"]["nodes"][0]["customer"] is None
    assert body["errors"][0]["path"] == ["orders", "nodes", 0, "customer"]


def test_a_row_can_change_between_two_pages(shopify: ShopifyEmulator, ask: Ask) -> None:
    first = next(iter(shopify.shop().orders))
    shopify.faults.add(
        "between", word="orders", act=lambda: shopify.acts().edit(first, tags=["changed"])
    )
    page = ask("{ orders(first: 1) { nodes { tags } } }").json()
    assert page["data"]["orders"]["nodes"] == [{"tags": ["changed"]}]


def test_a_refresh_whose_answer_is_lost_happened_all_the_same(shopify: ShopifyEmulator) -> None:
    old = shopify.install()["refresh_token"]
    shopify.faults.add("lost", path="access_token")
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/oauth/access_token"
    given = {
        "client_id": shopify.client_id,
        "client_secret": shopify.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": old,
    }
    assert requests.post(address, data=given, timeout=10).status_code == 504
    assert requests.post(address, data=given, timeout=10).json()["refresh_token"] != old
