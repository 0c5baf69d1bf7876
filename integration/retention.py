"""What is kept for a while only: how long stands here and in docs/privacy.md.

What a person or a merchant may still need outlives its period: addresses somebody was written at,
opt-ins that contacts were added by, what may be in Mailchimp without an answer, and an erasure that
was given up.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, delete, func, or_, select

from integration.audience import incoming, signin
from integration.audience.difference import CONTACT
from integration.audience.undo import UNDO_DAYS
from integration.context import Context
from integration.own import kept
from integration.shops import seen
from integration.tables import ConsentWrite, Plan, PlanChange, Work
from integration.work import inbox
from integration.writeback.decide import SENDING, WAITING

#: Work that is done, and work that was given up and that nobody had tried again.
DONE_KEPT, DEAD_KEPT = timedelta(days=30), timedelta(days=90)
#: Rows of plans: as long as they can be taken back.
CHANGES_KEPT = timedelta(days=UNDO_DAYS)
#: What came of changes that shops were told of; none is told again as late as that.
WRITES_KEPT = timedelta(days=90)
#: Statuses of plans that nobody goes on with.
_OVER = ("published", "undone", "discarded", "superseded")


def drop_old(context: Context, session: Session) -> None:
    """Delete what an account has kept for long enough."""
    incoming.forget_old(session, context)
    inbox.forget_old(session, context.clock())
    signin.forget_old(session, context)
    kept.drop_old(session, context.clock())
    seen.drop_old(session, context.clock())
    _drop_work(context, session)
    _drop_changes(context, session)
    _drop_writes(context, session)


def _drop_work(context: Context, session: Session) -> None:
    now, finished = context.clock(), col(Work.finished_at)
    is_done = (col(Work.status) == "done") & (finished < now - DONE_KEPT)
    # Somebody was promised to be forgotten: that stays to be tried again.
    is_dead = (
        (col(Work.status) == "dead") & (finished < now - DEAD_KEPT) & (col(Work.kind) != "erase")
    )
    # The last of a kind says whether that kind gets on.
    last = select(func.max(Work.id)).group_by(col(Work.kind))
    old = delete(Work).where(or_(is_done, is_dead), col(Work.id).not_in(last))
    session.exec(old.execution_options(synchronize_session=False))


def _drop_changes(context: Context, session: Session) -> None:
    """Delete the single changes of plans that cannot be taken back any more; sums stay."""
    begun = func.coalesce(Plan.published_at, Plan.created_at)
    old = select(Plan).where(col(Plan.status).in_(_OVER), begun < context.clock() - CHANGES_KEPT)
    for plan in session.exec(old).all():
        if not is_thinned(plan):
            _thin(session, plan)


def is_thinned(plan: Plan) -> bool:
    """Tell whether the single changes of a plan were deleted."""
    return plan.outcome.get("thinned") is True


def _thin(session: Session, plan: Plan) -> None:
    # An address that somebody had when we wrote to him tells later that he may have left there.
    newest = (
        select(func.max(PlanChange.id))
        .join(Plan, col(Plan.id) == col(PlanChange.plan_id))
        .where(Plan.audience_id == plan.audience_id)
        .group_by(col(PlanChange.person_id), col(PlanChange.email_key))
    )
    session.exec(
        delete(PlanChange)
        .where(
            col(PlanChange.plan_id) == plan.id,
            # Contacts with their opt-in stay explained, and who was refused is not tried again;
            # what was sent without an answer may be in Mailchimp.
            col(PlanChange.kind) != CONTACT,
            col(PlanChange.status) != "sent",
            or_(col(PlanChange.person_id).is_(None), col(PlanChange.id).not_in(newest)),
        )
        .execution_options(synchronize_session=False)
    )
    plan.outcome = {**plan.outcome, "thinned": True}


def _drop_writes(context: Context, session: Session) -> None:
    """Delete what came of changes that shops were told of; what still waits stays."""
    last = func.coalesce(ConsentWrite.sent_at, ConsentWrite.noted_at)
    old = delete(ConsentWrite).where(
        col(ConsentWrite.status).not_in((WAITING, SENDING)), last < context.clock() - WRITES_KEPT
    )
    session.exec(old.execution_options(synchronize_session=False))
