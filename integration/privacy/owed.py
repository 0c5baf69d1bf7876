"""Which audiences an erasure still has to reach, and taking it up again when one comes back."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, or_, select

from integration.privacy.erased import WAITING
from integration.privacy.subject import Subject
from integration.shopdata.ids import customer_id
from integration.tables import Audience, Erasure, Member, PushedValue, ShopRecord, ShopStore
from integration.work.queue import defer

KIND = "erase"


def owed(session: Session, subject: Subject) -> list[dict[str, Any]]:
    """Return the audiences to tell: whichever is connected, and others that had somebody."""
    holders = {
        audience_id
        for model in (Member, PushedValue)
        for audience_id in session.exec(
            select(model.audience_id).where(col(model.email_key).in_(subject.emails)).distinct()
        )
    }
    for store in session.exec(select(ShopStore)).all():
        rows = select(ShopRecord.id).where(
            ShopRecord.shop_store_id == store.id,
            ShopRecord.kind == "customer",
            col(ShopRecord.key).in_(customers(store, subject)),
        )
        if session.exec(rows.limit(1)).first() is not None:
            holders.add(store.audience_id)
    query = select(Audience).where(
        or_(col(Audience.disconnected_at).is_(None), col(Audience.id).in_(holders))
    )
    found = session.exec(query.order_by(col(Audience.id)))
    return [{"audience": audience.id, "name": audience.name} for audience in found]


def stores_written(session: Session, audience_id: int | None) -> list[ShopStore]:
    """Return the stores of ours in an audience that Mailchimp may have something of."""
    query = select(ShopStore).where(
        ShopStore.audience_id == audience_id, col(ShopStore.status).not_in(("new", "removed"))
    )
    return list(session.exec(query.order_by(col(ShopStore.id))))


def customers(store: ShopStore, subject: Subject) -> list[str]:
    """Return the ids that somebody has, or would have, in a store of ours; always in one order."""
    numbers = [number for shop_id, number in subject.sources if shop_id == store.shop_id]
    return [customer_id(store.store_id, number) for number in numbers]


def defer_erasure(session: Session, erasure_id: int | None) -> None:
    """Have the work of an erasure done."""
    account_id = session.info["account_id"]
    lane, payload = f"account:{account_id}:privacy", {"erasure_id": erasure_id}
    defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload)


def take_up(session: Session, audience: Audience) -> None:
    """Go on with the erasures that waited for an audience; wake the workers after the commit."""
    for receipt in session.exec(select(Erasure).where(Erasure.status == WAITING)).all():
        if any(one["audience"] == audience.id for one in receipt.mailchimp.get("owed", [])):
            receipt.status = "running"
            defer_erasure(session, receipt.id)
