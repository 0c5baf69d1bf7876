"""Every engine of the tests shares what was compiled for an engine of its kind before.

SQLAlchemy compiles a statement once for an engine. An installation has one engine for good, but
each test has one of its own, and so compiled every statement again, which took longer than sending
it.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from integration import db

_SIZE = 5_000


def share(patch: pytest.MonkeyPatch) -> None:
    """Let `make_engine` give engines that share one cache a kind of database."""
    caches: dict[Any, LRUCache[Any, Any]] = {}

    def kind(dialect: DefaultDialect) -> tuple[str, str]:
        return dialect.name, dialect.driver

    def is_alike(dialect: DefaultDialect, other: object) -> bool:
        return isinstance(other, DefaultDialect) and kind(dialect) == kind(other)

    def create(*arguments: Any, **more: Any) -> Engine:
        engine = create_engine(*arguments, **more)
        engine._compiled_cache = caches.setdefault(engine.dialect, LRUCache(_SIZE))
        return engine

    # The dialect is part of the key under which a compiled statement is kept.
    patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(kind(dialect)))
    patch.setattr(DefaultDialect, "__eq__", is_alike)
    patch.setattr(db, "create_engine", create)
