"""How long Mailchimp waits for our answer to a webhook, and how soon the ledger knows who left.

The pages run over real HTTP with a SQLite file; four senders send at once while a worker works the
messages off in a process of its own. Mailchimp waits 10 seconds; the bar is 100 ms.
"""

from __future__ import annotations

import hmac
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests
from sqlmodel import SQLModel, select

from integration.app import create_app
from integration.audience import hooks
from integration.db import make_engine
from integration.sandbox.server import SandboxServer
from integration.settings import fresh_env, load
from integration.tables import Consent, MailchimpHook
from integration.work.execute import run_until_idle
from tests.benchmarks.result import Result
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.kill import WorkerProcess, environment, wait_for
from tests.service.page_server import served

SET = "2,000 members"
MEMBERS, MESSAGES, SENDERS, LEAVERS = 2_000, 600, 4, 5


def run(data: Path) -> list[Result]:  # every benchmark is called alike
    """Measure the answer and the way into the ledger."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxServer() as sandbox,
        _installation(Path(folder), sandbox) as shop,
        WorkerProcess(
            environment(shop.context.settings), shop.context.engine, lease_s=60
        ) as worker,
    ):
        worker.start()
        answers = sorted(_answers(shop, sandbox))
        worker.wait_idle(600)
        ledger = [_seconds_to_the_ledger(shop, sandbox, number) for number in range(LEAVERS)]
        return [
            _ms("ms to answer a webhook, median", statistics.median(answers), None),
            _ms("ms to answer a webhook, 99 of 100", answers[len(answers) * 99 // 100], 100),
            _ms("ms to answer a webhook, slowest", answers[-1], None),
            Result(
                set=SET,
                metric="seconds from an unsubscribe to the ledger, slowest of 5",
                ours=round(max(ledger), 2),
                bar=60,
                better="lower",
            ),
        ]


def _ms(metric: str, seconds: float, bar: float | None) -> Result:
    return Result(set=SET, metric=metric, ours=round(seconds * 1000, 1), bar=bar, better="lower")


@contextmanager
def _installation(folder: Path, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    env = folder / ".env"
    env.write_text(f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_LOG_LEVEL=ERROR\n")
    settings = load(env)
    SQLModel.metadata.create_all(make_engine(settings.database))
    emails = [f"p{number}@stipt-demo.shop" for number in range(MEMBERS)]
    sandbox.seed({"email": email} for email in emails)
    shop = make_shop(settings, sandbox)
    with served(create_app(shop.context)) as url:
        known = shop.context.settings.model_copy(update={"public_url": url})
        object.__setattr__(shop.context, "settings", known)
        shop.people(emails, ["stage:new"])
        shop.push()
        with shop.session() as session:
            hooks.start(shop.context, session)
        run_until_idle(shop.context)
        yield shop


def _answers(shop: AudienceShop, sandbox: SandboxServer) -> list[float]:
    """Seconds of each answer to what four senders send at once."""
    url = next(hook.url for hook in sandbox.state.hooks.by_id.values() if hook.list_id)
    with shop.session() as session:
        row = session.exec(select(MailchimpHook).where(MailchimpHook.kind == "audience")).one()
    key = shop.context.vault.decrypt(row.signing_secret)
    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(lambda number: _send(url, key, number), range(MESSAGES)))


def _send(url: str, key: str, number: int) -> float:
    body = f"type=profile&data%5Bemail%5D=p{number}%40stipt-demo.shop".encode()
    moment = int(datetime.now(UTC).timestamp())
    digest = hmac.new(key.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    started = time.perf_counter()
    answer = requests.post(
        url,
        data=body,
        headers={
            "X-Mailchimp-Signature": f"t={moment},v1={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        timeout=10,
    )
    took = time.perf_counter() - started
    answer.raise_for_status()
    return took


def _seconds_to_the_ledger(shop: AudienceShop, sandbox: SandboxServer, number: int) -> float:
    email = f"p{number}@stipt-demo.shop"
    started = time.perf_counter()
    sandbox.unsubscribe(email)

    def is_there() -> bool:
        with shop.session() as session:
            query = select(Consent.id).where(Consent.email_key == email)
            return session.exec(query).first() is not None

    wait_for(is_there, 120, "the denial")
    return time.perf_counter() - started
