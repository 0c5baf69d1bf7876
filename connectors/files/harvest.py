"""What reading brings in: records, rejected cells and counts, until they fill a page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

from connectors.files.texts import say
from connectors.files.values import BadCell, Reader
from connectors.records import BadRecord, Record

Value = TypeVar("Value")


@dataclass(slots=True)
class Harvest:
    """Records and rejects on their way into a page."""

    stream: str
    language: str
    #: The sheet that is being read.
    file: str = ""
    records: list[Record] = field(default_factory=list)
    rejects: list[BadRecord] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)

    def soft(self, reader: Reader[Value], cell: str | None, row: int) -> Value | None:
        """The value of a cell that is not needed: a bad one is listed and left out."""
        try:
            return reader[cell]
        except BadCell as bad:
            self.counters["rejected cells"] += 1
            self._list(bad, row)
            return None

    def reject_row(self, bad: BadCell, row: int) -> None:
        """List a row that is left out as a whole."""
        self.counters["rejected rows"] += 1
        self._list(bad, row)

    def reject_column(self, bad: BadCell) -> None:
        """List a column that is left out as a whole."""
        self.counters["rejected columns"] += 1
        self._list(bad, 1)

    def clear(self) -> None:
        """Begin a next page."""
        self.records, self.rejects, self.counters = [], [], Counter()

    def _list(self, bad: BadCell, row: int) -> None:
        self.rejects.append(
            BadRecord(
                stream=self.stream,
                row=str(row),
                column=bad.column,
                value=bad.value[:200],
                reason=say(self.language, bad.text, **bad.values),
                file=self.file,
            )
        )


def quiet(reader: Reader[Value], cell: str | None) -> Value | None:
    """The value of a cell, None for a bad one: another stream of the same row lists it."""
    try:
        return reader[cell]
    except BadCell:
        return None
