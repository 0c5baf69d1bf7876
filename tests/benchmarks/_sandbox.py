"""A sandbox in a process of its own, so that time and memory of a push are the push's alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from integration.sandbox.log import Entry
from integration.sandbox.state import DEFAULT_KEY

_CHUNK = 5_000


class SandboxProcess:
    """What a benchmark needs of a sandbox, over HTTP."""

    key = DEFAULT_KEY

    def __init__(self, root: str) -> None:
        self.root = root
        self._session = requests.Session()
        self._session.trust_env = False

    def _tool(self, method: str, path: str, body: Any = None) -> requests.Response:
        answer = self._session.request(
            method, f"{self.root}/sandbox/{path}", json=body, timeout=300
        )
        answer.raise_for_status()
        return answer

    def seed(self, rows: Sequence[dict[str, Any]]) -> None:
        """Put members there."""
        for start in range(0, len(rows), _CHUNK):
            self._tool("POST", "members", rows[start : start + _CHUNK])

    def act(self, act: str, email: str) -> None:
        """Let a person or an administrator do something."""
        self._tool("POST", "acts", {"act": act, "email": email})

    def take_time(self, latency_ms: float) -> None:
        """Let calls and operations of batches take so long."""
        self._tool("POST", "latency", {"call_ms": latency_ms, "operation_ms": latency_ms})

    def count_anew(self) -> None:
        """Forget how many came at once so far."""
        self._tool("DELETE", "limits")

    def limits(self) -> dict[str, Any]:
        """What came at once and was refused."""
        return dict(self._tool("GET", "limits").json())

    def last(self) -> int:
        """Number of the latest request."""
        return int(self._tool("GET", f"requests?since={2**62}").json()["last"])

    def since(self, seq: int) -> list[Entry]:
        """What was asked since, operations inside batches included."""
        return [
            Entry(**row) for row in self._tool("GET", f"requests?since={seq}").json()["requests"]
        ]

    def canonical(self) -> str:
        """What the account holds, as text to compare."""
        return json.dumps(self._tool("GET", "state").json(), sort_keys=True)


@contextmanager
def sandbox_process(folder: Path) -> Iterator[SandboxProcess]:
    """Start a sandbox by its command and end it."""
    program = [sys.executable, "-m", "integration.cli", "sandbox", "--port", str(free_port())]
    env = {**os.environ, "STIPT_ENV_FILE": str(folder / "none.env"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=env, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("Sandbox: ").strip().rstrip("/")
        try:
            yield SandboxProcess(address)
        finally:
            process.send_signal(signal.SIGINT)


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
