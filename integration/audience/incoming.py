"""What Mailchimp told us: a hint to look, never the truth itself.

Webhooks come late, twice and in any order. So nothing of their content is stored: they say which
contact to read, and what is read now counts. With one exception: that somebody left cannot be read
any more once his contact is archived or removed, and is taken from the message.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from sqlmodel import Session, col, delete, select, update

from integration.audience import states
from integration.audience.connect import open_mailchimp
from integration.audience.missing import complete
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.answers import MemberInfo
from integration.privacy.erased import erased_among
from integration.tables import Audience, Inbox, Member, Work
from integration.work.queue import AT_ONCE, Job

BATCH_DONE = "batch_operation_completed"
#: Longer than Mailchimp sends one again; what is kept holds addresses.
KEPT = timedelta(days=7)
_MOVED, _LEFT = "upemail", "unsubscribe"


@dataclass(frozen=True, slots=True)
class Event:
    """What of a webhook is used."""

    kind: str
    #: Lower case; for a change of address the old one first.
    email_keys: tuple[str, ...]
    #: Of somebody who unsubscribed: when. Who is removed or archived has said nothing.
    left_at: datetime | None = None


def read_event(body: bytes, received_at: datetime) -> Event:
    """Read a webhook's form.

    Its moment has no time zone. It is read as UTC, and never later than it was received.

    Examples
    --------
    >>> body = b"type=profile&data%5Bemail%5D=Ada%40Stipt-demo.shop"
    >>> read_event(body, datetime(2026, 3, 1, tzinfo=UTC)).email_keys
    ('ada@stipt-demo.shop',)
    """
    form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=1000)
    names = ("data[old_email]", "data[new_email]", "data[email]")
    told = [form[name][0].strip().lower() for name in names if name in form]
    kind = form.get("type", [""])[0]
    left = kind == _LEFT and form.get("data[action]") == ["unsub"]
    fired_at = _moment(form.get("fired_at", [""])[0]) or received_at
    return Event(
        kind,
        tuple(key for key in told if "@" in key),
        left_at=min(fired_at, received_at) if left else None,
    )


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return None


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
        event = read_event(kept.body, kept.received_at)
        audience = session.get_one(Audience, kept.audience_id)
        if event.kind == BATCH_DONE:
            _wake_waiting(session)
            return
    if audience.disconnected_at is not None:
        return
    mailchimp = open_mailchimp(context, audience, listens=True)
    read = {key: mailchimp.member(key) for key in event.email_keys}
    found = complete(context, audience, mailchimp, [info for info in read.values() if info])
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        _store(context, session, audience, event, read, found)
        if erased_among(session, event.email_keys):
            # No address of theirs is kept.
            session.exec(delete(Inbox).where(col(Inbox.id) == kept.id))


def _store(
    context: Context,
    session: Session,
    audience: Audience,
    event: Event,
    read: Mapping[str, MemberInfo | None],
    found: Collection[MemberInfo],
) -> None:
    assert audience.id is not None
    now = context.clock()
    if event.kind == _MOVED and len(event.email_keys) == 2:
        old, new = event.email_keys
        info = read[new]
        if read[old] is None and info is not None:
            _tell_by_id(session, audience.id, old, info.contact_id)
    left = [] if event.left_at is None else event.email_keys
    states.apply(session, audience, found, now, left=left)
    states.mark_gone(session, audience.id, [key for key, info in read.items() if info is None])
    for key, info in read.items():
        if event.left_at is not None and (info is None or info.status == "archived"):
            states.note_left(session, audience, key, event.left_at, now)


def _tell_by_id(session: Session, audience_id: int, old: str, contact_id: str) -> None:
    """A row of before contacts were told apart by id: only the message says that they are one."""
    ours = col(Member.audience_id) == audience_id
    row = session.exec(
        select(Member).where(ours, Member.email_key == old, Member.contact_id == "")
    ).first()
    if row is not None and contact_id:
        session.exec(delete(Member).where(ours, col(Member.contact_id) == contact_id))
        row.contact_id = contact_id
        session.flush()


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
