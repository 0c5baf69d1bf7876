"""An empty database and the migrations give exactly the tables of the code, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from integration.db import make_engine
from integration.migrate import COMPARED, METADATA, downgrade, upgrade
from tests.conftest import on_database


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"stipt_empty_{request.getfixturevalue('worker_id')}_{abs(hash(tmp_path)) % 10**8}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield on_database(server, name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def differences(url: str) -> list[object]:
    """What a new revision would change."""
    engine = make_engine(url)
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts=dict(COMPARED)), METADATA
        )
    engine.dispose()
    return list(found)


def table_names(url: str) -> set[str]:
    """The tables there are."""
    engine = make_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_the_migrations_make_the_tables_of_the_code(empty_url: str) -> None:
    upgrade(empty_url)
    assert differences(empty_url) == []
    assert table_names(empty_url) == set(METADATA.tables) | {"alembic_version"}


def test_a_missing_column_is_noticed(empty_url: str) -> None:
    upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE account DROP COLUMN time_zone"))
    engine.dispose()
    assert len(differences(empty_url)) == 1


def test_upgrading_twice_keeps_the_rows(empty_url: str) -> None:
    upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO account (name, language, time_zone, currency, created_at) "
                "VALUES ('Kleding & Co', 'nl', 'Europe/Amsterdam', 'EUR', '2026-01-01 00:00:00')"
            )
        )
    upgrade(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM account")).scalar_one() == 1
    engine.dispose()


def test_going_back_to_the_start_leaves_no_table_of_ours(empty_url: str) -> None:
    upgrade(empty_url)
    downgrade(empty_url, "base")
    assert table_names(empty_url) == {"alembic_version"}
    upgrade(empty_url)
    assert differences(empty_url) == []


def test_tables_of_the_queue_are_left_alone(empty_url: str) -> None:
    upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE huey_task (id INTEGER PRIMARY KEY)"))
    engine.dispose()
    assert differences(empty_url) == []
