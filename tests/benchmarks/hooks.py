"""How long Mailchimp waits for our answer to a webhook, and how soon the ledger knows who left.

Pages and worker run as the Procfile starts them, the sandbox in a process of its own; four senders
send at once over real HTTP. Once they send as fast as they are answered, while the worker works
the messages off; and once all the while that a shop of 5,000 customers is imported and computed,
which writes to the same database. Mailchimp waits 10 seconds; the bar is 100 ms.
"""

from __future__ import annotations

import hmac
import http.client
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from sqlmodel import SQLModel, col, func, select

from integration.audience import hooks
from integration.audience.connect import open_mailchimp
from integration.db import make_engine
from integration.mailchimp.hooks import AUDIENCE, there
from integration.pipeline import start_import
from integration.sandbox.server import SandboxServer
from integration.settings import fresh_env, load
from integration.sources import add_shop
from integration.tables import Consent, MailchimpHook, Work
from integration.work.execute import run_until_idle
from tests.benchmarks._deployment import started, wait_for_pages
from tests.benchmarks._sandbox import SandboxProcess, free_port, sandbox_process
from tests.benchmarks.result import Result
from tests.postgres import postgres_server
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.kill import environment, wait_for

MEMBERS, MESSAGES, SENDERS, LEAVERS, CUSTOMERS = 2_000, 600, 4, 5, 5_000
#: Sent before anything is measured: the first caller of a process waits for what it does once.
WARM = 40
#: Seconds between two messages of a sender while the import goes on.
PAUSE_S = 0.1
BAR_MS, LEDGER_BAR_S = 100, 60


def run(data: Path) -> list[Result]:  # every benchmark is called alike
    """Measure the answer and the way into the ledger, on both databases."""
    with postgres_server() as address:
        return [
            *_on("SQLite", None),
            *_on("PostgreSQL", address),
        ]


