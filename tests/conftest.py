"""Fixtures that several folders of tests share."""

from __future__ import annotations

import gc
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

# One thread a test process: threads of two processes would wait for each other by spinning. It has
# to be said before the first library that makes threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from integration import salted, security, tables
from integration.context import Context, make_context
from integration.db import make_engine, unscoped
from integration.mailchimp import transport
from integration.sandbox.server import SandboxServer
from integration.settings import Settings, fresh_env, load
from tests import fresh_tables, in_memory, one_cache, postgres
from tests.specification.document import Specification
from tests.specification.gaps import ALIASES, GAPS
from tests.specification.witness import Witness

ROOT = Path(__file__).resolve().parent.parent
#: What lies beside the project and never in it; a work tree of git's may stand a folder deeper.
SHARED = next((p / "shared" for p in ROOT.parents if (p / "shared").is_dir()), ROOT.parent)
SPECIFICATION = SHARED / "specs" / "mailchimp-marketing.json"
CI = os.environ.get("CI") == "true"

#: What the witnesses of all test processes saw, and which exceptions they used.
SEEN: pytest.StashKey[dict[str, Counter[str]]] = pytest.StashKey()


def missing(what: str) -> None:
    """Skip where a thing is not at hand; fail in CI, where it has to be."""
    if CI:
        pytest.fail(f"{what} is missing, and CI has to have it")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Compile a statement, and a route, once for all tests of a process."""
    with pytest.MonkeyPatch.context() as patch:
        one_cache.share(patch)
        one_cache.share_routes(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile a template once for all tests of a process, and let a password cost no second."""
    compiled = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": compiled})
        patch.setattr(security, "_HASHER", PasswordHasher.from_parameters(CHEAPEST))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, which lie beside the project and never in it."""
    folder = SHARED / "data"
    if not folder.is_dir():
        missing("the shared data folder")
    return folder


@pytest.fixture(scope="session")
def shared_specs() -> Path:
    """The official API specifications beside the project."""
    folder = SHARED / "specs"
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
    with postgres.postgres_server() as address:
        hurry(address)
        yield address


def hurry(address: str) -> None:
    """Let a server of the tests' own not wait for its disk: it outlives no power cut anyway."""
    admin = create_engine(address, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    admin.dispose()


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


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to copy from."""
    path = tmp_path_factory.mktemp("template") / "stipt.db"
    fresh_tables.lay(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite file with all tables."""
    path = tmp_path / "stipt.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


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


#: Carries a test out once on each engine, though its settings come by way of other fixtures.
on_both = pytest.mark.parametrize("installed_url", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def installed_url(request: pytest.FixtureRequest) -> str:
    """The database of a throw-away installation: SQLite, or as `on_both` says."""
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    return url


@pytest.fixture
def settings(tmp_path: Path, installed_url: str) -> Settings:
    """Settings of a throw-away installation."""
    env = tmp_path / ".env"
    env.write_text(
        fresh_env() + f"STIPT_DATA_DIR={tmp_path / 'data'}\nSTIPT_DATABASE_URL={installed_url}\n"
        "STIPT_BATCH_POLL_S=0.05\n"
    )
    return load(env)


@pytest.fixture
def context(settings: Settings) -> Iterator[Context]:
    """A throw-away installation at work."""
    made = make_context(settings)
    yield made
    made.engine.dispose()


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    """An emulated Mailchimp over real HTTP; a module may have one with members in it."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat a throttled call as often as ever, and without a second between."""
    monkeypatch.setattr(transport, "WAITS_S", (0.001,) * len(transport.WAITS_S))


@pytest.fixture(autouse=True)
def same_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the same control groups in each run: one that comes out empty is no fault."""
    drawn = Random(0)
    made = SimpleNamespace(token_hex=lambda size: drawn.randbytes(size).hex())
    monkeypatch.setattr(salted, "secrets", made)


# -- everything between product and sandbox is held to Mailchimp's specification ----------------


@pytest.fixture(scope="session")
def suite_witness(pytestconfig: pytest.Config) -> Iterator[Witness | None]:
    """The one who checks every request and answer of this process; None without the file."""
    if not SPECIFICATION.exists():
        yield None
        return
    made = Witness(Specification.read(SPECIFICATION))
    with pytest.MonkeyPatch.context() as patch:
        made.watch(patch)
        yield made
    _add(pytestconfig, {"counts": made.counts, "used": made.used})


@pytest.fixture(autouse=True)
def held_to_the_specification(suite_witness: Witness | None) -> Iterator[None]:
    """Fail the test in which something went out or came back that Mailchimp does not have."""
    if suite_witness is None:
        yield
        return
    suite_witness.taken()
    yield
    violations = suite_witness.taken()
    if violations:
        pytest.fail("against Mailchimp's specification:\n" + "\n".join(violations[:20]), False)


def _add(config: pytest.Config, seen: dict[str, Any]) -> None:
    nothing: dict[str, Counter[str]] = {"counts": Counter(), "used": Counter()}
    total = config.stash.setdefault(SEEN, nothing)
    for name, more in seen.items():
        total[name].update(more)
    if hasattr(config, "workeroutput"):
        config.workeroutput["specification"] = {k: dict(v) for k, v in total.items()}


def pytest_configure() -> None:
    """Find a place for temporary files before the first is made."""
    in_memory.settle()


def pytest_collection_finish() -> None:
    """Let garbage not be looked for among the libraries and the tests themselves: they stay."""
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


def pytest_xdist_auto_num_workers() -> int:
    """Run one test process more than cores: many wait, for a worker, a browser or a lease."""
    return 1 + (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a parallel test process saw."""
    _add(node.config, getattr(node, "workeroutput", {}).get("specification", {}))


def _not_used(config: pytest.Config) -> list[str]:
    """Return the exceptions that a complete run did not need; none for another run."""
    chosen = config.option.keyword or config.option.markexpr or config.getoption("lf", None)
    seen = config.stash.get(SEEN, None)
    if chosen or seen is None or config.args_source is not config.ArgsSource.TESTPATHS:
        return []
    names = [gap.name for gap in GAPS] + [" ".join(alias.operation) for alias in ALIASES]
    return [name for name in names if not seen["used"][name]]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a complete run in which an exception from the specification was not used."""
    if not hasattr(session.config, "workerinput") and _not_used(session.config):
        session.exitstatus = max(session.exitstatus, pytest.ExitCode.TESTS_FAILED)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how much was held to the specification."""
    seen = config.stash.get(SEEN, None)
    if seen is None:
        return
    counts, used = seen["counts"], seen["used"]
    exceptions = ", ".join(f"{name} {number}" for name, number in sorted(used.items()))
    terminalreporter.write_line(
        f"Mailchimp's specification: {counts['requests']} requests and {counts['answers']} answers "
        f"checked, invalid: {counts['invalid']}, exceptions used: {exceptions or 'none'}"
    )
    for name in _not_used(config):
        terminalreporter.write_line(f"Not used any more: the exception {name}", red=True)
