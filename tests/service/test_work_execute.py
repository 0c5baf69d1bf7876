"""A job ends done, waiting for another try, or dead with its cause."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import text
from sqlmodel import select

from connectors.errors import NotAuthorized, Unreachable
from integration.context import Context
from integration.db import scoped, unscoped
from integration.tables import Work
from integration.work.execute import run_one, run_until_idle
from integration.work.handlers import HANDLERS, Handler, UnknownKind, handler_of
from integration.work.queue import Job, claim, defer, leases
from integration.work.retry import MAX_STARTS
from tests.conftest import ROOT, add_account
from tests.service.kill import wait_for


def put(context: Context, kind: str, lane: str = "a") -> int:
    """Defer and commit a job."""
    account_id = add_account(context.engine)
    with scoped(context.engine, account_id) as session:
        work = defer(session, account_id=account_id, kind=kind, lane=lane, payload={})
    assert work.id is not None
    return work.id


def row(context: Context, work_id: int) -> Work:
    """The job as it is stored."""
    with unscoped(context.engine) as session:
        return session.exec(select(Work).where(Work.id == work_id)).one()


def failing(error: BaseException) -> Handler:
    """A handler that always fails."""

    def handler(_context: Context, _job: Job) -> None:
        raise error

    return handler


def done(_context: Context, _job: Job) -> None:
    """A handler with nothing to do."""


def test_everything_due_is_done_and_what_it_brings_about(context: Context) -> None:
    def first(context: Context, job: Job) -> None:
        with scoped(context.engine, job.account_id) as session:
            defer(
                session, account_id=job.account_id, kind="second", lane=job.lane, payload={"a": 1}
            )

    put(context, "first")
    progress: list[float | None] = []
    number = run_until_idle(
        context,
        handlers={"first": first, "second": lambda _context, job: job.report(0.5)},
        on_progress=lambda _job, share, _note: progress.append(share),
    )
    assert (number, progress) == (2, [0.5])
    assert run_until_idle(context, handlers={}) == 0


def test_a_kind_nobody_knows_is_dead_with_a_clear_text(context: Context) -> None:
    work_id = put(context, "dance")
    run_until_idle(context, handlers={"push": done})
    stored = row(context, work_id)
    assert stored.status == "dead"
    assert stored.error == "UnknownKind: no handler for work of kind 'dance'; known: push"


def test_a_permanent_error_is_dead_at_once(context: Context) -> None:
    work_id = put(context, "push")
    run_until_idle(context, handlers={"push": failing(NotAuthorized("ask ada@example.com"))})
    stored = row(context, work_id)
    assert (stored.status, stored.attempts) == ("dead", 1)
    assert stored.error == "NotAuthorized: ask [address]"
    assert stored.finished_at is not None


def test_a_passing_error_is_tried_again_later(context: Context) -> None:
    work_id = put(context, "push")
    error = Unreachable("no answer", retry_after_s=3600)
    assert run_until_idle(context, handlers={"push": failing(error)}) == 1
    stored = row(context, work_id)
    assert (stored.status, stored.error) == ("queued", "Unreachable: no answer")
    assert (stored.run_at - context.clock()).total_seconds() > 3000


def test_one_job_that_fails_stops_no_other(context: Context) -> None:
    bad, good = put(context, "bad"), put(context, "good")
    run_until_idle(context, handlers={"bad": failing(ValueError("x")), "good": done})
    assert (row(context, bad).status, row(context, good).status) == ("dead", "done")


def test_a_statement_that_fails_does_not_tell_its_values(context: Context) -> None:
    def writes(context: Context, _job: Job) -> None:
        with context.engine.begin() as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "Ada Lovelace"})

    work_id = put(context, "push")
    run_until_idle(context, handlers={"push": writes})
    error = row(context, work_id).error
    assert error is not None
    assert "nowhere" in error
    assert "Ada" not in error


def test_an_interrupted_job_is_free_at_once(context: Context) -> None:
    work_id = put(context, "push")
    with pytest.raises(KeyboardInterrupt):
        run_until_idle(context, handlers={"push": failing(KeyboardInterrupt())})
    assert row(context, work_id).status == "queued"
    assert run_one(context, work_id, handlers={"push": done})
    assert not run_one(context, work_id, handlers={"push": done})


def test_a_job_that_kills_each_worker_is_given_up(context: Context) -> None:
    work_id = put(context, "push")
    with unscoped(context.engine) as session:
        session.connection().execute(text(f"UPDATE work SET attempts = {MAX_STARTS}"))
    run_until_idle(context, handlers={"push": done})
    stored = row(context, work_id)
    assert stored.status == "dead"
    assert stored.error is not None
    assert "each worker was lost" in stored.error


def test_whoever_lost_the_job_leaves_its_row_alone(context: Context) -> None:
    def slow(context: Context, job: Job) -> None:
        with unscoped(context.engine) as session:
            session.connection().execute(text("UPDATE work SET lease_by = 'another'"))
        job.extend()

    work_id = put(context, "push")
    run_until_idle(context, handlers={"push": slow})
    stored = row(context, work_id)
    assert (stored.status, stored.lease_by, stored.error) == ("running", "another", None)
    assert claim(context) is None


def test_handlers_are_found_by_their_import_path() -> None:
    from tests.service import steps

    table = {"count": "tests.service.steps:count_steps"}
    assert handler_of("count", table) is steps.count_steps
    with pytest.raises(UnknownKind):
        handler_of("refresh", table)


def test_a_long_silent_step_keeps_its_job_while_the_process_lives(context: Context) -> None:
    def silent(context: Context, job: Job) -> None:
        first = leases(context)[job.id]
        wait_for(lambda: leases(context)[job.id] > first, 20, "a longer lease")

    work_id = put(context, "fit")
    assert run_one(context, work_id, handlers={"fit": silent}, lease_s=0.5)
    assert row(context, work_id).status == "done"


#: Imports each module in a process that has none of ours: forks of one that has what they need.
_ALONE = """
import importlib, os, sys
import flask, ibis, mailchimp_marketing, pandas, psycopg, scipy.stats, sklearn.ensemble, sqlmodel
for module in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        importlib.import_module(module)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, module
"""


def test_a_worker_may_begin_with_any_kind_of_work() -> None:
    # Modules that import each other fail only when they come first.
    modules = sorted({str(place).partition(":")[0] for place in HANDLERS.values()})
    subprocess.run([sys.executable, "-c", _ALONE, *modules], check=True, cwd=ROOT)
