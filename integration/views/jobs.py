"""Handing work on."""

from __future__ import annotations

from integration.views.base import context
from integration.work import runner
from integration.work.queue import due_ids

#: Work of one click is one row, and what follows from it is woken by the worker.
_AT_ONCE = 20


def wake() -> None:
    """Let a worker look at once; called after the transaction that wrote the work."""
    runner.wake(context(), due_ids(context(), limit=_AT_ONCE))
