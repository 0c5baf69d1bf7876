"""How far a spreadsheet reaches, before it is opened.

The reader lays a sheet out as one block from its first cell to its last. Two cells at the far ends
of 2 kB of XML are 17 billion then, and memory that cannot be had ends the process. So the places of
the cells are read first; what the sheet declares of itself (`dimension`) is not to be trusted.
Source: ECMA-376 Part 1, 18.3.1.4 (c), 18.3.1.73 (row).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from connectors.errors import NotReadable
from connectors.files.options import Options
from connectors.files.texts import say

#: A full sheet of 1,048,576 rows may have 22 columns.
MAX_CELLS_MILLION = 24
_CHUNK = 1 << 20
#: A tag longer than this is no cell's.
_LONGEST_TAG = 1 << 16
_PLACE = re.compile(rb"<(?:\w+:)?(?:c|row)\s(?:[^<>]*?\s)?r\s*=\s*[\"']([A-Za-z]*)(\d+)[\"']")
_OPEN = re.compile(rb"<(?:\w+:)?(?:c|row)\s[^<>]*\Z")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")


def refuse_wide(archive: zipfile.ZipFile, name: str, options: Options) -> None:
    """Refuse a workbook with a sheet that reaches too far.

    Raises
    ------
    NotReadable
    """
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names or {"content.xml", "xl/workbook.bin"} & names:
        raise NotReadable(say(options.language, "not_text", name=name))
    for member in names:
        rows, columns = _reach(archive, member)
        if rows * columns > MAX_CELLS_MILLION * 1_000_000:
            limit = MAX_CELLS_MILLION
            raise NotReadable(say(options.language, "too_wide", name=name, limit=limit))


def _reach(archive: zipfile.ZipFile, member: str) -> tuple[int, int]:
    """Rows and columns of a sheet from A1 on; of a member that is no sheet both are 0.

    A row or cell that does not say its place comes after the one before it, so their number counts.
    """
    last_row = last_column = loose_rows = loose_cells = cells = 0
    for text in _chunks(archive, member):
        places = _PLACE.findall(text)
        told = set(places)
        last_row = max([last_row, *(int(row) for _, row in told)])
        last_column = max([last_column, *(_number(letters) for letters, _ in told)])
        cells_told = sum(bool(letters) for letters, _ in places)
        first, *others = _ROW.split(text)
        loose_rows += len(others) - (len(places) - cells_told)
        if len(_CELL.findall(text)) == cells_told:
            continue
        for number, row in enumerate([first, *others]):
            cells = len(_CELL.findall(row)) + (0 if number else cells)
            loose_cells = max(loose_cells, cells)
    return last_row + loose_rows, last_column + loose_cells


def _chunks(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    """The member in parts that end at the end of a tag."""
    with archive.open(member) as file:
        rest = b""
        while chunk := file.read(_CHUNK):
            text = rest + chunk
            cut = max(text.rfind(b"<"), 0)
            if len(text) - cut > _LONGEST_TAG:
                if _OPEN.match(text, cut):
                    raise zipfile.BadZipFile("a cell without an end")
                cut = len(text)
            rest = text[cut:]
            yield text[:cut]
        yield rest


def _number(letters: bytes) -> int:
    """A column's number, from 1.

    >>> _number(b"A"), _number(b"XFD")
    (1, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
