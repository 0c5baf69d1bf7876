"""Brings a database to the tables of this version; see migrations/README.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from alembic.script import Script
from sqlalchemy import JSON
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from integration import tables
from integration.db import UtcDateTime, make_engine

assert tables.__all__  # importing them is what fills METADATA
METADATA = SQLModel.metadata


def _is_ours(name: str | None, kind: str, _parents: Mapping[str, Any]) -> bool:
    # The queue may keep tables of its own in the same database.
    return kind != "table" or name in METADATA.tables


def _plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our types as what they are to the database: revisions outlive the code of a day."""
    if kind != "type":
        return False
    if isinstance(item, AutoString):
        return "sa.String()"
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


#: How the database is compared with METADATA, for revisions and for the test that finds drift.
COMPARED: dict[str, Any] = {
    "include_name": _is_ours,
    "render_item": _plain_type,
    "compare_type": True,
    "render_as_batch": True,
}


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to a revision; nothing happens when it is there."""
    with _alembic(url) as config:
        command.upgrade(config, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to a revision; "base" drops every table and its rows."""
    with _alembic(url) as config:
        command.downgrade(config, revision)


@contextmanager
def _alembic(url: str) -> Iterator[Config]:
    config = Config()
    config.set_main_option("script_location", "integration:migrations")
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            yield config
    finally:
        engine.dispose()


def _write_revision(message: str) -> None:
    """Write what an upgraded database lacks as a new revision, numbered from 0001."""
    versions = Path(__file__).parent / "migrations" / "versions"
    number = f"{len(list(versions.glob('[0-9]*.py'))) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'empty.db'}"
        upgrade(url)
        with _alembic(url) as config:
            written = command.revision(config, message, autogenerate=True, rev_id=number)
    assert isinstance(written, Script)
    path = Path(written.path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ###" not in line))


if __name__ == "__main__":
    _write_revision(sys.argv[1])
