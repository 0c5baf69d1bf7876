"""Having a shop tell us of what happens in it, where the platform lets us ask for that."""

from __future__ import annotations

from sqlmodel import Session

from integration.context import Context
from integration.db import scoped
from integration.sources import look_after_hooks
from integration.tables import Shop
from integration.work.queue import Job, defer


def start(session: Session, shop: Shop) -> None:
    """Write down that a shop is to tell us of what happens, right after it was connected."""
    account_id, payload = session.info["account_id"], {"shop_id": shop.id}
    lane = f"shop:{shop.id}:hooks"
    defer(session, account_id=account_id, kind="shop_hooks", lane=lane, payload=payload)


def subscribe(context: Context, job: Job) -> None:
    """Have a shop tell us; the nightly check does the same.

    Raises
    ------
    ConnectorError
    """
    with scoped(context.engine, job.account_id) as session:
        shop = session.get(Shop, job.payload["shop_id"])
    if shop is not None and shop.disconnected_at is None:
        look_after_hooks(context, shop)
