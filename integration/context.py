"""What every part of the service is handed: settings, database, vault and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine

from integration.db import make_engine
from integration.security import Vault
from integration.settings import Settings


def utc_now() -> datetime:
    """Return the moment, aware; the only place that asks the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """One installation at work; made once a process, or once a test."""

    settings: Settings
    engine: Engine
    vault: Vault
    clock: Callable[[], datetime] = field(default=utc_now)


def make_context(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Context:
    """Open the database and the vault of an installation."""
    return Context(
        settings=settings,
        engine=make_engine(settings.database),
        vault=Vault(settings.encryption_keys),
        clock=clock,
    )
