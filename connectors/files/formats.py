"""Amounts and dates: what a whole column proves about its format, and reading by it.

A format belongs to a column, never to a cell: `1.234` alone says nothing, `0.250` beside it says
that the point is decimal. What no cell proves is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januari january",
            "feb februari february",
            "mrt maart mar march maa",
            "apr april",
            "mei may",
            "jun juni june",
            "jul juli july",
            "aug augustus august",
            "sep sept september",
            "okt oktober oct october",
            "nov november",
            "dec december",
        ),
        1,
    )
    for name in names.split()
}
_NUMERIC_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})")
_DAY_MONTH_NAME = re.compile(r"(?:[a-z]{2,9}\.?,? )?(\d{1,2})[-. ]+([a-z]{3,9})\.?[-, ]+(\d{2,4})")
_MONTH_NAME_DAY = re.compile(r"(?:[a-z]{3,9}\.?,? )?([a-z]{3,9})\.? (\d{1,2}),? (\d{4})")
_COMPACT_DATE = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_SERIAL_DATE = re.compile(r"([2-7]\d{4})(?:[.,](\d+))?")
_TIME = re.compile(
    r"[t, ]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?(?: ?uur)?"
    r" ?(am|pm|a\.m\.|p\.m\.)? ?(z|utc|gmt|[+-]\d{2}:?\d{2})?"
)
#: Excel counts days from here (its 1900 leap day shifts the epoch by one).
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a local time, given its zone by the caller

_MONEY_SIGNS = re.compile(r"[€$£\s'’\u00a0\u202f]|eur\b|euro\b|usd\b|gbp\b", re.IGNORECASE)
_GROUPED = {
    ",": re.compile(r"(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d*)?"),
    ".": re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?"),
}


@dataclass(slots=True)
class Evidence:
    """What the cells of one column say about their format."""

    #: Formats that at least one cell proves.
    proven: set[str] = field(default_factory=set)
    #: Up to five cells that can be read in two ways.
    doubtful: list[str] = field(default_factory=list)

    def add(self, cell: str, verdict: str | None) -> None:
        """Count one cell; the verdict is a format, "either" or None for no information."""
        if verdict == "either":
            if len(self.doubtful) < 5:
                self.doubtful.append(cell)
        elif verdict is not None:
            self.proven.add(verdict)

    def settled(self) -> str | None:
        """The one format that is proven; None when several are, or none."""
        return next(iter(self.proven)) if len(self.proven) == 1 else None

    @property
    def is_open(self) -> bool:
        """Two readings are possible and no cell decides, or cells contradict each other."""
        return len(self.proven) > 1 or (not self.proven and bool(self.doubtful))


def decimal_evidence(cells: Iterable[str]) -> Evidence:
    """Which decimal sign a column of amounts proves.

    >>> decimal_evidence(["1.234", "12,50"]).settled()
    ','
    >>> decimal_evidence(["1.234", "7"]).is_open
    True
    """
    evidence = Evidence()
    for cell in cells:
        evidence.add(cell, _decimal_sign(_amount_body(cell)[0]))
    return evidence


def date_evidence(cells: Iterable[str]) -> Evidence:
    """Which order of day and month a column of dates proves.

    >>> date_evidence(["03-04-2026", "25-12-2026"]).settled()
    'dmy'
    >>> date_evidence(["03-04-2026", "05-05-2026"]).is_open
    True
    """
    evidence = Evidence()
    for cell in cells:
        evidence.add(cell, _date_order(cell.strip()))
    return evidence


def read_amount(cell: str, decimal: str | None) -> Decimal:
    """One amount under the column's decimal sign (None: no cell has one).

    Understands currency signs, `€ 12,-`, a trailing minus and brackets for below zero.

    Raises
    ------
    ValueError

    >>> read_amount("€ 1.234,56", ","), read_amount("(12.50)", "."), read_amount("12,-", ",")
    (Decimal('1234.56'), Decimal('-12.50'), Decimal('12'))
    """
    body, negative = _amount_body(cell)
    decimal = decimal or "."
    if not body or body in ",." or not _GROUPED[decimal].fullmatch(body):
        raise ValueError(cell)
    plain = body.replace("," if decimal == "." else ".", "").replace(",", ".").rstrip(".")
    amount = Decimal(plain)
    return -amount if negative else amount


def _amount_body(cell: str) -> tuple[str, bool]:
    """Digits and separators of an amount, and whether it is below zero."""
    text = _MONEY_SIGNS.sub("", cell).replace("−", "-").replace("–", "-")
    if text[-2:] in {",-", ".-"}:
        text = text[:-2]
    elif text[-3:] in {",--", ".--"}:
        text = text[:-3]
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1], True
    elif text.startswith("-"):
        text, negative = text[1:], True
    elif text.endswith("-"):
        text, negative = text[:-1], True
    return text.removeprefix("+"), negative


def _decimal_sign(body: str) -> str | None:
    commas, points = body.count(","), body.count(".")
    if not body.replace(",", "").replace(".", "").isdecimal() or not commas + points:
        return None
    if commas and points:
        return "," if body.rindex(",") > body.rindex(".") else "."
    sign = "," if commas else "."
    if commas + points > 1:  # 1.234.567: repeated signs are thousands
        return "." if commas else ","
    before, _, after = body.partition(sign)
    thousands = len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")
    return "either" if thousands else sign


def _date_order(cell: str) -> str | None:
    match = _NUMERIC_DATE.match(cell)
    if match is None:
        return None
    first, second = int(match[1]), int(match[3])
    if len(match[1]) == 4 or (first > 31 and len(match[4]) <= 2):
        return None  # the year comes first, and then the month
    if first == second:
        return None
    if 12 < first <= 31 and second <= 12:
        return "dmy"
    if first <= 12 and 12 < second <= 31:
        return "mdy"
    return "either" if first <= 12 and second <= 12 else None


def read_date(cell: str, order: str | None) -> tuple[datetime, timedelta | None]:
    """The wall clock time a cell names, and its offset from UTC where it has one.

    Raises
    ------
    ValueError

    >>> read_date("3 mrt 2026 14:05", None)
    (datetime.datetime(2026, 3, 3, 14, 5), None)
    >>> read_date("2026-09-03 10:15:00 -0400", None)[1] == timedelta(hours=-4)
    True
    """
    text = " ".join(cell.lower().split())
    serial = _SERIAL_DATE.fullmatch(text)
    if serial:
        part = float(f"0.{serial[2] or 0}")
        seconds = round(part * 86400)
        return _EXCEL_EPOCH + timedelta(days=int(serial[1]), seconds=seconds), None
    day, rest = _day_of(text, order)
    if not rest:
        return day, None
    time = _TIME.fullmatch(rest)
    if time is None:
        raise ValueError(cell)
    hour = int(time[1])
    if time[4]:
        if not 1 <= hour <= 12:
            raise ValueError(cell)
        hour = hour % 12 + 12 * time[4].startswith("p")
    return day.replace(hour=hour, minute=int(time[2]), second=int(time[3] or 0)), _offset(time[5])


def _day_of(text: str, order: str | None) -> tuple[datetime, str]:
    """Midnight of the day a text starts with, and what follows it."""
    if match := _NUMERIC_DATE.match(text):
        first, second, third = match[1], match[3], match[4]
        if len(first) == 4 or int(first) > 31 or order == "ymd":
            return _midnight(first, int(second), third), text[match.end() :]
        if order == "mdy":
            first, second = second, first
        return _midnight(third, int(second), first), text[match.end() :]
    if match := _COMPACT_DATE.match(text):
        return _midnight(match[1], int(match[2]), match[3]), text[match.end() :]
    if match := _DAY_MONTH_NAME.match(text):
        return _midnight(match[3], _MONTHS.get(match[2], 0), match[1]), text[match.end() :]
    if match := _MONTH_NAME_DAY.match(text):
        return _midnight(match[3], _MONTHS.get(match[1], 0), match[2]), text[match.end() :]
    raise ValueError(text)


def _midnight(year: str, month: int, day: str) -> datetime:
    if len(year) not in (2, 4) or len(day) > 2:
        raise ValueError(year)
    full = int(year) if len(year) == 4 else 2000 + int(year) - 100 * (int(year) > 68)
    if not 1880 <= full <= 2200:
        raise ValueError(year)
    return datetime(full, month, int(day))  # noqa: DTZ001 - a local time, given its zone by the caller


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text in ("z", "utc", "gmt"):
        return timedelta(0)
    sign = -1 if text[0] == "-" else 1
    return sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))


def to_utc(local: datetime, offset: timedelta | None, zone: ZoneInfo) -> datetime:
    """A wall clock time as a moment in UTC.

    The hour that a clock skips in spring is read as if the clock had not been moved yet (02:30
    becomes 03:30 summer time), the hour it repeats in autumn as the first of the two (PEP 495).

    >>> to_utc(datetime(2026, 3, 29, 2, 30), None, ZoneInfo("Europe/Amsterdam")).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    zoned = local.replace(tzinfo=zone if offset is None else timezone(offset))
    return zoned.astimezone(UTC)


def to_birth_date(day: date, today: date) -> date:
    """A date of birth; a two-digit year never lies ahead.

    >>> to_birth_date(date(2059, 4, 3), date(2026, 1, 1))
    datetime.date(1959, 4, 3)
    """
    return day.replace(year=day.year - 100) if day > today else day
