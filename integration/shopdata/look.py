"""What switching a store on would send: counted before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

from sqlmodel import Session

from integration.audience.connect import current_audience, open_mailchimp
from integration.audience.contents import OtherStore, other_stores
from integration.audience.members import read_members
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.client import ROWS_A_CALL
from integration.mailchimp.run import Job
from integration.shopdata import documents, mirror, wanted
from integration.shopdata.buyers import buyers
from integration.shopdata.items import Item, Known, differs, writes
from integration.shopdata.stores import own_ids, stores
from integration.tables import ShopStore

#: Calls that one batch costs: hand in, ask, fetch the results.
_CALLS_A_BATCH = 3


def shop_look(context: Context, job: Job) -> None:
    """Store for every source what would be sent, and which other stores the audience has.

    Raises
    ------
    MailchimpError
    """
    audience = current_audience(context, job.account_id)
    read_members(context, audience, lease=job)
    with scoped(context.engine, job.account_id) as session:
        own = own_ids(session, audience)
    others = other_stores(open_mailchimp(context, audience), own)
    with scoped(context.engine, job.account_id) as session:
        for _, store in stores(session, audience, keep=True):
            store.preview = _preview(context, session, store, others)
            store.looked_at = context.clock()


def _preview(
    context: Context,
    session: Session,
    store: ShopStore,
    others: Iterable[OtherStore],
) -> dict[str, Any]:
    counted = _Counted(session, store)
    counted.all(context)
    return {
        **counted.changes,
        "calls": counted.calls,
        "left_out": counted.left_out,
        "returns": wanted.returns(session, store),
        "others": [{"name": s.name, "platform": s.platform} for s in others],
    }


class _Counted:
    """Goes through what would be sent, as a run does, and only counts."""

    def __init__(self, session: Session, store: ShopStore) -> None:
        self._session, self._store = session, store
        self.changes = Counter[str](products=0, customers=0, orders=0, carts=0)
        self.left_out = 0
        self._writes = 0
        self._batches = 0
        self._there: set[str] = set()

    @property
    def calls(self) -> int:
        """About how many requests."""
        return self._batches * _CALLS_A_BATCH

    def all(self, context: Context) -> None:
        """Count products, customers, orders and carts."""
        session, store = self._session, self._store
        for window in wanted.windows(partial(wanted.catalogue, session, store)):
            self._there |= {one.key for one in window}
            self._count("products", [one for one in window if one.kind == "product"])
        known = self._known("customer")
        who = buyers(session, store, known)
        self._count("customers", who.items)
        for sales in wanted.windows(partial(wanted.orders, session, store, who)):
            self._sales("orders", sales)
        self._sales("carts", wanted.carts(session, store, who, context.clock()))

    def _sales(self, name: str, sales: list[wanted.Sale]) -> None:
        fresh = [sale for sale in sales if not sale.item.only_if_there]
        self.left_out += len(sales) - len(fresh)
        products = {documents.product_key(line)[0] for sale in fresh for line in sale.lines}
        stubs = products - self._there - self._known("product").keys()
        self._there |= products
        self.changes["products"] += len(stubs)
        self._add(len(stubs))
        self._count(name, [sale.item for sale in sales])

    def _count(self, name: str, items: list[Item]) -> None:
        if not items:
            return
        known = self._known(items[0].kind)
        todo = [one for one in items if differs(one, known.get(one.key))]
        self.changes[name] += len(todo)
        self._add(sum(len(writes(one, known.get(one.key) or Known())) for one in todo))

    def _add(self, calls: int) -> None:
        self._batches += -(-calls // ROWS_A_CALL)

    def _known(self, kind: str) -> dict[str, Known]:
        return mirror.known(self._session, self._store.id or 0, kind)
