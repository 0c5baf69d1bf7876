"""Every night: is what we hold of a shop as it is there, and does the shop still tell us?

Webhooks get lost. So each night what changed since the last reading, and for a day before it, is
read again; some records are compared as a whole; orders are counted by month; and once a week all
ids are compared, as nothing else shows what was deleted unseen. What differs is put right, and
counted for the page Status.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlmodel import Session, SQLModel, col, func, select

from connectors.base import Connector, Dated, Page
from connectors.errors import ConnectorError, NotAuthorized, Retryable
from connectors.records import Customer, Deleted, Record
from integration.context import Context
from integration.db import scoped
from integration.pipeline import start_import, start_refresh
from integration.shops import months
from integration.shops.anew import read_anew
from integration.sources import hidden_before, look_after_hooks, open_source
from integration.store.common import alone, content_hash, known
from integration.store.deleted import write_deleted
from integration.store.page import write_page
from integration.tables import (
    ImportRun,
    Inbox,
    Order,
    Product,
    Shop,
    SourceProfile,
    Work,
)
from integration.work.queue import Job, defer

_log = structlog.get_logger(__name__)

KIND = "shop_check"
#: Sources that change only when somebody hands over something new.
STILL = ("demo", "files")
#: Records of a stream compared as a whole in one night.
SAMPLE = 25
#: All ids are compared this often.
WEEK = timedelta(days=7)
#: Missing records that are deleted at once: at most these, or this share of what we hold. More is
#: a right that was taken away or an answer that was cut, rather than a merchant who tidied up.
MOST_GONE, SHARE_GONE = 20, 0.05
#: Records fetched in one night because we have never heard of them.
_MOST_NEW = 500
#: A shop that had orders and told of none for so long is silent.
QUIET = timedelta(hours=24)
_TABLES: dict[str, type[SQLModel]] = {
    "customers": SourceProfile,
    "products": Product,
    "orders": Order,
}


@dataclass
class Drift:
    """What one night found; kept with the shop, as `config["check"]`."""

    at: str = ""
    #: Records compared as a whole, and how many of them were not as they are there.
    compared: int = 0
    differed: int = 0
    #: By comparing ids; None in a night without it.
    ids_at: str | None = None
    added: int = 0
    deleted: int = 0
    #: The same figures ("compared", "differed", "added", "deleted") by stream; none where all is 0.
    streams: dict[str, dict[str, int]] = field(default_factory=dict)
    #: Months in which the shop had another number of orders: see `months.Month`.
    months: list[dict[str, Any]] = field(default_factory=list)
    #: Whether so many orders lacked that the whole history is read anew.
    anew: bool = False
    #: Records that are not there any more, but are too many to be deleted without being asked.
    doubtful: int = 0
    #: Since when the shop tells us nothing, though something happened in it; None: it tells.
    silent_since: str | None = None
    #: Topic -> why the shop does not tell us of it.
    untold: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def when(self) -> datetime | None:
        """Return when that was."""
        return datetime.fromisoformat(self.at) if self.at else None

    @property
    def silent(self) -> datetime | None:
        """Return since when the shop tells us nothing."""
        return datetime.fromisoformat(self.silent_since) if self.silent_since else None

    @property
    def found(self) -> int:
        """How many records were put right."""
        return self.differed + self.added + self.deleted

    def count(self, what: str, stream: str, more: int) -> None:
        """Add to a figure of the report, as a whole and by stream."""
        if more:
            setattr(self, what, getattr(self, what) + more)
            own = self.streams.setdefault(stream, {})
            own[what] = own.get(what, 0) + more


def last(shop: Shop) -> Drift | None:
    """Return what the last night found; None before the first."""
    kept: dict[str, Any] | None = shop.config.get("check")
    return None if kept is None else Drift(**kept)


def start(context: Context, session: Session, since: datetime) -> None:
    """Write down that an account's shops are to be read on and compared, once after `since`.

    One whose first reading failed is read again, for what was lacking may have been granted since;
    there is nothing yet to compare. A reading that was given up is no reason to read no more.
    """
    query = select(Shop).where(
        col(Shop.disconnected_at).is_(None), col(Shop.platform).not_in(STILL)
    )
    for shop in session.exec(query).all():
        checked = last(shop)
        looked_at = datetime.fromisoformat(checked.at) if checked else None
        if looked_at is not None and looked_at >= since:
            continue
        _end_given_up(session, shop, context.clock())
        mine = select(ImportRun.status, ImportRun.started_at).where(ImportRun.shop_id == shop.id)
        runs = session.exec(mine).all()
        states = {status for status, _ in runs}
        if not runs or "running" in states or _is_asked(session, shop):
            continue
        is_read = "done" in states
        if is_read or max(started_at for _, started_at in runs) < since:
            start_import(session, context, shop, name=shop.name)
        if is_read:
            account_id = session.info["account_id"]
            # Of the readings' lane: it comes after this night's.
            lane, payload = f"account:{account_id}:import", {"shop_id": shop.id}
            defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload)


def _end_given_up(session: Session, shop: Shop, now: datetime) -> None:
    """End readings whose work was given up, as after a night without a network."""
    query = select(ImportRun).where(ImportRun.shop_id == shop.id, ImportRun.status == "running")
    running = session.exec(query).all()
    if not running:
        return
    dead = select(Work).where(Work.kind == "import", Work.status == "dead")
    lost = {work.payload["run_id"] for work in session.exec(dead)}
    for run in running:
        if run.id in lost:
            run.status, run.finished_at = "failed", now
    session.flush()


def _is_asked(session: Session, shop: Shop) -> bool:
    alive = select(Work).where(
        Work.kind == KIND, col(Work.status).in_(("queued", "running", "resting"))
    )
    return any(work.payload["shop_id"] == shop.id for work in session.exec(alive))


def check(context: Context, job: Job) -> None:
    """Compare a shop with what we hold of it, put right what differs, and keep what was found.

    Raises
    ------
    Retryable
    """
    with scoped(context.engine, job.account_id) as session:
        shop = session.get(Shop, job.payload["shop_id"])
        if shop is None or shop.disconnected_at is not None:
            return
        before = last(shop)
        connector = open_source(session, shop, {}, context=context)
    now = context.clock()
    found = _so_far(job) or Drift(at=now.isoformat(), ids_at=before.ids_at if before else None)
    night = _Night(context, job, shop.id or 0, connector, found)
    try:
        found.untold = look_after_hooks(context, shop)
        night.compare_some()
        is_odd = night.compare_months(before)
        if is_odd or found.ids_at is None or now - datetime.fromisoformat(found.ids_at) >= WEEK:
            night.compare_ids()
            found.ids_at = now.isoformat()
    except Retryable:
        raise
    except ConnectorError as error:
        found.error = str(error)
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        silent = _silent_since(session, shop, now)
        found.silent_since = silent.isoformat() if silent else None
        row = session.get_one(Shop, shop.id)
        row.config = {**row.config, "check": asdict(found)}
        session.flush()
        job.end(session)
    if found.found or found.silent_since or found.error:
        _log.warning("A shop was not in step", shop_id=shop.id, records=found.found)


def _so_far(job: Job) -> Drift | None:
    """Return what an earlier try put right, which looks right now; it compares all anew."""
    kept = job.payload.get("found")
    if kept is None:
        return None
    found = Drift(**kept)
    found.compared = found.doubtful = 0
    for own in found.streams.values():
        own.pop("compared", None)
    return found


class _Night:
    """One comparison of one shop."""

    def __init__(
        self, context: Context, job: Job, shop_id: int, connector: Connector, found: Drift
    ) -> None:
        self._context, self._job, self._shop_id = context, job, shop_id
        self._connector, self._found = connector, found
        self._streams = [one.name for one in connector.streams if one.name in _TABLES]
        #: Of an earlier try too, by name.
        self._months = {one["month"]: months.Month(**one) for one in found.months}

    def compare_some(self) -> None:
        """Compare some records as a whole."""
        for stream in self._streams:
            with scoped(self._context.engine, self._job.account_id) as session:
                ours = sorted(_held(session, self._shop_id, stream))
            # Not the same ones night by night.
            chosen = random.Random(f"{self._found.at} {stream}").sample(  # noqa: S311  # no secret
                ours, min(SAMPLE, len(ours))
            )
            records = [record for key in chosen for record in self._fetched(stream, key)]
            self._found.count("compared", stream, len(chosen))
            self._put_right(records, partial(self._found.count, "differed", stream))

    def compare_months(self, before: Drift | None) -> bool:
        """Read what lacks in a month; tell whether more is here than there in any.

        A month that differs as it did last night is left alone: some records cannot be read.
        """
        if not isinstance(self._connector, Dated):
            return False
        with scoped(self._context.engine, self._job.account_id) as session:
            until = _read_until(session, self._shop_id)
            differs = months.different(session, self._shop_id, self._connector, until)
            ours = _held(session, self._shop_id, "orders") if differs else set()
        fresh = months.not_yet_told(differs, before.months if before else ())
        self._months = {month.month: month for _, month in differs} | self._months
        room = _MOST_NEW
        for span, month in fresh:
            if month.there > month.here:
                lack = sorted(set(self._connector.keys_between(span.start, span.end)) - ours)
                self._add("orders", lack[: max(room, 0)], self._months[month.month])
                room -= len(lack)
        if room < 0:
            self._read_anew()
        self._found.months = [asdict(month) for month in self._months.values()]
        return months.has_surplus(fresh)

    def compare_ids(self) -> None:
        """Find what was deleted or made unseen."""
        for stream in self._streams:
            theirs = set(self._connector.keys(stream))
            with scoped(self._context.engine, self._job.account_id) as session:
                ours = _held(session, self._shop_id, stream)
                gone = ours - theirs
                if stream == "orders":
                    shop = session.get_one(Shop, self._shop_id)
                    since = hidden_before(session, shop, self._context.clock())
                    gone = _within(session, self._shop_id, gone, theirs, since)
            self._delete(stream, sorted(gone), len(ours))
            self._add(stream, sorted(theirs - ours)[:_MOST_NEW])

    def _add(self, stream: str, keys: Sequence[str], month: months.Month | None = None) -> None:
        """Fetch records that lack here, those of a month for orders; note how many were had."""

        def had(news: int) -> None:
            self._found.count("added", stream, min(news, 1))
            if month is not None:
                month.added += min(news, 1)

        for key in keys:
            self._put_right(self._fetched(stream, key), had)

    def _read_anew(self) -> None:
        """Have all orders read again: too many lack to be fetched one by one."""
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            shop = session.get_one(Shop, self._shop_id)
            read_anew(session, self._context, shop, ("orders",))
        self._found.anew = True

    def _fetched(self, stream: str, key: str) -> Sequence[Record]:
        self._job.report(None, stream)
        try:
            return self._connector.fetch(stream, key)
        except (Retryable, NotAuthorized):
            raise
        except ConnectorError as error:
            _log.warning("A record could not be read", stream=stream, cause=type(error).__name__)
            return ()

    def _put_right(self, records: Sequence[Record], tell: Callable[[int], None]) -> None:
        """Store records; `tell` hears how many were not here as they are."""
        if not records:
            return
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            alone(session)
            tell(sum(_differs(session, self._shop_id, record) for record in records))
            page = Page(records=records, cursor_after={})
            written = write_page(session, self._shop_id, page, self._context.clock())
            if written.people:
                start_refresh(session, people=written.people)
            self._note(session)

    def _note(self, session: Session) -> None:
        """Keep what was found with what was put right: a later try finds nothing of it any more."""
        self._found.months = [asdict(month) for month in self._months.values()]
        work = session.get_one(Work, self._job.id)
        work.payload = {**work.payload, "found": asdict(self._found)}

    def _delete(self, stream: str, gone: Sequence[str], held: int) -> None:
        if len(gone) > max(MOST_GONE, SHARE_GONE * held):
            self._found.doubtful += len(gone)
            return
        # Asked one by one: a list may be cut short.
        sure = [Deleted(stream=stream, key=key) for key in gone if not self._fetched(stream, key)]
        if not sure:
            return
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            alone(session)
            people = write_deleted(session, self._shop_id, sure, self._context.clock())
            start_refresh(session, people=None if stream == "products" else people)
            self._found.count("deleted", stream, len(sure))
            self._note(session)


def _read_until(session: Session, shop_id: int) -> datetime:
    """Return up to when everything has been read, to the second."""
    began = select(func.max(ImportRun.started_at)).where(
        ImportRun.shop_id == shop_id, ImportRun.status == "done"
    )
    found: datetime = session.exec(began).one()
    return found.replace(microsecond=0)


def _held(session: Session, shop_id: int, stream: str) -> set[str]:
    """Return the ids of a stream that we hold as the shop's own records."""
    table: type[Any] = _TABLES[stream]
    mine = select(table.external_id).where(table.shop_id == shop_id, table.content_hash != "")
    return set(session.exec(mine))


