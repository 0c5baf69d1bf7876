"""Who uses Stipt: the merchant, the people who log in, and the sources the merchant connected."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from integration.db import Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class Account(SQLModel, table=True):
    """One merchant; every other row belongs to one."""

    id: int | None = primary_key()
    name: str
    #: "en" or "nl": of texts computed for the merchant; tags have the audience's language.
    language: str = "en"
    #: IANA name; calendar days are counted in it.
    time_zone: str = "Europe/Amsterdam"
    #: ISO 4217; analyses are in this currency.
    currency: str = "EUR"
    created_at: datetime = moment()


class User(Owned, table=True):
    """Somebody who may log in for a merchant."""

    # "user" is a reserved word on PostgreSQL.
    __tablename__ = "app_user"

    id: int | None = primary_key()
    account_id: int = account_key()
    email: str = Field(unique=True)
    password_hash: str
    language: str = "en"
    created_at: datetime = moment()


class Shop(Owned, table=True):
    """One connected source: a web shop, a till, a set of files."""

    __table_args__ = (UniqueConstraint("account_id", "platform", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    #: The connector's name: "files", "demo", "shopify", ...
    platform: str
    external_id: str
    name: str
    #: What the connector needs to start again; secrets are encrypted apart.
    config: dict[str, Any] = json_column()
    #: Encrypted by `security.Vault`.
    secret: str | None = None
    created_at: datetime = moment()
    disconnected_at: datetime | None = moment(nullable=True)


class SyncState(Owned, table=True):
    """How far a stream of a source was read; saved with the rows it brought."""

    __table_args__ = (UniqueConstraint("shop_id", "stream", "source_key"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id")
    stream: str
    #: "" for a platform; the file's hash for a file, as each file is read from its own start.
    source_key: str = ""
    cursor: dict[str, Any] | None = json_column(nullable=True)
    complete: bool = False
    #: Read so far; each once, as it is counted with the cursor.
    records: int = 0
    #: While a history comes newest first: the moment from which it is here as a whole.
    known_since: datetime | None = moment(nullable=True)
    updated_at: datetime = moment()
