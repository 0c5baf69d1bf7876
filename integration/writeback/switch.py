"""Whether a shop is told of changes in Mailchimp, from when on, and by what."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlmodel import Session, col, func, select, update

from connectors.base import ConsentWriter
from connectors.errors import ConnectorError
from connectors.shopify.consent import ShopifyConsent
from connectors.shopify.guard import CONSENT
from integration.context import Context
from integration.db import scoped
from integration.shopify import stores, switches
from integration.tables import ConsentWrite, ImportRun, Shop, ShopifyStore
from integration.writeback.decide import KEPT, WAITING, Reason


def since(session: Session, shop: Shop) -> datetime | None:
    """Return the moment from which changes count; None while nothing is written.

    What happens before a shop has been read for the first time never counts.
    """
    if shop.platform != stores.PLATFORM or shop.disconnected_at is not None:
        return None
    store = stores.of_shop(session, shop.id or 0)
    on = switches.since(session, shop.id or 0, switches.WRITEBACK)
    if store is None or on is None:
        return None
    read = select(func.min(ImportRun.finished_at)).where(
        ImportRun.shop_id == shop.id,
        ImportRun.status == "done",
        col(ImportRun.started_at) >= store.installed_at,
    )
    first = session.exec(read).one()
    return None if first is None else max(on, first)


def state(session: Session, shop: Shop) -> str:
    """Return "off", "asked" (Shopify has to grant it), "reading" (the first time) or "on"."""
    wanted = switches.of_shop(session, shop.id or 0).get(switches.WRITEBACK)
    if wanted is None:
        return "off"
    if wanted.on_since is None:
        return "asked"
    return "reading" if since(session, shop) is None else "on"


def turn_on(context: Context, store: ShopifyStore) -> bool:
    """Have a store told from now on; False while Shopify has to be asked for the right first."""
    with scoped(context.engine, store.account_id) as session:
        row = session.get_one(ShopifyStore, store.id)
        return switches.want(session, row, switches.WRITEBACK, context.clock())


def turn_off(session: Session, shop_id: int) -> None:
    """Write nothing more in a shop, from now on; what waits is not written either."""
    switches.leave(session, shop_id, switches.WRITEBACK)
    waiting = update(ConsentWrite).where(
        col(ConsentWrite.shop_id) == shop_id, col(ConsentWrite.status) == WAITING
    )
    session.exec(
        waiting.values(status=KEPT, reason=Reason.OFF.value),
        execution_options={"synchronize_session": False},
    )


def open_writer(context: Context, shop: Shop) -> ConsentWriter:
    """Return what writes permission in a shop.

    Raises
    ------
    ConnectorError
        Of a platform in which that cannot be done.
    """
    if shop.platform == stores.PLATFORM:
        return ShopifyConsent(partial(stores.open_client, context, shop, may=(CONSENT,)))
    raise ConnectorError(f"permission cannot be written in {shop.platform!r}")
