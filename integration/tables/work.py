"""What has to be done and what came in: the truth about jobs is here, not in a queue."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from integration.db import Owned
from integration.tables.columns import (
    account_key,
    json_column,
    json_later,
    moment,
    primary_key,
    reference,
)

_RUNNING = text("status = 'running'")
_WAITS = text("shop_id IS NOT NULL AND applied_at IS NULL")


class Inbox(Owned, table=True):
    """A webhook as it arrived, kept before it is understood."""

    __table_args__ = (
        UniqueConstraint("shop_id", "dedupe_key"),
        UniqueConstraint("audience_id", "dedupe_key"),
        # A shop's that wait: looked for every minute, among weeks of others.
        Index(
            "ix_inbox_waiting",
            "shop_id",
            "id",
            sqlite_where=_WAITS,
            postgresql_where=_WAITS,
        ),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    #: Whose it is: a shop's, or Mailchimp's about an audience.
    shop_id: int | None = reference("shop.id", nullable=True, index=False)
    audience_id: int | None = reference("audience.id", nullable=True, index=False)
    topic: str
    #: The platform's delivery id or a hash of the body: the second copy is only acknowledged.
    dedupe_key: str
    headers: dict[str, Any] = json_column()
    body: bytes
    received_at: datetime = moment()
    #: When its effect was stored, in the same transaction; Mailchimp's have work of their own.
    applied_at: datetime | None = moment(nullable=True)
    #: Why it had none, in words; never an address.
    error: str | None = None


class Work(Owned, table=True):
    """One piece of work with a lease."""

    __table_args__ = (
        Index("ix_work_due", "status", "run_at"),
        # One running job per lane: the second claim is refused by the database itself.
        Index(
            "uq_work_running_lane",
            "lane",
            unique=True,
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        ),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    #: The handler's name: "import", "refresh", "push", ...
    kind: str
    #: Jobs of one lane run one after the other, such as "account:1:push".
    lane: str
    payload: dict[str, Any] = json_column()
    #: queued, running, done, dead, resting (until the merchant has done something; looks again
    #: by itself now and then).
    status: str = "queued"
    run_at: datetime = moment()
    attempts: int = 0
    #: Random text of the worker that holds it.
    lease_by: str | None = None
    lease_until: datetime | None = moment(nullable=True)
    #: What the handler last said about its progress, 0 to 1.
    progress: float | None = Field(default=None)
    note: str | None = None
    #: Why it is dead or will be tried again; never an address.
    error: str | None = None
    created_at: datetime = moment()
    finished_at: datetime | None = moment(nullable=True)


class ImportRun(Owned, table=True):
    """One reading of a source, as shown to the merchant."""

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id")
    #: The file's name, or the platform.
    name: str
    #: running, done, failed, waiting (for an answer), dropped (instead of one).
    status: str = "running"
    #: What was counted, for the report.
    counters: dict[str, Any] = json_column()
    #: By stream when how many records had come: see `integration.pace`.
    pace: dict[str, Any] = json_later()
    error: str | None = None
    started_at: datetime = moment()
    finished_at: datetime | None = moment(nullable=True)


class Reject(Owned, table=True):
    """A row or cell that could not be read; downloadable."""

    __table_args__ = (UniqueConstraint("run_id", "file", "stream", "row", "column"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    run_id: int = reference("import_run.id", index=False, cascade=True)
    #: Several files are read at once; empty where a source has none.
    file: str = ""
    stream: str
    row: str
    column: str
    value: str
    reason: str
