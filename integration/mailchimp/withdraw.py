"""Leaving an audience as far as mail goes: what is scheduled is stopped while we still can."""

from __future__ import annotations

import logging

from sqlmodel import Session, col, select, update

from integration.campaigns.rules import STOPPABLE
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.errors import MailchimpError
from integration.mailchimp.rule_runs.carry import carry_on
from integration.tables import Audience, Campaign, CampaignRule

log = logging.getLogger(__name__)


class _Click:
    """Stands for a job: the merchant waits, and there is no lease to keep."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id

    def extend(self, session: Session | None = None) -> None:
        """Keep nothing."""

    def report(self, progress: float | None, note: str | None = None) -> None:
        """Tell nobody."""


def withdraw(context: Context, audience: Audience) -> list[str]:
    """Switch every rule off, stop what is scheduled and remove its lists.

    Returns
    -------
    Titles of campaigns that may still go out, because Mailchimp did not answer.
    """
    with scoped(context.engine, audience.account_id) as session:
        off = update(CampaignRule).where(col(CampaignRule.audience_id) == audience.id)
        session.exec(off.values(is_on=False))
        runs = (
            update(Campaign)
            .where(
                col(Campaign.audience_id) == audience.id,
                col(Campaign.kind) == "run",
                col(Campaign.status).in_(STOPPABLE),
            )
            .values(status="stopping")
        )
        session.exec(runs)
    try:
        click = _Click(audience.account_id)
        carry_on(context, click, audience, is_leaving=True)
    except MailchimpError as error:
        # The merchant wants to be rid of us: that does not wait for Mailchimp.
        log.warning("Campaigns stay at Mailchimp: %s", type(error).__name__)
    with scoped(context.engine, audience.account_id) as session:
        return still_scheduled(session, audience.id or 0)


def still_scheduled(session: Session, audience_id: int) -> list[str]:
    """Return the titles of runs that are, or may be, scheduled in Mailchimp."""
    query = select(Campaign.title).where(
        Campaign.audience_id == audience_id,
        Campaign.kind == "run",
        Campaign.remote_id != "",
        col(Campaign.status).in_(("scheduling", "scheduled", "stopping")),
    )
    return list(session.exec(query.order_by(col(Campaign.id))))
