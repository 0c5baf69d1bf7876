"""One push by a worker in a process of its own.

``python -m tests.benchmarks._pushing ACCOUNT PLAN`` prints wall seconds, processor seconds and peak
memory as JSON.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from integration.context import make_context
from integration.db import scoped
from integration.settings import Settings, load
from integration.work.execute import run_one
from integration.work.handlers import handler_of
from integration.work.queue import defer
from tests.service.kill import environment


def push_alone(settings: Settings, account_id: int, plan_id: int) -> dict[str, float]:
    """Publish a plan in a process of its own; return what it took."""
    program = [sys.executable, "-m", __name__, str(account_id), str(plan_id)]
    env = {**os.environ, **environment(settings)}
    done = subprocess.run(program, env=env, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # behind the log
    return found


def main(account_id: int, plan_id: int) -> dict[str, float]:
    """Do what a worker does with the job of a push."""
    context = make_context(load())
    lane = f"account:{account_id}:push"
    with scoped(context.engine, account_id) as session:
        payload = {"plan_id": plan_id}
        job = defer(session, account_id=account_id, kind="push", lane=lane, payload=payload)
        assert job.id is not None
    handler_of("push")  # a worker has imported it long before
    started = time.perf_counter()
    if not run_one(context, job.id):
        raise RuntimeError("the push was not started")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """This program's own; what `getrusage` tells begins with the size of who started it."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]  # is there


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
