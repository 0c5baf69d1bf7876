"""The scan of everything a sandbox received: has anything touched a subscription?

Deliberately no use of the guard's own list: it judges what arrived, by product rule 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from integration.sandbox.log import Entry

#: Keys that set or imply a permission, wherever they stand in a body.
FORBIDDEN_KEYS = {
    "status",
    "status_if_new",
    "update_existing",
    "sync_tags",
    "opt_in_status",
    "marketing_permissions",
    "interests",
    "ip_opt",
    "timestamp_opt",
    "email_address",
}
#: Everything a push or an undo has any business calling.
ALLOWED = (
    ("POST", r"/lists/[^/]+/segments(/\d+)?"),
    ("DELETE", r"/lists/[^/]+/segments/\d+"),
    ("POST", r"/lists/[^/]+/merge-fields"),
    ("DELETE", r"/lists/[^/]+/merge-fields/\d+"),
    ("PATCH", r"/lists/[^/]+/members/[0-9a-f]{32}"),
    ("POST", r"/batches"),
    ("POST", r"(/lists/[^/]+/webhooks|/batch-webhooks)"),
    ("DELETE", r"(/lists/[^/]+/webhooks|/batch-webhooks)/[^/]+"),
)


def forbidden_writes(requests: Iterable[Entry]) -> list[str]:
    """Say what is wrong with each request that could change who is subscribed."""
    return [
        f"{entry.seq}: {entry.method} {entry.path.split('/members/')[0]} {fault}"
        for entry in requests
        if entry.method != "GET"
        for fault in _faults(entry)
    ]


def _faults(entry: Entry) -> Iterator[str]:
    if not any(entry.method == m and re.fullmatch(p, entry.path) for m, p in ALLOWED):
        yield "is not a call of ours"
    yield from (f"holds {key}" for key in sorted(_keys(entry.body) & FORBIDDEN_KEYS))


def _keys(value: Any) -> set[str]:
    """Every key at any depth, also inside JSON that is carried as text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _keys(json.loads(value))
        except ValueError:
            return set()
    if isinstance(value, list):
        return set().union(*map(_keys, value))
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set()
