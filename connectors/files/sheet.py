"""A recognised sheet: which SQL gives its keys, which reader its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from connectors.files import values
from connectors.files.columns import Columns
from connectors.files.options import Options
from connectors.files.spool import Spool, coalesce
from connectors.files.values import words

AMOUNTS = frozenset(
    words(
        "quantity amount net_amount unit_price tax discount order_total order_subtotal order_tax"
        " order_discount shipping refunded_amount price stock"
    )
)
MOMENTS = frozenset(
    words(
        "purchased_at created_at updated_at consent_at cancelled_at optin_at confirm_at unsub_at"
        " clean_at"
    )
)
BOOLEANS = frozenset(
    words("accepts_email accepts_sms opted_out is_return is_subscription is_business")
)
IDS = frozenset(
    words(
        "customer_id card_no order_id order_uid line_id product_id sku receipt_part"
        " original_order_id parent"
    )
)
#: The first address in a cell, as SQL; what counts as an address is checked when it is read.
_ADDRESS = r"[^\s;,<>()\"'']+@[^\s;,<>()\"'']+"
_REFUND_WORDS = (
    "('refund', 'return', 'retour', 'credit', 'creditnota', 'creditfactuur', 'credit note')"
)


@dataclass(frozen=True, slots=True)
class Formats:
    """What the columns of one sheet proved or were answered: field to order or sign."""

    date_orders: Mapping[str, str] = field(default_factory=dict)
    decimals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A spooled sheet with everything needed to read its cells."""

    name: str
    table: str
    columns: Columns
    rows: int
    formats: Formats
    options: Options
    spool: Spool
    #: Credit notes are numbered C..., adjustments A..., between plain numbers.
    lettered: bool = False
    #: Article number to product id, from the product sheets beside this one.
    products_by_sku: Mapping[str, str] = field(default_factory=dict)

    def has(self, *fields: str) -> bool:
        """Whether one of the fields has a column."""
        return any(field in self.columns.positions for field in fields)

    def cell(self, field: str) -> str:
        """SQL of a field's cell; NULL when the sheet has no such column."""
        position = self.columns.positions.get(field)
        if position is None:
            return "NULL::VARCHAR"
        if field == "purchased_at" and self.has("purchased_time"):
            day = f"regexp_replace(c{position}, ' 00:00:00$', '')"
            return f"{day} || coalesce(' ' || c{self.columns.positions['purchased_time']}, '')"
        return f"c{position}"

    def id(self, field: str) -> str:
        """SQL of an identifier, cleaned as `values.clean_id` cleans it."""
        if field not in self.columns.positions:
            return "NULL::VARCHAR"
        bare = f"ltrim({self.cell(field)}, '''')"
        return rf"nullif(regexp_replace({bare}, '^(\d+)\.0$', '\1'), '')"

    @property
    def customer_key(self) -> str:
        """SQL of the customer's id: customer number, card number or e-mail in lower case."""
        address = f"nullif(lower(regexp_extract({self.cell('email')}, '{_ADDRESS}')), '')"
        return coalesce([self.id("customer_id"), self.id("card_no"), address])

    @property
    def product_key(self) -> str:
        """SQL of the product's id: product number, article number or name in lower case."""
        name = f"lower({self.cell('product_name')})"
        return coalesce([self.id("product_id"), self.id("sku"), name])

    @property
    def catalogue_key(self) -> str:
        """SQL of the product a row of a catalogue belongs to: its own, or its parent.

        WooCommerce writes a parent as its article number or as `id:123`.
        """
        if not (self.has("parent") and self.has("product_id") and self.has("sku")):
            return self.product_key
        cell = f"{self.table}.{self.cell('parent')}"
        by_sku = (
            f"(SELECT any_value(p.{self.cell('product_id')}) FROM {self.table} p "  # noqa: S608 - built from positions
            f"WHERE p.{self.cell('sku')} = {cell})"
        )
        parent = f"CASE WHEN {cell} LIKE 'id:%' THEN substr({cell}, 4) ELSE {by_sku} END"
        return coalesce([parent, self.product_key])

    @property
    def order_key(self) -> str:
        """SQL of what the rows of one order or receipt share.

        Without a number it is one receipt a customer and moment. A refund that repeats the number
        of its sale is a receipt of its own.
        """
        if not self.has("order_id"):
            return f"{self.customer_key} || ' ' || {self.cell('purchased_at')}"
        if not self.has("receipt_part"):
            return self.id("order_id")
        is_refund = f"lower({self.cell('document_type')}) IN {_REFUND_WORDS}"
        part = f"CASE WHEN {is_refund} THEN '/' || {self.cell('receipt_part')} END"
        return f"{self.id('order_id')} || coalesce({part}, '')"

    def reader(self, field: str) -> values.Reader[Any]:
        """The reader of a field's column."""
        column, zone = self.columns.name(field), self.zone
        if field in AMOUNTS:
            return values.Amounts(column, self.formats.decimals.get(field))
        order = self.formats.date_orders.get(field)
        if field in MOMENTS:
            last = self.options.not_after if field == "purchased_at" else None
            return values.Moments(column, order, zone, last)
        if field == "birth_date":
            return values.BirthDates(column, order, date.today())  # noqa: DTZ011 - a century, not a day
        if field in BOOLEANS:
            return values.Booleans(column)
        if field in IDS:
            return values.Ids(column)
        simple: dict[str, type[values.Emails | values.Genders | values.Currencies]] = {
            "email": values.Emails,
            "gender": values.Genders,
            "currency": values.Currencies,
        }
        if field in simple:
            return simple[field](column)
        return values.Days(column) if field == "replacement_days" else values.Texts(column)

    def broken_rows(self) -> Iterator[tuple[int, int]]:
        """Number and count of cells of the rows that have more cells than the header."""
        sql = f"SELECT row, cells FROM {self.table} WHERE cells IS NOT NULL ORDER BY row"  # noqa: S608 - built from positions
        return ((row, cells) for row, cells in self.spool.stream(sql))

    def broken(self, cells: int, value: str = "") -> values.BadCell:
        """Why a row with too many cells is left out."""
        expected = len(self.columns.header)
        return values.BadCell("", value, "ragged", cells=cells, expected=expected)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of moments without an offset."""
        return ZoneInfo("UTC" if self.columns.is_utc else self.options.time_zone)


@dataclass(frozen=True, slots=True)
class Selection:
    """A list of SQL expressions by name, and how to take each out of a fetched row."""

    expressions: Mapping[str, str]

    @classmethod
    def of(cls, sheet: Sheet, fields: Sequence[str], **extra: str) -> Selection:
        """The cells of those `fields` the sheet has, after the `extra` expressions."""
        cells = {field: sheet.cell(field) for field in fields if sheet.has(field)}
        return cls({**extra, **cells})

    @property
    def sql(self) -> str:
        """The expressions for SELECT."""
        return ", ".join(f"{sql} AS {name}" for name, sql in self.expressions.items())

    @property
    def firsts(self) -> str:
        """The same for a group of rows: of each the first that is filled."""
        return ", ".join(f"arg_min({sql}, row) AS {name}" for name, sql in self.expressions.items())

    def getter(self, name: str, start: int = 0) -> Callable[[tuple[Any, ...]], Any]:
        """Takes one expression out of a row; always None for a column the sheet lacks."""
        names = list(self.expressions)
        return itemgetter(start + names.index(name)) if name in names else _nothing


def _nothing(_: tuple[Any, ...]) -> None:
    return None


def grouped(
    sheet: Sheet, key: str, selection: Selection, *, after: int, where: str = "NOT is_broken"
) -> Iterator[tuple[Any, ...]]:
    """`(position, key, cells...)` for each group of rows with one key, in the file's order."""
    return sheet.spool.stream(
        f"SELECT min(row) AS position, first({key} ORDER BY row), {selection.firsts} "  # noqa: S608 - built from positions
        f"FROM (SELECT *, cells IS NOT NULL AS is_broken FROM {sheet.table}) WHERE {where} "
        f"GROUP BY coalesce({key}, '#' || row) HAVING min(row) > ? ORDER BY position",
        [after],
    )
