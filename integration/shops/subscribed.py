"""Having a shop tell us of what happens in it, where the platform lets us ask for that."""

from __future__ import annotations

from sqlmodel import Session

from connectors.shopify.subscriptions import look_after as look_after_store
from integration.context import Context
from integration.db import scoped
from integration.shopify.stores import PLATFORM, of_shop, open_client
from integration.tables import Shop
from integration.work.queue import Job, defer

#: Where Shopify's webhooks come in.
PATH = "/hooks/shopify"


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
        look_after(context, shop)


def look_after(context: Context, shop: Shop) -> dict[str, str]:
    """Make what is missing of a shop's webhooks; return topics we cannot have, and why.

    An installation that nobody outside can reach asks for none: the nightly reading is all it has.

    Raises
    ------
    ConnectorError
    """
    settings = context.settings
    address = settings.public_url.rstrip("/")
    is_reachable = address.startswith("https://") or settings.shopify_url_template is not None
    if shop.platform != PLATFORM or not is_reachable:
        return {}
    with scoped(context.engine, shop.account_id) as session:
        store = of_shop(session, shop.id or 0)
        scopes = store.scopes.get("names", []) if store else []
    return look_after_store(open_client(context, shop), address + PATH, scopes).refused
