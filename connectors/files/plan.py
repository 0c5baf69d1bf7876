"""From paths to recognised, spooled sheets whose every column has one reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from connectors.errors import NeedsAnswer, NotReadable, Question
from connectors.files import sources
from connectors.files.columns import Columns, known_words, recognise, shown
from connectors.files.dialect import SAMPLE_RECORDS, find_header
from connectors.files.formats import Evidence, date_evidence, decimal_evidence, read_date
from connectors.files.options import LayoutMapping, Options, SavedMapping
from connectors.files.sheet import AMOUNTS, IDS, MOMENTS, Formats, Sheet
from connectors.files.spool import Spool
from connectors.files.texts import say
from connectors.files.values import is_damaged_id

_KINDS = ("customers", "consent", "products", "orders", "transactions")
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}


class Plan:
    """The sheets of an import in the order they are read, and what is to be said about them."""

    def __init__(
        self,
        paths: Sequence[Path],
        options: Options,
        mapping: SavedMapping,
        names: Sequence[str],
    ) -> None:
        self.spool = Spool()
        self.options, self.mapping = options, mapping
        #: Warnings for the merchant that stop nothing.
        self.notes: list[str] = []
        #: Columns left out because a spreadsheet damaged them: sheet, column, example.
        self.damaged: list[tuple[str, str, str]] = []
        found = [
            sheet
            for path, name in zip(paths, names, strict=True)
            for sheet in self._sheets(path, name)
        ]
        self._check_typed(found)
        self.sheets = self._in_reading_order(found)

    def _sheets(self, path: Path, name: str) -> list[Sheet]:
        """The sheets of one file; one that is not recognised may stand beside one that is."""
        read: list[Sheet] = []
        failed: list[NotReadable] = []
        for source in sources.sheets(path, self.options, name):
            try:
                sheet = self._sheet(source)
            except NotReadable as error:
                failed.append(error)
            else:
                read += [sheet] if sheet else []
        if not read:
            empty = NotReadable(say(self.options.language, "empty_file", name=name))
            raise failed[0] if failed else empty
        self.notes += [str(error) for error in failed]
        return read

    def _sheet(self, source: sources.Sheet) -> Sheet | None:
        rows = source.rows()
        head = list(islice(rows, SAMPLE_RECORDS))
        at = find_header([row for _, row in head], known_words)
        if at is None:
            return None
        header = head[at][1]
        while header and not header[-1].strip():
            header = header[:-1]  # a delimiter at the end of every row
        sample = [row for _, row in head[at + 1 :]]
        columns = recognise(source.name, header, self.options, self.mapping, sample)
        below: Iterator[tuple[int, Sequence[str]]] = chain(head[at + 1 :], rows)
        table, count = self.spool.fill(len(header), below)
        if source.dialect and source.dialect.double_encoded:
            self.notes.append(say(self.options.language, "double_encoded", name=source.name))
        columns = self._without_damaged(source.name, table, columns, sample)
        self._note_unread(source.name, table, columns)
        return Sheet(
            name=source.name,
            table=table,
            columns=columns,
            rows=count,
            formats=Formats(),
            options=self.options,
            spool=self.spool,
        )

    def _note_unread(self, name: str, table: str, columns: Columns) -> None:
        """Say which columns are left out unasked, and that no line says what was sold."""
        told = {c for sheet, c, _ in self.damaged if sheet == name}
        told |= {column for column, field in self.options.columns.items() if not field}
        unread = [
            cell
            for position, cell in enumerate(columns.header)
            if cell and position not in columns.positions.values() and cell not in told
        ]
        if unread:
            self.notes.append(say(self.options.language, "unread", name=name, found=shown(unread)))
        is_lines = columns.kind in ("orders", "transactions")
        if is_lines and next(self._distinct(table, columns, "product_name"), None) is None:
            self.notes.append(say(self.options.language, "no_product_names", name=name))

    def _without_damaged(
        self, name: str, table: str, columns: Columns, sample: Sequence[Sequence[str]]
    ) -> Columns:
        """Refuse identifiers that a spreadsheet has rounded: they would merge what is not one."""
        kept = dict(columns.positions)
        for field in IDS & columns.positions.keys():
            cells = self._distinct(table, columns, field)
            damaged = next((cell for cell in cells if is_damaged_id(cell)), None)
            if damaged is not None:
                self.damaged.append((name, columns.name(field), damaged))
                del kept[field]
        if len(kept) == len(columns.positions):
            return columns
        typed = {c: "" for sheet, c, _ in self.damaged if sheet == name}
        options = replace(self.options, columns={**self.options.columns, **typed})
        return recognise(name, columns.header, options, self.mapping, sample)

    def _distinct(self, table: str, columns: Columns, field: str) -> Iterator[str]:
        if field not in columns.positions:
            return iter(())
        column = f"c{columns.positions[field]}"
        sql = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - built from positions
        return (row[0] for row in self.spool.stream(sql))

    def _check_typed(self, sheets: Sequence[Sheet]) -> None:
        headers = [cell for sheet in sheets for cell in sheet.columns.header]
        for column in self.options.columns:
            if column not in headers:
                found = shown(headers)
                text = say(self.options.language, "no_such_column", column=column, found=found)
                raise NotReadable(text)

    def _in_reading_order(self, found: Sequence[Sheet]) -> list[Sheet]:
        questions: list[Question] = []
        ready = [replace(s, formats=self._formats(s, questions)) for s in found]
        if questions:
            raise NeedsAnswer(questions)
        ready.sort(key=lambda sheet: _KINDS.index(sheet.columns.kind))
        by_sku = _products_by_sku(ready)
        return [
            replace(sheet, lettered=_is_lettered(sheet), products_by_sku=by_sku) for sheet in ready
        ]

    def _formats(self, sheet: Sheet, questions: list[Question]) -> Formats:
        saved = sheet.columns.saved or LayoutMapping(kind=sheet.columns.kind)
        date_orders = self._settle(
            sheet, MOMENTS | {"birth_date"}, date_evidence, saved.date_orders, questions
        )
        decimals = self._settle(sheet, AMOUNTS, decimal_evidence, saved.decimals, questions)
        return Formats(date_orders=date_orders, decimals=decimals)

    def _settle(
        self,
        sheet: Sheet,
        fields: frozenset[str],
        weigh: Callable[[Iterator[str]], Evidence],
        saved: Mapping[str, str],
        questions: list[Question],
    ) -> dict[str, str]:
        """The format of each column: proven, else answered, else asked."""
        is_date = weigh is date_evidence
        option = self.options.date_order if is_date else self.options.decimal
        settled: dict[str, str] = {}
        for field in sorted(fields & sheet.columns.positions.keys()):
            column = sheet.columns.name(field)
            evidence = weigh(self._distinct(sheet.table, sheet.columns, field))
            answer = evidence.settled() or option or saved.get(column)
            if answer is not None:
                settled[field] = answer
            elif evidence.is_open:
                ask = _ask_date if is_date else _ask_decimal
                questions.append(ask(column, evidence, self.options.language))
        return settled

    def learned(self) -> SavedMapping:
        """How each layout was read, to be kept for the next file with the same header row."""
        layouts = dict(self.mapping.layouts)
        # What a spreadsheet damaged in this file may be whole in the next.
        damaged = {name for name, _, _ in self.damaged}
        for sheet in self.sheets:
            if sheet.name in damaged:
                continue
            columns, formats = sheet.columns, sheet.formats
            layouts[columns.fingerprint] = LayoutMapping(
                kind=columns.kind,
                columns={columns.name(field): field for field in columns.positions},
                date_orders={columns.name(f): order for f, order in formats.date_orders.items()},
                decimals={columns.name(f): sign for f, sign in formats.decimals.items()},
            )
        return SavedMapping(layouts)


def _ask_date(column: str, evidence: Evidence, language: str) -> Question:
    examples = tuple(sorted(evidence.doubtful)) or ("-",)
    return Question(
        option="date_order",
        column=column,
        choices=tuple((order, _day(examples[0], order, language)) for order in ("dmy", "mdy")),
        examples=examples,
    )


def _day(cell: str, order: str, language: str) -> str:
    try:
        day, _ = read_date(cell, order)
    except ValueError:
        return order
    month = _MONTHS["nl" if language == "nl" else "en"].split()[day.month - 1]
    return f"{day.day} {month} {day.year}"


def _ask_decimal(column: str, evidence: Evidence, language: str) -> Question:
    examples = tuple(sorted(evidence.doubtful)) or ("1.234",)
    digits = examples[0].replace(".", ",").partition(",")
    whole = digits[0] + digits[2]
    point = "," if language == "nl" else "."
    parts = f"{digits[0]}{point}{digits[2]}"
    # The sign in the example is decimal under its own answer, of thousands under the other.
    own = "," if "," in examples[0] else "."
    choices = tuple((sign, parts if sign == own else whole) for sign in (",", "."))
    return Question(option="decimal", column=column, choices=choices, examples=examples)


def _products_by_sku(sheets: Sequence[Sheet]) -> dict[str, str]:
    """Article number to product id, as the product sheets say."""
    found: dict[str, str] = {}
    for sheet in sheets:
        if sheet.columns.kind == "products" and sheet.has("sku") and sheet.has("product_id"):
            sql = f"SELECT {sheet.id('sku')}, {sheet.catalogue_key} FROM {sheet.table}"  # noqa: S608 - built from positions
            found |= {sku: id_ for sku, id_ in sheet.spool.stream(sql) if sku and id_}
    return found


def _is_lettered(sheet: Sheet) -> bool:
    """Credit notes numbered C123 among plain numbers, as bookkeeping programmes do."""
    if not sheet.has("order_id"):
        return False
    plain, credit = sheet.spool.run(
        f"SELECT count(*) FILTER (regexp_full_match({sheet.id('order_id')}, '\\d+')), "  # noqa: S608 - built from positions
        f"count(*) FILTER (regexp_full_match({sheet.id('order_id')}, 'C\\d+')) FROM {sheet.table}"
    )[0]
    return bool(plain > credit > 0)
