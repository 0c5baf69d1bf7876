"""A real worker in a process of its own, that tests can kill like a power cut does.

``python -m tests.service.kill`` is that process; `WorkerProcess` starts and ends it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from sqlalchemy import Engine, func, select

from integration.context import make_context
from integration.db import unscoped
from integration.settings import Settings, load
from integration.tables import Work
from integration.work.runner import consume

ROOT = Path(__file__).resolve().parent.parent.parent


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
        self._env = {**os.environ, **env}
        self._engine = engine
        self._command = [sys.executable, "-m", "tests.service.kill"]
        self._command += [f"--lease-s={lease_s}", f"--workers={workers}"]
        self._command += [f"--handlers={handlers}"] if handlers else []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self.kill9()

    def start(self) -> None:
        """Start the process; it needs a second or two before it takes its first job."""
        assert self._process is None, "it runs already"
        self._process = subprocess.Popen(self._command, env=self._env, cwd=ROOT)

    def kill9(self) -> None:
        """End the process with no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ask the process to end (SIGINT: after its jobs) and return its exit code."""
        return self._end(how)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None, "it does not run"
        self._process.send_signal(how)
        code = self._process.wait(timeout=30)
        self._process = None
        return code

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

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


def main() -> None:
    """Consume until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--handlers")
    parser.add_argument("--lease-s", type=float, required=True)
    parser.add_argument("--workers", type=int, required=True)
    given = parser.parse_args()
    handlers = None
    if given.handlers:
        module, _, name = given.handlers.partition(":")
        handlers = getattr(import_module(module), name)
    # The test's settings come as variables; a developer's own .env must not mix in.
    context = make_context(load(Path(os.devnull)))
    consume(context, given.workers, handlers=handlers, lease_s=given.lease_s)


if __name__ == "__main__":
    main()
