"""Sessions see one account, moments are UTC, and one upsert serves both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, text, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select

from integration import tables
from integration.db import NaiveTime, Owned, scoped, unscoped, upsert
from integration.tables import Choice
from tests.conftest import add_account

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def choice(account_id: int, subject: str, value: str = "730", at: datetime = _NOON) -> Choice:
    """A row of the simplest owned table."""
    return Choice(account_id=account_id, kind="life", subject=subject, value=value, created_at=at)


def values(subject: str, value: str) -> dict[str, Any]:
    """The same as a row for `upsert`."""
    return {"kind": "life", "subject": subject, "value": value, "created_at": _NOON}


@pytest.fixture
def two(engine: Engine) -> tuple[int, int]:
    """Two accounts with one choice each, of the same name."""
    ids = add_account(engine, "One"), add_account(engine, "Two")
    for account_id in ids:
        with scoped(engine, account_id) as session:
            session.add(choice(account_id, "suits"))
    return ids


_KEY = ("account_id", "kind", "subject")


#: Accounts themselves, and browsers that are to come back from Shopify, which nobody owns yet.
OWNERLESS = {"account", "shopify_visit"}


@pytest.mark.parametrize("table", SQLModel.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_row_of_an_accounts_has_an_owner(table: Any) -> None:
    if table.name in OWNERLESS:
        return
    owner = table.c.account_id
    assert not owner.nullable
    assert {key.target_fullname for key in owner.foreign_keys} == {"account.id"}


def test_every_table_with_an_owner_is_filtered_by_scoped_sessions() -> None:
    owned = {cls.__table__.name for cls in Owned.__subclasses__()}  # type: ignore[attr-defined]  # SQLModel adds it to tables
    assert owned == set(SQLModel.metadata.tables) - OWNERLESS
    assert len(tables.__all__) == len(SQLModel.metadata.tables)


def test_a_session_reads_its_own_account_only(engine: Engine, two: tuple[int, int]) -> None:
    mine, theirs = two
    other = aliased(Choice)
    with scoped(engine, mine) as session:
        assert {row.account_id for row in session.exec(select(Choice))} == {mine}
        assert session.exec(select(func.count(col(Choice.id)))).one() == 1
        assert session.exec(select(Choice).where(Choice.account_id == theirs)).all() == []
        joined = select(Choice, other).join(other, col(other.subject) == Choice.subject)
        assert len(session.exec(joined).all()) == 1
        inside = select(Choice).where(col(Choice.subject).in_(select(other.subject)))
        assert len(session.exec(inside).all()) == 1


def test_a_session_gets_no_foreign_row_by_its_id(engine: Engine, two: tuple[int, int]) -> None:
    mine, theirs = two
    with scoped(engine, theirs) as session:
        foreign = session.exec(select(Choice.id)).one()
    with scoped(engine, mine) as session:
        assert session.get(Choice, foreign) is None


def test_a_session_changes_its_own_account_only(engine: Engine, two: tuple[int, int]) -> None:
    mine, theirs = two
    with scoped(engine, mine) as session:
        session.execute(update(Choice).values(value="1"))
    with scoped(engine, theirs) as session:
        assert session.exec(select(Choice.value)).one() == "730"
        session.execute(delete(Choice))
    with scoped(engine, mine) as session:
        assert session.exec(select(Choice.value)).one() == "1"


def test_a_row_of_another_account_is_refused(engine: Engine, two: tuple[int, int]) -> None:
    mine, theirs = two

    def smuggle() -> None:
        with scoped(engine, mine) as session:
            session.add(choice(theirs, "shirts"))

    with pytest.raises(PermissionError):
        smuggle()


def test_an_error_takes_the_whole_session_back(engine: Engine, two: tuple[int, int]) -> None:
    def fail() -> None:
        with scoped(engine, two[0]) as session:
            session.add(choice(two[0], "shirts"))
            session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        fail()
    with scoped(engine, two[0]) as session:
        assert session.exec(select(Choice.subject)).all() == ["suits"]


def test_an_unscoped_session_sees_all(engine: Engine, two: tuple[int, int]) -> None:
    with unscoped(engine) as session:
        assert set(session.exec(select(Choice.account_id))) == set(two)


def test_upsert_writes_new_rows_and_replaces_known_ones(
    engine: Engine, two: tuple[int, int]
) -> None:
    mine, theirs = two
    with scoped(engine, mine) as session:
        upsert(session, Choice, [values("suits", "1"), values("shirts", "2")], key=_KEY)
    with scoped(engine, mine) as session:
        rows = {row.subject: row.value for row in session.exec(select(Choice))}
    assert rows == {"suits": "1", "shirts": "2"}
    with scoped(engine, theirs) as session:
        assert session.exec(select(Choice.value)).one() == "730"


def test_upsert_keeps_what_it_is_told_to_keep(engine: Engine, two: tuple[int, int]) -> None:
    later = {**values("suits", "1"), "created_at": _NOON + timedelta(days=1)}
    with scoped(engine, two[0]) as session:
        upsert(session, Choice, [later], key=_KEY, keep=["created_at"])
    with scoped(engine, two[0]) as session:
        row = session.exec(select(Choice)).one()
    assert (row.value, row.created_at) == ("1", _NOON)


def test_upsert_takes_more_rows_than_one_statement_holds(
    engine: Engine, two: tuple[int, int]
) -> None:
    many = [values(f"type {number}", "1") for number in range(12_000)]
    with scoped(engine, two[0]) as session:
        upsert(session, Choice, many, key=_KEY)
        upsert(session, Choice, [], key=_KEY)
    with scoped(engine, two[0]) as session:
        assert session.exec(select(func.count(col(Choice.id)))).one() == 12_001


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(_NOON, id="utc"),
        pytest.param(_NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), id="Kolkata"),
        pytest.param(datetime(1969, 7, 20, 20, 17, 40, 123456, tzinfo=UTC), id="before 1970"),
    ],
)
def test_a_moment_comes_back_as_the_same_moment_in_utc(
    engine: Engine, two: tuple[int, int], moment: datetime
) -> None:
    with scoped(engine, two[0]) as session:
        session.add(choice(two[0], "shirts", at=moment))
    with scoped(engine, two[0]) as session:
        found = session.exec(select(Choice).where(Choice.created_at == moment)).all()
    assert [row.created_at for row in found if row.subject == "shirts"] == [moment]
    assert all(row.created_at.tzinfo is UTC for row in found)


def test_moments_are_ordered_as_time_whatever_their_zone(
    engine: Engine, two: tuple[int, int]
) -> None:
    east = timezone(timedelta(hours=9))
    with scoped(engine, two[0]) as session:
        session.add(choice(two[0], "earlier", at=datetime(2026, 3, 1, 20, 59, tzinfo=east)))
        session.add(choice(two[0], "later", at=_NOON + timedelta(minutes=1)))
    with scoped(engine, two[0]) as session:
        ordered = session.exec(select(Choice.subject).order_by(col(Choice.created_at))).all()
    assert ordered == ["earlier", "suits", "later"]


def test_a_moment_without_a_zone_is_refused(engine: Engine, two: tuple[int, int]) -> None:
    def write() -> None:
        with scoped(engine, two[0]) as session:
            naive = {**values("shirts", "1"), "created_at": datetime(2026, 3, 1)}  # noqa: DTZ001  # what is refused
            upsert(session, Choice, [naive], key=_KEY)

    with pytest.raises((NaiveTime, StatementError), match="has no time zone"):
        write()


def test_a_row_of_no_account_is_refused_by_the_database(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO choice (account_id, kind, subject, value, created_at) "
                "VALUES (4711, 'life', 'suits', '1', '2026-01-01 00:00:00')"
            )
        )


def test_sqlite_waits_for_the_other_writer_and_keeps_its_word(sqlite_engine: Engine) -> None:
    with sqlite_engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "synchronous": 1,
    }
