"""A file of lines in any order, joined: a small database beside the reading, never in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from connectors.errors import Unreachable

#: Lines written at a time.
_BATCH = 2_000
_SCHEMA = """
CREATE TABLE root (id TEXT PRIMARY KEY, at TEXT NOT NULL, line BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE child (parent TEXT NOT NULL, id TEXT NOT NULL, line BLOB NOT NULL,
                    PRIMARY KEY (parent, id)) WITHOUT ROWID;
CREATE TABLE loaded (lines INTEGER NOT NULL);
"""


class Staging:
    """One export's lines on disk.

    Parameters
    ----------
    path
        The file; one that is there and whole is used as it is.
    children
        The connection in whose place the children go, such as "lineItems"; None for none.
    """

    def __init__(self, path: Path, children: str | None) -> None:
        self.path, self._children = path, children

    @property
    def is_loaded(self) -> bool:
        """Tell whether every line is here; a reading that was stopped leaves a file without."""
        if not self.path.exists():
            return False
        try:
            with closing(sqlite3.connect(self.path)) as db:
                return db.execute("SELECT 1 FROM loaded").fetchone() is not None
        except sqlite3.DatabaseError:
            return False

    def load(self, lines: Iterable[bytes]) -> None:
        """Write every line; half a file counts as none.

        Raises
        ------
        Unreachable
            A line was cut short.
        """
        self.remove()
        with closing(sqlite3.connect(self.path)) as db:
            # It can be fetched again: what a power cut takes is no loss.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(_SCHEMA)
            total = 0
            for total, line in enumerate(lines, 1):
                _write(db, line)
                if total % _BATCH == 0:
                    db.commit()
            db.execute("CREATE INDEX newest ON root (at DESC, id)")
            db.execute("INSERT INTO loaded VALUES (?)", [total])
            db.commit()

    def roots(self, skip: int, size: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the parents with their children, newest first, `size` at a time."""
        query = "SELECT id, line FROM root ORDER BY at DESC, id LIMIT -1 OFFSET ?"
        with closing(sqlite3.connect(self.path)) as db:
            rows = db.execute(query, [skip])
            while found := rows.fetchmany(size):
                yield [self._whole(db, key, line) for key, line in found]

    def _whole(self, db: sqlite3.Connection, key: str, line: bytes) -> dict[str, Any]:
        raw: dict[str, Any] = json.loads(line)
        if self._children is not None:
            query = "SELECT line FROM child WHERE parent = ?"
            raw[self._children] = [json.loads(one) for (one,) in db.execute(query, [key])]
        return raw

    @property
    def count(self) -> int:
        """Parents in the file."""
        with closing(sqlite3.connect(self.path)) as db:
            return int(db.execute("SELECT count(*) FROM root").fetchone()[0])

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def _write(db: sqlite3.Connection, line: bytes) -> None:
    try:
        raw = json.loads(line)
        key, parent = raw["id"], raw.get("__parentId")
    except (ValueError, KeyError):
        raise Unreachable("a line of Shopify's export was cut short") from None
    if parent is None:
        at = raw.get("createdAt") or ""
        db.execute("INSERT OR REPLACE INTO root VALUES (?, ?, ?)", [key, at, line])
    else:
        db.execute("INSERT OR REPLACE INTO child VALUES (?, ?, ?)", [parent, key, line])