def _within(
    session: Session,
    shop_id: int,
    missing: Collection[str],
    theirs: Collection[str],
    since: datetime | None,
) -> set[str]:
    """Return which of the missing orders the shop would let us see.

    None is older than everything that it shows, and none was placed before `since`: among what it
    shows may be an order that was placed long ago and brought in lately.
    """
    if not missing:
        return set()
    rows = session.exec(
        select(Order.external_id, Order.placed_at).where(Order.shop_id == shop_id)
    ).all()
    seen = [placed_at for key, placed_at in rows if key in theirs]
    if not seen:
        return set()
    oldest = max(min(seen), since or min(seen))
    return {key for key, placed_at in rows if key in missing and placed_at >= oldest}


def _differs(session: Session, shop_id: int, record: Record) -> bool:
    """Tell whether a record is not here as it is; one that is older than ours does not count."""
    for table, stream in ((table, stream) for stream, table in _TABLES.items()):
        if type(record).__name__.lower() + "s" == stream:
            held = known(session, table, shop_id, [record.id]).get(record.id)
            if held is not None and isinstance(record, Customer):
                record = _as_scored(session, held.id, record)
            return held is None or held.content_hash != content_hash(record)
    return False


def _as_scored(session: Session, profile_id: int, record: Customer) -> Customer:
    """Return a customer with the scores that we hold: those move by themselves, day by day."""
    row = session.get_one(SourceProfile, profile_id)
    return replace(record, their_group=row.their_group, their_tier=row.their_tier)


def _silent_since(session: Session, shop: Shop, now: datetime) -> datetime | None:
    """Return the last webhook's moment where the shop went on and told nothing of it."""
    told = session.exec(select(func.max(Inbox.received_at)).where(Inbox.shop_id == shop.id)).one()
    happened = session.exec(
        select(func.max(Order.source_updated_at)).where(Order.shop_id == shop.id)
    ).one()
    # Webhooks are kept for a week.
    heard = told or max(shop.created_at, now - WEEK)
    return heard if happened is not None and happened > heard + QUIET else None
