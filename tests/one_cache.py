"""Every engine and every app of the tests shares what was compiled for one of its kind before.

SQLAlchemy compiles a statement once for an engine, and Werkzeug a route once for an app. An
installation has one of either for good, but each test has its own, and so compiled all of it again,
which took longer than sending it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

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


def share_routes(patch: pytest.MonkeyPatch) -> None:
    """Let routes that look the same share the function that writes their address."""
    compile_builder = Rule._compile_builder
    kept: dict[Any, Callable[..., tuple[str, str]]] = {}

    def once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)
        return kept[key]

    patch.setattr(Rule, "_compile_builder", once)
