"""The list of rejected rows and cells as a CSV a merchant can open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from connectors.records import BadRecord

_HEADERS = {
    "en": ("file", "stream", "row", "column", "value", "reason"),
    "nl": ("bestand", "soort", "rij", "kolom", "waarde", "reden"),
}


def write_rejects(rejects: Iterable[BadRecord], file: TextIO, *, language: str = "en") -> int:
    """Write rejects one by one; returns how many.

    Values come from outside, and a spreadsheet would calculate one that starts like a formula:
    those get an apostrophe in front (OWASP, CSV injection).
    """
    writer = csv.writer(file)
    writer.writerow(_HEADERS["nl" if language == "nl" else "en"])
    count = 0
    for bad in rejects:
        cells = (bad.file, bad.stream, bad.row, bad.column, bad.value, bad.reason)
        writer.writerow(map(harmless, cells))
        count += 1
    return count


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("12,50-")
    ("'=1+1", '12,50-')
    """
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell
