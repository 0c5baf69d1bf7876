"""Who got a draft of ours that the marketer sent: nobody is chosen for one, so its report tells."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import literal
from sqlmodel import Session, col, select

from integration.tables import Campaign, SourceProfile, Touchpoint


class Got(NamedTuple):
    """Somebody had the mail of a draft."""

    person_id: int
    segment: str
    at: datetime


def got(session: Session) -> list[Got]:
    """Return everybody whom we know and who had a draft, earlier audiences' too; oldest first."""
    # As `mailchimp.reports` calls what it reads.
    told = literal("mailchimp:") + col(Campaign.remote_id) + ":sent:"
    query = (
        select(SourceProfile.person_id, Campaign.segment, Touchpoint.at)
        .join(Touchpoint, col(Touchpoint.profile_id) == col(SourceProfile.id))
        .join(Campaign, col(Campaign.audience_id) == col(Touchpoint.audience_id))
        .where(
            Touchpoint.kind == "email_sent",
            Campaign.kind == "draft",
            Campaign.status == "sent",
            Campaign.remote_id != "",
            # The same moment, so that few rows are compared by name.
            col(Campaign.send_at) == col(Touchpoint.at),
            col(Touchpoint.external_id).startswith(told),
        )
        .order_by(col(Touchpoint.at))
    )
    return [Got(*row) for row in session.exec(query)]
