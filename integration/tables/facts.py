"""What the sources told us. Rows are replaced by newer versions of themselves, never edited."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlmodel import Field

from integration.db import Owned
from integration.tables.columns import (
    account_key,
    json_column,
    json_list,
    minor_units,
    moment,
    primary_key,
    reference,
)


class Product(Owned, table=True):
    """One product of one source."""

    __table_args__ = (UniqueConstraint("shop_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    external_id: str
    title: str
    sku: str | None = None
    product_type: str = ""
    #: "Men > Suits", from general to particular.
    category_path: str = ""
    brand: str = ""
    #: Joined by ", ".
    tags: str = ""
    gender_target: str = ""
    price_minor: int | None = minor_units(nullable=True)
    currency: str | None = None
    #: active, draft or archived.
    status: str = "active"
    url: str | None = None
    image_url: str | None = None
    replacement_days: int | None = None
    created_at: datetime | None = moment(nullable=True)
    source_updated_at: datetime | None = moment(nullable=True)
    content_hash: str = ""


class Variant(Owned, table=True):
    """One size or colour of a product."""

    __table_args__ = (UniqueConstraint("product_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    product_id: int = reference("product.id", index=False, cascade=True)
    external_id: str
    sku: str | None = None
    title: str | None = None
    colour: str | None = None
    size: str | None = None
    price_minor: int | None = minor_units(nullable=True)
    inventory_quantity: int | None = None


class Order(Owned, table=True):
    """One order or receipt."""

    __tablename__ = "shop_order"
    __table_args__ = (UniqueConstraint("shop_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    external_id: str
    number: str | None = None
    #: None: nobody could be named.
    profile_id: int | None = reference("source_profile.id", nullable=True)
    placed_at: datetime = moment()
    #: open, paid, cancelled or test.
    status: str
    #: web, store or wholesale.
    channel: str
    store: str | None = None
    currency: str
    total_minor: int = minor_units()
    shipping_minor: int = minor_units()
    tax_minor: int | None = minor_units(nullable=True)
    original_total_minor: int | None = minor_units(nullable=True)
    original_currency: str | None = None
    ships_to_other: bool = False
    #: Codes given with it: code, amount_minor (None: not known), kind ("fixed", "percentage" or
    #: None). Shown and sent, never computed with; a code may have been made for one person.
    discounts: list[dict[str, Any]] = json_list()
    source_updated_at: datetime | None = moment(nullable=True)
    content_hash: str = ""


class OrderLine(Owned, table=True):
    """One line as bought; the product's words of that day stay with it."""

    __table_args__ = (UniqueConstraint("order_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    order_id: int = reference("shop_order.id", index=False, cascade=True)
    external_id: str
    #: The product's id at the source; the catalogue may not (or no longer) have it.
    product_external_id: str | None = None
    variant_external_id: str | None = None
    sku: str | None = None
    title: str
    product_type: str = ""
    category_path: str = ""
    brand: str = ""
    gender_target: str = ""
    colour: str = ""
    size: str = ""
    #: Units; below zero for a return.
    quantity: float
    total_minor: int = minor_units()
    discount_minor: int = minor_units()
    tax_minor: int | None = minor_units(nullable=True)
    is_gift: bool = False
    is_subscription: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class Refund(Owned, table=True):
    """Money or goods that went back."""

    __table_args__ = (UniqueConstraint("shop_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    external_id: str
    order_external_id: str = Field(index=True)
    refunded_at: datetime = moment()
    currency: str
    #: per_line, total or state_only.
    detail: str
    amount_minor: int | None = minor_units(nullable=True)
    source_updated_at: datetime | None = moment(nullable=True)
    content_hash: str = ""


class RefundLine(Owned, table=True):
    """What came back of one order line."""

    __table_args__ = (UniqueConstraint("refund_id", "line_external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    refund_id: int = reference("refund.id", index=False, cascade=True)
    line_external_id: str
    #: Units, above zero.
    quantity: float
    amount_minor: int = minor_units()


class Cart(Owned, table=True):
    """A cart that has not become an order (yet)."""

    __table_args__ = (UniqueConstraint("shop_id", "external_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    external_id: str
    profile_id: int | None = reference("source_profile.id", nullable=True)
    currency: str
    total_minor: int = minor_units()
    updated_at: datetime = moment()
    checkout_url: str | None = None
    order_external_id: str | None = None
    #: {"lines": [...]}: shown, never computed with.
    content: dict[str, Any] = json_column()
    source_updated_at: datetime | None = moment(nullable=True)
    content_hash: str = ""


class Consent(Owned, table=True):
    """The ledger: one statement about permission. Rows are added, never changed or removed."""

    __table_args__ = (
        UniqueConstraint("shop_id", "external_id"),
        # What Mailchimp said once is held once, whoever of message and reading writes it first;
        # for the constraint above, two rows without a shop are never the same.
        Index(
            "uq_consent_of_mailchimp",
            "account_id",
            "external_id",
            unique=True,
            sqlite_where=text("shop_id IS NULL"),
            postgresql_where=text("shop_id IS NULL"),
        ),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    #: None: said by Mailchimp, see `source`.
    shop_id: int | None = reference("shop.id", nullable=True, index=False)
    external_id: str
    profile_id: int | None = reference("source_profile.id", nullable=True)
    #: Lower case; the address the statement is about, when it names one.
    email_key: str | None = Field(default=None, index=True)
    channel: str = "email"
    #: unknown, consented, confirmed or denied.
    state: str
    #: None: the source does not say; outdates nothing.
    at: datetime | None = moment(nullable=True)
    source: str
    evidence: str | None = None
    received_at: datetime = moment()


class Touchpoint(Owned, table=True):
    """A moment of contact that is not an order."""

    __table_args__ = (
        UniqueConstraint("shop_id", "external_id"),
        UniqueConstraint("audience_id", "external_id"),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    #: Who tells: a shop, or Mailchimp about an audience.
    shop_id: int | None = reference("shop.id", nullable=True, index=False)
    audience_id: int | None = reference("audience.id", nullable=True, index=False)
    external_id: str
    profile_id: int | None = reference("source_profile.id", nullable=True)
    kind: str
    at: datetime = moment()
    subject: str | None = None
    #: The product's id at the source, where it is about one.
    product_external_id: str | None = None
    #: The browser, as a hash with the account's salt; "" where none was.
    visitor: str = Field(default="", index=True, sa_column_kwargs={"server_default": ""})
