"""Who is in the audience: read from Mailchimp and kept as rows; `states` says what they mean."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, or_, select

from integration.audience import states
from integration.audience.connect import current_audience, open_mailchimp
from integration.audience.missing import complete
from integration.context import Context
from integration.db import scoped
from integration.tables import Audience, Member, Work
from integration.work.queue import Job, Lease, defer

KIND = "members"

#: Read again what changed shortly before the last look: clocks differ and pages overlap.
OVERLAP = timedelta(minutes=15)
#: Statuses that may get something from us.
REACHABLE = ("subscribed", "pending", "transactional")
#: Statuses from which ours may be taken away.
LIVE = (*REACHABLE, "unsubscribed")


def start(session: Session) -> None:
    """Have it read who is in the connected audience, where nobody looked yet.

    Else the pages would count nobody until a first plan or night reads it.
    """
    connected = select(Audience).where(col(Audience.disconnected_at).is_(None))
    audience = session.exec(connected).first()
    if audience is None or audience.paused or is_read(session, audience):
        return
    payload = {"audience_id": audience.id}
    # One that was given up counts: it would end the same way after each computation.
    asked = select(Work).where(Work.kind == KIND, Work.status != "done")
    if any(work.payload == payload for work in session.exec(asked)):
        return
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:push"
    defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload)


def is_read(session: Session, audience: Audience) -> bool:
    """Tell whether it is known who is in an audience; being read anew, it still is."""
    someone = select(Member.id).where(Member.audience_id == audience.id).limit(1)
    return audience.read_until is not None or session.exec(someone).first() is not None


def look(context: Context, job: Job) -> None:
    """Read who is in the audience, for the pages."""
    read_members(context, current_audience(context, job.account_id), lease=job)


def read_members(
    context: Context, audience: Audience, *, whole: bool = False, lease: Lease | None = None
) -> int:
    """Bring our rows in step with the audience and return how many contacts were read.

    The first time, or with `whole`, everybody is read, and who is not there any more, looked for by
    his id too, becomes "gone"; after that only what changed since. Rows, ledger and the moment are
    one transaction. With `lease` it is committed only while the work for which it is read is still
    ours.

    Raises
    ------
    MailchimpError, LeaseLost
    """
    began = context.clock()
    with scoped(context.engine, audience.account_id) as session:
        # As stored now: whoever met a contact that is not what we thought has everybody read.
        until = session.get_one(Audience, audience.id).read_until
    since = None if whole or until is None else until - OVERLAP
    mailchimp = open_mailchimp(context, audience, listens=True)
    whole_since = began if since is None else None
    read = complete(context, audience, mailchimp, mailchimp.members(since), whole_since)
    found = {info.email_key: info for info in read}
    with scoped(context.engine, audience.account_id) as session:
        assert audience.id is not None
        states.apply(session, audience, found.values(), began, whole=since is None)
        if since is None:
            here = select(Member.email_key).where(
                Member.audience_id == audience.id,
                col(Member.status).not_in((states.GONE, states.FORGOTTEN)),
                # Not who came while we read: a webhook told of them.
                or_(col(Member.changed_at).is_(None), col(Member.changed_at) < began),
            )
            states.mark_gone(session, audience.id, set(session.exec(here)) - found.keys())
        stored = session.get_one(Audience, audience.id)
        stored.read_until = began
        if lease is not None:
            session.flush()
            lease.extend(session)
    return len(found)
