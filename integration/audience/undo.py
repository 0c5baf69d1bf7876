"""Taking back what a plan changed: the opposite of each of its rows, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, exists
from sqlmodel import Session, col, select

from integration.audience.difference import CONTACT, FIELD, TAG, Change
from integration.audience.members import LIVE
from integration.audience.names import LANGUAGE
from integration.audience.plan import Summary, estimate, store, store_names
from integration.audience.renames import NameChange
from integration.audience.settled import STARTED, WRITTEN
from integration.context import Context
from integration.db import scoped
from integration.tables import Audience, Member, OwnedName, Plan, PlanChange, PlanName
from integration.work.queue import Lease

#: How long a published plan can be taken back.
UNDO_DAYS = 30
#: Statuses of an undo that is gone on with; a draft's worker was lost before its first write.
_BEGUN = ("draft", "publishing", "failed", "published")


class CannotUndo(ValueError):
    """The plan cannot be taken back; the text says why."""


def make_undo(
    context: Context, account_id: int, plan_id: int, *, lease: Lease | None = None
) -> int:
    """Store the plan that takes back `plan_id`, and return its id; `publish` carries it out.

    Keeping in step by itself is switched off with it: the next night has the same figures. Asked
    again while that undo is stored, on its way or done, the same plan is returned, so that a killed
    job can be repeated. Contacts that bounced, were archived or are gone are left alone, and so
    is a language that somebody chose since. With `lease`, who lost the work to another worker
    stores nothing.

    Raises
    ------
    LeaseLost
    CannotUndo
        The plan was never published, is older than 30 days, its audience is no longer connected,
        or a later one has to be taken back first.
    """
    with scoped(context.engine, account_id) as session:
        plan = session.get(Plan, plan_id)
        if plan is None or plan.kind != "push":
            raise CannotUndo("there is no such plan")
        begun = _begun(session, plan_id)
        if begun is not None:
            return begun
        _check(context, session, plan)
        audience = session.get_one(Audience, plan.audience_id)
        changes, people, left_out = _opposite(session, plan)
        summary = _summary(session, plan, changes, left_out)
        named = _named_back(session, plan)
        summary["names"] = [change.shown() for change in named]
        # The next night would write what is taken back once more.
        summary["stops_keeping"] = audience.keeps_in_step
        audience.keeps_in_step = False
        undo = store(context, session, audience, changes, summary, people, undoes=plan_id)
        store_names(session, undo, named)
        if lease is not None:
            session.flush()
            lease.extend(session)
        assert undo.id is not None
        return undo.id


def _begun(session: Session, plan_id: int) -> int | None:
    query = select(Plan.id).where(Plan.undoes == plan_id, col(Plan.status).in_(_BEGUN))
    return session.exec(query).first()


def undoable(session: Session, now: datetime) -> int | None:
    """Return the plan that can be taken back now: the connected audience's last one, for 30 days.

    `make_undo` accepts it, and an earlier one that wrote only after it.
    """
    connected = select(Audience.id).where(col(Audience.disconnected_at).is_(None))
    audience_id = session.exec(connected.order_by(col(Audience.id).desc())).first()
    last = _last(session, audience_id) if audience_id is not None else None
    return last.id if last is not None and _is_recent(last, now) else None


def _check(context: Context, session: Session, plan: Plan) -> None:
    if plan.status not in STARTED:
        raise CannotUndo("this plan was never published")
    if session.get_one(Audience, plan.audience_id).disconnected_at is not None:
        raise CannotUndo("this plan's audience is no longer connected: connect it again first")
    if not _is_recent(plan, context.clock()):
        raise CannotUndo(f"this plan is more than {UNDO_DAYS} days old")
    last = _last(session, plan.audience_id)
    if last is not None and plan.id is not None and (last.id or 0) > plan.id:
        raise CannotUndo("a later plan was published: take that one back first")


def _last(session: Session, audience_id: int) -> Plan | None:
    """Return the newest plan that wrote something, or else the newest that was begun."""
    rows = exists().where(
        col(PlanChange.plan_id) == col(Plan.id), col(PlanChange.status).in_(WRITTEN)
    )
    made = exists().where(col(OwnedName.created_by_plan) == col(Plan.id))
    begun = select(Plan).where(
        Plan.audience_id == audience_id, Plan.kind == "push", col(Plan.status).in_(STARTED)
    )
    wrote = case((rows | made, 1), else_=0)
    return session.exec(begun.order_by(wrote.desc(), col(Plan.id).desc()).limit(1)).first()


def _is_recent(plan: Plan, now: datetime) -> bool:
    return now - (plan.published_at or plan.created_at) <= timedelta(days=UNDO_DAYS)


def _opposite(session: Session, plan: Plan) -> tuple[list[Change], dict[str, int], dict[str, int]]:
    """The changes that lead back, the people they concern, and who is left alone."""
    query = select(Member.email_key, Member.language).where(
        Member.audience_id == plan.audience_id, col(Member.status).in_(LIVE)
    )
    live = dict(session.exec(query).all())
    changes: list[Change] = []
    people: dict[str, int] = {}
    lost: set[str] = set()
    rows = select(PlanChange).where(
        PlanChange.plan_id == plan.id, col(PlanChange.status).in_(WRITTEN)
    )
    for row in session.exec(rows.order_by(col(PlanChange.id))):
        if row.email_key not in live:
            lost.add(row.email_key)
            continue
        if row.key == LANGUAGE and live[row.email_key] not in (row.after or "", row.before or ""):
            continue  # somebody chose another since
        changes.append(Change(row.email_key, row.kind, row.key, row.after, row.before))
        if row.person_id is not None:
            people[row.email_key] = row.person_id
    return changes, people, {"lost": len(lost)} if lost else {}


def _named_back(session: Session, plan: Plan) -> list[NameChange]:
    """The names that lead back; saved segments that the plan made are removed with its tags."""
    query = select(PlanName).where(
        PlanName.plan_id == plan.id, PlanName.status == "done", col(PlanName.before).is_not(None)
    )
    audience = session.get_one(Audience, plan.audience_id)
    return [
        NameChange(row.kind, row.key, row.after, row.before or "", _other(audience.language))
        for row in session.exec(query.order_by(col(PlanName.id)))
        if row.before != row.after
    ]


def _other(language: str) -> str:
    return "en" if language == "nl" else "nl"


def _summary(
    session: Session, plan: Plan, changes: list[Change], left_out: dict[str, int]
) -> Summary:
    by_name: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        by_name.setdefault((change.kind, change.key), []).append(change)
    owned = session.exec(select(OwnedName).where(OwnedName.audience_id == plan.audience_id)).all()
    names = {(row.kind, row.key): row.name for row in owned}
    counts = {
        name: (sum(c.after is not None for c in group), len(group))
        for name, group in by_name.items()
    }
    # Whoever gets something back had it before: that is no reason to write to him.
    given = sorted(key for (kind, key), (n, _) in counts.items() if kind == TAG and n)
    requests, seconds = estimate(by_name, created=0, quiet=given)
    return Summary(
        new_tags=[],
        new_fields=[],
        tags=[
            {"key": key, "name": names.get((TAG, key), key), "add": n, "remove": all_ - n,
             "examples": []}
            for (kind, key), (n, all_) in sorted(counts.items())
            if kind == TAG
        ],
        floods=given,
        quiet=True,
        fields=[
            {"key": key, "name": names.get((FIELD, key), key), "set": n, "clear": all_ - n}
            for (kind, key), (n, all_) in sorted(counts.items())
            if kind == FIELD
        ],
        names=[],
        fields_left=0,
        members=len({change.email_key for change in changes}),
        contacts_added=0,
        contacts_pending=0,
        contacts_archived=sum(change.kind == CONTACT for change in changes),
        not_added={},
        subscriptions_changed=0,
        requests=requests,
        seconds=seconds,
        left_out=left_out,
        warnings=[],
    )  # fmt: skip
