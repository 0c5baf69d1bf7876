"""How often somebody unknown may come: counted here, for a short while, and kept nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from datetime import datetime, timedelta
from threading import Lock

_WINDOW = timedelta(minutes=1)


class Throttle:
    """Lets each comer through so many times a minute, and so many comers in all.

    It counts in this process: of two, each lets as many through. Its memory is bounded, as whoever
    comes under a new name each time is refused once there are too many names.

    Examples
    --------
    >>> from datetime import UTC
    >>> throttle, noon = Throttle(each=2, names=10), datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> [throttle.lets("ada", noon) for _ in range(3)], throttle.lets("ada", noon + _WINDOW)
    ([True, True, False], True)
    """

    def __init__(self, *, each: int, names: int) -> None:
        self._each, self._most = each, names
        self._seen: Counter[Hashable] = Counter()
        self._until: datetime | None = None
        self._lock = Lock()

    @property
    def names(self) -> int:
        """How many comers are remembered."""
        return len(self._seen)

    def lets(self, name: Hashable, now: datetime) -> bool:
        """Count a comer; tell whether he may go on."""
        with self._lock:
            if self._until is None or not self._until - _WINDOW <= now < self._until:
                self._seen.clear()
                self._until = now + _WINDOW
            if name not in self._seen and len(self._seen) >= self._most:
                return False
            self._seen[name] += 1
            return self._seen[name] <= self._each
