"""How many requests are in flight at one Mailchimp account, over all processes.

Mailchimp serves ten at once for a user, all apps together, and refuses the rest. So each request of
ours holds one of a few places, and a place is a locked file in the data folder: the system frees
it with the process, however that ends. One mechanism serves both databases: pages and workers
share that folder anyway, and a lock costs no connection and no round trip. On a network disk the
locks have to work between machines (NFS 4 and CIFS do).

A request that timed out here may still be running there: its place is marked as taken until
Mailchimp itself would have ended the call.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from integration.mailchimp.errors import Throttled

#: Mailchimp ends a call after this.
LONGEST_CALL_S = 120.0
#: Seconds until a place is given up waiting for; less than a lease.
_PATIENCE_S = 45.0
#: Seconds between two looks for a free place, about.
_LOOK_S = 0.01
_random = random.SystemRandom()


class Slots:
    """The places of one account.

    Parameters
    ----------
    folder
        The data folder that all processes share.
    account
        Which Mailchimp account: its id, or a token of it.
    count
        How many places there are.
    """

    def __init__(self, folder: Path, account: str, count: int) -> None:
        # No token in the name of a folder.
        name = hashlib.sha256(account.encode()).hexdigest()[:20]
        self._folder = folder / "connections" / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self.count = count

    @contextmanager
    def held(self, patience_s: float = _PATIENCE_S) -> Iterator[Slot]:
        """Hold a place for one request.

        Raises
        ------
        Throttled
            None came free in time.
        """
        deadline = time.monotonic() + patience_s
        while (slot := self._free()) is None:
            if time.monotonic() >= deadline:
                raise Throttled("no connection to Mailchimp came free in time")
            time.sleep(_random.uniform(0.5, 1.5) * _LOOK_S)
        try:
            yield slot
        finally:
            slot.lock.release()

    def _free(self) -> Slot | None:
        for number in _random.sample(range(self.count), self.count):
            slot = Slot(self._folder / str(number))
            if slot.take():
                return slot
        return None


class Slot:
    """One place."""

    def __init__(self, path: Path) -> None:
        # Not shared between threads: each holds a place of its own.
        self.lock = FileLock(path.with_suffix(".lock"), is_singleton=False)
        self._until = path.with_suffix(".until")

    def take(self) -> bool:
        """Take the place if it is free."""
        try:
            self.lock.acquire(blocking=False)
        except Timeout:
            return False
        if self._is_kept():
            self.lock.release()
            return False
        return True

    def keep_for(self, seconds: float) -> None:
        """Leave the place taken when it is given back, for all processes and for a while."""
        self._until.write_text(f"{time.time() + seconds:.3f}", "ascii")

    def _is_kept(self) -> bool:
        try:
            until = float(self._until.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return False
        # A clock that was set back must not keep the place for ever.
        return 0 < until - time.time() <= LONGEST_CALL_S + 1
