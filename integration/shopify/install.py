"""From Shopify's pages into ours: a browser is sent there, comes back, and a store is connected.

A state goes with the browser and is good once, for ten minutes, for one store. Whose account the
store belongs to is decided by Shopify's id of it, never by an address or an e-mail.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from connectors.errors import NotGenuine
from connectors.http import Http
from connectors.shopify.auth import Grant, authorize_url, exchange_code
from connectors.shopify.client import Client
from connectors.shopify.rights import Profile, profile
from connectors.shopify.shops import URL_TEMPLATE, checked_shop
from connectors.shopify.signed import verify_query
from connectors.shopify.tokens import FixedToken
from integration.context import Context
from integration.db import in_turn, scoped, unscoped
from integration.installation import settle
from integration.pipeline import start_import
from integration.shopify import clone, switches
from integration.shopify.application import SCOPES, application
from integration.shopify.keeper import sealed
from integration.shopify.stores import CLONED, PLATFORM, RENEWED, by_domain, by_id, of_shop
from integration.shops import subscribed
from integration.sources import add_shop
from integration.tables import Account, ImportRun, Shop, ShopifyStore, ShopifyVisit, User
from integration.work.queue import wake_resting

#: A browser that comes back later asks again.
STATE_LIVES = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A merchant whose store is connected now."""

    account_id: int
    #: Whoever logs in for the account.
    user_id: int
    shop_id: int
    #: The store was not connected before, or no longer.
    is_new: bool


def begin(context: Context, shop: str) -> tuple[str, str]:
    """Return where to send the browser, and the state to keep in it.

    Raises
    ------
    NotRegistered, NoShop
    """
    domain, now, state = checked_shop(shop), context.clock(), secrets.token_urlsafe(32)
    asked = _asked(context, domain)
    address = authorize_url(application(context.settings), domain, asked, state)
    with unscoped(context.engine) as session:
        session.exec(delete(ShopifyVisit).where(col(ShopifyVisit.started_at) < now - STATE_LIVES))
        session.add(ShopifyVisit(state_hash=_hash(state), domain=domain, started_at=now))
    return address, state


def _asked(context: Context, domain: str) -> tuple[str, ...]:
    """Return what a store is asked for: to be read, and what its merchant wants besides."""
    store = by_domain(context, domain)
    if store is None:
        return SCOPES
    with scoped(context.engine, store.account_id) as session:
        return switches.scopes(session, store.shop_id)


def come_back(context: Context, query: str, *, kept: str, given: str) -> tuple[str, Grant]:
    """Take the browser back: return the store and what it granted.

    Parameters
    ----------
    query
        Of the address, as it was received.
    kept, given
        The state that the browser kept, and the one that came back.

    Raises
    ------
    NotGenuine
        Not the browser that was sent, not signed by Shopify, no store, or too old.
    NotLetIn
        The code was used before, or is not ours.
    ConnectorError
    """
    if not kept or not hmac.compare_digest(kept.encode(), given.encode()):
        raise NotGenuine("the answer does not belong to this browser's question")
    app = application(context.settings)
    signed = verify_query(query, app.secrets, now=context.clock())
    domain = checked_shop(signed.get("shop", ""))
    _use_state(context, domain, kept)
    http = Http(timeout_s=context.settings.request_timeout_s)
    return domain, exchange_code(http, app, domain, signed.get("code", ""), now=context.clock())


def _use_state(context: Context, domain: str, state: str) -> None:
    with unscoped(context.engine) as session:
        used = session.exec(
            delete(ShopifyVisit).where(
                col(ShopifyVisit.state_hash) == _hash(state),
                col(ShopifyVisit.domain) == domain,
                col(ShopifyVisit.started_at) >= context.clock() - STATE_LIVES,
            )
        )
    if used.rowcount != 1:
        raise NotGenuine("this answer was used before, is too old or is another store's")


