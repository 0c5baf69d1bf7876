"""Every night what webhooks lost is found and put right, and it is told how much that was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from sqlmodel import select

from connectors.base import Page
from connectors.errors import NotReadable
from connectors.records import Record
from integration.context import Context, make_context
from integration.db import scoped
from integration.settings import Settings
from integration.shops import check, months
from integration.shops.check import Drift, last
from integration.store.page import write_page
from integration.tables import ImportRun, Order, Shop, SourceProfile, SyncState, Work
from integration.work.execute import run_until_idle
from integration.work.handlers import HANDLERS
from integration.work.queue import defer
from tests.service.lost_workers import LostWorkers
from tests.service.records import NOON
from tests.service.web_shop import WebShop, add_web_shop, rows

#: Only the comparison itself; what it asks for is noted.
_HANDLERS = {**HANDLERS, "refresh": lambda *_: None, "import": lambda *_: None}
NIGHT = datetime(2026, 3, 2, 4, tzinfo=UTC)


class Clock:
    """A moment that a test moves."""

    now = NIGHT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The night after the shop was read."""
    return Clock()


@pytest.fixture
def context(settings: Settings, clock: Clock) -> Context:
    """An installation at work in that night."""
    return make_context(settings, clock=clock)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> WebShop:
    """A shop with three orders."""
    made = WebShop()
    for key in ("1", "2", "3"):
        made.order(key, email="ada@example.com")
    monkeypatch.setattr(check, "open_source", lambda *_, **__: made)
    return made


@pytest.fixture
def shop(context: Context, web: WebShop) -> Shop:
    """The shop, read as a whole."""
    shop = add_web_shop(context)
    with scoped(context.engine, shop.account_id) as session:
        records: list[Record] = [one for some in web.records.values() for one in some]
        page = Page(records=records, cursor_after={})
        write_page(session, shop.id or 0, page, NOON)
        session.add(
            ImportRun(
                account_id=shop.account_id, shop_id=shop.id or 0, name="Web", status="done",
                started_at=NOON,
            )
        )  # fmt: skip
    return shop


@pytest.fixture
def tonight(context: Context, shop: Shop) -> Callable[[], Drift]:
    """Compare, and return what was found."""

    def compare() -> Drift:
        with scoped(context.engine, shop.account_id) as session:
            check.start(context, session, context.clock() - timedelta(hours=1))
            for run in session.exec(select(ImportRun)).all():
                run.status = "done"  # the reading before it is another test's
        run_until_idle(context, handlers=_HANDLERS)
        (row,) = rows(context, shop, Shop)
        found = last(row)
        assert found is not None
        return found

    return compare


def held(context: Context, shop: Shop) -> dict[str, int]:
    """Orders here with their totals."""
    return {row.external_id: row.total_minor for row in rows(context, shop, Order)}


def test_a_shop_in_step_is_compared_and_nothing_is_computed(
    context: Context, shop: Shop, tonight: Callable[[], Drift]
) -> None:
    found = tonight()
    assert (found.compared, found.found, found.error) == (3, 0, None)
    assert "refresh" not in {work.kind for work in rows(context, shop, Work)}


