"""Carts, consent and touchpoints to tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlmodel import Session, SQLModel, col, select

from connectors.records import Cart, ConsentEvent, Touchpoint
from integration.db import BY_KEY, add_new, upsert
from integration.identity import email_key
from integration.store.common import changed, content_hash, known, minor_or_zero, parts
from integration.store.profiles import Ref, persons_of, resolve
from integration.tables import Cart as CartRow
from integration.tables import Consent as ConsentRow
from integration.tables import Touchpoint as TouchpointRow

_Moment = TypeVar("_Moment", ConsentEvent, Touchpoint)


class _Appended(Protocol):
    """A table that only grows."""

    shop_id: int
    external_id: str


def write_carts(session: Session, shop_id: int, carts: Sequence[Cart], now: datetime) -> set[int]:
    """Store carts; return the persons whose facts changed."""
    hashes = {record.id: content_hash(record) for record in carts}
    held = known(session, CartRow, shop_id, hashes)
    news = changed(carts, hashes, held)
    before = persons_of_carts(session, shop_id, [record.id for record in news if record.id in held])
    refs = {record.id: Ref(record.customer_id, record.email) for record in news}
    profiles = resolve(session, shop_id, refs.values(), now)
    upsert(
        session,
        CartRow,
        [
            {
                **_cart_columns(record),
                "shop_id": shop_id,
                "profile_id": profiles.get(refs[record.id].external_id or ""),
                "content_hash": hashes[record.id],
            }
            for record in news
        ],
        key=("shop_id", "external_id"),
    )
    return before | persons_of(session, profiles.values())


def persons_of_carts(session: Session, shop_id: int, external_ids: Iterable[str]) -> set[int]:
    """Return the persons behind carts, by the carts' ids at the source."""
    profiles: set[int] = set()
    for part in parts(external_ids):
        mine = (col(CartRow.shop_id) == shop_id, col(CartRow.external_id).in_(part))
        found = session.exec(select(CartRow.profile_id).where(*mine), execution_options=BY_KEY)
        profiles.update(key for key in found if key is not None)
    return persons_of(session, profiles)


def _cart_columns(record: Cart) -> dict[str, Any]:
    return {
        "external_id": record.id,
        "currency": record.currency,
        "total_minor": minor_or_zero(record.total, record.currency),
        "updated_at": record.updated_at,
        "checkout_url": record.checkout_url,
        "order_external_id": record.order_id,
        "content": {
            "lines": [
                {
                    "title": line.title,
                    "quantity": float(line.quantity),
                    "product_id": line.product_id,
                    "variant_id": line.variant_id,
                    "total_minor": minor_or_zero(line.total, record.currency),
                }
                for line in record.lines
            ]
        },
        "source_updated_at": record.source_updated_at,
    }


def write_consent(
    session: Session, shop_id: int, events: Sequence[ConsentEvent], now: datetime
) -> set[int]:
    """Add statements to the ledger; one that is there already is never changed."""
    return _append(
        session,
        ConsentRow,
        shop_id,
        events,
        lambda event: {
            "email_key": email_key(event.email),
            "channel": event.channel,
            "state": event.state.value,
            "at": event.at,
            "source": event.source,
            "evidence": event.evidence,
            "received_at": now,
        },
        lambda event: Ref(event.customer_id, event.email, event.phone),
        now,
    )


def write_touchpoints(
    session: Session, shop_id: int, touchpoints: Sequence[Touchpoint], now: datetime
) -> set[int]:
    """Add moments of contact."""
    return _append(
        session,
        TouchpointRow,
        shop_id,
        touchpoints,
        _touchpoint_columns,
        lambda record: Ref(record.customer_id, record.email),
        now,
    )


def write_seen(
    session: Session, shop_id: int, seen: Touchpoint, profile_id: int | None = None
) -> None:
    """Add a moment that a browser told of, where it is not there yet; it makes nobody a customer.

    Whose it is has to be found out before: what the record says of that is not read.
    """
    row = {
        **_touchpoint_columns(seen),
        "account_id": session.info["account_id"],
        "shop_id": shop_id,
        "external_id": seen.id,
        "profile_id": profile_id,
    }
    add_new(session, TouchpointRow, [row])


def _touchpoint_columns(record: Touchpoint) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "at": record.at,
        "subject": record.subject,
        "product_external_id": record.product_id,
        "visitor": record.visitor or "",
    }


def _append(
    session: Session,
    table: type[SQLModel],
    shop_id: int,
    records: Sequence[_Moment],
    columns: Callable[[_Moment], dict[str, Any]],
    ref: Callable[[_Moment], Ref],
    now: datetime,
) -> set[int]:
    """Add rows that are not there yet and leave the others exactly as they are."""
    rows = _unknown(session, table, shop_id, records)
    profiles = resolve(session, shop_id, map(ref, rows), now)
    made = [
        {
            **columns(record),
            "shop_id": shop_id,
            "external_id": record.id,
            "profile_id": profiles.get(ref(record).external_id or ""),
        }
        for record in rows
    ]
    upsert(session, table, made, key=("shop_id", "external_id"), keep=list(made[0]) if made else ())
    return persons_of(session, profiles.values())


def _unknown(
    session: Session, table: type[SQLModel], shop_id: int, records: Sequence[_Moment]
) -> list[_Moment]:
    appended: type[_Appended] = table  # type: ignore[assignment]  # a table with these columns
    held: set[str] = set()
    for part in parts(record.id for record in records):
        held.update(
            session.exec(
                select(appended.external_id).where(
                    col(appended.shop_id) == shop_id, col(appended.external_id).in_(part)
                ),
                execution_options=BY_KEY,
            )
        )
    return [record for record in records if record.id not in held]
