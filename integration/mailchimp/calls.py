"""Calls side by side: each in a thread, and what follows from its answer in the caller's.

So a push has several calls on their way while one thread alone writes to the database, in the order
of the answers, each with the check of the lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, TypeVar

from integration.audience.plan import CannotPublish
from integration.mailchimp.errors import MailchimpError

T = TypeVar("T")
#: Is called with what gives the answer, or raises what went wrong.
Settle = Callable[[Callable[[], T]], None]
#: After these, answers that are still to come are settled.
_TOLD = (MailchimpError, CannotPublish)


class Calls:
    """At most so many calls at once.

    When one fails, or the merchant leaves, the others are waited for and settled: what they did is
    not forgotten. After any other error (another worker has the job) nothing more is settled.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="mailchimp")
        self._running: dict[Future[Any], Settle[Any]] = {}

    def __enter__(self) -> Calls:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, _TOLD):
                self._settle_rest()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def has_room(self) -> bool:
        """Whether another call can start."""
        return len(self._running) < self._most

    @property
    def are_running(self) -> bool:
        """Whether answers are still to come."""
        return bool(self._running)

    def start(self, call: Callable[[], T], settle: Settle[T]) -> None:
        """Start a call, as soon as there is room; `settle` runs in a later `turn`."""
        while not self.has_room:
            self.turn()
        self._running[self._pool.submit(call)] = settle

    def turn(self, most_s: float | None = None) -> None:
        """Wait until a call ends, at most so long, and settle those that have."""
        if not self._running:
            time.sleep(most_s or 0.0)
        done, _ = wait(self._running, most_s, FIRST_COMPLETED)
        for future in done:
            self._running.pop(future)(future.result)

    def _settle_rest(self) -> None:
        while self._running:
            try:
                self.turn()
            except _TOLD:
                continue  # the first error is told; this one's rows stay as they are
