"""Calls about single contacts: adding and archiving them, and tags that start nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integration.mailchimp.answers import read_moment
from integration.mailchimp.client import Mailchimp, operation, subscriber_hash

_READ = (
    *("email_address", "status", "merge_fields", "language", "vip", "tags"),
    *("timestamp_opt", "timestamp_signup"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a contact holds: enough to tell whether anybody but us touched it."""

    email_key: str
    status: str
    #: Values by merge tag, blank ones left out.
    merge_fields: Mapping[str, Any]
    language: str
    is_vip: bool
    #: Ids of tags.
    tags: frozenset[int]
    #: When he last signed up or confirmed, as Mailchimp says: whoever is added counts as opted in
    #: from then on.
    opted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """How people sign up for the audience at Mailchimp."""

    #: Newcomers confirm by mail (double opt-in).
    asks_to_confirm: bool
    form_url: str


def sign_up(mailchimp: Mailchimp) -> SignUp:
    """Read how people sign up for the audience."""
    fields = ["id", "double_optin", "subscribe_url_long"]
    read = mailchimp.official.lists.get_list
    answer = mailchimp.call(read, mailchimp.list_id, fields=fields)
    url = str(answer.get("subscribe_url_long") or "")
    return SignUp(
        asks_to_confirm=answer.get("double_optin") is True,
        form_url=url if url.startswith("https://") else "",
    )


def add(
    mailchimp: Mailchimp,
    operation_id: str,
    email_key: str,
    status_if_new: str,
    merge_fields: Mapping[str, str],
    language: str,
) -> dict[str, str]:
    """Return the batch operation that adds a contact; whoever is there keeps his status."""
    body: dict[str, Any] = {"email_address": email_key, "status_if_new": status_if_new}
    if merge_fields:
        body["merge_fields"] = dict(merge_fields)
    if language:
        body["language"] = language
    # A required field of the merchant's must not keep the person out.
    path = f"{_member(mailchimp, email_key)}?skip_merge_validation=true"
    return operation("PUT", path, operation_id, body)


def give_quietly(
    mailchimp: Mailchimp, operation_id: str, email_key: str, tags: Sequence[str]
) -> dict[str, str]:
    """Return the batch operation that gives a contact tags by name, and starts no flow.

    The client has to be opened for these tags.
    """
    rows = [{"name": name, "status": "active"} for name in tags]
    path = f"{_member(mailchimp, email_key)}/tags"
    return operation("POST", path, operation_id, {"tags": rows, "is_syncing": True})


def archive(mailchimp: Mailchimp, operation_id: str, email_key: str) -> dict[str, str]:
    """Return the batch operation that archives a contact."""
    return operation("DELETE", _member(mailchimp, email_key), operation_id)


def changed_since(mailchimp: Mailchimp, since: datetime) -> Iterator[Contact]:
    """Yield the contacts that changed after a moment, archived ones left out."""
    for row in mailchimp.pages(
        lambda **query: mailchimp.official.lists.get_list_members_info(mailchimp.list_id, **query),
        "members",
        [*(f"members.{name}" for name in _READ), "total_items"],
        since_last_changed=since.astimezone(UTC).isoformat(),
        sort_field="timestamp_opt",
        sort_dir="ASC",
    ):
        yield read_contact(row)


def read_contact(row: Mapping[str, Any]) -> Contact:
    """Read a contact from an answer."""
    values = row.get("merge_fields") or {}
    moments = (read_moment(row.get(name)) for name in ("timestamp_opt", "timestamp_signup"))
    return Contact(
        email_key=str(row.get("email_address") or "").strip().lower(),
        status=str(row.get("status") or ""),
        merge_fields={tag: value for tag, value in values.items() if value not in ("", None, {})},
        language=str(row.get("language") or ""),
        is_vip=row.get("vip") is True,
        tags=frozenset(int(tag["id"]) for tag in row.get("tags") or []),
        opted_at=max(filter(None, moments), default=None),
    )


def _member(mailchimp: Mailchimp, email_key: str) -> str:
    return f"/lists/{mailchimp.list_id}/members/{subscriber_hash(email_key)}"
