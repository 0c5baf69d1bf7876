"""Shopify as a connector: who the shop is, its history, what changed since, single records."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from connectors.base import Capabilities, Change, InstallShape, Page, Stream
from connectors.errors import NotReadable
from connectors.records import BadRecord, Cursor, Order, Record
from connectors.shopify import checkouts, orders, records, webhooks
from connectors.shopify.client import Client
from connectors.shopify.documents import COUNTS, PROBES, ROOTS, SHOP, bulk_ids
from connectors.shopify.errors import AccessDenied
from connectors.shopify.fields import Raw, Unreadable, note, number, reject
from connectors.shopify.history import PAGE, History
from connectors.shopify.paging import Paging
from connectors.shopify.windows import (
    LAG,
    SLICES,
    State,
    field_of,
    lately,
    placed,
    window,
    within,
)

#: Up to so many records are read by pages: a bulk operation would take longer to begin.
FEW: Mapping[str, int] = {"customers": 400, "products": 150, "orders": 60, "carts": 100}
#: Nothing was sold by Shopify before.
_BEGINNING = datetime(2006, 1, 1, tzinfo=UTC)
#: A span that is not cut any more to be counted exactly.
_SHORT = timedelta(minutes=1)


def _now() -> datetime:
    return datetime.now(UTC)


class ShopifyConnector:
    """One Shopify store.

    To customers belong their statements about permission, to orders their refunds: they come in the
    same page, as Shopify tells them together.

    Parameters
    ----------
    connect
        Opens the client once something is asked of the store: webhooks are read without.
    folder
        Where large exports lie while they are handed over, this shop's alone; a reading that was
        stopped goes on from what is there.
    few
        Records of a stream up to which it is read by pages.
    page
        Records of an export handed over at a time.
    secrets
        The app's, with which webhooks are signed; the one in use first.
    language
        Of the notes on records that cannot be read.
    """

    platform = "shopify"
    install = InstallShape.SIGNED_APP
    streams: Sequence[Stream] = tuple(
        Stream(name=name, ordered=False, lag_s=86_400.0, deletes="hook")
        for name in ("products", "customers", "orders", "carts")
    )

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        folder: Path,
        few: Mapping[str, int] = FEW,
        page: int = PAGE,
        secrets: Sequence[str] = (),
        language: str = "en",
        now: Callable[[], datetime] = _now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect, self._secrets = connect, secrets
        self._few, self._language, self._now = few, language, now
        self._folder, self._size, self._sleep = folder, page, sleep

    @cached_property
    def _client(self) -> Client:
        return self._connect()

    @cached_property
    def _paging(self) -> Paging:
        return Paging(self._client)

    @cached_property
    def _history(self) -> History:
        return History(self._client, self._folder, page=self._size, sleep=self._sleep)

    def check(self) -> Capabilities:
        """Who the shop is and what Shopify lets us read.

        Raises
        ------
        ConnectorError
        """
        shop = self._client.run(SHOP).need("shop")
        return Capabilities(
            shop_id=number(shop["id"]),
            name=shop["name"],
            currency=shop["currencyCode"],
            time_zone=shop["ianaTimezone"],
            problems={stream.name: self._problem(stream.name) for stream in self.streams},
        )

    def prepare(self, cursors: Mapping[str, Cursor | None]) -> Mapping[str, Cursor]:
        """Plan what is to be read of every stream, and start its exports beside each other.

        What Shopify refuses is left to the reading of its stream, which says so.

        Raises
        ------
        ConnectorError
        """
        begun: dict[str, State] = {}
        under_way: dict[str, State] = {}
        for stream in (one.name for one in self.streams if one.name in cursors):
            cursor = cursors[stream]
            if cursor and cursor.get("until"):
                under_way[stream] = State.of(cursor)
                continue
            with suppress(AccessDenied):
                begun[stream] = self._begin(stream, cursor["since"] if cursor else None)
        self._history.prepare({**under_way, **begun}, since=_earliest(under_way.values()))
        return {stream: state.cursor() for stream, state in begun.items()}

    def read(self, stream: str, cursor: Cursor | None = None) -> Iterator[Page]:
        """Yield every page after `cursor`; pages without records say that Shopify is at work.

        Raises
        ------
        ConnectorError
        """
        _known(stream)
        if cursor and cursor.get("until"):
            state = State.of(cursor)
        else:
            try:
                state = self._begin(stream, cursor["since"] if cursor else None)
            except AccessDenied:
                if stream != "carts":
                    raise
                yield self._nothing(stream)
                return
        pages = self._by_pages if state.slices is None else self._by_bulk
        yield from pages(stream, state)

    def fetch(self, stream: str, key: str) -> Sequence[Record]:
        """Return one record as it is now, and what belongs to it; nothing when there is none.

        Raises
        ------
        ConnectorError
        """
        _known(stream)
        key = self._numbered(stream, key) or ""
        raw = self._paging.one(stream, key) if key else None
        if raw is None:
            return []
        try:
            return _records(stream, raw)
        except Unreadable as error:
            raise NotReadable(reject(stream, raw, error, self._language).reason) from error

    def keys(self, stream: str) -> Iterator[str]:
        """Yield every id of a stream.

        Raises
        ------
        ConnectorError
        """
        _known(stream)
        query = window(stream, None, self._now())
        if self._count(stream, query) <= 10 * self._few[stream]:
            yield from map(number, self._paging.ids(stream, query))
        else:
            yield from self._history.ids(bulk_ids(stream, query))

    def count_between(self, start: datetime | None, end: datetime) -> int:
        """Return how many orders were placed from `start` up to `end`.

        Raises
        ------
        ConnectorError
        """
        return self._exactly("orders", placed, start, end)

    def keys_between(self, start: datetime | None, end: datetime) -> Iterator[str]:
        """Yield the ids of the orders that were placed from `start` up to `end`.

        Raises
        ------
        ConnectorError
        """
        yield from map(number, self._paging.ids("orders", placed(start, end)))

    def parse_hook(self, headers: Mapping[str, str], raw_body: bytes) -> Sequence[Change]:
        """Return what a webhook says; see `webhooks.parse`.

        Raises
        ------
        NotGenuine, NotReadable
        """
        return webhooks.parse(headers, raw_body, self._secrets)

    def _numbered(self, stream: str, key: str) -> str | None:
        """Return a record's number, by which alone it can be asked for; None where it has none."""
        if key.isdecimal():
            return key
        if stream != "carts" or not checkouts.is_token(key):
            return None
        found = self._paging.checkout(key, lately(self._now()))
        return number(found) if found else None

    def _problem(self, stream: str) -> str | None:
        try:
            self._client.run(PROBES[stream]).need(ROOTS[stream])
        except AccessDenied as error:
            return str(error)
        return None

    def _begin(self, stream: str, since: str | None) -> State:
        self._history.clean(stream, None)
        until = self._now()
        state = State(since=since, until=until.isoformat())
        state.total = self._total(stream, since, until)
        if state.total > self._few[stream]:
            self._history.plan(stream, state, until)
        return state

    def _nothing(self, stream: str) -> Page:
        """Return the end of a stream that may lack; the next reading asks again."""
        rejects = [note(stream, "", ROOTS[stream], "refused", self._language)]
        return Page(records=(), rejects=rejects, cursor_after={}, complete=True, progress=1.0)

    def _total(self, stream: str, since: str | None, until: datetime) -> int:
        """Return how many records a reading brings: how they are cut, and its progress, go by it.

        Customers, who can be asked for by whole days only, are told up to what Shopify counts.
        """
        query, name = window(stream, since, until), field_of(since)
        count, is_exact = self._counted(stream, query)
        if is_exact or stream not in SLICES:
            return count
        start = None if since is None else datetime.fromisoformat(since) - LAG
        end = until + _SHORT  # of this very moment too
        return self._exactly(stream, lambda *span: f"{query} {within(name, *span)}", start, end)

    def _exactly(
        self,
        stream: str,
        query: Callable[[datetime | None, datetime], str],
        start: datetime | None,
        end: datetime,
    ) -> int:
        """Count a span; Shopify counts to 25,000, so one with more is counted in halves."""
        count, is_exact = self._counted(stream, query(start, end))
        begin = start or _BEGINNING
        if is_exact or end - begin < _SHORT:
            return count
        middle = begin + (end - begin) / 2
        before = self._exactly(stream, query, start, middle)
        return before + self._exactly(stream, query, middle, end)

    def _count(self, stream: str, query: str) -> int:
        return self._counted(stream, query)[0]

    def _counted(self, stream: str, query: str) -> tuple[int, bool]:
        """Return how many there are, and whether that is all of them."""
        answer = self._client.run(COUNTS[stream], {"query": query or None})
        found = answer.need(f"{ROOTS[stream]}Count")
        return (int(found["count"]), found["precision"] == "EXACT") if found else (0, True)

    def _by_pages(self, stream: str, state: State) -> Iterator[Page]:
        query = window(stream, state.since, datetime.fromisoformat(state.until))
        while True:
            page = self._paging.page(stream, query, state.after)
            state.after = page.after
            state.read += len(page.rows)
            yield self._page(stream, page.rows, state, page.refused, is_last=page.after is None)
            if page.after is None:
                return

    def _by_bulk(self, stream: str, state: State) -> Iterator[Page]:
        for rows in self._history.read(stream, state):
            if stream == "orders":
                self._paging.add_refund_lines(rows)
            if stream == "carts":
                self._paging.add_orders(rows)
            yield self._page(stream, rows, state, is_last=not state.slices)

    def _page(
        self,
        stream: str,
        rows: Sequence[Raw],
        state: State,
        refused: frozenset[str] = frozenset(),
        *,
        is_last: bool,
    ) -> Page:
        found: list[Record] = []
        rejects: list[BadRecord] = [
            note(stream, "", field, "refused", self._language) for field in sorted(refused)
        ]
        for raw in rows:
            try:
                found += _records(stream, raw)
            except Unreadable as error:
                rejects.append(reject(stream, raw, error, self._language))
        return Page(
            records=found,
            rejects=rejects,
            cursor_after={"since": state.until} if is_last else state.cursor(),
            complete=is_last,
            progress=1.0 if is_last else state.progress,
            known_since=state.known_since if stream == "orders" and not is_last else None,
            counters=_counters(found),
        )


def _earliest(states: Iterable[State]) -> str | None:
    """Return the moment since when exports may have been started for these."""
    return min((state.until for state in states), default=None)


def _known(stream: str) -> None:
    if stream not in ROOTS:
        raise NotReadable(f"Shopify is not read for {stream!r}.")


def _records(stream: str, raw: Raw) -> list[Record]:
    """Return a record and what belongs to it.

    Raises
    ------
    Unreadable
    """
    if stream == "customers":
        return [records.customer(raw), *records.consent(raw)]
    if stream == "products":
        return [records.product(raw)]
    if stream == "orders":
        return [orders.order(raw), *orders.refunds(raw)]
    return [checkouts.cart(raw)]


def _counters(found: Sequence[Record]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for record in found:
        if isinstance(record, Order):
            counted["lines"] += len(record.lines)
            counted["guest lines"] += len(record.lines) if record.customer_id is None else 0
    return {name: value for name, value in counted.items() if value}
