"""What happens in a Shopify store is here after its webhooks, whatever befalls them on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

pytest.importorskip("graphql", reason="graphql-core is a tool of the tests")

from connectors.shopify.fields import number
from integration.app import create_app
from integration.context import Context, make_context
from integration.db import scoped
from integration.settings import Settings
from integration.shops import check
from integration.sources import look_after_hooks
from integration.tables import Cart, ImportRun, Inbox, Order, Shop, ShopifyStore, SourceProfile
from integration.work.execute import run_until_idle
from integration.work.handlers import HANDLERS
from integration.work.inbox import ask_for_waiting
from integration.work.queue import defer
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import GOLDEN, SCOPES, ShopifyEmulator
from tests.service.web_shop import add_web_shop, rows

_ONLY_EVENTS = {**HANDLERS, "refresh": lambda *_: None, "import": lambda *_: None}


@pytest.fixture
def shopify() -> Iterator[ShopifyEmulator]:
    """A small store at a moment that a test moves."""
    clock = Clock(datetime(2026, 11, 1, 12, tzinfo=UTC))
    with ShopifyEmulator.serve(clock, customers=6, only_sold=True) as served:
        served.app.distribution = "custom"
        served.shop().plan = "enterprise"
        yield served


@pytest.fixture
def context(settings: Settings, shopify: ShopifyEmulator) -> Iterator[Context]:
    """An installation that finds the store at the emulator, at the emulator's moment."""
    given = settings.model_dump() | {
        "shopify_client_id": shopify.client_id,
        "shopify_client_secrets": shopify.client_secret,
        "shopify_url_template": shopify.url_template,
    }
    made = make_context(Settings(**given), clock=shopify.clock)
    yield made
    made.engine.dispose()


@pytest.fixture
def shop(context: Context, shopify: ShopifyEmulator) -> Shop:
    """The store, connected, and subscribed to all we want; nothing of it is read."""
    shop = add_web_shop(context)
    token = shopify.install(expiring=False)["access_token"]
    with scoped(context.engine, shop.account_id) as session:
        store = ShopifyStore(
            account_id=shop.account_id,
            shop_id=shop.id or 0,
            store_id="gid://shopify/Shop/1",
            domain=GOLDEN,
            way="fixed",
            access_token=context.vault.encrypt(token),
            scopes={"names": list(SCOPES)},
            installed_at=shopify.clock(),
        )
        session.add(store)
    assert look_after_hooks(context, shop) == {}
    return shop


@pytest.fixture
def follow(context: Context, shopify: ShopifyEmulator, shop: Shop) -> Callable[[], None]:
    """Have everything delivered that waits, and applied."""
    client = create_app(context).test_client()

    def bring(_url: str, headers: Mapping[str, str], body: bytes) -> int:
        answer = client.post("/hooks/shopify", data=body, headers=dict(headers))
        answer.close()
        return answer.status_code

    def go() -> None:
        shopify.clock.advance(seconds=60)
        shopify.hooks.deliver()
        run_until_idle(context, handlers=_ONLY_EVENTS)

    shopify.hooks.transport = bring
    return go


def orders(context: Context, shop: Shop) -> dict[str, Any]:
    """Orders here, by number."""
    return {row.external_id: row for row in rows(context, shop, Order)}


def carts(context: Context, shop: Shop) -> dict[str, Any]:
    """Carts here, by number."""
    return {row.external_id: row for row in rows(context, shop, Cart)}


