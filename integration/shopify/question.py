"""Whether a store was moved or copied: all writing stops until the merchant has answered."""

from __future__ import annotations

from sqlmodel import Session, select

from integration.tables import ShopifyStore

#: Why a store is stopped that waits for the answer.
CLONED = "cloned"


def waits(session: Session) -> bool:
    """Tell whether a store of the account waits for the merchant's answer."""
    waiting = select(ShopifyStore.id).where(ShopifyStore.stopped == CLONED).limit(1)
    return session.exec(waiting).first() is not None
