"""A feature that needs more of Shopify is asked for when wanted, and on only once it is granted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.context import Context
from integration.db import scoped
from integration.shopify import switches
from integration.shopify.application import SCOPES
from integration.shopify.install import begin
from integration.shopify.look import look
from integration.shopify.stores import forget
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.service.shopify_visit import Merchant, with_shopify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WRITEBACK = switches.WRITEBACK


@pytest.fixture(scope="module")
def one_shopify() -> Iterator[ShopifyEmulator]:
    with ShopifyEmulator.serve(Clock(NOW), customers=3, only_sold=True) as served:
        yield served


@pytest.fixture
def merchant(context: Context, one_shopify: ShopifyEmulator) -> Merchant:
    """A merchant whose store is connected, to be read."""
    shop = one_shopify.shop()
    shop.scopes, shop.refused_scopes = None, set()
    made = Merchant(with_shopify(context, one_shopify), one_shopify)
    made.install()
    return made


def asked_for(address: str) -> set[str]:
    """The scopes that the browser asks Shopify for."""
    return set(parse_qs(urlsplit(address).query)["scope"][0].split(","))


def want(merchant: Merchant) -> bool:
    """Want the feature; whether it is on."""
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        return switches.want(session, merchant.store(), WRITEBACK, merchant.context.clock())


def ask_again(merchant: Merchant) -> str:
    """Let the merchant ask Shopify again from our page; where that leads."""
    merchant.visitor.get("/shopify/stores")
    sent = merchant.visitor.post(f"/shopify/stores/{merchant.store().shop_id}/authorize")
    merchant.visitor.get(merchant.approve(sent))
    return str(sent.location)


def since(merchant: Merchant) -> datetime | None:
    """From when on the feature is on."""
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        return switches.since(session, merchant.store().shop_id, WRITEBACK)


def test_nothing_but_reading_is_asked_for_until_the_merchant_wants_more(
    merchant: Merchant,
) -> None:
    assert asked_for(begin(merchant.context, GOLDEN)[0]) == set(SCOPES)
    assert not any("write" in scope for scope in SCOPES)
    assert since(merchant) is None


def test_it_is_on_from_the_moment_at_which_shopify_has_granted_it(merchant: Merchant) -> None:
    assert not want(merchant)
    assert since(merchant) is None, "wanted is not granted"
    merchant.shopify.clock.advance(minutes=3)
    assert asked_for(ask_again(merchant)) == {*SCOPES, "write_customers"}
    assert since(merchant) == merchant.shopify.clock()
    on = since(merchant)
    merchant.shopify.clock.advance(days=1)
    look(merchant.context, merchant.store())
    assert want(merchant), "asked for again, it stays on"
    assert since(merchant) == on, "and from the same moment"


def test_what_the_merchant_did_not_grant_stays_off(merchant: Merchant) -> None:
    merchant.shopify.shop().refused_scopes = {"write_customers"}
    want(merchant)
    ask_again(merchant)
    assert since(merchant) is None
    assert merchant.store().stopped == "", "reading goes on"


def test_a_right_that_was_taken_away_switches_it_off_and_coming_back_begins_anew(
    merchant: Merchant,
) -> None:
    want(merchant)
    ask_again(merchant)
    shop = merchant.shopify.shop()
    granted = shop.scopes
    assert granted is not None
    shop.scopes = granted - {"write_customers"}
    look(merchant.context, merchant.store())
    assert since(merchant) is None
    merchant.shopify.clock.advance(hours=1)
    shop.scopes = granted
    look(merchant.context, merchant.store())
    assert since(merchant) == merchant.shopify.clock()


def test_a_store_that_removed_us_is_asked_for_reading_only_when_it_returns(
    merchant: Merchant,
) -> None:
    want(merchant)
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        forget(session, merchant.store().shop_id)
    assert asked_for(merchant.click().location) == set(SCOPES)
