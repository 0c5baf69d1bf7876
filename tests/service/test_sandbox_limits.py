"""What the sandbox does to its callers: faults, storm, latency, gate, and the page for all that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from integration.sandbox import batches, faults
from integration.sandbox.faults import KINDS, SIMULTANEOUS, STORMY
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import subscriber_hash
from integration.sandbox.texts import TEXTS
from tests.service.test_sandbox_wire import finished, results

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.add_member(ADA)
        yield server


def get(sandbox: SandboxServer, path: str = "/ping") -> requests.Response:
    return requests.get(f"{sandbox.url}{path}", auth=("u", sandbox.key), timeout=30)


def limits(sandbox: SandboxServer) -> dict[str, Any]:
    return dict(requests.get(f"{sandbox.root}/sandbox/limits", timeout=30).json())


def tool(sandbox: SandboxServer, path: str, body: Any) -> requests.Response:
    return requests.post(f"{sandbox.root}/sandbox/{path}", json=body, timeout=30)


@pytest.mark.parametrize(
    ("kind", "status", "has_document"),
    [
        ("too_many", 429, True),
        ("empty_429", 429, False),
        ("empty_403", 403, False),
        ("error_500", 500, True),
        ("error_503", 503, False),
        ("html_502", 502, False),
        ("revoked", 401, True),
    ],
)
def test_a_refusal_does_nothing_and_looks_like_mailchimps(
    sandbox: SandboxServer, kind: str, status: int, has_document: bool
) -> None:
    tool(sandbox, "faults", {"kind": kind})
    address = f"{sandbox.url}/lists/{sandbox.list_id}/members/{subscriber_hash(ADA)}"
    answer = requests.patch(address, json={"language": "nl"}, auth=("u", sandbox.key), timeout=30)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/problem+json") is has_document
    member = sandbox.audience.find(ADA)
    assert member is not None
    assert member.language == ""


def test_a_key_that_is_revoked_stays_revoked(sandbox: SandboxServer) -> None:
    sandbox.fail("revoked")
    assert [get(sandbox).status_code for _ in range(2)] == [401, 401]


@pytest.mark.parametrize("kind", ["slow", "stall"])
def test_a_late_answer_is_a_right_one(sandbox: SandboxServer, kind: str) -> None:
    sandbox.fail(kind, seconds=0.05)
    assert get(sandbox).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_strikes_inside_batches_too(sandbox: SandboxServer, kind: str) -> None:
    sandbox.fail(kind, in_batches=True)
    row = result(sandbox)
    worked = kind in ("stall", "slow", "reset")
    member = sandbox.audience.find(ADA)
    assert member is not None
    assert (member.language == "nl") is worked
    assert (row["status_code"] == 200) is (kind in ("stall", "slow"))


def result(sandbox: SandboxServer) -> dict[str, Any]:
    """Run a batch of one operation and return its result."""
    path = f"/lists/{sandbox.list_id}/members/{subscriber_hash(ADA)}"
    operation = {"method": "PATCH", "path": path, "body": json.dumps({"language": "nl"})}
    batch = finished(sandbox, [operation])
    _, rows = results(requests.get(batch["response_body_url"], timeout=30).content)
    return rows[0]


def test_a_storm_strikes_at_random_and_ends_by_the_clock(sandbox: SandboxServer) -> None:
    tool(sandbox, "storm", {"minutes": 30, "probability": 0.5, "seed": 7})
    seen = set[object]()
    for _ in range(60):
        try:
            seen.add(get(sandbox).status_code)
        except requests.ConnectionError:
            seen.add("reset")
    assert seen == {200, 429, 500, 502, 503, "reset"}
    tool(sandbox, "clock", {"advance_s": 31 * 60})
    assert {get(sandbox).status_code for _ in range(20)} == {200}
    assert limits(sandbox)["storm"] is None


def test_two_storms_of_one_seed_are_alike(sandbox: SandboxServer) -> None:
    def storm(seed: int) -> list[str | None]:
        until = sandbox.state.clock.now().replace(year=2100)
        blown = faults.Storm(until=until, probability=0.4, seed=seed)
        struck = [blown.strikes(in_batch=False) for _ in range(50)]
        return [fault.kind if fault else None for fault in struck]

    assert storm(1) == storm(1) != storm(2)
    assert set(storm(1)) <= {None, *STORMY}


def test_ten_operations_of_a_batch_run_at_a_time(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by the moments that each waits for, not by a watch."""
    moments: list[float] = []
    monkeypatch.setattr(batches, "pause", moments.append)
    tool(sandbox, "latency", {"operation_ms": 30})
    path = f"/lists/{sandbox.list_id}/members/{subscriber_hash(ADA)}"
    operations = [{"method": "GET", "path": path, "params": {"count": 1}}] * 25
    finished(sandbox, operations)
    after = [round((moment - moments[0]) * 1000) for moment in moments]
    assert after == [0] * 10 + [30] * 10 + [60] * 5


