"""From a look at a product in the shop to a tag in Mailchimp's plan, and away with a purchase."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import col, select

from integration.app import create_app
from integration.pipeline import refresh
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopify.recognised import take_in
from integration.shopify.switches import BROWSING
from integration.tables import (
    SegmentMember,
    ShopifyPixel,
    ShopifyStore,
    ShopifySwitch,
    SourceProfile,
    Work,
)
from tests.service.audience_shop import TestJob
from tests.service.store_shop import LONG_AGO, TODAY, StoreShop

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"
KEY, TAG = "the-key", "Interest: Suits – hot"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[StoreShop]:
    """A store that sells suits, with two who bought one long ago; its pixel is on."""
    made = StoreShop(settings, sandbox)
    made.product("1001", title="Milano")
    for number, email in (("501", ADA), ("502", BOB)):
        profile = made.buyer(email)
        made.order(f"o{number}", profile, ("1001", None), at=LONG_AGO)
        with made.people.session() as session:
            session.get_one(SourceProfile, profile).external_id = number
    mine: Any = {"account_id": made.people.account_id, "shop_id": made.people.shop_id}
    with made.people.session() as session:
        session.add(ShopifyStore(**mine, store_id="gid://shopify/Shop/1", way="fixed",
                                 domain="dressed.myshopify.com", installed_at=TODAY))  # fmt: skip
        session.add(ShopifySwitch(**mine, name=BROWSING, wanted_at=TODAY, on_since=TODAY))
        session.add(ShopifyPixel(**mine, key=KEY, remote_id="gid://1", switched_at=TODAY))
    yield made
    made.close()


def look(shop: StoreShop, client: FlaskClient, number: int, customer: str | None) -> None:
    """Have a visitor look at the suit."""
    message = {
        "id": f"e{number}", "event": "product_viewed", "at": shop.now.isoformat(),
        "client": "browser-1", "analytics": True, "marketing": True, "product": "1001",
        **({"customer": customer} if customer else {}),
    }  # fmt: skip
    answer = client.post(f"/pixel/shopify/{KEY}", data=json.dumps(message))
    assert answer.status_code == 204


def compute(shop: StoreShop) -> None:
    """Give what was seen to whose it is, and compute what was asked for."""
    job = TestJob(shop.people.account_id, payload={"shop_id": shop.people.shop_id})
    take_in(shop.people.context, job)  # type: ignore[arg-type]  # as a job
    with shop.people.session() as session:
        asked = session.exec(select(Work).where(Work.kind == "refresh")).one()
        payload = dict(asked.payload)
        session.delete(asked)
    assert payload["people"], "about those who looked"
    refresh(shop.people.context, TestJob(shop.people.account_id, payload=payload))  # type: ignore[arg-type]


def held(shop: StoreShop) -> list[str]:
    """The interests that people have, by address."""
    query = (
        select(SourceProfile.email)
        .join(SegmentMember, col(SegmentMember.person_id) == col(SourceProfile.person_id))
        .where(SegmentMember.segment == "interest:suits:hot")
    )
    with shop.people.session() as session:
        return [email or "" for email in session.exec(query)]


def test_a_customer_who_looked_twice_gets_the_tag_and_loses_it_with_the_purchase(
    shop: StoreShop,
) -> None:
    client = create_app(shop.people.context).test_client()
    look(shop, client, 1, None)  # before she logged in
    shop.now += timedelta(days=1)
    look(shop, client, 2, "501")
    compute(shop)
    assert held(shop) == [ADA]
    shop.people.push()
    assert TAG in shop.sandbox.tags(ADA)
    assert TAG not in shop.sandbox.tags(BOB)

    shop.now += timedelta(days=1)
    look(shop, client, 3, "501")
    shop.order("o9", shop.people.profiles[ADA], ("1001", None), at=shop.now)
    compute(shop)
    assert held(shop) == []
    shop.people.push()
    assert TAG not in shop.sandbox.tags(ADA)


def test_without_a_second_look_within_two_weeks_the_tag_goes_by_itself(shop: StoreShop) -> None:
    client = create_app(shop.people.context).test_client()
    for number in (1, 2):
        look(shop, client, number, "501")
        shop.now += timedelta(days=1)
    compute(shop)
    assert held(shop) == [ADA]
    shop.now += timedelta(days=12)
    refresh(shop.people.context, TestJob(shop.people.account_id, payload={"as_of": None}))  # type: ignore[arg-type]
    assert held(shop) == []
