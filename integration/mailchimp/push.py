"""Carrying out a stored plan: tags by static segments, fields by batches, each call a transaction.

Safe to run again from the start after a kill at any moment: what is settled stands in the rows of
the plan and in the mirror, a batch that was handed in is remembered and asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlmodel import Session, col, select

from integration.audience import names
from integration.audience.connect import open_mailchimp
from integration.audience.difference import CONTACT, FIELD, TAG
from integration.audience.members import LIVE
from integration.audience.naming import forget
from integration.audience.plan import CannotPublish
from integration.audience.settled import (
    CHANGED_SINCE,
    NOT_THERE,
    WITHDRAWN,
    is_newest,
)
from integration.audience.states import mark_gone
from integration.audience.wanted import out_of_reach
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.adding import add_contacts, await_added
from integration.mailchimp.answers import OperationResult
from integration.mailchimp.archiving import archive_contacts
from integration.mailchimp.batching import results_of
from integration.mailchimp.client import ROWS_A_CALL
from integration.mailchimp.errors import Failed, MailchimpError, NotFound
from integration.mailchimp.provision import provision, withdraw
from integration.mailchimp.renaming import make_segments, rename
from integration.mailchimp.run import Job, Row, Run
from integration.tables import Audience, Member, Plan, PlanChange

#: Members whose fields travel in one batch.
MEMBERS_A_BATCH = 500
#: Times that operations which Mailchimp itself failed are handed in again within one job.
_ROUNDS = 3
#: What an outcome holds while a plan is carried out only.
_ON_THE_WAY = ("error", "batches", "adding", "archiving")


def publish(context: Context, job: Job, plan_id: int) -> None:
    """Carry out a plan, a push or an undo; a plan that is published already is left alone.

    An undo of which Mailchimp refused something stays "failed", with a sentence in its outcome:
    what it takes back is not "undone" yet, and the next try hands in what was refused.

    Raises
    ------
    CannotPublish
        The plan was discarded or taken back, a newer one has taken its place, or its audience is
        no longer connected.
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
        _await_batches(run)
        _leave_out(run)
        rename(run)
        if plan.kind == "undo":
            withdraw(run)
        elif add_contacts(run, audience):
            _leave_out(run)  # Mailchimp told more of some people than we knew
        provision(run)
        _push_tags(run)
        _push_fields(run)
        if plan.kind == "undo":
            archive_contacts(run, audience)
        make_segments(run)
    except MailchimpError as error:
        with run.transaction() as session:
            stored = session.get_one(Plan, plan_id)
            stored.outcome = {**stored.outcome, "error": str(error)}
            if not (error.retryable or error.rests):
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


def _finish(run: Run) -> None:
    with run.transaction() as session:
        plan = session.get_one(Plan, run.plan_id)
        query = select(PlanChange.status).where(PlanChange.plan_id == run.plan_id)
        statuses = session.exec(query).all()
        outcome = {k: v for k, v in plan.outcome.items() if k not in _ON_THE_WAY}
        failed = statuses.count("failed")
        plan.outcome = {**outcome, "done": len(statuses) - failed, "failed": failed}
        run.answer_for_earlier(session)
        left = len(_refused(session, plan)) if run.undoes is not None else 0
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
            col(PlanChange.error).not_in((NOT_THERE, WITHDRAWN, CHANGED_SINCE)),
            Member.audience_id == plan.audience_id,
            col(Member.status).in_(LIVE),
        )
    )
    return [row_id for row_id in session.exec(query) if row_id is not None]


# -- tags ------------------------------------------------------------------------------------------


def _push_tags(run: Run) -> None:
    with run.transaction() as session:
        keys = run.open_keys(session, TAG)
    for key in keys:
        _push_tag(run, key)


def _push_tag(run: Run, key: str) -> None:
    with run.transaction() as session:
        owned = run.owned(session, TAG).get(key)
        rows = run.open_rows(session, TAG, key)
        if owned is None or owned.remote_id is None:
            run.settle(session, TAG, rows)  # only removals are left of a tag that is not there
            return
        tag_id = owned.remote_id
    add = [row for row in rows if row.after is not None]
    remove = [row for row in rows if row.after is None]
    for start in range(0, max(len(add), len(remove)), ROWS_A_CALL):
        part = slice(start, start + ROWS_A_CALL)
        if not _change_tag(run, key, tag_id, add[part], remove[part]):
            return
        run.step()


def _change_tag(run: Run, key: str, tag_id: int, add: Sequence[Row], remove: Sequence[Row]) -> bool:
    """Make one call; False when the tag is not there any more."""
    rows = [*add, *remove]
    with run.transaction() as session:
        run.mark(session, [row.id for row in rows], "sent")
    try:
        refused = run.mailchimp.change_tag(
            tag_id, add=[row.email_key for row in add], remove=[row.email_key for row in remove]
        )
    except NotFound:
        _lost_tag(run, key)
        return False
    with run.transaction() as session:
        run.settle(session, TAG, [row for row in rows if row.email_key not in refused])
        run.fail(session, {row.id: NOT_THERE for row in rows if row.email_key in refused})
        if refused:
            # Somebody is not where we thought: read everybody before the next plan.
            session.get_one(Audience, run.audience_id).read_until = None
    return True


