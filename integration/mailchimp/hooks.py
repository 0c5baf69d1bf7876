"""Webhooks at Mailchimp: the calls, and the check of what they deliver.

Source: Mailchimp developer documentation, "Webhooks".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integration.mailchimp.answers import checked_id
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NotFound

#: What we want to hear of an audience; campaigns are read from their reports.
EVENTS = {
    "subscribe": True,
    "unsubscribe": True,
    "profile": True,
    "cleaned": True,
    "upemail": True,
    "campaign": False,
}
#: Never what the API wrote: our own pushes must not come back to us.
SOURCES = {"user": True, "admin": True, "api": False}
#: Seconds that a signature is good for, before and after its moment.
WINDOW_S = 300
AUDIENCE, BATCHES = "audience", "batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookInfo:
    """A webhook as Mailchimp has it."""

    id: str
    url: str
    #: Whether it still tells us what we want to know, and no more.
    is_right: bool


def create(mailchimp: Mailchimp, kind: str, url: str) -> tuple[str, str]:
    """Create a webhook; return its id and the key of its signatures ("" when none came)."""
    official = mailchimp.official
    if kind == BATCHES:
        answer = mailchimp.call(official.batchWebhooks.create, {"url": url, "enabled": True})
    else:
        body = {"url": url, "events": EVENTS, "sources": SOURCES}
        answer = mailchimp.call(official.lists.create_list_webhook, mailchimp.list_id, body)
    return checked_id(str(answer["id"])), str(answer.get("signing_secret") or "")


def remove(mailchimp: Mailchimp, kind: str, hook_id: str) -> None:
    """Delete a webhook; one that is not there is none."""
    official = mailchimp.official
    try:
        if kind == BATCHES:
            mailchimp.call(official.batchWebhooks.remove, checked_id(hook_id))
        else:
            mailchimp.call(
                official.lists.delete_list_webhook, mailchimp.list_id, checked_id(hook_id)
            )
    except NotFound:
        return


def there(mailchimp: Mailchimp, kind: str) -> list[HookInfo]:
    """Return the webhooks of the audience, or those of batches."""
    official = mailchimp.official
    if kind == BATCHES:
        rows = mailchimp.pages(official.batchWebhooks.list, "webhooks", None)
        return [
            HookInfo(id=str(row["id"]), url=str(row["url"]), is_right=bool(row.get("enabled")))
            for row in rows
        ]
    answer = mailchimp.call(official.lists.get_list_webhooks, mailchimp.list_id)
    return [_audience_hook(row) for row in answer.get("webhooks") or []]


def one(mailchimp: Mailchimp, kind: str, hook_id: str) -> HookInfo | None:
    """Return a webhook by id, None when it is not there: the list shows ten of them only."""
    official = mailchimp.official
    try:
        if kind == BATCHES:
            row = mailchimp.call(official.batchWebhooks.get, checked_id(hook_id))
            return HookInfo(id=hook_id, url=str(row["url"]), is_right=bool(row.get("enabled")))
        read = official.lists.get_list_webhook
        return _audience_hook(mailchimp.call(read, mailchimp.list_id, checked_id(hook_id)))
    except NotFound:
        return None


def _audience_hook(row: Mapping[str, Any]) -> HookInfo:
    events, sources = row.get("events") or {}, row.get("sources") or {}
    is_right = all(bool(events.get(name)) == wanted for name, wanted in EVENTS.items()) and all(
        bool(sources.get(name)) == wanted for name, wanted in SOURCES.items()
    )
    return HookInfo(id=str(row["id"]), url=str(row["url"]), is_right=is_right)


def address_hash(secret: str) -> str:
    """Return under which a secret in an address is known here."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_genuine(secret: str, header: str, body: bytes, now: datetime) -> bool:
    """Tell whether Mailchimp signed this body, within `WINDOW_S` of now.

    Parameters
    ----------
    header
        Of ``X-Mailchimp-Signature``: ``t=<unix seconds>,v1=<hex>``.
    body
        The raw bytes, before anything parsed them.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime.fromtimestamp(1000, UTC)
    >>> signed = hmac.new(b"key", b"990.type=profile", "sha256").hexdigest()
    >>> is_genuine("key", f"t=990,v1={signed}", b"type=profile", now)
    True
    >>> is_genuine("key", f"t=990,v1={signed}", b"type=profilE", now)
    False
    """
    pairs = dict(part.strip().partition("=")[::2] for part in header.split(","))
    moment, given = pairs.get("t", ""), pairs.get("v1", "")
    if not (moment.isascii() and moment.isdecimal()) or len(moment) > 12:
        return False
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    is_same = hmac.compare_digest(expected.encode(), given.encode())
    return is_same and abs(now.timestamp() - int(moment)) <= WINDOW_S
