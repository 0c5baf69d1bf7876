"""Files as sheets of cells: CSV plain, zipped or gzipped, and spreadsheets."""

from __future__ import annotations

import csv
import datetime
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from python_calamine import CalamineError, CalamineWorkbook

from connectors.errors import NotReadable
from connectors.files.dialect import Dialect, find_dialect
from connectors.files.options import Options
from connectors.files.spreadsheets import refuse_wide
from connectors.files.texts import say

#: A bomb of zeros must not fill the disk.
MAX_UNPACKED_MB = 4096
#: Above Python's default of 128 kB: product descriptions are long.
csv.field_size_limit(16 * 1024 * 1024)

Rows: TypeAlias = Iterator[tuple[int, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of cells inside a file."""

    #: "export.zip/subscribed.csv" or "kassa.xlsx/Blad1".
    name: str
    #: Row number as counted from 1 at the top of the file, and the cells; starts anew each call.
    rows: Callable[[], Rows]
    dialect: Dialect | None = None


def sheets(path: Path, options: Options, name: str | None = None) -> list[Sheet]:
    """Every sheet of a file, in the file's order; `name` is what the merchant calls it.

    Raises
    ------
    NotReadable
        When it cannot be opened, is protected, or is of another kind.
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            magic = file.read(8)
    except OSError as error:
        raise NotReadable(say(options.language, "no_file", name=name)) from error
    try:
        if magic.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                _refuse_bombs(archive, name, options)
                names = archive.namelist()
                if "[Content_Types].xml" in names:
                    refuse_wide(archive, name, options)
                    return _spreadsheet(path, name)
            return [s for part in sorted(names) for s in _zipped(path, name, part, options)]
        if magic.startswith(b"\xd0\xcf\x11\xe0"):
            raise NotReadable(say(options.language, "old_excel", name=name))
        if magic.startswith(b"\x1f\x8b"):
            return _text(name, lambda: _gunzipped(path, name, options), options)
        return _text(name, lambda: path.open("rb"), options)
    except (zipfile.BadZipFile, CalamineError, EOFError, OSError, RuntimeError) as error:
        raise _damaged(name, error, options) from error


def file_hash(paths: Sequence[Path], language: str, names: Sequence[str] | None = None) -> str:
    """SHA-256 over the contents of all files: the same files give the same cursor."""
    digest = hashlib.sha256()
    for path, name in zip(paths, names or [path.name for path in paths], strict=True):
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise NotReadable(say(language, "no_file", name=name)) from error
    return digest.hexdigest()


def _damaged(name: str, error: Exception, options: Options) -> NotReadable:
    return NotReadable(
        say(options.language, "damaged_file", name=name, detail=type(error).__name__)
    )


def _refuse_bombs(archive: zipfile.ZipFile, name: str, options: Options) -> None:
    size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_UNPACKED_MB * 1024 * 1024:
        raise NotReadable(say(options.language, "too_large", name=name, limit=MAX_UNPACKED_MB))


def _gunzipped(path: Path, name: str, options: Options) -> BinaryIO:
    return io.BufferedReader(_Gunzipped(path, name, options))


class _Gunzipped(io.RawIOBase):
    """What a .gz unpacks to, which nobody knows beforehand: refused where it becomes too much."""

    def __init__(self, path: Path, name: str, options: Options) -> None:
        self._file, self._count = gzip.GzipFile(path, "rb"), 0
        self._too_large = say(options.language, "too_large", name=name, limit=MAX_UNPACKED_MB)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._count += count
        if self._count > MAX_UNPACKED_MB * 1024 * 1024:
            raise NotReadable(self._too_large)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _zipped(path: Path, name: str, part: str, options: Options) -> list[Sheet]:
    if part.endswith("/") or part.startswith("__MACOSX") or not _is_table(part):
        return []
    return _text(f"{name}/{part}", lambda: _ZipMember(path, part), options)


def _is_table(name: str) -> bool:
    return name.lower().endswith((".csv", ".txt", ".tsv"))


class _ZipMember(io.BufferedReader):
    """A member of an archive that closes the archive with itself."""

    def __init__(self, path: Path, name: str) -> None:
        self._archive = zipfile.ZipFile(path)
        super().__init__(self._archive.open(name))  # type: ignore[arg-type]  # typeshed: ZipExtFile is a BufferedIOBase

    def close(self) -> None:
        super().close()
        self._archive.close()


def _text(name: str, open_binary: Callable[[], Any], options: Options) -> list[Sheet]:
    dialect = find_dialect(open_binary, encoding=options.encoding, delimiter=options.delimiter)
    if dialect is None:
        raise NotReadable(say(options.language, "not_text", name=name))
    return [Sheet(name, lambda: _text_rows(name, open_binary, dialect, options), dialect)]


def _text_rows(
    name: str, open_binary: Callable[[], BinaryIO], dialect: Dialect, options: Options
) -> Rows:
    # Five bytes have no meaning in Windows-1252; one of them must not end an import.
    errors = "replace" if dialect.encoding == "cp1252" else "strict"
    try:
        with io.TextIOWrapper(
            open_binary(), encoding=dialect.encoding, errors=errors, newline=""
        ) as text:
            numbered = enumerate(csv.reader(text, delimiter=dialect.delimiter), 1)
            if dialect.has_sep_line:
                next(numbered, None)
            yield from numbered
    except (csv.Error, UnicodeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise _damaged(name, error, options) from error


def _spreadsheet(path: Path, name: str) -> list[Sheet]:
    with CalamineWorkbook.from_path(str(path)) as book:
        parts = list(book.sheet_names)
    return [Sheet(f"{name}/{part}", lambda p=part: _sheet_rows(path, p)) for part in parts]  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def _sheet_rows(path: Path, name: str) -> Rows:
    with CalamineWorkbook.from_path(str(path)) as book:
        sheet = book.get_sheet_by_name(name)
        if sheet.start is None:
            return
        for number, row in enumerate(sheet.to_python(skip_empty_area=False), 1):
            yield number, [cell_text(cell) for cell in row]


def cell_text(cell: Any) -> str:
    """A typed spreadsheet cell as text that can be read in one way only.

    >>> cell_text(1.234), cell_text(45000.0), cell_text(True)
    ('1.2340', '45000', 'true')
    """
    if isinstance(cell, str):
        return cell  # most cells, and all empty ones
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        text = format(cell, ".10f").rstrip("0")
        # Three decimals could be thousands; a fourth proves that the point is decimal.
        return text + "0" if len(text.partition(".")[2]) == 3 else text
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, datetime.timedelta):
        return str(cell)
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)
