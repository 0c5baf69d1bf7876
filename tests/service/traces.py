"""Everything a database, its files and the log hold, to look for somebody who was erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import SQLModel

import integration.tables  # noqa: F401  # every table is known


def texts(engine: Engine) -> Iterator[tuple[str, str]]:
    """Yield (table.column, value as text) of every cell of every table."""
    with engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                for name, value in row.items():
                    told = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                    yield f"{table.name}.{name}", str(told)


def found(engine: Engine, *needles: str) -> set[str]:
    """Return the columns that hold one of these texts, in whatever case."""
    wanted = [needle.lower() for needle in needles]
    return {place for place, text in texts(engine) if any(n in text.lower() for n in wanted)}


def in_files(folder: Path, *needles: str) -> set[str]:
    """Return the names of files below a folder whose bytes hold one of these texts."""
    return {
        path.name
        for path in folder.rglob("*")
        if path.is_file()
        for needle in needles
        if needle.lower().encode() in path.read_bytes().lower()
    }
