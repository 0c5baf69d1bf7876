"""The way through the house, top to bottom: read a source, compute, plan, push, take back.

Each function here is the handler of one kind of work. It may be killed at any moment and is then
run again from the start: everything that is done stands in a committed row, so it goes on where it
was. Sources are read page by page, and a page's rows and the cursor behind it are one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from connectors.base import Connector, Page
from connectors.errors import ConnectorError, NeedsAnswer, Retryable
from connectors.records import Product
from integration import cursors, history, pace, uploads
from integration.audience import hooks, keep, members, restraint
from integration.audience import plan as audience_plan
from integration.audience.connect import current_audience
from integration.audience.members import read_members
from integration.audience.undo import make_undo
from integration.campaigns import rules as campaign_rules
from integration.changed import both, few
from integration.collector import spared
from integration.context import Context
from integration.db import scoped, take_stock, upsert
from integration.flows import switches as flow_switches
from integration.mailchimp.push import publish
from integration.shopdata import stores as shop_stores
from integration.sources import open_source, place, remember, source_key, system_of
from integration.store.common import alone
from integration.store.erased import rejects_without_erased
from integration.store.page import write_page
from integration.tables import Account, ImportRun, Reject, Shop, Work
from integration.work.execute import cause
from integration.work.queue import AT_ONCE, Job, defer, wake_resting
from integration.work.runner import wake_due

#: A computation that meets a reading waits for its end, which comes before this or wakes it.
_AFTER_READING = timedelta(minutes=5)
#: States of a reading that will not be gone on with; one that waits for an answer will.
_OVER = ("done", "failed")


def start_import(
    session: Session,
    context: Context,
    shop: Shop,
    *,
    name: str,
    source: dict[str, Any] | None = None,
    as_of: date | None = None,
) -> int:
    """Write down that a source is to be read; return the run's id.

    `source` says which files and options (see `sources.open_source`); `as_of` is handed to the
    computation that follows the reading.
    """
    now = context.clock()
    account_id = session.info["account_id"]
    run = ImportRun(account_id=account_id, shop_id=shop.id or 0, name=name, started_at=now)
    session.add(run)
    session.flush()
    defer(
        session,
        account_id=account_id,
        kind="import",
        lane=f"account:{account_id}:import",
        payload={
            "run_id": run.id,
            "source": source or {},
            "as_of": as_of.isoformat() if as_of else None,
        },
    )
    assert run.id is not None
    return run.id


def import_source(context: Context, job: Job) -> None:
    """Read every stream of a source into the tables, then have everything computed anew."""
    with scoped(context.engine, job.account_id) as session:
        run = session.get_one(ImportRun, job.payload["run_id"])
        shop = session.get_one(Shop, run.shop_id)
    if run.status in _OVER:  # killed between the end and the removal
        uploads.remove(context, job.account_id, job.payload["source"])
        return
    if run.error is not None:
        _say(context, job, None)
    try:
        with scoped(context.engine, job.account_id) as session:
            connector = open_source(session, shop, job.payload["source"], context=context)
        system = system_of(shop, connector)
        with scoped(context.engine, job.account_id) as session:
            job.extend(session)
            run = session.get_one(ImportRun, run.id)
            place(session, run, system, context.clock())
        key = source_key(shop, job.payload["source"])
        _prepare(context, job, connector, run.shop_id, key)
        with spared():
            for stream in connector.streams:
                _read_stream(context, job, connector, stream.name, run.shop_id, key)
    except NeedsAnswer as error:
        _end(context, job, "waiting", json.dumps([asdict(q) for q in error.questions]))
    except Exception as error:
        if isinstance(error, Retryable) or not isinstance(error, ConnectorError):
            # It may take hours or be given up: what others brought is computed meanwhile.
            _say(context, job, cause(error))
            raise
        _end(context, job, "failed", str(error))
    else:
        with scoped(context.engine, job.account_id) as session:
            remember(connector, session.get_one(Shop, run.shop_id))
        _end(context, job, "done", None)


def _prepare(context: Context, job: Job, connector: Connector, shop_id: int, key: str) -> None:
    """Have the platform begin with every stream at once, and write down what was asked of it."""
    with scoped(context.engine, job.account_id) as session:
        states = {
            one.name: cursors.state(session, shop_id, one.name, key) for one in connector.streams
        }
    begun = connector.prepare({name: one.cursor if one else None for name, one in states.items()})
    if not begun:
        return
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        for stream, cursor in begun.items():
            cursors.move(
                session, shop_id, stream, key, now=context.clock(), cursor=cursor, complete=False
            )


def _read_stream(
    context: Context, job: Job, connector: Connector, stream: str, shop_id: int, key: str
) -> None:
    with scoped(context.engine, job.account_id) as session:
        state = cursors.state(session, shop_id, stream, key)
        cursor = state.cursor if state else None
    for page in connector.read(stream, cursor):
        with scoped(context.engine, job.account_id) as session:
            has_more_to_do = _save(session, context, job, stream, page, key)
            share, note = _how_far(session, context, job, stream)
        job.report(page.progress if share is None else share, note)
        if has_more_to_do:
            wake_due(context)


def _how_far(session: Session, context: Context, job: Job, stream: str) -> tuple[float | None, str]:
    """Return the share of the whole that has come, and what to say, for who watches the work."""
    run = session.get_one(ImportRun, job.payload["run_id"])
    streams = pace.progress(session, run, context.clock())
    found = next((one for one in streams if one.stream == stream), None)
    note = stream if found is None else pace.in_words(found, pace.left_s(streams))
    return pace.share(run, streams), note


def _has_products(page: Page) -> bool:
    """A product may be offered to anybody."""
    return any(isinstance(record, Product) for record in page.records)


def _note_changed(session: Session, job: Job, people: Collection[int] | None) -> None:
    """Add to whom the computation at the end of a reading is about; it goes with the page."""
    work = session.get_one(Work, job.id)
    work.payload = {**work.payload, "people": both(work.payload.get("people", ()), people)}


def _compute_early(session: Session, job: Job, page: Page, now: datetime) -> bool:
    """Have the newest part of a first history computed before the rest has come.

    Tells whether that was written down now; somebody has to be woken for it after the commit.
    """
    work = session.get_one(Work, job.id)
    computed_since = work.payload.get("computed_since")
    if not history.is_worth_computing(session, page.known_since, computed_since, now):
        return False
    assert page.known_since is not None
    work.payload = {**work.payload, "computed_since": page.known_since.isoformat()}
    start_refresh(session, as_of=work.payload["as_of"], early=True)
    return True


def _changed(session: Session, job: Job) -> list[int] | None:
    people: list[int] | None = session.get_one(Work, job.id).payload.get("people", [])
    return people


def _save(session: Session, context: Context, job: Job, stream: str, page: Page, key: str) -> bool:
    """Store a page, what was counted, what was rejected and the cursor, in one transaction.

    Tells whether other work was written down with it.
    """
    # First of all: a worker that lost the job to another one must not write.
    job.extend(session)
    now = context.clock()
    run = session.get_one(ImportRun, job.payload["run_id"])
    written = write_page(session, run.shop_id, page, now)
    _note_changed(session, job, None if _has_products(page) else written.people)
    rejects = rejects_without_erased(session, [*page.rejects, *written.rejects])
    counted = {**page.counters, f"{stream} read": written.records}
    if written.erased:
        counted["records of erased people"] = written.erased
    if written.rejects:
        counted["rejected rows"] = counted.get("rejected rows", 0) + len(written.rejects)
    computes = _compute_early(session, job, page, now)
    _, read = pace.counted(page.cursor_after)
    run.pace = {**run.pace, stream: pace.noted(run.pace.get(stream, ()), read, now)}
    totals = {name: run.counters.get(name, 0) + number for name, number in counted.items()}
    run.counters = {**run.counters, **totals}
    upsert(
        session,
        Reject,
        [{**asdict(reject), "run_id": run.id} for reject in rejects],
        key=("run_id", "file", "stream", "row", "column"),
    )
    cursors.move(
        session,
        run.shop_id,
        stream,
        key,
        now=now,
        cursor=page.cursor_after,
        complete=page.complete,
        records=written.records,
        known_since=page.known_since,
    )
    return computes


def _say(context: Context, job: Job, error: str | None) -> None:
    """Note why a reading does not get on, or that it does again."""
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        alone(session)
        session.get_one(ImportRun, job.payload["run_id"]).error = error
        if error is not None:
            start_refresh(session, as_of=job.payload["as_of"], people=_changed(session, job))


def _end(context: Context, job: Job, status: str, error: str | None) -> None:
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        alone(session)
        run = session.get_one(ImportRun, job.payload["run_id"])
        run.status, run.error, run.finished_at = status, error, context.clock()
        run.pace = {}
        start_refresh(session, as_of=job.payload["as_of"], people=_changed(session, job))
    if status in _OVER:
        uploads.remove(context, job.account_id, job.payload["source"])


def start_refresh(
    session: Session,
    *,
    as_of: str | None = None,
    people: Collection[int] | None = None,
    run_at: datetime = AT_ONCE,
    early: bool = False,
) -> None:
    """Write down that everything is to be computed anew (from an ISO date, or from today).

    With `people` it is about them alone where `changed.few` allows. One that waits already will
    see the same rows: a burst of changes is one run, as of the day that was asked for last. One
    that is `early` waits for no reading to end.
    """
    waiting = select(Work).where(Work.kind == "refresh", Work.status == "queued").limit(1)
    found = session.exec(waiting).first()
    if found is not None:
        asked = _asked(found.payload)
        early = early or bool(asked["early"])
        people = both(asked["people"], people)
        found.payload = {"as_of": as_of, "people": people, "early": early}
        found.run_at = AT_ONCE if early else run_at
        return
    account_id = session.info["account_id"]
    defer(
        session,
        account_id=account_id,
        kind="refresh",
        lane=f"account:{account_id}:refresh",
        payload={"as_of": as_of, "people": both(people, ()), "early": early},
        run_at=run_at,
    )


def _asked(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a refresh was asked for; one written down by an earlier version is about everybody."""
    return {name: payload.get(name) for name in ("as_of", "people")} | {
        "early": payload.get("early", False)
    }


