"""The only module that can make Mailchimp send: it alone asks for the permit, and holds the calls.

Each call stands here with the condition on which it may be made: a run is scheduled only while its
rule is on, a test goes only to somebody who logs in here. Nothing is ever sent at once.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC

from sqlmodel import Session, select

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import campaigns
from integration.mailchimp.campaigns import CampaignInfo
from integration.mailchimp.errors import Invalid, WrongState
from integration.mailchimp.guard import Permit
from integration.mailchimp.rule_runs.run import Run
from integration.tables import Audience, User


class NotYours(ValueError):
    """A test goes to somebody who logs in here, and to nobody else."""


def schedule(run: Run, remote_id: str) -> None:
    """Schedule a run's campaign: the rule must be on in the very transaction that says so.

    Raises
    ------
    MailchimpError
    """
    with run.step() as session:
        stored, rule = run.of(session)
        if not rule.is_on or stored.send_at is None:
            return
        if not run.moved(session, ("planned", "scheduling"), "scheduling"):
            return
    sender = open_mailchimp(run.context, run.audience, Permit.SEND)
    at = stored.send_at.astimezone(UTC).isoformat(timespec="seconds")
    sender.call(sender.official.campaigns.schedule, remote_id, {"schedule_time": at})
    run.move("scheduling", "scheduled")


def unschedule(run: Run, info: CampaignInfo | None) -> CampaignInfo | None:
    """Make a draft of a campaign where that is still possible; return what it is then."""
    if info is None or info.status != "schedule":
        return info
    sender = open_mailchimp(run.context, run.audience, Permit.SEND)
    with suppress(Invalid, WrongState):  # it has just begun
        sender.call(sender.official.campaigns.unschedule, info.id)
    return campaigns.read(run.mailchimp, info.id)


def must_be_yours(session: Session, email: str) -> None:
    """Raise `NotYours` unless the address logs in to this account."""
    if session.exec(select(User.id).where(User.email == email)).first() is None:
        raise NotYours("a test goes to an address that logs in here")


def send_test(context: Context, audience: Audience, remote_id: str, email: str) -> None:
    """Send a campaign as a test to one address that logs in here.

    Raises
    ------
    NotYours
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        must_be_yours(session, email)
    sender = open_mailchimp(context, audience, Permit.SEND)
    body = {"test_emails": [email], "send_type": "html"}
    sender.call(sender.official.campaigns.send_test_email, remote_id, body)
