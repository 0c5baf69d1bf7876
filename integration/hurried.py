"""Sessions for somebody who waits for our answer, while SQLite's one writer may be at work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, sleep
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from integration.db import open_sqlite, scoped, unscoped

#: The log of a whole import is tidied by the import's own commits; by whom somebody waits for only
#: where nobody else did for long. The wait is `_lock`'s.
_HURRIED: Mapping[str, str | int] = {"busy_timeout": 0, "wal_autocheckpoint": 4000}
#: Seconds that somebody who waits for our answer lets another writer go first, and between looks:
#: SQLite's own wait sleeps for milliseconds over what is held for a tenth of one.
_MOST_WAIT_S, _LOOK_S = 0.025, 0.0001


class Busy(Exception):
    """Another process is writing, and for longer than a hurried session waits."""


@contextmanager
def hurried(engine: Engine, account_id: int | None = None) -> Iterator[Session]:
    """Open a session for somebody who waits for our answer: as `scoped` does with an account, as
    `unscoped` does without.

    SQLite has one writer at a time, and a page of an import may take it longer than a caller
    should wait. PostgreSQL lets both write.

    Raises
    ------
    Busy
        Nothing was written.
    """
    if engine.dialect.name != "sqlite":
        with _session(engine, account_id) as session:
            yield session
        return
    with (
        for_one_statement(engine) as connection,
        writing(connection),
        _session(connection, account_id) as session,
    ):
        yield session


def _session(
    engine: Engine | Connection, account_id: int | None
) -> AbstractContextManager[Session]:
    return unscoped(engine) if account_id is None else scoped(engine, account_id)


@contextmanager
def for_one_statement(engine: Engine) -> Iterator[Connection]:
    """Open a connection for one statement in `writing`, of somebody who waits for our answer.

    Raises
    ------
    Busy
        Nothing was written: see `hurried`.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            # Each statement is a transaction of its own, so that the server is not asked three
            # times for one row.
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        return
    try:
        with _hurried_of(engine).connect() as connection:
            yield connection
    except OperationalError as error:
        if not _is_busy(error.orig):
            raise
        raise Busy from error


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """Write over a connection `for_one_statement`, and commit at the end."""
    with connection.begin():
        if connection.dialect.name == "sqlite":
            _lock(connection)
        yield


def _lock(connection: Connection) -> None:
    own: Any = connection.connection.driver_connection
    end = monotonic() + _MOST_WAIT_S
    while True:
        try:
            own.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                return  # the statement that writes will say the same
            if monotonic() > end:
                raise Busy from error
            sleep(_LOOK_S)
        else:
            return


def _is_busy(error: BaseException | None) -> bool:
    # The low byte: the rest says what kept it busy.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


#: Connections of hurried sessions by the engine whose file they open: setting them up for each
#: webhook would take a tenth of its time.
_HURRIED_OF: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()


def _hurried_of(engine: Engine) -> Engine:
    own = _HURRIED_OF.get(engine)
    if own is None:
        own = open_sqlite(engine.url, _HURRIED)
        event.listen(engine, "engine_disposed", lambda _engine: own.dispose())
        _HURRIED_OF[engine] = own
    return own
