"""Secrets of an account's own, who was erased, and the receipts of it: never an address."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class Salt(Owned, table=True):
    """What is mixed into every hash of an address: one random text an account, made once."""

    id: int | None = primary_key()
    account_id: int = Field(foreign_key="account.id", unique=True, sa_type=BigKey)
    value: str


class Erasure(Owned, table=True):
    """The receipt of a person that was forgotten; it says what went and names nobody."""

    id: int | None = primary_key()
    account_id: int = account_key()
    #: running, waiting (for an audience to be connected again), done, lifted (may come back).
    status: str = "running"
    requested_at: datetime = moment()
    finished_at: datetime | None = moment(nullable=True)
    #: None: asked for on the command line.
    by_user_id: int | None = reference("app_user.id", nullable=True)
    #: The addresses Mailchimp is still to be told, encrypted; None once it was.
    pending: str | None = None
    #: Kind of row -> how many went here.
    counts: dict[str, Any] = json_column()
    #: {"answers": [{"audience", "name", "store", "status", "at"}], "owed": [{"audience", "name"}],
    #: "behind": [lease]}: 204 erased, 404 was not there; "owed" is who is still to be told,
    #: "behind" which work has to end before, by `Work.lease_by`.
    mailchimp: dict[str, Any] = json_column()
    lifted_at: datetime | None = moment(nullable=True)
    #: Why the person may come back, in words; never an address.
    lifted_because: str | None = None


class PrivacyRequest(Owned, table=True):
    """Something a shop's platform asked on behalf of people; it names nobody."""

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id")
    #: access, erasure or shop.
    kind: str
    #: The platform's number of it, where it has one.
    request: str = ""
    asked_at: datetime = moment()
    due_at: datetime = moment()
    done_at: datetime | None = moment(nullable=True)
    #: Whom it is about, encrypted; None once it was done.
    pending: str | None = None
    erasure_id: int | None = reference("erasure.id", nullable=True)
    #: Of a shop that was forgotten: table -> how many rows went.
    counts: dict[str, Any] = json_column()


class ErasedKey(Owned, table=True):
    """Something an erased person could be recognised by, as a salted hash."""

    __table_args__ = (UniqueConstraint("account_id", "kind", "hashed"),)

    id: int | None = primary_key()
    account_id: int = account_key(index=False)
    erasure_id: int = reference("erasure.id")
    #: "email", "card", "phone", or "source": a customer number of one source.
    kind: str
    hashed: str
