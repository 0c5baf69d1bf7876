"""Cells to values, one reader a column; each reads a value once and remembers it.

A reader is a dict from cell to value: files repeat themselves (dates, prices, e-mail addresses), so
most cells cost one look-up.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from connectors.files.formats import read_amount, read_date, to_birth_date, to_utc
from connectors.files.texts import DATE_EXAMPLES

Value = TypeVar("Value")
#: Short for lists of words.
words = str.split
#: Values remembered per column; memory stays bounded for columns that never repeat.
_REMEMBER = 20_000

_YES = frozenset(words("ja j yes y true waar 1 x aan on opt-in optin"))
_NO = frozenset(words("nee n no false onwaar 0 uit off opt-out optout")) | {"-"}
_GENDERS = {
    **dict.fromkeys(words("m man male heer dhr mr dhr. mr. mannelijk"), "m"),
    **dict.fromkeys(words("v f vrouw female mevr mw mevrouw mevr. mw. mrs ms vrouwelijk"), "f"),
    **dict.fromkeys(words("x o overig other anders neutraal nonbinary"), "x"),
    "de heer": "m",
}
_ADDRESS = re.compile(r"[^\s;,<>()\"']+@[^\s;,<>()\"']+")
_PLACEHOLDER_NAMES = frozenset(
    words(
        "geen geenemail geenmail geen.email nomail noemail no-email none onbekend unknown nvt n.v.t"
        " x xx xxx noreply no-reply deleted"
    )
)
_PLACEHOLDER_DOMAIN = re.compile(r"(winkel|geen|nvt|onbekend|noemail|nomail|geenemail)(\.[a-z]+)?")
_DAMAGED_NUMBER = re.compile(r"\d([.,]\d+)?e\+?\d+", re.IGNORECASE)
_FLOAT_ID = re.compile(r"\d+\.0")
_REGIONS = {
    "nederland": "NL", "netherlands": "NL", "the netherlands": "NL", "holland": "NL",
    "belgië": "BE", "belgie": "BE", "belgium": "BE", "duitsland": "DE", "germany": "DE",
    "deutschland": "DE", "france": "FR", "frankrijk": "FR", "united kingdom": "GB", "uk": "GB",
    "luxemburg": "LU", "luxembourg": "LU", "spain": "ES", "spanje": "ES", "ireland": "IE",
    "united states": "US", "usa": "US", "austria": "AT", "oostenrijk": "AT",
}  # fmt: skip


class BadCell(ValueError):
    """A cell that cannot be read; `text` names the sentence that says why."""

    def __init__(self, column: str, value: str, text: str, **values: object) -> None:
        super().__init__(text)
        self.column, self.value, self.text, self.values = column, value, text, values


class Reader(dict[str | None, Value | None], Generic[Value]):
    """Reads the cells of one column; an empty cell (None) is None."""

    def __init__(self, column: str) -> None:
        super().__init__({None: None})
        self.column = column

    def __missing__(self, cell: str | None) -> Value | None:
        assert cell is not None
        if len(self) > _REMEMBER:
            self.clear()
            self[None] = None
        value = self[cell] = self.value(cell)
        return value

    @abstractmethod
    def value(self, cell: str) -> Value | None:
        """The value of a filled cell.

        Raises
        ------
        BadCell
        """

    def bad(self, cell: str, text: str, **values: object) -> BadCell:
        """Why a cell cannot be read."""
        return BadCell(self.column, cell, text, **values)


class Texts(Reader[str]):
    """Text as given."""

    def value(self, cell: str) -> str:
        return cell


class Ids(Reader[str]):
    """Identifiers: text with its leading zeros, without a spreadsheet's apostrophe or `.0`."""

    def value(self, cell: str) -> str | None:
        return clean_id(cell) or None


def clean_id(cell: str) -> str:
    """An identifier as the shop wrote it.

    >>> clean_id("'0012345"), clean_id("17850.0")
    ('0012345', '17850')
    """
    cell = cell.lstrip("'")
    return cell[:-2] if _FLOAT_ID.fullmatch(cell) else cell


def is_damaged_id(cell: str) -> bool:
    """A long number a spreadsheet has rounded.

    >>> is_damaged_id("8,71E+12"), is_damaged_id("8712345678906")
    (True, False)
    """
    return _DAMAGED_NUMBER.fullmatch(cell) is not None


