"""How fast an export file becomes committed rows, and that reading it again changes nothing.

Online Retail as a CSV with its original column names goes the way of `stipt import`: nothing is
told about it, and the job that follows (computing segments) is not part of the measured time. The
speed stands beside what Python's csv module and one table of plain sqlite3 need in the same run.
"""

from __future__ import annotations

import csv
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from sqlmodel import SQLModel, delete

from integration.context import make_context
from integration.db import scoped, unscoped
from integration.pipeline import import_source, start_import
from integration.settings import fresh_env, load
from integration.sources import files_shop
from integration.tables import Account, ImportRun, SyncState, Work
from integration.work.execute import run_until_idle
from tests.benchmarks.result import Result
from tests.conftest import add_account
from tests.service.contents import differences, stored

SET = "Online Retail"
LINES_PER_SECOND = 10_000


def run(data: Path) -> list[Result]:
    """Measure one import, and the second and third of the same file."""
    lines = pd.read_parquet(data / "online_retail_part_a.parquet")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "online_retail.csv"
        lines.to_csv(file, index=False)
        plain = _plainly(file, folder / "plain.db")
        # A process of its own: its memory is that of an import and of nothing else.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            ours = pool.submit(measure, folder, file).result()
    return list(judged(lines, ours, len(lines) / plain))


@dataclass(frozen=True)
class Measured:
    """What one installation did with the file."""

    seconds: float
    counters: dict[str, int]
    memory_mb: float
    rejected: int
    #: Order lines in the table.
    stored: int
    #: Rows that differ after the second import, and after one that read every line again.
    changed: tuple[int, int]


def measure(folder: Path, file: Path, database: str = "") -> Measured:
    """Import the file three times into a new installation."""
    env = folder / ".env"
    url = f"STIPT_DATABASE_URL={database}\n" if database else ""
    env.write_text(f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_LOG_LEVEL=ERROR\n{url}")
    context = make_context(load(env))
    SQLModel.metadata.create_all(context.engine)
    account_id = add_account(context.engine)
    with unscoped(context.engine) as session:
        account = session.get_one(Account, account_id)
        account.currency, account.time_zone = "GBP", "Europe/London"

    def read() -> tuple[float, ImportRun]:
        options = {"currency": "GBP", "time_zone": "Europe/London"}
        with scoped(context.engine, account_id) as session:
            source = {"paths": [str(file)], "options": options}
            shop = files_shop(session, context.clock())
            run_id = start_import(session, context, shop, name=file.name, source=source)
        began = time.perf_counter()
        # What follows an import is another job; here it stays undone.
        run_until_idle(context, handlers={"import": import_source, "refresh": lambda *_: None})
        took = time.perf_counter() - began
        with scoped(context.engine, account_id) as session:
            return took, session.get_one(ImportRun, run_id)

    seconds, done = read()
    memory = peak_mb()
    first = stored(context.engine)
    read()
    second = stored(context.engine)
    with scoped(context.engine, account_id) as session:
        session.exec(delete(SyncState))  # forget the cursors: every line is read and compared
        session.exec(delete(Work))
    read()
    changed = tuple(
        sum(
            table["only in the first"] + table["only in the second"]
            for table in differences(first, after).values()
        )
        for after in (second, stored(context.engine))
    )
    rejected = first["reject"].total()
    context.engine.dispose()
    kept = first["order_line"].total()
    return Measured(seconds, done.counters, memory, rejected, kept, (changed[0], changed[1]))


def judged(lines: pd.DataFrame, ours: Measured, plain: float) -> Iterator[Result]:
    """Yield what was measured beside its bars; `plain` is lines a second of the least effort."""
    speed = len(lines) / ours.seconds
    yield Result(
        set=SET,
        metric="lines a second, file to committed rows",
        ours=round(speed),
        bar=LINES_PER_SECOND,
        baseline=round(plain),
    )
    yield Result(
        set=SET,
        metric="time / time of csv and one plain table",
        ours=round(plain / speed, 1),
        better="lower",
    )
    for name, count in _counts(lines).items():
        wrong = abs(ours.counters.get(name, 0) - count)
        yield Result(
            set=SET,
            metric=f"{name}: difference from pandas' {count:,}",
            ours=wrong,
            bar=0,
            better="lower",
        )
    yield Result(
        set=SET, metric=f"lines stored, of {len(lines):,}", ours=ours.stored, bar=len(lines)
    )
    for metric, value in (
        ("rows rejected", ours.rejected),
        ("rows changed by a second import", ours.changed[0]),
        ("rows changed by reading every line again", ours.changed[1]),
    ):
        yield Result(set=SET, metric=metric, ours=value, bar=0, better="lower")
    yield Result(
        set=SET, metric="peak memory of the import, MB", ours=round(ours.memory_mb), better="lower"
    )


def _counts(lines: pd.DataFrame) -> dict[str, int]:
    cancelled = lines[lines.InvoiceNo.str.startswith("C")]
    return {
        "lines": len(lines),
        "orders": int(lines.InvoiceNo.nunique()),
        "customers": int(lines.CustomerID.nunique()),
        "lines without a customer": int(lines.CustomerID.isna().sum()),
        "lines without a description": int(lines.Description.isna().sum()),
        "cancelled invoices": int(cancelled.InvoiceNo.nunique()),
        "lines of cancelled invoices": len(cancelled),
        "lines with negative quantity": int((lines.Quantity < 0).sum()),
        "lines with price 0 or less": int((lines.UnitPrice <= 0).sum()),
        "exact duplicate lines": int(lines.duplicated().sum()),
    }


def _plainly(file: Path, database: Path) -> float:
    """Return the seconds of the least that anybody would do: text into one table, unread."""
    began = time.perf_counter()
    connection = sqlite3.connect(database)
    with file.open(newline="", encoding="utf-8") as text, connection:
        rows = csv.reader(text)
        columns = ", ".join(next(rows))
        connection.execute(f"CREATE TABLE line ({columns})")
        connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    return time.perf_counter() - began


def peak_mb() -> float:
    """Return the most memory this process has had.

    Linux: the high-water mark of proc(5), as `getrusage` keeps that of the process that started us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
