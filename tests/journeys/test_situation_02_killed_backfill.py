"""Situation 2: the worker is killed at every step of a backfill of the shop."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import delete

from integration.context import utc_now
from integration.mailchimp.errors import Retryable
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata.stores import PUSH, ask
from integration.tables import Work
from integration.work.runner import wake_due
from tests import fresh_tables
from tests.service.audience_shop import Killed, TestJob
from tests.service.kill import WorkerProcess, environment, wait_for
from tests.service.store_shop import LONG_AGO, StoreShop

#: People with an order each; half of them have a cart too.
PEOPLE = 14
KILLS = 6


def fill(shop: StoreShop) -> None:
    """A shop with everything in it, more than goes in single calls."""
    shop.product("suit", variants=["blue", "grey"])
    shop.product("tie")
    for number in range(PEOPLE):
        profile = shop.buyer(f"p{number:02}@stipt-demo.shop")
        lines = (("suit", "blue"), ("tie", None), (f"lost {number % 3}", None))
        at = LONG_AGO + timedelta(days=number)
        shop.order(f"o{number}", profile, *lines[: 1 + number % 3], at=at)
        if number % 2:
            # Of now: the worker has the real clock.
            shop.cart(f"k{number}", profile, "suit", at=utc_now())
    shop.order("left out", None, ("suit", None))
    shop.order("cancelled", profile, ("suit", None), status="cancelled")
    shop.refund("r1", "o1", 5_000)


@contextmanager
def opened(settings: Settings, url: str) -> Iterator[StoreShop]:
    """An installation with a sandbox of its own."""
    values = {"database_url": url, "queue": "postgres" if "postgres" in url else "sqlite"}
    with SandboxServer() as sandbox:
        shop = StoreShop(settings.model_copy(update=values), sandbox)
        fill(shop)
        shop.on()
        yield shop
        shop.close()


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, str]:
    """What there is after a run that nobody kills, once it is asked for."""
    return {}


def meant(settings: Settings, tmp_path: Path, undisturbed: dict[str, str]) -> str:
    """The sandbox after a run that nobody killed."""
    if "state" not in undisturbed:
        url = f"sqlite:///{tmp_path / 'undisturbed.db'}"
        fresh_tables.lay(url)
        with opened(settings, url) as shop:
            shop.send()
            undisturbed["state"] = shop.sandbox.canonical()
    return undisturbed["state"]


def test_whatever_transaction_it_dies_in_the_end_is_the_same(
    settings: Settings, database_url: str, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    whole = meant(settings, tmp_path, undisturbed)
    with opened(settings, database_url) as shop:
        dies_at, deaths = 1, 0
        while True:
            # Each try gets one step further than the last; what came before is done again.
            job = TestJob(shop.people.account_id, dies_at=dies_at)
            try:
                shop.send(job)
            except Killed:
                dies_at, deaths = dies_at + 1, deaths + 1
                continue
            break
        assert deaths > 15, "hardly a step was disturbed"
        assert shop.sandbox.canonical() == whole
        assert shop.sandbox.fired == []
        assert shop.refused() == []
        assert shop.send() == 0


def test_dying_once_at_each_step_of_a_fresh_backfill_ends_the_same(
    settings: Settings, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    whole = meant(settings, tmp_path, undisturbed)
    for dies_at in range(2, 40, 5):
        url = f"sqlite:///{tmp_path / f'{dies_at}.db'}"
        fresh_tables.lay(url)
        with opened(settings, url) as shop:
            try:
                shop.send(TestJob(shop.people.account_id, dies_at=dies_at))
            except Killed:
                shop.send()
            assert shop.sandbox.canonical() == whole
            assert shop.sandbox.fired == []


@pytest.mark.parametrize("kind", ["reset", "html_502"])
def test_whichever_answer_is_lost_the_end_is_the_same(
    settings: Settings, database_url: str, tmp_path: Path, undisturbed: dict[str, str], kind: str
) -> None:
    whole = meant(settings, tmp_path, undisturbed)
    with opened(settings, database_url) as shop:
        number = 1
        while True:
            shop.sandbox.state.faults.clear()
            shop.sandbox.fail(kind, first=number)
            try:
                shop.send()
            except Retryable:
                number += 1
                continue
            break
        shop.sandbox.state.faults.clear()
        assert number > 10
        assert shop.sandbox.canonical() == whole
        assert shop.refused() == []
        assert shop.sandbox.fired == []
        assert shop.send() == 0


@pytest.mark.slow
def test_a_real_worker_killed_at_random_moments_ends_the_same(
    settings: Settings, database_url: str, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    whole = meant(settings, tmp_path, undisturbed)
    moments = random.Random(3)
    with opened(settings, database_url) as shop:
        context = shop.people.context
        with shop.people.session() as session:
            session.exec(delete(Work))
            ask(session, PUSH)
        env = environment(context.settings)
        with WorkerProcess(env, context.engine, lease_s=1.0) as process:
            for _ in range(KILLS):
                process.start()
                wake_due(context)
                wait_for(lambda: process.count("running") + process.count("done") > 0, 60, "work")
                time.sleep(moments.uniform(0.0, 1.0))
                process.kill9()
            process.start()
            process.wait_idle()
            assert process.count("dead") == 0
        assert shop.sandbox.canonical() == whole
        assert shop.sandbox.fired == []
