"""Paging, partial answers and query values: the rules common to every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from integration.sandbox.problems import Problem, bad_request, invalid

Query = dict[str, str]
Document = dict[str, Any]
T = TypeVar("T")

#: Rows of a page for people.
PER_PAGE = 50
DEFAULT_COUNT = 10
MAX_COUNT = 1000


def is_true(value: str | None) -> bool:
    """Whether a query value means yes; clients write it in several ways.

    >>> [is_true(v) for v in ("true", "True", '"true"', "1", "false", None)]
    [True, True, True, True, False, False]
    """
    return value is not None and value.strip('"').lower() in ("true", "1")


def moment(value: str) -> str:
    """A moment from a query as UTC ISO text, which sorts as time does.

    >>> moment("2026-01-31T10:00:00+02:00")
    '2026-01-31T08:00:00+00:00'
    """
    try:
        # A "+" that the client did not escape arrives as a space.
        parsed = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
    except ValueError:
        raise bad_request("A date in the query is not in ISO 8601 format.") from None
    zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="seconds")


def window(query: Query) -> slice:
    """The slice that `count` (default 10, at most 1000) and `offset` ask for."""
    values = []
    for name, default in (("count", DEFAULT_COUNT), ("offset", 0)):
        raw = query.get(name, str(default))
        if not raw.isdigit():
            raise invalid("The query is not valid.", (name, "Must be a whole number, 0 or more."))
        values.append(int(raw))
    count, offset = values
    if count > MAX_COUNT:
        raise invalid("The query is not valid.", ("count", f"Must be at most {MAX_COUNT}."))
    return slice(offset, offset + count)


def page(
    name: str, items: Sequence[T], query: Query, render: Callable[[T], Document], **around: Any
) -> Document:
    """One page of a collection under `name`, with `total_items`."""
    rows = [render(item) for item in items[window(query)]]
    return {name: rows, **around, "total_items": len(items)}


def partial(document: Document, query: Query) -> Document:
    """Apply `fields` or `exclude_fields` (dot paths); both at once, or an unknown name, is a 400.

    >>> partial({"members": [{"id": 1, "x": 2}], "total_items": 1}, {"fields": "members.id"})
    {'members': [{'id': 1}]}
    >>> partial({"members": [{"id": 1, "x": 2}], "n": 1}, {"exclude_fields": "members.x,n"})
    {'members': [{'id': 1}]}
    """
    keep, drop = query.get("fields"), query.get("exclude_fields")
    if keep and drop:
        raise bad_request("Use either fields or exclude_fields, not both.")
    if not (keep or drop):
        return document
    paths = [path.split(".") for path in (keep or drop or "").split(",") if path]
    # Deeper names are not judged: an empty collection has no rows to know them from.
    unknown = [p[0] for p in paths if p[0] not in document and p[0] != "_links"]
    if unknown:
        detail = f"The requested field {unknown[0]!r} does not exist on this resource."
        raise Problem(400, "Requested Fields Invalid", detail)
    cut: Document = _keep(document, paths) if keep else _drop(document, paths)
    return cut


def _below(paths: list[list[str]], key: str) -> list[list[str]]:
    return [p[1:] for p in paths if p[0] == key]


def _keep(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_keep(row, paths) for row in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, inner in value.items():
        below = _below(paths, key)
        if below:
            kept[key] = inner if [] in below else _keep(inner, below)
    return kept


def _drop(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_drop(row, paths) for row in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, inner in value.items():
        below = _below(paths, key)
        if [] not in below:
            kept[key] = _drop(inner, below) if below else inner
    return kept


def page_of(rows: Sequence[T], number: int | None) -> tuple[Sequence[T], int, int]:
    """The rows of a numbered page for people, its number, and the last page's.

    >>> page_of([1, 2, 3], 9)
    ([], 9, 1)
    """
    asked = max(1, number or 1)
    last = max(1, -(-len(rows) // PER_PAGE))
    return rows[(asked - 1) * PER_PAGE : asked * PER_PAGE], asked, last
