"""Carrying out a stored plan: tags by static segments, fields by batches, several calls at once.

Each call has a transaction before it, which marks its rows as sent, and one after its answer. Safe
to run again from the start after a kill at any moment: what is settled stands in the rows of the
plan and in the mirror, a batch that was handed in is remembered and asked for again.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from integration.audience.connect import open_mailchimp
from integration.audience.difference import CONTACT, FIELD, TAG
from integration.audience.floods import given_quietly
from integration.audience.members import LIVE
from integration.audience.plan import CannotPublish
from integration.audience.settled import FINAL, STOPPED, WITHDRAWN, is_newest
from integration.audience.wanted import out_of_reach
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.adding import add_contacts, await_added
from integration.mailchimp.archiving import archive_contacts
from integration.mailchimp.batching import BATCHES_KEPT, await_all
from integration.mailchimp.calls import Calls
from integration.mailchimp.errors import MailchimpError
from integration.mailchimp.fields import Fields, await_batches
from integration.mailchimp.provision import drop_removed, provision, withdraw
from integration.mailchimp.quiet import TAGGING, await_given, give_quietly
from integration.mailchimp.renaming import make_segments, rename
from integration.mailchimp.run import Job, Run
from integration.mailchimp.tags import Tags
from integration.tables import Audience, Member, Plan, PlanChange

#: What an outcome holds while a plan is carried out only.
_ON_THE_WAY = ("error", "batches", "adding", TAGGING, "archiving")


def publish(context: Context, job: Job, plan_id: int) -> None:
    """Carry out a plan, a push or an undo; a plan that is published already is left alone.

    An undo of which Mailchimp refused something stays "failed", with a sentence in its outcome:
    what it takes back is not "undone" yet, and the next try hands in what was refused.

    Raises
    ------
    CannotPublish
        The plan was discarded or taken back, a newer one has taken its place, or its audience is
        not connected.
    MailchimpError
        Those that another try or the merchant can mend leave the plan "publishing", to go on
        later; others make it "failed".
    """
    plan, audience = _begin(context, job, plan_id)
    if plan.status == "published":
        return
    run = Run(context, job, plan, audience, open_mailchimp(context, audience))
    if plan.kind == "undo":
        with run.transaction() as session:
            run.mark(session, _refused(session, plan), "todo")
    try:
        _await_earlier(run, job, audience)
        await_batches(run)
        await_given(run)
        _await_lost(run)
        _leave_out(run)
        rename(run)
        if plan.kind == "undo":
            withdraw(run)
        elif add_contacts(run, audience):
            _leave_out(run)  # Mailchimp told more of some people than we knew
        provision(run, FIELD)
        _carry_out(run)
        give_quietly(run, audience)
        if plan.kind == "undo":
            archive_contacts(run, audience)
        else:
            drop_removed(run)
        make_segments(run)
    except MailchimpError as error:
        with run.closing() as session:
            stored = session.get_one(Plan, plan_id)
            stored.outcome = {**stored.outcome, "error": str(error)}
            if stored.status == "publishing" and not (error.retryable or error.rests):
                stored.status = "failed"
        raise
    _finish(run)


def _begin(context: Context, job: Job, plan_id: int) -> tuple[Plan, Audience]:
    with scoped(context.engine, job.account_id) as session:
        plan = session.get_one(Plan, plan_id)
        audience = session.get_one(Audience, plan.audience_id)
        if plan.status != "published":
            _check(session, plan, audience)
            plan.status = "publishing"
            session.flush()
            job.extend(session)
        return plan, audience


def _check(session: Session, plan: Plan, audience: Audience) -> None:
    if audience.disconnected_at is not None:
        raise CannotPublish("this plan is for an audience that is no longer connected")
    if plan.status in ("discarded", "undone"):
        raise CannotPublish(f"this plan is {plan.status}: make a new one")
    taken_back = select(Plan).where(col(Plan.undoes) == plan.id, col(Plan.status) != "discarded")
    if session.exec(taken_back).first() is not None:
        raise CannotPublish("this plan is being taken back")
    if plan.status == "superseded" or not is_newest(session, plan):
        raise CannotPublish("a newer plan has taken the place of this one: publish that one")


def _leave_out(run: Run) -> None:
    """Give nothing to people who withdrew since the plan was made; taking away goes on."""
    with run.transaction() as session:
        withdrawn = out_of_reach(session, run.audience_id)
        for kind in (TAG, FIELD, CONTACT):
            rows = run.open_rows(session, kind)
            given = [r for r in rows if r.after is not None and r.email_key in withdrawn]
            if kind != CONTACT:
                # What an earlier try sent may be there: the next plan takes it away.
                run.mirror(session, kind, [row for row in given if row.status == "sent"])
            run.fail(session, {row.id: WITHDRAWN for row in given})


def _await_earlier(run: Run, job: Job, audience: Audience) -> None:
    """See the batches of superseded plans to their end: none may overtake what this plan writes."""
    with run.transaction() as session:
        query = select(Plan).where(Plan.audience_id == run.audience_id, Plan.status == "superseded")
        handed_in = [
            plan
            for plan in session.exec(query)
            if any(plan.outcome.get(name) for name in ("batches", "adding", TAGGING))
        ]
    for plan in handed_in:
        earlier = Run(run.context, job, plan, audience, run.mailchimp)
        await_added(earlier)
        await_batches(earlier)
        await_given(earlier)


def _await_lost(run: Run) -> None:
    """Wait for batches of which we do not know whether they are on their way, by a lost id.

    They are about rows that were sent without an answer, of this plan or an earlier one.
    """
    with run.transaction() as session:
        stopped = select(Plan).where(
            Plan.audience_id == run.audience_id,
            col(Plan.status).in_(STOPPED),
            col(Plan.created_at) > run.context.clock() - BATCHES_KEPT,
        )
        is_unsure = any(_sent_in_batches(session, plan) for plan in session.exec(stopped))
    if is_unsure:
        await_all(run.mailchimp, run.context.settings.batch_poll_s, run.step, run.told)


def _sent_in_batches(session: Session, plan: Plan) -> bool:
    in_batches = col(PlanChange.kind).in_((FIELD, CONTACT)) | (
        (col(PlanChange.kind) == TAG) & col(PlanChange.key).in_(given_quietly(plan))
    )
    query = select(PlanChange.id).where(
        PlanChange.plan_id == plan.id, PlanChange.status == "sent", in_batches
    )
    return session.exec(query.limit(1)).first() is not None


def _carry_out(run: Run) -> None:
    """Hand in the fields, give and take tags while Mailchimp works them off, collect the results.

    Fields first, as they take Mailchimp longest; what it failed is handed in again.
    """
    with Calls(run.context.settings.mailchimp_connections) as calls:
        fields, tags = Fields(run, calls), Tags(run, calls)
        fields.hand_in()
        provision(run, TAG)
        for _ in tags.push():
            fields.look()
        while calls.are_running or fields.are_going or fields.hand_in():
            fields.look()
            calls.turn(fields.looks_in)


def _finish(run: Run) -> None:
    with run.closing() as session:
        plan = session.get_one(Plan, run.plan_id)
        query = select(PlanChange.status).where(PlanChange.plan_id == run.plan_id)
        statuses = session.exec(query).all()
        outcome = {k: v for k, v in plan.outcome.items() if k not in _ON_THE_WAY}
        failed = statuses.count("failed")
        plan.outcome = {**outcome, "done": len(statuses) - failed, "failed": failed}
        run.answer_for_earlier(session)
        left = len(_refused(session, plan)) if plan.kind == "undo" else 0
        if left:
            error = f"not everything is taken back ({left} refused): try again"
            plan.status, plan.outcome = "failed", {**plan.outcome, "error": error}
            return
        plan.status, plan.published_at = "published", run.context.clock()
        if run.undoes is not None:
            taken_back = session.get_one(Plan, run.undoes)
            taken_back.status, taken_back.undone_at = "undone", plan.published_at


def _refused(session: Session, plan: Plan) -> list[int]:
    """Return the failed rows of a plan that another try may bring about."""
    query = (
        select(col(PlanChange.id))
        .join(Member, col(Member.email_key) == col(PlanChange.email_key))
        .where(
            PlanChange.plan_id == plan.id,
            PlanChange.status == "failed",
            col(PlanChange.error).not_in(FINAL),
            Member.audience_id == plan.audience_id,
            col(Member.status).in_(LIVE),
        )
    )
    return [row_id for row_id in session.exec(query) if row_id is not None]
