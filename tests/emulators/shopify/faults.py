"""Faults on demand: what a client must bear between us and Shopify.

===================================== =========================================================
every emulator's faults               here
===================================== =========================================================
401 mid-run                           `unauthorized`; `first` says at which request
403 with a firewall's page            `firewall`
429 with the platform's own headers   `too_many`; as GraphQL says it, `throttled`
429 bare                              `too_many_bare`
bursts of 500 and 502                 `error_500`, `error_502` with `times`
slow answers                          `slow`
truncated JSON                        `truncated`
duplicate, reordered, lost webhook,   `Hooks.switch`: "duplicate", "reorder", "drop",
wrong signature                       "wrong_signature", "tampered", "delay"
replay                                `Hooks.replay`
time zone of the shop                 `Shop.time_zone`
record deleted between pages,         `between`, with what happens in the shop as `act`
row updated during paging
empty pages                           a filter that finds nothing; an export without a file
===================================== =========================================================

Beyond these: what Shopify says of a store that is frozen or gone, an inner error, one that costs a
part of the answer (`partial`), an answer that is lost on its way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

#: A firewall's page, as shops and proxies in between serve it.
FIREWALL = "<!DOCTYPE html><html><body><h1>403 Forbidden</h1><p>Request blocked.</p></body></html>"
_JSON = "application/json"
_KEY = '{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}'

#: Kinds that answer without doing anything: status, body, headers.
REFUSALS: dict[str, tuple[int, str, dict[str, str]]] = {
    "unauthorized": (401, _KEY, {"Content-Type": _JSON}),
    "payment_required": (402, '{"errors":"Unavailable Shop"}', {"Content-Type": _JSON}),
    "firewall": (403, FIREWALL, {"Content-Type": "text/html"}),
    "no_approval": (
        403,
        '{"errors":"[API] This action requires merchant approval for read_customers scope."}',
        {"Content-Type": _JSON},
    ),
    "not_found": (404, '{"errors":"Not Found"}', {"Content-Type": _JSON}),
    "locked": (423, '{"errors":"Locked"}', {"Content-Type": _JSON}),
    "too_many": (429, '{"errors":"Too many requests"}', {"Retry-After": "2.0"}),
    "too_many_bare": (429, "", {}),
    "security": (430, '{"errors":"Security rejection"}', {"Content-Type": _JSON}),
    "error_500": (500, '{"errors":"Internal Server Error"}', {"Content-Type": _JSON}),
    "error_502": (502, "<html><body>502 Bad Gateway</body></html>", {"Content-Type": "text/html"}),
    "error_503": (503, "", {}),
    # GraphQL's own: status 200, and the error in the body.
    "internal": (
        200,
        '{"errors":[{"message":"Internal error. Looks like something went wrong on our end.\\n'
        'Request ID: 7d1f0a52-6b0f-4bd2-8f4e-emulated","extensions":'
        '{"code":"INTERNAL_SERVER_ERROR","requestId":"7d1f0a52-6b0f-4bd2-8f4e-emulated"}}]}',
        {"Content-Type": _JSON},
    ),
    "throttled": (
        200,
        '{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED","documentation":'
        '"https://shopify.dev/api/usage/rate-limits"}}],"extensions":{"cost":'
        '{"requestedQueryCost":10,"actualQueryCost":null,"throttleStatus":'
        '{"maximumAvailable":2000.0,"currentlyAvailable":0,"restoreRate":100.0}}}}',
        {"Content-Type": _JSON},
    ),
}
#: slow waits, then works; truncated works, then cuts the answer in its middle; partial works, but
#: for one object of the answer; lost works, and a proxy in between answers; between works, after a
#: test has changed the shop between two pages.
KINDS = (*REFUSALS, "slow", "truncated", "partial", "lost", "between")
_GATEWAY = (504, "<html><body>504 Gateway Time-out</body></html>", {"Content-Type": "text/html"})


@dataclass(kw_only=True)
class Fault:
    """One switch: which requests fail, how, and how often."""

    kind: str
    #: The first matching request that fails, counted from 1.
    first: int = 1
    #: How many fail; None for all from `first` on.
    times: int | None = 1
    #: A part of the path; a GraphQL query may be told by a word of its text.
    path: str = ""
    word: str = ""
    #: How long "slow" waits.
    seconds: float = 0.0
    #: What "between" does before the request is answered: delete a record, change a row.
    act: Callable[[], object] | None = None

    def strikes(self, path: str, body: str) -> bool:
        """Whether this request fails; counts it when it matches."""
        if self.path not in path or self.word not in body or self.times == 0:
            return False
        if self.first > 1:
            self.first -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The switches that are on; the oldest that matches strikes."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: str, **switches: object) -> None:
        """Switch one on; `switches` are the other fields of `Fault`."""
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        with self._lock:
            self._faults.append(Fault(kind=kind, **switches))  # type: ignore[arg-type]

    @property
    def is_calm(self) -> bool:
        """Whether everything that was switched on has struck."""
        return all(one.times == 0 for one in self._faults)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def around(
        self,
        path: str,
        body: str,
        work: Callable[[], Response],
        part: Callable[[], Response] | None = None,
    ) -> Response:
        """Return the answer of a request, which `work` gives unless a fault strikes it.

        `part` gives an answer of which Shopify could not make a part, where there is such a thing.
        """
        with self._lock:
            fault = next((one for one in self._faults if one.strikes(path, body)), None)
        if fault is None:
            return work()
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault.act is not None:
            fault.act()
        if fault.kind in REFUSALS:
            return _response(REFUSALS[fault.kind])
        response = part() if part is not None and fault.kind == "partial" else work()
        if fault.kind == "lost":
            response.close()
            return _response(_GATEWAY)
        if fault.kind == "truncated":
            # Valid HTTP: the length says how much is left.
            response.direct_passthrough = False
            whole = response.get_data()
            response.set_data(whole[: len(whole) // 2])
        return response


def _response(said: tuple[int, str, dict[str, str]]) -> Response:
    status, text, headers = said
    return Response(text, status, headers)
