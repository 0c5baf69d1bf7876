"""Every request the sandbox received, also each operation inside a batch."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

#: Enough for ten full pushes of 20,000 members; older entries are forgotten.
KEPT = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request and how it was answered."""

    seq: int
    at: str
    method: str
    #: Relative to /3.0, with the leading slash.
    path: str
    query: dict[str, str]
    #: The parsed JSON body; None when there was none or it was not JSON.
    body: Any
    status: int
    #: Id of the batch this operation belonged to; None for a request of its own.
    batch: str | None


class Log:
    """Entries in the order of their answers, numbered from 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self.last = 0

    def add(
        self,
        *,
        at: str,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any,
        status: int,
        batch: str | None = None,
    ) -> None:
        """Append one entry."""
        with self._lock:
            self.last += 1
            self._entries.append(
                Entry(
                    seq=self.last,
                    at=at,
                    method=method,
                    path=path,
                    query=query,
                    body=body,
                    status=status,
                    batch=batch,
                )
            )

    def since(self, seq: int = 0) -> list[Entry]:
        """Entries with a number above `seq`."""
        with self._lock:
            return [entry for entry in self._entries if entry.seq > seq]

    def newest(self, count: int, offset: int = 0) -> tuple[list[Entry], int]:
        """A page of entries, newest first, and how many are held."""
        with self._lock:
            rows = list(self._entries)
        return rows[::-1][offset : offset + count], len(rows)

    def clear(self) -> None:
        """Forget the entries; numbers go on."""
        with self._lock:
            self._entries.clear()


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as the admin endpoint shows it."""
    return asdict(entry)
