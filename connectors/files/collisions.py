"""Numbers that two tills both gave out: an order may not replace another one of the same number."""

from __future__ import annotations

from datetime import timedelta

from connectors.files.harvest import Harvest, quiet
from connectors.files.sheet import Sheet
from connectors.files.values import BadCell

#: Two copies of one order may differ by a time zone or a day of booking, not by more.
SAME_ORDER = timedelta(days=2)


def list_collisions(sheet: Sheet, earlier: Sheet, harvest: Harvest) -> None:
    """List the orders of a sheet whose number an earlier sheet gives to an order of its own."""
    rows = sheet.spool.stream(
        "SELECT mine.row, number, mine.day, theirs.day "  # noqa: S608 - built from positions
        f"FROM ({_orders(sheet)}) mine JOIN ({_orders(earlier)}) theirs USING (number) "
        "WHERE mine.who IS DISTINCT FROM theirs.who ORDER BY mine.row"
    )
    mine, theirs = sheet.reader("purchased_at"), earlier.reader("purchased_at")
    for row, number, day, other in rows:
        one, two = quiet(mine, day), quiet(theirs, other)
        if one is not None and two is not None and abs(one - two) > SAME_ORDER:
            column = sheet.columns.name("order_id")
            harvest.reject_row(BadCell(column, number, "known_number", number=number), row)


def _orders(sheet: Sheet) -> str:
    """SQL of each order's number, first row, day and customer."""
    return (
        f"SELECT {sheet.order_key} AS number, min(row) AS row, "  # noqa: S608 - built from positions
        f"arg_min({sheet.cell('purchased_at')}, row) AS day, "
        f"arg_min({sheet.customer_key}, row) AS who "
        f"FROM {sheet.table} WHERE cells IS NULL AND {sheet.order_key} IS NOT NULL GROUP BY 1"
    )
