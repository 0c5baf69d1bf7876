"""The files connector: what a merchant uploads, as records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.base import Capabilities, Change, InstallShape, Page, Stream
from connectors.errors import NotGenuine, NotReadable
from connectors.files.collisions import list_collisions
from connectors.files.consent import STATEMENTS, consent
from connectors.files.harvest import Harvest
from connectors.files.options import Options, SavedMapping
from connectors.files.orders import orders
from connectors.files.people import customers
from connectors.files.plan import Plan
from connectors.files.products import products
from connectors.files.refunds import refunds
from connectors.files.sheet import Sheet
from connectors.files.sources import file_hash
from connectors.files.texts import say
from connectors.files.values import BadCell
from connectors.records import Cursor, Record

STREAMS = tuple(
    Stream(name=name) for name in ("customers", "products", "orders", "refunds", "consent")
)
#: Positions in a sheet with the records each brings; a page never ends inside one.
Steps: TypeAlias = Iterator[tuple[int, Sequence[Record]]]


class FilesConnector:
    """Reads exported files: customers, products, orders or receipt lines, and consent.

    Parameters
    ----------
    paths
        CSV (plain, .gz, or several in a .zip) or spreadsheets; read together, so that a customer
        in two of them is one customer.
    options
        Answers and settings; what they leave open is found in the files, or asked.
    mapping
        What earlier files of the same layouts taught (`mapping()` of that time).
    names
        What the merchant calls the files, where that is not what they are called on disk.
    page_size
        Records, or rejects, after which a page ends.

    A file never deletes anyone and never unsubscribes anyone by leaving them out. Cursors hold the
    hash of the files and a position: the same files go on where they ended, other files start anew.
    """

    platform = "files"
    install = InstallShape.UPLOAD
    streams: Sequence[Stream] = STREAMS

    def __init__(
        self,
        paths: Sequence[Path | str],
        *,
        options: Options | None = None,
        mapping: SavedMapping | None = None,
        names: Sequence[str] | None = None,
        page_size: int = 2000,
    ) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.options = options or Options()
        self._mapping = mapping or SavedMapping()
        self.names = tuple(_distinct(names or [path.name for path in self.paths]))
        self.page_size = page_size

    def close(self) -> None:
        """Drop the passing copy of the rows."""
        if "_plan" in self.__dict__:
            self._plan.spool.close()
            del self._plan

    def check(self) -> Capabilities:
        """What the files hold.

        Raises
        ------
        NotReadable
            A file cannot be understood; the text names the columns found and the fields missing.
        NeedsAnswer
            Dates or amounts allow two readings.
        """
        absent = say(self.options.language, "stream_absent")
        return Capabilities(
            shop_id="files",
            name=", ".join(self.names),
            currency=self.options.currency,
            time_zone=self.options.time_zone,
            problems={s.name: None if self._giving(s.name) else absent for s in self.streams},
        )

    @property
    def notes(self) -> Sequence[str]:
        """Warnings about the files in the merchant's language; they stop nothing."""
        return tuple(self._plan.notes)

    @property
    def system(self) -> str:
        """Whose numbers the files hold: "shopify", "square", ...; "files" where unknown.

        Raises
        ------
        NotReadable
            They are of several systems, whose numbers say nothing about each other.
        NeedsAnswer
        """
        systems = {sheet.columns.system: sheet.name for sheet in self._plan.sheets}
        if len(systems) > 1:
            found = ", ".join(f"{name} ({system})" for system, name in sorted(systems.items()))
            raise NotReadable(say(self.options.language, "mixed_systems", found=found))
        return next(iter(systems))

    def mapping(self) -> SavedMapping:
        """How the layouts of these files were read, to be kept for the next ones."""
        return self._plan.learned()

    def prepare(self, cursors: Mapping[str, Cursor | None]) -> Mapping[str, Cursor]:  # noqa: ARG002
        """Return nothing: everything is there."""
        return {}

    def read(self, stream: str, cursor: Cursor | None = None) -> Iterator[Page]:
        """Every page of a stream after `cursor`.

        After a crash the files are taken in again, but only what lies after the cursor is read into
        records.

        Raises
        ------
        NotReadable
        NeedsAnswer
        """
        sheets = self._giving(stream)
        start, after = 0, 0
        if cursor is not None and cursor.get("file") == self._file:
            start, after = int(cursor["sheet"]), int(cursor["row"])
        harvest = Harvest(stream, self.options.language)
        seen: set[int] = set()
        for index, sheet in enumerate(sheets):
            if index < start and stream != "consent":
                continue
            harvest.file = sheet.name
            begin = after if index == start else 0 if index > start else sheet.rows << 32
            if begin == 0:
                self._list_unread(sheet, harvest)
                for earlier in sheets[:index] if stream == "orders" else ():
                    list_collisions(sheet, earlier, harvest)
            steps = self._steps(stream, sheet, sheets[:index], harvest, begin, seen)
            yield from self._pages(steps, harvest, sheets, index)
        yield Page(
            records=harvest.records,
            rejects=harvest.rejects,
            counters=dict(harvest.counters),
            cursor_after={"file": self._file, "sheet": len(sheets), "row": 0},
            complete=True,
            progress=1.0,
        )

    def fetch(self, stream: str, key: str) -> Sequence[Record]:
        """One record by its id, found by reading."""
        for page in self.read(stream):
            for record in page.records:
                if record_id(record) == key:
                    return [record]
        return []

    def keys(self, stream: str) -> Iterator[str]:
        """The id of every record of a stream."""
        for page in self.read(stream):
            yield from map(record_id, page.records)

    def parse_hook(self, headers: Mapping[str, str], raw_body: bytes) -> Sequence[Change]:
        """Files send no webhooks.

        Raises
        ------
        NotGenuine
            Always.
        """
        del headers, raw_body
        raise NotGenuine("files send no webhooks")

    @cached_property
    def _plan(self) -> Plan:
        try:
            ZoneInfo(self.options.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            zone = self.options.time_zone
            raise NotReadable(say(self.options.language, "unknown_zone", zone=zone)) from error
        return Plan(self.paths, self.options, self._mapping, self.names)

    @cached_property
    def _file(self) -> str:
        """Names the content of the files and every setting that changes what they say."""
        content = file_hash(self.paths, self.options.language, self.names)
        return f"{content}/{self.options.digest()[:12]}"

    def _giving(self, stream: str) -> list[Sheet]:
        """The sheets that hold records of a stream, in reading order."""
        gives = _GIVES[stream]
        return [sheet for sheet in self._plan.sheets if gives(sheet)]

    def _steps(
        self,
        stream: str,
        sheet: Sheet,
        earlier: Sequence[Sheet],
        harvest: Harvest,
        after: int,
        seen: set[int],
    ) -> Steps:
        if stream == "consent":
            return consent(sheet, harvest, after=after, seen=seen)
        not_in = "".join(_not_in(stream, sheet, other) for other in earlier)
        return (
            (position, () if record is None else (record,))
            for position, record in _READS[stream](sheet, harvest, after=after, not_in=not_in)
        )

    def _pages(
        self, steps: Steps, harvest: Harvest, sheets: Sequence[Sheet], index: int
    ) -> Iterator[Page]:
        """Cut what the steps bring into pages."""
        before, total = sum(s.rows for s in sheets[:index]), sum(s.rows for s in sheets)
        for position, records in steps:
            harvest.records.extend(records)
            if max(len(harvest.records), len(harvest.rejects)) >= self.page_size:
                share = (before + position) / (total + 1)
                yield _page(harvest, self._file, index, position, share)

    def _list_unread(self, sheet: Sheet, harvest: Harvest) -> None:
        """List damaged columns and, but for orders, rows with too many cells."""
        if harvest.stream != _PRIMARY[sheet.columns.kind]:
            return
        for name, column, value in self._plan.damaged:
            if name == sheet.name:
                bad = BadCell(column, value, "damaged_column", shown=value)
                harvest.reject_column(bad)
        if not _is_lines(sheet):
            for row, cells in sheet.broken_rows():
                harvest.reject_row(sheet.broken(cells), row)


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """The names, those of another folder's file numbered: two files are never taken for one."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _page(harvest: Harvest, file: str, sheet: int, row: int, share: float) -> Page:
    page = Page(
        records=harvest.records,
        rejects=harvest.rejects,
        counters=dict(harvest.counters),
        cursor_after={"file": file, "sheet": sheet, "row": row},
        progress=min(share, 1.0),
    )
    harvest.clear()
    return page


def record_id(record: Record) -> str:
    """The id of a record of any stream."""
    return record.id


def _not_in(stream: str, sheet: Sheet, other: Sheet) -> str:
    """SQL that leaves out what an earlier sheet already gave."""
    keys = {
        "customers": ("customer_key", "customer_key"),
        "products": (
            "catalogue_key" if sheet.columns.kind == "products" else "product_key",
            "catalogue_key" if other.columns.kind == "products" else "product_key",
        ),
        "orders": ("order_key", "order_key"),
        "refunds": ("order_key", "order_key"),
    }
    mine, theirs = (getattr(s, k) for s, k in zip((sheet, other), keys[stream], strict=True))
    return _absent(mine, theirs, other.table) + (
        _absent(sheet.id("sku"), other.id("sku"), other.table)
        if stream == "products" and other.columns.kind == "products" and other.has("sku")
        else ""
    )


def _absent(mine: str, theirs: str, table: str) -> str:
    known = f"SELECT {theirs} FROM {table} WHERE {theirs} IS NOT NULL"  # noqa: S608 - built from positions
    return f" AND coalesce(({mine}) NOT IN ({known}), true)"


def _is_lines(sheet: Sheet) -> bool:
    return sheet.columns.kind in ("orders", "transactions")


_READS = {"customers": customers, "products": products, "orders": orders, "refunds": refunds}
_PRIMARY = {
    "customers": "customers",
    "products": "products",
    "orders": "orders",
    "transactions": "orders",
    "consent": "consent",
}
_GIVES: dict[str, Callable[[Sheet], bool]] = {
    "customers": lambda s: (
        s.columns.kind != "products" and s.has("customer_id", "card_no", "email")
    ),
    "products": lambda s: (
        s.columns.kind == "products"
        or (_is_lines(s) and s.has("product_id", "sku", "product_name"))
    ),
    "orders": _is_lines,
    "refunds": lambda s: _is_lines(s) and s.has("refunded_amount"),
    "consent": lambda s: (
        s.columns.kind == "consent" or (s.columns.kind != "products" and s.has(*STATEMENTS))
    ),
}