def test_a_call_takes_its_time_while_it_holds_its_place(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[int] = []

    def fill(_latency: faults.Latency, _began: float) -> None:
        inside.append(sandbox.state.gate.inside)

    monkeypatch.setattr(faults.Latency, "fill", fill)
    get(sandbox)
    assert inside == [1]


def test_the_gate_counts_who_came_at_once_and_whom_it_refused(sandbox: SandboxServer) -> None:
    get(sandbox)
    assert (limits(sandbox)["highest"], limits(sandbox)["refused"]) == (1, 0)
    with ExitStack() as taken:
        for _ in range(SIMULTANEOUS):
            taken.enter_context(sandbox.state.gate.slot())
        answers = [get(sandbox) for _ in range(4)]
        told = limits(sandbox)
    assert [answer.status_code for answer in answers] == [429] * 4
    assert [bool(answer.content) for answer in answers] == [True, False, True, False]
    assert (told["inside"], told["highest"], told["refused"]) == (10, 11, 4)
    requests.delete(f"{sandbox.root}/sandbox/limits", timeout=30)
    told = limits(sandbox)
    assert (told["highest"], told["refused"]) == (0, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "earthquake"}),
        ("latency", {"call_ms": -1}),
        ("latency", {"operation_ms": 1e9}),
        ("storm", {"probability": 1}),
        ("storm", {"wind": 12}),
    ],
)
def test_a_switch_that_cannot_be_is_refused(sandbox: SandboxServer, path: str, body: Any) -> None:
    assert tool(sandbox, path, body).status_code == 400


# -- the page --------------------------------------------------------------------------------------


def submit(sandbox: SandboxServer, what: str, origin: str | None = None, **form: Any) -> int:
    """Send a form of the page as a browser does; the answer's status."""
    answer = requests.post(
        f"{sandbox.root}/control/{what}",
        data=form,
        headers={"Origin": sandbox.root if origin is None else origin},
        allow_redirects=False,
        timeout=30,
    )
    return answer.status_code


def test_the_page_switches_faults_on_and_off(sandbox: SandboxServer) -> None:
    form = {"kind": "html_502", "prefix": "/lists", "times": "", "method": "GET", "first": "1"}
    assert submit(sandbox, "fault", **form) == 303
    assert [get(sandbox, "/lists").status_code for _ in range(3)] == [502] * 3
    assert TEXTS["fault_html_502"][0] in page(sandbox, "en")
    assert submit(sandbox, "fault", kind="reset", in_batches="1") == 303
    assert TEXTS["in_batches"][1] in page(sandbox, "nl")
    assert limits(sandbox)["faults"][1]["in_batches"] is True
    assert submit(sandbox, "faults-off") == 303
    assert get(sandbox, "/lists").status_code == 200


def test_the_page_moves_the_clock(sandbox: SandboxServer) -> None:
    submit(sandbox, "clock", now="2027-05-01T12:00")
    submit(sandbox, "clock", jump="a_week")
    assert sandbox.state.clock.text()[:16] == "2027-05-08T12:00"
    assert "2027-05-08" in page(sandbox, "nl")


def test_the_page_sets_latency_storm_and_keys(sandbox: SandboxServer) -> None:
    submit(sandbox, "latency", call_ms="30", operation_ms="25.5")
    submit(sandbox, "storm", minutes="5", percent="20", seed="3")
    told = limits(sandbox)
    assert (told["call_ms"], told["operation_ms"]) == (30, 25.5)
    assert told["storm"]["probability"] == 0.2
    assert "20%" in page(sandbox, "nl")
    submit(sandbox, "storm-off")
    submit(sandbox, "key", key="0", works="0")
    assert get(sandbox).status_code == 401
    assert sandbox.key not in page(sandbox, "en")
    submit(sandbox, "key", key="0", works="1")
    assert get(sandbox).status_code == 200


def test_a_value_that_cannot_be_is_said_on_the_page(sandbox: SandboxServer) -> None:
    assert submit(sandbox, "latency", call_ms="-3", operation_ms="0") == 400
    assert submit(sandbox, "clock", now="tomorrow") == 400
    assert submit(sandbox, "nonsense") == 404
    assert limits(sandbox)["call_ms"] == 0


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
def test_forms_of_other_places_are_refused(sandbox: SandboxServer, origin: str) -> None:
    assert submit(sandbox, "fault", origin=origin, kind="error_500") == 403
    assert limits(sandbox)["faults"] == []


@pytest.mark.parametrize(("language", "column"), [("en", 0), ("nl", 1)])
def test_the_page_speaks_both_languages(sandbox: SandboxServer, language: str, column: int) -> None:
    text = page(sandbox, language)
    for kind in KINDS:
        assert TEXTS[f"fault_{kind}"][column] in text
    assert "built-in" not in text
    for name in ("access", "storm_is", "latency", "connections", "an_hour"):
        assert TEXTS[name][column] in text


def page(sandbox: SandboxServer, language: str) -> str:
    return requests.get(f"{sandbox.root}/control", params={"lang": language}, timeout=30).text
