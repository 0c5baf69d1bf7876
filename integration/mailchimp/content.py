"""A mail's text with the merge tags that an audience really has."""

from __future__ import annotations

from sqlmodel import Session, select

from integration.audience.difference import FIELD
from integration.campaigns import content as contents
from integration.campaigns.content import Content
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.client import Mailchimp
from integration.tables import Audience, OwnedName


def fitted(context: Context, mailchimp: Mailchimp, audience: Audience, content: Content) -> Content:
    """Return a content with our fields under the names they have there."""
    there = {field.tag for field in mailchimp.fields()}
    with scoped(context.engine, audience.account_id) as session:
        return contents.renamed(content, merge_tags(session, audience), there)


def merge_tags(session: Session, audience: Audience) -> dict[str, str]:
    """Return what our fields are called in an audience, by key."""
    query = select(OwnedName.key, OwnedName.name).where(
        OwnedName.audience_id == audience.id, OwnedName.kind == FIELD
    )
    return dict(session.exec(query).all())