def _is_reading(session: Session) -> bool:
    """Tell whether a reading gets on, or waits for its turn, whose end is still to come.

    The end of a reading is committed before its job is: a worker killed in between leaves a job
    that looks alive, and what it deferred must not wait for an end that has been.
    """
    jobs = session.exec(
        select(Work).where(Work.kind == "import", col(Work.status).in_(("queued", "running")))
    ).all()
    runs = select(ImportRun.id).where(
        col(ImportRun.id).in_([job.payload["run_id"] for job in jobs]),
        ImportRun.status == "running",
        col(ImportRun.error).is_(None),
    )
    return session.exec(runs.limit(1)).first() is not None


def _is_put_off(context: Context, job: Job) -> bool:
    """Leave a computation to the reading whose end is to come: that sees more."""
    if job.payload.get("early"):
        return False
    with scoped(context.engine, job.account_id) as session:
        # An end of this very moment either is seen here, or finds what is put off and starts it.
        job.extend(session)
        alone(session)
        if not _is_reading(session):
            return False
        later = context.clock() + _AFTER_READING
        start_refresh(session, **_asked(job.payload), run_at=later)
        return True


def looking_from(context: Context, account: Account) -> date:
    """Return the day a live run looks from: today in the shop's zone."""
    return context.clock().astimezone(ZoneInfo(account.time_zone)).date()


