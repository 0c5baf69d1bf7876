"""A clock that tests can move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class Clock:
    """Real time moved by what was added to it, or a fixed moment that only `advance` moves."""

    def __init__(self, at: datetime | None = None) -> None:
        self._at = at
        self._moved = timedelta()
        self._lock = Lock()

    def __call__(self) -> datetime:
        """The emulator's now, in UTC."""
        return (self._at or datetime.now(UTC)) + self._moved

    def advance(self, **span: float) -> None:
        """Move on; `span` is what `timedelta` takes."""
        with self._lock:
            self._moved += timedelta(**span)

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.advance(seconds=seconds)


def stamp(at: datetime) -> str:
    """Return a moment as Shopify writes it; such texts sort like the moments."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
