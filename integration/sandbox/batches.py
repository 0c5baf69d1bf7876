"""`/batches`: operations run in the background, in any order, results to download.

State lives in memory: Mailchimp keeps results for 7 days, this sandbox until it stops.
"""

from __future__ import annotations

import hashlib
import io
import json
import queue
import random
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from integration.sandbox.call import Answer, Call, check
from integration.sandbox.faults import pause
from integration.sandbox.hooks import BATCH_DONE
from integration.sandbox.problems import SEE_ERRORS, Problem, invalid, not_found
from integration.sandbox.shape import Document, page
from integration.sandbox.state import SandboxState

URL_LIFE = timedelta(minutes=10)
RESULTS_KEPT = timedelta(days=7)
MAX_PENDING = 500
#: Operations of a batch that run side by side; batches run one after another.
AT_ONCE = 10
#: Results in one file of the archive; small enough that an ordinary push gets several.
ROWS_PER_FILE = 200
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

#: Runs one operation: (id of the batch, method, path, query, body) -> (status, document).
Run = Callable[[str, str, str, dict[str, str], Any], Answer]


@dataclass(slots=True, kw_only=True)
class Batch:
    """One submitted batch."""

    id: str
    number: int
    operations: list[dict[str, Any]]
    submitted_at: datetime
    total: int
    #: Where the sandbox was reached, for addresses in what is told of it.
    base_url: str = ""
    status: str = "pending"
    finished: int = 0
    errored: int = 0
    completed_at: datetime | None = None
    results: list[Document] = field(default_factory=list)


