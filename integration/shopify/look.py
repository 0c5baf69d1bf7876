"""A look at a store, right after it was connected and every day: who it is, and what it lets us do.

It also keeps a store connected in which nothing happens: asking it anything renews its token, and
each renewing begins the 90 days anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlmodel import Session, col, select

from connectors.errors import ConnectorError, NotAuthorized, Retryable
from connectors.shopify.client import API_VERSION
from connectors.shopify.rights import profile, rights
from integration.context import Context
from integration.db import scoped
from integration.shopify import clone, pixel, switches
from integration.shopify.stores import of_account, open_client
from integration.shops import anew
from integration.tables import Shop, ShopifyStore, Work
from integration.work.queue import Job, defer

_log = structlog.get_logger(__name__)

KIND = "shopify_look"
#: A look that is older is taken again; less than a day, so that the hour does not wander.
OLD = timedelta(hours=23)


def start(context: Context, session: Session) -> None:
    """Write down that an account's stores are to be looked at, where one was not lately."""
    before = context.clock() - OLD
    stores = [store for store in of_account(session) if not store.stopped]
    if all(store.seen_at is not None and store.seen_at > before for store in stores):
        return
    account_id = session.info["account_id"]
    waiting = select(Work.id).where(
        Work.kind == KIND, col(Work.status).in_(("queued", "running", "resting"))
    )
    if session.exec(waiting.limit(1)).first() is None:
        lane = f"account:{account_id}:shopify"
        defer(session, account_id=account_id, kind=KIND, lane=lane, payload={})


def look_after(context: Context, job: Job) -> None:
    """Look at every store of the account that is not stopped.

    Raises
    ------
    Retryable
        Of the last store that could not be asked, after all the others were.
    """
    later: Retryable | None = None
    with scoped(context.engine, job.account_id) as session:
        stores = of_account(session)
    for store in stores:
        job.extend()
        try:
            if not store.stopped:
                look(context, store)
        except Retryable as error:
            later = error
        except ConnectorError as error:
            # The page says what the merchant can do; another try would end the same way.
            _log.warning("A store could not be looked at", shop_id=store.shop_id, error=str(error))
    if later is not None:
        raise later


def look(context: Context, store: ShopifyStore) -> None:
    """Find out who a store is and what it lets us do, and keep that for the page.

    Raises
    ------
    ConnectorError
    """
    with scoped(context.engine, store.account_id) as session:
        shop = session.get_one(Shop, store.shop_id)
    client = open_client(context, shop)
    who = profile(client)
    if clone.is_another(context, store, who):
        raise NotAuthorized("the store has another id than before")
    clone.look_for_others(context, who)
    found = rights(client, who.scopes)
    with scoped(context.engine, store.account_id) as session:
        row = session.get_one(ShopifyStore, store.id)
        row.domain = who.domain
        version = client.answered_version
        row.scopes, row.seen_at = {"names": sorted(who.scopes)}, context.clock()
        came = _came(row, found)
        if came:
            # What is known of records was read without it.
            anew.start(session, row.shop_id)
        row.seen = {
            "rights": found, "version": version, "asked": API_VERSION, "email": who.email,
            "all_orders_at": row.seen_at.isoformat() if "all_orders" in came
            else row.seen.get("all_orders_at"),
        }  # fmt: skip
        switches.take_effect(session, row, row.seen_at)
        pixel.start(session, row)


def _came(row: ShopifyStore, found: Mapping[str, str]) -> set[str]:
    """Return the rights that lacked when we looked last and are there now."""
    before = row.seen.get("rights", {})
    return {name for name, lacks in found.items() if not lacks and before.get(name)}
