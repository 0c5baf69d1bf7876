"""What a plan does besides tags and fields of members: names it gives, contacts it adds."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class PlanName(Owned, table=True):
    """One name that a plan changes, or a saved segment that it makes."""

    __table_args__ = (UniqueConstraint("plan_id", "kind", "key"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    plan_id: int = reference("plan.id", index=False, cascade=True)
    #: As `OwnedName.kind` and `OwnedName.key`.
    kind: str
    key: str
    #: None: made by this plan (removed by an undo).
    before: str | None = None
    after: str | None = None
    #: Language of `after`.
    language: str = ""
    #: todo, done, failed.
    status: str = "todo"
    error: str | None = None


class Addition(Owned, table=True):
    """A contact that a plan adds, with the opt-in it rests on and what we gave."""

    __table_args__ = (UniqueConstraint("plan_id", "email_key"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    plan_id: int = reference("plan.id", index=False, cascade=True)
    email_key: str = Field(index=True)
    #: Kept after the person is gone: what was done stays explained.
    person_id: int | None = Field(default=None, sa_type=BigKey)
    #: The statement: confirmed or consented, where and when, and what proves it.
    state: str
    source: str
    at: datetime = moment()
    evidence: str | None = None
    #: First and last name by merge tag, where the audience has those fields.
    merge_fields: dict[str, Any] = json_column()
    language: str = ""
    added_at: datetime | None = moment(nullable=True)
    archived_at: datetime | None = moment(nullable=True)