class Amounts(Reader[Decimal]):
    """Amounts and quantities under the column's decimal sign."""

    def __init__(self, column: str, decimal: str | None) -> None:
        super().__init__(column)
        self.decimal = decimal

    def value(self, cell: str) -> Decimal:
        if is_damaged_id(cell):
            raise self.bad(cell, "amount_damaged")
        try:
            return read_amount(cell, self.decimal)
        except (ValueError, ArithmeticError):
            example = "12,50" if self.decimal == "," else "12.50"
            raise self.bad(cell, "amount", example=example) from None


class Moments(Reader[datetime]):
    """Moments in UTC; a cell without an offset is local time of the shop.

    A day later than `not_after` is refused: a typing error, or a year of two digits.
    """

    def __init__(
        self, column: str, order: str | None, zone: ZoneInfo, not_after: date | None = None
    ) -> None:
        super().__init__(column)
        self.order, self.zone, self.not_after = order, zone, not_after

    def value(self, cell: str) -> datetime:
        try:
            moment = to_utc(*read_date(cell, self.order), self.zone)
        except (ValueError, OverflowError):
            raise self.bad(cell, "date", expected=DATE_EXAMPLES[self.order]) from None
        if self.not_after is not None and moment.date() > self.not_after:
            raise self.bad(cell, "future")
        return moment


class BirthDates(Reader[date]):
    """Dates of birth; two-digit years lie in the past."""

    def __init__(self, column: str, order: str | None, today: date) -> None:
        super().__init__(column)
        self.order, self.today = order, today

    def value(self, cell: str) -> date:
        try:
            return to_birth_date(read_date(cell, self.order)[0].date(), self.today)
        except (ValueError, OverflowError):
            raise self.bad(cell, "date", expected=DATE_EXAMPLES[self.order]) from None


class Booleans(Reader[bool]):
    """Yes and no in two languages."""

    def value(self, cell: str) -> bool:
        word = cell.lower()
        if word in _YES or word in _NO:
            return word in _YES
        raise self.bad(cell, "boolean")


class Genders(Reader[str]):
    """Declared gender as "f", "m" or "x"."""

    def value(self, cell: str) -> str:
        try:
            return _GENDERS[cell.lower()]
        except KeyError:
            raise self.bad(cell, "gender") from None


class Emails(Reader[str]):
    """The first real address of a cell, its domain in lower case."""

    def value(self, cell: str) -> str:
        problem = "email"
        for address in _ADDRESS.findall(cell.replace("mailto:", "")):
            name, _, domain = address.lower().rpartition("@")
            if name in _PLACEHOLDER_NAMES or _PLACEHOLDER_DOMAIN.fullmatch(domain):
                problem = "email_placeholder"
                continue
            try:
                checked = validate_email(address, check_deliverability=False)
            except EmailNotValidError:
                continue
            return checked.local_part + "@" + checked.ascii_domain.lower()
        if cell.lower().rstrip(".") in _PLACEHOLDER_NAMES:
            problem = "email_placeholder"
        raise self.bad(cell, problem)


class Phones(Reader[str]):
    """Telephone numbers in E.164; a national number is one of `region`."""

    def __init__(self, column: str, region: str) -> None:
        super().__init__(column)
        self.region = region

    def value(self, cell: str) -> str:
        try:
            number = phonenumbers.parse(cell.lstrip("'"), self.region)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_possible_number(number):
            example = phonenumbers.example_number(self.region)
            shown = f"+{example.country_code}{example.national_number}" if example else "+31..."
            raise self.bad(cell, "phone", region=self.region, example=shown)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Currencies(Reader[str]):
    """ISO 4217 codes."""

    def value(self, cell: str) -> str:
        code = {"€": "EUR", "$": "USD", "£": "GBP"}.get(cell, cell.upper())
        if not re.fullmatch(r"[A-Z]{3}", code):
            raise self.bad(cell, "currency")
        return code


class Days(Reader[int]):
    """Whole days above zero."""

    def value(self, cell: str) -> int:
        if not cell.isdecimal() or int(cell) == 0:
            raise self.bad(cell, "days")
        return int(cell)


def region_of(country: str | None, default: str) -> str:
    """Two-letter region of a country as written in a file."""
    if country is None:
        return default
    if re.fullmatch(r"[A-Za-z]{2}", country):
        return country.upper()
    return _REGIONS.get(country.lower(), default)


def home_region(time_zone: str) -> str:
    """The region whose national telephone numbers a shop's files hold.

    >>> home_region("Europe/Brussels")
    'BE'
    """
    by_city = {
        "Brussels": "BE", "London": "GB", "Berlin": "DE", "Paris": "FR", "Vienna": "AT",
        "Luxembourg": "LU", "Madrid": "ES", "Dublin": "IE", "New_York": "US",
    }  # fmt: skip
    return by_city.get(time_zone.rpartition("/")[2], "NL")
