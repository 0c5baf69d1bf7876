"""From when on Shopify shows orders, where it does not show them all."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from integration.tables import ImportRun, Shop, ShopifyStore

#: What Shopify shows of orders without `read_all_orders`.
_SHOWN = timedelta(days=60)
#: An order that is shown while ids are listed may not be any more when it is asked for.
_MARGIN = timedelta(days=1)


def shown_since(session: Session) -> list[datetime]:
    """Return the moment from which on orders were shown, of each store that does not show all.

    One that shows them all since lately has to be read anew before they are known.
    """
    stores = (
        select(Shop, ShopifyStore.seen)
        .join(ShopifyStore, col(ShopifyStore.shop_id) == col(Shop.id))
        .where(col(Shop.disconnected_at).is_(None))
    )
    return [
        shop.created_at - _SHOWN
        for shop, seen in session.exec(stores)
        if seen.get("rights", {}).get("all_orders")
        or not _is_read_since(session, shop, seen.get("all_orders_at"))
    ]


def hidden_before(session: Session, shop_id: int, now: datetime) -> datetime | None:
    """Return before which moment a store may show no order at present; None: it shows all.

    By when Shopify had an order, which for an imported one is long after it was placed.
    """
    query = select(ShopifyStore.seen).where(ShopifyStore.shop_id == shop_id)
    seen = session.exec(query).first() or {}
    lacks = seen.get("rights", {}).get("all_orders")
    return now - _SHOWN + _MARGIN if lacks else None


def _is_read_since(session: Session, shop: Shop, moment: str | None) -> bool:
    if moment is None:
        return True
    runs = select(ImportRun.id).where(
        ImportRun.shop_id == shop.id,
        ImportRun.status == "done",
        ImportRun.started_at >= datetime.fromisoformat(moment),
    )
    return session.exec(runs.limit(1)).first() is not None
