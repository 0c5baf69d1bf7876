"""The Mailchimp side: the audience, who is in it, what is ours there, and every change planned."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class Audience(Owned, table=True):
    """The one Mailchimp audience a merchant picked."""

    id: int | None = primary_key()
    account_id: int = account_key()
    #: Mailchimp's list id.
    list_id: str
    name: str
    #: Data centre, such as "us6".
    server: str
    #: Encrypted by `security.Vault`.
    token: str
    #: "en" or "nl": the language of tags and fields.
    language: str
    #: Moment up to which members were read.
    read_until: datetime | None = moment(nullable=True)
    #: Whether the token came by OAuth; else it is an API key.
    is_oauth: bool = False
    #: Mailchimp's id of the account: limits are counted by it.
    mailchimp_account: str = ""
    #: Why nothing is written at present: "" (it is), "revoked", "audience_deleted", "cloned".
    paused: str = ""
    paused_at: datetime | None = moment(nullable=True)
    #: Which installation connected it, and its pages' address then: see `integration.installation`.
    installation: str = ""
    public_url: str = ""
    #: What is in it, as last looked at for the page: see `audience.contents`.
    contents: dict[str, Any] | None = json_column(nullable=True)
    #: The audience asks newcomers to confirm by mail.
    double_optin: bool = False
    #: Address of Mailchimp's own sign-up form, "" while it was not read.
    form_url: str = ""
    #: The merchant chose to add people whose opt-in is recorded.
    adds_contacts: bool = False
    #: The merchant chose that contacts get the language they have at the shop.
    sets_language: bool = False
    #: The merchant does not want saved segments made.
    skips_segments: bool = False
    #: Optional sets of fields that are switched on: {"on": [...]}, see `audience.names.SETS`.
    field_sets: dict[str, Any] = json_column()
    #: The merchant chose to have later changes published without a click each.
    keeps_in_step: bool = False
    #: 0, 10 or 20: the percentage of people who get no mail, so that its effect can be measured.
    holdout_percent: int = 0
    connected_at: datetime = moment()
    disconnected_at: datetime | None = moment(nullable=True)


class Member(Owned, table=True):
    """An address in the audience, as last read. Only these get anything."""

    __table_args__ = (
        UniqueConstraint("audience_id", "email_key"),
        Index("ix_member_contact", "audience_id", "contact_id"),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    #: Lower case; its MD5 is Mailchimp's subscriber hash.
    email_key: str
    #: subscribed, unsubscribed, cleaned, pending, transactional, archived; "gone": not there any
    #: more, "forgotten": erased there, and Mailchimp does not take it back.
    status: str
    #: The contact's language there; "" when it has none.
    language: str = ""
    changed_at: datetime | None = moment(nullable=True)
    #: Mailchimp's id of the contact, which stays when the address changes; "" until it was read.
    contact_id: str = Field(default="", sa_column_kwargs={"server_default": ""})


class OwnedName(Owned, table=True):
    """Ownership ledger: a tag, field or saved segment we created; nothing else is ever touched."""

    __table_args__ = (UniqueConstraint("audience_id", "kind", "key"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    #: "tag", "field" or "segment" (a saved one).
    kind: str
    #: Segment key ("due:suits:now"), field key ("DUEDATE") or "send:suits" of a saved segment.
    key: str
    #: What it is called there: the tag's name or the field's merge tag.
    name: str
    #: The name for people that we gave last: only while it stands there do we give another.
    label: str = ""
    #: Language of that name; "" when it was given before languages were kept.
    language: str = ""
    #: Mailchimp's id: the static segment's or the merge field's.
    remote_id: int | None = None
    created_by_plan: int | None = reference("plan.id", nullable=True)


class PushedValue(Owned, table=True):
    """The mirror: what we last wrote for a member, one row a tag or field; absent means nothing."""

    __table_args__ = (UniqueConstraint("audience_id", "email_key", "kind", "key"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    email_key: str
    kind: str
    key: str
    #: The field's value; "" for a tag.
    value: str = ""


class Plan(Owned, table=True):
    """What a push will change, stored before anything is written."""

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id")
    #: "push" or "undo".
    kind: str = "push"
    #: draft, publishing, published, undone, discarded (nobody published it), failed (it can be
    #: gone on with), superseded (a newer plan was made before this one was done).
    status: str = "draft"
    #: For an undo: the plan it takes back.
    undoes: int | None = reference("plan.id", nullable=True)
    #: Counts and texts shown before the click: see `audience.plan.Summary`.
    summary: dict[str, Any] = json_column()
    #: Requests made, seconds, errors: filled while publishing.
    outcome: dict[str, Any] = json_column()
    #: The fit that everything in it was computed with; its row may be gone.
    model_id: int | None = Field(default=None, sa_type=BigKey)
    created_at: datetime = moment()
    published_at: datetime | None = moment(nullable=True)
    undone_at: datetime | None = moment(nullable=True)


class PlanChange(Owned, table=True):
    """One change to one member: a tag on or off, a field set or cleared, a contact added.

    A row of kind "contact" has the status given to the new contact as `after`.
    """

    __table_args__ = (
        UniqueConstraint("plan_id", "email_key", "kind", "key"),
        Index("ix_plan_change_todo", "plan_id", "status", "kind", "key"),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    plan_id: int = reference("plan.id", index=False, cascade=True)
    email_key: str
    #: Kept after the person is gone: what was done stays explained.
    person_id: int | None = Field(default=None, sa_type=BigKey)
    kind: str
    key: str
    #: None: absent before (after).
    before: str | None = None
    after: str | None = None
    #: todo, sent (handed to Mailchimp, the answer is not known), done, failed.
    status: str = "todo"
    #: Mailchimp's answer for this row, without the address.
    error: str | None = None