class Batches:
    """The account's batches and the one thread that runs them, one after another."""

    def __init__(self, state: SandboxState, run: Run) -> None:
        self._state, self._run = state, run
        self._queue: queue.Queue[Batch] = queue.Queue()
        self._thread: threading.Thread | None = None
        #: Cleared to keep batches pending.
        self.running = threading.Event()
        self.running.set()
        self.by_id: dict[str, Batch] = {}

    def submit(self, operations: list[dict[str, Any]], base_url: str = "") -> Batch:
        """Take a batch in; Problem 429 with too many waiting."""
        if sum(b.status != "finished" for b in self.by_id.values()) >= MAX_PENDING:
            raise Problem(429, "Too Many Requests", "More than 500 pending batches.")
        if self._state.hooks.pending(BATCH_DONE) > MAX_PENDING:
            raise Problem(429, "Too Many Requests", "More than 500 pending webhooks.")
        number = self._state.next_id("batch")
        batch = Batch(
            id=hashlib.sha256(f"batch:{number}".encode()).hexdigest()[:10],
            number=number,
            operations=operations,
            submitted_at=self._state.clock.now(),
            total=len(operations),
            base_url=base_url,
        )
        self.by_id[batch.id] = batch
        self._queue.put(batch)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
            self._thread.start()
        return batch

    def kept(self) -> list[Batch]:
        """Batches not older than 7 days, newest first."""
        limit = self._state.clock.now() - RESULTS_KEPT
        for batch in [b for b in self.by_id.values() if b.submitted_at <= limit]:
            del self.by_id[batch.id]
        return list(self.by_id.values())[::-1]

    def get(self, batch_id: str) -> Batch:
        """A batch by id; Problem 404 when unknown, deleted or too old."""
        found = next((b for b in self.kept() if b.id == batch_id), None)
        if found is None:
            raise not_found()
        return found

    def _work(self) -> None:
        while True:
            batch = self._queue.get()
            self.running.wait()
            self._execute(batch)

    def _execute(self, batch: Batch) -> None:
        batch.status = "started"
        order = list(batch.operations)
        # By number, not by time: the order is arbitrary, but the same in every run.
        random.Random(batch.number).shuffle(order)  # noqa: S311  (nothing secret)
        began, each_s = time.monotonic(), self._state.latency.operation_s
        for number, operation in enumerate(order):
            # Ten at a time, each of which takes its time.
            pause(began + (number // AT_ONCE + 1) * each_s)
            if batch.id not in self.by_id:  # deleted meanwhile: cancelled
                return
            self._operation(batch, operation)
        batch.completed_at = self._state.clock.now()
        batch.status = "finished"
        self._state.hooks.batch_done(document(self, batch, batch.base_url))

    def _operation(self, batch: Batch, operation: dict[str, Any]) -> None:
        method, path = operation["method"], operation["path"]
        query = {k: str(v) for k, v in (operation.get("params") or {}).items()}
        try:
            body = json.loads(operation["body"]) if operation.get("body") else None
        except ValueError:
            self._result(batch, operation, (400, {"title": "JSON Parse Exception", "status": 400}))
            return
        answer = self._run(batch.id, method, path, query, body)
        self._result(batch, operation, answer)
        if method == "GET" and "count" not in query:
            self._further_pages(batch, operation, answer, query)

    def _further_pages(
        self, batch: Batch, operation: dict[str, Any], first: Answer, query: dict[str, str]
    ) -> None:
        # Documented: a GET without count walks the collection, each page counting as one.
        total = (first[1] or {}).get("total_items", 0)
        for offset in range(10, total, 1000):
            batch.total += 1
            more = {**query, "count": "1000", "offset": str(offset)}
            answer = self._run(batch.id, "GET", operation["path"], more, None)
            self._result(batch, operation, answer)

    def _result(self, batch: Batch, operation: dict[str, Any], answer: Answer) -> None:
        status, document = answer
        row = {
            "status_code": status,
            "operation_id": operation.get("operation_id"),
            "response": "" if document is None else json.dumps(document),
        }
        batch.results.append(row)
        batch.finished += 1
        batch.errored += status >= 400

    def download_url(self, batch: Batch, base_url: str) -> str:
        """An address that is good for 10 minutes."""
        expires = str(int((self._state.clock.now() + URL_LIFE).timestamp()))
        query = urlencode({"Expires": expires, "Signature": _signature(batch.id, expires)})
        return f"{base_url}/batch-results/{quote(batch.id)}-response.tar.gz?{query}"

    def download(self, batch_id: str, expires: str, signature: str) -> bytes | None:
        """The archive, or None for an address that is wrong or too old."""
        batch = self.by_id.get(batch_id)
        valid = signature == _signature(batch_id, expires)
        if batch is None or not valid or int(expires) < self._state.clock.now().timestamp():
            return None
        return archive(batch)


def _signature(batch_id: str, expires: str) -> str:
    # With "+", "/" and "=" like a storage service's, so that re-encoding clients are found out.
    digest = hashlib.sha256(f"{batch_id}:{expires}".encode()).hexdigest()
    return f"{digest[:8]}+{digest[8:16]}/{digest[16:24]}="


def archive(batch: Batch) -> bytes:
    """The `.tar.gz`: a folder entry and one or more `.json` files."""
    size = max(1, min(ROWS_PER_FILE, -(-len(batch.results) // 2)))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for start in range(0, max(1, len(batch.results)), size):
            data = json.dumps(batch.results[start : start + size]).encode()
            entry = tarfile.TarInfo(f"./{batch.id}-{start // size}.json")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def document(batches: Batches, batch: Batch, base_url: str) -> Document:
    """A batch as the API shows it."""
    done = batch.completed_at
    return {
        "id": batch.id,
        "status": batch.status,
        "total_operations": batch.total,
        "finished_operations": batch.finished,
        "errored_operations": batch.errored,
        "submitted_at": batch.submitted_at.isoformat(),
        "completed_at": done.isoformat() if done else "",
        "response_body_url": batches.download_url(batch, base_url) if done else "",
    }


class BatchCalls:
    """The handlers of `/batches`."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def post(self, call: Call) -> Answer:
        """POST /batches."""
        body = call.object()
        check(body, {"operations": "list"}, required=("operations",))
        for row in body["operations"]:
            _check_operation(row)
        batch = self._batches.submit(body["operations"], call.base_url)
        return 200, document(self._batches, batch, call.base_url)

    def get_all(self, call: Call) -> Answer:
        """GET /batches."""
        rows = self._batches.kept()
        return 200, page(
            "batches", rows, call.query, lambda b: document(self._batches, b, call.base_url)
        )

    def get(self, call: Call, batch_id: str) -> Answer:
        """GET /batches/{batch_id}; each call gives a fresh address for the results."""
        return 200, document(self._batches, self._batches.get(batch_id), call.base_url)

    def delete(self, _call: Call, batch_id: str) -> Answer:
        """DELETE: cancels what has not run, and the results are lost."""
        del self._batches.by_id[self._batches.get(batch_id).id]
        return 204, None


def _check_operation(row: Any) -> None:
    if not isinstance(row, dict):
        raise invalid(SEE_ERRORS, ("operations", "Schema describes object"))
    kinds = {
        "method": "text",
        "path": "text",
        "body": "text",
        "params": "object",
        "operation_id": "text",
    }
    check(row, kinds, required=("method", "path"))
    if row["method"] not in METHODS:
        raise invalid(SEE_ERRORS, ("operations.method", "The value is not a valid choice."))
    if not row["path"].startswith("/"):
        raise invalid(SEE_ERRORS, ("operations.path", "Must begin with a slash."))
