"""Kill -9 of the worker at random moments: what is there at the end is what would have been."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import col, func, select

from connectors.demo.audience import audience
from connectors.demo.connector import DemoConnector
from connectors.records import Order
from integration.audience.connect import connect
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.pipeline import start_import
from integration.sandbox.server import SandboxServer
from integration.settings import fresh_env, load
from integration.sources import add_shop, files_shop
from integration.tables import Plan, Work
from integration.work.execute import run_until_idle
from integration.work.queue import defer
from integration.work.runner import wake_due
from tests import fresh_tables
from tests.conftest import add_account
from tests.service.contents import Contents, differences, meant
from tests.service.kill import WorkerProcess, environment, wait_for
from tests.service.shop_files import write_receipts

pytestmark = pytest.mark.slow

CUSTOMERS, AS_OF = 90, date(2026, 11, 1)
#: What is asked for, one after the other, and how often the worker is killed in each.
STEPS = (("import", 3), ("plan", 0), ("push", 3), ("undo", 2), ("plan", 0), ("push", 3))
#: How long a worker may get on before it is killed, at most, as a share of the undisturbed time.
SHARE = 0.4
#: Seconds that a start may take: three of the looks that find whatever was lost, as the machine may
#: be busy with other things.
PATIENCE_S = 180


class Shop:
    """An installation with the sample shop's sources, a file beside them, and an audience."""

    def __init__(self, folder: Path, url: str, sandbox: SandboxServer) -> None:
        queue = "postgres" if url.startswith("postgresql") else "sqlite"
        env = folder / ".env"
        env.write_text(
            f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_DATABASE_URL={url}\n"
            f"STIPT_QUEUE={queue}\nSTIPT_BATCH_POLL_S=0.02\nSTIPT_MAILCHIMP_URL={sandbox.root}\n"
            "STIPT_LOG_LEVEL=ERROR\n"
        )
        self.context: Context = make_context(load(env))
        self.sandbox = sandbox
        self.account_id = add_account(self.context.engine)
        self.receipts = folder / "kassa.csv"
        write_receipts(self.receipts, _receipts())
        readers = audience(customers=CUSTOMERS, as_of=AS_OF)
        sandbox.seed(
            {
                **asdict(reader),
                "status_by": "person" if reader.status_by == "member" else "admin",
                "merge_fields": {
                    tag: value for tag, value in reader.merge_fields.items() if tag != "STAGE"
                },
                "tags": list(reader.tags),
            }
            for reader in readers
        )
        connect(self.context, self.account_id, token=sandbox.key, language="en")

    def start(self, kind: str) -> None:
        """Ask for a step: the import of all sources, or one of the Mailchimp side."""
        self._start_imports() if kind == "import" else self._start_push(kind)

    def _start_imports(self) -> None:
        now = self.context.clock()
        with scoped(self.context.engine, self.account_id) as session:
            for source in ("web", "card"):
                config = {"source": source, "seed": 7, "customers": CUSTOMERS, "language": "en"}
                config["as_of"] = AS_OF.isoformat()
                shop = add_shop(
                    session,
                    platform="demo",
                    external_id=source,
                    name=source,
                    config=config,
                    now=now,
                )
                start_import(session, self.context, shop, name=source, as_of=AS_OF)
            file = {"paths": [str(self.receipts)], "options": {"currency": "EUR"}}
            shop = files_shop(session, now)
            start_import(session, self.context, shop, name="file", source=file, as_of=AS_OF)

    def _start_push(self, kind: str) -> None:
        with scoped(self.context.engine, self.account_id) as session:
            newest = select(func.max(Plan.id)).where(Plan.kind == "push")
            payload = {} if kind == "plan" else {"plan_id": session.exec(newest).one()}
            defer(
                session,
                account_id=self.account_id,
                kind=kind,
                lane=f"account:{self.account_id}:push",
                payload=payload,
            )

    def starts(self) -> int:
        """How often a job was begun."""
        with unscoped(self.context.engine) as session:
            return session.exec(select(func.sum(Work.attempts))).one() or 0

    def given_up(self) -> Sequence[str | None]:
        """Causes of work that was given up."""
        with unscoped(self.context.engine) as session:
            return session.exec(select(Work.error).where(col(Work.status) == "dead")).all()


def _receipts() -> list[Order]:
    pages = DemoConnector("card", customers=CUSTOMERS, as_of=AS_OF).read("orders")
    return [order for page in pages for order in page.records if isinstance(order, Order)]


@contextmanager
def opened(folder: Path, url: str) -> Iterator[Shop]:
    """A shop with a sandbox of its own."""
    with SandboxServer() as sandbox:
        shop = Shop(folder, url, sandbox)
        yield shop
        shop.context.engine.dispose()


@dataclass(frozen=True)
class Step:
    """What there is after a step that nobody disturbed, and how long it took."""

    rows: Contents
    #: Tables that were not looked at: nine of ten rows, which are read again after the last step.
    but: tuple[str, ...]
    audience: str
    seconds: float


def killed(
    shop: Shop, process: WorkerProcess, moments: random.Random, kills: int, step: Step
) -> int:
    """Let the work be done by workers of which `kills` die, and see that it comes to the same.

    Returns how many died in the middle.
    """
    in_the_middle = 0
    if not process.is_alive():
        process.start()
    before = shop.starts()
    wake_due(shop.context)
    for _ in range(kills):
        wait_for(lambda seen=before: shop.starts() > seen or _idle(process), PATIENCE_S, "a start")  # type: ignore[misc]  # mypy cannot infer a default's type
        time.sleep(moments.uniform(0.0, step.seconds * SHARE))
        if _idle(process):
            break
        process.kill9()
        before = shop.starts()
        in_the_middle += 1
        process.start()
    process.wait_idle(PATIENCE_S)
    assert shop.given_up() == []
    assert differences(step.rows, meant(shop.context.engine, but=step.but)) == {}
    assert shop.sandbox.canonical() == step.audience
    return in_the_middle


def _idle(process: WorkerProcess) -> bool:
    return process.count("queued", "running") == 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """The import and each step after it, in one process that nobody kills."""
    folder = tmp_path_factory.mktemp("undisturbed")
    url = f"sqlite:///{folder / 'stipt.db'}"
    fresh_tables.lay(url)
    steps: list[Step] = []
    with opened(folder, url) as shop:
        for place, (kind, _) in enumerate(STEPS, 1):
            shop.start(kind)
            began = time.monotonic()
            run_until_idle(shop.context)
            took = time.monotonic() - began
            but = () if kind == "import" or place == len(STEPS) else ("variant",)
            rows = meant(shop.context.engine, but=but)
            steps.append(Step(rows, but, shop.sandbox.canonical(), took))
        assert shop.given_up() == []
    return steps


def test_an_import_and_a_push_whose_workers_are_killed_leave_what_they_would_have_left(
    undisturbed: list[Step], database_url: str, tmp_path: Path
) -> None:
    moments = random.Random(7)
    died: Counter[str] = Counter()
    with opened(tmp_path, database_url) as shop, _worker(shop) as process:
        for (kind, kills), step in zip(STEPS, undisturbed, strict=True):
            shop.start(kind)
            died["import" if kind == "import" else "push"] += killed(
                shop, process, moments, kills, step
            )
    late = "hardly anything was killed: the moments are too late"
    assert died["import"] >= STEPS[0][1] // 2, late
    assert died["push"] >= sum(kills for _, kills in STEPS[1:]) // 2, late


def _worker(shop: Shop) -> WorkerProcess:
    return WorkerProcess(environment(shop.context.settings), shop.context.engine, lease_s=1.0)
