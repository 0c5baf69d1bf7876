"""What the status of a plan allows, and how a newer plan puts older ones to rest."""

from __future__ import annotations

from sqlmodel import Session, col, select, update

from integration.tables import Plan

#: Statuses of plans that stopped on the way: some of their rows may be in Mailchimp.
STOPPED = ("publishing", "failed", "superseded")
#: Statuses of plans that wrote, or may have written.
STARTED = ("published", *STOPPED)
#: Why a row cannot be brought about by trying again.
NOT_THERE = "no longer in the audience"
WITHDRAWN = "permission withdrawn since the plan was made"
THERE_ALREADY = "in the audience already: left as it is"
CHANGED_SINCE = "changed since it was added: left in the audience"
SIGNED_UP_SINCE = "signed up himself since: left in the audience"
#: All of these.
FINAL = (NOT_THERE, WITHDRAWN, THERE_ALREADY, CHANGED_SINCE, SIGNED_UP_SINCE)
#: Rows that are, or may be, in Mailchimp.
WRITTEN = ("done", "sent")


def put_to_rest(session: Session, audience_id: int) -> None:
    """End every plan of an audience that is not carried out: nobody can publish it any more.

    A draft is discarded. One that stopped on the way is superseded: its rows stay to be taken back,
    and the next plan writes again what it may have written.
    """
    for statuses, rest in ((("draft",), "discarded"), (("publishing", "failed"), "superseded")):
        session.exec(
            update(Plan)
            .where(col(Plan.audience_id) == audience_id, col(Plan.status).in_(statuses))
            .values(status=rest)
        )


def put_drafts_away(session: Session) -> None:
    """Discard what was compared before the merchant took a segment back: it would still be given.

    What is published already, or on its way, the next plan puts right.
    """
    for plan in session.exec(select(Plan).where(Plan.status == "draft", Plan.kind == "push")):
        plan.status = "discarded"


def is_newest(session: Session, plan: Plan) -> bool:
    """Whether no plan of the same audience was made after this one."""
    newer = select(Plan.id).where(Plan.audience_id == plan.audience_id, col(Plan.id) > plan.id)
    return session.exec(newer.limit(1)).first() is None
