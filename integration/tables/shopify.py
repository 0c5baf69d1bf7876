"""Shopify's side of a shop: who it is there, and how we are let in."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from integration.db import Owned
from integration.tables.columns import (
    account_key,
    json_column,
    moment,
    primary_key,
    reference,
)


class ShopifyStore(Owned, table=True):
    """One store that let us in; both tokens and their ends change in one statement."""

    __table_args__ = (UniqueConstraint("shop_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    #: Shopify's id of the store, which stays when it is renamed: "gid://shopify/Shop/1".
    store_id: str = Field(index=True)
    #: "dressed.myshopify.com"; another one after a renaming.
    domain: str = Field(index=True)
    #: How a token is had: "renewed", "fixed" or "own" (see `connectors.shopify.tokens`).
    way: str
    #: Encrypted by `security.Vault`; "" when there is none (any more).
    access_token: str = ""
    access_until: datetime | None = moment(nullable=True)
    refresh_token: str = ""
    refresh_until: datetime | None = moment(nullable=True)
    #: What was granted: {"names": [...]}.
    scopes: dict[str, Any] = json_column()
    #: Random text of who is just renewing the token, and until when.
    held_by: str = ""
    held_until: datetime | None = moment(nullable=True)
    #: "" (all is well), "reconnect", "uninstalled" or "cloned".
    stopped: str = ""
    #: Which installation connected it: see `integration.installation`.
    installation: str = ""
    public_url: str = ""
    #: What it lets us do, as last looked at: {"rights": {...}, "version": ..., "found": ...}, and
    #: since when it shows orders of before 60 days, where that was not from the beginning.
    seen: dict[str, Any] = json_column()
    seen_at: datetime | None = moment(nullable=True)
    installed_at: datetime = moment()


class ShopifySwitch(Owned, table=True):
    """A feature of a store that needs more of Shopify than reading; no row: off."""

    __tablename__ = "shopify_switch"
    __table_args__ = (UniqueConstraint("shop_id", "name"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    #: A key of `integration.shopify.switches.SCOPES`.
    name: str
    wanted_at: datetime = moment()
    #: When Shopify had granted what it needs; None: it has not, or no longer does.
    on_since: datetime | None = moment(nullable=True)


class ShopifyVisit(SQLModel, table=True):
    """A browser that was sent to Shopify and has to come back; nobody's yet, and good once."""

    __tablename__ = "shopify_visit"

    #: SHA-256 of the text that must come back.
    state_hash: str = Field(primary_key=True)
    domain: str
    started_at: datetime = moment()
