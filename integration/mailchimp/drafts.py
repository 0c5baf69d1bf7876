"""Drafts: a campaign to a segment, left for the marketer to send. Nothing here can schedule one.

A draft is written down before it is made; one whose making got no answer is found again by its
title. Only drafts of ours can be deleted, and only while they are drafts.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, select

from integration.audience.connect import open_mailchimp
from integration.audience.difference import LIST, TAG
from integration.audience.restraint import HOLDOUT, control_group
from integration.campaigns import content as contents
from integration.campaigns.content import Content
from integration.campaigns.naming import segment_name
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import campaigns, leave_out
from integration.mailchimp.content import fitted
from integration.mailchimp.errors import Invalid, WrongState
from integration.mailchimp.leave_out import KEYS
from integration.tables import Audience, Campaign, OwnedName

#: How long a draft is looked after.
_WATCHED = timedelta(days=60)


class CannotDraft(ValueError):
    """The draft cannot be made; `reason` is "no_tag", "no_holdout" or "not_a_draft"."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        texts = {
            "no_tag": "this segment has no tag in Mailchimp yet: publish first",
            "no_holdout": "the control group has no tag in Mailchimp yet: publish first",
            "not_a_draft": "it is no draft any more",
        }
        super().__init__(texts[reason])


def draft_title(name: str, week: int) -> str:
    """Return what a draft is called in Mailchimp.

    Examples
    --------
    >>> draft_title("Due: Suits – now", 11), draft_title("Gek op: Pakken", 11)
    ('[draft] Due: Suits – week 11', '[draft] Gek op: Pakken – week 11')
    """
    # "draft" and "week" are the same in English and Dutch.
    thing = name.partition(" – ")[0]
    return f"[draft] {thing} – week {week}"


def key_of(segment: str, day: date) -> str:
    """Return what a draft is for: a segment and a week.

    Examples
    --------
    >>> key_of("due:suits:now", date(2026, 3, 9))
    'draft:due:suits:now:2026-W11'
    """
    year, week, _day = day.isocalendar()
    return f"draft:{segment}:{year}-W{week:02d}"


def known(session: Session, audience: Audience, segment: str, day: date) -> Campaign | None:
    """Return the draft of a segment and a week."""
    query = select(Campaign).where(
        Campaign.audience_id == audience.id, Campaign.key == key_of(segment, day)
    )
    return session.exec(query).first()


def recipients(session: Session, audience: Audience, segment: str) -> dict[str, Any]:
    """Return a draft's recipients: has the tag, and none of those that keep people out of it.

    Raises
    ------
    CannotDraft
        A tag is missing in Mailchimp, so somebody would be written to who must not be.
    """
    owned = _owned(session, audience)
    tag = owned.get((TAG, segment))
    if tag is None:
        raise CannotDraft("no_tag")
    conditions = [_condition(tag, "static_is")]
    holdout = owned.get((TAG, HOLDOUT))
    if holdout is not None:
        conditions.append(_condition(holdout, "static_not"))
    elif control_group(session, audience):
        raise CannotDraft("no_holdout")
    kept_out = [owned[LIST, key] for key in KEYS if (LIST, key) in owned]
    conditions += [_condition(tag_id, "static_not") for tag_id in kept_out]
    return {"match": "all", "conditions": conditions}


def make(
    context: Context, audience: Audience, segment: str, content: Content, language: str, day: date
) -> Campaign:
    """Make a draft; the one of the same segment and week where there is one already.

    Raises
    ------
    CannotDraft, BadContent, MailchimpError
    """
    content.checked()
    with scoped(context.engine, audience.account_id) as session:
        recipients(session, audience, segment)
        row = known(session, audience, segment, day)
        if row is None or row.status == "deleted":
            row = _intent(session, context, audience, segment, content, day, row)
        if row.status != "making":
            return row
    mailchimp = open_mailchimp(context, audience)
    leave_out.keep(context, audience)
    text = fitted(context, mailchimp, audience, content)
    made = campaigns.find(mailchimp, row.title, row.created_at)
    if made is None:
        with scoped(context.engine, audience.account_id) as session:
            options = recipients(session, audience, segment)
        made = campaigns.create(
            mailchimp,
            title=row.title,
            subject=text.subject,
            preview_text=text.preview,
            segment_opts=options,
            who=campaigns.sender(mailchimp),
        )
    if made.status == "save":
        campaigns.set_content(mailchimp, made.id, html=contents.html(text, language))
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(Campaign, row.id)
        stored.status, stored.remote_id, stored.web_id = "draft", made.id, made.web_id
    return stored


