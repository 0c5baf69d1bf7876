"""Events and steps of flows: our own names and properties, and nothing else about a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.mailchimp.guard.members import MEMBER
from integration.mailchimp.guard.rules import Permit, keys, rule

#: Every event we tell, with the properties it may have (Mailchimp: names of 2-30 characters).
EVENTS: Mapping[str, frozenset[str]] = {
    "became_due": frozenset({"need", "thing", "due_on", "product", "url"}),
    "left_cart": frozenset({"product", "products", "total", "url"}),
    "owes_second_order": frozenset({"need", "thing", "product", "url"}),
    "showed_interest": frozenset({"need", "thing"}),
}
#: Characters of a property's value.
VALUE_LENGTH = 255


def _event(body: Any) -> bool:
    if keys(body) != {"name", "properties", "occurred_at", "is_syncing"}:
        return False
    allowed = EVENTS.get(body["name"])
    given = body["properties"]
    if allowed is None or not isinstance(given, Mapping) or not given.keys() <= allowed:
        return False
    return isinstance(body["is_syncing"], bool) and all(_value(text) for text in given.values())


def _value(text: Any) -> bool:
    # No value of ours is an address, and none may become one.
    return isinstance(text, str) and len(text) <= VALUE_LENGTH and "@" not in text


def _contact(body: Any) -> bool:
    return keys(body) == {"email_address"} and isinstance(body["email_address"], str)


_STEP = r"/customer-journeys/journeys/\d+/steps/\d+/actions/trigger"

RULES = (
    rule("POST", rf"{MEMBER}/events", _event, permit=Permit.FLOWS, in_batch=True),
    rule("POST", _STEP, _contact, permit=Permit.FLOWS),
)
