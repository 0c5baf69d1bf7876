"""What a shop is told of permissions that people changed in Mailchimp."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint

from integration.db import Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class ConsentWrite(Owned, table=True):
    """One statement of Mailchimp's for one customer of a shop: whether it was written, or why not.

    A row is made once, so a statement is never written twice.
    """

    __tablename__ = "consent_write"
    __table_args__ = (UniqueConstraint("shop_id", "consent_id", "profile_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    profile_id: int = reference("source_profile.id")
    consent_id: int = reference("consent.id")
    #: What the person said: "denied" or "confirmed", and when.
    state: str
    at: datetime = moment()
    #: "waiting"; "sending", when the shop was asked and its answer is not known; "written"; "kept",
    #: when nothing had to or may be written; "refused" by the shop.
    status: str = "waiting"
    #: A key of `integration.writeback.decide.Reason`, or the shop's words where it refused.
    reason: str = ""
    #: What stood in the shop before: {"told": "SUBSCRIBED", "at": ...}.
    before: dict[str, Any] = json_column()
    #: When the shop was asked last to write it.
    sent_at: datetime | None = moment(nullable=True)
    noted_at: datetime = moment()
