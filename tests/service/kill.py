"""A real worker in a process of its own, that tests can kill like a power cut does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import Engine, func, select

from integration.context import make_context
from integration.db import unscoped
from integration.settings import Settings, load
from integration.tables import Work
from integration.work.runner import consume


def environment(settings: Settings) -> dict[str, str]:
    """These settings as a process is given them."""
    given = {
        "STIPT_SECRET_KEY": settings.secret_key.get_secret_value(),
        "STIPT_ENCRYPTION_KEYS": ",".join(k.get_secret_value() for k in settings.encryption_keys),
        "STIPT_DATA_DIR": str(settings.data_dir),
        "STIPT_DATABASE_URL": settings.database,
        "STIPT_QUEUE": settings.queue,
        "STIPT_BATCH_POLL_S": str(settings.batch_poll_s),
        "STIPT_REQUEST_TIMEOUT_S": str(settings.request_timeout_s),
        "STIPT_PUBLIC_URL": settings.public_url,
    }
    if settings.mailchimp_url is not None:
        given["STIPT_MAILCHIMP_URL"] = settings.mailchimp_url
    return given


def wait_for(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Look until something is so.

    Raises
    ------
    TimeoutError
        Says `what` did not happen.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {timeout_s} s")
        time.sleep(0.05)


#: Forks of a process that has everything imported: starting a worker costs next to nothing.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "integration.pipeline"])


class WorkerProcess:
    """A worker on the settings of `env`; leaving the ``with`` block kills what still runs.

    `handlers` is the import path "module:table" of a table of handlers; None takes the real one.
    The lease is short, so that a killed worker's job comes back soon.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        engine: Engine,
        *,
        handlers: str | None = None,
        lease_s: float = 1.0,
        workers: int = 2,
    ) -> None:
        self._given = (dict(env), handlers, lease_s, workers)
        self._engine = engine
        self._process: BaseProcess | None = None

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self.kill9()

    def start(self) -> None:
        """Start the process."""
        assert self._process is None, "it runs already"
        self._process = _FORKS.Process(target=_work, args=self._given)
        self._process.start()

    def kill9(self) -> None:
        """End the process with no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ask the process to end (SIGINT: after its jobs) and wait until it has."""
        self._end(how)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None, "it does not run"
        assert self._process.pid is not None
        os.kill(self._process.pid, how)
        self._process.join(timeout=30)
        assert self._process.exitcode is not None, "it does not end"
        self._process.close()
        self._process = None

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def wait_running(self, timeout: float = 60.0) -> None:
        """Wait until some job is in the middle."""
        wait_for(lambda: self.count("running") > 0, timeout, "the start of a job")

    def wait_idle(self, timeout: float = 60.0) -> None:
        """Wait until no job is queued or running."""
        wait_for(lambda: self.count("queued", "running") == 0, timeout, "the end of all jobs")

    def count(self, *status: str) -> int:
        """Jobs with one of these states."""
        column = Work.__table__.c.status  # type: ignore[attr-defined]  # SQLModel adds it to tables
        with unscoped(self._engine) as session:
            number: int = (
                session.connection()
                .execute(select(func.count()).where(column.in_(status)))
                .scalar_one()
            )
            return number


def _work(env: Mapping[str, str], handlers: str | None, lease_s: float, workers: int) -> None:
    """Consume until a signal comes."""
    os.environ.update(env)
    table = None
    if handlers:
        module, _, name = handlers.partition(":")
        table = getattr(import_module(module), name)
    # The test's settings come as variables; a developer's own .env must not mix in.
    consume(make_context(load(Path(os.devnull))), workers, handlers=table, lease_s=lease_s)
