"""A shop's webhooks, from the inbox into the tables.

They come late, twice and in any order, and only their body is signed: so they are hints. What they
name is read again from the shop, once for all that wait and name the same, and what is read now
counts. The effect, and that a webhook had it, are one transaction. A deletion counts when the shop
says so and no longer has the record; that we were removed counts when the shop refuses us, or has
answered nothing for a week.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlmodel import Session, col, select

from connectors.base import (
    AccessAsked,
    Change,
    Connector,
    ErasureAsked,
    Merged,
    Page,
    Refetch,
    ShopErasureAsked,
    SomeDeleted,
    Uninstalled,
)
from connectors.errors import ConnectorError, NotAuthorized, NotGenuine, Retryable
from connectors.records import Deleted, Product, Record
from integration.context import Context
from integration.db import scoped
from integration.pipeline import start_refresh
from integration.privacy import asked
from integration.shopdata.wanted import CART_LIFE
from integration.shops.leaving import leave
from integration.sources import access, forget_files, open_source
from integration.store.common import alone
from integration.store.deleted import write_deleted, write_merged
from integration.store.offered import offered
from integration.store.page import write_page
from integration.tables import Cart, Inbox, Shop
from integration.work.execute import cause
from integration.work.queue import Job

_log = structlog.get_logger(__name__)

#: Webhooks taken at once: a retry begins with the first of them again.
_A_TIME = 50
#: That we were removed is believed of a shop that could not be asked for so long.
SILENT = timedelta(days=7)
#: What a shop has just told of may not be in its own lists yet: it is asked for again after this,
#: by the look of each minute.
_SETTLES = timedelta(seconds=30)


class ShutOut(Exception):
    """The shop refuses us altogether: its webhooks wait until the merchant has connected again."""

    rests = True


@dataclass
class Wish:
    """What some webhooks ask for together."""

    #: Stream and key of what is to be read again; True where one said that it is gone.
    named: dict[tuple[str, str], bool] = field(default_factory=dict)
    #: Streams of which something was deleted that no record is called by.
    compared: set[str] = field(default_factory=set)
    told: list[Record] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    asked: list[AccessAsked | ErasureAsked | ShopErasureAsked] = field(default_factory=list)
    is_removed: bool = False
    #: Webhook -> why it has no effect.
    errors: dict[int, str] = field(default_factory=dict)
    #: Stream and key -> the webhooks that say it has changed.
    said_by: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    @property
    def is_request(self) -> bool:
        """Whether somebody asks something, and nothing has to be read of the shop for it."""
        others = (self.named, self.compared, self.told, self.merged, self.is_removed)
        return bool(self.asked) and not any(others)

    def add(self, change: Change) -> None:
        """Take one more change in; several about one record are one."""
        match change:
            case Refetch():
                self.named.setdefault((change.stream, change.key), False)
            case Deleted():
                self.named[change.stream, change.key] = True
            case SomeDeleted():
                self.compared.add(change.stream)
            case Merged():
                self.merged.append(change)
                self.named.setdefault(("customers", change.into), False)
            case Uninstalled():
                self.is_removed = True
            case AccessAsked() | ErasureAsked() | ShopErasureAsked():
                self.asked.append(change)
                # Asked of who has left: where we were not told of it, look whether that is so.
                self.is_removed |= isinstance(change, ShopErasureAsked)
            case _:
                self.told.append(change)


@dataclass
class Found:
    """What the shop has now of what was asked for."""

    records: list[Record] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)
    #: Not there, though nobody said that it is gone.
    missing: list[tuple[str, str]] = field(default_factory=list)


def apply_events(context: Context, job: Job) -> None:
    """Apply all webhooks of a shop that wait.

    Raises
    ------
    ShutOut, Retryable
    """
    left: set[int] = set()
    while _apply_some(context, job, left):
        pass


def _apply_some(context: Context, job: Job, left: set[int]) -> bool:
    """Apply the oldest that wait but for those `left` for later; tell whether there were any."""
    with scoped(context.engine, job.account_id) as session:
        shop = session.get(Shop, job.payload["shop_id"])
        waiting = _waiting(session, job.payload["shop_id"], without=left)
    if shop is None or not waiting:
        return False
    try:
        left |= _apply(context, job, shop, waiting)
    except ShutOut:
        removals = _take_requests(context, job, shop)
        if not removals:
            raise
        # It is why the shop refuses us, however many wait before it.
        _apply(context, job, shop, removals)
    except Retryable:
        since = context.clock() - SILENT
        late = [kept for kept in _take_requests(context, job, shop) if kept.received_at < since]
        if not late:
            raise
        # A store that was closed never refuses us: it answers nothing any more.
        _apply(context, job, shop, late, is_gone=True)
    return True


def _apply(
    context: Context, job: Job, shop: Shop, waiting: Sequence[Inbox], *, is_gone: bool = False
) -> set[int]:
    """Apply some webhooks; return those that are left for later, as the shop is behind with them.

    With `is_gone` what they say of the shop itself is believed.

    Raises
    ------
    ShutOut, Retryable
    """
    with scoped(context.engine, job.account_id) as session:
        connector = open_source(session, shop, {}, context=context)
        known = access(session, shop)
    wish = _wish(connector, waiting)
    found = Found() if is_gone else _ask(context, shop, connector, wish)
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        row = session.get_one(Shop, shop.id)
        if wish.is_removed and access(session, row) != known:
            raise Retryable("the shop let us in anew while we looked whether it removed us")
        if shop.disconnected_at is None:
            _store(session, context, row, wish, found)
        # After what they are about was stored: whoever is to be forgotten may be in it.
        for request in wish.asked:
            asked.take(session, context, row, request)
        early = _too_early(context, waiting, wish, found)
        _mark(session, context, [one for one in waiting if one.id not in early], wish)
    return early


def _too_early(context: Context, waiting: Iterable[Inbox], wish: Wish, found: Found) -> set[int]:
    """Return the webhooks of just now about what the shop does not list (yet)."""
    told = set().union(*(wish.said_by.get(one, set()) for one in found.missing))
    settled = context.clock() - _SETTLES
    return {one.id for one in waiting if one.id in told and one.received_at > settled}


def _ask(context: Context, shop: Shop, connector: Connector, wish: Wish) -> Found:
    """Return what the shop has of what webhooks name; nothing of one that removed us.

    Raises
    ------
    ShutOut, Retryable
    """
    if shop.disconnected_at is not None:
        return Found()
    _look_whether_removed(connector, wish)
    if wish.is_removed:
        return Found()
    if "carts" in wish.compared:
        _name_gone(context, shop, connector, wish)
    return _read(connector, wish)


def _take_requests(context: Context, job: Job, shop: Shop) -> list[Inbox]:
    """Take what was asked on behalf of people though the shop cannot be read, which may last.

    What is read of somebody later, once he is forgotten, is nobody's. Return those that say that
    the shop removed us.
    """
    removals: list[Inbox] = []
    last = 0
    while True:
        with scoped(context.engine, job.account_id) as session:
            waiting = _waiting(session, shop.id or 0, after=last)
            connector = open_source(session, shop, {}, context=context)
        if not waiting:
            return removals
        last = waiting[-1].id or 0
        wishes = [(kept, _wish(connector, [kept])) for kept in waiting]
        removals += [kept for kept, wish in wishes if wish.is_removed]
        with scoped(context.engine, job.account_id) as session:
            job.extend(session)
            alone(session)
            row = session.get_one(Shop, shop.id)
            for kept, wish in wishes:
                if wish.is_request:
                    for request in wish.asked:
                        asked.take(session, context, row, request)
                    _mark(session, context, [kept], wish)


def _waiting(
    session: Session, shop_id: int, *, after: int = 0, without: Collection[int] = ()
) -> list[Inbox]:
    query = select(Inbox).where(
        Inbox.shop_id == shop_id, col(Inbox.applied_at).is_(None), col(Inbox.id) > after
    )
    if without:
        query = query.where(col(Inbox.id).not_in(without))
    return list(session.exec(query.order_by(col(Inbox.id)).limit(_A_TIME)))


def _wish(connector: Connector, waiting: Iterable[Inbox]) -> Wish:
    """Put together what webhooks say; one that cannot be read keeps none of the others."""
    wish = Wish()
    for row in waiting:
        try:
            changes = connector.parse_hook(row.headers, row.body)
        except (NotGenuine, ConnectorError, ValueError, KeyError, TypeError) as error:
            wish.errors[row.id or 0] = cause(error)
            continue
        for change in changes:
            wish.add(change)
            if isinstance(change, Refetch):
                wish.said_by.setdefault((change.stream, change.key), set()).add(row.id or 0)
    return wish


def _look_whether_removed(connector: Connector, wish: Wish) -> None:
    """Believe that we were removed only where the shop refuses us; it may have us again."""
    if not wish.is_removed:
        return
    try:
        connector.check()
    except NotAuthorized:
        return
    wish.is_removed = False


def _name_gone(context: Context, shop: Shop, connector: Connector, wish: Wish) -> None:
    """Name the open carts that the shop no longer lists; each is asked for before it goes."""
    since = context.clock() - CART_LIFE
    mine = select(Cart.external_id).where(
        Cart.shop_id == shop.id,
        col(Cart.order_external_id).is_(None),
        col(Cart.updated_at) >= since,
    )
    with scoped(context.engine, shop.account_id) as session:
        ours = set(session.exec(mine))
    theirs = set(connector.keys("carts")) if ours else set()
    for key in sorted(ours - theirs):
        wish.add(Deleted(stream="carts", key=key))


def _read(connector: Connector, wish: Wish) -> Found:
    found = Found(records=list(wish.told))
    for (stream, key), is_said_gone in wish.named.items():
        try:
            records = connector.fetch(stream, key)
        except Retryable:
            raise
        except NotAuthorized as error:
            _check_for_right(connector, error)
            _log.warning("A record may not be read", stream=stream, cause=cause(error))
            continue
        except ConnectorError as error:
            # The nightly comparison reads it again; the others need not wait for it.
            _log.warning("A record could not be read", stream=stream, cause=cause(error))
            continue
        found.records += records
        if records:
            continue
        # Not there, but not said to be gone: it may be out of what we may see.
        if is_said_gone:
            found.deleted.append(Deleted(stream=stream, key=key))
        else:
            found.missing.append((stream, key))
    return found


def _check_for_right(connector: Connector, error: NotAuthorized) -> None:
    """Tell a shop that refuses us altogether from one that lacks a right."""
    try:
        connector.check()
    except NotAuthorized:
        raise ShutOut(str(error)) from error


def _store(session: Session, context: Context, shop: Shop, wish: Wish, found: Found) -> None:
    assert shop.id is not None
    if wish.is_removed:
        leave(session, shop, context.clock())
        forget_files(context, shop)
        return
    alone(session)
    now = context.clock()
    products = [record.id for record in found.records if isinstance(record, Product)]
    products += [one.key for one in found.deleted if one.stream == "products"]
    before = offered(session, shop.id, products)
    written = write_page(session, shop.id, Page(records=found.records, cursor_after={}), now)
    people = set(written.people)
    # Before the one who is no more is emptied: what he did is not gone with him.
    people |= write_merged(session, shop.id, wish.merged, now)
    people |= write_deleted(session, shop.id, found.deleted, now)
    # What cannot be bought any more may have been proposed to anybody. What else changes of a
    # product, a price or some stock, waits for the night: shops tell of it all day long.
    if before - offered(session, shop.id, products):
        start_refresh(session)
    elif people:
        start_refresh(session, people=people)


def _mark(session: Session, context: Context, waiting: Sequence[Inbox], wish: Wish) -> None:
    now = context.clock()
    ids = [row.id for row in waiting]
    for row in session.exec(select(Inbox).where(col(Inbox.id).in_(ids))):
        row.applied_at = now
        row.error = wish.errors.get(row.id or 0)
        row.body = b""  # it may name somebody, and nothing asks for it any more
