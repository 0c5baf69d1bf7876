"""Many values, cut into lists that fit one statement of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")

#: Ids in one IN list; SQLite takes 32,766 variables a statement.
_CHUNK = 10_000


def parts(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut values into lists that fit one statement."""
    ordered = list(values)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
