"""Exports as shops write them, for tests that read files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.records import Order

_SHOP_ZONE = ZoneInfo("Europe/Amsterdam")


def write_receipts(path: Path, orders: Iterable[Order]) -> None:
    """Write orders as receipt lines in our own format (docs/import.md)."""
    columns = (
        "receipt_id", "line_no", "customer_id", "card_no", "email", "purchased_at", "channel",
        "store", "product_id", "sku", "product_name", "category", "brand", "gender_target",
        "colour", "size", "quantity", "gross_amount", "tax_amount", "discount_amount",
        "discount_code", "currency", "is_subscription",
    )  # fmt: skip
    _write(path, columns, (row for order in orders for row in _receipt(order)))


def _receipt(order: Order) -> Iterator[Sequence[Any]]:
    moment = order.placed_at.astimezone(_SHOP_ZONE).isoformat()
    codes = ", ".join(discount.code for discount in order.discounts)
    for line in order.lines:
        yield (
            order.id, line.id, order.customer_id, order.card_no, order.email, moment,
            order.channel, order.store, line.product_id, line.sku, line.title, line.product_type,
            line.brand, line.gender_target, line.colour, line.size, line.quantity, line.total,
            line.tax, line.discount, codes, order.currency, "yes" if line.is_subscription else "",
        )  # fmt: skip


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
