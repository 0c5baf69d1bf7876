"""The consent guard: the list of everything we ever write to Mailchimp.

It stands in front of the transport, so that no path through our code or the official client's can
write a subscription status, create, archive or delete a contact, or set a permission. What is not
on the list is refused before it is sent. To send something new, add it here, where it is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from integration.mailchimp.errors import ConsentGuard

_ID = r"[A-Za-z0-9_-]{1,50}"
_HASH = r"[0-9a-f]{32}"
_GET_PATH = re.compile(r"(/[A-Za-z0-9_-]+)*/?")
#: Addresses in one list of a static segment call (specification).
ROWS_A_CALL = 500

BodyTest = Callable[[Any], bool]


def _nothing(body: Any) -> bool:
    return body is None


def _empty_tag(body: Any) -> bool:
    return _keys(body) == {"name", "static_segment"} and body["static_segment"] == []


def _tag_change(body: Any) -> bool:
    lists = ("members_to_add", "members_to_remove")
    return _keys(body) <= set(lists) and all(_addresses(body.get(name, [])) for name in lists)


def _new_field(body: Any) -> bool:
    wanted = {"name", "type", "tag", "public", "required"}
    return _keys(body) == wanted and body["public"] is False and body["required"] is False


def _member_fields(body: Any) -> bool:
    if _keys(body) != {"merge_fields"} or not isinstance(body["merge_fields"], Mapping):
        return False
    return all(isinstance(value, str) for value in body["merge_fields"].values())


def _operations(body: Any) -> bool:
    return _keys(body) == {"operations"} and all(_operation(row) for row in body["operations"])


def _operation(row: Any) -> bool:
    """A batch may only hold changes of members' fields."""
    if _keys(row) != {"method", "path", "operation_id", "body"} or row["method"] != "PATCH":
        return False
    path, _, query = str(row["path"]).partition("?")
    return _MEMBER.fullmatch(path) is not None and _is_allowed(
        "PATCH", path, dict(parse_qsl(query)), json.loads(row["body"])
    )


def _keys(body: Any) -> set[str]:
    """The keys of an object; one that matches nothing for anything else."""
    return set(body) if isinstance(body, Mapping) else {""}


def _addresses(rows: Any) -> bool:
    if not isinstance(rows, list) or len(rows) > ROWS_A_CALL:
        return False
    return all(isinstance(row, str) for row in rows)


_MEMBER = re.compile(rf"/lists/{_ID}/members/{_HASH}")
#: Method, path and what the body may be.
_WRITES: tuple[tuple[str, re.Pattern[str], BodyTest], ...] = (
    ("POST", re.compile(rf"/lists/{_ID}/segments"), _empty_tag),
    ("POST", re.compile(rf"/lists/{_ID}/segments/\d+"), _tag_change),
    ("DELETE", re.compile(rf"/lists/{_ID}/segments/\d+"), _nothing),
    ("POST", re.compile(rf"/lists/{_ID}/merge-fields"), _new_field),
    ("DELETE", re.compile(rf"/lists/{_ID}/merge-fields/\d+"), _nothing),
    ("PATCH", _MEMBER, _member_fields),
    ("POST", re.compile(r"/batches"), _operations),
)
#: The only query a writing call may carry: required fields of the merchant's must not stop ours.
_QUERY: Mapping[str, str] = {"skip_merge_validation": "true"}


def check(method: str, path: str, query: Mapping[str, str], body: Any) -> None:
    """Let a request pass or stop it.

    Parameters
    ----------
    path
        Relative to ``/3.0``, without the query.
    body
        The value that becomes JSON, None for no body.

    Raises
    ------
    ConsentGuard
        The text names method and the kind of path; never a body, an id or an address.

    Examples
    --------
    >>> check("GET", "/lists/abc/members", {}, None)
    >>> check("PUT", "/lists/abc/members/0f", {}, {"status_if_new": "subscribed"})
    Traceback (most recent call last):
    integration.mailchimp.errors.ConsentGuard: refused before sending: PUT lists/members
    """
    if not _is_allowed(method, path, query, body):
        words = [part for part in path.split("/") if part in _NAMED]
        raise ConsentGuard(f"refused before sending: {method} {'/'.join(words)}")


_NAMED = ("lists", "members", "segments", "merge-fields", "batches", "actions", "tags")


def _is_allowed(method: str, path: str, query: Mapping[str, str], body: Any) -> bool:
    if method == "GET":
        return _GET_PATH.fullmatch(path) is not None and body is None
    if not query.items() <= _QUERY.items():
        return False
    return any(
        method == allowed and pattern.fullmatch(path) is not None and test(body)
        for allowed, pattern, test in _WRITES
    )