def arrive(
    context: Context,
    domain: str,
    grant: Grant,
    *,
    account_id: int | None,
    language: str,
    way: str = RENEWED,
) -> Arrival:
    """Connect the store that granted something, and have it read if it is new.

    Parameters
    ----------
    account_id
        Of whoever is logged in; a store that nobody has yet goes there. None makes an account.
    way
        How its token is had from now on: see `integration.tables.ShopifyStore`.

    Raises
    ------
    ConnectorError
    """
    who = ask_who(context, domain, grant)
    # Two windows, or a page that is loaded twice, are one arrival and another of what is there.
    with in_turn(context.engine, f"shopify store {who.id}") as connection:
        store = by_id(context, who.id)
        with unscoped(connection) as session:
            owner = store.account_id if store else account_id
            owner = owner or _account(context, session, who, language)
            user_id = _somebody(session, owner)
        with scoped(connection, owner) as session:
            shop, is_new = _connect(context, session, who, grant, way)
            # Anew at each arrival: Shopify drops them when a store removes us.
            subscribed.start(session, shop)
            if is_new or _is_unread(session, shop):
                start_import(session, context, shop, name=shop.name)
    clone.look_for_others(context, who)
    return Arrival(account_id=owner, user_id=user_id, shop_id=shop.id or 0, is_new=is_new)


def ask_who(context: Context, domain: str, grant: Grant) -> Profile:
    """Ask the store that granted something who it is.

    Raises
    ------
    ConnectorError
    """
    client = Client(
        domain,
        FixedToken(grant.access_token),
        url_template=context.settings.shopify_url_template or URL_TEMPLATE,
        http=Http(timeout_s=context.settings.request_timeout_s),
    )
    return profile(client)


def _connect(
    context: Context, session: Session, who: Profile, grant: Grant, way: str
) -> tuple[Shop, bool]:
    """Keep who the store is and what it granted; tell whether it has to be read."""
    now = context.clock()
    shop = add_shop(
        session, platform=PLATFORM, external_id=who.id, name=who.name, config={}, now=now
    )
    store = of_shop(session, shop.id or 0)
    # Whether it was moved or copied is the merchant's to say, and this is no answer to that.
    waits = store is not None and store.stopped == CLONED
    is_new = not waits and (store is None or bool(store.stopped) or bool(shop.disconnected_at))
    if store is None:
        store = ShopifyStore(
            account_id=session.info["account_id"],
            shop_id=shop.id or 0,
            store_id=who.id,
            domain=who.domain,
            way=way,
            installed_at=now,
        )
    if is_new:
        store.installed_at, shop.disconnected_at = now, None
    for name, value in sealed(context, grant).items():
        setattr(store, name, value)
    store.domain, store.way, store.stopped = who.domain, way, CLONED if waits else ""
    store.held_by, store.held_until = "", None
    shop.name, shop.config = who.name, {**shop.config, "domain": who.domain}
    if not waits:
        settle(context.settings, store)
    session.add(store)
    # What the store says itself: a token of an app of one's own comes without its scopes.
    store.scopes = {"names": sorted(who.scopes)}
    switches.take_effect(session, store, now)
    wake_resting(session)
    return shop, is_new


def _is_unread(session: Session, shop: Shop) -> bool:
    """Tell whether every reading of a store failed: what it lacked may be granted now."""
    states = set(session.exec(select(ImportRun.status).where(ImportRun.shop_id == shop.id)))
    return states == {"failed"}


def _account(context: Context, session: Session, who: Profile, language: str) -> int:
    """Make the merchant's account. Its log-in is the store: no e-mail that Shopify tells is ours to
    believe, and no password opens it.
    """
    now = context.clock()
    account = Account(
        name=who.name,
        language=language,
        time_zone=who.time_zone,
        currency=who.currency,
        created_at=now,
    )
    session.add(account)
    session.flush()
    taken = session.exec(select(User).where(User.email == who.domain)).first()
    name = who.domain if taken is None else f"{who.id.rpartition('/')[2]}.{who.domain}"
    session.add(
        User(
            account_id=account.id or 0,
            email=name,
            password_hash="",
            language=language,
            created_at=now,
        )
    )
    session.flush()
    return account.id or 0


def _somebody(session: Session, account_id: int) -> int:
    query = select(User).where(User.account_id == account_id).order_by(col(User.id)).limit(1)
    return session.exec(query).one().id or 0


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
