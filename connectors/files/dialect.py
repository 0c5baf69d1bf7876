"""From bytes to cells: encoding, delimiter and header of a delimited text.

Every rule is a point of section 8 of the file formats we support: a byte order mark wins, then
strict UTF-8 over the whole file, then Windows-1252 (what Dutch Excel writes).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

#: Bytes read to find the delimiter and the header.
HEAD_BYTES = 256 * 1024
#: Records looked at to find the delimiter.
SAMPLE_RECORDS = 50
#: Rows that may stand above the header.
TITLE_ROWS = 20
DELIMITERS = ";,\t|"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: "é" and its sisters, UTF-8 bytes read as Windows-1252 and encoded again.
_TWICE = re.compile("Ã[\u0080-\u00bf©«¨¶¼¯§¢´¡³±]|â‚¬|â€[™œ\u009d]")
_SEP_LINE = re.compile(r"""^"?sep=(.)"?\r?$""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is cut into cells."""

    encoding: str
    delimiter: str
    #: The file starts with Excel's `sep=;` line.
    has_sep_line: bool = False
    #: Letters look encoded twice.
    double_encoded: bool = False


def find_encoding(open_binary: Callable[[], BinaryIO]) -> str | None:
    """Encoding of a whole text file; None when it holds NUL bytes and no byte order mark."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with open_binary() as file:
        head = file.read(HEAD_BYTES)
        for mark, encoding in _BOMS:
            if head.startswith(mark):
                return encoding
        while head:
            if b"\0" in head:
                return None
            if is_utf8:
                try:
                    decoder.decode(head)
                except UnicodeDecodeError:
                    is_utf8 = False
            head = file.read(1 << 20)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return "utf-8" if is_utf8 else "cp1252"


def find_dialect(
    open_binary: Callable[[], BinaryIO],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Dialect | None:
    """How a file is to be cut into cells; None when it is not text."""
    encoding = encoding or find_encoding(open_binary)
    if encoding is None:
        return None
    with open_binary() as file:
        head = codecs.getincrementaldecoder(encoding)(errors="replace").decode(
            file.read(HEAD_BYTES)
        )
    first, _, rest = head.partition("\n")
    sep = _SEP_LINE.match(first)
    if delimiter is None:
        delimiter = sep.group(1) if sep else find_delimiter(head)
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        has_sep_line=sep is not None,
        double_encoded=_TWICE.search(rest or head) is not None,
    )


def find_delimiter(head: str) -> str:
    """The sign that cuts most records into the same number of cells, quotes respected.

    >>> find_delimiter("naam;bedrag\\nJan;1,50\\nPiet;2,75\\n")
    ';'
    """
    return max(DELIMITERS, key=lambda sign: _evenness(head, sign))


def _evenness(head: str, delimiter: str) -> tuple[float, int]:
    counts: Counter[int] = Counter()
    try:
        for record in csv.reader(io.StringIO(head), delimiter=delimiter):
            if record:
                counts[len(record)] += 1
            if counts.total() == SAMPLE_RECORDS:
                break
    except csv.Error:
        return (0.0, 0)
    if not counts:
        return (0.0, 0)
    # Not the most frequent width alone: title lines have one cell under every delimiter.
    width, records = max(counts.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
    if width == 1:
        return (0.0, 0)
    # Uneven by a few broken rows must not lose to an accidental, even cut in two.
    return (records / counts.total() + min(width, 30) * 0.05, width)


def find_header(
    rows: Sequence[Sequence[str]], known_words: Callable[[Sequence[str]], int]
) -> int | None:
    """Index of the header among the first rows of a file; None when all are empty.

    The row with most words we know; else the first that is as wide as the rows are, of text only.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    if not any(filled):
        return None
    head = rows[:TITLE_ROWS]
    known = [known_words(row) for row in head]
    if max(known) > 0:
        return known.index(max(known))
    usual = Counter(count for count in filled if count).most_common(1)[0][0]
    for index, row in enumerate(head):
        if filled[index] >= usual and not any(_is_number(cell) for cell in row):
            return index
    return next(index for index, count in enumerate(filled) if count)


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+€$£ ]*\d[\d.,]*", cell.strip()))


def is_total_row(cells: Iterable[str | None]) -> bool:
    """A line of totals as spreadsheets have below their rows.

    >>> is_total_row(["Totaal", "", "", "1.234,50"])
    True
    >>> is_total_row(["1001", "Totaal Schoenen BV", "Utrecht", "12,50"])
    False
    """
    filled = [cell.strip() for cell in cells if cell and cell.strip()]
    words = {"totaal", "eindtotaal", "subtotaal", "total", "grand total", "subtotal", "totalen"}
    return bool(filled) and filled[0].lower().rstrip(":") in words
