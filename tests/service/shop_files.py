"""Exports as shops write them, for tests that read files."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.records import Order

_SHOP_ZONE = ZoneInfo("Europe/Amsterdam")


def write_receipts(path: Path, orders: Iterable[Order]) -> None:
    """Write orders as receipt lines in our own format (docs/import.md)."""
    columns = (
        "receipt_id", "line_no", "customer_id", "card_no", "email", "purchased_at", "channel",
        "product_id", "product_name", "category", "brand", "gender_target", "quantity",
        "gross_amount", "currency",
    )  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for order in orders:
            moment = order.placed_at.astimezone(_SHOP_ZONE).isoformat()
            for line in order.lines:
                writer.writerow(
                    (
                        order.id, line.id, order.customer_id, order.card_no, order.email, moment,
                        order.channel, line.product_id, line.title, line.product_type, line.brand,
                        line.gender_target, line.quantity, line.total, order.currency,
                    )
                )  # fmt: skip
