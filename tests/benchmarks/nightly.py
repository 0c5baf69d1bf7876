"""How long one shop's nightly fit takes, and how much memory, at a million customers.

The lines of `_crowd` lie in Parquet files, one a block of people; a process of its own reads and
fits them. Making the shop is not measured. Wall time is that of this machine with whatever else it
was doing; processor time is not, so both are told.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

from segmentation.compute import fit
from segmentation.frames import LINES, Choices, Frames, empty
from tests.benchmarks import _crowd
from tests.benchmarks.ingest import peak_mb
from tests.benchmarks.result import Result

CUSTOMERS = 1_000_000
_SECONDS, _MEGABYTES = 300.0, 4_096.0


def run(data: Path, customers: float = CUSTOMERS) -> list[Result]:
    """Measure one fit."""
    people = int(customers)
    with tempfile.TemporaryDirectory() as name:
        lines = write(Path(name), people)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, processor, memory, stored = pool.submit(measure, Path(name), people).result()
    shop = f"{people:,} customers, {lines:,} lines"
    return [
        Result(set=shop, metric="full fit: seconds", ours=round(seconds, 1), bar=_SECONDS,
               better="lower"),
        Result(set=shop, metric="full fit: processor seconds", ours=round(processor, 1)),
        Result(set=shop, metric="full fit: peak memory, MB", ours=round(memory), bar=_MEGABYTES,
               better="lower"),
        Result(set=shop, metric="full fit: what is stored of it, MB", ours=round(stored, 2)),
    ]  # fmt: skip


def write(folder: Path, customers: int) -> int:
    """Write a shop's lines as Parquet files; return how many there are."""
    count = 0
    for number, block in enumerate(_crowd.lines(customers)):
        block.to_parquet(folder / f"{number}.parquet", index=False)
        count += len(block)
    return count


def measure(folder: Path, customers: int) -> tuple[float, float, float, float]:
    """Return seconds, processor seconds, peak megabytes, and megabytes of what a fit leaves."""
    frames = Frames(
        lines=empty(LINES),
        files=folder,
        products=_crowd.products(),
        people=_crowd.people(customers),
    )
    as_of = date(1970, 1, 1) + timedelta(days=_crowd.AS_OF)
    began, used = time.perf_counter(), busy()
    fitted = fit(frames, as_of=as_of, choices=Choices())
    seconds, processor = time.perf_counter() - began, busy() - used
    return seconds, processor, peak_mb(), len(json.dumps(fitted.to_dict())) / 1e6


def busy() -> float:
    """Return the processor seconds of this process so far, all threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
