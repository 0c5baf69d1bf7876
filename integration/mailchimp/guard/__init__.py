"""The consent guard: the list of everything we ever write to Mailchimp.

It stands in front of the transport, so that no path through our code or the official client's can
write a subscription status, create, archive or delete a contact, or set a permission, unless the
client was opened with the permit for just that; a contact is given tags by name only where the
client was opened for those tags. What is not on the list is refused before it is
sent. To send something new, add it to the file of its subject, where it is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from integration.mailchimp.errors import ConsentGuard
from integration.mailchimp.guard import campaigns, ecommerce, events, hooks, members, privacy
from integration.mailchimp.guard.rules import ROWS_A_CALL, Permit, keys

__all__ = ["ROWS_A_CALL", "Permit", "check"]

_GET_PATH = re.compile(r"(/[A-Za-z0-9_-]+)*/?")
#: The only query a writing call may carry: required fields of the merchant's must not stop ours.
_QUERY: Mapping[str, str] = {"skip_merge_validation": "true"}
#: Words of a path that a refusal may name; everything else in it could be an id or an address.
_NAMED = (
    "lists",
    "members",
    "segments",
    "merge-fields",
    "batches",
    "actions",
    "tags",
    "ecommerce",
    "stores",
    "customers",
    "products",
    "orders",
    "carts",
    "campaigns",
)


def check(
    method: str,
    path: str,
    query: Mapping[str, str],
    body: Any,
    permits: Collection[Permit] = (),
    tags: Collection[str] = (),
) -> None:
    """Let a request pass or stop it.

    Parameters
    ----------
    path
        Relative to ``/3.0``, without the query.
    body
        The value that becomes JSON, None for no body.
    permits, tags
        What the client was opened for; tags of ours by the names they have in the audience.

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
    if not _is_allowed(method, path, query, body, _Opened(permits, tags)):
        words = [part for part in path.split("/") if part in _NAMED]
        raise ConsentGuard(f"refused before sending: {method} {'/'.join(words)}")


class _Opened(NamedTuple):
    """What a client was opened for."""

    permits: Collection[Permit]
    tags: Collection[str]


def _is_allowed(
    method: str,
    path: str,
    query: Mapping[str, str],
    body: Any,
    opened: _Opened,
    *,
    in_batch: bool = False,
) -> bool:
    if method == "GET":
        return _GET_PATH.fullmatch(path) is not None and body is None
    if not query.items() <= _QUERY.items():
        return False
    if method == "POST" and path == "/batches" and not in_batch:
        return _operations(body, opened)
    return any(
        method == allowed.method
        and allowed.path.fullmatch(path) is not None
        and (allowed.permit is None or allowed.permit in opened.permits)
        and (allowed.in_batch if in_batch else allowed.alone)
        and allowed.body(body)
        and all(tag in opened.tags for tag in allowed.tags(body))
        for allowed in _RULES
    )


def _operations(body: Any, opened: _Opened) -> bool:
    if keys(body) != {"operations"}:
        return False
    return all(_operation(row, opened) for row in body["operations"])


def _operation(row: Any, opened: _Opened) -> bool:
    """A batch carries writes only, each of them one that may travel so."""
    needed = {"method", "path", "operation_id"}
    if not needed <= keys(row) <= needed | {"body"} or row["method"] == "GET":
        return False
    path, _, query = str(row["path"]).partition("?")
    body = json.loads(row["body"]) if "body" in row else None
    asked = dict(parse_qsl(query))
    return _is_allowed(row["method"], path, asked, body, opened, in_batch=True)


_RULES = (
    *campaigns.RULES,
    *members.RULES,
    *hooks.RULES,
    *privacy.RULES,
    *events.RULES,
    *ecommerce.RULES,
)
