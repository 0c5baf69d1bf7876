"""Stores that are connected: finding one, opening it, letting it go."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlmodel import Session, col, select, update

from connectors.errors import NotAuthorized
from connectors.http import Http
from connectors.shopify.client import Client, Tokens
from connectors.shopify.shops import URL_TEMPLATE
from connectors.shopify.tokens import FixedToken, OwnCredentials, RenewedTokens
from integration.audience import pause
from integration.context import Context
from integration.db import scoped, unscoped
from integration.installation import is_copy
from integration.security import CannotDecrypt
from integration.shopify import switches, tell
from integration.shopify.application import application
from integration.shopify.keeper import RECONNECT, StoreKeeper, stored_grant
from integration.shopify.question import CLONED as CLONED
from integration.shopify.question import waits
from integration.tables import Audience, Shop, ShopifyStore

PLATFORM = "shopify"
#: How a store's token is had.
RENEWED, FIXED, OWN = "renewed", "fixed", "own"
UNINSTALLED = "uninstalled"

#: For work that ends and for the command line; the pages have their own sentences.
TEXTS = {
    RECONNECT: "Shopify no longer lets us in: connect the shop again",
    UNINSTALLED: "the shop removed Stipt: install it again at Shopify",
    CLONED: "it is not clear whether the shop was moved or copied: say it on the page Shopify",
}


class Stopped(NotAuthorized):
    """Nothing is asked of the store until the merchant has done something; `why` says what."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(TEXTS[why])


def by_domain(context: Context, domain: str) -> ShopifyStore | None:
    """Return the store of that host, whosever it is; one that left is found too.

    Of two with one host, which is so only after one was renamed, the one that came last.
    """
    query = select(ShopifyStore).where(ShopifyStore.domain == domain)
    with unscoped(context.engine) as session:
        return session.exec(query.order_by(col(ShopifyStore.installed_at).desc())).first()


def by_id(context: Context, store_id: str) -> ShopifyStore | None:
    """Return the store that Shopify knows by that id, whosever it is; the first of two."""
    query = select(ShopifyStore).where(ShopifyStore.store_id == store_id)
    with unscoped(context.engine) as session:
        return session.exec(query.order_by(col(ShopifyStore.id))).first()


def of_shop(session: Session, shop_id: int) -> ShopifyStore | None:
    """Return Shopify's side of a shop; `session` is the account's."""
    return session.exec(select(ShopifyStore).where(ShopifyStore.shop_id == shop_id)).first()


def access_of(session: Session, shop_id: int) -> tuple[str, datetime] | None:
    """Return what is another one once a store has let us in anew; None without a store."""
    store = of_shop(session, shop_id)
    return None if store is None else (store.access_token, store.installed_at)


def of_account(session: Session) -> list[ShopifyStore]:
    """Return the stores of an account, the first one first."""
    return list(session.exec(select(ShopifyStore).order_by(col(ShopifyStore.id))))


def open_client(
    context: Context, shop: Shop, *, reserve: float = 0.0, may: Collection[str] = ()
) -> Client:
    """Return a client of a store, or say why nothing may be asked of it.

    Parameters
    ----------
    reserve, may
        Points to leave for others, and what it may write: see `connectors.shopify.client.Client`.

    Raises
    ------
    Stopped
    """
    with scoped(context.engine, shop.account_id) as session:
        store = of_shop(session, shop.id or 0)
    if store is None:
        raise Stopped(UNINSTALLED)
    check(context, store)
    http = Http(timeout_s=context.settings.request_timeout_s)
    return Client(
        store.domain,
        tokens(context, store, http),
        url_template=context.settings.shopify_url_template or URL_TEMPLATE,
        http=http,
        reserve=reserve,
        may=may,
        on_refused=partial(stop, context, store, RECONNECT),
    )


def check(context: Context, store: ShopifyStore) -> None:
    """Let something be asked of a store, or not.

    A copy of this installation asks nothing: renewing a token there would take the original's.

    Raises
    ------
    Stopped
    """
    if not store.stopped and is_copy(context.settings, store):
        stop(context, store, CLONED)
        raise Stopped(CLONED)
    if store.stopped:
        raise Stopped(store.stopped)


def tokens(context: Context, store: ShopifyStore, http: Http) -> Tokens:
    """Return the way in which a store's token is had.

    Raises
    ------
    Stopped
        No key of ours opens what was stored.
    """
    if store.way == OWN:
        app = application(context.settings)
        return OwnCredentials(app, store.domain, http=http, clock=context.clock)
    try:
        grant = stored_grant(context, store)
    except CannotDecrypt as error:
        raise Stopped(RECONNECT) from error
    if store.way == FIXED:
        return FixedToken(grant.access_token)
    app = application(context.settings)
    keeper = StoreKeeper(context, store)
    return RenewedTokens(keeper, app, store.domain, http=http, clock=context.clock)


def stop(context: Context, store: ShopifyStore, why: str) -> None:
    """Ask nothing more of a store until the merchant has done something.

    A store that was connected anew in the meantime is left alone.
    """
    with scoped(context.engine, store.account_id) as session:
        if stop_in(session, store, why) and why == RECONNECT:
            tell.start(context, session, store.shop_id)


def stop_in(session: Session, store: ShopifyStore, why: str) -> bool:
    """Do as `stop` in the caller's transaction; tell whether it was not stopped before."""
    stopped = session.exec(
        update(ShopifyStore)
        .where(
            col(ShopifyStore.id) == store.id,
            col(ShopifyStore.installed_at) == store.installed_at,
            col(ShopifyStore.stopped) == "",
        )
        .values(stopped=why)
        .execution_options(synchronize_session=False)
    )
    return bool(stopped.rowcount == 1)


def forget(session: Session, shop_id: int) -> None:
    """Forget how we were let in at a shop that removed us; who it is stays, for when it returns."""
    store = of_shop(session, shop_id)
    switches.leave(session, shop_id)
    if store is not None:
        store.access_token = store.refresh_token = store.held_by = ""
        store.access_until = store.refresh_until = store.held_until = None
        store.stopped, store.scopes = UNINSTALLED, {}
        session.flush()
        let_write(session)


def let_write(session: Session) -> None:
    """Let the audience go on when no store of the account waits for an answer any more."""
    if waits(session):
        return
    for audience in session.exec(select(Audience).where(Audience.paused == pause.STORE)):
        pause.resume(session, audience)
