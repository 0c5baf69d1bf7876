"""Numbers, dates and money as the reader writes them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision
from flask import Flask
from flask_babel import get_translations
from markupsafe import Markup

from integration.audience import evidence
from integration.views.base import language, local
from integration.views.texts import gettext


def _locale() -> str:
    # English readers of a European shop write 14 Mar 2025, not Mar 14, 2025.
    return "nl_NL" if language() == "nl" else "en_GB"


def number(value: float | None, decimals: int = 0) -> str:
    """Return a number with the reader's separators; a dash when there is none."""
    if value is None:
        return "–"
    return format_decimal(round(value, decimals), locale=_locale())


def percent(share: float, decimals: int = 0) -> str:
    """Return a share of 1 as a percentage."""
    form = "#,##0" + ("." + "0" * decimals if decimals else "") + "%"
    return format_percent(share, format=form, locale=_locale())


def money(minor: float | None, currency: str) -> str:
    """Return minor units as an amount."""
    if minor is None:
        return "–"
    amount = Decimal(round(minor)).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=_locale())


def amount(value: Decimal, currency: str) -> str:
    """Return an amount with its cents and whatever it has beyond them.

    Two decimals at least, so that € 1.150,00 and € 1,15 cannot be taken for each other.
    """
    form = "¤\xa0#,##0.00####"
    return format_currency(value, currency, format=form, locale=_locale(), currency_digits=False)


def day(value: date | datetime | None) -> str:
    """Return a calendar day; a moment's day is the merchant's."""
    if value is None:
        return "–"
    at = local(value) if isinstance(value, datetime) else value
    return format_date(at, format="d MMM y", locale=_locale())


def short_day(value: date) -> str:
    """Return a calendar day without its year, for the axis of a chart."""
    return format_date(value, format="d MMM", locale=_locale())


def moment(value: datetime | None) -> str:
    """Return day and time in the merchant's zone."""
    if value is None:
        return "–"
    return format_datetime(local(value), format="d MMM y HH:mm", locale=_locale())


def source_name(name: str) -> str:
    """Return what a source is called; the one for files was never given a name by a merchant."""
    kind, colon, rest = name.partition(": ")
    return gettext("Files") + colon + rest if kind == "Files" else name


def consent_source(name: str) -> str:
    """Return where a statement was made; words that are the merchant's own stay as they are."""
    known = {
        "checkout": gettext("checkout"),
        "newsletter form": gettext("newsletter form"),
        "loyalty card": gettext("loyalty card"),
        "unsubscribe link": gettext("unsubscribe link"),
        "file": gettext("file"),
        "mailchimp: unsubscribed": gettext("Mailchimp: unsubscribed"),
        "mailchimp: cleaned": gettext("Mailchimp: bounced"),
        "mailchimp: subscribed": gettext("Mailchimp: subscribed again"),
        "mailchimp export: subscribed": gettext("Mailchimp export: subscribed"),
        "mailchimp export: unsubscribed": gettext("Mailchimp export: unsubscribed"),
        "mailchimp export: cleaned": gettext("Mailchimp export: bounced"),
    }
    return known.get(name, name)


def consent_evidence(text: str) -> str:
    """Return what proves a statement; words that are a source's own stay as they are."""
    known = {
        evidence.SEEN: gettext("seen when it happened"),
        evidence.PERSON: gettext("by the person"),
        evidence.CONFIRMED: gettext("confirmed by mail"),
    }
    return ", ".join(known.get(word, word) for word in text.split(", "))


def touchpoint(kind: str) -> str:
    """Return what a kind of contact is called; a source may have kinds of its own."""
    known = {
        "email_sent": gettext("E-mail sent"),
        "email_open": gettext("E-mail opened"),
        "email_click": gettext("Clicked in an e-mail"),
        "email_unsubscribe": gettext("Unsubscribed in an e-mail"),
        "product_view": gettext("Looked at a product"),
        "cart_add": gettext("Put into the cart"),
        "cart_remove": gettext("Taken out of the cart"),
        "checkout_start": gettext("Began to check out"),
        "wishlist": gettext("Put on a wish list"),
        "search": gettext("Searched"),
        "brochure": gettext("Asked for a brochure"),
        "store_visit": gettext("Visited the store"),
        "ticket": gettext("Asked for help"),
    }
    return known.get(kind, kind.replace("_", " ").capitalize())


def _counted(singular: str, plural: str, num: int, **values: object) -> Markup:
    """As Babel's, with the number as the reader writes it: 8,898 and not 8898."""
    words = get_translations().ungettext(singular, plural, num)
    return Markup(words) % {"num": number(num), **values}  # noqa: S704  # our own words


def install(app: Flask) -> None:
    """Give the templates these words; after Babel, which brings an `ngettext` of its own."""
    app.jinja_env.globals["ngettext"] = _counted
    of_consent = (consent_source, consent_evidence)
    for form in (number, percent, money, day, moment, source_name, touchpoint, *of_consent):
        app.jinja_env.filters[form.__name__] = form
