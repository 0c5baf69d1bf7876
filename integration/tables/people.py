"""Who bought: source profiles, what they can be recognised by, and the persons behind them.

A source profile is one account, card or guest address as one source knows it; every fact points to
a source profile, so its source is never lost. A person is a group of profiles; merging and
un-merging only ever change `SourceProfile.person_id`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint

from integration.db import Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class Person(Owned, table=True):
    """Somebody, over all sources. Everything about him stands with his profiles."""

    id: int | None = primary_key()
    account_id: int = account_key()
    created_at: datetime = moment()


class SourceProfile(Owned, table=True):
    """One customer, card or guest of one source."""

    __table_args__ = (UniqueConstraint("shop_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    #: The source's id; "guest:..." (address), "card:..." for those without an account.
    external_id: str
    person_id: int = reference("person.id")
    email: str | None = None
    phone: str | None = None
    card_no: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    #: Declared: f, m or x.
    gender: str | None = None
    company: str | None = None
    #: What the person does there, in the source's words.
    role: str | None = None
    is_business: bool = False
    language: str | None = None
    country: str | None = None
    postcode: str | None = None
    city: str | None = None
    tags: dict[str, Any] = json_column()
    #: How the source scores the customer, beside what we do: see `connectors.records.Customer`.
    their_group: str | None = None
    their_tier: str | None = None
    created_at: datetime | None = moment(nullable=True)
    source_updated_at: datetime | None = moment(nullable=True)
    #: Hash of the record as it was read: equal means nothing to do.
    content_hash: str = ""


class Identity(Owned, table=True):
    """Something a profile can be recognised by: a match key."""

    __table_args__ = (
        UniqueConstraint("profile_id", "kind", "value"),
        Index("ix_identity_value", "account_id", "kind", "value"),
    )

    id: int | None = primary_key()
    account_id: int = account_key(index=False)
    profile_id: int = reference("source_profile.id", index=False)
    #: "email" (lower case), "card" (letters and digits), "phone" (E.164).
    kind: str
    value: str


class Separation(Owned, table=True):
    """Two profiles the merchant declared to be different people; never merged again."""

    __table_args__ = (UniqueConstraint("one_id", "other_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    #: The smaller profile id.
    one_id: int = reference("source_profile.id")
    other_id: int = reference("source_profile.id")
    by_user_id: int | None = reference("app_user.id", nullable=True)
    created_at: datetime = moment()
