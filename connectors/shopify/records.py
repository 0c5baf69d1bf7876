"""Shopify's customers and products as records; see `orders.py` and `checkouts.py` for the others.

Pure functions of what `documents.py` asks for. Ids are the numbers that webhooks use as well.

==================================  ===========================================================
Shopify                             here
==================================  ===========================================================
e-mail consent SUBSCRIBED           CONFIRMED, of the moment and level that Shopify tells
PENDING                             CONSENTED
UNSUBSCRIBED                        DENIED
NOT_SUBSCRIBED, INVALID             UNKNOWN where a moment is told, else no statement: nobody
                                    was asked
SMS consent                         the same, channel "sms"; REDACTED is DENIED
opted out of the sale of data       DENIED, channel "data_sale"
tag "wholesale", "b2b"              a business account
category "Men > Suits"              category path, and whom it is for where a level says so
metafield for Google's gender       whom it is for, before category and tags
metafields `facts.birth_date` and   birthday and number of the loyalty card
`custom.card_number`
status UNLISTED                     "draft": the merchant shows it to nobody
variant for sale with none in stock stock not counted
==================================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from connectors.records import (
    ConsentEvent,
    ConsentState,
    Customer,
    OrderLine,
    Product,
    Variant,
)
from connectors.shopify.fields import (
    Raw,
    amount,
    by_number,
    count,
    inner,
    moment,
    moment_or_none,
    need,
    nodes,
    number,
    text,
)

_STATES = {
    "SUBSCRIBED": ConsentState.CONFIRMED,
    "PENDING": ConsentState.CONSENTED,
    "UNSUBSCRIBED": ConsentState.DENIED,
    "REDACTED": ConsentState.DENIED,
    "NOT_SUBSCRIBED": ConsentState.UNKNOWN,
    "INVALID": ConsentState.UNKNOWN,
}
#: What Shopify calls itself in the ledger.
SOURCE = "Shopify"
_BUSINESS = frozenset(("wholesale", "b2b", "groothandel"))
_STATUS = {"ACTIVE": "active", "ARCHIVED": "archived"}
_GENDERS = {
    **dict.fromkeys(("men", "men's", "mens", "heren", "male"), "men"),
    **dict.fromkeys(("women", "women's", "womens", "dames", "female"), "women"),
    "unisex": "unisex",
    **dict.fromkeys(("kids", "children", "kinderen", "baby & toddler"), "kids"),
}
_COLOURS = frozenset(("color", "colour", "kleur"))
_SIZES = frozenset(("size", "maat", "grootte", "shoe size", "schoenmaat"))
#: What Shopify calls the only variant of a product without options.
_NO_OPTION = "Default Title"
GIFT_CARD = "Gift card"
#: What is not told of a customer where Shopify refuses a field.
_UNTOLD: Mapping[str, tuple[str, ...]] = {
    "firstName": ("first_name",),
    "lastName": ("last_name",),
    "defaultEmailAddress": ("email",),
    "defaultPhoneNumber": ("phone",),
    "defaultAddress": ("company", "country", "postcode", "city"),
    "birthDate": ("birth_date",),
    "cardNumber": ("card_no",),
    "statistics": ("their_group", "their_tier"),
}


def customer(raw: Raw) -> Customer:
    """Return a customer; one without an address or telephone number is one too.

    Raises
    ------
    Unreadable
    """
    tags = tuple(tag.strip() for tag in raw.get("tags") or () if tag.strip())
    locale = text(raw, "locale")
    refused = raw.get("refused", ())
    return Customer(
        id=number(need(raw, "id")),
        email=email(text(raw, "defaultEmailAddress", "emailAddress")),
        phone=text(raw, "defaultPhoneNumber", "phoneNumber"),
        card_no=text(raw, "cardNumber", "value"),
        first_name=text(raw, "firstName"),
        last_name=text(raw, "lastName"),
        birth_date=_day(raw, "birthDate"),
        company=text(raw, "defaultAddress", "company"),
        is_business=any(tag.casefold() in _BUSINESS for tag in tags),
        language=locale.replace("_", "-").partition("-")[0].lower() if locale else None,
        country=text(raw, "defaultAddress", "countryCodeV2"),
        postcode=text(raw, "defaultAddress", "zip"),
        city=text(raw, "defaultAddress", "city"),
        tags=tags,
        their_group=_word(raw, "rfmGroup"),
        their_tier=_word(raw, "predictedSpendTier"),
        created_at=moment_or_none(raw, "createdAt"),
        source_updated_at=moment(raw, "updatedAt"),
        untold=tuple(
            column for name, columns in _UNTOLD.items() if name in refused for column in columns
        ),
    )


def _word(raw: Raw, name: str) -> str | None:
    told = text(raw, "statistics", name)
    return told.lower() if told else None


def _day(raw: Raw, name: str) -> date | None:
    """Return a day; what a merchant's own field holds may be anything."""
    try:
        return date.fromisoformat(text(raw, name, "value") or "")
    except ValueError:
        return None


def email(address: str | None) -> str | None:
    """Return an address with its domain in lower case; None for what is none."""
    name, _, domain = (address or "").rpartition("@")
    return f"{name}@{domain.lower()}" if name and domain else None


def state(told: str) -> ConsentState:
    """Return what a state means; one that is new to us must not let anybody in."""
    return _STATES.get(told, ConsentState.UNKNOWN)


def consent(raw: Raw) -> list[ConsentEvent]:
    """Return what a customer's record says about permission, each with its own moment.

    Raises
    ------
    Unreadable
    """
    return list(_consent(raw))


