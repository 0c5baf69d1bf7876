"""Mail: the merchant's rules, every campaign of ours in Mailchimp, and who was chosen for which."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class CampaignRule(Owned, table=True):
    """A triggered campaign: off until the merchant has seen it and sent himself a test."""

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id")
    segment: str
    #: "en" or "nl".
    language: str
    #: Our blocks: see `campaigns.content.Content`.
    content: dict[str, Any] = json_column()
    #: A template of the merchant's in Mailchimp, whose content is taken instead of our blocks.
    template_id: int | None = Field(default=None, sa_type=BigKey)
    #: 0 is Monday; in the account's zone.
    weekday: int
    hour: int
    #: People a run.
    most_people: int
    is_on: bool = False
    #: Fingerprint of what was shown, and of what was sent as a test: a change asks for both again.
    #: The first begins with "changed:" when the template is another one since.
    previewed: str = ""
    tested: str = ""
    #: The template as Mailchimp renders it, when it was last shown; "" for our blocks.
    rendered: str = Field(default="", sa_column_kwargs={"server_default": ""})
    #: Nobody who entered the segment before is written to.
    entered_from: datetime | None = moment(nullable=True)
    created_at: datetime = moment()
    removed_at: datetime | None = moment(nullable=True)


class Campaign(Owned, table=True):
    """A campaign of ours in Mailchimp: a draft, or one run of a rule."""

    __table_args__ = (
        UniqueConstraint("audience_id", "key"),
        Index("ix_campaign_kind_status", "account_id", "kind", "status"),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    #: "draft" or "run".
    kind: str
    #: What it is for: "draft:due:suits:now:2026-W11:1", "run:4:2026-03-17T08:00". Never twice.
    key: str
    rule_id: int | None = reference("campaign_rule.id", nullable=True)
    segment: str
    title: str
    subject: str = ""
    #: Draft: making, draft, deleted, sent. Run: waiting (for a person), planned, scheduling,
    #: scheduled, stopping, stopped, sent, refused, lapsed, empty.
    status: str
    #: A run's moment.
    send_at: datetime | None = moment(nullable=True)
    #: People chosen; those left out by reason stand in `figures`.
    people: int = 0
    #: Mailchimp's id, and the number in the address of its page there.
    remote_id: str = ""
    web_id: int | None = Field(default=None, sa_type=BigKey)
    #: The static segment with a run's recipients.
    tag_name: str = ""
    tag_id: int | None = Field(default=None, sa_type=BigKey)
    #: Why it waits, or what Mailchimp said; never an address.
    problem: str = ""
    #: left_out, and of the report: sent, opens, clicks, unsubscribed.
    figures: dict[str, Any] = json_column()
    created_at: datetime = moment()
    settled_at: datetime | None = moment(nullable=True)
    report_read_at: datetime | None = moment(nullable=True)


class CampaignPerson(Owned, table=True):
    """The ledger of who was chosen for which need: nobody is reached twice for one."""

    __table_args__ = (UniqueConstraint("audience_id", "email_key", "need"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    campaign_id: int = reference("campaign.id", cascade=True)
    #: No foreign key: people are merged, addresses stay.
    person_id: int = Field(sa_type=BigKey, index=True)
    email_key: str
    #: The need and its cycle: "suits:2024-03-14", "stage:new:2026-02-01".
    need: str