def _on(name: str, database: str | None) -> Iterator[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(sandbox_process(folder))
        shop = stack.enter_context(_installation(folder, sandbox, database))
        send = _Sender(shop)
        send.burst(WARM)
        yield from _answers(f"{name}, as fast as answered", send.burst(MESSAGES))
        _wait_idle(shop)
        ledger = [_seconds_to_the_ledger(shop, sandbox, number) for number in range(LEAVERS)]
        yield Result(
            set=f"{name}, {MEMBERS:,} members",
            metric=f"seconds from an unsubscribe to the ledger, slowest of {LEAVERS}",
            ours=round(max(ledger), 2),
            bar=LEDGER_BAR_S,
            better="lower",
        )
        _import(shop)
        answers = send.while_so(lambda: _is_busy(shop, "import", "refresh"))
        yield from _answers(f"{name}, during an import of {CUSTOMERS:,} customers", answers)


def _answers(of: str, seconds: list[float]) -> Iterator[Result]:
    ordered = sorted(seconds)
    yield Result(set=of, metric="webhooks sent", ours=len(ordered))
    for which, value, bar in (
        ("median", statistics.median(ordered), None),
        ("99 of 100", ordered[len(ordered) * 99 // 100], BAR_MS),
        ("slowest", ordered[-1], None),
    ):
        metric = f"ms to answer a webhook, {which}"
        yield Result(set=of, metric=metric, ours=round(value * 1000, 1), bar=bar, better="lower")


@contextmanager
def _installation(
    folder: Path, sandbox: SandboxProcess, database: str | None
) -> Iterator[AudienceShop]:
    port = free_port()
    env = folder / ".env"
    env.write_text(
        f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_LOG_LEVEL=ERROR\n"
        f"STIPT_PUBLIC_URL=http://127.0.0.1:{port}\n"
        + (f"STIPT_DATABASE_URL={database}\nSTIPT_QUEUE=postgres\n" if database else "")
    )
    settings = load(env)
    SQLModel.metadata.create_all(make_engine(settings.database))
    emails = [f"p{number}@stipt-demo.shop" for number in range(MEMBERS)]
    sandbox.seed([{"email": email} for email in emails])
    # Of the sandbox it uses what a process offers too: address and key.
    shop = make_shop(settings, cast(SandboxServer, sandbox))
    given = {**environment(shop.context.settings), "STIPT_LOG_LEVEL": "ERROR", "PORT": str(port)}
    with started("web", given), started("worker", given):
        wait_for_pages(settings.public_url)
        shop.people(emails, ["stage:new"])
        shop.push()
        with shop.session() as session:
            hooks.start(shop.context, session)
        run_until_idle(shop.context)
        yield shop
    shop.context.engine.dispose()


class _Sender:
    """Sends signed webhooks of people who changed something, no two alike."""

    def __init__(self, shop: AudienceShop) -> None:
        mailchimp = open_mailchimp(shop.context, shop.audience)
        (hook,) = there(mailchimp, AUDIENCE)
        self._address = urlsplit(hook.url)
        with shop.session() as session:
            row = session.exec(select(MailchimpHook).where(MailchimpHook.kind == AUDIENCE)).one()
        self._key = shop.context.vault.decrypt(row.signing_secret).encode()
        self._numbers = count()

    def burst(self, messages: int) -> list[float]:
        """Send at once; return the seconds of each answer."""
        with ThreadPoolExecutor(SENDERS) as pool:
            return list(pool.map(lambda _: self._one(), range(messages)))

    def while_so(self, condition: Callable[[], bool]) -> list[float]:
        """Send, with a pause after each, while something is so."""

        def send() -> list[float]:
            answers = []
            while condition():
                answers.append(self._one())
                time.sleep(PAUSE_S)
            return answers

        with ThreadPoolExecutor(SENDERS) as pool:
            sending = [pool.submit(send) for _ in range(SENDERS)]
            return [seconds for one in sending for seconds in one.result()]

    def _one(self) -> float:
        number = next(self._numbers)
        email = f"p{number % MEMBERS}%40stipt-demo.shop"
        body = f"type=profile&fired_at={number}&data%5Bemail%5D={email}".encode()
        moment = int(datetime.now(UTC).timestamp())
        digest = hmac.digest(self._key, f"{moment}.".encode() + body, "sha256").hex()
        headers = {
            "X-Mailchimp-Signature": f"t={moment},v1={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        began = time.perf_counter()
        connection = http.client.HTTPConnection(self._address.netloc, timeout=10)
        connection.request("POST", self._address.path, body, headers)
        answer = connection.getresponse()
        took = time.perf_counter() - began
        connection.close()
        if answer.status != 204:
            raise RuntimeError(f"a webhook was answered {answer.status}")
        return took


def _import(shop: AudienceShop) -> None:
    """Have the worker read and compute the demo shop."""
    config = {"source": "web", "seed": 7, "customers": CUSTOMERS}
    config |= {"as_of": date(2026, 3, 1).isoformat(), "language": "en"}
    now = shop.context.clock()
    with shop.session() as session:
        source = add_shop(
            session, platform="demo", external_id="web", name="Web", config=config, now=now
        )
        start_import(session, shop.context, source, name="Web", as_of=date(2026, 3, 1))
    wait_for(lambda: _is_busy(shop, "import"), 120, "the start of the import")


def _is_busy(shop: AudienceShop, *kinds: str) -> bool:
    """Whether work waits or runs; of these kinds, or any."""
    busy = select(func.count()).where(col(Work.status).in_(("queued", "running")))
    if kinds:
        busy = busy.where(col(Work.kind).in_(kinds))
    with shop.session() as session:
        return session.exec(busy).one() > 0


def _wait_idle(shop: AudienceShop) -> None:
    wait_for(lambda: not _is_busy(shop), 600, "the end of all work")


def _seconds_to_the_ledger(shop: AudienceShop, sandbox: SandboxProcess, number: int) -> float:
    email = f"p{number}@stipt-demo.shop"
    began = time.perf_counter()
    sandbox.act("unsubscribe", email)

    def is_there() -> bool:
        with shop.session() as session:
            query = select(Consent.id).where(Consent.email_key == email)
            return session.exec(query).first() is not None

    wait_for(is_there, 120, "the denial")
    return time.perf_counter() - began
