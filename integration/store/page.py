"""One page of a connector into the tables, whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session

from connectors.base import Page
from connectors.records import (
    BadRecord,
    Cart,
    ConsentEvent,
    Customer,
    Order,
    Product,
    Record,
    Refund,
    Touchpoint,
)
from integration.store.catalogue import write_products
from integration.store.common import alone
from integration.store.erased import without_erased
from integration.store.moments import write_carts, write_consent, write_touchpoints
from integration.store.orders import write_orders, write_refunds
from integration.store.profiles import write_customers

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Written:
    """What a page changed."""

    #: Persons whose facts changed.
    people: frozenset[int]
    #: Records read, whether or not they changed anything.
    records: int
    #: Records that were not stored because they contradict what is known.
    rejects: tuple[BadRecord, ...] = ()
    #: Records about people who were erased: their orders count without a person.
    erased: int = 0


def write_page(session: Session, shop_id: int, page: Page, now: datetime) -> Written:
    """Store a page's records in the caller's transaction.

    `now` is the moment we received them. The order is that of dependence: an order may name a
    customer of the same page.
    """
    alone(session)
    records, erased = without_erased(session, shop_id, page.records)
    people = write_customers(session, shop_id, _only(records, Customer), now)
    write_products(session, shop_id, _only(records, Product))
    bought, refused = write_orders(session, shop_id, _only(records, Order), now)
    people |= bought
    people |= write_refunds(session, shop_id, _only(records, Refund))
    people |= write_carts(session, shop_id, _only(records, Cart), now)
    people |= write_consent(session, shop_id, _only(records, ConsentEvent), now)
    people |= write_touchpoints(session, shop_id, _only(records, Touchpoint), now)
    return Written(
        people=frozenset(people), records=len(page.records), rejects=tuple(refused), erased=erased
    )


def _only(records: Sequence[Record], kind: type[_T]) -> list[_T]:
    return [record for record in records if isinstance(record, kind)]
