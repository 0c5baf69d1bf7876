"""A store whose answers a test writes down: what the client makes of each, without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connectors.http import Http, Response
from connectors.shopify.client import API_VERSION, Client

SHOP = "dressed.myshopify.com"
TOKEN = "shpat_very-secret"


def answer(
    body: Any = None, *, status: int = 200, version: str = API_VERSION, **headers: str
) -> Response:
    """An answer; text is sent as it is, anything else as JSON."""
    raw = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    all_headers = {"x-shopify-api-version": version, **named}
    return Response(status=status, headers=all_headers, body=raw.encode())


def good(*, available: float = 1990.0, requested: float = 10.0, **data: Any) -> Response:
    """Data, and a bucket of 2,000 points that refills by 100 a second."""
    return answer({"data": data, "extensions": bucket(requested, available)})


def failed(code: str, message: str = "", *, cost: Any = None, **extensions: Any) -> Response:
    """No data, one error."""
    error = {"message": message or code, "extensions": {"code": code, **extensions}}
    return answer({"errors": [error], **({"extensions": cost} if cost else {})})


def bucket(requested: float, available: float) -> dict[str, Any]:
    """The extensions of an answer."""
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0}
    cost = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
    return {"cost": cost}


class Script(Http):
    """Answers one after the other; the last one for ever. Keeps what was sent."""

    def __init__(self, *answers: Response | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.sent: list[tuple[str, Mapping[str, str]]] = []

    def send(self, method: str, url: str, **more: Any) -> Response:
        """Stand in for the network."""
        self.sent.append((url, more.get("headers") or {}))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        return said


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


class OneToken:
    """Gives a token, and another one when forced to."""

    def __init__(self) -> None:
        self.forced = 0

    def access_token(self, *, force: bool = False) -> str:
        """Return the token of now."""
        self.forced += force
        return f"{TOKEN}-{self.forced}"


def client(script: Script, time: Time | None = None, *, reserve: float = 0.0) -> Client:
    """A client of the scripted store, on a clock of the test's."""
    clock = time or Time()
    return Client(
        SHOP,
        OneToken(),
        http=script,
        reserve=reserve,
        sleep=clock.sleep,
        clock=lambda: clock.now,
        jitter=lambda: 1.0,
    )
