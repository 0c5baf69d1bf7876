"""One run as every step of its way holds it: its row, its transactions, the states it can be in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta

from sqlmodel import Session, col, delete, update

from integration.audience.connect import open_mailchimp
from integration.audience.pause import step
from integration.context import Context
from integration.mailchimp.campaigns import CampaignInfo
from integration.mailchimp.run import Job
from integration.tables import Audience, Campaign, CampaignPerson, CampaignRule

#: `OwnedName.kind` of the static segment with a run's recipients.
RUN = "run"
#: Runs that are not over; "stopped_there" is a draft again in Mailchimp, and may still be sent.
OPEN = ("planned", "scheduling", "scheduled", "stopping", "stopped_there")
#: States of a campaign in Mailchimp from which nothing goes out.
DRAFTS = ("save", "paused")
#: Runs that leave nothing behind in Mailchimp.
CLEANED = ("stopped", "refused", "lapsed", "empty")
#: With less than this left a run is not scheduled any more: nobody could look at it and stop it.
TOO_LATE = timedelta(hours=1)


class Run:
    """One run on its way."""

    def __init__(
        self, context: Context, job: Job, audience: Audience, run_id: int, *, is_leaving: bool
    ) -> None:
        self.context, self.job, self.audience = context, job, audience
        self.is_leaving = is_leaving
        self.id = run_id
        # Reading and preparing needs no permit.
        self.mailchimp = open_mailchimp(context, audience)

    def step(self) -> AbstractContextManager[Session]:
        """Open a transaction, see `integration.audience.pause.step`."""
        return step(self.context, self.job, self.audience.id or 0)

    def of(self, session: Session) -> tuple[Campaign, CampaignRule]:
        """Return the run's row and its rule's."""
        run = session.get_one(Campaign, self.id)
        return run, session.get_one(CampaignRule, run.rule_id)

    def look(self) -> tuple[Campaign, CampaignRule]:
        """Return both rows as they stand now."""
        with self.step() as session:
            return self.of(session)

    def moved(self, session: Session, before: tuple[str, ...], after: str) -> bool:
        """Change the state only from one of these: the merchant may have stopped it meanwhile."""
        change = (
            update(Campaign)
            .where(col(Campaign.id) == self.id, col(Campaign.status).in_(before))
            .values(status=after)
            .execution_options(synchronize_session=False)
        )
        return bool(session.exec(change).rowcount)

    def move(self, before: str, after: str) -> None:
        """Do so in a transaction of its own."""
        with self.step() as session:
            self.moved(session, (before,), after)

    def sent(self, row: Campaign, info: CampaignInfo, problem: str = "") -> None:
        """Note that a run's mail is on its way, or there."""
        row.status, row.problem, row.remote_id = "sent", problem, info.id
        row.send_at = info.sent_at or row.send_at
        row.settled_at = self.context.clock()

    def end(self, session: Session, row: Campaign, status: str, problem: str = "") -> None:
        """Settle a run that reached nobody: its people can be chosen again.

        While there is a campaign they stay: `ends.clean` may find that it is on its way after all.
        """
        row.status, row.problem = status, problem
        row.settled_at = self.context.clock()
        if not row.remote_id:
            give_back(session, row)


def give_back(session: Session, row: Campaign) -> None:
    """Let the people of a run be chosen again."""
    session.exec(delete(CampaignPerson).where(col(CampaignPerson.campaign_id) == row.id))
