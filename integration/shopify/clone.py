"""Is it the store that was connected? While that is not clear, nothing is written anywhere.

Three signs: the store has another id than before, its id or host is connected a second time, or
this installation is a copy of the one that connected it. Then the store and the account's audience
wait for the merchant's answer: moved, or copied.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from connectors.shopify.rights import Profile
from integration.audience import pause
from integration.context import Context
from integration.db import scoped, unscoped
from integration.installation import settle
from integration.pipeline import start_import
from integration.shopify.stores import (
    CLONED,
    UNINSTALLED,
    forget,
    let_write,
    of_account,
    of_shop,
    stop_in,
)
from integration.sources import forget_files
from integration.tables import ImportRun, Shop, ShopifyStore
from integration.work.queue import wake_resting


def suspect(context: Context, store: ShopifyStore) -> None:
    """Stop a store and all writing of its account until the merchant has said what it is.

    One that has to be connected again first is asked about then, if it is still a question.
    """
    with scoped(context.engine, store.account_id) as session:
        if stop_in(session, store, CLONED):
            pause.pause_all(session, pause.STORE, context.clock())


def look_for_others(context: Context, who: Profile) -> None:
    """Suspect every store that has one id or one host with another one."""
    with unscoped(context.engine) as session:
        alike = session.exec(
            select(ShopifyStore).where(
                # One that waits for its answer is no reason to ask about the others again.
                col(ShopifyStore.stopped).not_in((UNINSTALLED, CLONED)),
                (col(ShopifyStore.store_id) == who.id) | (col(ShopifyStore.domain) == who.domain),
            )
        ).all()
    twice = [store for store in alike if store.store_id == who.id]
    # Of a host that changed hands, whoever has it now is no question.
    others = [store for store in alike if store.store_id != who.id]
    for store in [*others, *(twice if len(twice) > 1 else [])]:
        suspect(context, store)


def is_another(context: Context, store: ShopifyStore, who: Profile) -> bool:
    """Tell whether the store answers with another id than when it was connected; then all waits."""
    if who.id == store.store_id:
        return False
    with scoped(context.engine, store.account_id) as session:
        row = session.get_one(ShopifyStore, store.id)
        row.seen = {**row.seen, "found": who.id}
    suspect(context, store)
    return True


def moved(context: Context, account_id: int, shop_id: int) -> None:
    """Go on here: it is the same shop, whatever its id is now."""
    with scoped(context.engine, account_id) as session:
        store = of_shop(session, shop_id)
        if store is None or store.stopped != CLONED:
            return
        shop, found = session.get_one(Shop, shop_id), store.seen.get("found")
        if found:
            shop.external_id = store.store_id = found
            store.seen = {name: value for name, value in store.seen.items() if name != "found"}
        _go_on(context, session, store)
        let_write(session)


def copied(context: Context, account_id: int, shop_id: int) -> None:
    """Leave the store alone here; what was read of it stays, and everything else goes on."""
    with scoped(context.engine, account_id) as session:
        store = of_shop(session, shop_id)
        if store is None or store.stopped != CLONED:
            return
        forget(session, shop_id)
        shop = session.get_one(Shop, shop_id)
        shop.disconnected_at = context.clock()
        forget_files(context, shop)


def settle_all(context: Context, account_id: int) -> None:
    """Go on here with every store: the merchant said that this installation was moved."""
    with scoped(context.engine, account_id) as session:
        for store in of_account(session):
            if store.stopped == CLONED and not store.seen.get("found"):
                _go_on(context, session, store)
        let_write(session)


def _go_on(context: Context, session: Session, store: ShopifyStore) -> None:
    """Let a store be asked again, and read what passed: a reading ends with the question."""
    store.stopped = ""
    settle(context.settings, store)
    session.flush()
    wake_resting(session)
    running = select(ImportRun.id).where(
        ImportRun.shop_id == store.shop_id, ImportRun.status == "running"
    )
    if session.exec(running).first() is None:
        shop = session.get_one(Shop, store.shop_id)
        start_import(session, context, shop, name=shop.name)
