"""From where each stream of a source is to be read on."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from connectors.records import Cursor
from integration.db import upsert
from integration.tables import SyncState


def state(session: Session, shop_id: int, stream: str, key: str) -> SyncState | None:
    """Return where a stream stands; None when nothing was read or prepared."""
    query = select(SyncState).where(
        SyncState.shop_id == shop_id, SyncState.stream == stream, SyncState.source_key == key
    )
    return session.exec(query).first()


def move(
    session: Session,
    shop_id: int,
    stream: str,
    key: str,
    *,
    now: datetime,
    cursor: Cursor,
    complete: bool,
    records: int = 0,
    known_since: datetime | None = None,
) -> None:
    """Write down where a stream stands after so many more records."""
    before = state(session, shop_id, stream, key)
    moved = {
        "shop_id": shop_id,
        "stream": stream,
        "source_key": key,
        "cursor": cursor,
        "complete": complete,
        "records": (before.records if before else 0) + records,
        "known_since": known_since,
        "updated_at": now,
    }
    upsert(session, SyncState, [moved], key=("shop_id", "stream", "source_key"))
