"""Customers: one record a customer number, card number or e-mail address."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from connectors.files.harvest import Harvest
from connectors.files.sheet import Selection, Sheet, grouped
from connectors.files.values import BadCell, Phones, home_region, region_of
from connectors.records import Customer

FIELDS = (
    "customer_id", "card_no", "email", "phone", "mobile", "first_name", "middle_name",
    "last_name", "full_name", "birth_date", "gender", "company", "role", "is_business", "language",
    "country", "postcode", "city", "tags", "created_at", "updated_at",
)  # fmt: skip
#: Of a sheet of order lines "tags" and "created_at" would be the order's.
_OF_THE_ORDER = frozenset({"tags", "created_at", "updated_at"})


def customers(
    sheet: Sheet, harvest: Harvest, *, after: int, not_in: str
) -> Iterator[tuple[int, Customer | None]]:
    """Each customer of a sheet once; of each column the first filled cell counts."""
    is_list = sheet.columns.kind in ("customers", "consent")
    fields = FIELDS if is_list else [f for f in FIELDS if f not in _OF_THE_ORDER]
    selection = Selection.of(sheet, fields)
    key = sheet.customer_key
    where = "NOT is_broken" + ("" if is_list else f" AND {key} IS NOT NULL")
    read = _CustomerReader(sheet, selection, harvest)
    for position, id_, *cells in grouped(sheet, key, selection, after=after, where=where + not_in):
        yield position, read(position, id_, tuple(cells))


class _CustomerReader:
    """One row of customer cells to a record."""

    def __init__(self, sheet: Sheet, selection: Selection, harvest: Harvest) -> None:
        self.harvest = harvest
        self.sheet = sheet
        columns = sheet.columns
        is_audience = columns.kind == "consent" and columns.layout is not None
        # Order lines and lists of permissions only mention people.
        self.is_partial = columns.kind != "customers" and not is_audience
        self.read = {field: sheet.reader(field) for field in FIELDS}
        self.get = {field: selection.getter(field) for field in FIELDS}
        self.phones: dict[str, Phones] = {}

    def __call__(self, row: int, id_: str | None, cells: tuple[Any, ...]) -> Customer | None:
        def cell(field: str) -> Any:
            return self.harvest.soft(self.read[field], self.get[field](cells), row)

        if id_ is None:
            column = self.sheet.columns.name("email")
            self.harvest.reject_row(
                BadCell(column, self.get["email"](cells) or "", "no_identity"), row
            )
            return None
        card_no, number, email = cell("card_no"), cell("customer_id"), cell("email")
        if email is None and number is None and card_no is None:
            self.harvest.counters["customers without a usable address"] += 1
            return None
        first, last = cell("first_name"), cell("last_name")
        if first is None and last is None:
            first, last = _split_name(cell("full_name"))
        country = cell("country")
        self.harvest.counters["customers"] += 1
        return Customer(
            id=id_,
            email=email,
            phone=self._phone(row, cells, country),
            card_no=card_no,
            first_name=first,
            middle_name=cell("middle_name"),
            last_name=last,
            birth_date=cell("birth_date"),
            gender=cell("gender"),
            company=cell("company"),
            role=cell("role"),
            is_business=bool(cell("is_business")),
            language=cell("language"),
            country=country.upper() if country and len(country) == 2 else country,
            postcode=(cell("postcode") or "").lstrip("'") or None,
            city=cell("city"),
            tags=split_tags(cell("tags")),
            created_at=cell("created_at"),
            source_updated_at=cell("updated_at"),
            partial=self.is_partial,
        )

    def _phone(self, row: int, cells: tuple[Any, ...], country: str | None) -> str | None:
        region = region_of(country, home_region(self.sheet.options.time_zone))
        for field in ("mobile", "phone"):
            text = self.get[field](cells)
            if text is not None:
                column = self.sheet.columns.name(field)
                reader = self.phones.setdefault(field + region, Phones(column, region))
                return self.harvest.soft(reader, text, row)
        return None


def _split_name(full: str | None) -> tuple[str | None, str | None]:
    """First name and the rest: "Jan de Vries" is Jan and de Vries."""
    first, _, last = (full or "").partition(" ")
    return first or None, last.strip() or None


def split_tags(cell: str | None) -> tuple[str, ...]:
    """The tags of one cell, commas between them, quotes around those with a comma.

    >>> split_tags('"vip, oud",nieuw')
    ('vip, oud', 'nieuw')
    """
    if cell is None:
        return ()
    words = next(csv.reader([cell], skipinitialspace=True))
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
