"""The one module that knows Huey: it executes and wakes; the rows in our database are the truth.

A message says no more than "look at this row" or "into the letter box". Lost messages are found
again by the look that is taken every minute; doubled ones find nothing to claim. So Huey's own
storage may be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import structlog
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey, crontab
from huey.exceptions import ConfigurationError
from huey.serializer import SignedSerializer
from huey.storage import SqliteStorage
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from integration.context import Context
from integration.settings import SettingsError
from integration.work import inbox, letterbox, queue
from integration.work.execute import run_one
from integration.work.handlers import Handlers

_log = structlog.get_logger(__name__)

#: Messages waiting in Huey above which a look adds none, however many rows are due.
_ENOUGH = 100

#: Number of the lock under which a queue's tables are made in PostgreSQL.
_OPENING = 0x5714

#: How often everything that is due is looked for; Huey's own rhythm.
_LOOK_EVERY = timedelta(minutes=1)

#: Seconds between two looks into a storage that cannot call us (SQLite): shortest, longest.
_POLL_S = (0.02, 0.2)


class _Unforced(SqliteStorage):  # type: ignore[misc]  # huey has no types
    """Puts no message onto the disk by force: it may be lost, and somebody waits for `wake`."""

    def _create_connection(self) -> Any:
        connection = super()._create_connection()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


class _SqliteHuey(SqliteHuey):  # type: ignore[misc]  # huey has no types
    storage_class = _Unforced


#: One way to the queue for each installation in this process, closed with its engine.
_OPEN: WeakKeyDictionary[Engine, Huey] = WeakKeyDictionary()


def wake(context: Context, work_ids: Iterable[int]) -> None:
    """Tell the workers about rows that were just committed."""
    _send(_way(context), work_ids)


def wake_due(context: Context) -> None:
    """Tell the workers to look at what is due; called after the transaction that wrote it."""
    wake(context, queue.due_ids(context, limit=_ENOUGH))


def wake_for(context: Context, work_id: int) -> None:
    """Tell the workers about a row that was just committed, unless its lane is busy.

    Then whoever is busy looks what is next when he is done, and a storm of webhooks is no storm of
    messages.
    """
    if queue.is_due(context, work_id):
        wake(context, [work_id])


def wake_for_letters(context: Context) -> None:
    """Tell the workers that something lies in the letter box."""
    with _may_be_lost():
        _way(context).stipt_take_in()


def consume(
    context: Context,
    workers: int = 2,
    *,
    handlers: Handlers | None = None,
    lease_s: float = queue.LEASE_S,
    hourly: Callable[[Context], object] | None = None,
) -> None:
    """Work until a signal comes: SIGINT lets running jobs end, SIGTERM leaves them to the lease.

    `hourly` is called once an hour and may write down work. Belongs in the main thread of a process
    of its own, as it takes the process's signals.
    """
    huey = _open(context)

    def look_at(work_id: int) -> None:
        asked_at = context.clock()
        if run_one(context, work_id, handlers=handlers, lease_s=lease_s):
            # The next of the lane, and what the job itself deferred.
            _send(huey, _due(context, huey))
        start = queue.queued_for(context, work_id)
        if start is not None and start > asked_at:
            _send_later(huey, context, work_id, start)

    def take_in() -> None:
        if letterbox.take_in(context):
            _send(huey, _due(context, huey))

    def look() -> None:
        inbox.ask_for_waiting(context)
        _send(huey, _due(context, huey))
        take_in()

    _register(huey, look_at, take_in)
    huey.periodic_task(crontab(), name="look")(look)
    if hourly is not None:
        huey.periodic_task(crontab(minute="12"), name="hour")(lambda: hourly(context))
    shortest, longest = _POLL_S
    consumer = huey.create_consumer(workers=workers, initial_delay=shortest, max_delay=longest)
    inbox.ask_for_waiting(context)
    _send(huey, _due(context, huey))
    with _may_be_lost():
        huey.stipt_take_in()
    # What a killed worker had in hand comes back the moment its lease ends, and what it was to
    # start a little later starts then: neither waits for the next look.
    soon = queue.starts(context, context.clock() + _LOOK_EVERY)
    for work_id, moment in {**queue.leases(context), **soon}.items():
        _send_later(huey, context, work_id, moment)
    _log.info("Worker starts", workers=workers)
    consumer.run()
    huey.storage.close()
    _log.info("Worker stopped")


def _way(context: Context) -> Huey:
    """Return this process's way to the queue, for sending only."""
    huey = _OPEN.get(context.engine)
    if huey is None:
        huey = _OPEN[context.engine] = _open(context)
        event.listen(context.engine, "engine_disposed", partial(_close, huey.storage))
        _register(huey, lambda work_id: None, lambda: None)  # noqa: ARG005  # never run here
    return huey