def test_duplicates_and_disorder_leave_one_order_as_it_is_there(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    acts = shopify.acts()
    shopify.hooks.switch("duplicate", times=3)
    shopify.hooks.switch("reorder", times=2)
    made = acts.order_again(next(iter(shopify.shop().orders)))["id"]
    shopify.clock.advance(seconds=5)
    acts.cancel(made)
    follow()
    (order,) = orders(context, shop).values()
    assert (order.external_id, order.status) == (number(made), "cancelled")
    assert all(row.applied_at for row in rows(context, shop, Inbox))


@pytest.mark.parametrize("has_new_id", [False, True])
def test_what_is_brought_again_after_a_failure_counts_once_whatever_its_id(
    context: Context,
    shopify: ShopifyEmulator,
    shop: Shop,
    follow: Callable[[], None],
    has_new_id: bool,
) -> None:
    """Documents disagree on whether a retry keeps the id of its webhook."""
    shopify.hooks.new_id_on_retry = has_new_id
    bring = shopify.hooks.transport

    def taken_and_lost(url: str, headers: Mapping[str, str], body: bytes) -> int:
        shopify.hooks.transport = bring
        assert bring(url, headers, body) == 200
        return 0

    shopify.hooks.transport = taken_and_lost
    made = shopify.acts().order_again(next(iter(shopify.shop().orders)))["id"]
    follow()
    follow()
    assert set(orders(context, shop)) == {number(made)}
    kept = [row for row in rows(context, shop, Inbox) if row.topic == "orders/create"]
    assert len(kept) == 1 + has_new_id
    assert all(row.applied_at for row in kept)


def test_subscriptions_that_shopify_deleted_are_made_again_by_the_next_look(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    """After nine failures within four hours a subscription is gone, and nobody tells."""
    bring, there = shopify.hooks.transport, shopify.shop()
    before = {row["topic"] for row in there.subscriptions.values()}
    shopify.hooks.transport = lambda *_: 503
    key = next(iter(there.orders))
    shopify.acts().edit(key, tags=["lost"])
    for _ in range(9):
        shopify.clock.advance(hours=3)
        shopify.hooks.deliver()
    left = {row["topic"] for row in there.subscriptions.values()}
    assert before - left == {"ORDERS_UPDATED"}
    shopify.hooks.transport = bring
    shopify.acts().edit(key, tags=["lost too"])
    follow()
    assert orders(context, shop) == {}
    assert look_after_hooks(context, shop) == {}
    assert {row["topic"] for row in there.subscriptions.values()} == before
    shopify.acts().edit(key, tags=["heard"])
    follow()
    assert set(orders(context, shop)) == {number(key)}


def test_what_was_signed_by_somebody_else_changes_nothing(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    shopify.hooks.switch("wrong_signature", times=9)
    shopify.acts().edit(next(iter(shopify.shop().orders)), tags=["x"])
    follow()
    assert (orders(context, shop), rows(context, shop, Inbox)) == ({}, [])


def test_a_webhook_that_somebody_caught_and_sends_again_deletes_nothing(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    key = next(iter(shopify.shop().orders))
    shopify.acts().edit(key, tags=["seen"])
    follow()
    before = orders(context, shop)
    caught = shopify.hooks.done[-1]
    for nth, topic in enumerate(("orders/delete", "orders/updated", "customers/delete")):
        shopify.hooks.replay(caught, Topic=topic, Webhook_Id=f"again-{nth}")
    follow()
    assert set(orders(context, shop)) == set(before) == {number(key)}
    assert all(row.applied_at for row in rows(context, shop, Inbox))


def test_a_deleted_order_and_merged_customers_are_so_here(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    acts, there = shopify.acts(), shopify.shop()
    kept, gone = list(there.customers)[:2]
    mine = [row["id"] for row in there.orders.values() if row["customer"] == {"id": gone}]
    for key in (kept, gone, *mine):
        acts.edit(key, tags=["seen"])
    follow()
    acts.merge(kept, gone)
    if len(mine) > 1:
        acts.delete(mine[0])
    follow()
    profiles = {row.external_id: row for row in rows(context, shop, SourceProfile)}
    assert profiles[number(gone)].email is None
    left = orders(context, shop)
    assert set(left) == {number(key) for key in (mine[1:] if len(mine) > 1 else mine)}
    assert {row.profile_id for row in left.values()} <= {profiles[number(kept)].id}


@pytest.mark.parametrize("lost", ["approval", "scope"])
def test_what_shopify_no_longer_shows_is_not_taken_from_us(
    context: Context,
    shopify: ShopifyEmulator,
    shop: Shop,
    follow: Callable[[], None],
    lost: str,
) -> None:
    acts, there = shopify.acts(), shopify.shop()
    who = next(row["id"] for row in there.customers.values() if row["defaultEmailAddress"])
    theirs = next(row["id"] for row in there.orders.values() if row["customer"] == {"id": who})
    guests = next(row["id"] for row in there.orders.values() if row["id"] != theirs)
    there.orders.put({**there.orders[guests], "customer": None, "email": "guest@shop.example"})

    def known() -> tuple[Any, ...]:
        (one,) = (p for p in rows(context, shop, SourceProfile) if p.external_id == number(who))
        bought = {key: row.profile_id for key, row in orders(context, shop).items()}
        return one.email, one.first_name, one.phone, bought

    for key in (who, theirs, guests):
        acts.edit(key, tags=["seen"])
    follow()
    before = known()
    assert before[0]
    assert None not in before[3].values()
    if lost == "approval":
        there.approvals.fields = frozenset()
    else:
        there.scopes = frozenset(SCOPES) - {"read_customers"}
    for key in (who, theirs, guests):
        acts.edit(key, tags=["seen", "again"])
    follow()
    assert known() == before


def test_orders_that_shopify_hides_are_not_deleted_though_it_shows_an_older_imported_one(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    """Without `read_all_orders` an order is hidden once Shopify has had it for 60 days."""
    there = shopify.shop()
    for key in list(there.orders)[12:]:
        there.orders.remove(key)
    imported, deleted = list(there.orders)[-2:]
    lately = {"createdAt": "2026-10-20T10:00:00Z"}
    old = {"processedAt": "2019-01-01T10:00:00Z"}
    there.orders.put({**there.orders[imported], **lately, **old})
    there.orders.put({**there.orders[deleted], **lately, "processedAt": lately["createdAt"]})
    for key in there.orders:
        shopify.acts().edit(key, tags=["seen"])
    follow()
    before = set(orders(context, shop))
    assert len(before) == 12
    there.scopes = frozenset(SCOPES) - {"read_all_orders"}
    there.orders.remove(deleted)
    with scoped(context.engine, shop.account_id) as session:
        (store,) = session.exec(select(ShopifyStore))
        store.seen = {"rights": {"all_orders": "scope"}}
        run = ImportRun(
            account_id=shop.account_id, shop_id=shop.id or 0, name="first", status="done",
            started_at=shopify.clock(),
        )  # fmt: skip
        session.add(run)
        payload, lane = {"shop_id": shop.id}, "check"
        defer(session, account_id=shop.account_id, kind=check.KIND, lane=lane, payload=payload)
    run_until_idle(context, handlers=_ONLY_EVENTS)
    assert set(orders(context, shop)) == before - {number(deleted)}


def test_a_left_checkout_is_a_cart_until_it_is_bought_or_gone(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    acts, there = shopify.acts(), shopify.shop()
    customer, (first, second) = next(iter(there.customers)), list(there.products)[:2]
    begun = acts.begin(customer, first)["id"]
    left = acts.begin(customer, first, second)["id"]
    follow()
    assert {key: row.order_external_id for key, row in carts(context, shop).items()} == {
        number(begun): None,
        number(left): None,
    }
    assert len(carts(context, shop)[number(left)].content["lines"]) == 2
    bought = acts.complete(begun, next(iter(there.orders)))["id"]
    follow()
    assert carts(context, shop)[number(begun)].order_external_id == number(bought)
    assert number(bought) in orders(context, shop)
    acts.delete(left)
    follow()
    assert set(carts(context, shop)) == {number(begun)}
    assert [row.error for row in rows(context, shop, Inbox) if row.error] == []


def test_a_checkout_that_shopify_does_not_list_yet_is_a_cart_a_minute_later(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    there = shopify.shop()
    there.search_lag = timedelta(seconds=90)
    begun = shopify.acts().begin(next(iter(there.customers)), next(iter(there.products)))["id"]
    order = shopify.acts().order_again(next(iter(there.orders)))["id"]
    follow()
    assert carts(context, shop) == {}
    assert set(orders(context, shop)) == {number(order)}, "an order is asked for by its id"
    for _ in range(2):
        shopify.clock.advance(seconds=60)
        ask_for_waiting(context)
        run_until_idle(context, handlers=_ONLY_EVENTS)
    assert set(carts(context, shop)) == {number(begun)}
    assert all(row.applied_at for row in rows(context, shop, Inbox))


def test_a_checkout_that_shopify_never_lists_is_let_go(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    """Without an address or a telephone number it counts as no left checkout."""
    begun = shopify.acts().begin(next(iter(shopify.shop().customers)))["id"]
    shopify.shop().checkouts.remove(begun)
    follow()
    asked = len(shopify.requests)
    for _ in range(5):
        shopify.clock.advance(seconds=60)
        ask_for_waiting(context)
        run_until_idle(context, handlers=_ONLY_EVENTS)
    assert all(row.applied_at for row in rows(context, shop, Inbox))
    looks = [one for one in shopify.requests[asked:] if one.operation == "CheckoutAddresses"]
    assert len(looks) == 1


def test_many_checkouts_are_found_by_one_look(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    customer = next(iter(shopify.shop().customers))
    for _nth in range(12):
        shopify.acts().begin(customer, next(iter(shopify.shop().products)))
    follow()
    assert len(carts(context, shop)) == 12
    looks = [one for one in shopify.requests if one.operation == "CheckoutAddresses"]
    assert len(looks) == 1


def test_a_store_that_removed_us_is_left_and_forgotten_two_days_later(
    context: Context, shopify: ShopifyEmulator, shop: Shop, follow: Callable[[], None]
) -> None:
    shopify.app.compliance_url = "https://stipt.example/hooks/shopify"
    acts = shopify.acts()
    acts.edit(next(iter(shopify.shop().orders)), tags=["seen"])
    follow()
    assert len(orders(context, shop)) == 1
    acts.uninstall()
    follow()
    (row,) = rows(context, shop, Shop)
    assert row.disconnected_at is not None
    assert len(orders(context, shop)) == 1
    shopify.clock.advance(seconds=49 * 3600)
    follow()
    assert orders(context, shop) == {}
