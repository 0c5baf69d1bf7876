"""Browsing: a store's web pixel, off until the merchant switches it on.

What is wanted and granted stands with the other switches; here is the key that events come under,
and what Shopify is told. What is switched off here takes nothing from that moment on, whether or
not Shopify could be told.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlmodel import Session, select

from connectors.shopify import web_pixel
from connectors.shopify.guard import PIXEL
from integration.context import Context
from integration.db import scoped
from integration.shopify import stores, switches
from integration.shopify.switches import BROWSING
from integration.tables import Shop, ShopifyPixel, ShopifyStore
from integration.work.queue import Job, defer

KIND = "shopify_pixel"
#: Where events come in; the store's key follows.
PATH = "/pixel/shopify"


def of_shop(session: Session, shop_id: int) -> ShopifyPixel | None:
    """Return a store's pixel; None where it was never switched on."""
    return session.exec(select(ShopifyPixel).where(ShopifyPixel.shop_id == shop_id)).first()


def state(session: Session, shop_id: int) -> str:
    """Return "off", "asked" (Shopify has to grant it), "starting" (Shopify is told) or "on"."""
    wanted = switches.of_shop(session, shop_id).get(BROWSING)
    if wanted is None:
        return "off"
    if wanted.on_since is None:
        return "asked"
    pixel = of_shop(session, shop_id)
    return "on" if pixel is not None and pixel.remote_id else "starting"


def switch_on(context: Context, store: ShopifyStore) -> bool:
    """Have a store's pixel tell us; False while Shopify has to be asked for the right first.

    Raises
    ------
    ConnectorError
    """
    with scoped(context.engine, store.account_id) as session:
        row = session.get_one(ShopifyStore, store.id)
        if not switches.want(session, row, BROWSING, context.clock()):
            return False
    put(context, store)
    return True


def switch_off(context: Context, store: ShopifyStore) -> None:
    """Take nothing more, and have Shopify take the pixel out.

    Raises
    ------
    ConnectorError
        Shopify could not be told; nothing is taken all the same.
    """
    with scoped(context.engine, store.account_id) as session:
        shop = session.get_one(Shop, store.shop_id)
        pixel = of_shop(session, store.shop_id)
        was_on = switches.since(session, store.shop_id, BROWSING) is not None
        switches.leave(session, store.shop_id, BROWSING)
        if was_on and pixel is not None:
            # Visitors' browsers send until it is out: that does not end with a try that failed.
            _defer(session, store, {"remove": pixel.remote_id})
    if was_on and pixel is not None:
        web_pixel.remove(stores.open_client(context, shop, may=PIXEL), pixel.remote_id)


def renew(context: Context, store: ShopifyStore) -> None:
    """Give the store another key; whoever misuses the earlier one is not heard any more.

    Raises
    ------
    ConnectorError
    """
    with scoped(context.engine, store.account_id) as session:
        pixel = of_shop(session, store.shop_id)
        if pixel is not None:
            # Without its id it is as one that starts: killed here, the next look tells Shopify.
            pixel.key, pixel.remote_id = _key(), ""
    if pixel is not None:
        put(context, store)


def put(context: Context, store: ShopifyStore) -> None:
    """Have Shopify's pixel of a store send to this installation. Repeated, it stays so.

    Raises
    ------
    ConnectorError
    """
    with scoped(context.engine, store.account_id) as session:
        shop = session.get_one(Shop, store.shop_id)
        pixel = of_shop(session, store.shop_id)
        if pixel is None:
            pixel = ShopifyPixel(
                account_id=store.account_id,
                shop_id=store.shop_id,
                key=_key(),
                switched_at=context.clock(),
            )
            session.add(pixel)
            session.flush()
    settings = {"endpoint": context.settings.public_url.rstrip("/") + PATH, "key": pixel.key}
    client = stores.open_client(context, shop, may=PIXEL)
    remote_id = web_pixel.put(client, settings, pixel.remote_id)
    with scoped(context.engine, store.account_id) as session:
        row = session.get(ShopifyPixel, pixel.id)
        if row is not None:
            row.remote_id = remote_id


def start(session: Session, store: ShopifyStore) -> None:
    """Write down that Shopify is to be told, where the pixel is on and that was not done yet."""
    if state(session, store.shop_id) == "starting":
        _defer(session, store, {})


def _defer(session: Session, store: ShopifyStore, more: Mapping[str, str]) -> None:
    payload, lane = {"shop_id": store.shop_id, **more}, f"shop:{store.shop_id}:pixel"
    defer(session, account_id=store.account_id, kind=KIND, lane=lane, payload=payload)


def look_after(context: Context, job: Job) -> None:
    """Tell Shopify of a pixel that was granted, or switched off, just now.

    Raises
    ------
    ConnectorError
    """
    with scoped(context.engine, job.account_id) as session:
        store = stores.of_shop(session, job.payload["shop_id"])
        if store is None:
            return
        shop, now = session.get_one(Shop, store.shop_id), state(session, store.shop_id)
    if now == "starting":
        put(context, store)
    elif now == "off" and not store.stopped and "remove" in job.payload:
        web_pixel.remove(stores.open_client(context, shop, may=PIXEL), job.payload["remove"])


def _key() -> str:
    return secrets.token_urlsafe(18)
