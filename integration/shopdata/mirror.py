"""The mirror of what a store holds, as rows: read by kind, written a call at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlmodel import Session, col, delete, func, select

from integration.db import upsert
from integration.shopdata.items import UNKNOWN, Item, Known
from integration.store.common import parts
from integration.tables import ShopRecord

_COLUMNS = ("key", "there", "lines", "sent", "status", "error", "id")
_KEY = ("shop_store_id", "kind", "key")


def known(
    session: Session, store: int, kind: str, keys: Collection[str] | None = None
) -> dict[str, Known]:
    """Return what the mirror says of a kind, all of it or some keys."""
    query = sqlalchemy.select(*(col(getattr(ShopRecord, name)) for name in _COLUMNS)).where(
        col(ShopRecord.shop_store_id) == store, col(ShopRecord.kind) == kind
    )
    found: dict[str, Known] = {}
    for part in [None] if keys is None else parts(sorted(keys)):
        some = query if part is None else query.where(col(ShopRecord.key).in_(part))
        found |= {row[0]: Known(row[1], dict(row[2]), *row[3:]) for row in session.execute(some)}
    return found


def is_empty(session: Session, store: int) -> bool:
    """Tell whether nothing is known of a store."""
    query = select(ShopRecord.id).where(ShopRecord.shop_store_id == store).limit(1)
    return session.exec(query).first() is None


def is_unsure(session: Session, store: int) -> bool:
    """Tell whether something was sent whose answer is not known."""
    query = select(ShopRecord.id).where(
        ShopRecord.shop_store_id == store, ShopRecord.status == "sent"
    )
    return session.exec(query.limit(1)).first() is not None


def unknown(session: Session, store: int, kind: str) -> list[str]:
    """Return the keys of what is there with a content nobody knows, and was not sent since."""
    query = select(ShopRecord.key).where(
        ShopRecord.shop_store_id == store,
        ShopRecord.kind == kind,
        ShopRecord.status == "done",
        ShopRecord.there == UNKNOWN,
    )
    return sorted(session.exec(query))


def mark_sent(session: Session, store: int, items: Sequence[Item]) -> None:
    """Note that items are on their way; what is there now is not forgotten."""
    fresh = {"there": "", "lines": {}, "status": "sent", "error": ""}
    rows = [
        {"shop_store_id": store, "kind": i.kind, "key": i.key, "sent": i.mark, **fresh}
        for i in items
    ]
    upsert(session, ShopRecord, rows, key=_KEY, keep=("there", "lines"))


def store(session: Session, store: int, kind: str, rows: Mapping[str, Known]) -> None:
    """Write what is known of keys."""
    columns: list[dict[str, Any]] = [
        {
            "shop_store_id": store,
            "kind": kind,
            "key": key,
            "there": row.there,
            "lines": row.lines,
            "sent": row.sent,
            "status": row.status,
            "error": row.error,
        }
        for key, row in rows.items()
    ]
    upsert(session, ShopRecord, columns, key=_KEY)


def note(session: Session, store: int, kind: str, notes: Mapping[str, str]) -> None:
    """Keep with what is there why it is not quite right; "" takes an earlier note away."""
    for key, row in known(session, store, kind, notes.keys()).items():
        if row.there and row.status == "done" and row.error != notes[key]:
            query = sqlalchemy.update(ShopRecord).where(col(ShopRecord.id) == row.id)
            session.execute(query.values(error=notes[key]))


def forget(session: Session, store: int, kind: str | None = None, keys: Iterable[str] = ()) -> None:
    """Forget a kind's keys, or everything."""
    query = delete(ShopRecord).where(col(ShopRecord.shop_store_id) == store)
    if kind is None:
        session.exec(query)
        return
    for part in parts(sorted(keys)):
        session.exec(query.where(col(ShopRecord.kind) == kind, col(ShopRecord.key).in_(part)))


def forget_variants(session: Session, store: int, products: Collection[str]) -> None:
    """Forget the variants of products: they went with them."""
    held = known(session, store, "variant") if products else {}
    forget(session, store, "variant", [k for k in held if k.partition("/")[0] in products])


def try_refused_again(session: Session, store: int) -> None:
    """Let what Mailchimp refused be sent once more."""
    query = sqlalchemy.update(ShopRecord).where(
        col(ShopRecord.shop_store_id) == store, col(ShopRecord.status) == "failed"
    )
    session.execute(query.values(sent="", error=""))


def counts(session: Session, store: int) -> dict[str, int]:
    """Return how many of each kind are there."""
    query = (
        select(ShopRecord.kind, func.count())
        .where(ShopRecord.shop_store_id == store, ShopRecord.there != "")
        .group_by(col(ShopRecord.kind))
    )
    return dict(session.exec(query).all())


def refused(session: Session, store: int, most: int = 50) -> list[ShopRecord]:
    """Return rows that Mailchimp refused, with its answer."""
    query = select(ShopRecord).where(
        ShopRecord.shop_store_id == store, ShopRecord.status == "failed"
    )
    return list(session.exec(query.order_by(col(ShopRecord.id)).limit(most)))


def noted(session: Session, store: int, most: int = 50) -> list[ShopRecord]:
    """Return rows that are there and not quite right, with the name of the reason."""
    query = select(ShopRecord).where(
        ShopRecord.shop_store_id == store, ShopRecord.status == "done", ShopRecord.error != ""
    )
    return list(session.exec(query.order_by(col(ShopRecord.id)).limit(most)))
