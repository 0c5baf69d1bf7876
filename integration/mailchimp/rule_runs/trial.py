"""A rule's mail as it will be, by a campaign to nobody that is removed again: test, preview."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlmodel import select

from integration.audience.connect import open_mailchimp
from integration.campaigns import content as contents
from integration.campaigns.rules import text_of
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import campaigns, dispatch
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.content import fitted
from integration.mailchimp.rule_runs.prepare import fill_in
from integration.mailchimp.rule_runs.run import RUN
from integration.tables import Audience, CampaignRule, OwnedName

#: How far back what an interrupted test left is looked for.
_LEFT = timedelta(days=60)


def send_test(context: Context, audience: Audience, rule_id: int, email: str) -> None:
    """Send a rule's mail to somebody who logs in here, and note which text it was.

    Raises
    ------
    NotYours
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        dispatch.must_be_yours(session, email)
        rule = session.get_one(CampaignRule, rule_id)
        tried = text_of(rule)
    mailchimp = open_mailchimp(context, audience)
    with _made(context, mailchimp, audience, rule) as campaign_id:
        dispatch.send_test(context, audience, campaign_id, email)
    with scoped(context.engine, audience.account_id) as session:
        session.get_one(CampaignRule, rule_id).tested = tried


def render(context: Context, audience: Audience, rule_id: int) -> None:
    """Keep a rule's template as Mailchimp renders it, and note that it can be seen now.

    A template itself only tells which places in it can be edited; whole it is in a campaign.

    Raises
    ------
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        rule = session.get_one(CampaignRule, rule_id)
        shown = text_of(rule)
    mailchimp = open_mailchimp(context, audience)
    with _made(context, mailchimp, audience, rule) as campaign_id:
        html = campaigns.content(mailchimp, campaign_id)
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(CampaignRule, rule_id)
        stored.rendered, stored.previewed = html, shown


@contextmanager
def _made(
    context: Context, mailchimp: Mailchimp, audience: Audience, rule: CampaignRule
) -> Iterator[str]:
    """Make a rule's campaign to an empty list; both are gone afterwards."""
    rule_id = rule.id or 0
    _sweep(context, mailchimp, audience, rule_id)
    content = fitted(context, mailchimp, audience, contents.stored(rule.content))
    name = _written_down(context, audience, rule_id)
    try:
        made = campaigns.create(
            mailchimp,
            title=name,
            subject=content.subject,
            preview_text=content.preview,
            segment_opts={"saved_segment_id": mailchimp.create_tag(name)},
            who=campaigns.sender(mailchimp),
        )
        fill_in(context, mailchimp, audience, rule, made.id)
        yield made.id
    finally:
        _sweep(context, mailchimp, audience, rule_id)


def _written_down(context: Context, audience: Audience, rule_id: int) -> str:
    """Name a test's list and campaign in the ledger before they are made."""
    name = f"Stipt test {rule_id} {context.clock():%Y-%m-%d %H:%M:%S}"
    with scoped(context.engine, audience.account_id) as session:
        session.add(
            OwnedName(
                account_id=audience.account_id,
                audience_id=audience.id or 0,
                kind=RUN,
                key=f"test:{rule_id}",
                name=name,
            )
        )
    return name


def _sweep(context: Context, mailchimp: Mailchimp, audience: Audience, rule_id: int) -> None:
    """Remove what a test made, also one that was interrupted."""
    with scoped(context.engine, audience.account_id) as session:
        ours = select(OwnedName).where(
            OwnedName.audience_id == audience.id,
            OwnedName.kind == RUN,
            OwnedName.key == f"test:{rule_id}",
        )
        row = session.exec(ours).first()
    if row is None:
        return
    made = campaigns.find(mailchimp, row.name, context.clock() - _LEFT)
    if made is not None:
        campaigns.remove(mailchimp, made.id)
    for segment in mailchimp.segments():
        if segment.is_tag and segment.name == row.name:
            mailchimp.delete_tag(segment.id)
    with scoped(context.engine, audience.account_id) as session:
        session.delete(session.get_one(OwnedName, row.id))
