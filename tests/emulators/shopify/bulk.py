"""Bulk operations: started, run on a step, written as ungrouped JSONL, and all that goes wrong."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import graphql

from tests.emulators.shopify import bulk_rules, gates
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.execution import Call, Root
from tests.emulators.shopify.paging import chosen_ids, page_of_list
from tests.emulators.shopify.projection import Projection
from tests.emulators.shopify.schema import field_of
from tests.emulators.shopify.search import NotEmulated, matcher
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tables import Row, Table, number_of

if TYPE_CHECKING:
    from tests.emulators.shopify.server import ShopifyEmulator

#: Query operations of one app on one shop at a time.
AT_ONCE = 5
URL_LIVES = timedelta(days=7)
_TABLES = {
    "customers": "Customer",
    "orders": "Order",
    "products": "Product",
    "abandonedCheckouts": "AbandonedCheckout",
}
_RUNNING = ("CREATED", "RUNNING", "CANCELING")
#: Children are moved within so many lines, which keeps a large file out of the memory.
_SHUFFLED = 2_000
#: Whether it is a child's, and the line itself.
Line: TypeAlias = tuple[bool, str]


@dataclass
class Operation:
    """One operation on its way."""

    shop: Shop
    row: Row
    call: Call
    document: Any
    file: Path | None = None
    ready_at: datetime | None = None
    partial: bool = False
    expires_at: datetime | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"lines": 0, "roots": 0})


class Made:
    """Lines that were made ahead, by selection and record, until their table changes."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, str], tuple[int, dict[str, list[Line]]]] = {}

    def of(self, table: Table, selection: str) -> dict[str, list[Line]]:
        """Return the lines of a table's records."""
        key = (id(table), selection)
        changes, found = self._lines.get(key, (table.changes, {}))
        if changes != table.changes:
            found = {}
        self._lines[key] = (table.changes, found)
        return found