def _lost_tag(run: Run, key: str) -> None:
    """Somebody deleted the tag in Mailchimp: forget it; the next plan makes it again."""
    with run.transaction() as session:
        forget(session, run.owned(session, TAG)[key])
        rows = run.open_rows(session, TAG, key)
        run.settle(session, TAG, [row for row in rows if row.after is None])
        lost = "the tag was deleted in Mailchimp"
        run.fail(session, {row.id: lost for row in rows if row.after is not None})


# -- fields ----------------------------------------------------------------------------------------


def _push_fields(run: Run) -> None:
    """Hand in batches and see how they end; what Mailchimp failed is handed in again."""
    for _ in range(_ROUNDS):
        _await_batches(run)
        with run.transaction() as session:
            rows = run.open_rows(session, FIELD)
            owned = run.owned(session, FIELD)
            merge_tags = {key: row.name for key, row in owned.items() if row.remote_id is not None}
            merge_tags[names.LANGUAGE] = ""  # always there, and no field of anybody's
            # Only clearings are left of a field that is not there.
            run.settle(session, FIELD, [row for row in rows if row.key not in merge_tags])
        members = _by_member([row for row in rows if row.key in merge_tags])
        if not members:
            return
        for start in range(0, len(members), MEMBERS_A_BATCH):
            _hand_in(run, members[start : start + MEMBERS_A_BATCH], merge_tags)
    _await_batches(run)
    with run.transaction() as session:
        if run.open_rows(session, FIELD):
            raise Failed("Mailchimp failed some operations of a batch again and again")


def _by_member(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows come ordered by address; one group is one operation."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.email_key)]


def _hand_in(run: Run, members: Sequence[Sequence[Row]], merge_tags: dict[str, str]) -> None:
    with run.transaction() as session:
        run.mark(session, [row.id for rows in members for row in rows], "sent")
    operations = [
        run.mailchimp.set_fields(
            rows[0].email_key,
            # Results come back under this name: a row of ours, not the address.
            str(rows[0].id),
            {merge_tags[r.key]: r.after or "" for r in rows if r.key != names.LANGUAGE},
            next((r.after or "" for r in rows if r.key == names.LANGUAGE), None),
        )
        for rows in members
    ]
    batch = run.mailchimp.start_batch(operations)
    with run.transaction() as session:
        plan = session.get_one(Plan, run.plan_id)
        plan.outcome = {**plan.outcome, "batches": [*plan.outcome.get("batches", []), batch.id]}
    run.step()


def _await_batches(run: Run) -> None:
    """See every remembered batch to its end and settle its rows."""
    with run.transaction() as session:
        batches: list[str] = session.get_one(Plan, run.plan_id).outcome.get("batches", [])
    for batch_id in batches:
        try:
            results = results_of(
                run.mailchimp, batch_id, run.context.settings.batch_poll_s, run.step
            )
        except NotFound:
            results = []  # Mailchimp keeps results for seven days: its rows are handed in again
        _settle_batch(run, batch_id, results)
        run.step()


def _await_earlier(run: Run, job: Job, audience: Audience) -> None:
    """See the batches of superseded plans to their end: none may overtake what this plan writes."""
    with run.transaction() as session:
        query = select(Plan).where(Plan.audience_id == run.audience_id, Plan.status == "superseded")
        handed_in = [
            plan
            for plan in session.exec(query)
            if plan.outcome.get("batches") or plan.outcome.get("adding")
        ]
    for plan in handed_in:
        earlier = Run(run.context, job, plan, audience, run.mailchimp)
        await_added(earlier)
        _await_batches(earlier)


def _settle_batch(run: Run, batch_id: str, results: Sequence[OperationResult]) -> None:
    with run.transaction() as session:
        rows = run.rows_of_operations(session, [int(result.operation_id) for result in results])
        of_operation = {group[0].id: group for group in _by_member(rows)}
        done: list[Row] = []
        gone: list[str] = []
        for result in results:
            group = of_operation.get(int(result.operation_id), [])
            if result.error is None:
                done += group
            elif result.error.retryable or result.error.rests:
                run.mark(session, [row.id for row in group], "todo")
            else:
                lost = isinstance(result.error, NotFound)
                text = NOT_THERE if lost else str(result.error)
                run.fail(session, {row.id: text for row in group})
                gone += [row.email_key for row in group[:1] if lost]
        run.settle(session, FIELD, done)
        mark_gone(session, run.audience_id, gone)
        plan = session.get_one(Plan, run.plan_id)
        left = [other for other in plan.outcome["batches"] if other != batch_id]
        plan.outcome = {**plan.outcome, "batches": left}
