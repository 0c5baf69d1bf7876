"""Records that are gone at the source, and customers that became one there.

What a shop deletes is its own affair and no wish of a person to be forgotten (see `privacy`): an
order goes with its refunds, a product is not offered any more but stays with what was bought of it,
and of a customer everything that names him goes. His orders stay under his number, and what he said
about permission stays: a withdrawal has to outlive the account it was made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session, SQLModel, col, delete, select, update

from connectors.base import Merged
from connectors.records import Deleted
from integration.store.common import known, parts
from integration.store.moments import persons_of_carts
from integration.store.orders import persons_of_orders
from integration.store.profiles import Ref, forget, persons_of, recognise, resolve
from integration.tables import (
    Cart,
    Consent,
    Order,
    Product,
    Refund,
    SourceProfile,
    Touchpoint,
    Visitor,
)

#: Tables whose rows are a profile's doings.
_FACTS: tuple[type[SQLModel], ...] = (Order, Cart, Consent, Touchpoint, Visitor)


def write_deleted(
    session: Session, shop_id: int, deleted: Sequence[Deleted], now: datetime
) -> set[int]:
    """Take out what is gone at the source; return the persons whose facts changed."""
    keys: dict[str, list[str]] = {}
    for one in deleted:
        keys.setdefault(one.stream, []).append(one.key)
    people = _drop_orders(session, shop_id, keys.get("orders", ()))
    people |= _drop_refunds(session, shop_id, keys.get("refunds", ()))
    people |= _drop_carts(session, shop_id, keys.get("carts", ()))
    _withdraw_products(session, shop_id, keys.get("products", ()))
    people |= _blank_customers(session, shop_id, keys.get("customers", ()), now)
    return people


def write_merged(
    session: Session, shop_id: int, merged: Sequence[Merged], now: datetime
) -> set[int]:
    """Give one customer's doings to the one he became; return the persons whose facts changed."""
    people: set[int] = set()
    for one in merged:
        ids = resolve(session, shop_id, [Ref(one.into)], now)
        gone = known(session, SourceProfile, shop_id, [one.key]).get(one.key)
        if gone is None or one.key == one.into:
            continue
        people |= persons_of(session, [gone.id, ids[one.into]])
        for table in _FACTS:
            facts: type[Order] = table  # type: ignore[assignment]  # each has this column
            mine = update(facts).where(col(facts.profile_id) == gone.id)
            session.exec(
                mine.values(profile_id=ids[one.into]),
                execution_options={"synchronize_session": False},
            )
        people |= forget(session, shop_id, [one.key], now)
        people |= recognise(session, shop_id, [one.into], now)
    return people


def _drop_orders(session: Session, shop_id: int, keys: Iterable[str]) -> set[int]:
    keys = list(keys)
    people = persons_of_orders(session, shop_id, keys)
    for part in parts(keys):
        refunds = (col(Refund.shop_id) == shop_id, col(Refund.order_external_id).in_(part))
        session.exec(delete(Refund).where(*refunds))
        orders = (col(Order.shop_id) == shop_id, col(Order.external_id).in_(part))
        session.exec(delete(Order).where(*orders))  # its lines go with it
    return people


def _drop_refunds(session: Session, shop_id: int, keys: Iterable[str]) -> set[int]:
    people: set[int] = set()
    for part in parts(keys):
        mine = (col(Refund.shop_id) == shop_id, col(Refund.external_id).in_(part))
        orders = session.exec(select(Refund.order_external_id).where(*mine)).all()
        people |= persons_of_orders(session, shop_id, orders)
        session.exec(delete(Refund).where(*mine))
    return people


def _drop_carts(session: Session, shop_id: int, keys: Iterable[str]) -> set[int]:
    keys = list(keys)
    people = persons_of_carts(session, shop_id, keys)
    for part in parts(keys):
        session.exec(
            delete(Cart).where(col(Cart.shop_id) == shop_id, col(Cart.external_id).in_(part))
        )
    return people


def _withdraw_products(session: Session, shop_id: int, keys: Iterable[str]) -> None:
    for part in parts(keys):
        mine = (col(Product.shop_id) == shop_id, col(Product.external_id).in_(part))
        # Without a hash: when it comes back its own record differs from this.
        session.exec(
            update(Product).where(*mine).values(status="archived", content_hash=""),
            execution_options={"synchronize_session": False},
        )


def _blank_customers(
    session: Session, shop_id: int, keys: Iterable[str], now: datetime
) -> set[int]:
    keys = list(keys)
    held = known(session, SourceProfile, shop_id, keys)
    ids = [row.id for row in held.values()]
    people = persons_of(session, ids)
    for part in parts(ids):
        session.exec(delete(Cart).where(col(Cart.profile_id).in_(part)))
        session.exec(delete(Visitor).where(col(Visitor.profile_id).in_(part)))
    return people | forget(session, shop_id, list(held), now)
