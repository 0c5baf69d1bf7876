"""Records for tests: complete, with one thing at a time worth changing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine

from connectors.base import Page
from connectors.records import Order, OrderLine, Record
from integration.db import scoped
from integration.store.page import Written, write_page
from integration.tables import Shop

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def order(order_id: str, *, lines: int = 1, placed_at: datetime = NOON, **changed: object) -> Order:
    """An order of suits at 100 each."""
    fields: dict[str, object] = {
        "id": order_id,
        "placed_at": placed_at,
        "currency": "EUR",
        "total": Decimal(100 * lines),
        "lines": tuple(
            OrderLine(id=str(n), title="Navy suit", quantity=Decimal(1), total=Decimal(100))
            for n in range(lines)
        ),
        **changed,
    }
    return Order(**fields)  # type: ignore[arg-type]  # checked by the dataclass's users


def add_shop(engine: Engine, account_id: int, external_id: str = "web") -> int:
    """Store a source and return its id."""
    with scoped(engine, account_id) as session:
        shop = Shop(
            account_id=account_id,
            platform="files",
            external_id=external_id,
            name=external_id,
            created_at=NOON,
        )
        session.add(shop)
        session.flush()
        assert shop.id is not None
        return shop.id


def store(engine: Engine, account_id: int, shop_id: int, *records: Record) -> Written:
    """Write one page of records."""
    with scoped(engine, account_id) as session:
        return write_page(session, shop_id, Page(records=records, cursor_after={}), NOON)
