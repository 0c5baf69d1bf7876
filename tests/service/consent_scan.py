"""The scan of everything a sandbox received: has anything touched a subscription?

Deliberately no use of the guard's own list: it judges what arrived, by product rule 1.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
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
    ("PATCH", r"/lists/[^/]+/segments/\d+"),
    ("DELETE", r"/lists/[^/]+/segments/\d+"),
    ("POST", r"/lists/[^/]+/merge-fields"),
    ("PATCH", r"/lists/[^/]+/merge-fields/\d+"),
    ("DELETE", r"/lists/[^/]+/merge-fields/\d+"),
    ("PATCH", r"/lists/[^/]+/members/[0-9a-f]{32}"),
    ("POST", r"/batches"),
    ("POST", r"(/lists/[^/]+/webhooks|/batch-webhooks)"),
    ("DELETE", r"(/lists/[^/]+/webhooks|/batch-webhooks)/[^/]+"),
)
_MEMBER = r"/lists/[^/]+/members/([0-9a-f]{32})"
_ADDING = {"email_address", "status_if_new", "merge_fields", "language"}


def forbidden_writes(
    requests: Iterable[Entry],
    *,
    may_add: Collection[str] = (),
    may_archive: Collection[str] = (),
) -> list[str]:
    """Say what is wrong with each request that could change who is subscribed.

    Parameters
    ----------
    may_add
        Addresses with a recorded opt-in, which a PUT with `status_if_new` may create.
    may_archive
        Addresses that an undo may archive.
    """
    adding, archiving = set(map(_hash, may_add)), set(map(_hash, may_archive))
    return [
        f"{entry.seq}: {method} {path.split('/members/')[0]} {fault}"
        for entry in requests
        if entry.method != "GET"
        for method, path, body in _calls(entry)
        for fault in _faults(method, path, body, adding, archiving)
    ]


def _calls(entry: Entry) -> Iterator[tuple[str, str, Any]]:
    """The call itself, and every operation it carries."""
    body = entry.body
    operations = body.get("operations", []) if isinstance(body, dict) else []
    yield entry.method, entry.path, {} if operations else body
    for row in operations:
        path = row["path"].partition("?")[0]
        yield row["method"], path, json.loads(row["body"]) if row.get("body") else None


def _faults(
    method: str, path: str, body: Any, adding: set[str], archiving: set[str]
) -> Iterator[str]:
    member = re.fullmatch(_MEMBER, path)
    if method == "PUT" and member and member[1] in adding:
        # Exactly a newcomer: whoever is there keeps his status.
        if set(body) - _ADDING or body["status_if_new"] not in ("subscribed", "pending"):
            yield "holds more than a newcomer needs"
        if _hash(body["email_address"]) != member[1]:
            yield "would give a contact another address"
        return
    if method == "DELETE" and member and member[1] in archiving and body is None:
        return
    if method == "POST" and re.fullmatch(_MEMBER + "/tags", path):
        yield from _faults_of_tags(body)
        return
    if not any(method == m and re.fullmatch(p, path) for m, p in ALLOWED):
        yield "is not a call of ours"
    if method == "PATCH" and "static_segment" in _keys(body) and "conditions" not in _keys(body):
        yield "would replace who has a tag"
    yield from (f"holds {key}" for key in sorted(_keys(body) & FORBIDDEN_KEYS))


def _faults_of_tags(body: Any) -> Iterator[str]:
    """Tags are given to somebody who is there, and nothing starts by it; "status" is a tag's."""
    if set(body) != {"tags", "is_syncing"} or body["is_syncing"] is not True:
        yield "may start a flow"
    elif not body["tags"] or any(
        set(row) != {"name", "status"} or row["status"] != "active" for row in body["tags"]
    ):
        yield "does more than give a tag"


def _hash(address: str) -> str:
    return hashlib.md5(address.strip().lower().encode(), usedforsecurity=False).hexdigest()


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
