"""A file of lines in any order, joined: a small database beside the reading, never in memory."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from connectors.shopify.errors import CutShort

#: Lines written at a time.
_BATCH = 2_000
#: Answers of GraphQL have the order of what was asked, which begins with type and id.
_OWN_ID = re.compile(rb'\{(?:"__typename":"\w+",)?"id":"([^"]+)"')
_PARENT = re.compile(rb'"__parentId":"([^"]+)"')
_CREATED = re.compile(rb'"createdAt":"([^"]+)"')
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
        CutShort
            A line was cut in its middle.
        """
        self.remove()
        with closing(sqlite3.connect(self.path)) as db:
            # It can be fetched again: what a power cut takes is no loss.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(_SCHEMA)
            total = 0
            for batch in _batches(lines):
                _write(db, batch)
                total += len(batch)
            db.execute("CREATE INDEX newest ON root (at DESC, id)")
            db.execute("INSERT INTO loaded VALUES (?)", [total])
            db.commit()

    def roots(self, skip: int, size: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the parents with their children, newest first, `size` at a time."""
        query = "SELECT id, line FROM root ORDER BY at DESC, id LIMIT -1 OFFSET ?"
        with closing(sqlite3.connect(self.path)) as db:
            rows = db.execute(query, [skip])
            while found := rows.fetchmany(size):
                whole = {key: json.loads(line) for key, line in found}
                self._add_children(db, whole)
                yield list(whole.values())

    def _add_children(self, db: sqlite3.Connection, roots: dict[str, Any]) -> None:
        if self._children is None:
            return
        for root in roots.values():
            root[self._children] = []
        marks = ", ".join("?" * len(roots))
        query = f"SELECT parent, line FROM child WHERE parent IN ({marks})"  # noqa: S608
        for key, line in db.execute(query, list(roots)):
            roots[key][self._children].append(json.loads(line))

    @property
    def count(self) -> int:
        """Parents in the file."""
        with closing(sqlite3.connect(self.path)) as db:
            return int(db.execute("SELECT count(*) FROM root").fetchone()[0])

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _write(db: sqlite3.Connection, lines: Sequence[bytes]) -> None:
    roots, children = [], []
    # Nothing behind it shows that the last line was cut, in whatever place.
    _parsed(lines[-1])
    for line in lines:
        key, parent, at = _keys(line)
        if parent is None:
            roots.append((key, at, line))
        else:
            children.append((parent, key, line))
    db.executemany("INSERT OR REPLACE INTO root VALUES (?, ?, ?)", roots)
    db.executemany("INSERT OR REPLACE INTO child VALUES (?, ?, ?)", children)
    db.commit()


def _keys(line: bytes) -> tuple[str, str | None, str]:
    """Return a line's id, that of its parent, and when it was created.

    Reading the whole of each line twice would be a tenth of the time of a history. What stands in
    quotes in a text has a stroke before it, so that only a name is found as one.
    """
    own = _OWN_ID.match(line)
    if own is None:
        raw = _parsed(line)
        return raw["id"], raw.get("__parentId"), raw.get("createdAt") or ""
    parent, at = _PARENT.search(line), _CREATED.search(line)
    return own[1].decode(), parent and parent[1].decode(), at[1].decode() if at else ""


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads(line)
        raw["id"]
    except (ValueError, KeyError):
        raise CutShort("a line of Shopify's export was cut short") from None
    return raw
