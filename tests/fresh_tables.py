"""Databases with all tables and nothing in them: copies, as making the tables takes far longer."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from integration.db import make_engine


def lay(url: str) -> None:
    """Put an empty database where `url` says a SQLite file is, or is to be."""
    file = Path(make_url(url).database or "")
    file.parent.mkdir(parents=True, exist_ok=True)
    # Another file, not other contents: whoever has the old one open goes on with that.
    for old in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        old.unlink(missing_ok=True)
    file.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stipt.db"
        engine = make_engine(f"sqlite:///{file}")
        SQLModel.metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()