class Bulk:
    """The bulk operations of all shops.

    Left alone, an operation is a step further with every poll. Switches: `manual` (only `step`
    moves), `rows_per_s` (finished when that many lines a second would be), `fail`, `refuse` and
    `withheld` (the next so many complete without an address for what they found).
    """

    def __init__(self, shopify: ShopifyEmulator) -> None:
        self._shopify = shopify
        self._folder = tempfile.TemporaryDirectory(prefix="shopify-bulk-")
        self.operations: dict[str, Operation] = {}
        self.manual = False
        self.rows_per_s: float | None = None
        self.withheld = 0
        #: Error code of the next operations that fail, and how much of the file is there (0 to 1).
        self.failures: list[tuple[str, float]] = []
        #: `userErrors` codes of the next operations that are not begun.
        self.refusals: list[str] = []
        self._made = Made()

    def fail(self, code: str = "INTERNAL_SERVER_ERROR", *, partial: float = 0.0) -> None:
        """Let the next operation fail after a part of its lines."""
        self.failures.append((code, partial))

    def refuse(self, code: str = "LIMIT_REACHED") -> None:
        """Let the next operation not begin."""
        self.refusals.append(code)

    def roots(self) -> dict[str, Root]:
        """Return the root fields of bulk operations."""
        return {
            "bulkOperationRunQuery": self._run,
            "bulkOperationCancel": self._cancel,
            "bulkOperation": self._one,
            "bulkOperations": self._list,
        }

    def _run(self, call: Call, args: Mapping[str, Any]) -> Row:
        if self.refusals:
            return _refused("Operation could not be started", self.refusals.pop(0))
        running = [
            one
            for one in self.operations.values()
            if one.shop is call.shop and one.row["status"] in _RUNNING
        ]
        if len(running) >= AT_ONCE:
            text = "A bulk query operation limit for this app and shop has been reached."
            return _refused(text, "LIMIT_REACHED")
        if args["groupObjects"]:
            raise NotEmulated("groupObjects: true")
        try:
            document = bulk_rules.check(args["query"])
        except bulk_rules.Refused as refused:
            return _refused(str(refused), "INVALID")
        key = call.shop.next_id("BulkOperation")
        row = {
            "__typename": "BulkOperation",
            "id": key,
            "status": "CREATED",
            "type": "QUERY",
            "errorCode": None,
            "createdAt": stamp(call.now),
            "completedAt": None,
            "objectCount": "0",
            "rootObjectCount": "0",
            "fileSize": None,
            "url": None,
            "partialDataUrl": None,
            "query": args["query"],
        }
        operation = self.operations[key] = Operation(call.shop, row, call, document)
        if self.rows_per_s is not None and not self.manual:
            self._advance(operation)
        return {"bulkOperation": dict(row), "userErrors": []}

    def _cancel(self, call: Call, args: Mapping[str, Any]) -> Row:
        found = self._mine(call, args["id"])
        if found is None:
            error: Row = {"field": ["id"], "message": "Bulk operation does not exist"}
            return {"bulkOperation": None, "userErrors": [error]}
        status = found.row["status"]
        if status not in _RUNNING:
            text = f"A bulk operation cannot be canceled when it is {status.lower()}"
            error = {"field": None, "message": text}
            return {"bulkOperation": found.row, "userErrors": [error]}
        found.row["status"] = "CANCELING"
        return {"bulkOperation": dict(found.row), "userErrors": []}

    def _mine(self, call: Call, key: str) -> Operation | None:
        found = self.operations.get(key)
        return found if found is not None and found.shop is call.shop else None

    def _one(self, call: Call, args: Mapping[str, Any]) -> Row | None:
        found = self._mine(call, args["id"])
        if found is None:
            return None
        if not self.manual:
            self._advance(found)
        return dict(found.row)

    def _list(self, call: Call, args: Mapping[str, Any]) -> Row:
        if self.rows_per_s is not None and not self.manual:
            self._pass_time(call.shop)
        test = matcher("BulkOperation", args.get("query"))
        mine = [one.row for one in self.operations.values() if one.shop is call.shop]
        found = [row for row in mine if test(row.get)]
        # Documented: newest first, unless reversed.
        return page_of_list(list(reversed(found)), args)

    def _pass_time(self, shop: Shop) -> None:
        """Let operations run on that nobody polls."""
        for one in self.operations.values():
            if one.shop is shop and one.row["status"] in _RUNNING:
                self._advance(one)

    def step(self) -> None:
        """Move every operation a step further: created, running, finished."""
        with self._shopify.lock:
            for operation in self.operations.values():
                self._advance(operation)

    def _advance(self, operation: Operation) -> None:
        row = operation.row
        if row["status"] == "CANCELING":
            self._finish(operation, "CANCELED")
        elif row["status"] == "CREATED":
            row["status"] = "RUNNING"
            if self.rows_per_s is not None:
                self._write(operation)
                span = int(operation.counts["lines"]) / self.rows_per_s
                # From its beginning: what the emulator itself takes is not Shopify's time.
                operation.ready_at = operation.call.now + timedelta(seconds=span)
        elif row["status"] == "RUNNING":
            if operation.ready_at is not None and self._shopify.clock() < operation.ready_at:
                return
            self._complete(operation)
        elif operation.expires_at is not None and self._shopify.clock() >= operation.expires_at:
            row |= {"status": "EXPIRED", "url": None, "partialDataUrl": None}

    def _complete(self, operation: Operation) -> None:
        row = operation.row
        if operation.file is None:
            try:
                self._write(operation)
            except graphql.GraphQLError:
                row["errorCode"] = "ACCESS_DENIED"
                self._finish(operation, "FAILED")
                return
        code, share = self.failures.pop(0) if self.failures else ("", 1.0)
        if code:
            self._cut(operation, share)
        row["objectCount"] = str(operation.counts["lines"])
        row["rootObjectCount"] = str(operation.counts["roots"])
        assert operation.file is not None
        operation.expires_at = self._shopify.clock() + URL_LIVES
        if operation.counts["lines"]:
            row["fileSize"] = str(operation.file.stat().st_size)
            row["partialDataUrl" if code else "url"] = self._url(operation)
        if self.withheld and not code:
            self.withheld, row["url"] = self.withheld - 1, None
        row["errorCode"] = code or None
        self._finish(operation, "FAILED" if code else "COMPLETED")

    def _finish(self, operation: Operation, status: str) -> None:
        row = operation.row
        row["status"] = status
        row["completedAt"] = stamp(self._shopify.clock())
        body = {
            "admin_graphql_api_id": row["id"],
            "completed_at": row["completedAt"],
            "created_at": row["createdAt"],
            "error_code": (row["errorCode"] or "").lower() or None,
            "status": status.lower(),
            "type": "query",
        }
        self._shopify.hooks.fire(operation.shop, "BULK_OPERATIONS_FINISH", body)

    def _url(self, operation: Operation) -> str:
        key = number_of(operation.row["id"])
        assert operation.expires_at is not None
        until = int(operation.expires_at.timestamp())
        return f"{self._shopify.root}/bulk/{key}.jsonl?Expires={until}&Signature=emulated-{key}"

    def _write(self, operation: Operation) -> None:
        key = number_of(operation.row["id"])
        file = Path(self._folder.name) / f"{key}.jsonl"
        operation.counts = {"lines": 0, "roots": 0}
        # Seeded: a test that fails fails again.
        mix = random.Random(key)
        with file.open("w", encoding="utf-8") as out:
            out.writelines(_shuffled(self._lines(operation), mix))
        operation.file = file

    def make_ahead(self, shop: Shop, query: str) -> None:
        """Make the lines of every record that a query finds; later operations take them from here.

        For whoever measures a reader on the same computer: making lines would take its time.
        """
        assert shop.scopes is not None
        call = Call(shop, shop.scopes, self._shopify.clock(), {})
        row: Row = {"query": query}
        for _line in self._lines(Operation(shop, row, call, bulk_rules.check(query)), keep=True):
            pass

    def _lines(self, operation: Operation, *, keep: bool = False) -> Iterator[Line]:
        call, counts = operation.call, operation.counts
        (definition, *_rest) = operation.document.definitions
        for node in definition.selection_set.selections:
            if node.name.value not in _TABLES:
                raise NotEmulated(f"{node.name.value} in bulk")
            kind = _TABLES[node.name.value]
            table = call.shop.table(kind)
            assert table is not None
            args = {
                one.name.value: graphql.value_from_ast_untyped(one.value)
                for one in node.arguments or ()
            }
            since = call.orders_since if kind == "Order" else None
            root = field_of("QueryRoot", node.name.value)
            gates.check_field(call.shop, call.scopes, node.name.value, root)
            selection = bulk_rules.node_selection(node)
            projection = Projection(call, selection, kind)
            made = self._made.of(table, graphql.print_ast(selection))
            for key in chosen_ids(kind, table, args.get("query"), since, call.found_until):
                lines = made.get(key)
                if lines is None:
                    lines = [_line(one) for one in projection.lines(table[key])]
                    if keep:
                        made[key] = lines
                counts["roots"] += 1
                counts["lines"] += len(lines)
                yield from lines

    def _cut(self, operation: Operation, share: float) -> None:
        """Leave the first part of the file, as an operation that broke off does."""
        assert operation.file is not None
        lines = operation.file.read_text("utf-8").splitlines(keepends=True)
        kept = lines[: int(len(lines) * share)]
        operation.file.write_text("".join(kept), "utf-8")
        roots = sum("__parentId" not in line for line in kept)
        operation.counts = {"lines": len(kept), "roots": roots}

    def file_of(self, key: int, until: str | None) -> Path | None:
        """Return the file behind an address; None when the address is wrong or has expired."""
        for operation in self.operations.values():
            if number_of(operation.row["id"]) == key and operation.expires_at is not None:
                good = until == str(int(operation.expires_at.timestamp()))
                late = self._shopify.clock() >= operation.expires_at
                return operation.file if good and not late else None
        return None

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


def _refused(message: str, code: str) -> Row:
    error = {"field": ["query"], "message": message, "code": code}
    return {"bulkOperation": None, "userErrors": [error]}


def _line(made: Mapping[str, Any]) -> Line:
    return "__parentId" in made, json.dumps(made, separators=(",", ":")) + "\n"


def _shuffled(lines: Iterator[Line], mix: random.Random) -> Iterator[str]:
    """Let children follow their parents somewhere later, as an ungrouped file has them."""
    held: list[str] = []
    for is_child, line in lines:
        if not is_child:
            yield line
            continue
        held.append(line)
        if len(held) > _SHUFFLED:
            place = mix.randrange(len(held))
            held[place], held[-1] = held[-1], held[place]
            yield held.pop()
    mix.shuffle(held)
    yield from held
