"""Tags, merge fields and members: nothing here can touch who is subscribed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.mailchimp.guard.rules import HASH, ID, addresses, keys, nothing, rule

LIST = rf"/lists/{ID}"
MEMBER = rf"{LIST}/members/{HASH}"


def _empty_tag(body: Any) -> bool:
    return keys(body) == {"name", "static_segment"} and body["static_segment"] == []


def _tag_change(body: Any) -> bool:
    lists = ("members_to_add", "members_to_remove")
    return keys(body) <= set(lists) and all(addresses(body.get(name, [])) for name in lists)


def _new_field(body: Any) -> bool:
    wanted = {"name", "type", "tag", "public", "required"}
    return keys(body) == wanted and body["public"] is False and body["required"] is False


def _member_fields(body: Any) -> bool:
    if keys(body) != {"merge_fields"} or not isinstance(body["merge_fields"], Mapping):
        return False
    return all(isinstance(value, str) for value in body["merge_fields"].values())


RULES = (
    rule("POST", rf"{LIST}/segments", _empty_tag),
    rule("POST", rf"{LIST}/segments/\d+", _tag_change),
    rule("DELETE", rf"{LIST}/segments/\d+", nothing),
    rule("POST", rf"{LIST}/merge-fields", _new_field),
    rule("DELETE", rf"{LIST}/merge-fields/\d+", nothing),
    rule("PATCH", MEMBER, _member_fields, in_batch=True),
)
