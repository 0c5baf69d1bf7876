"""Telling Mailchimp events, calling a flow's step, and reading what a contact got of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from integration.mailchimp.client import Mailchimp, operation, subscriber_hash

#: Events of a contact, newest first, among which one of ours is looked for.
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as Mailchimp is told it."""

    name: str
    properties: dict[str, str]
    occurred_at: datetime
    #: Of the past: no flow starts.
    is_syncing: bool

    def body(self) -> dict[str, Any]:
        """Return the document of a call."""
        return {
            "name": self.name,
            "properties": self.properties,
            "occurred_at": _text(self.occurred_at),
            "is_syncing": self.is_syncing,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """A mail that a contact got."""

    campaign_id: str
    title: str
    at: datetime


def tell(mailchimp: Mailchimp, email_key: str, event: Event) -> None:
    """Tell one event. Not idempotent: twice told is twice happened.

    Raises
    ------
    MailchimpError
    """
    lists = mailchimp.official.lists
    who = subscriber_hash(email_key)
    mailchimp.call(lists.create_list_member_event, mailchimp.list_id, who, event.body())


def told_in_batch(
    mailchimp: Mailchimp, email_key: str, operation_id: str, event: Event
) -> dict[str, str]:
    """Return the batch operation that tells an event."""
    path = f"/lists/{mailchimp.list_id}/members/{subscriber_hash(email_key)}/events"
    return operation("POST", path, operation_id, event.body())


def was_told(mailchimp: Mailchimp, email_key: str, event: Event) -> bool:
    """Tell whether Mailchimp has an event, after a call whose answer was lost.

    Raises
    ------
    MailchimpError
        `NotFound`: the contact is not in the audience.
    """
    read = mailchimp.official.lists.get_list_member_events
    who = subscriber_hash(email_key)
    answer = mailchimp.call(
        read, mailchimp.list_id, who, count=_LOOKED_AT, exclude_fields=["events._links", "_links"]
    )
    moment = event.occurred_at.replace(microsecond=0)
    return any(
        row.get("name") == event.name
        and (row.get("properties") or {}) == event.properties
        and _moment(row["occurred_at"]) == moment
        for row in answer.get("events") or []
    )


def start_step(mailchimp: Mailchimp, journey: int, step: int, email_key: str) -> None:
    """Let a contact in at a flow's API step. Not idempotent: each call lets in again.

    Raises
    ------
    MailchimpError
        `NotFound`: there is no such step.
    """
    body = {"email_address": email_key}
    mailchimp.call(mailchimp.official.customerJourneys.trigger, journey, step, body)


def mails(mailchimp: Mailchimp, email_key: str) -> Iterator[SentMail]:
    """Yield the newest mails that a contact got, the latest first.

    Raises
    ------
    MailchimpError
    """
    read = mailchimp.official.lists.get_list_member_activity_feed
    who = subscriber_hash(email_key)
    answer = mailchimp.call(
        read, mailchimp.list_id, who, count=_LOOKED_AT, activity_filters=["sent"]
    )
    for row in answer.get("activity") or []:
        if row.get("activity_type") == "sent" and row.get("campaign_id"):
            yield SentMail(
                campaign_id=str(row["campaign_id"]),
                title=str(row.get("campaign_title") or ""),
                at=_moment(row["created_at_timestamp"]),
            )


def newsletters(mailchimp: Mailchimp, since: datetime) -> set[str]:
    """Return the ids of campaigns sent since a moment: their mails are no flow's.

    Raises
    ------
    MailchimpError
    """
    read = partial(mailchimp.official.campaigns.list, since_send_time=_text(since))
    rows = mailchimp.pages(read, "campaigns", ["campaigns.id", "total_items"])
    return {str(row["id"]) for row in rows}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
