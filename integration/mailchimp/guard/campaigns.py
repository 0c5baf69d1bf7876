"""Campaigns: drafts anybody here may prepare; what makes Mailchimp send needs the permit.

The call that sends at once is not on the list at all: a rule's run is scheduled hours ahead, so
that it can be stopped, and a draft is sent by the marketer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.mailchimp.guard.rules import ID, Permit, keys, nothing, rule

CAMPAIGN = rf"/campaigns/{ID}"
ACTION = rf"{CAMPAIGN}/actions"
_SETTINGS = {"subject_line", "preview_text", "title", "from_name", "reply_to", "to_name"}


def _draft(body: Any) -> bool:
    """A regular campaign to a part of one audience; never to everybody in it."""
    if keys(body) != {"type", "recipients", "settings", "tracking"} or body["type"] != "regular":
        return False
    if keys(body["recipients"]) != {"list_id", "segment_opts"}:
        return False
    return keys(body["settings"]) == _SETTINGS and _part(body["recipients"]["segment_opts"])


def _part(options: Any) -> bool:
    if keys(options) == {"saved_segment_id"}:
        return isinstance(options["saved_segment_id"], int)
    conditions = options.get("conditions") if isinstance(options, Mapping) else None
    return (
        keys(options) == {"match", "conditions"}
        and options["match"] == "all"
        and isinstance(conditions, list)
        and any(condition.get("op") == "static_is" for condition in conditions)
    )


def _content(body: Any) -> bool:
    if keys(body) == {"template"}:
        return keys(body["template"]) == {"id"}
    return keys(body) == {"html"} and isinstance(body["html"], str)


def _test(body: Any) -> bool:
    """One mail, to one address."""
    known = keys(body) == {"test_emails", "send_type"} and body["send_type"] == "html"
    return known and isinstance(body["test_emails"], list) and len(body["test_emails"]) == 1


def _moment(body: Any) -> bool:
    return keys(body) == {"schedule_time"} and isinstance(body["schedule_time"], str)


RULES = (
    rule("POST", "/campaigns", _draft),
    rule("PUT", rf"{CAMPAIGN}/content", _content),
    rule("DELETE", CAMPAIGN, nothing),
    rule("POST", rf"{ACTION}/test", _test, permit=Permit.SEND),
    rule("POST", rf"{ACTION}/schedule", _moment, permit=Permit.SEND),
    rule("POST", rf"{ACTION}/unschedule", nothing, permit=Permit.SEND),
)
