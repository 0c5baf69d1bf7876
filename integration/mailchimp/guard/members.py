"""Tags, merge fields and members: nothing here can touch who is subscribed.

Two calls are for clients with a permit only: creating a contact whose opt-in is recorded, and
archiving one that we created. One names tags: only those that its client was opened for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from integration.mailchimp.guard.rules import HASH, ID, Permit, addresses, keys, nothing, rule

LIST = rf"/lists/{ID}"
MEMBER = rf"{LIST}/members/{HASH}"
#: Conditions of a saved segment of ours: the marketer may add three of the five his plan has.
MOST_CONDITIONS = 2


def _empty_tag(body: Any) -> bool:
    return keys(body) == {"name", "static_segment"} and body["static_segment"] == []


def _saved_segment(body: Any) -> bool:
    return keys(body) == {"name", "options"} and _tag_conditions(body["options"])


def _new_name(body: Any) -> bool:
    """A name, never with the membership: an address list there would replace it."""
    named = keys(body) == {"name"} and isinstance(body["name"], str)
    return named or _saved_segment(body)


def _tag_conditions(options: Any) -> bool:
    """Who has a tag, or has not: few enough that the marketer can add his own."""
    if keys(options) != {"match", "conditions"} or options["match"] != "all":
        return False
    rows = options["conditions"]
    return isinstance(rows, list) and 1 <= len(rows) <= MOST_CONDITIONS and all(map(_by_tag, rows))


def _by_tag(row: Any) -> bool:
    return (
        keys(row) == {"condition_type", "field", "op", "value"}
        and row["condition_type"] == "StaticSegment"
        and row["op"] in ("static_is", "static_not")
    )


def _tag_change(body: Any) -> bool:
    lists = ("members_to_add", "members_to_remove")
    return keys(body) <= set(lists) and all(addresses(body.get(name, [])) for name in lists)


def _given_quietly(body: Any) -> bool:
    """Tags that somebody who is there gets, and no flow starts; never one taken away."""
    if keys(body) != {"tags", "is_syncing"} or body["is_syncing"] is not True:
        return False
    rows = body["tags"]
    return isinstance(rows, list) and bool(rows) and all(map(_active, rows))


def _active(row: Any) -> bool:
    named = keys(row) == {"name", "status"} and isinstance(row["name"], str)
    return named and row["status"] == "active"


def _named(body: Any) -> Iterable[str]:
    return (row["name"] for row in body["tags"])


def _new_field(body: Any) -> bool:
    wanted = {"name", "type", "tag", "public", "required"}
    return keys(body) == wanted and body["public"] is False and body["required"] is False


def _new_label(body: Any) -> bool:
    """A field's label and nothing else: its merge tag and type stay."""
    return keys(body) == {"name"}


def _merge_fields(values: Any) -> bool:
    return isinstance(values, Mapping) and all(isinstance(v, str) for v in values.values())


def _member_fields(body: Any) -> bool:
    if not {"merge_fields"} <= keys(body) <= {"merge_fields", "language"}:
        return False
    return _merge_fields(body["merge_fields"]) and isinstance(body.get("language", ""), str)


def _new_contact(body: Any) -> bool:
    """Somebody who may be there meanwhile: then `status_if_new` leaves his status alone."""
    needed = {"email_address", "status_if_new"}
    if not needed <= keys(body) <= needed | {"merge_fields", "language"}:
        return False
    return (
        isinstance(body["email_address"], str)
        and body["status_if_new"] in ("subscribed", "pending")
        and _merge_fields(body.get("merge_fields", {}))
        and isinstance(body.get("language", ""), str)
    )


RULES = (
    rule("POST", rf"{LIST}/segments", _empty_tag),
    rule("POST", rf"{LIST}/segments", _saved_segment),
    rule("PATCH", rf"{LIST}/segments/\d+", _new_name),
    rule("POST", rf"{LIST}/segments/\d+", _tag_change),
    rule("DELETE", rf"{LIST}/segments/\d+", nothing),
    rule("POST", rf"{LIST}/merge-fields", _new_field),
    rule("PATCH", rf"{LIST}/merge-fields/\d+", _new_label),
    rule("DELETE", rf"{LIST}/merge-fields/\d+", nothing),
    rule("PATCH", MEMBER, _member_fields, in_batch=True),
    rule("POST", rf"{MEMBER}/tags", _given_quietly, in_batch=True, alone=False, tags=_named),
    rule("PUT", MEMBER, _new_contact, permit=Permit.ADD, in_batch=True),
    rule("DELETE", MEMBER, nothing, permit=Permit.ARCHIVE, in_batch=True),
)
