"""Faults on demand and the concurrency gate: what makes a client's care testable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: Requests that Mailchimp serves at once for one user.
SIMULTANEOUS = 10

#: empty_429, empty_403, html_502 and error_500 answer without doing anything; stall waits,
#: then works; reset works, then cuts the connection.
KINDS = ("empty_429", "empty_403", "html_502", "error_500", "stall", "reset")


@dataclass(slots=True, kw_only=True)
class Fault:
    """One switch: which requests fail, how, and how often."""

    kind: str
    #: The first matching request that fails, counted from 1.
    first: int = 1
    #: How many fail; None for all from `first` on.
    times: int | None = 1
    method: str | None = None
    prefix: str = "/"
    seconds: float = 0.0
    #: Whether it strikes operations inside batches instead of requests.
    in_batches: bool = False

    def strikes(self, method: str, path: str, *, in_batch: bool) -> bool:
        """Whether this request fails; counts it when it matches."""
        matches = (
            in_batch == self.in_batches
            and self.method in (None, method)
            and path.startswith(self.prefix)
            and self.times != 0
        )
        if not matches:
            return False
        if self.first > 1:
            self.first -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The switches that are on; the oldest that matches strikes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch one on; ValueError for a kind that does not exist."""
        if fault.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str, *, in_batch: bool = False) -> Fault | None:
        """The fault that strikes this request, if one does."""
        with self._lock:
            for fault in self._faults:
                if fault.strikes(method, path, in_batch=in_batch):
                    return fault
        return None


class Gate:
    """Lets `SIMULTANEOUS` requests in; a slot is held until the handler ends."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(SIMULTANEOUS)
        self._lock = threading.Lock()
        self._refused = 0

    @contextmanager
    def slot(self) -> Iterator[bool]:
        """Whether there was room."""
        entered = self._slots.acquire(blocking=False)
        try:
            yield entered
        finally:
            if entered:
                self._slots.release()

    def refuses_with_body(self) -> bool:
        """Refusals come alternately with a JSON document and without any body."""
        with self._lock:
            self._refused += 1
            return self._refused % 2 == 1
