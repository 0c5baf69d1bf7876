"""Reports read back: what readers did, as touchpoints of people and figures of the campaign."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlmodel import Session, col, select

from integration.audience.connect import open_mailchimp
from integration.audience.members import read_members
from integration.campaigns.naming import segment_name
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp import campaigns
from integration.mailchimp.campaigns import Act
from integration.mailchimp.client import subscriber_hash
from integration.mailchimp.errors import NotFound
from integration.mailchimp.run import Job
from integration.tables import Account, Audience, Campaign, Identity, Touchpoint

#: Reports are read for so long after sending, and not more often than this.
READ_FOR = timedelta(days=30)
PAUSE = timedelta(hours=20)
#: Read again what happened shortly before the last look.
_OVERLAP = timedelta(hours=2)
_KINDS = {
    "sent": "email_sent",
    "open": "email_open",
    "click": "email_click",
    "unsubscribe": "email_unsubscribe",
}


def due(context: Context, audience: Audience) -> list[int]:
    """Return the campaigns whose report is to be read now."""
    now = context.clock()
    with scoped(context.engine, audience.account_id) as session:
        read_at = col(Campaign.report_read_at)
        query = select(Campaign.id).where(
            Campaign.audience_id == audience.id,
            Campaign.status == "sent",
            Campaign.remote_id != "",
            col(Campaign.settled_at) > now - READ_FOR,
            read_at.is_(None) | (read_at <= now - PAUSE),
        )
        return [key for key in session.exec(query.order_by(col(Campaign.id))) if key is not None]


def read(context: Context, job: Job, audience: Audience) -> int:
    """Read every report that is due; return how many. Who unsubscribed goes into the ledger.

    Raises
    ------
    MailchimpError
    """
    waiting = due(context, audience)
    for campaign_id in waiting:
        _read_one(context, job, audience, campaign_id)
    if waiting:
        # What Mailchimp says about permission comes in one way only.
        read_members(context, audience, lease=job)
    return len(waiting)


def _read_one(context: Context, job: Job, audience: Audience, campaign_id: int) -> None:
    mailchimp, began = open_mailchimp(context, audience, listens=True), context.clock()
    with scoped(context.engine, audience.account_id) as session:
        row = session.get_one(Campaign, campaign_id)
    since = row.report_read_at - _OVERLAP if row.report_read_at else None
    try:
        found = campaigns.figures(mailchimp, row.remote_id)
        acts = list(campaigns.acts(mailchimp, row.remote_id, row.send_at or began, since))
    except NotFound:
        found, acts = {}, []  # deleted in Mailchimp: what was read before stays
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(Campaign, campaign_id)
        stored.figures = {**stored.figures, **found}
        stored.report_read_at = began
        _keep(session, audience, stored, acts)
        session.flush()
        job.extend(session)


def _keep(session: Session, audience: Audience, campaign: Campaign, acts: list[Act]) -> None:
    profiles = _profiles(session)
    # Not the subject: it is full of merge tags, and on a person's page it would be read as it is.
    language = session.get_one(Account, audience.account_id).language
    name = segment_name(session, campaign.segment, language)
    rows = {
        (external_id := _external_id(campaign, act)): {
            "audience_id": audience.id,
            "shop_id": None,
            "external_id": external_id,
            "profile_id": profiles.get(act.email_key),
            "kind": _KINDS[act.kind],
            "at": act.at,
            "subject": name[:200],
        }
        for act in acts
        if act.email_key in profiles
    }
    upsert(session, Touchpoint, list(rows.values()), key=("audience_id", "external_id"))


def _external_id(campaign: Campaign, act: Act) -> str:
    who = subscriber_hash(act.email_key)
    if act.kind in ("sent", "unsubscribe"):
        return f"mailchimp:{campaign.remote_id}:{act.kind}:{who}"
    what = hashlib.sha256(act.url.encode()).hexdigest()[:8] if act.url else ""
    return f"mailchimp:{campaign.remote_id}:{act.kind}:{who}:{act.at:%Y%m%dT%H%M%S}:{what}"


def _profiles(session: Session) -> dict[str, int]:
    query = select(Identity.value, Identity.profile_id).where(Identity.kind == "email")
    # The oldest profile with the address, the same every time.
    return dict(session.exec(query.order_by(col(Identity.profile_id).desc())).all())
