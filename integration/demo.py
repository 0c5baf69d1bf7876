"""The whole of Stipt on this computer: sandbox, worker, pages and the sample shop.

Starts the real processes in a folder of their own, lets the worker read the sample shop, compute,
plan and push, and keeps what happened as figures.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import requests
from sqlmodel import Session, col, func, select

from connectors.demo.audience import Reader, audience
from connectors.demo.connector import DemoConnector
from integration.accounts import create_account
from integration.audience.connect import connect
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.demo_shopify import NoEmulator, emulated_shopify
from integration.migrate import upgrade
from integration.pipeline import start_import
from integration.settings import fresh_env, load
from integration.sources import add_shop
from integration.tables import DueDate, Order, OrderLine, Person, Plan, SegmentMember, Work
from integration.work.queue import defer
from integration.work.runner import wake_due

EMAIL = "demo@stipt-demo.shop"
#: The key every fresh sandbox knows; nothing else does.
SANDBOX_KEY = "sandbox-us1"

#: Seconds until a process has to answer.
_STARTS_WITHIN_S = 120
_LOOK_S = 0.1


class DemoFailed(RuntimeError):
    """The demo could not be completed; the text says where it stopped."""


@dataclass(frozen=True)
class DemoOptions:
    """What the demo is asked to be."""

    folder: Path
    customers: int
    as_of: date
    language: str = "en"
    port: int = 8000
    sandbox_port: int = 8090
    #: Instead of the sample shop's own connector: an emulated Shopify to install Stipt on.
    on_shopify: bool = False
    shopify_port: int = 8091


@dataclass
class Push:
    """What carrying out a plan cost; `writes` is what the sandbox saw of it."""

    members: int
    requests: int
    writes: int
    seconds: float


@dataclass
class Figures:
    """What happened, for `--check` and for the reader."""

    people: int = 0
    orders: int = 0
    lines: int = 0
    segments: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    push: Push | None = None
    second_push: Push | None = None
    undo: dict[str, bool] = field(default_factory=dict)
    #: Requests that wrote a subscription status; must be 0.
    statuses_written: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def holds(self) -> bool:
        """Tell whether everything that the demo shows is true."""
        return bool(
            self.people
            and self.orders
            and self.segments
            and self.due.get("now")
            and self.push
            and self.push.members
            and self.second_push
            and self.second_push.writes == 0
            and self.undo.get("exact")
            and self.statuses_written == 0
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {**asdict(self), "holds": self.holds()}


def free_port(wanted: int) -> int:
    """Return `wanted`, or another port when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Demo:
    """A demo at work; `with Demo(options) as demo` stops its processes at the end."""

    def __init__(self, options: DemoOptions, *, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.figures = Figures()
        self.password = secrets.token_urlsafe(9)
        self.url = f"http://127.0.0.1:{free_port(options.port)}"
        self.sandbox_url = f"http://127.0.0.1:{free_port(options.sandbox_port)}"
        #: Where Stipt can be installed from; empty without an emulated Shopify.
        self.shopify_url = ""
        self.env = options.folder / ".env"
        self._stack = ExitStack()

    def __enter__(self) -> Demo:
        self.options.folder.mkdir(parents=True, exist_ok=True)
        if any(self.options.folder.iterdir()):
            raise DemoFailed(f"{self.options.folder} is not empty: name an empty folder")
        try:
            more = self._start_shopify() if self.options.on_shopify else ""
        except NoEmulator as error:
            raise DemoFailed(str(error)) from error
        self.env.write_text(
            f"{fresh_env()}STIPT_DATA_DIR={self.options.folder.resolve()}\n"
            f"STIPT_MAILCHIMP_URL={self.sandbox_url}/3.0\nSTIPT_BATCH_POLL_S=0.1\n"
            f"STIPT_PUBLIC_URL={self.url}\nSTIPT_LOG_LEVEL=WARNING\n{more}",
            encoding="utf-8",
        )
        self.context: Context = make_context(load(self.env))
        self._stack.callback(self.context.engine.dispose)
        upgrade(self.context.settings.database)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _start_shopify(self) -> str:
        """Start the emulated Shopify; return what it adds to the settings."""
        options = self.options
        shopify = self._stack.enter_context(
            emulated_shopify(
                self.url,
                customers=options.customers,
                as_of=options.as_of,
                language=options.language,
                port=free_port(options.shopify_port),
            )
        )
        self.shopify_url = shopify.install_from
        return shopify.settings

    def start(self) -> None:
        """Start sandbox, worker and pages, and wait until they answer."""
        port = self.sandbox_url.rpartition(":")[2]
        self._run("sandbox", "--port", port, "--data", str(self.options.folder / "sandbox"))
        self._run("worker")
        self._run("serve", "--port", self.url.rpartition(":")[2], "--workers", "1")
        self._wait_for(f"{self.sandbox_url}/sandbox/state")
        self._wait_for(f"{self.url}/healthz")

    def _run(self, *arguments: str) -> None:
        program = [sys.executable, "-m", "integration.cli", "--env", str(self.env), *arguments]
        log = self._stack.enter_context((self.options.folder / f"{arguments[0]}.log").open("wb"))
        process = subprocess.Popen(program, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603  # our own command
        self._stack.callback(_stop, process)

    def _wait_for(self, url: str) -> None:
        end = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < end:
            try:
                if requests.get(url, timeout=2).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(_LOOK_S)
        raise DemoFailed(f"no answer; see the *.log files in {self.options.folder}")

    def open_shop(self) -> None:
        """Make the account and fill the sandbox with the audience the shop already had."""
        options = self.options
        with unscoped(self.context.engine) as session:
            names = {"en": "Sample shop", "nl": "Voorbeeldwinkel"}
            account, _ = create_account(
                session,
                names[options.language],
                EMAIL,
                self.password,
                options.language,
                now=self.context.clock(),
            )
            assert account.id is not None
            self.account_id: int = account.id
        readers = audience(
            customers=options.customers, as_of=options.as_of, language=options.language
        )
        self._fill_sandbox(readers)
        connect(
            self.context,
            self.account_id,
            token=SANDBOX_KEY,
            language=options.language,
        )

    def _fill_sandbox(self, readers: Sequence[Reader]) -> None:
        state = requests.get(f"{self.sandbox_url}/sandbox/state", timeout=30).json()
        (list_id,) = state["audiences"]
        fields = f"{self.sandbox_url}/3.0/lists/{list_id}/merge-fields"
        names = {field["tag"] for field in _api("GET", f"{fields}?count=100")["merge_fields"]}
        for tag in sorted({tag for reader in readers for tag in reader.merge_fields} - names):
            _api("POST", fields, json={"name": tag.title(), "tag": tag, "type": "text"})
        rows = [
            {
                **asdict(reader),
                "status_by": "person" if reader.status_by == "member" else "admin",
                "tags": list(reader.tags),
            }
            for reader in readers
        ]
        answer = requests.post(f"{self.sandbox_url}/sandbox/members", json=rows, timeout=120)
        answer.raise_for_status()

    def read(self) -> None:
        """Let the worker read both sources of the sample shop and compute."""
        options = self.options
        began = time.monotonic()
        with scoped(self.context.engine, self.account_id) as session:
            for source in ("web", "card"):
                config = {
                    "source": source,
                    "seed": 7,
                    "customers": options.customers,
                    "as_of": options.as_of.isoformat(),
                    "language": options.language,
                }
                self._add_source(session, source, config)
        self.settle()
        self.figures.seconds["read and compute"] = round(time.monotonic() - began, 1)
        self._count()

    def _add_source(self, session: Session, source: str, config: dict[str, Any]) -> None:
        name = (
            DemoConnector(
                "web" if source == "web" else "card",
                customers=self.options.customers,
                as_of=self.options.as_of,
                language="nl" if self.options.language == "nl" else "en",
            )
            .check()
            .name
        )
        shop = add_shop(
            session,
            platform="demo",
            external_id=source,
            name=name,
            config=config,
            now=self.context.clock(),
        )
        start_import(session, self.context, shop, name=name, as_of=self.options.as_of)

    def _count(self) -> None:
        figures = self.figures
        with scoped(self.context.engine, self.account_id) as session:
            figures.people = session.exec(select(func.count()).select_from(Person)).one()
            figures.orders = session.exec(select(func.count()).select_from(Order)).one()
            figures.lines = session.exec(select(func.count()).select_from(OrderLine)).one()
            sizes = select(SegmentMember.segment, func.count()).group_by(SegmentMember.segment)
            figures.segments = dict(sorted(session.exec(sizes)))
            states = select(DueDate.state, func.count()).group_by(DueDate.state)
            figures.due = {state: count for state, count in session.exec(states) if state}

    def plan(self) -> int:
        """Have a plan made and return its id."""
        self._do("plan", {})
        with scoped(self.context.engine, self.account_id) as session:
            newest = select(Plan.id).where(Plan.kind == "push").order_by(col(Plan.id).desc())
            plan_id = session.exec(newest).first()
        assert plan_id is not None
        return plan_id

    def push(self, plan_id: int) -> Push:
        """Publish a plan and return what it cost."""
        mark = self._requests(0)["last"]
        began = time.monotonic()
        self._do("push", {"plan_id": plan_id})
        seconds = round(time.monotonic() - began, 1)
        seen = [r for r in self._requests(mark)["requests"] if not r.get("batch")]
        with scoped(self.context.engine, self.account_id) as session:
            plan = session.get_one(Plan, plan_id)
        if plan.status != "published":
            raise DemoFailed(f"the plan was not published: it is {plan.status}")
        writes = sum(r["method"] != "GET" for r in seen)
        # Requests as the plan's page counts them, downloads of results included.
        return Push(plan.summary["members"], plan.outcome.get("requests", 0), writes, seconds)

    def undo(self, plan_id: int) -> None:
        """Take a plan back."""
        self._do("undo", {"plan_id": plan_id})

    def state(self) -> str:
        """Return what the sandbox holds, to compare byte for byte."""
        return requests.get(f"{self.sandbox_url}/sandbox/state", timeout=60).text

    def statuses_written(self) -> int:
        """Count requests of ours that carried a subscription status."""
        words = ("status", "status_if_new", "update_existing", "opt_in_status")
        seen = self._requests(0)["requests"]
        return sum(
            1
            for r in seen
            if r["method"] != "GET" and any(word in (r.get("body") or {}) for word in words)
        )

    def _requests(self, since: int) -> dict[str, Any]:
        answer = requests.get(
            f"{self.sandbox_url}/sandbox/requests", params={"since": since}, timeout=60
        )
        found: dict[str, Any] = answer.json()
        return found

    def _do(self, kind: str, payload: dict[str, Any]) -> None:
        with scoped(self.context.engine, self.account_id) as session:
            defer(
                session,
                account_id=self.account_id,
                kind=kind,
                lane=f"account:{self.account_id}:push",
                payload=payload,
            )
        self.settle()

    def settle(self) -> None:
        """Wait until the worker has nothing left to do.

        Raises
        ------
        DemoFailed
            When it gave something up.
        """
        wake_due(self.context)
        said: set[tuple[int | None, str | None]] = set()
        while True:
            with unscoped(self.context.engine) as session:
                rows = session.exec(select(Work).where(Work.status != "done")).all()
            for row in rows:
                if row.status in ("dead", "resting"):
                    raise DemoFailed(f"{row.kind} was given up: {row.error}")
                if row.status == "running" and (row.id, row.note) not in said:
                    said.add((row.id, row.note))
                    self.say(f"  {row.kind}: {row.note or 'started'}")
            if not rows:
                return
            time.sleep(_LOOK_S)


def _api(method: str, url: str, **body: Any) -> dict[str, Any]:
    """Call the sandbox as its merchant would have, before we came."""
    answer = requests.request(method, url, auth=("merchant", SANDBOX_KEY), timeout=30, **body)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
