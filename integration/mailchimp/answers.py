"""Mailchimp's answers as values of ours: documents in, frozen records out. No network here."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from integration.mailchimp.errors import MailchimpError, NotUnderstood, from_answer

#: What the results of a batch may take, unpacked.
_MOST_BYTES = 500_000_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceInfo:
    """An audience as Mailchimp describes it."""

    id: str
    name: str
    member_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInfo:
    """One contact of the audience."""

    email_key: str
    status: str
    changed_at: datetime | None
    #: When the person confirmed his opt-in, as Mailchimp says.
    opted_at: datetime | None = None
    #: Stays the same when the address changes.
    contact_id: str = ""
    #: "" when it has none.
    language: str = ""
    #: Of somebody who unsubscribed: his own words, or that an admin did it.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentInfo:
    """A tag (static segment) or a saved segment; both share one space of names."""

    id: int
    name: str
    is_tag: bool
    #: Contacts of every status but archived.
    member_count: int
    #: Tags that a saved segment's conditions name.
    uses_tags: frozenset[int]
    #: How many conditions a saved segment has.
    conditions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfo:
    """A merge field."""

    id: int
    tag: str
    label: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInfo:
    """A batch on its way."""

    id: str
    status: str
    results_url: str
    #: Operations, and how many of them have ended.
    total: int = 0
    finished: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether results can be read; they may all be failures."""
        return self.status == "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """How one operation of a batch ended; `error` is None for a success."""

    operation_id: str
    error: MailchimpError | None
    #: What Mailchimp answered; {} when it said nothing.
    document: Mapping[str, Any] = field(default_factory=dict)


def checked_id(value: str) -> str:
    """Return an id that the official client passes on unchanged; `ValueError` for another.

    Examples
    --------
    >>> checked_id("myserver1")
    Traceback (most recent call last):
    ValueError: an id that cannot be sent
    """
    if not _ID.fullmatch(value) or "server" in value.lower():
        raise ValueError("an id that cannot be sent")
    return value


def read_results(content: bytes) -> list[OperationResult]:
    """Read the archive of a batch: several files, each an array whose responses are JSON in text.

    Raises
    ------
    NotUnderstood
    """
    results: list[OperationResult] = []
    left = _MOST_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for entry in archive:
                left -= entry.size
                if left < 0:
                    raise NotUnderstood("the results of a batch are larger than any of ours")
                file = archive.extractfile(entry) if entry.isfile() else None
                if file is not None and entry.name.endswith(".json"):
                    results += [_result(row) for row in json.load(file)]
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise NotUnderstood("the results of a batch cannot be read") from error
    return results


def _result(row: Mapping[str, Any]) -> OperationResult:
    status = int(row["status_code"])
    document = read_document(row.get("response"))
    return OperationResult(
        operation_id=str(row["operation_id"]),
        error=from_answer(status, document) if status >= 400 else None,
        document=document or {},
    )


def read_document(text: Any) -> dict[str, object] | None:
    """Return the JSON object in a text; None where there is none."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        return None
    return value if isinstance(value, dict) else None


def read_audience(row: Mapping[str, Any]) -> AudienceInfo:
    """Read an audience."""
    return AudienceInfo(
        id=str(row["id"]),
        name=str(row["name"]),
        member_count=int((row.get("stats") or {}).get("member_count") or 0),
    )


def read_member(row: Mapping[str, Any]) -> MemberInfo:
    """Read a contact."""
    return MemberInfo(
        email_key=str(row["email_address"]).strip().lower(),
        status=str(row["status"]),
        changed_at=read_moment(row.get("last_changed")),
        opted_at=read_moment(row.get("timestamp_opt")),
        contact_id=str(row.get("contact_id") or ""),
        language=str(row.get("language") or ""),
        reason=str(row.get("unsubscribe_reason") or ""),
    )


def read_moment(text: str | None) -> datetime | None:
    """Read a moment; None where an answer leaves it blank."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def read_segment(row: Mapping[str, Any]) -> SegmentInfo:
    """Read a tag or saved segment."""
    conditions = (row.get("options") or {}).get("conditions") or []
    tags = [c.get("value") for c in conditions if c.get("condition_type") == "StaticSegment"]
    return SegmentInfo(
        id=int(row["id"]),
        name=str(row["name"]),
        is_tag=row.get("type") == "static",
        member_count=int(row.get("member_count") or 0),
        uses_tags=frozenset(int(tag) for tag in tags if str(tag).isdecimal()),
        conditions=len(conditions),
    )


def read_field(row: Mapping[str, Any]) -> FieldInfo:
    """Read a merge field."""
    return FieldInfo(
        id=int(row["merge_id"]), tag=str(row["tag"]), label=str(row["name"]), type=str(row["type"])
    )


def read_batch(row: Mapping[str, Any]) -> BatchInfo:
    """Read a batch."""
    return BatchInfo(
        id=checked_id(str(row["id"])),
        status=str(row["status"]),
        results_url=str(row.get("response_body_url") or ""),
        total=int(row.get("total_operations") or 0),
        finished=int(row.get("finished_operations") or 0),
    )
