"""Numbers, dates and money as the reader writes them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision
from flask import Flask

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


def install(app: Flask) -> None:
    """Give the templates these words."""
    for form in (number, percent, money, day, moment, source_name):
        app.jinja_env.filters[form.__name__] = form
