"""The adapter over real HTTP: what arrives, what is understood, what never leaves."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from typing import Any

import mailchimp_marketing
import pytest
import requests
import responses

from integration.mailchimp import answers, download
from integration.mailchimp.answers import checked_id, read_results
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import (
    Compliance,
    ConsentGuard,
    Failed,
    Forbidden,
    Invalid,
    MailchimpError,
    NotAuthorized,
    NotFound,
    NotUnderstood,
    Throttled,
    Unreachable,
    WrongState,
    from_answer,
)
from integration.mailchimp.transport import server_of
from integration.sandbox.server import SandboxServer

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def mailchimp(sandbox: SandboxServer) -> Mailchimp:
    return client(sandbox)


def client(sandbox: SandboxServer, **changes: Any) -> Mailchimp:
    values: dict[str, Any] = {"token": sandbox.key, "server": "us1", "list_id": sandbox.list_id}
    values |= changes
    return Mailchimp(**values, url=sandbox.url, timeout_s=5)


@responses.activate
def test_the_official_client_returns_errors_without_a_body_as_if_they_had_succeeded() -> None:
    """Pins why the client is wrapped: a changed client is noticed here."""
    official = mailchimp_marketing.Client({"api_key": "x-us6"})
    for status in (429, 403, 500):
        responses.get("https://us6.api.mailchimp.com/3.0/ping", status=status, body=b"")
        answer = official.ping.get()
        assert isinstance(answer, requests.Response)
        assert answer.status_code == status


@responses.activate
def test_the_official_client_rewrites_the_word_server_in_ids() -> None:
    """Pins the second reason; ours refuses such an id and switches the rewriting off."""
    official = mailchimp_marketing.Client({"api_key": "x-us6"})
    responses.get("https://us6.api.mailchimp.com/3.0/lists/myus61", json={"id": "x"})
    assert official.lists.get_list("myserver1") == {"id": "x"}
    with pytest.raises(ValueError, match="cannot be sent"):
        checked_id("myserver1")


@pytest.mark.parametrize("bad", ["a/b", "", "a" * 51, "../x", "a b", "SERVER"])
def test_an_id_that_would_change_the_path_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        Mailchimp(token="x-us1", server="us1", list_id=bad)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        pytest.param("empty_429", Throttled, id="429 without a body"),
        pytest.param("empty_403", Throttled, id="403 without a body is throttling too"),
        pytest.param("html_502", Failed, id="HTML of the network in front"),
        pytest.param("error_500", Failed, id="an error of theirs"),
        pytest.param("reset", Unreachable, id="the line is cut after the work was done"),
    ],
)
def test_every_failure_is_an_error_that_may_be_tried_again(
    sandbox: SandboxServer, mailchimp: Mailchimp, kind: str, error: type[MailchimpError]
) -> None:
    sandbox.fail(kind)
    with pytest.raises(error) as caught:
        mailchimp.ping()
    assert caught.value.retryable
    mailchimp.ping()


def test_a_stalled_call_ends_and_asks_for_patience(sandbox: SandboxServer) -> None:
    hasty = Mailchimp(
        token=sandbox.key, server="us1", list_id=sandbox.list_id, url=sandbox.url, timeout_s=0.05
    )
    sandbox.fail("stall", seconds=0.5)
    with pytest.raises(Unreachable) as caught:
        hasty.ping()
    assert caught.value.retry_after_s == 60


@pytest.mark.parametrize(
    ("status", "title", "error"),
    [
        (401, "API Key Invalid", NotAuthorized),
        (403, "User Disabled", NotAuthorized),
        (403, "Forbidden", Forbidden),
        (404, "Resource Not Found", NotFound),
        (405, "Method Not Allowed", WrongState),
        (400, "Invalid Resource", Invalid),
        (400, "Member In Compliance State", Compliance),
        (400, "Forgotten Email Not Subscribed", Compliance),
        (429, "Too Many Requests", Throttled),
        (503, "", Failed),
    ],
)
def test_an_error_document_becomes_the_error_it_means(
    status: int, title: str, error: type[MailchimpError]
) -> None:
    made = from_answer(status, {"title": title, "detail": f"{ADA} is in a state"})
    assert type(made) is error
    assert made.retryable is (status >= 429)
    assert ADA not in str(made)
    assert "(address)" in str(made)


def test_a_revoked_token_asks_to_connect_again(
    sandbox: SandboxServer, mailchimp: Mailchimp
) -> None:
    sandbox.state.tokens[sandbox.key] = False
    with pytest.raises(NotAuthorized):
        mailchimp.ping()


def test_a_token_that_nobody_knows_is_not_authorized(sandbox: SandboxServer) -> None:
    with pytest.raises(NotAuthorized):
        client(sandbox, token="other-us1").ping()


def test_every_page_is_read(sandbox: SandboxServer, mailchimp: Mailchimp) -> None:
    sandbox.seed([{"email": f"p{n}@stipt-demo.shop", "status": "subscribed"} for n in range(2001)])
    assert len({member.email_key for member in mailchimp.members()}) == 2001
    assert [r.query["offset"] for r in sandbox.requests][:3] == ["0", "1000", "2000"]


def test_archived_contacts_are_read_and_seen_as_archived(
    sandbox: SandboxServer, mailchimp: Mailchimp
) -> None:
    sandbox.add_member(ADA, "archived")
    assert [member.status for member in mailchimp.members()] == ["archived"]


def test_accents_arrive_as_they_were_sent(sandbox: SandboxServer, mailchimp: Mailchimp) -> None:
    sandbox.add_member(ADA)
    mailchimp.create_field(tag="WHY", label="Größe", kind="text")
    batch = mailchimp.start_batch([mailchimp.set_fields(ADA, "1", {"WHY": "Größe – “één”"})])
    while not batch.is_finished:
        batch = mailchimp.batch(batch.id)
    assert [result.error for result in mailchimp.batch_results(batch.results_url)] == [None]
    assert sandbox.merge_fields(ADA)["WHY"] == "Größe – “één”"


def test_a_required_field_of_the_merchant_does_not_stop_ours(
    sandbox: SandboxServer, mailchimp: Mailchimp
) -> None:
    sandbox.add_member(ADA)
    next(iter(sandbox.audience.fields.values())).required = True
    mailchimp.create_field(tag="WHY", label="Why", kind="text")
    batch = mailchimp.start_batch([mailchimp.set_fields(ADA, "1", {"WHY": "x"})])
    while not batch.is_finished:
        batch = mailchimp.batch(batch.id)
    assert sandbox.merge_fields(ADA) == {"WHY": "x"}


def test_results_are_fetched_without_the_token_and_from_safe_places_only(
    mailchimp: Mailchimp,
) -> None:
    with pytest.raises(NotUnderstood, match="not safe"):
        mailchimp.batch_results("http://elsewhere.example/results.tar.gz")
    with responses.RequestsMock() as mocked:
        mocked.get("https://storage.example/results.tar.gz", body=archive([]))
        assert mailchimp.batch_results("https://storage.example/results.tar.gz") == []
        assert "Authorization" not in mocked.calls[0].request.headers


def test_results_are_fetched_from_where_the_first_address_leads_to(mailchimp: Mailchimp) -> None:
    with responses.RequestsMock() as mocked:
        there = "https://other.example/moved.tar.gz?Signature=a%2Bb%2Fc%3D"
        mocked.get("https://storage.example/r", status=302, headers={"Location": there})
        mocked.get("https://other.example/moved.tar.gz", body=archive([]))
        assert mailchimp.batch_results("https://storage.example/r") == []
        assert mocked.calls[1].request.url == there, "a signature is over the address as it came"
        assert all("Authorization" not in call.request.headers for call in mocked.calls)


@pytest.mark.parametrize(
    "leads_to",
    [
        pytest.param("http://storage.example/plain", id="not encrypted"),
        pytest.param("https://10.0.0.7/inside", id="a machine of our own network"),
        pytest.param("https://localhost/here", id="this machine"),
        pytest.param("https://[::ffff:127.0.0.1]/here", id="this machine by another name"),
    ],
)
def test_results_that_lead_to_an_unsafe_place_are_not_followed(
    mailchimp: Mailchimp, leads_to: str
) -> None:
    with responses.RequestsMock() as mocked:
        first = "https://storage.example/r"
        mocked.get(first, status=302, headers={"Location": leads_to})
        with pytest.raises(NotUnderstood, match="not safe"):
            mailchimp.batch_results(first)
        assert len(mocked.calls) == 1


def test_results_that_lead_in_a_circle_come_to_an_end(mailchimp: Mailchimp) -> None:
    with responses.RequestsMock() as mocked:
        first = "https://storage.example/r"
        mocked.get(first, status=302, headers={"Location": first})
        with pytest.raises(NotUnderstood, match="from one address to another"):
            mailchimp.batch_results(first)


def test_results_have_to_come_in_time_and_in_measure(
    mailchimp: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with responses.RequestsMock() as mocked:
        mocked.get("https://storage.example/r", body=archive([]))
        monkeypatch.setattr(download, "_LONGEST_S", -1.0)
        with pytest.raises(Unreachable, match="in time"):
            mailchimp.batch_results("https://storage.example/r")
        monkeypatch.setattr(download, "_MOST_BYTES", 10)
        with pytest.raises(NotUnderstood, match="larger"):
            mailchimp.batch_results("https://storage.example/r")


def test_results_that_unpack_to_too_much_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST_BYTES", 10)
    with pytest.raises(NotUnderstood, match="larger"):
        read_results(archive([{"a": "b" * 100}]))


def archive(*files: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        packed.addfile(tarfile.TarInfo("folder/"))
        for number, rows in enumerate(files):
            data = json.dumps(rows).encode()
            entry = tarfile.TarInfo(f"folder/{number}.json")
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def test_results_in_several_files_are_all_read_and_their_responses_parsed_twice() -> None:
    ok = {"status_code": 200, "operation_id": "1", "response": "{}"}
    lost = {
        "status_code": 404,
        "operation_id": "2",
        "response": json.dumps({"title": "Resource Not Found", "detail": ""}),
    }
    throttled = {"status_code": 403, "operation_id": "3", "response": ""}
    found = {r.operation_id: type(r.error) for r in read_results(archive([ok], [lost, throttled]))}
    assert found == {"1": type(None), "2": NotFound, "3": Throttled}


@pytest.mark.parametrize("content", [b"", b"no archive", archive([{"no": "status"}])])
def test_results_that_cannot_be_read_say_so(content: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_results(content)


def test_the_guard_stands_before_the_official_client_too(
    sandbox: SandboxServer, mailchimp: Mailchimp
) -> None:
    before = len(sandbox.requests)
    official = mailchimp.official.lists
    for call in (
        lambda: official.set_list_member(sandbox.list_id, "0" * 32, {"status_if_new": "pending"}),
        lambda: official.add_list_member(sandbox.list_id, {"email_address": ADA}),
        lambda: official.batch_list_members(sandbox.list_id, {"members": []}),
        lambda: official.delete_list_member(sandbox.list_id, "0" * 32),
        lambda: official.update_list_member(sandbox.list_id, "0" * 32, {"status": "subscribed"}),
        lambda: mailchimp.official.batches.start({"operations": [{"method": "DELETE"}]}),
    ):
        with pytest.raises(ConsentGuard):
            mailchimp.call(call)
    assert len(sandbox.requests) == before


def test_a_number_that_is_none_is_never_sent(mailchimp: Mailchimp) -> None:
    with pytest.raises(ValueError, match="JSON"):
        mailchimp.set_fields(ADA, "1", {"WHY": float("nan")})  # type: ignore[dict-item]  # the point


def test_nothing_is_logged_that_names_somebody(
    sandbox: SandboxServer, mailchimp: Mailchimp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tag = mailchimp.create_tag("Stage: New")
    mailchimp.change_tag(tag, add=[ADA], remove=[])
    sandbox.fail("error_500")
    with pytest.raises(Failed):
        mailchimp.change_tag(tag, add=[ADA], remove=[])
    assert ADA not in caplog.text
    assert "Mailchimp answered 500" in caplog.text


def test_an_address_that_is_not_in_the_audience_comes_back_as_an_error(
    sandbox: SandboxServer, mailchimp: Mailchimp
) -> None:
    sandbox.add_member(ADA)
    tag = mailchimp.create_tag("Stage: New")
    refused = mailchimp.change_tag(tag, add=[ADA, "nobody@stipt-demo.shop"], remove=[])
    assert list(refused) == ["nobody@stipt-demo.shop"]


def test_the_data_centre_is_the_end_of_the_key() -> None:
    assert server_of("0123456789abcdef-us21") == "us21"
    for bad in ("0123456789abcdef", "key-", "key-us", "key-us1.evil.example/"):
        with pytest.raises(ValueError, match="data centre"):
            server_of(bad)