def _intent(
    session: Session,
    context: Context,
    audience: Audience,
    segment: str,
    content: Content,
    day: date,
    earlier: Campaign | None,
) -> Campaign:
    name = segment_name(session, segment, audience.language)
    title = draft_title(name, day.isocalendar().week)
    if earlier is not None:
        # A deleted one made room; its title must not be taken for the new one's.
        earlier.key = f"{earlier.key}:{earlier.id}"
        session.flush()
    row = Campaign(
        account_id=audience.account_id,
        audience_id=audience.id or 0,
        kind="draft",
        key=key_of(segment, day),
        segment=segment,
        title=_free_title(session, audience, title),
        subject=content.subject,
        status="making",
        created_at=context.clock(),
    )
    session.add(row)
    session.flush()
    return row


def _free_title(session: Session, audience: Audience, title: str) -> str:
    """Two segments of one thing (soon, now, late) in one week, or a second try, get a number."""
    query = select(Campaign.title).where(Campaign.audience_id == audience.id)
    taken = set(session.exec(query))
    number, candidate = 1, title
    while candidate in taken:
        number += 1
        candidate = f"{title} ({number})"
    return candidate


def remove(context: Context, audience: Audience, draft_id: int) -> None:
    """Delete a draft of ours, here and in Mailchimp.

    Raises
    ------
    CannotDraft
        It is not ours, or it was scheduled or sent by now.
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        row = session.get_one(Campaign, draft_id)
    if row.status == "deleted":
        return  # by a worker that was lost then
    if row.kind != "draft" or row.status not in ("making", "draft"):
        raise CannotDraft("not_a_draft")
    mailchimp = open_mailchimp(context, audience)
    info = campaigns.read(mailchimp, row.remote_id) if row.remote_id else None
    if info is None and not row.remote_id:
        info = campaigns.find(mailchimp, row.title, row.created_at)
    if info is not None:
        if info.status != "save":
            raise CannotDraft("not_a_draft")
        try:
            campaigns.remove(mailchimp, info.id)
        except (Invalid, WrongState):
            raise CannotDraft("not_a_draft") from None
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(Campaign, draft_id)
        stored.status, stored.settled_at = "deleted", context.clock()


def look_after(context: Context, audience: Audience) -> None:
    """See which drafts were sent or deleted there."""
    since = context.clock() - _WATCHED
    with scoped(context.engine, audience.account_id) as session:
        query = select(Campaign).where(
            Campaign.audience_id == audience.id,
            Campaign.kind == "draft",
            Campaign.status == "draft",
            Campaign.created_at >= since,
        )
        rows = session.exec(query).all()
    if not rows:
        return
    mailchimp = open_mailchimp(context, audience)
    for row in rows:
        info = campaigns.read(mailchimp, row.remote_id)
        with scoped(context.engine, audience.account_id) as session:
            stored = session.get_one(Campaign, row.id)
            if info is None:
                stored.status, stored.settled_at = "deleted", context.clock()
            elif info.status == "sent":
                stored.status, stored.settled_at = "sent", context.clock()
                stored.send_at = info.sent_at or stored.settled_at


def _owned(session: Session, audience: Audience) -> dict[tuple[str, str], int]:
    query = select(OwnedName).where(OwnedName.audience_id == audience.id)
    return {
        (row.kind, row.key): row.remote_id
        for row in session.exec(query)
        if row.remote_id is not None
    }


def _condition(tag_id: int, op: str) -> dict[str, Any]:
    return {
        "condition_type": "StaticSegment",
        "field": "static_segment",
        "op": op,
        "value": tag_id,
    }
