"""Whose a browser was becomes known by logging in or by the shop's own order, never by a claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from connectors.base import Merged
from connectors.records import ConsentEvent, ConsentState, Customer, Deleted
from connectors.records import Touchpoint as Moment
from integration.context import Context
from integration.db import scoped
from integration.night import start_night
from integration.shopify.recognised import take_in
from integration.shops import seen
from integration.store.deleted import write_deleted, write_merged
from integration.tables import ShopifyStore, Touchpoint, Visitor, Work
from tests.conftest import on_both
from tests.emulators.shopify import search
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.emulators.shopify.tables import Table
from tests.service.audience_shop import TestJob
from tests.service.browsing_shop import ADA, SHIRT, BrowsingShop
from tests.service.shopify_visit import with_shopify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shopify() -> Iterator[ShopifyEmulator]:
    """A small store with orders that came of checkouts."""
    with ShopifyEmulator.serve(Clock(NOW), customers=6, only_sold=True) as served:
        yield served


@pytest.fixture
def shop(context: Context, shopify: ShopifyEmulator) -> BrowsingShop:
    """The store, connected by a token without an end."""
    made = BrowsingShop(with_shopify(context, shopify), NOW)
    shopify.app.distribution = "custom"
    token = shopify.install(expiring=False)["access_token"]
    with scoped(made.context.engine, made.shop.account_id) as session:
        row = session.exec(select(ShopifyStore)).one()
        row.domain, row.access_token = GOLDEN, made.context.vault.encrypt(token)
    return made


def bought(shopify: ShopifyEmulator) -> tuple[str, str]:
    """The token of a checkout, and the number of the customer whose order came of it."""
    order = next(row for row in shopify.shop().orders.values() if row["customer"])
    return order["checkoutToken"], order["customer"]["id"].rpartition("/")[2]


def take(shop: BrowsingShop) -> None:
    """Do the work that the events asked for."""
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        for row in session.exec(select(Work).where(Work.kind == "browsed")):
            row.status = "done"
    job = TestJob(shop.shop.account_id)
    job.payload = {"shop_id": shop.shop.id}
    take_in(shop.context, job)  # type: ignore[arg-type]  # as a job


def asked(shop: BrowsingShop) -> list[tuple[str, Any]]:
    """What is to be done: kind, and whom it is about."""
    return [
        (one.kind, one.payload.get("people")) for one in shop.rows(Work) if one.status == "queued"
    ]


def owners(shop: BrowsingShop) -> list[int | None]:
    """The profile of each moment."""
    return [row.profile_id for row in shop.rows(Touchpoint)]


@on_both
def test_what_was_looked_at_before_a_purchase_is_the_buyer_s_by_the_shop_s_own_order(
    shop: BrowsingShop, shopify: ShopifyEmulator
) -> None:
    token, number = bought(shopify)
    shop.store(Customer(id=number))
    shop.tell(id="e1")
    shop.tell(id="e2", product=SHIRT)
    shop.tell(id="e3", client="browser-2")
    shop.tell("checkout_completed", id="e4", checkout=token)
    assert owners(shop) == [None, None, None]
    take(shop)
    (visitor,) = shop.visitors
    assert visitor.checkout == "", "asked once"
    mine = visitor.profile_id
    assert mine is not None
    assert owners(shop) == [mine, mine, None]
    assert asked(shop) == [], "who has no figures yet is computed in the night, with everybody"
    shop.tell(id="e5")
    assert owners(shop)[-1] == mine


def test_a_buyer_who_is_new_is_recognised_once_his_record_is_here(
    shop: BrowsingShop, shopify: ShopifyEmulator
) -> None:
    token, number = bought(shopify)
    shop.tell()
    shop.tell("checkout_completed", id="e2", checkout=token, customer=number)
    take(shop)
    assert owners(shop) == [None]
    shop.store(Customer(id=number))
    shop.pass_time(hours=1)
    take(shop)
    assert owners(shop) == [shop.visitors[0].profile_id]
    assert shop.visitors[0].profile_id is not None


def test_a_checkout_without_an_order_is_asked_about_for_two_days_and_then_forgotten(
    shop: BrowsingShop,
) -> None:
    shop.tell("checkout_started", checkout="never-paid")
    take(shop)
    assert shop.visitors[0].checkout
    assert "never-paid" not in shop.visitors[0].checkout
    assert [kind for kind, _ in asked(shop)] == ["browsed"]
    shop.pass_time(days=2, minutes=1)
    take(shop)
    assert (shop.visitors[0].checkout, shop.visitors[0].profile_id) == ("", None)
    assert asked(shop) == []


def test_a_buyer_is_recognised_behind_any_number_of_checkouts_that_were_left(
    shop: BrowsingShop, shopify: ShopifyEmulator
) -> None:
    token, number = bought(shopify)
    shop.store(Customer(id=number))
    left = shop.context.vault.encrypt("never-paid")
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        session.add_all(
            Visitor(
                account_id=shop.shop.account_id, shop_id=shop.shop.id or 0, visitor=f"v{one}",
                checkout=left, checkout_at=NOW - timedelta(hours=1), seen_at=NOW,
            )
            for one in range(120)
        )  # fmt: skip
    shop.tell("checkout_completed", checkout=token)
    asked_before = len(shopify.requests)
    take(shop)
    assert [one.profile_id for one in shop.visitors if one.profile_id is not None] != []
    assert len(shopify.requests) - asked_before < 10, "many at once"


@pytest.mark.parametrize("why", ["unknown", "opted out", "no rights"])
def test_a_buyer_is_not_bound_who_is_unknown_objects_or_may_not_be_asked_about(
    shop: BrowsingShop, shopify: ShopifyEmulator, why: str
) -> None:
    token, number = bought(shopify)
    if why != "unknown":
        shop.store(Customer(id=number))
    if why == "opted out":
        shop.store(objection(number))
    if why == "no rights":
        granted = shopify.shop().scopes
        shopify.shop().scopes = frozenset({"read_products"})
    shop.tell()
    shop.tell("checkout_completed", id="e2", checkout=token)
    take(shop)
    assert owners(shop) == [None]
    assert shop.visitors[0].profile_id is None
    if why == "no rights":
        shopify.shop().scopes = granted


def objection(number: str) -> ConsentEvent:
    """A customer does not want what he does to be handed on."""
    return ConsentEvent(
        id=f"data_sale:{number}", state=ConsentState.DENIED, at=None, source="Shopify",
        customer_id=number, channel="data_sale",
    )  # fmt: skip


def test_a_filter_that_shopify_passes_over_gives_nobody_another_s_history(
    shop: BrowsingShop, shopify: ShopifyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_term", lambda *_: lambda _look: True)
    token, number = bought(shopify)
    (order,) = [one for one in shopify.shop().orders.values() if one["checkoutToken"] == token]
    alone = Table()
    alone.put(order)
    monkeypatch.setattr(shopify.shop(), "orders", alone)
    shop.store(Customer(id=number))
    shop.tell("checkout_completed", checkout="somebody-else-s")
    take(shop)
    assert shop.visitors[0].profile_id is None


def test_customers_that_became_one_have_one_history_and_a_deleted_one_is_recognised_no_more(
    shop: BrowsingShop,
) -> None:
    shop.store(Customer(id="502"))
    shop.tell(customer=ADA)
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        merged = [Merged(key=ADA, into="502")]
        write_merged(session, shop.shop.id or 0, merged, shop.now)
    shop.tell(id="e2")
    first, second = owners(shop)
    assert first == second
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        gone = [Deleted(stream="customers", key="502")]
        write_deleted(session, shop.shop.id or 0, gone, shop.now)
    assert shop.visitors == []
    shop.tell(id="e3")
    assert owners(shop)[-1] is None


# -- for how long ----------------------------------------------------------------------------------


@on_both
def test_what_nobody_did_goes_after_a_month_and_what_a_customer_did_after_thirteen(
    shop: BrowsingShop,
) -> None:
    shop.tell(id="nobody", client="browser-2")
    shop.tell(id="ada", customer=ADA)
    shop.pass_time(days=29)
    start_night(shop.context)
    assert len(shop.seen) == 2
    shop.pass_time(days=2)
    start_night(shop.context)
    assert [row[3] for row in shop.seen] == [shop.visitors[0].profile_id]
    shop.pass_time(days=seen.KEPT.days - 32)
    start_night(shop.context)
    assert len(shop.seen) == 1
    shop.pass_time(days=2)
    start_night(shop.context)
    assert (shop.seen, shop.visitors) == ([], [])


def test_what_a_customer_did_goes_the_night_after_the_objection_and_mail_moments_stay(
    shop: BrowsingShop,
) -> None:
    shop.tell(customer=ADA)
    shop.store(Moment(id="m1", kind="email_click", at=shop.now - timedelta(days=500),
                      customer_id=ADA), objection(ADA))  # fmt: skip
    start_night(shop.context)
    assert [row[0] for row in shop.seen] == ["email_click"]
    assert shop.visitors == []
