"""Webhooks: where Mailchimp tells us what happened. Nothing here touches a member."""

from __future__ import annotations

from typing import Any

from integration.mailchimp.guard.members import LIST
from integration.mailchimp.guard.rules import ID, keys, nothing, rule


def _audience_hook(body: Any) -> bool:
    """What the API wrote must never come back: it would look like what people did."""
    if keys(body) != {"url", "events", "sources"} or not isinstance(body["url"], str):
        return False
    switches = [*body["events"].values(), *body["sources"].values()]
    return all(isinstance(on, bool) for on in switches) and body["sources"].get("api") is False


def _batch_hook(body: Any) -> bool:
    return keys(body) == {"url", "enabled"} and isinstance(body["url"], str)


RULES = (
    rule("POST", rf"{LIST}/webhooks", _audience_hook),
    rule("DELETE", rf"{LIST}/webhooks/{ID}", nothing),
    rule("POST", "/batch-webhooks", _batch_hook),
    rule("DELETE", rf"/batch-webhooks/{ID}", nothing),
)
