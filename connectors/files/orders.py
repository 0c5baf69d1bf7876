"""Orders and receipts from rows of lines.

Which sum a line has: the amount of the row; else net amount plus tax; else unit price times
quantity, less the line's discount. Returns become quantities below zero whatever way the file says
it. Order-level cells count from the first row that has them, as Shopify writes them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from connectors.files.harvest import Harvest, quiet
from connectors.files.sheet import Selection, Sheet
from connectors.files.values import BadCell, Phones, Reader, home_region, words
from connectors.records import Discount, Order, OrderLine, OrderStatus

Row: TypeAlias = tuple[Any, ...]
LINE_FIELDS = (
    "line_id", "product_id", "sku", "product_name", "category", "brand", "gender_target",
    "colour", "size", "quantity", "amount", "net_amount", "unit_price", "tax", "discount",
    "is_return", "document_type", "purchased_at", "is_subscription",
)  # fmt: skip
ORDER_FIELDS = (
    "order_id", "order_uid", "email", "phone", "card_no", "customer_id", "store", "channel",
    "currency", "financial_status", "cancelled_at", "deal_stage", "full_name", "ships_to",
    "order_total", "order_subtotal", "order_tax", "order_discount", "shipping", "discount_code",
)  # fmt: skip
ZERO, ONE, CENT = Decimal(0), Decimal(1), Decimal("0.01")
_RETURN_WORDS = frozenset(
    [*words("refund return retour credit creditnota creditfactuur"), "credit note"]
)
_STATUS = {
    **dict.fromkeys(("voided", "expired", "cancelled", "canceled"), OrderStatus.CANCELLED),
    **dict.fromkeys(("pending", "authorized", "partially_paid"), OrderStatus.OPEN),
}
_CHANNELS = {
    **dict.fromkeys(("pos", "store", "winkel", "kassa", "filiaal"), "store"),
    **dict.fromkeys(("wholesale", "b2b", "groothandel"), "wholesale"),
    **dict.fromkeys(("web", "online", "webshop", "webwinkel"), "web"),
}


def orders(
    sheet: Sheet, harvest: Harvest, *, after: int, not_in: str
) -> Iterator[tuple[int, Order | None]]:
    """Every order of a sheet, with the position to go on from."""
    selection = Selection.of(
        sheet,
        [*dict.fromkeys(LINE_FIELDS + ORDER_FIELDS)],
        position="position",
        order_key="order_key",
        row="row",
        cells="cells",
        content="content",
        customer_key=sheet.customer_key,
        product_key=sheet.product_key,
    )
    read = _OrderReader(sheet, selection, harvest)
    rows = sheet.spool.stream(_in_order(sheet, selection, not_in), [after])
    for _, group in groupby(rows, itemgetter(1)):
        lines = list(group)
        yield lines[-1][0], read(lines)


def _in_order(sheet: Sheet, selection: Selection, not_in: str) -> str:
    """All rows, those of one order together.

    Most files are in order already and need no sorting; then a position is a row. Where rows of an
    order lie scattered, its position is its first row.
    """
    content = f"hash({', '.join(f'c{i}' for i in range(len(sheet.columns.header)))})"
    # A row with too many cells may have its number in another column.
    key = (
        f"CASE WHEN cells IS NULL THEN coalesce({sheet.order_key}, '#' || row) ELSE '#' || row END"
    )
    keyed = f"(SELECT *, {key} AS order_key, {content} AS content FROM {sheet.table})"  # noqa: S608 - built from positions
    runs, distinct = sheet.spool.run(
        "SELECT count(*), count(DISTINCT order_key) FROM (SELECT order_key, "  # noqa: S608 - built from positions
        f"lag(order_key) OVER (ORDER BY row) AS before FROM {keyed}) "
        "WHERE order_key IS DISTINCT FROM before"
    )[0]
    if runs == distinct:
        source = f"(SELECT *, row AS position FROM {keyed})"  # noqa: S608 - built from positions
    else:
        source = (
            f"(SELECT k.*, first AS position FROM {keyed} k JOIN (SELECT order_key, "  # noqa: S608 - built from positions
            f"min(row) AS first FROM {keyed} GROUP BY order_key) f USING (order_key))"
        )
    return f"SELECT {selection.sql} FROM {source} WHERE position > ?{not_in} ORDER BY position, row"  # noqa: S608 - built from positions


class _OrderReader:
    """The rows of one order to a record."""

    def __init__(self, sheet: Sheet, selection: Selection, harvest: Harvest) -> None:
        self.sheet, self.harvest = sheet, harvest
        names = (*LINE_FIELDS, *ORDER_FIELDS)
        self.read: dict[str, Reader[Any]] = {field: sheet.reader(field) for field in names}
        self.get: dict[str, Callable[[Row], Any]] = {f: selection.getter(f) for f in names}
        self.row, self.cells = selection.getter("row"), selection.getter("cells")
        self.key, self.content = selection.getter("order_key"), selection.getter("content")
        self.customer = selection.getter("customer_key")
        self.line = _LineReader(sheet, selection)
        self.phone = Phones(sheet.columns.name("phone"), home_region(sheet.options.time_zone))
        self.has_order_cells = sheet.has(
            "order_total", "order_discount", "shipping", "ships_to", "financial_status",
            "cancelled_at", "deal_stage",
        )  # fmt: skip

    def __call__(self, rows: Sequence[Row]) -> Order | None:
        self._count(rows)
        if self._is_open_deal(rows[0]):
            self.harvest.counters["deals not won"] += 1
            return None
        placed_at: datetime | None = None
        lines: list[OrderLine] = []
        for ordinal, row in enumerate(rows, 1):
            try:
                if (cells := self.cells(row)) is not None:
                    raise self.sheet.broken(cells, self.get["order_id"](row) or "")
                moment = self.read["purchased_at"][self.get["purchased_at"](row)]
                placed_at = placed_at or moment
                lines.append(self.line(row, ordinal))
            except BadCell as bad:
                self.harvest.reject_row(bad, self.row(row))
        return self._finish(rows, placed_at, lines)

    def _finish(
        self, rows: Sequence[Row], placed_at: datetime | None, lines: list[OrderLine]
    ) -> Order | None:
        first = rows[0]
        if not lines:
            return None
        if self.key(first).startswith("#") and self._first("order_id", rows) is None:
            self._missing("order_id", first, rows)
            return None
        if placed_at is None:
            self._missing("purchased_at", first, rows)
            return None
        self.harvest.counters["orders"] += 1
        return self._order(rows, placed_at, lines)

    def _missing(self, field: str, first: Row, rows: Sequence[Row]) -> None:
        bad = BadCell(self.sheet.columns.name(field), "", "missing")
        self.harvest.reject_row(bad, self.row(first))
        self.harvest.counters["rejected rows"] += len(rows) - 1

    def _order(self, rows: Sequence[Row], placed_at: datetime, lines: list[OrderLine]) -> Order:
        email = quiet(self.read["email"], self._first("email", rows))
        total, shipping, tax = sum((line.total for line in lines), ZERO), ZERO, None
        status, to_other = OrderStatus.PAID, False
        if self.has_order_cells:
            total, shipping, tax = self._totals(rows, lines)
            status = self._status(rows)
            to_other = self._ships_to_other(rows)
        return Order(
            id=quiet(self.read["order_uid"], self._first("order_uid", rows)) or self.key(rows[0]),
            number=quiet(self.read["order_id"], self.get["order_id"](rows[0])),
            customer_id=self._customer(rows),
            email=email,
            phone=quiet(self.phone, self._first("phone", rows)),
            card_no=quiet(self.read["card_no"], self._first("card_no", rows)),
            placed_at=placed_at,
            status=status,
            channel=self._channel(rows),
            store=self._first("store", rows),
            currency=self._currency(rows),
            total=total,
            shipping=shipping,
            tax=tax,
            ships_to_other=to_other,
            discounts=self._discounts(rows, lines),
            lines=tuple(lines),
        )

    def _first(self, field: str, rows: Sequence[Row]) -> Any:
        get = self.get[field]
        first = get(rows[0])
        if first is not None or len(rows) == 1:
            return first
        return next((cell for row in rows if (cell := get(row)) is not None), None)

    def _customer(self, rows: Sequence[Row]) -> str | None:
        key = next((key for row in rows if (key := self.customer(row)) is not None), None)
        if key is None or "@" not in key:
            return key
        # An address that nobody can have names nobody.
        email = quiet(self.read["email"], self._first("email", rows))
        known = self._first("customer_id", rows) or self._first("card_no", rows)
        return key if email or known else None

    def _currency(self, rows: Sequence[Row]) -> str:
        code = self._first("currency", rows)
        if code is None:
            return self.sheet.options.currency
        read = self.harvest.soft(self.read["currency"], code, self.row(rows[0]))
        return read or self.sheet.options.currency

    def _channel(self, rows: Sequence[Row]) -> str:
        told = self._first("channel", rows)
        return _CHANNELS.get((told or "").lower(), self.sheet.columns.channel)

    def _status(self, rows: Sequence[Row]) -> OrderStatus:
        if self._first("cancelled_at", rows) is not None:
            return OrderStatus.CANCELLED
        return _STATUS.get((self._first("financial_status", rows) or "").lower(), OrderStatus.PAID)

    def _ships_to_other(self, rows: Sequence[Row]) -> bool:
        buyer, receiver = self._first("full_name", rows), self._first("ships_to", rows)
        return bool(buyer and receiver) and buyer.casefold() != receiver.casefold()

    def _is_open_deal(self, row: Row) -> bool:
        stage = self.get["deal_stage"](row)
        return stage is not None and not re.search(r"won\b|gewonnen", stage.lower())

    def _amount(self, field: str, rows: Sequence[Row]) -> Decimal | None:
        return self.harvest.soft(self.read[field], self._first(field, rows), self.row(rows[0]))

    def _totals(
        self, rows: Sequence[Row], lines: list[OrderLine]
    ) -> tuple[Decimal, Decimal, Decimal | None]:
        """Total, shipping and tax; order-level discount and tax go into the lines they explain."""
        shipping = self._amount("shipping", rows) or ZERO
        tax, told = self._amount("order_tax", rows), self._amount("order_total", rows)
        summed = sum((line.total for line in lines), ZERO)
        if told is None:
            return summed + shipping, shipping, tax
        discount = self._amount("order_discount", rows) or ZERO
        gap = told - shipping - summed
        for taken, added in ((discount, ZERO), (ZERO, tax or ZERO), (discount, tax or ZERO)):
            if gap and gap == added - taken:
                lines[:] = spread(lines, discount=taken, tax=added)
                return told, shipping, tax
        if gap:
            self.harvest.counters["orders whose total differs from their lines"] += 1
        return told, shipping, tax

    def _discounts(self, rows: Sequence[Row], lines: Sequence[OrderLine]) -> tuple[Discount, ...]:
        """The codes of an order; of several nobody knows what each took off."""
        cells = (self.get["discount_code"](row) or "" for row in rows)
        parts = (part.strip() for cell in cells for part in re.split("[,;|]", cell))
        codes = [code for code in dict.fromkeys(parts) if code]
        if len(codes) != 1:
            return tuple(Discount(code=code) for code in codes)
        taken = quiet(self.read["order_discount"], self._first("order_discount", rows))
        if taken is None:
            taken = sum((line.discount for line in lines if line.quantity > 0), ZERO)
        return (Discount(code=codes[0], amount=abs(taken)),)

    def _count(self, rows: Sequence[Row]) -> None:
        counts = self.harvest.counters
        counts["lines"] += len(rows)
        counts["exact duplicate lines"] += len(rows) - len({self.content(row) for row in rows})
        customer, name = self.customer, self.get["product_name"]
        counts["lines without a customer"] += sum(customer(row) is None for row in rows)
        if self.sheet.has("product_name"):
            counts["lines without a description"] += sum(name(row) is None for row in rows)
        self._count_signs(rows, counts)
        letter = self.key(rows[0])[0] if self.sheet.lettered else ""
        if letter == "C":
            counts["cancelled invoices"] += 1
            counts["lines of cancelled invoices"] += len(rows)
        elif letter == "A":
            counts["adjustments"] += 1

    def _count_signs(self, rows: Sequence[Row], counts: Counter[str]) -> None:
        price = "unit_price" if self.sheet.has("unit_price") else "amount"
        quantities, prices = self.read["quantity"], self.read[price]
        get_quantity, get_price = self.get["quantity"], self.get[price]
        negative = free = 0
        for row in rows:
            try:
                quantity, paid = quantities[get_quantity(row)], prices[get_price(row)]
            except BadCell:
                continue  # the line itself is rejected
            negative += quantity is not None and quantity < 0
            if paid is not None and price == "amount" and quantity is not None and quantity < 0:
                paid = abs(paid)
            free += paid is not None and paid <= 0
        counts["lines with negative quantity"] += negative
        counts["lines with price 0 or less"] += free


class _LineReader:
    """One row to an order line."""

    def __init__(self, sheet: Sheet, selection: Selection) -> None:
        self.sheet = sheet
        self.by_sku = sheet.products_by_sku
        self.read: dict[str, Reader[Any]] = {f: sheet.reader(f) for f in LINE_FIELDS}
        self.get: dict[str, Callable[[Row], Any]] = {f: selection.getter(f) for f in LINE_FIELDS}
        self.product = selection.getter("product_key")
        self.has_return = sheet.has("is_return", "document_type")

    def value(self, field: str, row: Row) -> Any:
        """The value of a field in a row."""
        return self.read[field][self.get[field](row)]

    def __call__(self, row: Row, ordinal: int) -> OrderLine:
        get = self.get
        quantity, total, discount, tax = self._money(row)
        sku = self.value("sku", row)
        category = get["category"](row)
        key = self.product(row)
        return OrderLine(
            id=self.value("line_id", row) or str(ordinal),
            title=get["product_name"](row) or sku or key or "-",
            quantity=quantity,
            total=total,
            product_id=self.by_sku.get(sku, key) if sku else key,
            sku=sku,
            product_type=product_type(category),
            category_path=() if category is None else split_path(category),
            brand=get["brand"](row),
            gender_target=get["gender_target"](row),
            colour=get["colour"](row),
            size=get["size"](row),
            discount=discount,
            tax=tax,
            is_subscription=bool(self.value("is_subscription", row)),
        )

    def _money(self, row: Row) -> tuple[Decimal, Decimal, Decimal, Decimal | None]:
        """Quantity, total, discount and tax, all below zero (but the discount) for a return."""
        quantity = self.value("quantity", row)
        discount, tax = self.value("discount", row), self.value("tax", row)
        quantity = ONE if quantity is None else quantity
        discount = ZERO if discount is None else abs(discount)
        total = self._total(row, quantity, discount, tax).quantize(CENT, ROUND_HALF_UP)
        returned = quantity < 0 or total < 0 or (self.has_return and self._is_return(row))
        if returned:
            quantity, total = -abs(quantity), -abs(total)
            tax = None if tax is None else -abs(tax)
        return quantity, total, discount, tax

    def _total(
        self, row: Row, quantity: Decimal, discount: Decimal, tax: Decimal | None
    ) -> Decimal:
        amount: Decimal | None = self.value("amount", row)
        if amount is not None:
            return amount
        amount = self.value("net_amount", row)
        if amount is not None:
            return amount + (tax or ZERO)
        price: Decimal | None = self.value("unit_price", row)
        if price is None:
            name = next(f for f in ("amount", "net_amount", "unit_price") if self.sheet.has(f))
            raise BadCell(self.sheet.columns.name(name), "", "missing")
        # Of a return the discount is taken back too.
        return price * quantity - (discount if quantity > 0 else -discount)

    def _is_return(self, row: Row) -> bool:
        document = self.get["document_type"](row)
        return bool(self.value("is_return", row)) or (document or "").lower() in _RETURN_WORDS


def spread(lines: Sequence[OrderLine], *, discount: Decimal, tax: Decimal) -> list[OrderLine]:
    """Lines that carry their share of an order's discount and tax, to the cent.

    Shares follow the lines' totals; what rounding leaves goes to the last line, so that the sum
    is exact.
    """
    summed = sum((line.total for line in lines), ZERO)
    result: list[OrderLine] = []
    discount_left, tax_left = discount, tax
    for line in lines:
        share = line.total / summed if summed else ONE / len(lines)
        is_last = len(result) == len(lines) - 1
        less = discount_left if is_last else (discount * share).quantize(CENT, ROUND_HALF_UP)
        more = tax_left if is_last else (tax * share).quantize(CENT, ROUND_HALF_UP)
        discount_left, tax_left = discount_left - less, tax_left - more
        result.append(_with_share(line, less, more))
    return result


def _with_share(line: OrderLine, discount: Decimal, tax: Decimal) -> OrderLine:
    return replace(
        line,
        total=line.total - discount + tax,
        discount=line.discount + discount,
        tax=(line.tax or ZERO) + tax if tax else line.tax,
    )


def split_path(category: str) -> tuple[str, ...]:
    """A category from general to particular.

    >>> split_path("Men > Suits")
    ('Men', 'Suits')
    """
    return tuple(part.strip() for part in category.split(">") if part.strip())


def product_type(category: str | None) -> str | None:
    """Return what kind of thing a category is of: the last of its path.

    >>> product_type("Men > Suits"), product_type("Suits"), product_type(None)
    ('Suits', 'Suits', None)
    """
    return (split_path(category or "") or (None,))[-1]
