"""Tags of ours that keep people out of mail which is not chosen here: drafts, and flows by a tag.

Mailchimp decides to whom a draft goes and who enters a flow that starts by a tag, so whom to leave
out has to stand there: those to ask first, and those who had mail of ours lately.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from integration.audience import names
from integration.audience.connect import open_mailchimp
from integration.audience.difference import LIST
from integration.audience.members import LIVE, read_members
from integration.audience.restraint import ask_first
from integration.campaigns.mailed import resting
from integration.context import Context
from integration.db import scoped
from integration.flows.recipes import NOT_FOR
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NotFound
from integration.mailchimp.lists import set_list
from integration.tables import Audience, Identity, Member, OwnedName, SourceProfile

#: Keys of these tags.
ASK_FIRST, REST = "mood:ask-first", "skip:rest"
KEYS = (ASK_FIRST, REST)
#: Who was just told an event is not marked yet: the flow that it starts leaves out who is marked.
ENTERING = timedelta(hours=6)


def keep(context: Context, audience: Audience) -> None:
    """Bring both tags in step; they are made where they are missing.

    Raises
    ------
    MailchimpError
    """
    read_members(context, audience)
    with scoped(context.engine, audience.account_id) as session:
        wanted = _wanted(session, audience, context.clock())
    for key, addresses in wanted.items():
        mailchimp = open_mailchimp(context, audience)  # the merchant may have left meanwhile
        tag_id = tag_ids(context, audience).get(key) or _make(context, audience, mailchimp, key)
        try:
            set_list(mailchimp, tag_id, addresses)
        except NotFound:  # deleted in Mailchimp
            _forget(context, audience, key)
            set_list(mailchimp, _make(context, audience, mailchimp, key), addresses)


def remove(context: Context, audience: Audience) -> None:
    """Delete both tags, as nothing of ours is to stay in the audience.

    Raises
    ------
    MailchimpError
    """
    mailchimp = open_mailchimp(context, audience)
    for key, tag_id in tag_ids(context, audience).items():
        with suppress(NotFound):  # deleted in Mailchimp
            mailchimp.delete_tag(tag_id)
        _forget(context, audience, key)


def tag_ids(context: Context, audience: Audience) -> dict[str, int]:
    """Return the tags that are there: key to Mailchimp's id."""
    with scoped(context.engine, audience.account_id) as session:
        rows = session.exec(_rows(audience)).all()
    return {row.key: row.remote_id for row in rows if row.remote_id is not None}


def _wanted(session: Session, audience: Audience, now: datetime) -> dict[str, set[str]]:
    rest = resting(session, now, told_before=now - ENTERING)
    people = {ASK_FIRST: set(ask_first(session)), REST: rest}
    # Mailchimp refuses who is not in the audience, every time again.
    members = _members(session, audience)
    return {key: _addresses_of(session, people[key]) & members for key in KEYS}


def _make(context: Context, audience: Audience, mailchimp: Mailchimp, key: str) -> int:
    there = mailchimp.segments()
    with scoped(context.engine, audience.account_id) as session:
        row = session.exec(_rows(audience).where(OwnedName.key == key)).first()
        if row is None:
            taken = {segment.name.casefold() for segment in there}
            row = OwnedName(
                account_id=audience.account_id,
                audience_id=audience.id or 0,
                kind=LIST,
                key=key,
                language=audience.language,
                name=names.free_tag_name(NOT_FOR[key][audience.language == "nl"], taken),
            )
            session.add(row)
    made = next((s.id for s in there if s.is_tag and s.name == row.name), None)
    tag_id = mailchimp.create_tag(row.name) if made is None else made
    with scoped(context.engine, audience.account_id) as session:
        session.exec(_rows(audience).where(OwnedName.key == key)).one().remote_id = tag_id
    return tag_id


def _forget(context: Context, audience: Audience, key: str) -> None:
    with scoped(context.engine, audience.account_id) as session:
        session.delete(session.exec(_rows(audience).where(OwnedName.key == key)).one())


def _rows(audience: Audience) -> SelectOfScalar[OwnedName]:
    return select(OwnedName).where(OwnedName.audience_id == audience.id, OwnedName.kind == LIST)


def _addresses_of(session: Session, people: set[int]) -> set[str]:
    query = (
        select(Identity.value, SourceProfile.person_id)
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
        .where(Identity.kind == "email")
    )
    return {address for address, person_id in session.exec(query) if person_id in people}


def _members(session: Session, audience: Audience) -> set[str]:
    query = select(Member.email_key).where(
        Member.audience_id == audience.id, col(Member.status).in_((*LIVE, "cleaned"))
    )
    return set(session.exec(query))