def _consent(raw: Raw) -> Iterator[ConsentEvent]:
    key = number(need(raw, "id"))
    by_mail = raw.get("defaultEmailAddress")
    if by_mail:
        said = {
            "state": by_mail.get("marketingState"),
            "optInLevel": by_mail.get("marketingOptInLevel"),
            "updatedAt": by_mail.get("marketingUpdatedAt"),
        }
        yield from _statement(key, "email", said, email=email(text(by_mail, "emailAddress")))
    by_phone = raw.get("defaultPhoneNumber")
    if by_phone and by_phone.get("smsMarketingConsent"):
        said = by_phone["smsMarketingConsent"]
        yield from _statement(key, "sms", said, phone=text(by_phone, "phoneNumber"))
    if raw.get("dataSaleOptOut"):
        yield ConsentEvent(
            id=f"data_sale:{key}",
            state=ConsentState.DENIED,
            at=None,
            source=SOURCE,
            customer_id=key,
            channel="data_sale",
        )


def _statement(
    key: str, channel: str, said: Raw, *, email: str | None = None, phone: str | None = None
) -> Iterator[ConsentEvent]:
    told = need(said, "state")
    meant, at = state(told), moment_or_none(said, "updatedAt")
    if meant is ConsentState.UNKNOWN and at is None:
        return
    level = said.get("optInLevel")
    yield ConsentEvent(
        id=f"{channel}:{key}:{told}:{at.isoformat() if at else ''}",
        state=meant,
        at=at,
        source=SOURCE,
        customer_id=key,
        email=email,
        phone=phone,
        channel=channel,
        evidence=f"{told}, {level}" if level else str(told),
    )


def product(raw: Raw) -> Product:
    """Return a product with its variants.

    Raises
    ------
    Unreadable
    """
    path = category_path(raw)
    tags = tuple(tag.strip() for tag in raw.get("tags") or () if tag.strip())
    lowest = inner(raw, "priceRangeV2", "minVariantPrice")
    variants = tuple(_variant(one) for one in by_number(nodes(raw, "variants")))
    return Product(
        id=number(need(raw, "id")),
        title=str(need(raw, "title")).strip() or "-",
        sku=variants[0].sku if len(variants) == 1 else None,
        product_type=product_type(raw, is_gift_card=bool(raw.get("isGiftCard"))),
        category_path=path,
        brand=text(raw, "vendor"),
        tags=tags,
        gender_target=gender_target(raw, (*path, *tags)),
        price=amount(lowest, "amount") if lowest else None,
        currency=text(lowest, "currencyCode") if lowest else None,
        status=_STATUS.get(need(raw, "status"), "draft"),
        url=text(raw, "onlineStoreUrl"),
        image_url=text(raw, "featuredMedia", "preview", "image", "url"),
        variants=variants,
        created_at=moment_or_none(raw, "createdAt"),
        source_updated_at=moment(raw, "updatedAt"),
    )


def _variant(raw: Raw) -> Variant:
    told = options(raw)
    stock = raw.get("inventoryQuantity")
    # Sold although none is there: not counted, or sold before it arrives.
    is_counted = stock is not None and (stock > 0 or not raw.get("availableForSale"))
    title = text(raw, "title")
    return Variant(
        id=number(need(raw, "id")),
        sku=text(raw, "sku"),
        title=None if title == _NO_OPTION else title,
        colour=among(told, _COLOURS),
        size=among(told, _SIZES),
        price=amount(raw, "price"),
        inventory_quantity=max(int(stock or 0), 0) if is_counted else None,
    )


def product_type(raw: Raw | None, *, is_gift_card: bool) -> str | None:
    """Return the merchant's own word for the kind of goods; gift cards are told even without."""
    return text(raw or {}, "productType") or (GIFT_CARD if is_gift_card else None)


def category_path(raw: Raw | None) -> tuple[str, ...]:
    """Return the levels of Shopify's taxonomy, from general to particular."""
    told = text(raw or {}, "category", "fullName")
    return tuple(level.strip() for level in told.split(" > ")) if told else ()


def gender_target(product: Raw | None, words: Iterable[str]) -> str | None:
    """Return whom goods are for where the merchant, a category or a tag says just that."""
    told = text(product or {}, "gender", "value")
    named = (word.casefold() for word in (told, *words) if word)
    return next((_GENDERS[word] for word in named if word in _GENDERS), None)


def options(raw: Raw | None) -> Mapping[str, str]:
    """Return a variant's option names in lower case, each with its value."""
    return {
        str(one.get("name", "")).strip().casefold(): str(one["value"]).strip()
        for one in (raw or {}).get("selectedOptions") or ()
        if one.get("value") and one["value"] != _NO_OPTION
    }


def among(told: Mapping[str, str], names: frozenset[str]) -> str | None:
    """Return the value of the first option with one of these names."""
    return next((value for name, value in told.items() if name in names), None)


def goods(raw: Raw, *, is_gift_card: bool = False) -> OrderLine:
    """Return what a line of an order or checkout is about; amounts are the caller's.

    Title, article number and vendor are those of the day it was bought. What kind of thing it is
    stands with the product alone, and is unknown once that is deleted.

    Raises
    ------
    Unreadable
    """
    sold, variant = raw.get("product"), raw.get("variant")
    path = category_path(sold)
    told = options(variant)
    return OrderLine(
        id=number(need(raw, "id")),
        title=text(raw, "title") or "-",
        quantity=count(raw, "quantity"),
        total=Decimal(0),
        product_id=number(sold["id"]) if sold else None,
        variant_id=number(variant["id"]) if variant else None,
        sku=text(raw, "sku"),
        product_type=product_type(sold, is_gift_card=is_gift_card),
        category_path=path,
        brand=text(raw, "vendor"),
        gender_target=gender_target(sold, path),
        colour=among(told, _COLOURS),
        size=among(told, _SIZES),
    )
