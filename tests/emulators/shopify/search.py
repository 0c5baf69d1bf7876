"""Shopify's search syntax, for the fields that we use; anything else fails loudly.

Source: shopify.dev, "API search syntax". Understood are terms `field:value` and comparisons,
joined by blanks or AND, alternatives by OR or by commas; no brackets, no NOT, no free text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

#: Looks a field up in one record.
Look: TypeAlias = Callable[[str], Any]
Test: TypeAlias = Callable[[Look], bool]

#: What may be filtered by, per type: name in the query to (field of the record, how compared).
_ORDERS = {
    "id": ("id", "number"),
    "updated_at": ("updatedAt", "moment"),
    "created_at": ("createdAt", "moment"),
    "processed_at": ("processedAt", "moment"),
    "checkout_token": ("checkoutToken", "text"),
    "cart_token": ("cartToken", "text"),
}
FIELDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    # Documented for customers: whole days.
    "Customer": {
        "id": ("id", "number"),
        "updated_at": ("updatedAt", "day"),
        "customer_date": ("createdAt", "moment"),
    },
    "Order": _ORDERS,
    "Product": {
        "id": ("id", "number"),
        "updated_at": ("updatedAt", "moment"),
        "created_at": ("createdAt", "moment"),
        "status": ("status", "word"),
    },
    "AbandonedCheckout": {
        "id": ("id", "number"),
        "updated_at": ("updatedAt", "moment"),
        "created_at": ("createdAt", "moment"),
    },
    "BulkOperation": {
        "status": ("status", "word"),
        "operation_type": ("type", "word"),
        "created_at": ("createdAt", "moment"),
    },
    "WebhookSubscription": {"id": ("id", "number"), "created_at": ("createdAt", "moment")},
}
_TERM = re.compile(r"""(\w+):(>=|<=|>|<)?("[^"]*"|'[^']*'|[^\s]+)\s*""")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: bool(a >= b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    "<": lambda a, b: bool(a < b),
    "": lambda a, b: bool(a == b),
}


class NotEmulated(Exception):
    """A query asks for what the emulator cannot do: it must not pass by being ignored."""


def matcher(kind: str, query: str | None) -> Test:
    """Return a test of records of one type.

    Raises
    ------
    NotEmulated
        For a field or a form that is not understood.

    Examples
    --------
    >>> row = {"status": "ACTIVE", "updatedAt": "2026-11-20T10:00:00Z"}
    >>> matcher("Product", "status:active,draft updated_at:>'2026-11-20T00:00:00Z'")(row.get)
    True
    """
    alternatives = [
        [_term(kind, *found) for found in _terms(part)]
        for part in re.split(r"\s+OR\s+", (query or "").strip())
    ]

    def matches(look: Look) -> bool:
        return any(all(test(look) for test in tests) for tests in alternatives)

    return matches


def names(query: str | None) -> set[str]:
    """Return the names of the fields that a query filters by."""
    return {found[1] for found in _TERM.finditer(query or "")}


def _terms(text: str) -> list[tuple[str, str, str]]:
    found, place = [], 0
    text = re.sub(r"\s+AND\s+", " ", text.strip())
    while place < len(text):
        term = _TERM.match(text, place)
        if term is None:
            raise NotEmulated(f"search term {text[place:]!r}")
        found.append((term[1], term[2] or "", term[3].strip("'\"")))
        place = term.end()
    return found


def _term(kind: str, name: str, sign: str, value: str) -> Test:
    if name not in FIELDS[kind]:
        raise NotEmulated(f"filter {name!r} of {kind}")
    field, form = FIELDS[kind][name]
    if form == "word":
        words = {word.upper() for word in value.split(",")}
        return lambda look: look(field) in words
    if form == "text":
        return lambda look: look(field) == value
    compare = _COMPARE[sign]
    if form == "number":
        wanted = int(value)
        return lambda look: compare(look(field), wanted)
    moment = _moment(value)
    if form == "day":
        return lambda look: compare(str(look(field))[:10], moment[:10])
    return lambda look: compare(look(field), moment)


def _moment(value: str) -> str:
    """Return a moment as records have it; a day alone begins at midnight."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return f"{value}T00:00:00Z"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)", value):
        raise NotEmulated(f"moment {value!r}")
    return value.replace("+00:00", "Z")
