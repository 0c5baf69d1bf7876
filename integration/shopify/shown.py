"""From when on Shopify shows orders, where it does not show them all."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from integration.tables import Shop, ShopifyStore

#: What Shopify shows of orders without `read_all_orders`.
_SHOWN = timedelta(days=60)


def shown_since(session: Session) -> list[datetime]:
    """Return the moment from which on orders were shown, of each store that does not show all."""
    stores = (
        select(Shop.created_at, ShopifyStore.seen)
        .join(ShopifyStore, col(ShopifyStore.shop_id) == col(Shop.id))
        .where(col(Shop.disconnected_at).is_(None))
    )
    return [
        connected - _SHOWN
        for connected, seen in session.exec(stores)
        if seen.get("rights", {}).get("all_orders")
    ]
