"""How fast a whole Shopify store arrives, beside the time that Shopify's own limits allow.

    python -m tests.benchmarks backfill --orders 200000 --json

The emulated store runs in a process of its own: an export makes so many lines a second, four run at
a time (of Shopify's five, one is left free), and the plan's points come back at their rate. The
time these limits allow is the longer of both, by what was really asked. Computing segments is
another job and not part of it. Then the same store is read by a worker that is killed again and
again at random moments, and the tables are compared.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, select, update

from connectors.shopify.bulk import AT_ONCE
from connectors.shopify.documents import ROOTS, bulk
from connectors.shopify.windows import window
from integration.context import Context, make_context
from integration.db import make_engine, scoped, unscoped
from integration.pipeline import import_source
from integration.settings import load
from integration.tables import ImportRun, Work
from integration.work.execute import run_until_idle
from tests.benchmarks.ingest import peak_mb
from tests.benchmarks.result import Result
from tests.service.contents import differences, meant
from tests.service.installation import Installation

ORDERS, KILLS = 200_000, 20
#: Orders a customer of the sample shop's web store has, about.
_EACH = 4.65
#: Tables that hold when a reading began, and by which token.
_MOMENTS = ("sync_state", "shopify_store")
#: Lines a second of one export.
LINES_PER_SECOND = 1_000.0
MOST_TIMES, MOST_MB = 1.2, 400
_SPAWN = get_context("spawn")


def run(data: Path, orders: int = ORDERS, kills: int = KILLS) -> list[Result]:
    """Measure one undisturbed reading and one that is killed `kills` times."""
    with tempfile.TemporaryDirectory() as name, Store(orders) as store:
        folder = Path(name)
        calm = Reading(store, folder / "calm")
        began = time.perf_counter()
        worker = calm.until_done()
        seconds = time.perf_counter() - began
        limits = store.limits()
        killed = Reading(store, folder / "killed")
        died = killed.with_kills(kills, seconds)
        again = store.limits()
        different = differences(meant(calm.engine), meant(killed.engine))
        for table in _MOMENTS:
            different.pop(table, None)
        counted = calm.counters()
        calm.close()
        killed.close()
    return list(_judged(seconds, worker, limits, again, different, counted, died))


@dataclass(frozen=True)
class Limits:
    """What was asked of the store since it was asked last, and how long that has to take."""

    points_s: float
    exports_s: float
    requests: int
    lines: int
    #: How often the page or file that was read most often was read.
    most_reads: int
    #: Processor time of the emulator meanwhile, which a reader of the real one has to itself.
    processor_s: float

    @property
    def seconds(self) -> float:
        """The longer of both limits."""
        return max(self.points_s, self.exports_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """What a worker needed of the machine."""

    memory_mb: float
    processor_s: float
    #: Seconds in which it could have gone on, and others had the processors.
    waited_s: float

    @classmethod
    def of_this_process(cls) -> Worker:
        """Look at ourselves. Linux: the second number of proc(5)'s schedstat is nanoseconds."""
        told = Path("/proc/self/schedstat")
        waited = int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0
        return cls(memory_mb=peak_mb(), processor_s=time.process_time(), waited_s=waited)


class Store:
    """The emulated store in its own process."""

    def __init__(self, orders: int) -> None:
        self._orders = orders

    def __enter__(self) -> Store:
        self._here, there = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(there, self._orders))
        self._process.start()
        self.template, self.domain, self.token = self._here.recv()
        return self

    def __exit__(self, *_error: object) -> None:
        self._here.send("end")
        self._process.join()

    def limits(self) -> Limits:
        """Return what was asked since the last call."""
        self._here.send("limits")
        found: Limits = self._here.recv()
        return found