def _register(huey: Huey, look_at: Callable[[int], None], take_in: Callable[[], None]) -> None:
    """Name the messages there are, the same for senders and workers."""
    huey.stipt_look_at = huey.task(name="look_at")(look_at)
    huey.stipt_take_in = huey.task(name="take_in")(take_in)


def _send(huey: Huey, work_ids: Iterable[int]) -> None:
    with _may_be_lost():
        for work_id in work_ids:
            huey.stipt_look_at(work_id)


@contextmanager
def _may_be_lost() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each storage has its own; the rows are safe whatever it says
        _log.warning(
            "The queue took no message; the look of the next minute finds the rows",
            error=type(error).__name__,
        )


def _send_later(huey: Huey, context: Context, work_id: int, moment: datetime) -> None:
    # The scheduler looks once a second: a little late is right, a little early would be lost.
    wait = max(0.0, (moment - context.clock()).total_seconds()) + 0.01
    huey.stipt_look_at.schedule((work_id,), delay=wait)


def _due(context: Context, huey: Huey) -> list[int]:
    room = _ENOUGH - huey.pending_count()
    return queue.due_ids(context, limit=room) if room > 0 else []


def _open(context: Context) -> Huey:
    """Open the queue that the settings name.

    Raises
    ------
    SettingsError
    """
    settings = context.settings
    # Huey's messages are pickles: signed, so that only our own are ever opened.
    signed = SignedSerializer(settings.secret_key.get_secret_value(), salt="stipt-queue")
    common: dict[str, Any] = {"name": "stipt", "results": False, "serializer": signed}
    if settings.queue == "sqlite":
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return _SqliteHuey(filename=str(settings.data_dir / "queue.db"), timeout=10, **common)
    if settings.queue == "postgres":
        url = make_url(settings.database)
        if url.get_backend_name() != "postgresql":
            raise SettingsError("STIPT_QUEUE is postgres, but STIPT_DATABASE_URL is not")
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        # Pages and worker start at once on a new installation, and "create if not exists" of
        # PostgreSQL fails for the second of two who create the same at the same time.
        with psycopg.connect(dsn) as alone:
            alone.execute("SELECT pg_advisory_xact_lock(%s)", (_OPENING,))
            return PostgresHuey(connection=partial(_unforced, dsn), **common)
    if settings.queue.startswith(("redis://", "rediss://", "unix://")):
        return _open_redis(settings.queue, common)
    raise SettingsError("STIPT_QUEUE has to be sqlite, postgres or an address redis://...")


def _unforced(dsn: str) -> Any:
    """Open a connection whose commits wait for no disk, as with `_Unforced`.

    NOTIFY lets one commit at a time through, so that senders would wait for each other's disk too.
    """
    connection = psycopg.connect(dsn)
    connection.execute("SET synchronous_commit TO off")
    connection.commit()
    return connection


def _open_redis(address: str, common: dict[str, Any]) -> Huey:
    try:
        return RedisHuey(url=address, **common)
    except ConfigurationError as error:
        raise SettingsError(f"STIPT_QUEUE cannot be used: {error}") from None


def _close(storage: Any, _engine: Engine) -> None:
    storage.close()
