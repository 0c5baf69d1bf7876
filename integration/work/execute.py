"""Does claimed jobs and settles them: done, once more, resting, or dead with the cause."""

from __future__ import annotations

import secrets
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy.exc import OperationalError, StatementError

from integration.context import Context
from integration.logs import redact
from integration.work.handlers import HANDLERS, Handlers, handler_of
from integration.work.queue import (
    AT_ONCE,
    LEASE_S,
    Job,
    LeaseLost,
    NotYet,
    OnProgress,
    again,
    bury,
    claim,
    finish,
    postpone,
    rest,
)
from integration.work.retry import MAX_STARTS, wait_s

_log = structlog.get_logger(__name__)
_random = secrets.SystemRandom().random

#: Characters of a cause that are kept.
_LONGEST_CAUSE = 2_000


def run_until_idle(
    context: Context,
    *,
    handlers: Handlers | None = None,
    on_progress: OnProgress | None = None,
) -> int:
    """Do everything that is due, in this process, and what it brings about; return how many jobs.

    Jobs that another worker holds, and those that wait for a later try, are left where they are.
    """
    done = 0
    while job := claim(context, on_progress=on_progress):
        perform(job, handlers)
        done += 1
    return done


def run_one(
    context: Context,
    work_id: int,
    *,
    handlers: Handlers | None = None,
    lease_s: float = LEASE_S,
) -> bool:
    """Do this job if it is due and free; tell whether it was."""
    job = claim(context, work_id=work_id, lease_s=lease_s)
    if job is not None:
        perform(job, handlers)
    return job is not None


def perform(job: Job, handlers: Handlers | None = None) -> None:
    """Do a claimed job and settle it. Errors of the handler end here, as the row's cause."""
    log = _log.bind(work_id=job.id, kind=job.kind, account_id=job.account_id)
    try:
        _perform(job, HANDLERS if handlers is None else handlers)
    except LeaseLost:
        # Whoever holds it now will finish it; nothing of ours was lost.
        log.warning("Another worker took the job over", attempts=job.attempts)


def _perform(job: Job, handlers: Handlers) -> None:
    if job.attempts > MAX_STARTS:
        bury(job, error=f"started {MAX_STARTS} times without an end: each worker was lost")
        return
    try:
        with _kept_alive(job):
            handler_of(job.kind, handlers)(job.context, job)
    except LeaseLost:
        raise
    except NotYet as error:
        postpone(job, wait_s=error.wait_s, error=cause(error))
    except Exception as error:
        _settle(job, error)
    except BaseException:
        # Ctrl-C or an exit: the next worker need not wait for the lease's end.
        again(job, run_at=AT_ONCE, error="interrupted")
        raise
    else:
        finish(job)


@contextmanager
def _kept_alive(job: Job) -> Iterator[None]:
    """Extend the lease from a thread, so that one long computation does not look like a death."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(job.lease_s / 3):
            try:
                job.extend()
            except LeaseLost:
                return  # the handler learns it at its next step
            except OperationalError:
                _log.warning("The lease was not extended this time", work_id=job.id)

    thread = threading.Thread(target=beat, name=f"lease of work {job.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _settle(job: Job, error: Exception) -> None:
    log = _log.bind(work_id=job.id, kind=job.kind, account_id=job.account_id)
    if getattr(error, "rests", False) is True:
        log.warning("Job rests until the merchant has done something", cause=cause(error))
        rest(job, error=cause(error))
        return
    if getattr(error, "ends", False) is True:
        log.info("Job has nothing left to do", cause=cause(error))
        finish(job)
        return
    wait = wait_s(error, job.attempts, random=_random)
    if wait is None:
        # Places only: a traceback with values or a statement's text would show people.
        places = "".join(traceback.format_tb(error.__traceback__))
        log.error("Job is dead", cause=cause(error), places=places, attempts=job.attempts)
        bury(job, error=cause(error))
    else:
        log.warning("Job will be tried again", attempts=job.attempts, wait_s=round(wait, 1))
        again(job, run_at=job.context.clock() + timedelta(seconds=wait), error=cause(error))


def cause(error: BaseException) -> str:
    """Return what went wrong, for the row: class and text, without any address.

    Examples
    --------
    >>> cause(ValueError("no such member: ada@example.com"))
    'ValueError: no such member: [address]'
    """
    # A statement's own text ends with its values, and those are people's.
    told = error.orig if isinstance(error, StatementError) and error.orig else error
    text = str(told).partition("\n")[0] if told is not error else str(told)
    return redact(f"{type(error).__name__}: {text}")[:_LONGEST_CAUSE]
