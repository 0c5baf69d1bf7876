"""A web shop that a test writes down: what it has now, and a connector that reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import col, select

from connectors.base import (
    Capabilities,
    Change,
    ErasureAsked,
    InstallShape,
    Merged,
    Page,
    Refetch,
    ShopErasureAsked,
    Stream,
    Uninstalled,
)
from connectors.errors import NotAuthorized, NotGenuine
from connectors.records import Customer, Deleted, Order, OrderLine, Record
from integration.context import Context
from integration.db import scoped
from integration.tables import Shop
from integration.work.inbox import Message, ask, keep_of_shop
from tests.conftest import add_account
from tests.service.records import NOON

#: What a webhook of this shop may say.
_CHANGES: Mapping[str, type[Any]] = {
    "refetch": Refetch,
    "deleted": Deleted,
    "merged": Merged,
    "uninstalled": Uninstalled,
    "erasure": ErasureAsked,
    "shop_erasure": ShopErasureAsked,
}


@dataclass
class WebShop:
    """The connector, and what the shop has; `records` is by stream and key."""

    records: dict[tuple[str, str], Sequence[Record]] = field(default_factory=dict)
    platform: str = "shopify"
    install: InstallShape = InstallShape.SIGNED_APP
    streams: Sequence[Stream] = (Stream(name="customers"), Stream(name="orders"))
    #: Every record read, in order.
    fetched: list[tuple[str, str]] = field(default_factory=list)
    #: Raised by the next reads, one each.
    failures: list[Exception] = field(default_factory=list)
    is_removed: bool = False

    def check(self) -> Capabilities:
        """Who the shop is."""
        if self.is_removed:
            raise NotAuthorized("connect the shop again")
        return Capabilities(shop_id="1", name="Web", currency="EUR", time_zone="Europe/Amsterdam")

    def read(self, stream: str, cursor: dict[str, Any] | None = None) -> Iterator[Page]:
        """Everything of a stream that changed since the cursor's moment, in one page."""
        since = (cursor or {}).get("since", "")
        found = [
            record
            for (name, _), records in self.records.items()
            for record in records
            if name == stream and str(getattr(record, "source_updated_at", "")) >= since
        ]
        yield Page(records=found, cursor_after={"since": str(NOON)}, complete=True)

    def fetch(self, stream: str, key: str) -> Sequence[Record]:
        """One record."""
        self.fetched.append((stream, key))
        if self.failures:
            raise self.failures.pop(0)
        if self.is_removed:
            raise NotAuthorized("connect the shop again")
        return self.records.get((stream, key), ())

    def keys(self, stream: str) -> Iterator[str]:
        """Every id of a stream."""
        yield from (key for name, key in self.records if name == stream)

    def count_between(self, start: datetime | None, end: datetime) -> int:
        """How many orders were placed."""
        return len(list(self.keys_between(start, end)))

    def keys_between(self, start: datetime | None, end: datetime) -> Iterator[str]:
        """The ids of orders that were placed."""
        for (stream, key), (record, *_) in self.records.items():
            if stream != "orders" or not isinstance(record, Order):
                continue
            if record.placed_at < end and (start is None or start <= record.placed_at):
                yield key

    def parse_hook(self, headers: Mapping[str, str], raw_body: bytes) -> Sequence[Change]:
        """Read the body: a list of [kind, values]."""
        if headers.get("signed") != "yes":
            raise NotGenuine("not signed")
        return [_CHANGES[kind](**values) for kind, values in json.loads(raw_body)]

    # -- what the shop does ------------------------------------------------------------------------

    def order(self, key: str, *, version: int = 0, total: int = 100, **more: Any) -> Order:
        """Have an order, or a later version of it."""
        line = OrderLine(id="1", title="Suit", quantity=Decimal(1), total=Decimal(total))
        made = Order(
            id=key,
            **{
                "placed_at": NOON,
                "currency": "EUR",
                "total": Decimal(total),
                "lines": (line,),
                "source_updated_at": NOON + timedelta(minutes=version),
                **more,
            },
        )
        self.records["orders", key] = [made]
        return made

    def customer(self, key: str, **more: Any) -> Customer:
        """Have a customer."""
        made = Customer(id=key, **{"source_updated_at": NOON, **more})
        self.records["customers", key] = [made]
        return made


def add_web_shop(context: Context) -> Shop:
    """Store a connected web shop of a new account."""
    account_id = add_account(context.engine)
    with scoped(context.engine, account_id) as session:
        shop = Shop(
            account_id=account_id,
            platform="shopify",
            external_id="dressed.myshopify.com",
            name="Dressed",
            created_at=NOON,
        )
        session.add(shop)
    return shop


def tell(
    context: Context, shop: Shop, *changes: tuple[str, Mapping[str, str | None]], key: str
) -> None:
    """Deliver a webhook as the route does."""
    with scoped(context.engine, shop.account_id) as session:
        message = Message("topic", key, {"signed": "yes"}, json.dumps(changes).encode())
        keep_of_shop(session, shop.account_id, shop.id or 0, message)
    with scoped(context.engine, shop.account_id) as session:
        ask(session, shop.account_id, shop.id or 0, context.clock())


def rows(context: Context, shop: Shop, table: type[Any]) -> list[Any]:
    """Rows of a table, of this account."""
    with scoped(context.engine, shop.account_id) as session:
        return list(session.exec(select(table).order_by(col(table.id))).all())
