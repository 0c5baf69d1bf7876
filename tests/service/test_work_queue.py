"""Jobs are rows: claimed once, one a lane, given back when their worker falls silent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from integration.context import Context
from integration.db import scoped, unscoped
from integration.security import Vault
from integration.settings import Settings
from integration.tables import Choice, Work
from integration.work.queue import (
    Job,
    LeaseLost,
    again,
    bury,
    claim,
    dead,
    defer,
    due_ids,
    finish,
    leases,
    queued_for,
    retry_dead,
)
from tests.conftest import add_account


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        """Go forward."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def at(engine: Engine, clock: Clock) -> Context:
    """An installation on each engine, on the test's clock."""
    settings = Settings.model_construct(encryption_keys=(), secret_key=SecretStr(""))
    vault = Vault([SecretStr(Fernet.generate_key().decode())])
    return Context(settings=settings, engine=engine, vault=vault, clock=clock)


def put(context: Context, lane: str = "a", run_at: datetime | None = None) -> int:
    """Defer and commit a job."""
    account_id = add_account(context.engine)
    with unscoped(context.engine) as session:
        work = defer(
            session, account_id=account_id, kind="test", lane=lane, payload={}, run_at=run_at
        )
    assert work.id is not None
    return work.id


def row(context: Context, work_id: int) -> Work:
    """The job as it is stored."""
    with unscoped(context.engine) as session:
        return session.exec(select(Work).where(Work.id == work_id)).one()


def take(context: Context, lease_s: float = 60.0) -> Job:
    """Claim a job that has to be there."""
    job = claim(context, lease_s=lease_s)
    assert job is not None
    return job


def test_work_is_kept_with_the_change_it_belongs_to_or_not_at_all(at: Context) -> None:
    account_id = add_account(at.engine)

    def defer_and_fail() -> None:
        with scoped(at.engine, account_id) as session:
            defer(session, account_id=account_id, kind="test", lane="a", payload={"x": 1})
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        defer_and_fail()
    assert claim(at) is None


def test_a_job_is_handed_out_once_with_all_it_needs(at: Context) -> None:
    account_id = add_account(at.engine)
    with scoped(at.engine, account_id) as session:
        defer(session, account_id=account_id, kind="push", lane="a", payload={"plan_id": 7})
    job = take(at)
    assert (job.account_id, job.kind, job.payload, job.attempts) == (
        account_id,
        "push",
        {"plan_id": 7},
        1,
    )
    assert claim(at) is None


def test_jobs_start_when_they_are_due(at: Context, clock: Clock) -> None:
    work_id = put(at, run_at=clock.now + timedelta(seconds=30))
    assert (claim(at), due_ids(at, limit=9)) == (None, [])
    assert queued_for(at, work_id) == clock.now + timedelta(seconds=30)
    clock.move(30)
    assert due_ids(at, limit=9) == [work_id]
    assert take(at).id == work_id
    assert queued_for(at, work_id) is None


def test_the_jobs_of_a_lane_run_one_after_the_other(at: Context) -> None:
    first, second, other = put(at, "a"), put(at, "a"), put(at, "b")
    assert due_ids(at, limit=9) == [first, other], "one of each lane"
    job = take(at)
    assert (job.id, take(at).id) == (first, other)
    assert claim(at) is None
    assert claim(at, work_id=second) is None
    finish(job)
    assert take(at).id == second


def test_the_database_itself_refuses_two_running_jobs_of_a_lane(at: Context) -> None:
    put(at, "a")
    second = put(at, "a")
    take(at)
    with pytest.raises(IntegrityError), at.engine.begin() as connection:
        connection.execute(
            text("UPDATE work SET status = 'running' WHERE id = :id"), {"id": second}
        )


