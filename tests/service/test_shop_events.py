"""A shop's webhook has its effect once: what it names is read again, and what is so now counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from unittest import mock

import pytest
from sqlmodel import select

from connectors.errors import NotReadable, Unreachable
from connectors.records import (
    Cart as CartRecord,
)
from connectors.records import (
    ConsentEvent,
    ConsentState,
    Product,
    Refund,
    RefundDetail,
)
from integration.context import Context
from integration.db import scoped
from integration.shops import events
from integration.store.page import write_page
from integration.tables import (
    Cart,
    Consent,
    Identity,
    Inbox,
    Order,
    OrderLine,
    PrivacyRequest,
    Shop,
    SourceProfile,
    Work,
)
from integration.tables import Product as ProductRow
from integration.tables import Refund as RefundRow
from integration.work.execute import run_until_idle
from integration.work.handlers import HANDLERS
from integration.work.queue import AT_ONCE, wake_resting
from tests.conftest import on_both
from tests.service.records import NOON
from tests.service.web_shop import WebShop, add_web_shop, rows, tell

#: The work that follows is noted, not done.
_ONLY_EVENTS = {
    **HANDLERS, "refresh": lambda _context, _job: None, "erase": lambda _context, _job: None
}  # fmt: skip
ORDER = ("refetch", {"stream": "orders", "key": "1"})


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> WebShop:
    """A shop without anything, which every source here is."""
    made = WebShop()
    monkeypatch.setattr(events, "open_source", lambda *_, **__: made)
    return made


@pytest.fixture
def shop(context: Context) -> Iterator[Shop]:
    """The shop, connected."""
    return add_web_shop(context)  # type: ignore[return-value]  # a fixture may return


def work(context: Context) -> None:
    """Do what waits."""
    run_until_idle(context, handlers=_ONLY_EVENTS)


def refreshes(context: Context, shop: Shop) -> list[list[int] | None]:
    """Whom each computation that was asked for is about."""
    asked = [row for row in rows(context, shop, Work) if row.kind == "refresh"]
    return [row.payload["people"] for row in asked]


@on_both
def test_an_order_is_read_again_and_its_buyer_computed(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.order("1", email="ada@example.com")
    tell(context, shop, ORDER, key="d1")
    work(context)
    (order,) = rows(context, shop, Order)
    (profile,) = rows(context, shop, SourceProfile)
    assert (order.external_id, order.profile_id) == ("1", profile.id)
    assert refreshes(context, shop) == [[profile.person_id]]
    (kept,) = rows(context, shop, Inbox)
    assert kept.applied_at is not None
    assert kept.body == b""


def test_a_burst_about_one_order_reads_it_once(context: Context, web: WebShop, shop: Shop) -> None:
    web.order("1")
    for number in range(events._A_TIME):
        tell(context, shop, ORDER, key=f"d{number}")
    work(context)
    assert web.fetched == [("orders", "1")]
    assert all(row.applied_at for row in rows(context, shop, Inbox))


def test_the_same_told_again_changes_nothing_and_computes_nobody(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.order("1", email="ada@example.com")
    for key in ("d1", "d2"):
        tell(context, shop, ORDER, key=key)
        work(context)
    assert len(rows(context, shop, Order)) == 1
    assert len(refreshes(context, shop)) == 1


def test_an_older_version_never_replaces_a_newer_one(
    context: Context, web: WebShop, shop: Shop
) -> None:
    for version, total in ((5, 500), (3, 300)):
        web.order("1", version=version, total=total)
        tell(context, shop, ORDER, key=f"d{version}")
        work(context)
    (order,) = rows(context, shop, Order)
    assert order.total_minor == 50_000


def test_a_shop_that_does_not_answer_is_asked_again_and_nothing_is_lost(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.order("1")
    web.failures.append(Unreachable("no answer"))
    tell(context, shop, ORDER, key="d1")
    work(context)
    (kept,) = rows(context, shop, Inbox)
    assert (kept.applied_at, rows(context, shop, Order)) == (None, [])
    (waiting,) = rows(context, shop, Work)
    assert waiting.status == "queued"


def test_what_cannot_be_read_stops_none_of_the_others(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.order("2")
    web.failures.append(NotReadable("a plug-in's field"))
    tell(context, shop, ORDER, key="d1")
    tell(context, shop, ("unheard of", {}), key="d2")
    tell(context, shop, ("refetch", {"stream": "orders", "key": "2"}), key="d3")
    work(context)
    assert [order.external_id for order in rows(context, shop, Order)] == ["2"]
    kept = rows(context, shop, Inbox)
    assert all(row.applied_at for row in kept)
    assert [bool(row.error) for row in kept] == [False, True, False]


def test_an_order_is_deleted_only_when_the_shop_has_it_no_more(
    context: Context, web: WebShop, shop: Shop
) -> None:
    back = Refund(
        id="r1", order_id="1", refunded_at=NOON, currency="EUR", detail=RefundDetail.TOTAL,
        amount=Decimal(10), source_updated_at=NOON,
    )  # fmt: skip
    web.records["orders", "1"] = [web.order("1", email="ada@example.com"), back]
    gone = ("deleted", {"stream": "orders", "key": "1"})
    tell(context, shop, gone, key="d1")
    work(context)
    assert len(rows(context, shop, Order)) == 1, "somebody replayed a body under another topic"
    del web.records["orders", "1"]
    # Not found, but nobody says that it is gone: it may be older than what we may see.
    tell(context, shop, ORDER, key="d2")
    work(context)
    assert len(rows(context, shop, RefundRow)) == 1
    tell(context, shop, gone, key="d3")
    work(context)
    assert [rows(context, shop, table) for table in (Order, OrderLine, RefundRow)] == [[], [], []]
    assert len(refreshes(context, shop)) == 2


def test_a_deleted_customer_is_nobody_and_his_withdrawal_stays(
    context: Context, web: WebShop, shop: Shop
) -> None:
    customer = web.customer("c1", email="ada@example.com", first_name="Ada")
    said = ConsentEvent(
        id="e1", state=ConsentState.DENIED, at=NOON, source="shop", customer_id="c1",
        email="ada@example.com",
    )  # fmt: skip
    cart = CartRecord(id="k1", customer_id="c1", currency="EUR", total=Decimal(1), updated_at=NOON)
    web.records["customers", "c1"] = [customer, said, cart]
    web.order("1", customer_id="c1")
    tell(context, shop, ("refetch", {"stream": "customers", "key": "c1"}), ORDER, key="d1")
    work(context)
    del web.records["customers", "c1"]
    tell(context, shop, ("deleted", {"stream": "customers", "key": "c1"}), key="d2")
    work(context)
    (profile,) = rows(context, shop, SourceProfile)
    assert (profile.email, profile.first_name) == (None, None)
    assert (rows(context, shop, Identity), rows(context, shop, Cart)) == ([], [])
    (order,) = rows(context, shop, Order)
    assert order.profile_id == profile.id
    (statement,) = rows(context, shop, Consent)
    assert (statement.state, statement.email_key) == ("denied", "ada@example.com")


@pytest.mark.parametrize("what", ["orders", "carts"])
def test_whoever_had_an_order_or_cart_before_is_computed_too(
    context: Context, web: WebShop, shop: Shop, what: str
) -> None:
    def bought_by(key: str, version: int) -> None:
        web.order("1", customer_id=key, version=version)
        at = NOON + timedelta(minutes=version)
        cart = CartRecord(
            id="1", customer_id=key, currency="EUR", total=Decimal(1), updated_at=at,
            source_updated_at=at,
        )  # fmt: skip
        web.records["carts", "1"] = [cart]

    for version, key in enumerate(("c1", "c2")):
        bought_by(key, version)
        tell(context, shop, ("refetch", {"stream": what, "key": "1"}), key=f"d{version}")
        work(context)
    people = {row.external_id: row.person_id for row in rows(context, shop, SourceProfile)}
    assert refreshes(context, shop) == [[people["c1"]], sorted(people.values())]


@on_both
def test_two_customers_that_became_one_have_one_history(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.customer("c1", email="ada@example.com")
    web.customer("c2", email="a.lovelace@example.com")
    web.order("1", customer_id="c1")
    cart = CartRecord(id="k1", customer_id="c1", currency="EUR", total=Decimal(1), updated_at=NOON)
    web.records["customers", "c1"] = [*web.records["customers", "c1"], cart]
    named = [("refetch", {"stream": "customers", "key": key}) for key in ("c1", "c2")]
    tell(context, shop, *named, ORDER, key="d1")
    work(context)
    merged = ("merged", {"key": "c1", "into": "c2"})
    tell(context, shop, merged, ("deleted", {"stream": "customers", "key": "c1"}), key="d2")
    del web.records["customers", "c1"]
    work(context)
    profiles = {row.external_id: row for row in rows(context, shop, SourceProfile)}
    (order,) = rows(context, shop, Order)
    assert order.profile_id == profiles["c2"].id
    assert [row.profile_id for row in rows(context, shop, Cart)] == [profiles["c2"].id]
    assert profiles["c1"].email is None
    assert profiles["c2"].email == "a.lovelace@example.com"


def test_a_product_that_cannot_be_bought_any_more_concerns_everybody(
    context: Context, web: WebShop, shop: Shop
) -> None:
    suit = Product(id="p1", title="Suit", source_updated_at=NOON)
    web.records["products", "p1"] = [suit]
    named = {"stream": "products", "key": "p1"}
    tell(context, shop, ("refetch", named), key="d1")
    work(context)
    assert refreshes(context, shop) == []
    del web.records["products", "p1"]
    tell(context, shop, ("deleted", named), key="d2")
    work(context)
    (product,) = rows(context, shop, ProductRow)
    assert product.status == "archived"
    assert refreshes(context, shop) == [None]


@pytest.mark.parametrize("refuses", [True, False])
def test_a_shop_that_removed_us_is_left_alone_unless_it_has_us_again(
    context: Context, web: WebShop, shop: Shop, refuses: bool
) -> None:
    web.is_removed = refuses
    web.order("1")
    export = context.settings.data_dir / "shopify" / str(shop.id) / "orders-1.sqlite"
    export.parent.mkdir(parents=True)
    export.touch()
    tell(context, shop, ("uninstalled", {}), ORDER, key="d1")
    work(context)
    assert export.exists() != refuses, "what was fetched is of no use, and nothing renews it"
    (row,) = rows(context, shop, Shop)
    assert (row.disconnected_at is not None) == refuses
    assert len(rows(context, shop, Order)) == (0 if refuses else 1)
    tell(context, shop, ORDER, key="d2")
    work(context)
    assert all(kept.applied_at for kept in rows(context, shop, Inbox))


def test_that_we_were_removed_is_heard_behind_any_number_of_webhooks_that_wait(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.is_removed = True
    for number in range(events._A_TIME + 10):
        tell(context, shop, ORDER, key=f"d{number}")
    work(context)
    assert all(kept.applied_at is None for kept in rows(context, shop, Inbox))
    tell(context, shop, ("uninstalled", {}), key="u")
    with scoped(context.engine, shop.account_id) as session:
        wake_resting(session)
    work(context)
    (row,) = rows(context, shop, Shop)
    assert row.disconnected_at is not None
    assert all(kept.applied_at for kept in rows(context, shop, Inbox))


def test_that_the_shop_is_to_be_forgotten_is_heard_behind_them_too(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.order("1", email="ada@example.com")
    tell(context, shop, ORDER, key="first")
    work(context)
    web.is_removed = True
    for number in range(events._A_TIME + 10):
        tell(context, shop, ORDER, key=f"d{number}")
    tell(context, shop, ("shop_erasure", {"at": None}), key="u")
    work(context)
    assert [rows(context, shop, table) for table in (Order, SourceProfile, Inbox)] == [[], [], []]


@pytest.mark.parametrize("days", [6, 8])
def test_a_shop_that_is_to_be_forgotten_and_answers_nothing_for_a_week_is_forgotten(
    context: Context, web: WebShop, shop: Shop, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.order("1", email="ada@example.com")
    tell(context, shop, ORDER, key="first")
    work(context)
    closed = mock.Mock(side_effect=Unreachable("the store is gone (404)"))
    monkeypatch.setattr(web, "check", closed)
    tell(context, shop, ("shop_erasure", {"at": None}), key="u")
    with scoped(context.engine, shop.account_id) as session:
        for kept in session.exec(select(Inbox)):
            kept.received_at -= timedelta(days=days)
    work(context)
    assert len(rows(context, shop, Order)) == (1 if days < 7 else 0)
    (row,) = rows(context, shop, Shop)
    assert (row.disconnected_at is not None) == (days > 7)


def test_webhooks_wait_while_the_shop_does_not_let_us_in(
    context: Context, web: WebShop, shop: Shop
) -> None:
    web.is_removed = True
    tell(context, shop, ORDER, key="d1")
    work(context)
    (waiting,) = rows(context, shop, Work)
    assert waiting.status == "resting"
    (kept,) = rows(context, shop, Inbox)
    assert kept.applied_at is None


@pytest.mark.parametrize("failure", [None, Unreachable("the store is frozen")])
def test_who_asks_to_be_forgotten_does_not_wait_until_the_shop_lets_us_in(
    context: Context, web: WebShop, shop: Shop, failure: Exception | None
) -> None:
    web.customer("c1", email="ada@example.com")
    tell(context, shop, ("refetch", {"stream": "customers", "key": "c1"}), key="d1")
    work(context)
    web.is_removed = failure is None
    web.failures += [failure] if failure else []
    tell(context, shop, ORDER, key="d2")
    tell(context, shop, ("erasure", {"key": "c1", "email": "ada@example.com"}), key="d3")
    work(context)
    assert rows(context, shop, SourceProfile) == []
    assert len(rows(context, shop, PrivacyRequest)) == 1
    waiting = [row.dedupe_key for row in rows(context, shop, Inbox) if row.applied_at is None]
    assert waiting == ["d2"]
    web.is_removed = False
    web.order("1", customer_id="c1", email="ada@example.com")
    with scoped(context.engine, shop.account_id) as session:
        for row in session.exec(select(Work).where(Work.kind == "apply_event")):
            row.run_at = AT_ONCE
    work(context)
    (order,) = rows(context, shop, Order)
    assert order.profile_id is None, "what is read later of him is nobody's"
    assert len(rows(context, shop, PrivacyRequest)) == 1


@pytest.mark.parametrize("dies_at", ["open_source", "write_page", "_mark"])
def test_killed_anywhere_and_done_again_it_has_its_effect_once(
    context: Context, web: WebShop, shop: Shop, dies_at: str
) -> None:
    web.order("1", email="ada@example.com")
    tell(context, shop, ORDER, key="d1")
    real = write_page if dies_at == "write_page" else getattr(events, dies_at)
    dead = mock.patch.object(events, dies_at, side_effect=[KeyboardInterrupt])
    with dead, suppress(KeyboardInterrupt):
        work(context)
    assert getattr(events, dies_at) is real
    assert rows(context, shop, Order) == []
    work(context)
    assert len(rows(context, shop, Order)) == 1
    assert len(refreshes(context, shop)) == 1
