"""Faults on demand, a storm of them, latency, and the gate: what makes a client's care testable."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from integration.sandbox.problems import TRIGGERED, Problem, too_many

#: Requests that Mailchimp serves at once for one user.
SIMULTANEOUS = 10

#: Kinds that answer without doing anything: an error document, or the status of an answer that has
#: none. "revoked" also takes the key away that the request came with.
REFUSALS: dict[str, Problem | int] = {
    "too_many": too_many(),
    "empty_429": 429,
    "empty_403": 403,
    "error_500": TRIGGERED["InternalServerError"],
    "error_503": 503,
    "html_502": 502,
    "revoked": TRIGGERED["APIKeyInvalid"],
}
#: stall waits, then works; slow works, then waits with the answer; reset works, then cuts the
#: connection.
KINDS = (*REFUSALS, "stall", "slow", "reset")
#: What a storm is made of.
STORMY = ("too_many", "empty_429", "error_500", "error_503", "html_502", "reset")
#: In a batch there is no connection to cut.
STORMY_IN_BATCH = ("too_many", "error_500", "error_503")


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
    #: How long "stall" and "slow" wait.
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


class Storm:
    """Requests and operations fail at random until a moment of the sandbox's clock."""

    def __init__(self, *, until: datetime, probability: float, seed: int = 0) -> None:
        if not 0 < probability < 1:
            raise ValueError("probability must lie between 0 and 1")
        self.until, self.probability = until, probability
        self._random = random.Random(seed)  # noqa: S311  (nothing secret)

    def strikes(self, *, in_batch: bool) -> Fault | None:
        """The fault that the next request has, if any."""
        if self._random.random() >= self.probability:
            return None
        return Fault(kind=self._random.choice(STORMY_IN_BATCH if in_batch else STORMY))


class Faults:
    """The switches that are on; the oldest that matches strikes, and then the storm."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._now = now
        self._storm: Storm | None = None

    def add(self, fault: Fault) -> None:
        """Switch one on; ValueError for a kind that does not exist."""
        if fault.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off, the storm too."""
        with self._lock:
            self._faults.clear()
            self._storm = None

    def blow(self, storm: Storm | None) -> None:
        """Let a storm begin, or end."""
        with self._lock:
            self._storm = storm

    @property
    def storm(self) -> Storm | None:
        """The storm that blows at this moment of the clock."""
        storm = self._storm
        return storm if storm is not None and self._now() < storm.until else None

    def on(self) -> list[Fault]:
        """The switches that can still strike."""
        with self._lock:
            return [fault for fault in self._faults if fault.times != 0]

    def take(self, method: str, path: str, *, in_batch: bool = False) -> Fault | None:
        """The fault that strikes this request, if one does."""
        with self._lock:
            for fault in self._faults:
                if fault.strikes(method, path, in_batch=in_batch):
                    return fault
            storm = self.storm
            return storm.strikes(in_batch=in_batch) if storm is not None else None


@dataclass(slots=True)
class Latency:
    """How long Mailchimp takes, in seconds: for a call, and for one operation of a batch."""

    call_s: float = 0.0
    operation_s: float = 0.0

    def set(self, *, call_s: float, operation_s: float) -> None:
        """Change both; ValueError below 0 or above the 120 s of a call."""
        if not (0 <= call_s <= 120 and 0 <= operation_s <= 120):
            raise ValueError("a latency lies between 0 and 120 seconds")
        self.call_s, self.operation_s = call_s, operation_s

    def fill(self, began: float) -> None:
        """Wait until a call that began then (`time.monotonic`) has taken its time."""
        pause(began + self.call_s)


def pause(until: float) -> None:
    """Wait until a moment of `time.monotonic`."""
    left = until - time.monotonic()
    if left > 0:
        time.sleep(left)


class Gate:
    """Lets `SIMULTANEOUS` requests in; a slot is held until the handler ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: In now, the most that ever were in or asked to be at once, and how many were refused.
        self.inside = self.highest = self.refused = 0

    @contextmanager
    def slot(self) -> Iterator[bool]:
        """Whether there was room."""
        with self._lock:
            entered = self.inside < SIMULTANEOUS
            self.highest = max(self.highest, self.inside + 1)
            self.inside += entered
            self.refused += not entered
        try:
            yield entered
        finally:
            if entered:
                with self._lock:
                    self.inside -= 1

    def refuses_with_body(self) -> bool:
        """Refusals come alternately with a JSON document and without any body."""
        return self.refused % 2 == 1

    def forget(self) -> None:
        """Count anew."""
        with self._lock:
            self.highest, self.refused = self.inside, 0
