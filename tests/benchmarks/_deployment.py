"""An installation as the Procfile starts it: pages under gunicorn and a worker, each its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
_STARTS_WITHIN_S = 300.0


def command(process: str) -> str:
    """Return the Procfile's line for a process."""
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)[process]


@contextmanager
def started(process: str, env: Mapping[str, str]) -> Iterator[None]:
    """Run a process of the Procfile, and end it."""
    # The shell gives its place to the program, so that the signal reaches it.
    program = ["/bin/sh", "-c", f"exec {command(process)}"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {**os.environ, **env, "PATH": path, "STIPT_ENV_FILE": os.devnull}
    with subprocess.Popen(program, env=given, cwd=ROOT, stderr=subprocess.DEVNULL) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)


def wait_for_pages(url: str) -> None:
    """Wait until the pages answer.

    Raises
    ------
    TimeoutError
    """
    end = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < end:
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
    raise TimeoutError(f"the pages did not start within {_STARTS_WITHIN_S} s")