def refresh(context: Context, job: Job) -> None:
    """Fit on all purchases, assign everybody, store what differs; or the same for a few people."""
    # The models' libraries are large, and whoever only pushes needs none of them.
    from integration import fits, frames, lake, results
    from integration.own.members import with_own
    from segmentation.compute import assign, run
    from segmentation.cutoff import within

    if _is_put_off(context, job):
        return
    with scoped(context.engine, job.account_id) as session:
        account = session.get_one(Account, job.account_id)
        given = job.payload.get("as_of")
        as_of = date.fromisoformat(given) if given else looking_from(context, account)
        job.report(0.1, "reading")
        known_of = history.window(session, ZoneInfo(account.time_zone))
        some = few(session, job.payload, as_of=as_of)
        people = some.people if some else None
        known = frames.load(
            session,
            account,
            as_of=as_of,
            people=people,
            currency=some.currency if some else None,
            files=lake.folder(context, job.account_id),
        )
        said = frames.choices(session)
        due, segments = frames.previous(session, people)
        job.extend()
        job.report(0.4, "computing")
        when: Any = {
            "as_of": as_of, "choices": said, "previous_due": due, "previous_segments": segments
        }  # fmt: skip
        if some:
            fitted, assigned = some.fitted, assign(some.fitted, known, **when)
        else:
            known = replace(known, engine=context.settings.analytics_engine)
            fitted, assigned = run(known, live=fits.live(session, as_of), **when)
        if known_of is not None:
            assigned = within(assigned, known_of.days(as_of))
        job.report(0.7, "storing")
        # As in `_save`: a worker that lost the job to another one must not write.
        job.extend(session)
        now = context.clock()
        was_partial = history.let_go_of_partial(session)
        # Read here and not before: one that was kept meanwhile is not forgotten.
        assigned = with_own(session, assigned, as_of=as_of)
        if not some:
            fits.store(
                session, fitted, assigned.counters, as_of=as_of, now=now,
                currency=known.currency, known_of=known_of,
            )  # fmt: skip
        results.store_assigned(session, assigned, as_of=as_of, previous_due=due, people=people)
        restraint.end_rests(session, looking_from(context, account))
        members.start(session)
        if not some:
            results.store_drawn(session, restraint.segments(session), as_of)
        if known_of is None or known_of.why != history.READING:
            if was_partial:
                wake_resting(session)
            follow_up(session)
        job.end(session)
    if not some:
        take_stock(context.engine)


