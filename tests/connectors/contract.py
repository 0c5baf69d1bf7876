"""What every connector must do, whatever the platform.

A connector's tests make a subclass named `Test...` with a fixture `make` (a fresh connector over
the same source each call, with pages so small that there are several) and, where the source is
known, a fixture `truth`. What a truth does not tell of (a file has no webhooks) is not asked.

Where a point is about what becomes of the records, its proof is a test of the service.

==  ============================================================================================
 1  `test_every_way_to_fail...`, `test_check_says_which_right_is_lacking`
 2  `test_two_full_reads...`; tests/service/test_golden_shop.py, test_sources_agree.py
 3  `test_reading_on_from_the_end_brings_nothing_new`; tests/service/test_store.py
 4  `test_a_read_killed_after_any_page...`; tests/service/test_connector_killed.py, by tables
 5  `test_a_record_changed_while_paging_is_not_lost`
 6  `test_moments_are_those_of_the_shops_clock`, `test_the_shops_time_zone_is_known`
 7  in the platform's own tests, as each counts in another way
 8  `test_a_fault_ends_right_or_in_an_error_from_which_it_goes_on`
 9  `test_a_webhook_...`; tests/service/test_shop_events.py
10  tests/service/test_shop_check.py
11  `test_the_lines_and_shipping...`, `test_no_more_comes_back_than_was_bought`
12  tests/service/test_identity.py
13  tests/service/test_shop_privacy.py
14  `test_permission_is_read_in_the_four_states`; tests/service/test_consent_sequences.py
15  `test_a_full_read_brings_valid_records...`; the platform's own tests of single records
16  `test_no_secret_stands_in_a_log_or_an_error`
==  ============================================================================================
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

import pytest

from connectors.base import (
    Capabilities,
    Connector,
    Page,
    Refetch,
    SomeDeleted,
    Uninstalled,
)
from connectors.errors import ConnectorError, NotGenuine
from connectors.records import (
    Cart,
    ConsentEvent,
    ConsentState,
    Customer,
    Deleted,
    Order,
    Product,
    Record,
    Refund,
    Touchpoint,
)
from tests.connectors.validity import assert_valid

MakeConnector: TypeAlias = Callable[[], Connector]
KINDS: Mapping[str, type[Record]] = {
    "customers": Customer,
    "products": Product,
    "orders": Order,
    "refunds": Refund,
    "carts": Cart,
    "consent": ConsentEvent,
    "touchpoints": Touchpoint,
}


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A webhook as the platform sends it."""

    headers: Mapping[str, str]
    body: bytes
    #: The header that holds the signature.
    signed_by: str


@dataclass(frozen=True)
class Truth:
    """What the test knows of the source it made; empty where nothing is known."""

    #: Order id to the moment it was placed, with nights on which the clock moves among them.
    moments: Mapping[str, datetime] = field(default_factory=dict)
    #: E-mail address to every state that is stated about it.
    consent: Mapping[str, set[ConsentState]] = field(default_factory=dict)
    #: Sources that cannot be read: each must say so in another sentence.
    unreadable: Sequence[MakeConnector] = ()
    #: Orders whose own total is told, and is not the sum of the lines that could be read.
    odd_totals: frozenset[str] = frozenset()
    #: IANA name of the shop's; "" where the source tells none.
    time_zone: str = ""
    #: Stream to a connector that has no right to it: each must say so in another sentence.
    lacking: Mapping[str, MakeConnector] = field(default_factory=dict)
    #: Name to what lets one request fail: not the next one, but the one after it.
    faults: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    #: Changes a record of a stream at the source and returns its id; None where it has none.
    touch: Callable[[str], str | None] | None = None
    #: What they are about ("changed", "deleted", "uninstalled", "unknown", "ping") to webhooks.
    hooks: Mapping[str, Sequence[Hook]] = field(default_factory=dict)
    #: What may stand in no text: tokens, secrets of apps.
    secrets: Sequence[str] = ()


def pages(connector: Connector, stream: str, cursor: dict[str, Any] | None = None) -> list[Page]:
    """Every page of a stream."""
    return list(connector.read(stream, cursor))


