"""How many of Shopify's webhooks are taken a second, and that a kill loses and doubles none.

Pages run under gunicorn with two workers, as the Procfile starts them; beside them, in the same
run and turn by turn, the least that can be: a bare Flask route under gunicorn with two workers that
inserts one row through the same engine. Four senders send signed webhooks as fast as they are
answered, each over a connection of its own, as gunicorn closes it. No worker runs meanwhile.

Then a store is emulated, and orders change in it while pages and worker are killed with kill -9 and
started again. Shopify brings again what was not acknowledged. In the end every acknowledged
delivery was applied, every order is here once, and as it is there.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel, col, func, select

from connectors.shopify.fields import number
from connectors.shopify.webhooks import sign
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.settings import fresh_env, load
from integration.tables import Account, Inbox, Order, Shop, ShopifyStore
from integration.work.letterbox import take_in
from integration.work.queue import due_ids, leases
from tests.benchmarks import _bare
from tests.benchmarks._deployment import ROOT, command, wait_for_pages
from tests.benchmarks._sandbox import free_port
from tests.benchmarks.result import Result
from tests.postgres import postgres_server
from tests.service.kill import environment, wait_for

if TYPE_CHECKING:  # its library is one of the tests' alone: the other benchmarks do without
    from tests.emulators.shopify.server import ShopifyEmulator
    from tests.emulators.shopify.tables import Table

#: The emulated store.
GOLDEN = "golden.myshopify.com"
SENDERS, TURNS, WARM = 4, 10, 100
SECRET = "shpss_benchmark_0123456789"  # of the emulated app
#: Accepted a second, as a share of the bare route's.
BAR = 0.7
#: Bytes of an order as Shopify sends it, with a handful of lines.
_PADDING = "x" * 4_000
KILLS, ORDERS = 3, 120
#: Connections refused above which a route is away.
_MOST_REFUSED = 500


def run(data: Path, seconds: float = 20) -> list[Result]:  # alike for all
    """Measure on both databases; `seconds` are split between ours and the bare route."""
    with postgres_server() as address:
        return [
            *_rate("SQLite", None, seconds),
            *_rate("PostgreSQL", address, seconds),
            *_killed("SQLite", None),
            *_killed("PostgreSQL", _second(address)),
        ]


def _second(address: str) -> str:
    """Make another empty database on the server; return its address."""
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE killed")
    engine.dispose()
    return make_url(address).set(database="killed").render_as_string(hide_password=False)


@dataclass
class Installation:
    """Pages and worker as the Procfile starts them, and a store."""

    folder: Path
    database: str | None
    more: str = ""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        env = self.folder / ".env"
        queue = f"STIPT_DATABASE_URL={self.database}\nSTIPT_QUEUE=postgres\n"
        env.write_text(
            f"{fresh_env()}STIPT_DATA_DIR={self.folder}\nSTIPT_LOG_LEVEL=ERROR\n"
            f"STIPT_PUBLIC_URL=http://127.0.0.1:{self.port}\n"
            f"STIPT_SHOPIFY_CLIENT_ID=benchmark\n{self.more}{queue if self.database else ''}"
        )
        self.settings = load(env)
        self.context = make_context(self.settings)
        SQLModel.metadata.create_all(self.context.engine)
        shopify = {
            "STIPT_SHOPIFY_CLIENT_ID": "benchmark",
            "STIPT_SHOPIFY_CLIENT_SECRETS": self.secret,
            "STIPT_LOG_LEVEL": "ERROR",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
        }
        template = self.settings.shopify_url_template
        self.env = {**environment(self.settings), **shopify}
        if template:
            self.env["STIPT_SHOPIFY_URL_TEMPLATE"] = template

    @property
    def secret(self) -> str:
        """What webhooks are signed with."""
        given = self.settings.shopify_client_secrets or ()
        return given[0].get_secret_value()

    def start(self, process: str) -> None:
        """Start a process of the Procfile."""
        program = ["/bin/sh", "-c", f"exec {command(process)}"]
        self.running[process] = _popen(program, self.env)
        if process == "web":
            wait_for_pages(self.settings.public_url)

    def kill(self, process: str) -> None:
        """End a process and its children with kill -9."""
        _kill(self.running.pop(process), signal.SIGKILL)

    def stop(self) -> None:
        """End everything."""
        for process in list(self.running):
            self.kill(process)
        self.context.engine.dispose()

    def connect(self, domain: str, token: str) -> Shop:
        """Have a store let us in."""
        context = self.context
        with unscoped(context.engine) as session:
            account = Account(name="Benchmark", created_at=context.clock())
            session.add(account)
            session.flush()
            account_id = account.id or 0
        with scoped(context.engine, account_id) as session:
            shop = Shop(
                account_id=account_id,
                platform="shopify",
                external_id="1",
                name="Dressed",
                created_at=context.clock(),
            )
            session.add(shop)
            session.flush()
            session.add(
                ShopifyStore(
                    account_id=account_id,
                    shop_id=shop.id or 0,
                    store_id="gid://shopify/Shop/1",
                    domain=domain,
                    way="fixed",
                    access_token=context.vault.encrypt(token),
                    installed_at=context.clock(),
                )
            )
        return shop


def _popen(program: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {**os.environ, **env, "PATH": path, "STIPT_ENV_FILE": os.devnull}
    # A group of its own, so that a kill takes gunicorn's workers along.
    return subprocess.Popen(
        program, env=given, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _kill(running: subprocess.Popen[bytes], how: signal.Signals) -> None:
    os.killpg(running.pid, how)
    running.wait()


# -- how many a second ------------------------------------------------------------------------


def _rate(name: str, database: str | None, seconds: float) -> Iterator[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        here = Installation(folder, database, f"STIPT_SHOPIFY_CLIENT_SECRETS={SECRET}\n")
        stack.callback(here.stop)
        here.connect(GOLDEN, "none")
        here.start("web")
        bare_port = stack.enter_context(_bare_route(folder, database))
        ours = _Target(here.port, "/hooks/shopify", SECRET)
        bare = _Target(bare_port, "/", SECRET)
        for target in (ours, bare):
            target.send_for(0, least=WARM)
            target.seconds.clear()
        for _ in range(TURNS):
            for target in (bare, ours):
                target.send_for(seconds / 2 / TURNS)
        yield from _compared(name, ours, bare)
        take_in(here.context)  # SQLite was busy for longer than a sender should wait
        with here.context.engine.connect() as connection:
            kept = connection.execute(select(func.count()).select_from(Inbox)).scalar_one()
        lost = len(ours.seconds) + WARM - kept
        metric = "acknowledged webhooks that are not in the inbox"
        yield Result(set=name, metric=metric, ours=lost, bar=0, better="lower")


def _compared(name: str, ours: _Target, bare: _Target) -> Iterator[Result]:
    rates = {one: len(one.seconds) / one.busy_s for one in (ours, bare)}
    yield Result(
        set=name, metric="webhooks accepted a second", ours=round(rates[ours]),
        baseline=round(rates[bare]),
    )  # fmt: skip
    share = round(rates[ours] / rates[bare], 2)
    yield Result(set=name, metric="of what a bare route inserts, share", ours=share, bar=BAR)
    metric = "connections refused"
    yield Result(set=name, metric=metric, ours=ours.refused, baseline=bare.refused, better="lower")
    slowest = {one: sorted(one.seconds)[len(one.seconds) * 99 // 100] for one in (ours, bare)}
    yield Result(
        set=name, metric="ms to answer, 99 of 100", ours=round(slowest[ours] * 1000, 1),
        baseline=round(slowest[bare] * 1000, 1), better="lower",
    )  # fmt: skip


@contextmanager
def _bare_route(folder: Path, database: str | None) -> Iterator[int]:
    port = free_port()
    address = database or f"sqlite:///{folder / 'bare.db'}"
    _bare.make_table(address)
    app = "tests.benchmarks._bare:from_environment()"
    program = ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{port}", app]
    running = _popen(program, {_bare.DATABASE: address})
    try:
        wait_for(lambda: _answers(port), 60, "the start of the bare route")
        yield port
    finally:
        _kill(running, signal.SIGTERM)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class _Target:
    """A route that webhooks are sent to, no two alike, and how long each answer took."""

    _numbers = count(1)

    def __init__(self, port: int, path: str, secret: str) -> None:
        self._address, self._path, self._secret = ("127.0.0.1", port), path, secret
        self.seconds: list[float] = []
        self.busy_s = 0.0
        self.refused = 0

    def send_for(self, seconds: float, *, least: int = 0) -> None:
        """Send with all senders as fast as they are answered."""
        began = time.perf_counter()
        end = began + seconds
        with ThreadPoolExecutor(SENDERS) as pool:
            sending = [pool.submit(self._until, end, least // SENDERS) for _ in range(SENDERS)]
            found = [one.result() for one in sending]
        if not least:
            self.busy_s += time.perf_counter() - began
        self.seconds += [took for some in found for took in some]

    def _until(self, end: float, least: int) -> list[float]:
        answers: list[float] = []
        while time.perf_counter() < end or len(answers) < least:
            try:
                answers.append(self._one())
            except ConnectionError:
                self.refused += 1  # the queue of the socket is full: nothing was acknowledged
                if self.refused > _MOST_REFUSED:
                    raise
        return answers

    def _one(self) -> float:
        key = next(self._numbers)
        body = f'{{"id":{key},"note":"{_PADDING}"}}'.encode()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/json\r\nConnection: close\r\n"
            f"X-Shopify-Topic: orders/updated\r\nX-Shopify-Shop-Domain: {GOLDEN}\r\n"
            f"X-Shopify-Webhook-Id: w{key}\r\nX-Shopify-Triggered-At: 2026-11-26T12:00:00Z\r\n"
            f"X-Shopify-Hmac-Sha256: {sign(body, self._secret)}\r\n\r\n"
        )
        began = time.perf_counter()
        with socket.create_connection(self._address, timeout=10) as connection:
            connection.sendall(head.encode() + body)
            answer = b""
            while more := connection.recv(4096):
                answer += more
        took = time.perf_counter() - began
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a webhook was answered {answer[:40]!r}")
        return took


# -- what a kill leaves -----------------------------------------------------------------------


def _killed(name: str, database: str | None) -> Iterator[Result]:
    from tests.emulators.shopify.server import ShopifyEmulator

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shopify = stack.enter_context(ShopifyEmulator.serve(customers=30))
        shopify.app.distribution = "custom"
        shopify.shop().plan = "enterprise"
        secret = f"STIPT_SHOPIFY_CLIENT_SECRETS={shopify.client_secret}\n"
        template = f"STIPT_SHOPIFY_URL_TEMPLATE={shopify.url_template}\n"
        here = Installation(folder, database, secret + template)
        stack.callback(here.stop)
        shop = here.connect(GOLDEN, shopify.install(expiring=False)["access_token"])
        for process in ("web", "worker"):
            here.start(process)
        told = _Told(shopify, here)
        told.orders(KILLS)
        wait_for(lambda: _is_quiet(here.context), 300, "the end of all work")
        yield from told.results(name, shop)


class _Told:
    """Orders that change while everything is killed, and what came of it."""

    def __init__(self, shopify: ShopifyEmulator, here: Installation) -> None:
        self._shopify, self._here = shopify, here
        self._acknowledged: set[str] = set()
        self._made: list[str] = []
        url = f"{here.settings.public_url}/hooks/shopify"
        for number_, topic in enumerate(("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED")):
            shopify.shop().subscriptions[f"gid://shopify/WebhookSubscription/{number_}"] = {
                "topic": topic, "uri": url, "name": None, "filter": None,
                "apiVersion": {"handle": "2026-10"},
            }  # fmt: skip
        self._post: Callable[..., int] = shopify.hooks.transport
        shopify.hooks.transport = self._bring

    def _bring(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Bring a delivery until it is acknowledged, as Shopify does over four hours."""
        for _ in range(600):
            if self._post(url, headers, body) == 200:
                self._acknowledged.add(headers["X-Shopify-Webhook-Id"])
                return 200
            time.sleep(0.1)
        return 0

    def orders(self, kills: int) -> None:
        """Change orders, and kill in between."""
        acts, shop = self._shopify.acts(), self._shopify.shop()
        first = next(iter(shop.orders))
        with ThreadPoolExecutor(1) as pool:
            for turn in range(kills):
                made = [acts.order_again(first)["id"] for _ in range(ORDERS // kills)]
                self._made += made
                for key in made[::3]:
                    acts.cancel(key)
                self._shopify.hooks.switch("duplicate", times=5)
                bringing = pool.submit(self._shopify.hooks.deliver)
                time.sleep(0.3 + 0.2 * turn)
                for process in ("web", "worker"):
                    self._here.kill(process)
                for process in ("worker", "web"):
                    self._here.start(process)
                bringing.result()

    def results(self, name: str, shop: Shop) -> Iterator[Result]:
        """Compare what is here with what is there."""
        with scoped(self._here.context.engine, shop.account_id) as session:
            applied = session.exec(select(Inbox).where(col(Inbox.applied_at).is_not(None))).all()
            waiting = session.exec(select(Inbox).where(col(Inbox.applied_at).is_(None))).all()
            orders = session.exec(select(Order)).all()
        keys = {row.headers["X-Shopify-Webhook-Id"] for row in applied if row.error is None}
        there = self._shopify.shop().orders
        missing = {number(key) for key in self._made} - {row.external_id for row in orders}
        wrong = [row for row in orders if _is_wrong(row, there)]
        set_ = f"{name}, {KILLS} kills of pages and worker"
        yield Result(set=set_, metric="deliveries acknowledged", ours=len(self._acknowledged))
        for metric, ours in (
            ("acknowledged deliveries without effect", len(self._acknowledged - keys)),
            ("deliveries that still wait", len(waiting)),
            ("orders here more than once", len(orders) - len({row.external_id for row in orders})),
            ("orders not as they are in the store", len(wrong) + len(missing)),
        ):
            yield Result(set=set_, metric=metric, ours=ours, bar=0, better="lower")


def _is_wrong(row: Order, there: Table) -> bool:
    order = there[f"gid://shopify/Order/{row.external_id}"]
    return (row.status == "cancelled") != (order["cancelledAt"] is not None)


def _is_quiet(context: Context) -> bool:
    """Whether no webhook waits, and no work."""
    with unscoped(context.engine) as session:
        waiting = session.exec(select(Inbox.id).where(col(Inbox.applied_at).is_(None)).limit(1))
        if waiting.first() is not None:
            return False
    return not due_ids(context, limit=1) and not leases(context)
