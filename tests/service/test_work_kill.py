"""A worker may die at any moment: its job is finished by the next one, its effect is there once."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from integration.context import Context, make_context
from integration.db import scoped
from integration.settings import Settings, fresh_env, load
from integration.tables import Choice, Shop, SyncState, Work
from integration.work.queue import defer
from integration.work.runner import wake
from tests.conftest import add_account
from tests.service.kill import WorkerProcess, environment, wait_for
from tests.service.steps import STEPS

_HANDLERS = "tests.service.steps:HANDLERS"


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Context]:
    """An installation, once on each engine, with Huey's storage of the same kind."""
    kind = "sqlite" if database_url.startswith("sqlite") else "postgres"
    env = tmp_path / ".env"
    env.write_text(
        f"{fresh_env()}STIPT_DATA_DIR={tmp_path / 'data'}\n"
        f"STIPT_DATABASE_URL={database_url}\nSTIPT_QUEUE={kind}\n"
    )
    context = make_context(load(env))
    yield context
    context.engine.dispose()


def start_counting(context: Context, kind: str = "count_steps") -> int:
    """Defer a job of `STEPS` steps and return its account."""
    account_id = add_account(context.engine)
    now = context.clock()
    with scoped(context.engine, account_id) as session:
        shop = Shop(
            account_id=account_id, platform="demo", external_id="1", name="Shop", created_at=now
        )
        session.add(shop)
        session.flush()
        assert shop.id is not None
        state = SyncState(account_id=account_id, shop_id=shop.id, stream="orders", updated_at=now)
        session.add(state)
        session.flush()
        work = defer(
            session,
            account_id=account_id,
            kind=kind,
            lane=f"account:{account_id}:import",
            payload={"state_id": state.id},
        )
    assert work.id is not None
    wake(context, [work.id])
    return account_id


def steps_done(context: Context, account_id: int) -> int:
    """How often a step took effect."""
    with scoped(context.engine, account_id) as session:
        count: int = session.execute(select(func.count()).select_from(Choice)).scalar_one()
        return count


def moved(context: Context, account_id: int, seen: int) -> bool:
    """Whether another step took effect, or all of them have."""
    return steps_done(context, account_id) > min(seen, STEPS - 1)


def worker(context: Context, *, lease_s: float = 0.7) -> WorkerProcess:
    """A worker with the handlers of `steps`."""
    env = environment(context.settings)
    return WorkerProcess(env, context.engine, handlers=_HANDLERS, lease_s=lease_s)


def test_a_job_killed_at_random_moments_is_finished_once(installation: Context) -> None:
    account_id = start_counting(installation)
    moments = random.Random(2)
    killed_in_the_middle = 0
    with worker(installation) as process:
        for _ in range(3):
            before = steps_done(installation, account_id)
            process.start()
            wait_for(lambda seen=before: moved(installation, account_id, seen), 60, "a step")  # type: ignore[misc]  # mypy cannot infer a default's type
            time.sleep(moments.uniform(0.0, 0.1))
            process.kill9()
            killed_in_the_middle += process.count("running")
        process.start()
        process.wait_idle()
        assert killed_in_the_middle > 0
        assert process.count("done") == 1
    assert steps_done(installation, account_id) == STEPS


def lose_queue(context: Context) -> None:
    """Let no message be left."""
    context.engine.dispose()
    for file in context.settings.data_dir.glob("queue.db*"):
        file.unlink()


def test_a_lost_queue_loses_no_job(context: Context) -> None:
    account_id = start_counting(context)
    lose_queue(context)
    with worker(context) as process:
        process.start()
        process.wait_idle()
    assert steps_done(context, account_id) == STEPS


def test_what_waits_for_a_moment_starts_then_and_not_at_the_next_look(context: Context) -> None:
    account_id = start_counting(context)
    with scoped(context.engine, account_id) as session:
        session.scalars(select(Work)).one().run_at = context.clock() + timedelta(seconds=4)
    lose_queue(context)
    with worker(context) as process:
        process.start()
        process.wait_idle(30)
    assert steps_done(context, account_id) == STEPS


def test_what_a_job_defers_follows_at_once_although_nobody_wakes(installation: Context) -> None:
    account_id = start_counting(installation, kind="follow_up")
    with worker(installation) as process:
        process.start()
        process.wait_idle()
        assert process.count("done") == 2
    assert steps_done(installation, account_id) == STEPS


def test_sigint_lets_the_running_job_end(context: Context) -> None:
    account_id = start_counting(context)
    with worker(context) as process:
        process.start()
        process.wait_running()
        time.sleep(0.5)  # its first thread works before the last one is there to mind signals
        process.stop(signal.SIGINT)
        assert process.count("done") == 1
    assert steps_done(context, account_id) == STEPS


def test_sigterm_leaves_the_job_to_its_lease(context: Context) -> None:
    account_id = start_counting(context)
    with worker(context) as process:
        process.start()
        process.wait_running()
        process.stop(signal.SIGTERM)
        assert process.count("running") == 1
        process.start()
        process.wait_idle()
    assert steps_done(context, account_id) == STEPS


def test_settings_reach_the_worker_complete(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load(Path("/dev/null")) == settings
