"""One way to the database: engine, sessions that see one account only, and one upsert."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    Table,
    create_engine,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState, declared_attr, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.types import JSON, TypeDecorator
from sqlmodel import Session, SQLModel

#: Rows a statement: more gains nothing and PostgreSQL allows 65,535 values a statement.
_VALUES_PER_STATEMENT = 30_000

#: What every connection to SQLite has.
_ALWAYS: Mapping[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "foreign_keys": "ON",
    # What is deleted is overwritten: an erased person is not left in the file's free pages.
    "secure_delete": "ON",
}
#: Milliseconds to wait for another writer; pages of the log after which a commit tidies it.
_PATIENT: Mapping[str, str | int] = {"busy_timeout": 10_000, "wal_autocheckpoint": 1000}

#: Large keys on PostgreSQL; SQLite's rowid is 64 bits under the plain name only.
BigKey = BigInteger().with_variant(Integer, "sqlite")

#: JSON that PostgreSQL can index.
Json = JSON().with_variant(postgresql.JSONB(), "postgresql")


# Constraints need names so that a migration can change them on SQLite too.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


#: Options of a statement that names a page of rows by their own keys. SQLite takes the account's
#: filter for the better way to them, and would go through all its rows for each page.
BY_KEY: Mapping[str, bool] = {"by_key": True}


class NaiveTime(ValueError):
    """A moment without a time zone reached the database."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware on the way in, aware UTC on the way out, on every engine.

    Raises
    ------
    NaiveTime
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveTime(f"{value!r} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # fixed signature
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Owned(SQLModel):
    """What every row has: the account it belongs to. Scoped sessions filter on it."""

    account_id: int

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  # SQLAlchemy hands the class over
        """Return the class's name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


def make_engine(url: str) -> Engine:
    """Open the database at `url` (SQLite file or PostgreSQL).

    Errors of the database never show the values of a statement: they are people's data.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(
            parsed, pool_pre_ping=True, hide_parameters=True, json_serializer=_json
        )
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return open_sqlite(parsed, _PATIENT)


def open_sqlite(url: URL, pace: Mapping[str, str | int]) -> Engine:
    """Open a file of SQLite; `pace` are the pragmas by which users of it differ."""
    engine = create_engine(
        url, connect_args={"timeout": 10}, hide_parameters=True, json_serializer=_json
    )

    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for name, value in {**_ALWAYS, **pace}.items():
            cursor.execute(f"PRAGMA {name}={value}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    return engine


def _json(value: Any) -> str:
    """Write JSON; not a number is none, and only PostgreSQL would say so."""
    return json.dumps(value, allow_nan=False)


class _OwnSession(Session):
    """A session that sees one account; its two listeners stand below."""


@contextmanager
def scoped(engine: Engine | Connection, account_id: int) -> Iterator[Session]:
    """Open a session in which only this account's rows exist; commits at the end.

    Every select, update and delete of a table of ours gets the account's filter, so that a
    forgotten ``where`` cannot show one merchant another's customers.
    """
    with _OwnSession(engine, expire_on_commit=False) as session:
        session.info.update(
            account_id=account_id,
            own_rows=_own_rows(account_id),
            own_rows_by_key=_own_rows(account_id, by_key=True),
        )
        yield session
        session.commit()


@contextmanager
def unscoped(engine: Engine | Connection) -> Iterator[Session]:
    """Open a session over all accounts, for log-in and the work queue only; commits at the end."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.commit()


@contextmanager
def in_turn(engine: Engine, what: str) -> Iterator[Connection]:
    """Open a connection for who does `what` alone: the next one sees what this one committed.

    Sessions opened over it are parts of its transaction, which is committed at the end. SQLite has
    one writer at a time, whatever he does.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(what))))
        yield connection


@lru_cache(maxsize=1000)
def _own_rows(account_id: int, *, by_key: bool = False) -> ExecutableOption:
    # Owned itself has no column, and SQLAlchemy tries the lambda on it first.
    if by_key:
        return with_loader_criteria(
            Owned,
            lambda cls: getattr(cls, "account_id", literal(0)) + 0 == account_id,
            include_aliases=True,
        )
    return with_loader_criteria(
        Owned,
        lambda cls: getattr(cls, "account_id", literal(None)) == account_id,
        include_aliases=True,
    )


@event.listens_for(_OwnSession, "do_orm_execute")
def _only_own_rows(state: ORMExecuteState) -> None:
    if not state.is_insert:
        # Made once: a run of short statements would spend a tenth of its time on making it.
        kind = "own_rows_by_key" if state.execution_options.get("by_key") else "own_rows"
        state.statement = state.statement.options(state.session.info[kind])


@event.listens_for(_OwnSession, "before_flush")
def _mark_own_rows(session: Session, _context: object, _instances: object) -> None:
    account_id = session.info["account_id"]
    for row in session.new:
        if isinstance(row, Owned):
            if getattr(row, "account_id", None) is None:
                row.account_id = account_id
            elif row.account_id != account_id:
                raise PermissionError("a row of another account")


def upsert(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows or, where `key` exists, replace all other columns but those in `keep`.

    Every row needs the same columns. The session's account is filled in where the table has one.
    """
    if not rows:
        return
    account_id = session.info.get("account_id")
    if account_id is not None and issubclass(table, Owned):
        rows = [{**row, "account_id": account_id} for row in rows]
    statement = _inserting(session, table)
    fixed = {*key, *keep, "account_id"}
    changed = {name: statement.excluded[name] for name in rows[0] if name not in fixed}
    statement = (
        statement.on_conflict_do_update(index_elements=list(key), set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=list(key))
    )
    _in_steps(session, statement, rows)


def add_new(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows but those that are there by any of the table's keys, whoever added them since."""
    if rows:
        _in_steps(session, _inserting(session, table).on_conflict_do_nothing(), rows)


def _inserting(session: Session, table: type[SQLModel]) -> Any:
    target: Table = table.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(target)


def _in_steps(session: Session, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    step = max(1, _VALUES_PER_STATEMENT // len(rows[0]))
    connection = session.connection()
    for start in range(0, len(rows), step):
        connection.execute(statement, list(rows[start : start + step]))


def take_stock(engine: Engine) -> None:
    """Let SQLite count its rows anew, so that it looks up one person by the person's own index.

    Without counts it takes every index for equally good, and goes through a whole account.
    PostgreSQL does this by itself.
    """
    if engine.dialect.name != "sqlite":
        return
    # Of an index so many rows are looked at: enough, and quick at any size.
    with suppress(OperationalError), engine.begin() as connection:  # somebody else is writing
        connection.execute(text("PRAGMA analysis_limit = 1000"))
        connection.execute(text("ANALYZE"))
