"""Connections: cursors that are tied to query and order, and the limit of what can be paged."""

from __future__ import annotations

import base64
import json
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from tests.emulators.shopify.search import NotEmulated, matcher, names
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tables import Places, Row, Table

MOST = 250
_SORT = {
    "CREATED_AT": "createdAt",
    "ID": "id",
    "PROCESSED_AT": "processedAt",
    "UPDATED_AT": "updatedAt",
}


def bad_request(message: str) -> GraphQLError:
    """Return the error of a call that can never work."""
    return GraphQLError(message, extensions={"code": "BAD_REQUEST"})


def size(args: Mapping[str, Any]) -> int:
    """Return how many are asked for.

    Raises
    ------
    GraphQLError
        Without `first`, or above 250.
    """
    if args.get("last") is not None or args.get("before") is not None:
        raise NotEmulated("paging backwards")
    first = args.get("first")
    if first is None:
        raise bad_request("you must provide one of first or last")
    if not 0 < first <= MOST:
        raise bad_request(f"first must be between 1 and {MOST}")
    return int(first)


def page_of_list(items: Sequence[Row], args: Mapping[str, Any]) -> Row:
    """Return one page of a connection inside a record."""
    first = size(args)
    chosen = list(reversed(items)) if args.get("reverse") else list(items)
    start = _decode(args["after"], "list")[0] + 1 if args.get("after") else 0
    part = chosen[start : start + first]
    cursors = [_encode("list", start + place) for place in range(len(part))]
    return _connection(part, cursors, more=start + first < len(chosen), before=start > 0)


def page_of_table(
    shop: Shop,
    kind: str,
    table: Table,
    args: Mapping[str, Any],
    since: str | None = None,
    until: str | None = None,
) -> Row:
    """Return one page of a root connection.

    `since` hides what was created before, and `until` from a search what was created after.
    """
    first = size(args)
    field = _sort_field(args.get("sortKey"))
    sign = f"{kind} {args.get('query') or ''} {field} {bool(args.get('reverse'))}"
    chosen = _chosen(kind, table, args.get("query"), field, since, until)
    if args.get("reverse"):
        chosen = chosen[::-1]
    start = 0
    if args.get("after"):
        value, number, seen = _decode(args["after"], sign)
        start = _place(chosen, (value, number), reverse=bool(args.get("reverse")))
        if seen >= shop.paging_limit:
            raise bad_request("Pagination past 25,000 objects is not supported.")
    else:
        seen = 0
    part = chosen[start : start + first]
    cursors = [
        _encode(sign, value, number, seen + place)
        for place, (value, number, _) in enumerate(part, 1)
    ]
    more = start + first < len(chosen)
    rows = [table[key] for _, _, key in part]
    return _connection(rows, cursors, more=more, before=start > 0)


def chosen_ids(
    kind: str, table: Table, query: str | None, since: str | None, until: str | None = None
) -> list[str]:
    """Return the ids of everything that a query matches, by id."""
    return [key for _, _, key in _chosen(kind, table, query, "id", since, until)]


def _sort_field(sort_key: str | None) -> str:
    if sort_key not in (None, *_SORT):
        raise NotEmulated(f"sort key {sort_key}")
    return _SORT[sort_key or "ID"]


def _chosen(
    kind: str, table: Table, query: str | None, field: str, since: str | None, until: str | None
) -> Places:
    found = table.ordered(field)
    # Documented default of the filter: only what is for sale.
    if kind == "Product" and "status" not in names(query):
        query = f"{query or ''} status:active".strip()
    if not query and since is None:
        return found
    test = matcher(kind, query)
    return table.kept(
        f"{field} {since} {until} {query}",
        lambda: [
            one
            for one in found
            if (since is None or table.field(one[2], "createdAt") >= since)
            and (until is None or not query or table.field(one[2], "createdAt") <= until)
            and test(lambda name, key=one[2]: table.field(key, name))  # type: ignore[misc]
        ],
    )


def _place(chosen: Places, after: tuple[Any, int], *, reverse: bool) -> int:
    if reverse:
        return sum(1 for value, number, _ in chosen if (value, number) >= after)
    return bisect_right(chosen, after, key=lambda one: (one[0], one[1]))


def _connection(rows: Sequence[Row], cursors: Sequence[str], *, more: bool, before: bool) -> Row:
    return {
        "nodes": rows,
        "edges": [
            {"cursor": cursor, "node": row} for cursor, row in zip(cursors, rows, strict=True)
        ],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _encode(sign: str, *place: Any) -> str:
    text = json.dumps([zlib.crc32(sign.encode()), *place])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(cursor: str, sign: str) -> list[Any]:
    try:
        tied, *place = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise bad_request(f"Invalid cursor: {cursor}") from error
    if tied != zlib.crc32(sign.encode()):
        raise bad_request("Invalid cursor for current pagination sort.")
    return list(place)
