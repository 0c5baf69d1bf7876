"""The daily look at a store: it keeps it connected, and notices when it is another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from pydantic import SecretStr
from sqlmodel import select

from connectors.shopify.client import Client
from integration.audience import pause
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.night import start_hour
from integration.pipeline import start_import
from integration.shopify import clone
from integration.shopify.look import look
from integration.shopify.shown import shown_since
from integration.shopify.stores import Stopped, open_client, stop
from integration.shops.leaving import leave
from integration.tables import (
    Account,
    Audience,
    ImportRun,
    Order,
    Shop,
    ShopifyStore,
    SourceProfile,
    Work,
)
from integration.work.execute import run_until_idle
from integration.work.handlers import HANDLERS
from integration.work.queue import defer
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import SCOPES, ShopifyEmulator
from tests.emulators.shopify.state import LEVEL_2
from tests.service.shopify_visit import Merchant, with_shopify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def one_shopify() -> Iterator[ShopifyEmulator]:
    with ShopifyEmulator.serve(Clock(NOW), customers=3, only_sold=True) as served:
        yield served


@pytest.fixture
def merchant(context: Context, one_shopify: ShopifyEmulator) -> Merchant:
    """A merchant whose store is connected, with an audience."""
    shop = one_shopify.shop()
    shop.number, shop.scopes = 1, None
    made = Merchant(with_shopify(context, one_shopify), one_shopify)
    made.install()
    store = made.store()
    with scoped(made.context.engine, store.account_id) as session:
        for work in session.exec(select(Work)):
            session.delete(work)
        session.add(
            Audience(
                account_id=store.account_id,
                list_id="l1",
                name="Customers",
                server="us6",
                token="kept",
                language="en",
                connected_at=NOW,
            )
        )
    return made


def audience(merchant: Merchant) -> Audience:
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        return session.exec(select(Audience)).one()


def works(merchant: Merchant) -> list[str]:
    with unscoped(merchant.context.engine) as session:
        return [w.status for w in session.exec(select(Work).where(Work.kind == "shopify_look"))]


def next_day(merchant: Merchant, **span: float) -> None:
    """Let a day pass, and what is done every hour be done."""
    merchant.shopify.clock.advance(**(span or {"days": 1}))
    start_hour(merchant.context)
    start_hour(merchant.context)
    run_until_idle(merchant.context)


def test_a_store_is_looked_at_once_a_day_and_stays_connected_when_idle(
    merchant: Merchant,
) -> None:
    start_hour(merchant.context)
    assert works(merchant) == [], "it was just looked at"
    first = merchant.store()
    for _ in range(2):
        next_day(merchant, days=89)
    assert set(works(merchant)) == {"done"}
    store = merchant.store()
    assert store.stopped == ""
    assert store.refresh_until is not None
    assert store.refresh_until - merchant.shopify.clock() == timedelta(days=90)
    assert store.refresh_token != first.refresh_token


def test_a_day_after_the_secret_was_changed_the_earlier_one_is_not_needed_any_more(
    merchant: Merchant,
) -> None:
    """A token ends with the secret that it was asked for with; each look renews it with the new."""
    app, old = merchant.shopify.app, merchant.shopify.client_secret
    settings = merchant.context.settings

    def use(*secrets: str) -> None:
        app.client_secrets = list(secrets)
        known = {"shopify_client_secrets": tuple(SecretStr(one) for one in secrets)}
        merchant.context = replace(merchant.context, settings=settings.model_copy(update=known))

    try:
        use("shpss_new", old)
        next_day(merchant)
        use("shpss_new")
        next_day(merchant)
        assert merchant.store().stopped == ""
        assert set(works(merchant)) == {"done"}
    finally:
        use(old)


def test_a_store_that_was_left_for_90_days_has_to_be_connected_again(merchant: Merchant) -> None:
    next_day(merchant, days=91)
    assert merchant.store().stopped == "reconnect"
    asked = len(merchant.shopify.requests)
    next_day(merchant)
    assert len(merchant.shopify.requests) == asked, "nothing more is asked of it"


def test_a_right_that_went_away_is_seen_the_next_day(merchant: Merchant) -> None:
    merchant.shopify.shop().approvals.customer_data = False
    next_day(merchant)
    merchant.shopify.shop().approvals.customer_data = True
    assert merchant.store().seen["rights"]["customers"] == "approval"


def test_a_right_that_comes_has_the_store_read_from_its_beginning(merchant: Merchant) -> None:
    """Approval comes days after the first reading: who was read without an address gets it."""
    only_reading = {**HANDLERS, "refresh": lambda *_: None}
    there, account_id = merchant.shopify.shop(), merchant.store().account_id
    addresses = {
        row["defaultEmailAddress"]["emailAddress"].lower()
        for row in there.customers.values()
        if row["defaultEmailAddress"]
    }

    def known() -> tuple[set[str], int, bool]:
        with scoped(merchant.context.engine, account_id) as session:
            people = session.exec(select(SourceProfile)).all()
            orders = len(session.exec(select(Order)).all())
            return {p.email.lower() for p in people if p.email}, orders, bool(shown_since(session))

    there.approvals.fields, there.scopes = frozenset(), frozenset(SCOPES) - {"read_all_orders"}
    with scoped(merchant.context.engine, account_id) as session:
        for run in session.exec(select(ImportRun)):
            session.delete(run)
        start_import(session, merchant.context, session.exec(select(Shop)).one(), name="first")
    run_until_idle(merchant.context, handlers=only_reading)
    look(merchant.context, merchant.store())
    assert readings(merchant) == ["done"]
    assert known()[0] == set()
    assert known()[1] < len(there.orders)
    assert known()[2], "not all orders are known"
    merchant.shopify.clock.advance(minutes=5)
    there.approvals.fields, there.scopes = LEVEL_2, frozenset(SCOPES)
    look(merchant.context, merchant.store())
    assert known()[2], "they are shown, but not yet read"
    run_until_idle(merchant.context, handlers=only_reading)
    found, orders, is_cut = known()
    assert addresses <= found
    assert (orders, is_cut) == (len(there.orders), False)
    look(merchant.context, merchant.store())
    run_until_idle(merchant.context, handlers=only_reading)
    assert readings(merchant) == ["done", "done"], "once"


def test_shopify_out_of_reach_is_tried_again(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "_wait", lambda _client, _seconds: None)
    nowhere = merchant.context.settings.model_copy(
        update={"shopify_url_template": "http://127.0.0.1:1/{shop}"}
    )
    merchant.shopify.clock.advance(days=1)
    away = replace(merchant.context, settings=nowhere)
    start_hour(away)
    run_until_idle(away)
    assert works(merchant) == ["queued"]
    assert merchant.store().stopped == ""


@pytest.mark.parametrize("said", ["moved", "copied"])
def test_a_store_with_another_id_stops_all_writing_until_the_merchant_answers(
    merchant: Merchant, said: str
) -> None:
    before = merchant.store()
    merchant.shopify.shop().number = 77
    next_day(merchant)
    assert merchant.store().stopped == "cloned"
    assert audience(merchant).paused == "store_changed"
    assert "moved or copied" in merchant.visitor.get("/").text
    merchant.visitor.get("/shopify/stores")
    merchant.visitor.post(f"/shopify/stores/{before.shop_id}/answer", {"answer": said})
    after = merchant.store()
    assert audience(merchant).paused == ""
    with scoped(merchant.context.engine, before.account_id) as session:
        shop = session.get_one(Shop, before.shop_id)
    if said == "moved":
        assert (after.stopped, after.store_id) == ("", "gid://shopify/Shop/77")
        assert shop.external_id == after.store_id
    else:
        assert (after.stopped, after.access_token) == ("uninstalled", "")
        assert shop.disconnected_at is not None


def test_whoever_has_the_host_of_another_store_now_does_not_get_its_account(
    merchant: Merchant,
) -> None:
    before = merchant.store()
    merchant.shopify.shop().number = 78
    stranger = Merchant(merchant.context, merchant.shopify)
    stranger.install()
    with unscoped(merchant.context.engine) as session:
        old, new = session.exec(select(ShopifyStore).order_by(ShopifyStore.id)).all()  # type: ignore[arg-type]
        assert len(session.exec(select(Account)).all()) == 2
    assert old.id == before.id
    assert (old.stopped, new.stopped) == ("cloned", "")
    assert old.account_id != new.account_id
    assert audience(merchant_of(merchant, old)).paused == "store_changed"


def merchant_of(merchant: Merchant, store: ShopifyStore) -> Merchant:
    """The same merchant, whose store is that one though another has its host."""
    merchant.store = lambda: store  # type: ignore[method-assign]
    return merchant


def test_a_store_that_is_connected_twice_stops_both(merchant: Merchant) -> None:
    store = merchant.store()
    with unscoped(merchant.context.engine) as session:
        account = Account(name="Again", created_at=NOW)
        session.add(account)
        session.flush()
        shop = Shop(
            account_id=account.id or 0,
            platform="shopify",
            external_id=store.store_id,
            name="Again",
            config={},
            created_at=NOW,
        )
        session.add(shop)
        session.flush()
        session.add(
            ShopifyStore(
                account_id=account.id or 0,
                shop_id=shop.id or 0,
                store_id=store.store_id,
                domain=store.domain,
                way="fixed",
                installed_at=NOW,
            )
        )
    next_day(merchant)
    with unscoped(merchant.context.engine) as session:
        found = session.exec(select(ShopifyStore)).all()
    assert [store.stopped for store in found] == ["cloned", "cloned"]
    assert audience(merchant_of(merchant, found[0])).paused == "store_changed"


def test_a_copy_of_the_installation_asks_shopify_nothing(
    merchant: Merchant, tmp_path: Path
) -> None:
    store = merchant.store()
    settings = merchant.context.settings.model_copy(update={"data_dir": tmp_path / "copy"})
    copy = replace(make_context(settings), clock=merchant.context.clock)
    with scoped(copy.engine, store.account_id) as session:
        shop = session.get_one(Shop, store.shop_id)
    asked = len(merchant.shopify.requests)
    with pytest.raises(Stopped):
        open_client(copy, shop)
    assert len(merchant.shopify.requests) == asked
    assert merchant.store().stopped == "cloned"
    copy.engine.dispose()


def test_one_answer_for_a_store_that_is_connected_twice_is_enough(merchant: Merchant) -> None:
    store = merchant.store()
    stop(merchant.context, store, "cloned")
    clone.moved(merchant.context, store.account_id, store.shop_id)
    look(merchant.context, merchant.store())
    assert merchant.store().stopped == ""


def test_letting_us_in_again_is_no_answer_to_the_question(merchant: Merchant) -> None:
    stop(merchant.context, merchant.store(), "cloned")
    merchant.install()
    assert merchant.store().stopped == "cloned"


def test_a_store_that_removes_us_while_it_waits_for_an_answer_holds_nothing_up(
    merchant: Merchant,
) -> None:
    clone.suspect(merchant.context, merchant.store())
    assert audience(merchant).paused == "store_changed"
    store = merchant.store()
    with scoped(merchant.context.engine, store.account_id) as session:
        leave(session, session.get_one(Shop, store.shop_id), NOW)
    assert audience(merchant).paused == "", "there is no question any more, and nobody to answer it"


def test_a_store_that_shut_us_out_is_not_asked_about_and_holds_nothing_up(
    merchant: Merchant,
) -> None:
    stop(merchant.context, merchant.store(), "reconnect")
    clone.suspect(merchant.context, merchant.store())
    assert (merchant.store().stopped, audience(merchant).paused) == ("reconnect", "")


def test_a_question_stops_the_store_and_all_writing_at_once(merchant: Merchant) -> None:
    lost = mock.patch.object(pause, "pause_all", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        clone.suspect(merchant.context, merchant.store())
    assert (merchant.store().stopped, audience(merchant).paused) == ("", ""), "it is found anew"


def test_a_first_reading_that_the_question_ended_is_begun_anew_with_the_answer(
    merchant: Merchant,
) -> None:
    store = merchant.store()
    with scoped(merchant.context.engine, store.account_id) as session:
        run = session.exec(select(ImportRun)).one()
        payload: dict[str, Any] = {"run_id": run.id, "source": {}, "as_of": None}
        defer(
            session, account_id=store.account_id, kind="import", lane="import", payload=payload
        )  # fmt: skip
    clone.suspect(merchant.context, store)
    run_until_idle(merchant.context)
    clone.moved(merchant.context, store.account_id, store.shop_id)
    run_until_idle(merchant.context)
    with scoped(merchant.context.engine, store.account_id) as session:
        runs = session.exec(select(ImportRun).order_by(ImportRun.id)).all()  # type: ignore[arg-type]
        assert [run.status for run in runs][-1] == "done"
        assert session.exec(select(Order)).all()


def test_a_first_reading_that_shopify_refused_is_tried_again_each_night_until_it_is_done(
    merchant: Merchant,
) -> None:
    store, there = merchant.store(), merchant.shopify.shop()
    there.approvals.customer_data = False
    with scoped(merchant.context.engine, store.account_id) as session:
        for run in session.exec(select(ImportRun)):
            session.delete(run)
        start_import(session, merchant.context, session.get_one(Shop, store.shop_id), name="first")
    run_until_idle(merchant.context)
    next_day(merchant)
    there.approvals.customer_data = True
    assert readings(merchant) == ["failed", "failed"], "once a night, not once an hour"
    next_day(merchant)
    done = ["done", "done"]  # the second one from the beginning, as a right came
    assert readings(merchant) == ["failed", "failed", *done]
    with scoped(merchant.context.engine, store.account_id) as session:
        assert session.exec(select(Order)).all()


def test_a_first_reading_that_shopify_refused_is_begun_anew_when_the_merchant_lets_us_in(
    merchant: Merchant,
) -> None:
    store = merchant.store()
    with scoped(merchant.context.engine, store.account_id) as session:
        session.exec(select(ImportRun)).one().status = "failed"
    for _ in range(2):
        Merchant(merchant.context, merchant.shopify).install()
        assert readings(merchant) == ["failed", "running"]


def readings(merchant: Merchant) -> list[str]:
    """How the readings of the store ended, the first one first."""
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        query = select(ImportRun.status).order_by(ImportRun.id)  # type: ignore[arg-type]
        return list(session.exec(query))
