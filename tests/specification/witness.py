"""The witness: stands at the sandbox's door and holds what passes to the specification.

It is put there by the tests (`Witness.watch`) and by nothing else: neither product nor sandbox
knows of it. Requests of the product are checked, and every answer of the sandbox, also of the
operations inside batches. Requests that a test writes by hand are told by their sender: they are
wrong on purpose as often as not, and only their answers are checked.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Response, request

from integration.sandbox.api import Api
from integration.sandbox.app import Door
from integration.sandbox.call import Answer
from tests.specification.document import Fault, Operation, Specification
from tests.specification.gaps import ALIASES, BUSY, GAPS

#: What tests that call the sandbox by hand send as their name (and browsers); the product says
#: who it is. Whoever is not known here is held to the specification.
BY_HAND = ("python-requests/", "Swagger-Codegen/", "Mozilla/")


class Witness:
    """What was seen: counts, exceptions used, violations since the last look."""

    def __init__(self, specification: Specification) -> None:
        self._specification = specification
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.used: Counter[str] = Counter()
        self._violations: list[str] = []
        self._looks = True

    def taken(self) -> list[str]:
        """Return the violations since the last time."""
        with self._lock:
            found, self._violations = self._violations, []
        return found

    # -- what is checked -------------------------------------------------------------------

    def request(self, method: str, path: str, query: dict[str, str], body: Any) -> None:
        """Check a request of the product's."""
        operation = self._operation(method, path)
        faults: Iterable[Fault]
        if operation is None:
            faults = [Fault("path", "unknown", "no such operation", path)]
        else:
            faults = operation.in_request(query, body)
        self._note("requests", method, path, operation, faults)
        if (method, path) == ("POST", "/batches") and isinstance(body, dict):
            for row in body.get("operations", []):
                self._batched(row)

    def _batched(self, row: dict[str, Any]) -> None:
        path, _, query = row["path"].partition("?")
        given = dict(parse_qsl(query)) | {k: str(v) for k, v in row.get("params", {}).items()}
        body = json.loads(row["body"]) if row.get("body") else None
        self.request(row["method"], path, given, body)

    def answer(self, method: str, path: str, status: int, document: Any) -> None:
        """Check an answer of the sandbox's; `document` is None for one without content."""
        if status in BUSY and document is None:
            self.counts["busy"] += 1
            return
        operation = self._operation(method, path)
        if operation is None and status >= 400:
            # Nothing is there: the refusal itself has a form all the same.
            operation = self._specification.operation("GET", "/ping")
        if operation is None:
            faults: Iterable[Fault] = [Fault("path", "unknown", "answered all the same", path)]
        else:
            faults = operation.in_answer(status, document)
        self._note("answers", method, path, operation, faults)

    def _operation(self, method: str, path: str) -> Operation | None:
        pattern = self._specification.pattern(path)
        if pattern is None:
            return None
        for alias in ALIASES:
            if alias.operation == (method, pattern):
                self._use(f"{method} {pattern}")
                method, pattern = alias.like
        return self._specification.operation(method, pattern)

    def _note(
        self,
        what: str,
        method: str,
        path: str,
        operation: Operation | None,
        faults: Iterable[Fault],
    ) -> None:
        name = operation.name if operation else f"{method} {path}"
        wrong = [str(fault) for fault in faults if not self._is_excepted(name, fault)]
        with self._lock:
            self.counts[what] += 1
            self.counts["invalid"] += bool(wrong)
            self._violations += [f"{method} {path} ({name}): {text}" for text in wrong]

    def _is_excepted(self, operation: str, fault: Fault) -> bool:
        gap = next((gap for gap in GAPS if gap.covers(operation, fault)), None)
        if gap is not None:
            self._use(gap.name)
        return gap is not None

    def _use(self, name: str) -> None:
        with self._lock:
            self.used[name] += 1

    # -- where it stands -------------------------------------------------------------------

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Stand at the door of every sandbox of this process, and inside its batches."""
        answer, run_operation = Door.answer, Api.run_operation

        def watched_door(door: Door, path: str) -> Response:
            response = answer(door, path)
            if self._looks:
                self._seen(f"/{path}", response)
            return response

        def watched_batch(
            api: Api, batch_id: str, method: str, path: str, query: dict[str, str], body: Any
        ) -> Answer:
            status, document = run_operation(api, batch_id, method, path, query, body)
            if self._looks:
                self.answer(method, path.partition("?")[0], status, document)
            return status, document

        patch.setattr(Door, "answer", watched_door)
        patch.setattr(Api, "run_operation", watched_batch)

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """See nothing for a while: for the test of the witness itself."""
        self._looks = False
        yield
        self._looks = True

    def _seen(self, path: str, response: Response) -> None:
        method = request.headers.get("X-HTTP-Method-Override", request.method).upper()
        if not str(request.user_agent).startswith(BY_HAND):
            body = request.get_json(silent=True, force=True)
            self.request(method, path, request.args.to_dict(), body)
        if response.is_streamed:
            return  # cut off: no answer arrives
        content = response.get_data()
        kind = (response.content_type or "").partition(";")[0]
        if response.status_code in BUSY and kind == "text/html":
            content = b""
        expected = "application/problem+json" if response.status_code >= 400 else "application/json"
        if content and kind != expected:
            fault = Fault("answer", "content", f"{kind} instead of {expected}", kind)
            self._note("answers", method, path, None, [fault])
            return
        self.answer(method, path, response.status_code, json.loads(content) if content else None)
