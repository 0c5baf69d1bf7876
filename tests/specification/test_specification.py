"""The witness itself: it sees what is wrong, and each exception is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from integration.mailchimp.client import Mailchimp
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import subscriber_hash
from tests.specification import witness as of_the_suite
from tests.specification.document import Specification
from tests.specification.gaps import ALIASES, GAPS, Gap
from tests.specification.witness import Witness

pytestmark = pytest.mark.shared

ADA = "ada@stipt-demo.shop"
MEMBER = f"/lists/a1/members/{subscriber_hash(ADA)}"


@pytest.fixture(scope="module")
def specification(shared_specs: Path) -> Specification:
    return Specification.read(shared_specs / "mailchimp-marketing.json")


@pytest.fixture
def witness(specification: Specification) -> Witness:
    return Witness(specification)


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "said"),
    [
        pytest.param("GET", "/lists/a1/nothing", {}, None, "no such operation", id="path"),
        pytest.param("DELETE", "/ping", {}, None, "no such operation", id="method"),
        pytest.param("GET", "/lists", {"all": "1"}, None, "query.all: not a param", id="query"),
        pytest.param("GET", "/lists", {"count": "many"}, None, "query.count", id="number"),
        pytest.param("GET", "/lists", {"count": "1001"}, None, "query.count", id="too many"),
        pytest.param(
            "PATCH", MEMBER, {"skip_merge_validation": "True"}, {}, "query.skip", id="Python's flag"
        ),
        pytest.param("PATCH", MEMBER, {}, None, "needs a body", id="no body"),
        pytest.param("PATCH", MEMBER, {}, {"tags": []}, "body.tags: not listed", id="name"),
        pytest.param("PATCH", MEMBER, {}, {"language": 1}, "body.language", id="type"),
        pytest.param("GET", MEMBER, {}, {}, "has no body", id="body"),
        pytest.param(
            "PUT", MEMBER, {}, {"email_address": ADA, "status_if_new": "x"}, "status_if", id="enum"
        ),
        pytest.param(
            "POST",
            "/batches",
            {},
            {"operations": [{"method": "PATCH", "path": f"{MEMBER}?a=1", "body": "{}"}]},
            "query.a",
            id="an operation inside a batch",
        ),
    ],
)
def test_a_wrong_request_is_a_violation_that_names_its_place(
    witness: Witness, method: str, path: str, query: dict[str, str], body: Any, said: str
) -> None:
    witness.request(method, path, query, body)
    violations = witness.taken()
    assert len(violations) == 1
    assert said in violations[0]
    assert witness.taken() == []


@pytest.mark.parametrize(
    ("method", "path", "status", "document", "said"),
    [
        pytest.param("GET", "/ping", 201, {}, "201 is not listed", id="status"),
        pytest.param("GET", "/ping", 200, {"pong": True}, "answer.pong: not listed", id="name"),
        pytest.param("GET", "/ping", 200, {"health_status": 1}, "answer.health", id="type"),
        pytest.param("DELETE", MEMBER, 204, {}, "204 has no content", id="content"),
        pytest.param("GET", "/ping", 404, {"title": "x"}, "required property", id="refusal"),
        pytest.param("GET", "/nothing", 200, {}, "answered all the same", id="unknown path"),
        pytest.param(
            "GET", MEMBER, 200, {"last_changed": "yesterday"}, "answer.last_changed", id="moment"
        ),
    ],
)
def test_a_wrong_answer_is_a_violation_that_names_its_place(
    witness: Witness, method: str, path: str, status: int, document: Any, said: str
) -> None:
    witness.answer(method, path, status, document)
    assert said in "".join(witness.taken())


def test_a_word_of_a_path_goes_before_an_id(specification: Specification) -> None:
    assert specification.pattern("/lists/a1/members/0f/tags") == (
        "/lists/{list_id}/members/{subscriber_hash}/tags"
    )
    assert specification.pattern("/campaigns/a1/content") == "/campaigns/{campaign_id}/content"


def test_what_the_product_sends_and_the_sandbox_answers_is_seen(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.watch(monkeypatch)
    with SandboxServer() as sandbox:
        sandbox.add_member(ADA)
        mailchimp = _client(sandbox)
        mailchimp.create_field(tag="WHY", label="Why", kind="text")
        batch = mailchimp.start_batch([mailchimp.set_fields(ADA, "1", {"WHY": "x"})])
        while not batch.is_finished:
            batch = mailchimp.batch(batch.id)
        looks = len([entry for entry in sandbox.requests if entry.method == "GET"])
    assert witness.taken() == []
    # The field, the batch, the looks at it; and the operation inside it.
    assert witness.counts == {"requests": 3 + looks, "answers": 3 + looks, "invalid": 0}


def test_a_wrong_answer_is_seen_at_the_door_and_inside_a_batch(
    witness: Witness, suite_witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.watch(monkeypatch)
    with suite_witness.looking_away(), SandboxServer() as sandbox:
        sandbox.add_member(ADA)
        sandbox.audience.find(ADA).language = 7  # type: ignore[union-attr]  # the point
        mailchimp = _client(sandbox)
        batch = mailchimp.start_batch([mailchimp.set_fields(ADA, "1", {"FNAME": "x"})])
        while not batch.is_finished:
            batch = mailchimp.batch(batch.id)
        mailchimp.call(
            mailchimp.official.lists.get_list_member, sandbox.list_id, subscriber_hash(ADA)
        )
    assert ["answer.language" in text for text in witness.taken()] == [True, True]


def test_requests_that_a_test_writes_by_hand_are_not_held(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.watch(monkeypatch)
    with SandboxServer() as sandbox:
        requests.get(f"{sandbox.url}/lists?nonsense=1", auth=("u", sandbox.key), timeout=9)
    assert (witness.counts["requests"], witness.counts["answers"]) == (0, 1)


def _client(sandbox: SandboxServer) -> Mailchimp:
    return Mailchimp(token=sandbox.key, server="us1", list_id=sandbox.list_id, url=sandbox.url)


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_the_file_needs_each_exception(
    witness: Witness, gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = [other for other in GAPS if other is not gap]
    with monkeypatch.context() as patch:
        patch.setattr(of_the_suite, "GAPS", without)
        _see(witness, gap)
    assert witness.taken() != []
    _see(witness, gap)
    assert witness.taken() == []
    assert witness.used[gap.name] >= 1
    assert gap.reason


def _see(witness: Witness, gap: Gap) -> None:
    example = gap.example
    method, path = example["operation"]
    if "body" in example or "query" in example:
        witness.request(method, path, example.get("query", {}), example.get("body"))
    if "answer" in example:
        witness.answer(method, path, example.get("status", 200), example["answer"])


@pytest.mark.parametrize("alias", ALIASES, ids=lambda alias: " ".join(alias.operation))
def test_the_file_lacks_each_operation_that_another_stands_for(
    specification: Specification, alias: Any
) -> None:
    assert specification.operation(*alias.operation) is None
    assert specification.operation(*alias.like) is not None
    assert alias.reason
