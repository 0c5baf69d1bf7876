"""Reading a Shopify store when things go wrong, and that both ways of reading agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from connectors.base import Page
from connectors.errors import ConnectorError, NotAuthorized, Unreachable
from connectors.http import Http
from connectors.records import BadRecord, Cart, Customer, Order, Product, Record
from connectors.shopify.errors import AccessDenied, ShopUnavailable, TokenRefused, TooCostly
from tests.connectors.contract import by_key, pages, records
from tests.connectors.shopify.conftest import Connect
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.faults import KINDS
from tests.emulators.shopify.server import ShopifyEmulator

STREAMS = ("products", "customers", "orders", "carts")


@pytest.fixture(autouse=True)
def _calm(shopify: ShopifyEmulator) -> Iterator[None]:
    """Leave no fault and no export under way to the next test."""
    yield
    for operation in shopify.bulk.operations.values():
        if operation.row["status"] in ("CREATED", "RUNNING", "CANCELING"):
            operation.row["status"] = "CANCELED"
    shopify.faults.clear()
    shopify.dearness = 1
    shopify.bulk.manual, shopify.bulk.withheld = False, 0
    shopify.bulk.failures.clear()
    shopify.bulk.refusals.clear()


def everything(
    connect: Connect, stream: str, *, few: int, page: int = 8
) -> Mapping[tuple[type, str], Record]:
    """Every record of a stream."""
    return by_key(records(pages(connect(few=few, page=page), stream)))


@pytest.mark.parametrize("stream", STREAMS)
def test_pages_and_bulk_operations_bring_the_same_records(connect: Connect, stream: str) -> None:
    assert everything(connect, stream, few=0) == everything(connect, stream, few=10_000)


def test_shopifys_own_scores_of_a_customer_are_kept(connect: Connect) -> None:
    people = [one for one in records(pages(connect(), "customers")) if isinstance(one, Customer)]
    assert {one.their_group for one in people} & {"loyal", "promising", "prospects"}
    assert {one.their_tier for one in people} & {"high", "medium", None}


def test_the_newest_orders_come_first(connect: Connect) -> None:
    read = pages(connect(few=0, page=8), "orders")
    placed = [one.placed_at for one in records(read) if isinstance(one, Order)]
    assert placed == sorted(placed, reverse=True)
    assert len([page for page in read if page.records]) > 2


def test_a_history_says_from_when_on_it_is_whole(connect: Connect) -> None:
    read = pages(connect(few=0, page=8), "orders")
    whole = sorted(one.placed_at for one in records(read) if isinstance(one, Order))
    told = []
    for nth, page in enumerate(read, start=1):
        if page.known_since is not None:
            so_far = [one.placed_at for one in records(read[:nth]) if isinstance(one, Order)]
            recent = [at for at in whole if at >= page.known_since]
            assert [at for at in sorted(so_far) if at >= page.known_since] == recent
            told.append(page.known_since)
    assert told, "the newest slice is told of before the others have come"
    assert told == sorted(told, reverse=True)
    assert read[-1].known_since is None, "nothing is to come any more"
    assert {one.known_since for one in pages(connect(few=0), "customers")} == {None}


def test_orders_are_counted_by_when_they_were_placed_however_many_there_are(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    reader = connect()
    placed = {
        one.id: one.placed_at for one in records(pages(reader, "orders")) if isinstance(one, Order)
    }
    moments = sorted(placed.values())
    middle, end = moments[len(moments) // 2].replace(microsecond=0), shopify.clock()
    shop = shopify.shop()
    for shop.counts_to in (25_000, 4):
        for start in (None, middle):
            within = {key for key, at in placed.items() if (not start or at >= start) and at < end}
            assert reader.count_between(start, end) == len(within) > 4
            assert set(reader.keys_between(start, end)) == within
    shop.counts_to = 25_000


@pytest.mark.parametrize("stream", ["orders", "products", "carts"])
def test_how_much_is_to_be_read_is_counted_however_much_it_is(
    shopify: ShopifyEmulator, connect: Connect, stream: str
) -> None:
    def totals() -> list[int]:
        begun = [None, {"since": "2018-01-01T00:00:00+00:00"}]
        told = [connect(few=0).prepare({stream: cursor}).values() for cursor in begun]
        return [cursor["total"] for (cursor,) in told]

    whole = totals()
    assert min(whole) > 2
    shopify.shop().counts_to = min(whole) - 1
    counted = totals()
    shopify.shop().counts_to = 25_000
    assert counted == whole


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT"])
def test_an_export_that_broke_off_is_asked_for_in_halves(
    shopify: ShopifyEmulator, connect: Connect, code: str
) -> None:
    whole = everything(connect, "orders", few=0)
    shopify.bulk.fail(code, partial=0.5)
    shopify.bulk.fail(code)
    assert everything(connect, "orders", few=0) == whole


def test_an_export_that_always_fails_ends_with_its_reason(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    for _ in range(4):
        shopify.bulk.fail("TIMEOUT")
    with pytest.raises(Unreachable, match="TIMEOUT"):
        everything(connect, "customers", few=0)


def test_a_refused_export_asks_for_access(shopify: ShopifyEmulator, connect: Connect) -> None:
    shopify.bulk.fail("ACCESS_DENIED")
    with pytest.raises(NotAuthorized):
        everything(connect, "customers", few=0)


@pytest.mark.parametrize("code", ["LIMIT_REACHED", "OPERATION_IN_PROGRESS"])
def test_no_place_for_an_export_is_waited_for(
    shopify: ShopifyEmulator, connect: Connect, code: str
) -> None:
    whole = everything(connect, "orders", few=0)
    shopify.bulk.refuse(code)
    assert everything(connect, "orders", few=0) == whole


def test_one_place_of_five_stays_free(shopify: ShopifyEmulator, connect: Connect) -> None:
    shopify.bulk.manual = True
    reader = connect(few=0).read("orders")
    next(reader)
    running = [one for one in shopify.bulk.operations.values() if one.row["status"] == "CREATED"]
    assert 1 <= len(running) <= 4


def test_an_export_that_was_cancelled_or_has_expired_is_run_again(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    whole = everything(connect, "orders", few=0)
    shopify.bulk.manual = True
    reader = connect(few=0, page=8).read("orders")
    begun = next(reader)
    shopify.bulk.manual = False
    for slice_ in begun.cursor_after["slices"]:
        if slice_["operation"]:
            shopify.bulk.operations[slice_["operation"]].row["status"] = "CANCELING"
    rest = pages(connect(few=0, page=8), "orders", begun.cursor_after)
    assert by_key(records(rest)) == whole


def test_a_started_export_is_taken_over_by_who_goes_on(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    shopify.bulk.manual = True
    before = len(shopify.bulk.operations)
    next(connect(few=0).read("customers"))  # stopped before its page was stored
    next(connect(few=0).read("customers"))
    assert len(shopify.bulk.operations) == before + 1


def test_exports_of_all_streams_run_beside_each_other(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    shopify.bulk.manual = True
    before = set(shopify.bulk.operations)
    connect(few=0).prepare(dict.fromkeys(STREAMS))
    begun = [one.row for key, one in shopify.bulk.operations.items() if key not in before]
    asked = {
        name
        for name in ("products", "customers", "orders")
        for one in begun
        if f"{{ {name}(" in one["query"]
    }
    assert asked == {"products", "customers", "orders"}
    assert len(begun) <= 4


def test_what_a_stopped_reading_had_exported_is_taken_over_when_it_is_done(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    stopped = connect(few=0)
    begun = stopped.prepare({"customers": None, "products": None})
    next(stopped.read("products", begun["products"]))  # its page is never stored
    for _ in range(3):
        shopify.bulk.step()
    before = len(shopify.bulk.operations)
    going_on = connect(few=0)
    assert going_on.prepare(begun) == {}
    found = by_key(records(pages(going_on, "customers", begun["customers"])))
    assert len(shopify.bulk.operations) == before
    assert found == everything(connect, "customers", few=0)


PASSING = (
    "error_500", "error_502", "error_503", "firewall", "internal", "lost", "partial", "slow",
    "throttled", "too_many", "too_many_bare", "truncated",
)  # fmt: skip
LASTING = {
    "unauthorized": TokenRefused,
    "no_approval": AccessDenied,
    "payment_required": ShopUnavailable,
    "not_found": ShopUnavailable,
    "locked": ShopUnavailable,
    "security": ShopUnavailable,
}


@pytest.mark.parametrize("kind", PASSING)
def test_a_fault_that_passes_is_waited_out_and_costs_no_record(
    shopify: ShopifyEmulator, connect: Connect, kind: str
) -> None:
    whole = everything(connect, "orders", few=10_000)
    shopify.faults.add(kind, first=2, times=2)
    assert everything(connect, "orders", few=10_000) == whole


#: Whatever is asked while exports are read: a word of the question, or a part of the address.
ASKED = (
    "Count(", "Oldest(", "query BulkRunning", "mutation BulkRun(", "query BulkPoll", "/bulk/",
    "RefundLines(", "OrdersOf(",
)  # fmt: skip


@pytest.mark.parametrize("place", ASKED)
def test_a_fault_at_any_question_of_an_export_costs_and_doubles_no_record(
    shopify: ShopifyEmulator, connect: Connect, place: str
) -> None:
    stream = "carts" if place == "OrdersOf(" else "orders"
    order = next(iter(shopify.shop().orders))
    kept = shopify.shop().orders[order]
    for _ in range(2):  # of two refunds the lines are asked for
        shopify.acts().refund(order)
    whole = everything(connect, stream, few=0)
    where = {"path": place} if place.startswith("/") else {"word": place}
    for kind in (*PASSING, "unauthorized"):
        before = len(shopify.bulk.operations)
        shopify.faults.add(kind, times=1, **where)
        brought = read_to_the_end(connect, stream)
        assert by_key(brought) == whole, kind
        assert len(brought) == len(whole), f"{kind}: some twice"
        assert shopify.faults.is_calm, f"{kind} never struck"
        begun = list(shopify.bulk.operations.values())[before:]
        bodies = [one.row["query"] for one in begun]
        # Only the file that cannot be had is made once more.
        assert len(bodies) - len(set(bodies)) <= (place == "/bulk/"), kind
    shopify.shop().orders.put(kept)


def read_to_the_end(connect: Connect, stream: str) -> list[Record]:
    """Read as the job does: on from the last page that was stored, after whatever happened."""
    brought: list[Record] = []
    cursor = None
    for _ in range(5):
        try:
            for page in connect(few=0, page=8).read(stream, cursor):
                brought += page.records
                cursor = page.cursor_after
        except ConnectorError:
            continue
        return brought
    raise AssertionError("it does not come to an end")


def test_the_wait_that_shopify_asks_for_is_kept(shopify: ShopifyEmulator, connect: Connect) -> None:
    asked = len(shopify.requests)
    shopify.faults.add("too_many", first=2)
    pages(connect(few=10_000), "orders")
    asked_twice = pairwise(shopify.requests[asked:])
    refused, again = next(pair for pair in asked_twice if pair[0].status == 429)
    assert (again.at - refused.at).total_seconds() >= 2.0


def test_an_answer_that_comes_too_late_is_asked_for_again(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    whole = everything(connect, "products", few=10_000)
    asked = len(shopify.requests)
    everything(connect, "products", few=10_000)
    usual = len(shopify.requests) - asked
    shopify.faults.add("slow", first=2, seconds=2.5)
    found = by_key(records(pages(connect(few=10_000, http=Http(timeout_s=2.0)), "products")))
    assert found == whole
    assert len(shopify.requests) >= asked + 2 * usual + 1


def test_what_is_deleted_or_changed_between_two_pages_costs_none_of_the_others(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    table = shopify.shop().orders
    kept = {key: table[key] for key in table}
    reader = connect(few=10_000).read("orders")
    first = next(reader)
    read = [one.id for one in first.records if isinstance(one, Order)]
    unread = [key for key in table if key.rpartition("/")[2] not in read]
    gone = [f"gid://shopify/Order/{read[0]}", unread[0]]
    moved = f"gid://shopify/Order/{read[1]}"

    def act() -> None:
        for key in gone:
            table.remove(key)
        table.put({**table[moved], "updatedAt": stamp(shopify.clock()), "name": "#moved"})

    shopify.faults.add("between", word="OrderPage", act=act)
    brought = by_key([*first.records, *records(list(reader))])
    for row in kept.values():
        table.put(row)
    whole = {key for key in everything(connect, "orders", few=10_000) if key[0] is Order}
    lost = whole - {key for key in brought if key[0] is Order}
    assert lost == {(Order, unread[0].rpartition("/")[2])}
    found = brought[Order, read[1]]
    assert isinstance(found, Order)
    assert found.number == "#moved"


@pytest.mark.parametrize(("kind", "error"), LASTING.items(), ids=list(LASTING))
def test_a_fault_that_lasts_is_an_error_of_its_own_kind(
    shopify: ShopifyEmulator, connect: Connect, kind: str, error: type[ConnectorError]
) -> None:
    shopify.faults.add(kind, first=3, times=None)
    brought: list[Page] = []
    with pytest.raises(error):
        brought.extend(connect(few=10_000).read("orders"))
    shopify.faults.clear()
    rest = pages(connect(few=10_000), "orders", brought[-1].cursor_after)
    whole = everything(connect, "orders", few=10_000)
    assert by_key(records(brought) + records(rest)) == whole


def test_every_fault_of_the_emulator_passes_or_lasts() -> None:
    assert {*PASSING, *LASTING, "between"} == set(KINDS)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_page_that_is_too_dear_is_asked_for_in_halves(
    shopify: ShopifyEmulator, connect: Connect, stream: str
) -> None:
    whole = everything(connect, stream, few=10_000)
    shopify.dearness = 3
    assert everything(connect, stream, few=10_000) == whole
    reader = connect(few=10_000)
    asked = len(shopify.requests)
    for (kind, key), record in list(whole.items())[:2]:
        if kind in (Customer, Product, Order, Cart):
            assert reader.fetch(stream, key)[0] == record
    # What was too dear once is not asked for again.
    refused = [one.query for one in shopify.requests[asked:] if one.refusal == "MAX_COST_EXCEEDED"]
    assert len(refused) == len(set(refused))


def test_what_is_too_dear_one_by_one_is_said(shopify: ShopifyEmulator, connect: Connect) -> None:
    shopify.dearness = 500
    with pytest.raises(TooCostly):
        pages(connect(few=10_000), "orders")


@pytest.mark.parametrize("reserve", [0, 300])
def test_a_basic_store_is_never_asked_for_more_than_it_gives(
    shopify: ShopifyEmulator, connect: Connect, reserve: int
) -> None:
    bucket = shopify.bucket(shopify.shop())
    bucket.plan, bucket.left = "basic", None
    left: list[float] = []
    asked = len(shopify.requests)
    for _page in connect(few=10_000, reserve=reserve).read("products"):
        left.append(bucket.available(shopify.clock()))
    bucket.plan, bucket.left = "enterprise", None
    assert len(left) > 3
    # The first of its kind is asked for before anybody knows what it costs.
    assert min(left) >= reserve
    assert {one.refusal for one in shopify.requests[asked:]} == {""}


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_file_that_is_cut_short_is_fetched_again_and_then_made_again(
    shopify: ShopifyEmulator, connect: Connect, stream: str, times: int
) -> None:
    whole = everything(connect, stream, few=0)
    before = len(shopify.bulk.operations)
    once = everything(connect, stream, few=0)
    slices = len(shopify.bulk.operations) - before
    shopify.faults.add("truncated", path="/bulk/", times=times)
    assert everything(connect, stream, few=0) == once == whole
    made = len(shopify.bulk.operations) - before - slices
    assert made == slices + (times > 1), "the first slice's file is made once more"


def test_a_file_that_is_always_cut_short_saves_no_half_slice(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    shopify.faults.add("truncated", path="/bulk/", times=None)
    brought: list[Page] = []
    with pytest.raises(Unreachable, match="4 times"):
        brought.extend(connect(few=0, page=8).read("customers"))
    assert records(brought) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_a_result_without_an_address_is_no_empty_one(
    shopify: ShopifyEmulator, connect: Connect, stream: str
) -> None:
    whole = everything(connect, stream, few=0)
    shopify.bulk.withheld = 1
    assert everything(connect, stream, few=0) == whole
    shopify.bulk.withheld = 99
    with pytest.raises(Unreachable, match="without result"):
        everything(connect, stream, few=0)


def test_who_goes_on_a_week_later_has_the_export_made_anew(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    whole = everything(connect, "customers", few=0)
    begun = next(connect(few=0).read("customers"))
    for _ in range(2):
        shopify.bulk.step()
    shopify.clock.advance(days=8)
    try:
        rest = pages(connect(few=0), "customers", begun.cursor_after)
    finally:
        shopify.clock.advance(days=-8)
    assert by_key(records(rest)) == whole


def test_an_export_that_is_made_anew_half_way_is_read_from_its_beginning(
    shopify: ShopifyEmulator, connect: Connect, tmp_path: Path
) -> None:
    whole = everything(connect, "customers", few=0)
    reader = connect(few=0, page=2).read("customers")
    begun = next(page for page in reader if page.records)
    # The computer is another one by now, and the export is over at Shopify too.
    for path in tmp_path.glob("customers-*"):
        path.unlink()
    gone = next(one for one in begun.records if isinstance(one, Customer))
    row = shopify.shop().customers[f"gid://shopify/Customer/{gone.id}"]
    shopify.shop().customers.remove(row["id"])
    shopify.clock.advance(days=8)
    try:
        rest = pages(connect(few=0, page=2), "customers", begun.cursor_after)
    finally:
        shopify.clock.advance(days=-8)
        shopify.shop().customers.put(row)
    assert by_key(records([begun, *rest])) == whole


def test_a_change_while_paging_is_not_passed_over(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    reader = connect(few=10_000).read("orders")
    first = next(reader)
    moved = next(one for one in first.records if isinstance(one, Order))
    row = shopify.shop().orders[f"gid://shopify/Order/{moved.id}"]
    kept = dict(row)
    shopify.shop().orders.put({**row, "updatedAt": "2026-11-01T12:30:00Z", "name": "#changed"})
    rest = [first, *reader]
    again = pages(connect(few=10_000), "orders", rest[-1].cursor_after)
    found = [one for one in records([*rest, *again]) if isinstance(one, Order)]
    assert "#changed" in {one.number for one in found}
    shopify.shop().orders.put(kept)


def test_a_record_that_cannot_be_read_is_noted_and_the_rest_goes_on(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    table = shopify.shop().customers
    kept = table[next(iter(table))]
    table.put({**kept, "updatedAt": "the day before yesterday"})
    rejects: list[BadRecord] = []
    people = []
    for page in pages(connect(few=0, language="nl"), "customers"):
        rejects += page.rejects
        people += [one for one in page.records if isinstance(one, Customer)]
    assert [(one.column, one.row) for one in rejects] == [("updatedAt", kept["legacyResourceId"])]
    assert "datum" in rejects[0].reason
    assert len(people) == len(table) - 1
    table.put(kept)


def test_a_protected_field_costs_the_field_and_no_page(
    shopify: ShopifyEmulator, connect: Connect
) -> None:
    approvals = shopify.shop().approvals
    kept = approvals.fields
    approvals.fields = frozenset({"customer/name"})
    try:
        (page,) = pages(connect(few=10_000), "customers")
    finally:
        approvals.fields = kept
    assert any(isinstance(one, Customer) for one in page.records)
    assert {one.column for one in page.rejects} >= {"customers.defaultPhoneNumber.phoneNumber"}


def test_check_tells_which_right_is_lacking(shopify: ShopifyEmulator, connect: Connect) -> None:
    shop = shopify.shop()
    kept = shop.scopes
    shop.scopes = frozenset({"read_products"})
    found = connect().check().problems
    shop.scopes = kept
    assert found["products"] is None
    assert "read_orders" in str(found["orders"])
    assert found["customers"]


def test_a_token_that_was_taken_back_says_so_and_stands_in_no_text(connect: Connect) -> None:
    with pytest.raises(NotAuthorized) as failed:
        connect(token="shpat_taken_back").check()
    assert "shpat" not in str(failed.value)


def test_staged_files_are_gone_at_the_end(connect: Connect, tmp_path: Path) -> None:
    everything(connect, "orders", few=0)
    assert list(tmp_path.glob("*.sqlite")) == []
