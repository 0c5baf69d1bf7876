"""Bulk operations: Shopify runs a whole query by itself and leaves a file of its lines.

Five may run at a time for an app and shop; one place is left for others. What failed half-way is
not taken over: the lines of an order may stand anywhere in the file, so that in half a file every
order may lack some. The caller asks again for less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.errors import ConnectorError, NotAuthorized, NotReadable
from connectors.shopify.client import Client
from connectors.shopify.documents import (
    BULK_CANCEL,
    BULK_POLL,
    BULK_RUN,
    BULK_RUNNING,
    BULK_STARTED,
)
from connectors.shopify.errors import CutShort, UserErrors

#: Of Shopify's five.
AT_ONCE = 4
_NO_PLACE = frozenset(("LIMIT_REACHED", "OPERATION_IN_PROGRESS"))
_WAITS = frozenset(("CREATED", "RUNNING", "CANCELING"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation as Shopify tells of it."""

    id: str
    #: "running" (or waiting to), "completed", "failed" or "lost" (cancelled, expired, unknown, or
    #: completed without its file).
    state: str
    #: Lines of its file.
    objects: int = 0
    #: None where nothing was found, or nothing is there (any more).
    url: str | None = None
    error: str | None = None


class Bulk:
    """The bulk operations of one shop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: What was asked for, to the operation that does it or has done it.
        self._started: dict[str, str] = {}

    def start(self, bodies: Sequence[str]) -> Mapping[str, str]:
        """Start operations, in order, while there is a place; return the ids of what has begun.

        One that runs already for the same body is ours, started just before we were stopped.

        Raises
        ------
        ConnectorError
        """
        wanted = [body for body in bodies if body not in self._started]
        running = self._listed(BULK_RUNNING, _WAITS) if wanted else {}
        for body in wanted:
            operation = running.get(body)
            if operation is None and len(running) < AT_ONCE:
                operation = self._run(body)
            if operation is None:
                break
            self._started[body] = running[body] = operation
        return self._started

    def _run(self, body: str) -> str | None:
        try:
            done = self._client.run(BULK_RUN, {"query": body}).mutated("bulkOperationRunQuery")
        except UserErrors as error:
            if any(one.code in _NO_PLACE for one in error.errors):
                return None
            raise
        return str(done["bulkOperation"]["id"])

    def take_over(self, since: datetime) -> None:
        """Take what was started since a moment, and not in vain, as started by us.

        Raises
        ------
        ConnectorError
        """
        query = f"created_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z'"
        self._started.update(self._listed(BULK_STARTED, _WAITS | {"COMPLETED"}, query=query))

    def forget(self, operation: str | None) -> None:
        """Have what an operation did begun anew when it is asked for again."""
        self._started = {body: key for body, key in self._started.items() if key != operation}

    def _listed(self, document: str, states: Set[str], **asked: str) -> dict[str, str]:
        """Return what each of the operations in these states does, to its id."""
        found = self._client.run(document, asked).need("bulkOperations") or {"nodes": ()}
        return {
            node["query"]: node["id"]
            for node in found["nodes"]
            if node.get("type", "QUERY") == "QUERY" and node["status"] in states
        }

    def look(self, operation: str) -> Operation:
        """Return how far an operation is.

        Raises
        ------
        NotAuthorized
            Shopify refused what it asks for.
        """
        raw = self._client.run(BULK_POLL, {"id": operation}).need("bulkOperation")
        if raw is None:
            return Operation(id=operation, state="lost")
        status, error = raw["status"], raw.get("errorCode")
        if error == "ACCESS_DENIED":
            raise NotAuthorized("Shopify refuses a field of the export: look at the granted access")
        if status in _WAITS:
            state = "running"
        else:
            state = {"COMPLETED": "completed", "FAILED": "failed"}.get(status, "lost")
        objects, url = int(raw.get("objectCount") or 0), raw.get("url")
        if state == "completed" and objects and not url:
            state = "lost"  # nothing to fetch is no empty result
        return Operation(id=operation, state=state, objects=objects, url=url, error=error)

    def cancel(self, operation: str) -> None:
        """Stop an operation; one that has ended already is left as it is."""
        try:
            self._client.run(BULK_CANCEL, {"id": operation}).mutated("bulkOperationCancel")
        except UserErrors:
            return

    def lines(self, operation: Operation) -> Iterator[bytes]:
        """Yield the lines of a completed operation's file; no token goes to its address.

        Raises
        ------
        Expired
            The file is not there any more.
        CutShort
            The file holds another number of lines than told.
        Unreachable
            The file broke off.
        """
        read = 0
        if operation.url:
            for line in self._split(operation.url):
                read += 1
                yield line
        if read != operation.objects:
            raise CutShort(
                f"Shopify's export has {read} lines where it counted {operation.objects}"
            )

    def _split(self, url: str) -> Iterator[bytes]:
        rest = b""
        try:
            for chunk in self._client.http.download(url):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line for line in whole if line.strip())
        except NotReadable as error:
            raise Expired("Shopify's export is not there any more") from error
        if rest.strip():
            yield rest


class Expired(ConnectorError):
    """The file of an operation can no longer be fetched: run it again."""
