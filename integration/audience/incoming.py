"""What Mailchimp told us: a hint to look, never the truth itself.

Webhooks come late, twice and in any order. So nothing of their content is stored: they say which
contact to read, and what is read now counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs

from sqlmodel import Session, col, delete, select, update

from integration.audience import states
from integration.audience.connect import open_mailchimp
from integration.audience.moves import move
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.answers import MemberInfo
from integration.privacy.erased import erased_among
from integration.tables import Audience, Inbox, Member, Work
from integration.work.queue import AT_ONCE, Job

BATCH_DONE = "batch_operation_completed"
#: Longer than Mailchimp sends one again; what is kept holds addresses.
KEPT = timedelta(days=7)
_MOVED = "upemail"


@dataclass(frozen=True, slots=True)
class Event:
    """What of a webhook is used."""

    kind: str
    #: Lower case; for a change of address the old one first.
    email_keys: tuple[str, ...]


def read_event(body: bytes) -> Event:
    """Read a webhook's form.

    Examples
    --------
    >>> read_event(b"type=unsubscribe&data%5Bemail%5D=Ada%40Stipt-demo.shop")
    Event(kind='unsubscribe', email_keys=('ada@stipt-demo.shop',))
    """
    form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=1000)
    names = ("data[old_email]", "data[new_email]", "data[email]")
    told = [form[name][0].strip().lower() for name in names if name in form]
    return Event(form.get("type", [""])[0], tuple(key for key in told if "@" in key))


def apply_event(context: Context, job: Job) -> None:
    """Look at the contacts that a webhook names, and store what is so now.

    Raises
    ------
    MailchimpError
    """
    with scoped(context.engine, job.account_id) as session:
        kept = session.get(Inbox, job.payload["inbox_id"])
        if kept is None:
            return  # forgotten after a week, or with the person
        event = read_event(kept.body)
        audience = session.get_one(Audience, kept.audience_id)
        if event.kind == BATCH_DONE:
            _wake_waiting(session)
            return
    if audience.disconnected_at is not None:
        return
    mailchimp = open_mailchimp(context, audience)
    read = {key: mailchimp.member(key) for key in event.email_keys}
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        _store(context, session, audience, event, read)
        if erased_among(session, event.email_keys):
            # No address of theirs is kept.
            session.exec(delete(Inbox).where(col(Inbox.id) == kept.id))


def _store(
    context: Context,
    session: Session,
    audience: Audience,
    event: Event,
    read: dict[str, MemberInfo | None],
) -> None:
    assert audience.id is not None
    now = context.clock()
    if event.kind == _MOVED and len(event.email_keys) == 2:
        old, new = event.email_keys
        # A row of before contacts were told apart by id: only the message says that they are one.
        if read[old] is None and read[new] is not None and _is_nameless(session, audience.id, old):
            move(session, audience.id, old, new, now)
    states.apply(session, audience, [info for info in read.values() if info], now)
    states.mark_gone(session, audience.id, [key for key, info in read.items() if info is None])


def _is_nameless(session: Session, audience_id: int, email_key: str) -> bool:
    row = session.exec(
        select(Member).where(Member.audience_id == audience_id, Member.email_key == email_key)
    ).first()
    return row is not None and not row.contact_id


def _wake_waiting(session: Session) -> None:
    """Let work that was put off because a batch was not finished look again now."""
    session.exec(
        update(Work)
        .where(col(Work.status) == "queued", col(Work.error).like("StillRunning:%"))
        .values(run_at=AT_ONCE)
    )


def forget_old(session: Session, context: Context) -> None:
    """Drop Mailchimp's webhooks that nobody will send again."""
    session.exec(
        delete(Inbox).where(
            col(Inbox.audience_id).is_not(None), col(Inbox.received_at) < context.clock() - KEPT
        )
    )
