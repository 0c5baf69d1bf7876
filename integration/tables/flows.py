"""Events that start the merchant's own flows: switches, the ledger of what was told, and looks."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class EventSwitch(Owned, table=True):
    """One kind of event of one audience: on or off, and the step of a flow tied to it."""

    __table_args__ = (UniqueConstraint("audience_id", "kind"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    #: due, cart, second_order or interest.
    kind: str
    is_on: bool = False
    switched_at: datetime | None = moment(nullable=True)
    #: When everybody who was in this state already was marked; None: that is still to come.
    marked_at: datetime | None = moment(nullable=True)
    #: Days without another event of this kind for the same person.
    every_days: int = 7
    #: Ids out of the trigger address that the merchant pasted.
    journey: int | None = Field(default=None, sa_type=BigKey)
    step: int | None = Field(default=None, sa_type=BigKey)
    #: Why Mailchimp refuses the step, "" while it does not.
    step_error: str = ""
    #: People who are waiting for a click because they are far more than usual; 0: nobody.
    waiting: int = 0
    #: The merchant let those go who are waiting.
    let_go: bool = False


class ToldEvent(Owned, table=True):
    """Ledger: an event of one person, need and cycle; it is told once, or never."""

    __table_args__ = (UniqueConstraint("audience_id", "email_key", "kind", "subject", "cycle"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    #: Kept after the person is merged: what was told stays told.
    person_id: int = Field(sa_type=BigKey, index=True)
    email_key: str
    kind: str
    #: The need, or the cart.
    subject: str
    #: What begins anew with a purchase: its day.
    cycle: str
    properties: dict[str, Any] = json_column()
    occurred_at: datetime = moment()
    #: Of the past: starts no flow.
    is_syncing: bool = False
    #: todo, sent (the answer is not known), done, failed, left_out (never told).
    status: str = "todo"
    #: When it was handed to Mailchimp.
    sent_at: datetime | None = moment(nullable=True)
    #: The batch it travels in.
    batch: str | None = None
    #: The call of the flow's step: "" (none), todo, sent, done, failed, unknown (never
    #: again), left_out (bought or not to be mailed since).
    step_status: str = ""
    #: Mailchimp's refusal, without the address.
    error: str | None = None


class FlowLook(Owned, table=True):
    """Whether a flow that a recipe describes was seen to run."""

    __table_args__ = (UniqueConstraint("audience_id", "recipe"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    recipe: str
    looked_at: datetime | None = moment(nullable=True)
    #: Contacts whose feed was read at the last look.
    looked_at_contacts: int = 0
    #: The first mail seen: when it went out and what it is called.
    seen_at: datetime | None = moment(nullable=True)
    title: str = ""
