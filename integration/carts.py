"""When a cart is over: its person ordered, in any source and on any device."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from integration.tables import Cart, Order, SourceProfile

#: A cart touched so shortly after an order is what that order left on another device.
GHOST = timedelta(minutes=1)


def is_over(cart: Cart, ordered_at: datetime | None) -> bool:
    """Tell whether a cart's person has ordered since, at the moment of the last order."""
    return ordered_at is not None and cart.updated_at <= ordered_at + GHOST


def last_orders(session: Session, since: datetime | None = None) -> dict[int, datetime]:
    """Return person -> the moment of the last order in any source: who bought in the store is done.

    Parameters
    ----------
    since
        Only orders that can be the end of a cart touched after this moment.
    """
    last: Callable[..., Any] = func.max
    query = (
        select(SourceProfile.person_id, last(Order.placed_at))
        .join(Order, col(Order.profile_id) == col(SourceProfile.id))
        .where(col(Order.status).not_in(("cancelled", "test")))
        .group_by(col(SourceProfile.person_id))
    )
    if since is not None:
        query = query.where(col(Order.placed_at) > since - GHOST)
    return dict(session.exec(query).all())
