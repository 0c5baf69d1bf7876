"""The sandbox as a Flask app: authorisation, gate, faults and log round the API, and the pages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, request

from integration.sandbox import admin, control, oauth, pages
from integration.sandbox.api import Api
from integration.sandbox.call import Answer, Call
from integration.sandbox.faults import REFUSALS, Fault
from integration.sandbox.problems import TRIGGERED, Problem, too_many
from integration.sandbox.state import SandboxState

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
ACCESS_DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
)
#: The names under which a browser or client on this computer may ask; keeps other sites from
#: reading the audience through a name of theirs that points here.
HOSTS = ["127.0.0.1", "localhost"]


def create_sandbox(state: SandboxState) -> Flask:
    """The emulated Mailchimp over a state; API under /3.0, pages at /, tools under /sandbox."""
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = HOSTS
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    door = Door(state)
    app.add_url_rule("/3.0", "root", door.answer, defaults={"path": ""}, methods=METHODS)
    app.add_url_rule("/3.0/", "root/", door.answer, defaults={"path": ""}, methods=METHODS)
    app.add_url_rule("/3.0/<path:path>", "api", door.answer, methods=METHODS)
    app.add_url_rule("/batch-results/<batch_id>-response.tar.gz", "results", door.results)
    app.register_blueprint(admin.blueprint(state, door.api.batches))
    app.register_blueprint(pages.blueprint(state))
    app.register_blueprint(control.blueprint(state))
    app.register_blueprint(oauth.blueprint(state))
    return app


class Door:
    """What every request to /3.0 passes on its way in and out."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.api = Api(state)

    def answer(self, path: str) -> Response:
        """One request, logged however it ends."""
        path, query, began = f"/{path}", request.args.to_dict(), time.monotonic()
        body = request.get_json(silent=True, force=True)
        fault = self.state.faults.take(request.method, path)
        with self.state.gate.slot() as entered:
            response = self._refused() if not entered else self._work(path, query, body, fault)
            if entered:
                self.state.latency.fill(began)
            # Logged inside the slot: whoever was answered finds the entry.
            self.state.log.add(
                at=self.state.clock.text(),
                method=request.method,
                path=path,
                query=query,
                body=body,
                status=response.status_code,
            )
        if fault is not None and fault.kind == "reset":
            return _cut()
        return response

    def results(self, batch_id: str) -> Response:
        """A batch's archive, as a storage service would hand it out."""
        if "Authorization" in request.headers:
            return Response(ACCESS_DENIED, 400, content_type="application/xml")
        expires, signature = request.args.get("Expires", ""), request.args.get("Signature", "")
        packed = None
        if expires.isdecimal():
            packed = self.api.batches.download(batch_id, expires, signature)
        if packed is None:
            return Response(ACCESS_DENIED, 403, content_type="application/xml")
        return Response(packed, content_type="application/x-gzip")

    def _refused(self) -> Response:
        if self.state.gate.refuses_with_body():
            return self._problem(too_many())
        return Response(b"", 429)

    def _work(self, path: str, query: dict[str, str], body: Any, fault: Fault | None) -> Response:
        if fault is not None and fault.kind in REFUSALS:
            return self._fault(fault)
        if fault is not None and fault.kind == "stall":
            time.sleep(fault.seconds)
        response = self._handle(path, query, body)
        if fault is not None and fault.kind == "slow":
            time.sleep(fault.seconds)
        return response

    def _handle(self, path: str, query: dict[str, str], body: Any) -> Response:
        try:
            self._check_key()
            wanted = TRIGGERED.get(request.headers.get("X-Trigger-Error", ""))
            if wanted is not None:
                raise wanted
            # The official client sends `null` where it has no body; the real API takes it.
            if body is None and request.get_data().strip() not in (b"", b"null"):
                raise Problem(400, "JSON Parse Exception", "We encountered an error parsing JSON.")
            call = Call(
                state=self.state,
                method=self._method(),
                path=path,
                query=query,
                body=body,
                base_url=request.host_url.rstrip("/"),
            )
        except Problem as problem:
            return self._problem(problem)
        return self._respond(self.api.handle(call))

    def _method(self) -> str:
        override = request.headers.get("X-HTTP-Method-Override")
        if override is None:
            return request.method
        if request.method != "POST":
            raise Problem(422, "InvalidMethodOverride", "Only POST can be overridden.")
        return override.upper()

    def _key(self) -> str:
        given = request.authorization
        key = given and (given.token if given.type == "bearer" else given.password)
        return key or ""

    def _check_key(self) -> None:
        if request.authorization is None:
            detail = "Your request did not include an API key."
            raise Problem(401, "API Key Missing", detail)
        if not self.state.tokens.get(self._key()):
            detail = (
                "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            )
            raise Problem(401, "API Key Invalid", detail)

    def _fault(self, fault: Fault) -> Response:
        if fault.kind == "revoked":
            self.state.tokens[self._key()] = False
        if fault.kind == "html_502":
            return Response(BAD_GATEWAY, 502, content_type="text/html")
        refusal = REFUSALS[fault.kind]
        if isinstance(refusal, Problem):
            return self._problem(refusal)
        return Response(b"", refusal)

    def _problem(self, problem: Problem) -> Response:
        instance = self.state.next_uuid("problem")
        return self._respond((problem.status, problem.document(instance)))

    def _respond(self, answer: Answer) -> Response:
        status, document = answer
        if document is None:
            return Response(b"", status)
        kind = "json" if status < 400 else "problem+json"
        text = json.dumps(document, ensure_ascii=False)
        response = Response(text, status, content_type=f"application/{kind}; charset=utf-8")
        response.headers["X-Request-Id"] = self.state.next_uuid("request")
        return response


def _cut() -> Response:
    """Hang up without an answer, though the work is done: the client cannot know."""

    def nothing() -> Iterator[bytes]:
        raise ConnectionResetError
        yield b""

    return Response(nothing())
