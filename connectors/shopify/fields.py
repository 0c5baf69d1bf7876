"""Single values of Shopify's answers, each checked where it is read.

A field that is needed and lacks, or has another form than documented, is an `Unreadable` that names
it; fields that nobody reads may come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from connectors.records import BadRecord

#: What JSON gives is a dict; to ask for any mapping takes ten times as long, a million times over.
Raw: TypeAlias = Mapping[str, Any]

_CENTS = -2
_CENT = Decimal(1).scaleb(_CENTS)
#: What the merchant reads of a record that cannot be, by language.
_REASONS = {
    "en": {
        "missing": "Shopify sent this record without “{column}”, which is needed to read it.",
        "amount": "Shopify sent “{value}” where an amount of money was expected.",
        "number": "Shopify sent “{value}” where a number was expected.",
        "moment": "Shopify sent “{value}” where a date and time were expected.",
        "refused": "Shopify does not let us read “{column}”: ask for access on the page of this"
        " connection.",
    },
    "nl": {
        "missing": "Shopify stuurde dit zonder “{column}”, wat nodig is om het te lezen.",
        "amount": "Shopify stuurde “{value}” waar een bedrag werd verwacht.",
        "number": "Shopify stuurde “{value}” waar een getal werd verwacht.",
        "moment": "Shopify stuurde “{value}” waar een datum met tijd werd verwacht.",
        "refused": "Shopify laat ons “{column}” niet lezen: vraag toegang op de pagina van deze"
        " koppeling.",
    },
}


class Unreadable(ValueError):
    """A needed field lacks or cannot be read; `column` names it, `text` why."""

    def __init__(self, column: str, text: str, value: object = "") -> None:
        self.column, self.text, self.value = column, text, str(value)
        super().__init__(f"{column}: {text} {value!r}")


def reject(stream: str, raw: Raw, error: Unreadable, language: str) -> BadRecord:
    """Return the merchant's note of a record that could not be read."""
    key = raw.get("id")
    row = number(key) if isinstance(key, str) else ""
    return note(stream, row, error.column, error.text, language, error.value)


def note(
    stream: str, row: str, column: str, text: str, language: str, value: str = ""
) -> BadRecord:
    """Return a note for the merchant about a field."""
    words = _REASONS.get(language, _REASONS["en"])
    shown = value[:200]
    return BadRecord(
        stream=stream,
        row=row,
        column=column,
        value=shown,
        reason=words[text].format(column=column, value=shown),
    )


def number(gid: str) -> str:
    """Return the number in one of Shopify's ids, which is the same in webhooks.

    Examples
    --------
    >>> number("gid://shopify/Order/450789469")
    '450789469'
    """
    return gid.rpartition("/")[2].partition("?")[0]


def need(raw: Raw, *path: str) -> Any:
    """Return a value that has to be there.

    Raises
    ------
    Unreadable
    """
    value: Any = raw
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        raise Unreadable(".".join(path), "missing")
    return value


def inner(raw: Raw, *path: str) -> Any:
    """Return a value, or None where something on the way to it is null or lacks."""
    value: Any = raw
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(raw: Raw, *path: str) -> str | None:
    """Return a text without blanks around it; None where there is nothing in it."""
    value = inner(raw, *path)
    return (str(value).strip() or None) if value is not None else None


def amount(raw: Raw, *path: str) -> Decimal:
    """Return money: a bag's amount in the shop's currency, or a plain decimal.

    Raises
    ------
    Unreadable
    """
    value = need(raw, *path)
    if isinstance(value, dict):
        value = need(value, "shopMoney", "amount") if "shopMoney" in value else value.get("amount")
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Unreadable(".".join(path), "amount", value)
    # "9.5" and "9.50" are one amount, and shall look like one.
    return found.quantize(_CENT) if int(found.as_tuple().exponent) > _CENTS else found


def count(raw: Raw, name: str) -> Decimal:
    """Return a whole number; some of Shopify's come as text.

    Raises
    ------
    Unreadable
    """
    value = need(raw, name)
    try:
        return Decimal(int(value))
    except (TypeError, ValueError):
        raise Unreadable(name, "number", value) from None


def moment(raw: Raw, name: str) -> datetime:
    """Return a moment in UTC.

    Raises
    ------
    Unreadable
    """
    value = need(raw, name)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise Unreadable(name, "moment", value) from None
    if found.tzinfo is None:
        raise Unreadable(name, "moment", value)
    return found.astimezone(UTC)


def moment_or_none(raw: Raw, name: str) -> datetime | None:
    """Return a moment in UTC; None where there is none."""
    return moment(raw, name) if raw.get(name) is not None else None


def by_number(rows: Iterable[Raw]) -> list[Raw]:
    """Return records in the order of their ids: an export has them in any."""
    return sorted(rows, key=lambda row: (len(str(row.get("id"))), str(row.get("id"))))


def nodes(raw: Raw, name: str) -> Sequence[Raw]:
    """Return what a list or a connection holds, whichever way it was asked for.

    Raises
    ------
    Unreadable
    """
    value = need(raw, name)
    if not isinstance(value, dict):
        return list(value)
    if "edges" in value:
        return [edge["node"] for edge in value["edges"]]
    return list(need(value, "nodes"))
