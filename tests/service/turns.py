"""Two workers at one time, whose every step waits for its turn: an order of steps can be drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


class Killed(BaseException):
    """A worker ends in the middle, and nothing of it runs any more."""


@dataclass
class Turns:
    """Whose turn it is, of workers that run in threads and never at once."""

    #: Worker to the number of its step before which it is killed.
    kills: dict[int, int] = field(default_factory=dict)
    _mine: dict[int, threading.Event] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _steps: dict[int, int] = field(default_factory=dict)
    _alive: set[int] = field(default_factory=set)
    #: What went wrong in a worker.
    errors: list[BaseException] = field(default_factory=list)

    def step(self, worker: int) -> None:
        """Wait for the worker's turn; called in its thread, before each of its steps."""
        self._over.set()
        self._mine[worker].wait()
        self._mine[worker].clear()
        self._steps[worker] = self._steps.get(worker, 0) + 1
        if self.kills.get(worker) == self._steps[worker]:
            raise Killed

    def play(
        self,
        workers: Sequence[Callable[[], None]],
        order: Sequence[int],
        between: Callable[[], None],
    ) -> None:
        """Run all to their end: in the drawn order, then in turns; `between` steps, `between`."""
        self._alive = set(range(len(workers)))
        self._mine = {number: threading.Event() for number in self._alive}
        threads = [
            threading.Thread(target=self._run, args=(number, work), daemon=True)
            for number, work in enumerate(workers)
        ]
        for thread in threads:
            self._over.clear()
            thread.start()
            self._over.wait()
        drawn = iter(order)
        number = 0
        while self._alive:
            number = next(drawn, (number + 1) % len(workers))
            if number >= len(workers):
                between()
            elif number in self._alive:
                self._over.clear()
                self._mine[number].set()
                assert self._over.wait(30), "a worker does not come back"
        for thread in threads:
            thread.join()

    def _run(self, number: int, work: Callable[[], None]) -> None:
        try:
            self.step(number)
            work()
        except Killed:
            pass
        except BaseException as error:
            self.errors.append(error)
        self._alive.discard(number)
        self._over.set()