def _serve(pipe: Connection, orders: int) -> None:
    # Its library is one of the tests' alone: the other benchmarks do without.
    from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator

    with ShopifyEmulator.serve(customers=max(5, round(orders / _EACH)), only_sold=True) as shopify:
        shopify.app.distribution = "custom"
        shopify.bulk.rows_per_s = LINES_PER_SECOND
        rows = shopify.shop().orders
        for key in list(rows)[orders:]:
            rows.remove(key)
        token = shopify.install(expiring=False)["access_token"]
        # Made while it is measured they would take the reader's processor, not Shopify's.
        for stream in ROOTS:
            shopify.bulk.make_ahead(
                shopify.shop(), bulk(stream, window(stream, None, shopify.clock()))
            )
        pipe.send((shopify.url_template, GOLDEN, token))
        seen, known, spent = 0, set(shopify.bulk.operations), time.process_time()
        while pipe.recv() == "limits":
            asked = shopify.requests[seen:]
            seen = len(shopify.requests)
            made = [one for key, one in shopify.bulk.operations.items() if key not in known]
            known = set(shopify.bulk.operations)
            bucket = shopify.bucket(shopify.shop())
            reads = Counter(
                f"{one.path} {one.operation} {one.variables}"
                for one in asked
                if one.operation.endswith("Page") or "/bulk/" in one.path
            )
            pipe.send(
                Limits(
                    points_s=max(0.0, sum(one.cost for one in asked) - bucket.size) / bucket.rate,
                    exports_s=sum(one.counts.get("lines", 0) for one in made)
                    / LINES_PER_SECOND
                    / AT_ONCE,
                    requests=len(asked),
                    lines=sum(one.counts.get("lines", 0) for one in made),
                    most_reads=max(reads.values(), default=0),
                    processor_s=time.process_time() - spent,
                )
            )
            spent = time.process_time()


class Reading:
    """One installation that reads the store, by workers in processes of their own."""

    def __init__(self, store: Store, folder: Path) -> None:
        folder.mkdir()
        url = f"sqlite:///{folder / 'stipt.db'}"
        lines = (f"STIPT_SHOPIFY_URL_TEMPLATE={store.template}", "STIPT_LOG_LEVEL=ERROR")
        engine = make_engine(url)
        SQLModel.metadata.create_all(engine)
        engine.dispose()
        made = Installation(folder, url, *lines)
        made.shopify(store.domain, store.token)
        self._folder, self._made = folder, made
        self.engine = made.engine

    def until_done(self) -> Worker:
        """Read to the end; return what the worker needed."""
        here, there = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_read, args=(self._folder, there))
        process.start()
        here.recv()
        worker: Worker = here.recv()
        process.join()
        return worker

    def with_kills(self, times: int, seconds: float) -> int:
        """Read to the end by workers that die at random moments of a reading of `seconds`.

        Return how many died: the last ones find nothing left to do where it went fast.
        """
        dice = random.Random(1)
        died = 0
        for _ in range(times):
            here, there = _SPAWN.Pipe()
            process = _SPAWN.Process(target=_read, args=(self._folder, there))
            process.start()
            here.recv()
            # Half of its share on average: exports go on in the store while the next one begins.
            process.join(dice.uniform(0, seconds / times))
            died += process.is_alive()
            process.kill()
            process.join()
        self.until_done()
        return died

    def counters(self) -> dict[str, int]:
        """What the reading counted."""
        with scoped(self.engine, self._made.account_id) as session:
            found = session.exec(select(ImportRun)).one()
            assert found.status == "done", found.error
            return dict(found.counters)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


def _read(folder: Path, pipe: Connection) -> None:
    context: Context = make_context(load(folder / ".env"))
    with unscoped(context.engine) as session:
        # A killed worker's lease would first have to end.
        session.exec(update(Work).where(Work.status == "running").values(status="queued"))  # type: ignore[arg-type]
    pipe.send("begun")
    handlers: dict[str, Any] = {"import": import_source, "refresh": lambda *_: None}
    run_until_idle(context, handlers=handlers)
    pipe.send(Worker.of_this_process())


def _judged(
    seconds: float,
    worker: Worker,
    limits: Limits,
    again: Limits,
    different: dict[str, Any],
    counted: dict[str, int],
    died: int,
) -> Iterator[Result]:
    store = f"{counted.get('orders read', 0):,} orders and refunds, {limits.lines:,} lines exported"

    def lower(metric: str, ours: float, bar: float | None = None) -> Result:
        return Result(set=store, metric=metric, ours=ours, bar=bar, better="lower")

    yield lower("seconds, asked to committed", round(seconds, 1))
    yield lower("seconds that the store's limits allow", round(limits.seconds, 1))
    yield lower("time / time the limits allow", round(seconds / limits.seconds, 2), MOST_TIMES)
    yield lower("processor seconds of the worker", round(worker.processor_s, 1))
    yield lower("seconds it waited for a processor", round(worker.waited_s, 1))
    yield lower("processor seconds of the emulated store", round(limits.processor_s, 1))
    yield lower("requests", limits.requests)
    yield lower("peak memory, MB", round(worker.memory_mb), MOST_MB)
    yield lower(f"tables that differ after {died} kills", len(different), 0)
    yield lower("reads of the page or file read most, with kills", again.most_reads, 2)
    yield lower("requests with kills", again.requests)
