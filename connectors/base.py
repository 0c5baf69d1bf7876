"""What every connector can do, whatever the platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from connectors.records import BadRecord, ConsentEvent, ConsentState, Cursor, Deleted, Record


class InstallShape(StrEnum):
    """The ways a merchant lets us in; every platform is one of these."""

    SIGNED_APP = "signed_app"
    PUSHED_KEY = "pushed_key"
    PASTED_CREDENTIALS = "pasted_credentials"
    UPLOAD = "upload"
    BUILT_IN = "built_in"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """One kind of record a source can be read for.

    The three incremental settings (`lag_s`, open bound, missing cursor) and the rule that unordered
    data may not advance a cursor before the stream ends follow Singer's and dlt's documentation.
    """

    #: "customers", "products", "orders", "refunds", "carts", "consent" or "touchpoints".
    name: str
    #: "full": read again as a whole; "incremental": from a cursor; "hook_only": never read.
    mode: str = "incremental"
    #: Records arrive in the order of the cursor, so that it may advance page by page.
    ordered: bool = True
    #: Overlap in seconds read again on each run.
    lag_s: float = 0.0
    #: How deletions become known: "hook", "tombstone", "reconcile" or "never".
    deletes: str = "never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What `check` found: who the shop is and what can be read."""

    shop_id: str
    name: str
    currency: str
    #: IANA name; calendar days are the shop's.
    time_zone: str
    #: Stream name to None when it works, else why not and what to do.
    problems: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One step of a read: what it brought and where to go on.

    Rows and `cursor_after` are to be saved in one transaction; a read started from that cursor
    continues where this page ended.
    """

    records: Sequence[Record]
    cursor_after: Cursor
    rejects: Sequence[BadRecord] = ()
    deleted: Sequence[Deleted] = ()
    #: True on the last page only.
    complete: bool = False
    #: Share of the stream read so far, 0 to 1; None when the total is unknown.
    progress: float | None = None
    #: Of a stream that comes newest first: all that is younger has been handed over, what is older
    #: is still to come. None before that is so of anything, and where nothing is to come.
    known_since: datetime | None = None
    #: Counts for the merchant's report, to be added up: "lines", "guest lines", ...
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refetch:
    """A webhook that only names a record: fetch it again."""

    stream: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SomeDeleted:
    """A webhook that tells of a deletion by a name that no record has: compare ids."""

    stream: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """Two customers became one at the platform: what `key` did is `into`'s from now on."""

    key: str
    into: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Uninstalled:
    """The merchant removed us at the platform."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessAsked:
    """A customer asks the merchant what is known of him."""

    #: The platform's number of the request.
    request: str
    key: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureAsked:
    """A customer is to be forgotten."""

    key: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopErasureAsked:
    """Everything of a shop that removed us is to be forgotten."""

    #: When that was asked; a shop that has come back since is not meant.
    at: datetime | None = None


#: A webhook's word is a hint: what it says of a record is read again before it counts.
Change: TypeAlias = (
    Record
    | Refetch
    | Deleted
    | SomeDeleted
    | Merged
    | Uninstalled
    | AccessAsked
    | ErasureAsked
    | ShopErasureAsked
)


@runtime_checkable
class Dated(Protocol):
    """A source whose orders can be counted by when they were placed, without reading them."""

    def count_between(self, start: datetime | None, end: datetime) -> int:
        """How many orders were placed from `start` (None: ever) up to `end`.

        Raises
        ------
        ConnectorError
        """
        ...

    def keys_between(self, start: datetime | None, end: datetime) -> Iterator[str]:
        """The ids of those orders.

        Raises
        ------
        ConnectorError
        """
        ...


class Connector(Protocol):
    """A source of records. Connectors never write to a database and never know Mailchimp."""

    @property
    def platform(self) -> str:
        """Short name: "files", "demo", "shopify", ..."""
        ...

    @property
    def install(self) -> InstallShape:
        """How the merchant lets us in."""
        ...

    @property
    def streams(self) -> Sequence[Stream]:
        """What can be read, in the order it should be read."""
        ...

    def check(self) -> Capabilities:
        """Who the shop is and what works.

        Raises
        ------
        ConnectorError
            With a text that tells the merchant what to do next.
        """
        ...

    def prepare(self, cursors: Mapping[str, Cursor | None]) -> Mapping[str, Cursor]:
        """Have the platform begin with whatever takes it long, for all streams at once.

        `cursors` are those of every stream that will be read. Returned are the ones that are to be
        stored and read from in their place; none where a platform answers at once.

        Raises
        ------
        ConnectorError
        """
        ...

    def read(self, stream: str, cursor: Cursor | None = None) -> Iterator[Page]:
        """Every page after `cursor` (all of them for None).

        Raises
        ------
        ConnectorError
        """
        ...

    def fetch(self, stream: str, key: str) -> Sequence[Record]:
        """One record as it is now, and after it what belongs to it; empty when it does not exist.

        `key` is its id, or what a webhook named it by. To an order belong its refunds, to a
        customer his statements about permission.

        Raises
        ------
        ConnectorError
        """
        ...

    def keys(self, stream: str) -> Iterator[str]:
        """Every id of a stream, to find deletions by comparison."""
        ...

    def parse_hook(self, headers: Mapping[str, str], raw_body: bytes) -> Sequence[Change]:
        """What a webhook says; the signature is checked first.

        Raises
        ------
        NotGenuine
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a platform holds about permission to mail one customer."""

    #: The address that it is about; None where the customer has none.
    email: str | None
    state: ConsentState
    #: When that was stated; None where the platform does not say.
    at: datetime | None
    #: The platform's own words, for the merchant: "SUBSCRIBED".
    told: str
    #: The same as reading the customer tells it; None where that is no statement.
    event: ConsentEvent | None = None


class ConsentWriter(Protocol):
    """A source that can be told what a person decided about mail elsewhere; few can.

    Whoever uses it reads `standing` first: a platform may keep the date of a statement that
    changed nothing, so that an older one written late would win.
    """

    def standing(self, key: str) -> Standing | None:
        """What stands there now; None for a customer who is not there.

        Raises
        ------
        ConnectorError
        """
        ...

    def write(
        self, key: str, state: ConsentState, at: datetime, *, confirmed: bool
    ) -> ConsentEvent:
        """State that a customer withdrew (DENIED) or opted in (CONFIRMED) at a moment.

        Parameters
        ----------
        confirmed
            Of an opt-in: the person confirmed it by a mail (double opt-in).

        Returns
        -------
        ConsentEvent
            What stands there afterwards, as reading the customer will tell it.

        Raises
        ------
        ConnectorError
            `NotAuthorized` where the right lacks, `Retryable` where another try may work; it may
            have been written then. Else it was refused.
        """
        ...
