"""All rows of the files in a passing DuckDB database, as text.

One pass over a file fills it; everything after that (formats proved by whole columns, rows of one
order that lie scattered, each customer once) is a query. Memory is limited; what does not fit goes
to a folder that only we can read and that is removed on closing.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from connectors.files.dialect import is_total_row

MEMORY_LIMIT = "96MB"
_CHUNK = 10_000
_FETCH = 4_000
#: Spaces that people and programmes leave around values.
_SPACES = " \t\r\n\u00a0\u202f\ufeff"
#: Rows at the end of a sheet in which a line of totals is looked for.
_TOTAL_ROWS = 3


class Spool:
    """A passing database with one table a sheet: `row`, `cells` (None or too many), `c0`..."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="stipt-import-"))
        self._db = duckdb.connect(
            ":memory:",
            config={"threads": 1, "memory_limit": MEMORY_LIMIT, "temp_directory": str(folder)},
        )
        self._numbers = count()
        self._close = weakref.finalize(self, _clean_up, self._db, folder)

    def close(self) -> None:
        """Drop all rows."""
        self._close()

    def fill(self, width: int, rows: Iterator[tuple[int, Sequence[str]]]) -> tuple[str, int]:
        """Store the rows below a header; the table's name and its rows without lines of totals."""
        table = f"sheet{next(self._numbers)}"
        columns = [f"c{i}" for i in range(width)]
        typed = ", ".join(f"{column} VARCHAR" for column in columns)
        self.run(f"CREATE TABLE {table} (row BIGINT, cells INTEGER, {typed})")
        trimmed = ", ".join(f"nullif(trim({c}, $spaces), '')" for c in columns)
        insert = f"INSERT INTO {table} SELECT row, cells, {trimmed} FROM chunk"  # noqa: S608 - names of ours
        while (chunk := _chunk(list(islice(rows, _CHUNK)), width)) is not None:
            self._db.register("chunk", chunk)
            self._db.execute(insert, {"spaces": _SPACES})
        self._drop_totals(table)
        return table, int(self.run(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - names of ours

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a short answer."""
        return self._db.execute(sql, list(parameters)).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a long answer; several may be read at the same time."""
        with self._db.cursor() as cursor:
            answer = cursor.execute(sql, list(parameters))
            while rows := answer.fetchmany(_FETCH):
                yield from rows

    def _drop_totals(self, table: str) -> None:
        last = f"SELECT * FROM {table} ORDER BY row DESC LIMIT {_TOTAL_ROWS}"  # noqa: S608 - names of ours
        for row, _, *cells in self.run(last):
            if is_total_row(cells):
                self.run(f"DELETE FROM {table} WHERE row = ?", [row])  # noqa: S608 - names of ours


def _clean_up(db: duckdb.DuckDBPyConnection, folder: Path) -> None:
    db.close()
    shutil.rmtree(folder, ignore_errors=True)


def _chunk(rows: list[tuple[int, Sequence[str]]], width: int) -> pa.Table | None:
    """Rows as columns; `cells` counts the cells of a row that has too many."""
    if not rows:
        return None
    numbers: list[int] = []
    cells: list[Sequence[str]] = []
    counts: list[int | None] = []
    for number, row in rows:
        if not any(row):
            continue  # nobody filled it in: below a spreadsheet's last row there may be thousands
        if len(row) == width:
            counts.append(None)
        else:
            filled = len(row) if any(cell.strip() for cell in row[width:]) else None
            row = [*row[:width], *[""] * (width - len(row))]
            counts.append(filled)
        numbers.append(number)
        cells.append(row)
    columns = zip(*cells, strict=True) if cells else [()] * width
    arrays = [pa.array(numbers, pa.int64()), pa.array(counts, pa.int32())]
    arrays += [pa.array(column, pa.string()) for column in columns]
    return pa.table(arrays, names=["row", "cells", *(f"c{i}" for i in range(width))])


def coalesce(expressions: Iterable[str]) -> str:
    """The first of some SQL expressions that is not NULL; NULL without any."""
    return f"coalesce({', '.join(expressions)}, NULL)"