def test_many_workers_at_once_share_the_jobs_without_a_double(at: Context) -> None:
    put_ids = {put(at, lane) for lane in ("a", "b", "c", "d") for _ in range(3)}

    def work_on() -> list[int]:
        mine = []
        while job := claim(at):
            mine.append(job.id)
            finish(job)
        return mine

    with ThreadPoolExecutor(6) as pool:
        results = [pool.submit(work_on) for _ in range(6)]
        taken = [work_id for result in results for work_id in result.result()]
    # Whoever saw only busy lanes went home; what is left is still there.
    taken += work_on()
    assert len(taken) == len(set(taken))
    assert set(taken) == put_ids


def test_a_silent_workers_job_goes_to_another(at: Context, clock: Clock) -> None:
    work_id = put(at)
    lost = take(at)
    assert leases(at) == {work_id: clock.now + timedelta(seconds=60)}
    clock.move(59)
    assert claim(at) is None
    clock.move(1)
    found = take(at)
    assert (found.id, found.attempts) == (work_id, 2)
    with pytest.raises(LeaseLost):
        finish(lost)
    with pytest.raises(LeaseLost):
        lost.extend()
    finish(found)
    assert row(at, work_id).status == "done"


def test_the_lane_of_a_silent_worker_stays_closed_until_its_job_is_done(
    at: Context, clock: Clock
) -> None:
    first, second = put(at), put(at)
    take(at)
    clock.move(61)
    assert claim(at, work_id=second) is None
    again_taken = take(at)
    assert again_taken.id == first
    finish(again_taken)
    assert take(at).id == second


def test_a_sign_of_life_keeps_the_job(at: Context, clock: Clock) -> None:
    put(at)
    job = take(at)
    clock.move(50)
    job.extend()
    clock.move(50)
    job.report(0.5, "half of it")
    clock.move(50)
    assert claim(at) is None


def test_a_worker_that_lost_its_job_commits_nothing_of_it(at: Context, clock: Clock) -> None:
    put(at)
    lost = take(at)
    clock.move(61)
    take(at)

    def step() -> None:
        with scoped(at.engine, lost.account_id) as session:
            session.add(
                Choice(
                    account_id=lost.account_id,
                    kind="life",
                    subject="suits",
                    value="730",
                    created_at=clock.now,
                )
            )
            session.flush()
            lost.extend(session)

    with pytest.raises(LeaseLost):
        step()
    with scoped(at.engine, lost.account_id) as session:
        assert session.exec(select(Choice)).all() == []


def test_progress_is_stored_and_told_without_addresses(at: Context) -> None:
    work_id = put(at)
    told: list[tuple[float | None, str | None]] = []
    job = claim(at, on_progress=lambda _job, progress, note: told.append((progress, note)))
    assert job is not None
    job.report(0.25, "at ada@example.com")
    stored = row(at, work_id)
    assert (stored.progress, stored.note) == (0.25, "at [address]")
    assert told == [(0.25, "at [address]")]


def test_a_job_to_be_tried_again_waits_with_its_cause(at: Context, clock: Clock) -> None:
    work_id = put(at)
    again(take(at), run_at=clock.now + timedelta(seconds=5), error="busy")
    assert row(at, work_id).error == "busy"
    assert claim(at) is None
    clock.move(5)
    finish(take(at))
    assert row(at, work_id).error is None


def test_the_dead_are_listed_with_their_cause_and_run_again(at: Context) -> None:
    work_id = put(at)
    bury(take(at), error="NotAuthorized: connect the shop again")
    assert claim(at) is None
    with unscoped(at.engine) as session:
        assert [(w.id, w.error) for w in dead(session)] == [
            (work_id, "NotAuthorized: connect the shop again")
        ]
        assert retry_dead(session, work_id)
        assert not retry_dead(session, work_id)
    job = take(at)
    assert (job.id, job.attempts) == (work_id, 1)


def test_nobody_sees_or_revives_the_dead_of_another_account(at: Context) -> None:
    work_id = put(at)
    bury(take(at), error="x")
    with scoped(at.engine, add_account(at.engine, "Other")) as session:
        assert dead(session) == []
        assert not retry_dead(session, work_id)
    assert row(at, work_id).status == "dead"
