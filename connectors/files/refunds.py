"""Refunds of an order export that gives one sum an order (Shopify's `Refunded Amount`)."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.files.harvest import Harvest, quiet
from connectors.files.sheet import Selection, Sheet, grouped
from connectors.records import Refund, RefundDetail

FIELDS = ("order_uid", "purchased_at", "cancelled_at", "currency", "refunded_amount")


def refunds(
    sheet: Sheet, harvest: Harvest, *, after: int, not_in: str
) -> Iterator[tuple[int, Refund | None]]:
    """One refund for each order with money returned; the file does not say which lines.

    Nor does it say when: the moment of cancelling, else that of the order, is the earliest it can
    have been.
    """
    selection = Selection.of(sheet, FIELDS)
    read = {field: sheet.reader(field) for field in FIELDS}
    get = {field: selection.getter(field) for field in FIELDS}
    where = f"NOT is_broken{not_in}"
    for position, key, *cells in grouped(
        sheet, sheet.order_key, selection, after=after, where=where
    ):
        row = tuple(cells)
        amount = harvest.soft(read["refunded_amount"], get["refunded_amount"](row), position)
        moment = quiet(read["cancelled_at"], get["cancelled_at"](row)) or quiet(
            read["purchased_at"], get["purchased_at"](row)
        )
        if not amount or moment is None or key is None:
            yield position, None
            continue
        order_id = quiet(read["order_uid"], get["order_uid"](row)) or key
        harvest.counters["refunds"] += 1
        yield (
            position,
            Refund(
                id=f"{order_id}:refund",
                order_id=order_id,
                refunded_at=moment,
                currency=quiet(read["currency"], get["currency"](row)) or sheet.options.currency,
                detail=RefundDetail.TOTAL,
                amount=abs(amount),
            ),
        )