def records(read: Sequence[Page]) -> list[Record]:
    """The records of some pages."""
    return [record for page in read for record in page.records]


def by_key(read: Sequence[Record]) -> dict[tuple[type, str], Record]:
    """Records by their kind and id."""
    return {(type(record), record.id): record for record in read}


def streams(connector: Connector) -> Iterator[str]:
    """The streams of a connector that are read."""
    yield from (stream.name for stream in connector.streams if stream.mode != "hook_only")


def until_it_breaks(connector: Connector, stream: str) -> tuple[list[Page], ConnectorError | None]:
    """The pages of a stream up to the first error, and that."""
    read: list[Page] = []
    try:
        for page in connector.read(stream):
            read.append(page)
    except ConnectorError as error:
        return read, error
    return read, None


class ConnectorContract:
    """The suite; see the module's text for how to use it."""

    #: Stream to the kind of records that come in its pages beside its own.
    together: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def make(self) -> MakeConnector:
        """Return what makes a fresh connector over the same source."""
        raise NotImplementedError

    @pytest.fixture
    def truth(self) -> Truth:
        """What is known of the source."""
        return Truth()

    def test_check_names_the_shop_and_what_can_be_read(self, make: MakeConnector) -> None:
        connector = make()
        found = connector.check()
        assert isinstance(found, Capabilities)
        assert found.shop_id
        assert found.name
        assert len(found.currency) == 3
        assert set(found.problems) <= {stream.name for stream in connector.streams}

    def test_every_way_to_fail_has_its_own_sentence(self, truth: Truth) -> None:
        texts = []
        for make in truth.unreadable:
            with pytest.raises(ConnectorError) as failed:
                make().check()
            texts.append(str(failed.value))
        assert all(texts)
        assert len(set(texts)) == len(texts)

    def test_check_says_which_right_is_lacking(self, truth: Truth) -> None:
        texts = []
        for stream, make in truth.lacking.items():
            problem = make().check().problems[stream]
            assert problem, f"{stream}: nothing is said to be lacking"
            texts.append(problem)
        assert len(set(texts)) == len(texts)

    def test_the_shops_time_zone_is_known(self, make: MakeConnector, truth: Truth) -> None:
        found = make().check().time_zone
        assert ZoneInfo(found)
        assert found == truth.time_zone or not truth.time_zone

    def test_a_full_read_brings_valid_records_with_unique_ids(self, make: MakeConnector) -> None:
        connector = make()
        for stream in streams(connector):
            found = records(pages(connector, stream))
            for record in found:
                assert type(record) in self._kinds(stream)
                assert_valid(record)
            counted = Counter((type(r), r.id) for r in found)
            repeated = [id_ for id_, count in counted.items() if count > 1]
            assert not repeated, f"{stream}: ids more than once"

    def test_only_the_last_page_is_complete(self, make: MakeConnector) -> None:
        connector = make()
        for stream in streams(connector):
            read = pages(connector, stream)
            assert [page.complete for page in read] == [False] * (len(read) - 1) + [True]
            shares = [page.progress for page in read if page.progress is not None]
            assert shares == sorted(shares)
            assert all(0 <= share <= 1 for share in shares)

    def test_two_full_reads_bring_the_same(self, make: MakeConnector) -> None:
        first, second = make(), make()
        for stream in streams(first):
            assert records(pages(first, stream)) == records(pages(second, stream))

    def test_what_was_prepared_is_read_as_a_whole(self, make: MakeConnector) -> None:
        prepared, plain = make(), make()
        begun = prepared.prepare(dict.fromkeys(streams(prepared)))
        assert set(begun) <= set(streams(prepared))
        found = {one: records(pages(prepared, one, begun.get(one))) for one in streams(prepared)}
        for stream, brought in found.items():
            assert by_key(brought) == by_key(records(pages(plain, stream)))

    def test_reading_on_from_the_end_brings_nothing_new(self, make: MakeConnector) -> None:
        connector = make()
        for stream in streams(connector):
            read = pages(connector, stream)
            known = by_key(records(read))
            again = by_key(records(pages(make(), stream, read[-1].cursor_after)))
            # An overlap may be read again, but it may not differ.
            assert again.items() <= known.items()

    def test_a_read_killed_after_any_page_goes_on_to_the_same_records(
        self, make: MakeConnector
    ) -> None:
        whole = make()
        for stream in streams(whole):
            read = pages(whole, stream)
            expected = by_key(records(read))
            counted = sum((Counter(page.counters) for page in read), Counter())
            for k in some_of(len(read)):
                rest = pages(make(), stream, read[k].cursor_after)
                found = by_key(records(read[: k + 1]) + records(rest))
                assert found == expected, f"{stream}: killed after page {k}"
                again = sum((Counter(p.counters) for p in [*read[: k + 1], *rest]), Counter())
                assert again == counted, f"{stream}: counts after a kill at page {k}"

    def test_a_record_changed_while_paging_is_not_lost(
        self, make: MakeConnector, truth: Truth
    ) -> None:
        for stream in streams(make()):
            reader = make().read(stream)
            read = [next(reader)]
            key = truth.touch(stream) if truth.touch else None
            read += reader
            if key is None:
                continue
            read += pages(make(), stream, read[-1].cursor_after)
            now = next(iter(make().fetch(stream, key)))
            assert by_key(records(read))[type(now), key] == now, stream

    def test_a_fault_ends_right_or_in_an_error_from_which_it_goes_on(
        self, make: MakeConnector, truth: Truth
    ) -> None:
        whole = {stream: by_key(records(pages(make(), stream))) for stream in streams(make())}
        for (kind, strike), stream in product(truth.faults.items(), whole):
            strike()
            read, error = until_it_breaks(make(), stream)
            noted = any(page.rejects for page in read)
            if error is not None or noted:
                assert noted or str(error), f"{stream}, {kind}: nothing is said"
                read += pages(make(), stream, read[-1].cursor_after if read else None)
            assert by_key(records(read)) == whole[stream], f"{stream}, {kind}"
            assert len(records(read)) == len(whole[stream]), f"{stream}, {kind}: some twice"

    def test_no_secret_stands_in_a_log_or_an_error(
        self, make: MakeConnector, truth: Truth, caplog: pytest.LogCaptureFixture
    ) -> None:
        said: list[str] = []
        with caplog.at_level(logging.DEBUG):
            for strike in truth.faults.values():
                strike()
                connector = make()
                read, error = until_it_breaks(connector, next(streams(connector)))
                said += [repr(connector), *(repr(page.cursor_after) for page in read)]
                said += traceback.format_exception(error) if error else []
            for broken in truth.unreadable if truth.secrets else ():
                with pytest.raises(ConnectorError) as failed:
                    broken().check()
                said += traceback.format_exception(failed.value)
        told = "\n".join([*said, caplog.text])
        assert [secret for secret in truth.secrets if secret in told] == []

    def test_moments_are_those_of_the_shops_clock(self, make: MakeConnector, truth: Truth) -> None:
        found = by_key(records(pages(make(), "orders")))
        for id_, moment in truth.moments.items():
            order = found[Order, id_]
            assert isinstance(order, Order)
            assert order.placed_at == moment

    def test_the_lines_and_shipping_of_an_order_add_up_to_its_total(
        self, make: MakeConnector, truth: Truth
    ) -> None:
        for order in records(pages(make(), "orders")):
            if not isinstance(order, Order):
                continue
            summed = sum((line.total for line in order.lines), Decimal(0)) + order.shipping
            if order.id in truth.odd_totals:
                assert summed != order.total
            else:
                assert abs(summed - order.total) < Decimal("0.005"), order.id

    def test_no_more_comes_back_than_was_bought(self, make: MakeConnector) -> None:
        connector = make()
        found = [one for stream in streams(connector) for one in records(pages(connector, stream))]
        back: dict[str, Decimal] = defaultdict(Decimal)
        units: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for refund in found:
            if isinstance(refund, Refund):
                back[refund.order_id] += refund.amount or Decimal(0)
                for line in refund.lines:
                    units[refund.order_id, line.order_line_id] += line.quantity
        orders = {one.id: one for one in found if isinstance(one, Order)}
        assert set(back) <= set(orders)
        for key, amount in back.items():
            order = orders[key]
            assert amount <= order.total, key
            bought = {line.id: line.quantity for line in order.lines}
            assert all(units[key, line] <= count for line, count in bought.items()), key
            assert {line for of, line in units if of == key} <= set(bought), key

    def test_permission_is_read_in_the_four_states(self, make: MakeConnector, truth: Truth) -> None:
        connector = make()
        telling = [s for s in streams(connector) if ConsentEvent in self._kinds(s)]
        if not telling:
            pytest.skip("this platform tells nothing about consent")
        stated: dict[str, set[ConsentState]] = {}
        for event in records(pages(connector, telling[0])):
            if not isinstance(event, ConsentEvent):
                continue
            assert event.customer_id or event.email or event.phone
            stated.setdefault(event.email or "", set()).add(event.state)
        for email, states in truth.consent.items():
            assert stated.get(email, set()) == states, email

    def test_keys_and_fetch_agree_with_reading(self, make: MakeConnector) -> None:
        connector = make()
        for stream in streams(connector):
            read = records(pages(connector, stream))
            found = [record for record in read if type(record) is KINDS[stream]]
            assert set(connector.keys(stream)) == {record.id for record in found}
            for record in found[:: max(1, len(found) // 3)]:
                assert next(iter(connector.fetch(stream, record.id))) == record
            assert list(connector.fetch(stream, "no such id")) == []

    def _kinds(self, stream: str) -> set[type[Record]]:
        return {KINDS[name] for name in (stream, self.together.get(stream)) if name}

    def test_a_webhook_nobody_signed_is_refused(self, make: MakeConnector) -> None:
        with pytest.raises(NotGenuine):
            make().parse_hook({}, b"{}")

    def test_a_webhook_counts_only_as_it_was_signed(
        self, make: MakeConnector, truth: Truth
    ) -> None:
        connector = make()
        every = [hook for kind in truth.hooks.values() for hook in kind]
        for hook, other in zip(every, every[1:] + every[:1], strict=True):
            connector.parse_hook(hook.headers, hook.body)
            others = [other.headers[other.signed_by]] if other.body != hook.body else []
            for signature in ("", "wrong", *others):
                with pytest.raises(NotGenuine):
                    connector.parse_hook({**hook.headers, hook.signed_by: signature}, hook.body)
            for place in some_of(len(hook.body)):
                tampered = bytearray(hook.body)
                tampered[place] ^= 1
                with pytest.raises(NotGenuine):
                    connector.parse_hook(hook.headers, bytes(tampered))

    def test_a_webhook_says_the_same_however_often_and_in_whichever_order(
        self, make: MakeConnector, truth: Truth
    ) -> None:
        every = [hook for kind in truth.hooks.values() for hook in kind]
        connector = make()
        first = [connector.parse_hook(hook.headers, hook.body) for hook in every]
        again = [connector.parse_hook(hook.headers, hook.body) for hook in reversed(every)]
        assert first == again[::-1]

    def test_a_webhook_says_what_became_of_a_record(
        self, make: MakeConnector, truth: Truth
    ) -> None:
        connector = make()
        said = {
            kind: [
                change for one in hooks for change in connector.parse_hook(one.headers, one.body)
            ]
            for kind, hooks in truth.hooks.items()
        }
        for change in said.get("changed", ()):
            assert isinstance(change, Refetch)
            assert list(connector.fetch(change.stream, change.key)), change
        assert all(isinstance(one, Deleted | SomeDeleted) for one in said.get("deleted", ()))
        assert all(isinstance(change, Uninstalled) for change in said.get("uninstalled", ()))
        assert [said.get(kind, []) for kind in ("unknown", "ping")] == [[], []]
        assert all(said[kind] for kind in said.keys() - {"unknown", "ping"})


def some_of(count: int) -> list[int]:
    """Up to twenty places in a list, the first and the last among them."""
    return (
        sorted({round(i * (count - 1) / 19) for i in range(20)}) if count > 20 else [*range(count)]
    )
