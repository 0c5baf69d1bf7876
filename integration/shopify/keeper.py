"""The token of a store, in the database: who may renew it, and both tokens kept at once.

The lock is a row's own, with an end, changed by single conditional statements: the same on SQLite
and PostgreSQL, and no transaction is open while Shopify is asked. Whoever is killed loses it after
a while. Whoever comes back too late keeps nothing: what another one kept since counts.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlmodel import Session, col, or_, select, update

from connectors.shopify.auth import Grant
from connectors.shopify.errors import TokenRefused
from integration.context import Context
from integration.db import scoped
from integration.shopify import tell
from integration.shopify.tell import RECONNECT as RECONNECT
from integration.tables import ShopifyStore

#: How long one renewing may take: more than a request's own limits.
HOLD = timedelta(seconds=60)


class StoreKeeper:
    """`connectors.shopify.tokens.Keeper` on one row."""

    def __init__(self, context: Context, store: ShopifyStore) -> None:
        self._context = context
        self._account_id, self._store_id = store.account_id, store.id
        self._shop_id = store.shop_id

    def read(self) -> Grant:
        """Return the grant as it is kept now.

        Raises
        ------
        TokenRefused
        CannotDecrypt
        """
        query = select(ShopifyStore).where(col(ShopifyStore.id) == self._store_id)
        with scoped(self._context.engine, self._account_id) as session:
            store = session.exec(query).first()
        if store is None or store.stopped or not store.access_token:
            raise TokenRefused("the shop is not connected: connect it again")
        return stored_grant(self._context, store)

    def hold(self) -> str | None:
        """Reserve the renewing for `HOLD`; None while somebody else has it."""
        hold, now = secrets.token_hex(16), self._context.clock()
        free = or_(ShopifyStore.held_by == "", col(ShopifyStore.held_until) <= now)
        return hold if self._change(free, held_by=hold, held_until=now + HOLD) else None

    def keep(self, hold: str, grant: Grant) -> bool:
        """Keep a new grant and let go, both at once; False, and nothing is kept, without a hold."""
        kept = sealed(self._context, grant)
        return self._change(ShopifyStore.held_by == hold, held_by="", **kept)

    def let_go(self, hold: str) -> None:
        """Let go without a new grant."""
        self._change(ShopifyStore.held_by == hold, held_by="")

    def ended(self, hold: str) -> None:
        """Note that the merchant has to let us in again, and let go."""
        mine = ShopifyStore.held_by == hold
        with scoped(self._context.engine, self._account_id) as session:
            if self._changed(session, mine, ShopifyStore.stopped == "", stopped=RECONNECT):
                tell.start(self._context, session, self._shop_id)
            self._changed(session, mine, held_by="")

    def _change(self, where: object, **values: object) -> bool:
        with scoped(self._context.engine, self._account_id) as session:
            return self._changed(session, where, **values)

    def _changed(self, session: Session, *where: object, **values: object) -> bool:
        changed = session.exec(
            update(ShopifyStore)
            .where(col(ShopifyStore.id) == self._store_id, *where)  # type: ignore[arg-type]
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(changed.rowcount == 1)


def sealed(context: Context, grant: Grant) -> dict[str, object]:
    """Return a grant as columns, its tokens encrypted."""
    renewal = grant.refresh_token
    return {
        "access_token": context.vault.encrypt(grant.access_token),
        "access_until": grant.expires_at,
        "refresh_token": context.vault.encrypt(renewal) if renewal else "",
        "refresh_until": grant.refresh_expires_at,
        "scopes": {"names": sorted(grant.scopes)},
    }


def stored_grant(context: Context, store: ShopifyStore) -> Grant:
    """Return the grant of a row.

    Raises
    ------
    CannotDecrypt
    """
    renewal = store.refresh_token
    return Grant(
        access_token=context.vault.decrypt(store.access_token),
        expires_at=store.access_until,
        refresh_token=context.vault.decrypt(renewal) if renewal else "",
        refresh_expires_at=store.refresh_until,
        scopes=frozenset(store.scopes.get("names", ())),
    )
