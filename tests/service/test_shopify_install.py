"""A store is let in from Shopify's pages, and only from there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from sqlmodel import select

from connectors.base import Connector
from connectors.shopify.auth import Grant
from connectors.shopify.rights import Profile
from integration.context import Context
from integration.db import scoped, unscoped
from integration.shopify import install
from integration.shops import events
from integration.shops.leaving import leave
from integration.tables import Account, ImportRun, Inbox, Shop, ShopifyStore, User, Work
from integration.work import inbox
from integration.work.execute import run_until_idle
from integration.work.handlers import HANDLERS
from integration.work.inbox import Message, ask, keep_of_shop
from tests.conftest import on_both
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.emulators.shopify.signing import session_token
from tests.service.shopify_visit import Merchant, with_shopify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def one_shopify() -> Iterator[ShopifyEmulator]:
    with ShopifyEmulator.serve(Clock(NOW), customers=3, only_sold=True) as served:
        yield served


@pytest.fixture
def shopify(one_shopify: ShopifyEmulator) -> ShopifyEmulator:
    """The emulator, with its shop as nobody has installed anything on it."""
    shop = one_shopify.shop()
    shop.scopes, shop.refused_scopes, shop.approves_itself = None, set(), True
    shop.approvals.all_orders, shop.approvals.customer_data = True, True
    return one_shopify


@pytest.fixture
def installed(context: Context, shopify: ShopifyEmulator) -> Context:
    return with_shopify(context, shopify)


@pytest.fixture
def merchant(installed: Context, shopify: ShopifyEmulator) -> Merchant:
    return Merchant(installed, shopify)


@pytest.mark.parametrize("encoded", [False, True])
def test_either_reading_of_what_shopify_signs_lets_a_merchant_in(
    merchant: Merchant, encoded: bool
) -> None:
    """The parameter `host` ends in "=", which is signed as it is meant or as it is sent."""
    merchant.shopify.oauth.signs_encoded = encoded
    try:
        assert merchant.install().location == "/shopify/stores"
    finally:
        merchant.shopify.oauth.signs_encoded = False


def test_a_first_visit_asks_shopify_before_anything_else_and_ends_connected(
    merchant: Merchant,
) -> None:
    sent = merchant.click()
    assert sent.location.startswith(f"{merchant.shopify.root}/{GOLDEN}/admin/oauth/authorize?")
    back = merchant.visitor.get(merchant.approve(sent))
    assert back.location == "/shopify/stores"
    page = merchant.visitor.get("/shopify/stores")
    assert page.text.count("works</span>") == 6, "each of the six rights was looked at"
    store = merchant.store()
    assert store.domain == GOLDEN
    with scoped(merchant.context.engine, store.account_id) as session:
        account = session.get_one(Account, store.account_id)
        assert (account.name, account.currency, account.time_zone) == (
            "Sample shop",
            "EUR",
            "Europe/Amsterdam",
        )
        run = session.exec(select(ImportRun)).one()
        assert run.shop_id == store.shop_id
        assert session.exec(select(Work).where(Work.kind == "import")).one().status == "queued"


def test_a_second_visit_opens_the_same_account_and_reads_nothing_twice(
    merchant: Merchant,
) -> None:
    merchant.install()
    assert merchant.click().location == "/", "still logged in, and all is well"
    elsewhere = Merchant(merchant.context, merchant.shopify)
    assert elsewhere.install().location == "/"
    with unscoped(merchant.context.engine) as session:
        assert len(session.exec(select(Account)).all()) == 1
        assert len(session.exec(select(ImportRun)).all()) == 1


def test_no_password_opens_the_account_of_a_store(merchant: Merchant) -> None:
    merchant.install()
    merchant.visitor.get("/shopify/stores")
    merchant.visitor.post("/logout")
    with unscoped(merchant.context.engine) as session:
        name = session.exec(select(User)).one().email
    for password in ("", "x" * 12):
        assert merchant.visitor.log_in(name, password).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda url: url.replace("hmac=", "hmac=0"), id="wrong signature"),
        pytest.param(lambda url: url.replace(GOLDEN, "other.myshopify.com"), id="another shop"),
        pytest.param(lambda url: "/shopify", id="no signature at all"),
    ],
)
def test_an_entry_that_shopify_did_not_sign_leads_nowhere(
    merchant: Merchant, change: object
) -> None:
    assert callable(change)
    answer = merchant.visitor.get(change(merchant.entry()))
    assert answer.status_code == 401
    assert "myshopify.com" not in answer.text, "nobody is asked for an address"
    assert "<input" not in answer.text.partition("<main")[2]


def test_an_old_entry_leads_nowhere(merchant: Merchant) -> None:
    entry = merchant.entry()
    merchant.shopify.clock.advance(minutes=11)
    assert merchant.visitor.get(entry).status_code == 401


def test_the_way_back_is_good_once_and_in_one_browser_only(merchant: Merchant) -> None:
    back = merchant.approve(merchant.click())
    other = Merchant(merchant.context, merchant.shopify)
    assert other.visitor.get(back).status_code == 401, "another browser"
    assert merchant.visitor.get(back).status_code == 302
    assert merchant.visitor.get(back).status_code == 401, "again"
    with unscoped(merchant.context.engine) as session:
        assert len(session.exec(select(ShopifyStore)).all()) == 1


def test_who_comes_back_after_ten_minutes_asks_again(merchant: Merchant) -> None:
    sent = merchant.click()
    merchant.shopify.clock.advance(minutes=10, seconds=1)
    assert merchant.visitor.get(merchant.approve(sent)).status_code == 401


def test_a_scope_that_was_not_granted_is_said_and_can_be_asked_for(merchant: Merchant) -> None:
    merchant.shopify.shop().approvals.all_orders = False
    assert merchant.install().location == "/shopify/stores"
    page = merchant.visitor.get("/shopify/stores")
    assert "Only the last 60 days can be read" in page.text
    merchant.shopify.shop().approvals.all_orders = True
    sent = merchant.visitor.post(f"/shopify/stores/{merchant.store().shop_id}/authorize")
    merchant.visitor.get(merchant.approve(sent))
    assert "60 days can be read" not in merchant.visitor.get("/shopify/stores").text


def test_a_lacking_approval_is_told_apart_from_a_lacking_scope(merchant: Merchant) -> None:
    merchant.shopify.shop().approvals.customer_data = False
    merchant.install()
    seen = merchant.store().seen["rights"]
    assert (seen["customers"], seen["email"], seen["orders"]) == ("approval",) * 3
    assert seen["products"] == ""
    assert "has not approved the app" in merchant.visitor.get("/shopify/stores").text


def test_after_an_uninstall_shopify_is_asked_again_and_the_same_account_goes_on(
    merchant: Merchant,
) -> None:
    merchant.install()
    first = merchant.store()
    with scoped(merchant.context.engine, first.account_id) as session:
        leave(session, session.get_one(Shop, first.shop_id), NOW)
    assert merchant.store().access_token == ""
    assert "oauth/authorize" in merchant.click().location
    merchant.install()
    again = merchant.store()
    assert (again.shop_id, again.account_id) == (first.shop_id, first.account_id)
    assert again.stopped == ""
    with scoped(merchant.context.engine, first.account_id) as session:
        assert session.get_one(Shop, first.shop_id).disconnected_at is None
        assert len(session.exec(select(ImportRun)).all()) == 2


def test_a_store_that_comes_back_while_we_look_whether_it_removed_us_stays_connected(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant.install()
    store, look = merchant.store(), events._look_whether_removed
    merchant.shopify.tokens.revoke(GOLDEN)
    with scoped(merchant.context.engine, store.account_id) as session:
        told = Message("app/uninstalled", "d1", {}, b"{}")
        keep_of_shop(session, store.account_id, store.shop_id, told)
        ask(session, store.account_id, store.shop_id, NOW)

    def looked(connector: Connector, wish: events.Wish) -> None:
        look(connector, wish)
        if wish.is_removed:
            merchant.install()

    monkeypatch.setattr(events, "_wish", lambda *_: events.Wish(is_removed=True))
    monkeypatch.setattr(events, "_look_whether_removed", looked)
    nothing = dict.fromkeys(HANDLERS, lambda *_: None)
    run_until_idle(merchant.context, handlers={**nothing, inbox.KIND: events.apply_events})
    again = merchant.store()
    assert (again.stopped, again.access_token != "") == ("", True)
    with scoped(merchant.context.engine, store.account_id) as session:
        assert session.get_one(Shop, store.shop_id).disconnected_at is None
        with_error = select(ImportRun).where(ImportRun.status == "failed")
        assert session.exec(with_error).all() == []
        assert session.exec(select(Inbox)).one().applied_at is None, "it is looked at again"


def test_an_uninstall_that_nobody_told_us_of_is_found_out_at_the_door(merchant: Merchant) -> None:
    merchant.install()
    merchant.shopify.tokens.revoke(GOLDEN)
    assert "oauth/authorize" in merchant.click().location
    assert merchant.store().stopped == "reconnect"
    assert "no longer lets Stipt in" in merchant.visitor.get("/").text
    merchant.install()
    assert merchant.store().stopped == ""


def test_a_store_that_nobody_has_goes_to_whoever_is_logged_in(
    merchant: Merchant, shopify: ShopifyEmulator
) -> None:
    merchant.install()
    if "second.myshopify.com" not in shopify.shops:
        shopify.add_shop("second.myshopify.com", name="Second")
    second = Merchant(merchant.context, shopify, "second.myshopify.com")
    second.visitor = merchant.visitor
    second.install()
    assert second.store().account_id == merchant.store().account_id
    assert "Second" in merchant.visitor.get("/shopify/stores").text


@on_both
def test_who_arrives_in_two_windows_at_once_has_one_account(
    merchant: Merchant, shopify: ShopifyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, ask_who = threading.Barrier(2), install.ask_who

    def asked(context: Context, domain: str, grant: Grant) -> Profile:
        who = ask_who(context, domain, grant)
        both.wait(timeout=20)
        return who

    monkeypatch.setattr(install, "ask_who", asked)

    def arrive(_nth: int) -> install.Arrival:
        grant = Grant(access_token=shopify.install()["access_token"], expires_at=None)
        return install.arrive(merchant.context, GOLDEN, grant, account_id=None, language="en")

    with ThreadPoolExecutor() as windows:
        came = list(windows.map(arrive, range(2)))
    assert came[0].account_id == came[1].account_id
    assert [one.is_new for one in came].count(True) == 1
    assert merchant.store().stopped == ""
    with unscoped(merchant.context.engine) as session:
        for table in (Account, User, Shop, ImportRun):
            assert len(session.exec(select(table)).all()) == 1, table


def test_a_process_that_ends_while_a_store_arrives_leaves_no_account_of_nobody(
    merchant: Merchant,
) -> None:
    lost = mock.patch.object(install, "_connect", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        merchant.install()
    merchant.install()
    with unscoped(merchant.context.engine) as session:
        assert len(session.exec(select(Account)).all()) == 1
        assert session.exec(select(User)).one().email == GOLDEN


def token(shopify: ShopifyEmulator) -> str:
    return session_token(GOLDEN, shopify.client_id, shopify.client_secret, shopify.clock())


def test_inside_shopify_the_session_token_connects_the_store_without_a_cookie(
    merchant: Merchant, shopify: ShopifyEmulator
) -> None:
    shopify.install()  # by Shopify itself, as it is for embedded apps
    page = merchant.click(embedded="1", id_token=token(shopify))
    assert "is connected to Stipt" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert f"frame-ancestors https://{GOLDEN} https://admin.shopify.com" in policy
    assert "X-Frame-Options" not in page.headers
    assert merchant.store().stopped == ""
    out = page.text.partition('href="/shopify/open?to=')[2].partition('"')[0]
    there = merchant.visitor.get(f"/shopify/open?to={out}")
    assert merchant.visitor.get(merchant.approve(there)).location == "/"


def test_without_a_good_session_token_shopifys_script_gets_a_new_one(
    merchant: Merchant, shopify: ShopifyEmulator
) -> None:
    old = session_token(
        GOLDEN, shopify.client_id, shopify.client_secret, shopify.clock() - timedelta(minutes=5)
    )
    for more in ({}, {"id_token": old}):
        sent = merchant.click(embedded="1", **more)
        assert sent.location.startswith("/shopify/bounce?")
        assert "id_token" not in sent.location
        page = merchant.visitor.get(sent.location)
        assert f'data-api-key="{shopify.client_id}"' in page.text
        assert "frame-ancestors https://" in page.headers["Content-Security-Policy"]
    for target in ("https://evil.example/", "http://127.0.0.1:8000/shopify.evil.example"):
        bad = merchant.visitor.get(f"/shopify/bounce?shop={GOLDEN}&shopify-reload={target}")
        assert bad.status_code == 401


def test_our_other_pages_are_in_nobodys_frame(merchant: Merchant) -> None:
    merchant.install()
    page = merchant.visitor.get("/shopify/stores")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
