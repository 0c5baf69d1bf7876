"""Keeping an audience in step without a click a day, as long as nothing looks unusual.

The merchant switches it on. A plan that is far larger than usual waits for a click: a wrong file or
a shop that lost half its orders must not rewrite everybody overnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from sqlmodel import Session, col, func, select

from integration.audience.members import LIVE
from integration.context import Context
from integration.db import scoped
from integration.tables import Audience, Member, Plan, Work
from integration.work.queue import Job, defer

KIND = "keep_in_step"
#: A plan waits when it concerns more than this many times the contacts of the median plan ...
TIMES_USUAL = 3
#: ... and more than a handful, below which nothing is "far larger"; ...
HANDFUL = 25
#: ... or more than this share of the audience.
SHARE = 0.2
#: Published plans that say what is usual.
_REMEMBERED = 30


def start(session: Session) -> None:
    """Write down that the connected audience is to be brought in step, if that is switched on."""
    audience = _connected(session)
    if audience is None or not audience.keeps_in_step or audience.paused:
        return
    payload = {"audience_id": audience.id}
    waiting = select(Work).where(Work.kind == KIND, Work.status == "queued")
    if any(work.payload == payload for work in session.exec(waiting)):
        return
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:push"
    defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload)


def still_wanted(context: Context, job: Job) -> Audience | None:
    """Return the audience a job is for, None when the merchant does not want it any more.

    He may have left, moved to another audience or switched it off while the job waited; and before
    a first plan of this very audience is published by a click, none is by itself.
    """
    with scoped(context.engine, job.account_id) as session:
        audience = session.get(Audience, job.payload.get("audience_id", 0))
        if audience is None or audience.disconnected_at is not None or not audience.keeps_in_step:
            return None
        clicked = select(Plan.id).where(
            Plan.audience_id == audience.id,
            Plan.kind == "push",
            col(Plan.published_at).is_not(None),
        )
        return audience if session.exec(clicked.limit(1)).first() is not None else None


def switch(session: Session, *, on: bool) -> bool:
    """Switch keeping in step on or off; False when no audience is connected."""
    audience = _connected(session)
    if audience is None:
        return False
    audience.keeps_in_step = on
    return True


def begun(context: Context, audience: Audience) -> int | None:
    """Return the plan that an earlier try of ours was publishing, to go on with it."""
    with scoped(context.engine, audience.account_id) as session:
        newest = session.exec(
            select(Plan).where(Plan.audience_id == audience.id).order_by(col(Plan.id).desc())
        ).first()
        if newest is None or newest.kind != "push" or newest.status != "publishing":
            return None
        return newest.id


def note_made(session: Session, job: Job, plan: Plan) -> None:
    """Note with a job which plan it made, in the transaction that stores it."""
    work = session.get(Work, job.id)
    if work is not None:
        work.payload = {**work.payload, "plan_id": plan.id}


def made(context: Context, job: Job) -> Plan | None:
    """Return the plan that an earlier try of this very job made."""
    with scoped(context.engine, job.account_id) as session:
        return session.get(Plan, job.payload.get("plan_id", 0))


def may_go(context: Context, job: Job, audience: Audience, plan_id: int) -> bool:
    """Tell whether a fresh plan may be published by itself; one that may not says why it waits."""
    with scoped(context.engine, audience.account_id) as session:
        job.extend(session)
        plan = session.get_one(Plan, plan_id)
        if not plan.summary["members"]:
            return False
        if plan.summary.get("contacts_added"):
            # They come onto the merchant's bill: he sees how many before, each time.
            added = plan.summary["contacts_added"]
            plan.summary = {**plan.summary, "waits": {"key": "contacts", "added": added}}
            return False
        why = why_it_waits(
            plan.summary["members"], usual=_usual(session, plan), contacts=_contacts(session, plan)
        )
        if why is not None:
            plan.summary = {**plan.summary, "waits": why}
        return why is None


def why_it_waits(members: int, *, usual: Sequence[int], contacts: int) -> dict[str, Any] | None:
    """Return why a plan needs a click, None for one that may go by itself.

    Parameters
    ----------
    members
        Contacts that the plan gives or takes something.
    usual
        The same of plans that were published.
    contacts
        Contacts in the audience that can be written to.

    Examples
    --------
    >>> why_it_waits(40, usual=[10, 12, 900], contacts=1000)
    {'key': 'far_more', 'members': 40, 'usual': 12}
    >>> why_it_waits(201, usual=[100], contacts=1000)
    {'key': 'large_share', 'members': 201, 'percent': 21}
    >>> why_it_waits(24, usual=[2], contacts=1000) is None
    True
    """
    if members > SHARE * contacts:
        percent = -(-100 * members // max(contacts, 1))
        return {"key": "large_share", "members": members, "percent": percent}
    middle = int(median(usual)) if usual else members
    if members > HANDFUL and members > TIMES_USUAL * middle:
        return {"key": "far_more", "members": members, "usual": middle}
    return None


def _connected(session: Session) -> Audience | None:
    connected = select(Audience).where(col(Audience.disconnected_at).is_(None))
    return session.exec(connected.order_by(col(Audience.id).desc()).limit(1)).first()


def _usual(session: Session, plan: Plan) -> list[int]:
    published = select(Plan).where(
        Plan.audience_id == plan.audience_id, Plan.kind == "push", Plan.status == "published"
    )
    latest = session.exec(published.order_by(col(Plan.id).desc()).limit(_REMEMBERED))
    return [int(earlier.summary.get("members", 0)) for earlier in latest]


def _contacts(session: Session, plan: Plan) -> int:
    live = (
        select(func.count())
        .select_from(Member)
        .where(Member.audience_id == plan.audience_id, col(Member.status).in_(LIVE))
    )
    return session.exec(live).one()
