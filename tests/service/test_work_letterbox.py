"""A webhook is answered and kept while another process writes for long, and taken in after it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.hurried import Busy, hurried
from integration.mailchimp.hooks import address_hash
from integration.tables import Account, Audience, Inbox, MailchimpHook, Work
from integration.work import letterbox
from tests.conftest import add_account
from tests.service.kill import WorkerProcess, environment, wait_for

BODY = b"type=profile&data%5Bemail%5D=ada%40stipt-demo.shop"
#: Handlers of the worker in these tests.
HANDLERS = {"mailchimp_event": lambda _context, _job: None}


@pytest.fixture
def audience(context: Context) -> Audience:
    """A connected audience whose webhook was made; its secret is "secret"."""
    account_id = add_account(context.engine)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with scoped(context.engine, account_id) as session:
        audience = Audience(
            account_id=account_id,
            list_id="a1b2c3d4e5",
            name="Newsletter",
            server="us6",
            language="en",
            token="",
            connected_at=now,
        )
        session.add(audience)
        session.flush()
        session.add(
            MailchimpHook(
                account_id=account_id,
                audience_id=audience.id or 0,
                kind="audience",
                address_hash=address_hash("secret"),
                created_at=now,
            )
        )
    return audience


@contextmanager
def somebody_writes(engine: Engine) -> Iterator[None]:
    """Hold SQLite's one place for a writer, as a page of an import does."""
    with sqlite3.connect(str(engine.url.database), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    other.close()


def tell(context: Context, body: bytes = BODY) -> float:
    """Deliver a webhook; return the seconds until it was answered that it is kept."""
    began = time.perf_counter()
    answer = create_app(context).test_client().post("/hooks/mailchimp/secret", data=body)
    assert answer.status_code == 204
    return time.perf_counter() - began


def rename(context: Context, audience: Audience) -> None:
    """Write something in a hurry."""
    with hurried(context.engine) as session:
        session.get_one(Account, audience.account_id).name = "changed"


def bodies(context: Context, audience: Audience) -> list[bytes]:
    """What is in the inbox; each has its work."""
    with scoped(context.engine, audience.account_id) as session:
        kept = session.exec(select(Inbox).order_by(Inbox.dedupe_key)).all()
        work = session.exec(select(Work)).all()
    assert {row.payload["inbox_id"] for row in work} == {row.id for row in kept}
    assert {row.kind for row in work} <= {"mailchimp_event"}
    return [row.body for row in kept]


def letters(context: Context) -> list[Path]:
    """What lies in the letter box."""
    return list((context.settings.data_dir / "letterbox").glob("*"))


def test_a_webhook_is_kept_while_another_process_writes(
    context: Context, audience: Audience
) -> None:
    with somebody_writes(context.engine):
        tell(context)
        assert len(letters(context)) == 1
        assert bodies(context, audience) == []
    assert letterbox.take_in(context) == 1
    assert bodies(context, audience) == [BODY]
    assert letters(context) == []


def test_a_hurried_session_does_not_wait_as_long_as_others(
    context: Context, audience: Audience
) -> None:
    began = time.perf_counter()
    with somebody_writes(context.engine), pytest.raises(Busy):
        rename(context, audience)
    # SQLite's ordinary patience is ten seconds; all above 25 ms is a slow machine's.
    assert time.perf_counter() - began < 5
    rename(context, audience)
    with scoped(context.engine, audience.account_id) as session:
        assert session.get_one(Account, audience.account_id).name == "changed"


def test_a_hurried_session_lets_a_short_writer_go_first(
    context: Context, audience: Audience
) -> None:
    with sqlite3.connect(
        str(context.engine.url.database), isolation_level=None, check_same_thread=False
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        ends = threading.Timer(0.005, other.execute, ["ROLLBACK"])
        ends.start()
        rename(context, audience)
        ends.join()
    other.close()
    with scoped(context.engine, audience.account_id) as session:
        assert session.get_one(Account, audience.account_id).name == "changed"


def test_whoever_closes_the_database_closes_it_for_hurried_sessions_too(
    context: Context, audience: Audience
) -> None:
    def is_open() -> bool:
        database = Path(str(context.engine.url.database)).resolve()
        # Not resolved strictly: a file may be closed while it is looked at.
        return database in map(Path.resolve, Path("/proc/self/fd").iterdir())

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not show a process's open files")
    rename(context, audience)
    assert is_open()
    context.engine.dispose()
    assert not is_open()


def test_another_error_in_a_hurry_is_not_taken_for_a_busy_writer(
    context: Context, audience: Audience
) -> None:
    with (
        pytest.raises(OperationalError, match="no such table"),
        hurried(context.engine) as session,
    ):
        session.connection().exec_driver_sql("INSERT INTO nowhere VALUES (1)")


def test_the_same_told_twice_is_in_the_inbox_once(context: Context, audience: Audience) -> None:
    with somebody_writes(context.engine):
        tell(context)
        tell(context)
        tell(context, BODY + b"&more=1")
    assert len(letters(context)) == 2
    tell(context)
    assert letterbox.take_in(context) == 1
    assert len(bodies(context, audience)) == 2


def test_killed_between_inbox_and_letter_box_nothing_is_doubled(
    context: Context, audience: Audience
) -> None:
    with somebody_writes(context.engine):
        tell(context)
    killed = mock.patch.object(Path, "unlink", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        letterbox.take_in(context)
    assert len(letters(context)) == 1
    assert letterbox.take_in(context) == 0
    assert (bodies(context, audience), letters(context)) == ([BODY], [])


def test_two_that_take_in_at_once_take_each_letter_once(
    context: Context, audience: Audience
) -> None:
    with somebody_writes(context.engine):
        for number in range(8):
            tell(context, BODY + f"&number={number}".encode())
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda _: letterbox.take_in(context), range(2)))
    assert sum(taken) == 8
    assert len(bodies(context, audience)) == 8


def test_half_a_letter_stops_none_of_the_others(context: Context, audience: Audience) -> None:
    with somebody_writes(context.engine):
        tell(context)
    (context.settings.data_dir / "letterbox" / "0.json").write_bytes(b'{"account_id": 1, "bo')
    assert letterbox.take_in(context) == 1
    assert letters(context) == []


def test_only_the_installations_own_user_can_read_a_letter(
    context: Context, audience: Audience
) -> None:
    with somebody_writes(context.engine):
        tell(context)
    (letter,) = letters(context)
    assert letter.stat().st_mode & 0o077 == 0
    assert letter.parent.stat().st_mode & 0o077 == 0


def test_a_worker_takes_in_what_came_while_it_wrote_and_does_it(
    context: Context, audience: Audience
) -> None:
    handlers = f"{__name__}:HANDLERS"
    with WorkerProcess(
        {**os.environ, **environment(context.settings)}, context.engine, handlers=handlers
    ) as worker:
        worker.start()
        with somebody_writes(context.engine):
            tell(context)
        wait_for(lambda: worker.count("done") == 1, 120, "the webhook's work")
    assert (bodies(context, audience), letters(context)) == ([BODY], [])


def test_a_letter_that_a_kill_left_half_written_is_not_kept_for_ever(
    context: Context, audience: Audience
) -> None:
    lost = mock.patch.object(Path, "replace", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        letterbox.put(context, audience, "profile", "d1", BODY)
    (half,) = letterbox._folder(context).iterdir()
    letterbox.take_in(context)
    assert half.exists(), "somebody may be writing it"
    an_hour = time.time() - 3600
    os.utime(half, (an_hour, an_hour))
    letterbox.take_in(context)
    assert not half.exists()
