"""A worker that is lost behind each commit of a job, one after the other, until the job is done."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from integration.context import Context
from integration.db import unscoped
from integration.tables import Work
from integration.work.execute import perform
from integration.work.handlers import Handlers
from integration.work.queue import again, claim

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
#: Starts of all jobs of a test, at most.
_MOST = 3_000


class Lost(BaseException):
    """The worker is gone."""


class LostWorkers:
    """Does what is due: the n-th worker of a job is lost behind the job's n-th commit."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        #: Workers lost, by kind of work.
        self.lost: Counter[str] = Counter()
        self._left = 0
        self._thread = threading.get_ident()

        def no_word(job: Any, *, error: str | None, **more: Any) -> None:
            """Whoever is lost says nothing; others are tried again as ever."""
            if error != "interrupted":
                again(job, error=error, **more)

        patch.setattr("integration.work.execute.again", no_word)

    def run_until_idle(self, context: Context, handlers: Handlers | None = None) -> None:
        """Do all that is due."""
        event.listen(Session, "after_commit", self._committed)
        starts: Counter[int] = Counter()
        try:
            while job := claim(context):
                starts[job.id] += 1
                assert starts.total() < _MOST, "it never ends"
                self._left = starts[job.id]
                try:
                    perform(job, handlers)
                except Lost:
                    self.lost[job.kind] += 1
                    self._end_lease(context)
                finally:
                    self._left = 0
        finally:
            event.remove(Session, "after_commit", self._committed)

    def _committed(self, _session: Session) -> None:
        # What keeps the lease is another thread of the same worker.
        if self._left and threading.get_ident() == self._thread:
            self._left -= 1
            if not self._left:
                raise Lost

    def _end_lease(self, context: Context) -> None:
        with unscoped(context.engine) as session:
            for work in session.exec(select(Work).where(Work.status == "running")):
                # So many in a row would be given up.
                work.lease_until, work.attempts = _LONG_AGO, 1
