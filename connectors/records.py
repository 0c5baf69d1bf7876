"""What a shop can tell us: the records every connector hands over.

Records are frozen and complete in themselves: no dict of a platform leaves a connector. Amounts are
`Decimal` in the shop's currency, moments are aware datetimes in UTC, ids are text because some
platforms' ids do not fit a number column, and quantities below zero are returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias


class ConsentState(StrEnum):
    """The four states of Mailchimp's consent model, per channel.

    Source: Mailchimp documentation, Audiences endpoints (beta), `marketing_consent`.
    """

    UNKNOWN = "unknown"
    #: Asked for, not yet confirmed (double opt-in under way).
    CONSENTED = "consented"
    CONFIRMED = "confirmed"
    #: Withdrawn or refused; wins over everything said earlier, and over silence.
    DENIED = "denied"


class OrderStatus(StrEnum):
    """Where an order stands; refunds are records of their own."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"
    TEST = "test"


class RefundDetail(StrEnum):
    """How much a platform says about a refund (platforms differ most here)."""

    PER_LINE = "per_line"
    TOTAL = "total"
    STATE_ONLY = "state_only"


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """One account, card or guest as one source knows it. A person may have several."""

    #: The source's own id, unique within the source.
    id: str
    #: As given, trimmed, domain in lower case; matching uses the whole in lower case.
    email: str | None = None
    #: E.164 where it could be read as a number.
    phone: str | None = None
    card_no: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    #: As declared by the person: "f", "m" or "x"; never inferred.
    gender: str | None = None
    company: str | None = None
    #: What the person does there, as written: "Inkoper", "Managing director".
    role: str | None = None
    #: A wholesale or business account.
    is_business: bool = False
    language: str | None = None
    country: str | None = None
    postcode: str | None = None
    city: str | None = None
    tags: tuple[str, ...] = ()
    #: How the platform itself scores the customer, in its words in lower case, to compare with: its
    #: group by recency, frequency and spending, and what it expects of spending.
    their_group: str | None = None
    their_tier: str | None = None
    created_at: datetime | None = None
    #: The last change at the source; an older version never replaces a newer one.
    source_updated_at: datetime | None = None
    #: Mentioned by an order, not its own record: fills gaps, never clears.
    partial: bool = False
    #: Fields that the source did not let us read this time: what is known of them stays.
    untold: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One size or colour of a product."""

    id: str
    sku: str | None = None
    title: str | None = None
    colour: str | None = None
    size: str | None = None
    price: Decimal | None = None
    #: None where the source does not count stock.
    inventory_quantity: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One product of the catalogue with its variants."""

    id: str
    title: str
    sku: str | None = None
    product_type: str | None = None
    #: From general to particular: ``("Men", "Suits")``.
    category_path: tuple[str, ...] = ()
    brand: str | None = None
    tags: tuple[str, ...] = ()
    #: "men", "women", "unisex", "kids" where the source declares it.
    gender_target: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    #: "active", "draft" or "archived".
    status: str = "active"
    url: str | None = None
    image_url: str | None = None
    #: The merchant's stated life in days, where the source has one.
    replacement_days: int | None = None
    variants: tuple[Variant, ...] = ()
    created_at: datetime | None = None
    source_updated_at: datetime | None = None
    #: Mentioned by an order, not its own record: fills gaps, never clears.
    partial: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderLine:
    """One line as bought: title, type and brand of that day stay with it."""

    #: Unique within the order.
    id: str
    title: str
    #: Units; below zero for a return.
    quantity: Decimal
    #: What was paid for the whole line after discounts, taxes in; below zero for a return.
    total: Decimal
    product_id: str | None = None
    variant_id: str | None = None
    sku: str | None = None
    product_type: str | None = None
    category_path: tuple[str, ...] = ()
    brand: str | None = None
    gender_target: str | None = None
    colour: str | None = None
    size: str | None = None
    discount: Decimal = Decimal(0)
    tax: Decimal | None = None
    is_gift: bool = False
    #: Sent by a subscription: nobody decided on that day to buy it.
    is_subscription: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount:
    """A code that took something off an order."""

    code: str
    #: What it took off, in the order's currency; None where the source tells of several codes
    #: together, or not at all.
    amount: Decimal | None = None
    #: "fixed" or "percentage", where the source says.
    kind: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One placed order or one receipt, as every connector hands it over."""

    id: str
    #: What the customer sees: "#1001". Not unique over shops.
    number: str | None = None
    #: None for a guest; then e-mail, phone or card may still name the person.
    customer_id: str | None = None
    email: str | None = None
    phone: str | None = None
    card_no: str | None = None
    placed_at: datetime
    status: OrderStatus = OrderStatus.PAID
    #: "web", "store" or "wholesale".
    channel: str = "web"
    store: str | None = None
    #: ISO 4217, the currency of every amount here but `original_total`.
    currency: str
    #: Paid after discounts, taxes and shipping in, before refunds.
    total: Decimal
    shipping: Decimal = Decimal(0)
    tax: Decimal | None = None
    original_total: Decimal | None = None
    original_currency: str | None = None
    #: Sent to another name or address than the buyer's.
    ships_to_other: bool = False
    #: The codes given with it; what they took off is in the lines already.
    discounts: tuple[Discount, ...] = ()
    lines: tuple[OrderLine, ...] = ()
    source_updated_at: datetime | None = None
    #: The source did not let us read all that names the buyer: whom we know as such stays.
    buyer_untold: bool = field(default=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundLine:
    """What came back of one order line."""

    order_line_id: str
    #: Units returned, above zero.
    quantity: Decimal
    #: Money returned for them, above zero.
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    """Money or goods that went back after an order."""

    id: str
    order_id: str
    refunded_at: datetime
    currency: str
    detail: RefundDetail
    #: None when only the state is known.
    amount: Decimal | None = None
    lines: tuple[RefundLine, ...] = ()
    source_updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cart:
    """A cart that has not become an order (yet)."""

    id: str
    customer_id: str | None = None
    email: str | None = None
    currency: str
    total: Decimal
    updated_at: datetime
    checkout_url: str | None = None
    #: Set once the cart became an order.
    order_id: str | None = None
    lines: tuple[OrderLine, ...] = ()
    source_updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentEvent:
    """One statement about permission: who, which state, when, and how we know."""

    #: Unique within the source, stable over re-imports.
    id: str
    state: ConsentState
    #: None when the source does not say: such a statement can never outdate another.
    at: datetime | None
    #: "checkout", "newsletter form", "loyalty card", "mailchimp export: unsubscribed", ...
    source: str
    customer_id: str | None = None
    email: str | None = None
    phone: str | None = None
    channel: str = "email"
    #: What can be shown as proof: an address, a form name, a file and row.
    evidence: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Touchpoint:
    """A moment of contact that is not an order: a mail sent, a click, a service question."""

    id: str
    #: "email_sent", "email_click", "store_visit", "ticket", ...
    kind: str
    at: datetime
    customer_id: str | None = None
    email: str | None = None
    subject: str | None = None
    #: What it is about, where that is one of the source's products.
    product_id: str | None = None
    #: The browser it was seen in, as a hash; None where no browser was.
    visitor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """A record that is gone at the source."""

    stream: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRecord:
    """One record or cell that could not be read; the rest goes on."""

    stream: str
    #: Row in the file (the header is row 1 where it stands first), or the record's id.
    row: str
    column: str
    #: The value as it was, shortened to 200 characters.
    value: str
    #: What is wrong and what was expected, in a sentence for the merchant.
    reason: str
    #: The file, or the sheet in it; empty where a source has none.
    file: str = ""


Record: TypeAlias = Customer | Product | Order | Refund | Cart | ConsentEvent | Touchpoint

#: Everything a platform's cursor may be: small, JSON, and only the connector understands it. While
#: a stream is under way two names in it are everybody's, where they are known: how many records it
#: has (`total`) and how many of them were handed over (`read`).
Cursor: TypeAlias = dict[str, Any]
