"""Tables to download. Spreadsheets must not run what a customer typed as his name.

Source: OWASP, "CSV Injection".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    Examples
    --------
    >>> safe("=HYPERLINK(0)"), safe("Ada"), safe(12), safe("  @SUM(1)")
    ("'=HYPERLINK(0)", 'Ada', '12', "'  @SUM(1)")
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def download(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return the rows as a file, sent while they are read."""
    answer = Response(_lines(header, rows), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    # Without the mark Excel reads UTF-8 as Windows-1252 and spoils every é.
    yield "\ufeff"
    yield _line(header)
    for row in rows:
        yield _line(row)


def _line(row: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([safe(cell) for cell in row])
    return out.getvalue()
