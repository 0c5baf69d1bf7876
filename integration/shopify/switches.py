"""Features of a store that need more of Shopify than reading: each off until the merchant wants it.

What is wanted is remembered, so that whoever is sent to Shopify is asked for its scopes as well. It
is on from the moment at which Shopify has granted them, and off as soon as it has not any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, delete, select

from connectors.shopify.auth import lacking
from integration.shopify.application import SCOPES as READING
from integration.tables import ShopifyPixel, ShopifyStore, ShopifySwitch

WRITEBACK = "writeback"
BROWSING = "browsing"
#: Feature -> the scopes that it needs beside those of reading.
SCOPES: Mapping[str, tuple[str, ...]] = {
    WRITEBACK: ("write_customers",),
    BROWSING: ("write_pixels", "read_customer_events"),
}


def of_shop(session: Session, shop_id: int) -> dict[str, ShopifySwitch]:
    """Return what the merchant wants of a store, on already or not, by name."""
    query = select(ShopifySwitch).where(ShopifySwitch.shop_id == shop_id)
    return {switch.name: switch for switch in session.exec(query.order_by(col(ShopifySwitch.id)))}


def since(session: Session, shop_id: int, name: str) -> datetime | None:
    """Return from when on a feature is on; None when it is off, or not granted."""
    switch = of_shop(session, shop_id).get(name)
    return switch.on_since if switch else None


def scopes(session: Session, shop_id: int) -> tuple[str, ...]:
    """Return everything that Shopify is asked for at a store."""
    more = [scope for name in of_shop(session, shop_id) for scope in SCOPES[name]]
    return (*READING, *dict.fromkeys(more))


def missing(store: ShopifyStore, name: str) -> tuple[str, ...]:
    """Return what Shopify has to grant yet for a feature."""
    return lacking(SCOPES[name], frozenset(store.scopes.get("names", ())))


def want(session: Session, store: ShopifyStore, name: str, now: datetime) -> bool:
    """Remember that the merchant wants a feature.

    Returns
    -------
    bool
        Whether it is on; if not, Shopify has to be asked.
    """
    if name not in of_shop(session, store.shop_id):
        session.add(
            ShopifySwitch(
                account_id=store.account_id, shop_id=store.shop_id, name=name, wanted_at=now
            )
        )
        session.flush()
    take_effect(session, store, now)
    return since(session, store.shop_id, name) is not None


def leave(session: Session, shop_id: int, *names: str) -> None:
    """Switch features off, all of a store's when none is named; a pixel's key goes with its own."""
    query = delete(ShopifySwitch).where(col(ShopifySwitch.shop_id) == shop_id)
    session.exec(query.where(col(ShopifySwitch.name).in_(names or SCOPES)))
    if BROWSING in (names or SCOPES):
        session.exec(delete(ShopifyPixel).where(col(ShopifyPixel.shop_id) == shop_id))


def take_effect(session: Session, store: ShopifyStore, now: datetime) -> None:
    """Switch on what Shopify grants by now, and off what it does not any more."""
    for name, switch in of_shop(session, store.shop_id).items():
        if missing(store, name):
            switch.on_since = None
        elif switch.on_since is None:
            switch.on_since = now