def test_lost_webhooks_are_made_good(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    web.order("1", version=1, total=300)
    del web.records["orders", "2"]
    web.order("4")
    found = tonight()
    assert (found.differed, found.deleted, found.added) == (1, 1, 1)
    assert held(context, shop) == {"1": 30_000, "3": 10_000, "4": 10_000}
    clock.now += timedelta(days=1)
    assert tonight().found == 0


def test_what_was_put_right_is_told_though_workers_are_lost_on_the_way(
    context: Context, web: WebShop, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.order("1", version=1, total=300)
    del web.records["orders", "2"]
    web.order("4")
    web.order("5", placed_at=NOON - timedelta(days=9))
    with scoped(context.engine, shop.account_id) as session:
        defer(session, account_id=shop.account_id, kind=check.KIND, lane="x",
              payload={"shop_id": shop.id})  # fmt: skip
    workers = LostWorkers(monkeypatch)
    workers.run_until_idle(context, _HANDLERS)
    assert workers.lost[check.KIND] > 5
    (row,) = rows(context, shop, Shop)
    found = last(row)
    assert found is not None
    assert (found.compared, found.differed, found.deleted, found.added) == (3, 1, 1, 2)
    assert found.streams["orders"] == {"compared": 3, "differed": 1, "deleted": 1, "added": 2}


def test_ids_are_compared_once_a_week(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    tonight()
    web.customer("4")
    for _ in range(7):
        assert rows(context, shop, SourceProfile)[-1].external_id != "4"
        clock.now += timedelta(days=1)
        tonight()
    assert rows(context, shop, SourceProfile)[-1].external_id == "4"


def test_scores_that_moved_by_themselves_are_no_drift(
    web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    web.customer("7", their_group="loyal")
    assert tonight().added == 1
    web.customer("7", their_group="at_risk")
    clock.now += timedelta(days=1)
    assert tonight().differed == 0
    web.customer("7", their_group="at_risk", city="Zwolle")
    clock.now += timedelta(days=1)
    assert tonight().differed == 1


def test_a_month_with_more_orders_there_is_read_and_told(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    tonight()
    web.order("old", placed_at=NOON - timedelta(days=400))
    web.order("4")
    clock.now += timedelta(days=1)
    found = tonight()
    assert {"old", "4"} < held(context, shop).keys()
    assert found.months == [
        {"month": "", "there": 1, "here": 0, "added": 1},
        {"month": "2026-03", "there": 4, "here": 3, "added": 1},
    ]
    assert found.streams["orders"] == {"compared": 3, "added": 2}
    clock.now += timedelta(days=1)
    assert tonight().months == []


def test_months_that_a_shop_does_not_show_are_not_told(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    for nth, key in enumerate(("a", "b", "c", "d")):
        web.order(key, placed_at=NOON - timedelta(days=20 * nth))
    tonight()
    assert {"a", "b", "c", "d"} < held(context, shop).keys()
    for key in ("c", "d"):  # older than what it shows now
        del web.records["orders", key]
    clock.now += timedelta(days=1)
    found = tonight()
    assert (found.months, found.deleted) == ([], 0)
    web.order("lost", placed_at=NOON - timedelta(hours=1))
    clock.now += timedelta(days=1)
    assert [one["there"] - one["here"] for one in tonight().months] == [1]


def test_what_cannot_be_read_is_asked_for_once_and_stays_told(
    web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    tonight()
    web.records["orders", "odd"] = [web.order("4")]
    del web.records["orders", "4"]
    fetch = web.fetch

    def refuse(stream: str, key: str) -> Sequence[Record]:
        if key == "odd":
            web.fetched.append((stream, key))
            raise NotReadable("no total")
        return fetch(stream, key)

    web.fetch = refuse  # type: ignore[method-assign]
    for _ in range(3):
        clock.now += timedelta(days=1)
        (month,) = tonight().months
        assert (month["there"], month["here"], month["added"]) == (4, 3, 0)
    assert web.fetched.count(("orders", "odd")) == 1


def test_an_order_that_was_deleted_unseen_is_found_the_same_night(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    tonight()
    del web.records["orders", "2"]
    clock.now += timedelta(days=1)
    found = tonight()
    assert (found.deleted, found.streams["orders"]["deleted"]) == (1, 1)
    assert held(context, shop).keys() == {"1", "3"}


def test_when_very_many_orders_lack_the_history_is_read_anew(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    tonight()
    with scoped(context.engine, shop.account_id) as session:
        state = SyncState(
            account_id=shop.account_id, shop_id=shop.id or 0, stream="orders", complete=True,
            cursor={"since": "x"}, updated_at=NOON,
        )  # fmt: skip
        session.add(state)
    monkeypatch.setattr(check, "_MOST_NEW", 2)
    for key in ("4", "5", "6"):
        web.order(key)
    clock.now += timedelta(days=1)
    assert tonight().anew
    (state,) = rows(context, shop, SyncState)
    assert (state.cursor, state.complete) == (None, False)
    assert "import" in [work.kind for work in rows(context, shop, Work)]


def test_a_history_is_read_anew_once_though_the_worker_is_lost_behind_it(
    context: Context, web: WebShop, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_MOST_NEW", 2)
    for key in ("4", "5", "6", "7", "8", "9"):
        web.order(key)
    with scoped(context.engine, shop.account_id) as session:
        session.exec(select(ImportRun)).one().started_at = NIGHT
        defer(session, account_id=shop.account_id, kind=check.KIND, lane="x",
              payload={"shop_id": shop.id})  # fmt: skip
    lost = mock.patch.object(months, "has_surplus", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        run_until_idle(context, handlers=_HANDLERS)
    run_until_idle(context, handlers=_HANDLERS)
    assert len([run for run in rows(context, shop, ImportRun) if run.status == "running"]) == 1


def test_a_reading_that_was_given_up_is_no_reason_to_read_no_more(
    context: Context, shop: Shop
) -> None:
    with scoped(context.engine, shop.account_id) as session:
        run = ImportRun(account_id=shop.account_id, shop_id=shop.id or 0, name="Web",
                        started_at=NOON)  # fmt: skip
        session.add(run)
        session.flush()
        given_up = defer(session, account_id=shop.account_id, kind="import", lane="y",
                         payload={"run_id": run.id})  # fmt: skip
        given_up.status = "dead"
    with scoped(context.engine, shop.account_id) as session:
        check.start(context, session, NIGHT - timedelta(hours=1))
    states = [row.status for row in rows(context, shop, ImportRun)]
    assert states == ["done", "failed", "running"]


def test_when_too_much_is_gone_nothing_is_deleted_and_it_is_said(
    context: Context, web: WebShop, shop: Shop, tonight: Callable[[], Drift],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(check, "MOST_GONE", 1)
    for key in ("1", "2"):
        del web.records["orders", key]
    found = tonight()
    assert (found.doubtful, found.deleted) == (2, 0)
    assert len(held(context, shop)) == 3


def test_orders_older_than_what_the_shop_shows_are_not_gone(
    context: Context, web: WebShop, shop: Shop, tonight: Callable[[], Drift]
) -> None:
    with scoped(context.engine, shop.account_id) as session:
        orders = {row.external_id: row for row in session.exec(select(Order))}
        orders["1"].placed_at -= timedelta(days=90)
    del web.records["orders", "1"]
    assert tonight().deleted == 0


def test_a_shop_that_tells_nothing_while_it_sells_is_silent(
    context: Context, web: WebShop, shop: Shop, clock: Clock, tonight: Callable[[], Drift]
) -> None:
    assert tonight().silent_since is None
    clock.now += timedelta(days=7)
    web.order("9", source_updated_at=clock.now - timedelta(hours=2))
    assert tonight().silent_since is not None


def test_what_keeps_it_from_being_compared_is_said(
    web: WebShop, shop: Shop, tonight: Callable[[], Drift], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_stream: str) -> None:
        raise NotReadable("the answer is no list")

    monkeypatch.setattr(web, "keys", refuse)
    assert tonight().error == "the answer is no list"


def test_a_night_reads_on_and_compares_once_and_not_before_the_history_is_here(
    context: Context, shop: Shop
) -> None:
    def asked() -> list[str]:
        with scoped(context.engine, shop.account_id) as session:
            check.start(context, session, NIGHT - timedelta(hours=1))
        return sorted(work.kind for work in rows(context, shop, Work))

    with scoped(context.engine, shop.account_id) as session:
        session.exec(select(ImportRun)).one().status = "running"
    assert asked() == []
    with scoped(context.engine, shop.account_id) as session:
        session.exec(select(ImportRun)).one().status = "done"
    assert asked() == ["import", "shop_check"]
    assert asked() == ["import", "shop_check"]