def follow_up(session: Session) -> None:
    """Write down what new figures bring about where the merchant switched it on; one line each."""
    keep.start(session)
    flow_switches.start(session)
    shop_stores.start(session)
    campaign_rules.look(session)


def plan(context: Context, job: Job) -> None:
    """See who is in the audience and store what a push would change."""
    audience = current_audience(context, job.account_id)
    read_members(context, audience, lease=job)
    # Together: who made it once more after a kill would discard what the merchant looks at.
    audience_plan.make_plan(context, audience, lease=job, then=lambda session, _: job.end(session))


def keep_in_step(context: Context, job: Job) -> None:
    """Publish what new figures change, as the merchant switched it on; what is unusual waits."""
    audience = keep.still_wanted(context, job)
    if audience is None:
        return
    begun = keep.begun(context, audience)
    if begun is not None:  # killed on the way
        publish(context, job, begun)
        return
    made = keep.made(context, job)
    if made is not None and made.status == "published":  # killed at the end
        return
    if made is None or made.status != "draft":
        read_members(context, audience, lease=job)
        made = audience_plan.make_plan(
            context, audience, by_itself=True, lease=job,
            then=lambda session, plan: keep.note_made(session, job, plan),
        )  # fmt: skip
    assert made.id is not None
    if keep.may_go(context, job, audience, made.id):
        publish(context, job, made.id)


def push(context: Context, job: Job) -> None:
    """Carry out a stored plan."""
    publish(context, job, job.payload["plan_id"])
    with scoped(context.engine, job.account_id) as session:
        hooks.start(context, session, only_missing=True)


def undo(context: Context, job: Job) -> None:
    """Take back what a published plan changed."""
    # What somebody chose since, such as a language, is left alone: look before the plan is made.
    read_members(context, current_audience(context, job.account_id), lease=job)
    plan_id = make_undo(context, job.account_id, job.payload["plan_id"], lease=job)
    publish(context, job, plan_id)
