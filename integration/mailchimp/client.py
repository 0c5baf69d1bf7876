"""Mailchimp as we use it: a method for each call that several parts of the house make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from integration.mailchimp import guard
from integration.mailchimp.answers import (
    AudienceInfo,
    BatchInfo,
    FieldInfo,
    MemberInfo,
    OperationResult,
    SegmentInfo,
    checked_id,
    read_audience,
    read_batch,
    read_field,
    read_member,
    read_results,
    read_segment,
)
from integration.mailchimp.errors import AudienceGone, NotFound
from integration.mailchimp.transport import Transport, as_json

#: Addresses that a tag call takes, and operations of a batch.
ROWS_A_CALL = guard.ROWS_A_CALL
#: What is read of a contact.
_MEMBER = (
    *("email_address", "status", "last_changed", "timestamp_opt", "contact_id", "language"),
    "unsubscribe_reason",
)


def subscriber_hash(email_key: str) -> str:
    """Return Mailchimp's id of an address in an audience: MD5 of its lower-cased form.

    Examples
    --------
    >>> subscriber_hash("Urist.McVankab@freddiesjokes.com")
    '62eeb292278cc15f5817cb78f7790b08'
    """
    key = email_key.strip().lower().encode()
    return hashlib.md5(key, usedforsecurity=False).hexdigest()


class Mailchimp(Transport):
    """One account, and one audience in it, with the calls we make; see `Transport`."""

    # -- reading ---------------------------------------------------------------------------

    def ping(self) -> None:
        """Do nothing but prove that the token works."""
        self.call(self.official.ping.get)

    def audiences(self) -> list[AudienceInfo]:
        """Return all audiences of the account."""
        fields = ["lists.id", "lists.name", "lists.stats.member_count", "total_items"]
        read = self.official.lists.get_all_lists
        return [read_audience(row) for row in self.pages(read, "lists", fields)]

    def members(self, since: datetime | None = None) -> Iterator[MemberInfo]:
        """Yield everybody in the audience, archived contacts too, or those changed after `since`.

        A contact that changes meanwhile may come twice; the later one counts.
        """
        fields = [f"members.{name}" for name in _MEMBER]
        # Ordered by what does not change, so that a page boundary skips nobody.
        query = {"sort_field": "timestamp_opt", "sort_dir": "ASC"}
        if since is not None:
            query["since_last_changed"] = since.astimezone(UTC).isoformat()
        read = partial(self.official.lists.get_list_members_info, self.list_id)
        for only in ({}, {"status": "archived"}):
            for row in self.pages(read, "members", [*fields, "total_items"], **query, **only):
                yield read_member(row)

    def member(self, email_key: str) -> MemberInfo | None:
        """Return a contact, archived or not; None for an address that is not in the audience."""
        return self._one(subscriber_hash(email_key))

    def contact(self, contact_id: str) -> MemberInfo | None:
        """Return a contact by its id, whatever its address is by now; None when it is gone."""
        return self._one(checked_id(contact_id))

    def _one(self, who: str) -> MemberInfo | None:
        try:
            read = self.official.lists.get_list_member
            row = self.call(read, self.list_id, who, fields=list(_MEMBER))
        except AudienceGone:
            raise
        except NotFound:
            return None
        return read_member(row)

    def segments(self) -> list[SegmentInfo]:
        """Return all tags and saved segments."""
        everybody = {
            f"include_{status}": True for status in ("cleaned", "transactional", "unsubscribed")
        }
        read = partial(self.official.lists.list_segments, self.list_id)
        return [read_segment(row) for row in self.pages(read, "segments", None, **everybody)]

    def fields(self) -> list[FieldInfo]:
        """Return all merge fields."""
        names = [f"merge_fields.{name}" for name in ("merge_id", "tag", "name", "type")]
        read = partial(self.official.lists.get_list_merge_fields, self.list_id)
        return [
            read_field(row) for row in self.pages(read, "merge_fields", [*names, "total_items"])
        ]

    def batch(self, batch_id: str) -> BatchInfo:
        """Return how far a batch is."""
        return read_batch(self.call(self.official.batches.status, checked_id(batch_id)))

    def batches(self) -> list[BatchInfo]:
        """Return how far each batch of the account's last seven days is, whoever handed it in."""
        names = ("id", "status", "total_operations", "finished_operations")
        fields = [*(f"batches.{name}" for name in names), "total_items"]
        return [
            read_batch(row) for row in self.pages(self.official.batches.list, "batches", fields)
        ]

    def batch_results(self, url: str) -> list[OperationResult]:
        """Download and read the results of a finished batch; the address is good for ten minutes.

        Raises
        ------
        MailchimpError
        """
        return read_results(self.download(url))

    # -- writing: every one of these is on the guard's list ------------------------------------

    def create_tag(self, name: str) -> int:
        """Create a tag that nobody has, and return its id."""
        body = {"name": name, "static_segment": []}
        answer = self.call(self.official.lists.create_segment, self.list_id, body)
        return int(answer["id"])

    def delete_tag(self, tag_id: int) -> None:
        """Delete a tag and with it its membership."""
        self.call(self.official.lists.delete_segment, self.list_id, tag_id)

    def change_tag(
        self, tag_id: int, *, add: Sequence[str], remove: Sequence[str]
    ) -> dict[str, str]:
        """Give and take a tag, at most 500 addresses each; return errors by address."""
        lists = {"members_to_add": list(add), "members_to_remove": list(remove)}
        body = {name: rows for name, rows in lists.items() if rows}
        answer = self.call(self.official.lists.batch_segment_members, body, self.list_id, tag_id)
        return {
            str(email).strip().lower(): str(row.get("error") or "refused")
            for row in answer.get("errors") or []
            for email in row.get("email_addresses") or []
        }

    def create_field(self, *, tag: str, label: str, kind: str) -> int:
        """Create a merge field that contacts do not see, and return its id."""
        body = {"name": label, "type": kind, "tag": tag, "public": False, "required": False}
        answer = self.call(self.official.lists.add_list_merge_field, self.list_id, body)
        return int(answer["merge_id"])

    def delete_field(self, field_id: int) -> None:
        """Delete a merge field and with it everybody's value."""
        self.call(self.official.lists.delete_list_merge_field, self.list_id, field_id)

    def set_fields(
        self,
        email_key: str,
        operation_id: str,
        values: Mapping[str, str],
        language: str | None = None,
    ) -> dict[str, str]:
        """Return the batch operation that sets a contact's fields and language; "" clears one."""
        # A required field that the merchant left blank must not stop ours.
        member = f"/lists/{self.list_id}/members/{subscriber_hash(email_key)}"
        path = f"{member}?skip_merge_validation=true"
        return operation("PATCH", path, operation_id, _member(values, language))

    def set_fields_now(
        self, email_key: str, values: Mapping[str, str], language: str | None = None
    ) -> None:
        """Set a contact's fields and language in a call of its own; "" clears one."""
        member, change = subscriber_hash(email_key), self.official.lists.update_list_member
        body = _member(values, language)
        self.call(change, self.list_id, member, body, skip_merge_validation=True)

    def start_batch(self, operations: Sequence[Mapping[str, str]]) -> BatchInfo:
        """Hand in operations (see `operation`), at most 500; they run in any order."""
        body = {"operations": list(operations)}
        return read_batch(self.call(self.official.batches.start, body))


def _member(values: Mapping[str, str], language: str | None) -> dict[str, Any]:
    spoken = {} if language is None else {"language": language}
    return {"merge_fields": dict(values), **spoken}


def operation(method: str, path: str, operation_id: str, body: Any = None) -> dict[str, str]:
    """Return one write of a batch; `path` is relative to ``/3.0`` and may have a query."""
    row = {"method": method, "path": path, "operation_id": operation_id}
    return row if body is None else {**row, "body": as_json(body)}
