"""The sandbox's webhooks: really delivered, signed, retried, and given up at last."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from integration.sandbox import snapshot
from integration.sandbox.postman import CHECKER, WAITS_S
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import subscriber_hash
from tests.service.receiver import Receiver

ADA, BO = "ada@stipt-demo.shop", "bo@stipt-demo.shop"
EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail")


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.add_member(ADA, merge_fields={"FNAME": "Ada"})
        server.add_member(BO)
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def call(sandbox: SandboxServer, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, sandbox.url + path, json=body, auth=("u", sandbox.key))


def subscribe(sandbox: SandboxServer, receiver: Receiver, **more: Any) -> dict[str, Any]:
    body = {
        "url": receiver.url("hook"),
        "events": dict.fromkeys(EVENTS, True),
        "sources": {"user": True, "admin": True, "api": False},
        **more,
    }
    answer = call(sandbox, "POST", f"/lists/{sandbox.list_id}/webhooks", body)
    answer.raise_for_status()
    return dict(answer.json())


def member(sandbox: SandboxServer, email: str) -> str:
    return f"/lists/{sandbox.list_id}/members/{subscriber_hash(email)}"


def test_the_address_is_looked_at_before_a_hook_is_made(
    sandbox: SandboxServer, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver)
    (look,) = receiver.got
    assert (look.method, look.headers["User-Agent"], look.path) == ("GET", CHECKER, "/hook")
    receiver.looked_at = 404
    body = {"url": receiver.url("other")}
    refused = call(sandbox, "POST", f"/lists/{sandbox.list_id}/webhooks", body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "url")


def test_an_address_elsewhere_is_never_called(sandbox: SandboxServer) -> None:
    body = {"url": "https://stipt-demo.shop/hook"}
    assert call(sandbox, "POST", f"/lists/{sandbox.list_id}/webhooks", body).status_code == 400


def test_the_secret_is_shown_once(sandbox: SandboxServer, receiver: Receiver) -> None:
    made = subscribe(sandbox, receiver)
    again = call(sandbox, "GET", f"/lists/{sandbox.list_id}/webhooks/{made['id']}").json()
    assert made["signing_secret"]
    assert "signing_secret" not in again


def test_what_people_do_arrives_as_a_signed_form(
    sandbox: SandboxServer, receiver: Receiver
) -> None:
    secret = subscribe(sandbox, receiver)["signing_secret"]
    sandbox.unsubscribe(ADA)
    assert sandbox.settle()
    (post,) = receiver.posts
    assert post.headers["Content-Type"] == "application/x-www-form-urlencoded"
    form = post.form
    assert (form["type"], form["data[action]"], form["data[email]"]) == (
        "unsubscribe",
        "unsub",
        ADA,
    )
    assert form["data[merges][FNAME]"] == "Ada"
    assert datetime.fromisoformat(form["fired_at"]).tzinfo is None
    moment, given = post.headers["X-Mailchimp-Signature"].removeprefix("t=").split(",v1=")
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + post.body, "sha256").hexdigest()
    assert given == expected


def test_each_act_is_told_as_what_it_is(sandbox: SandboxServer, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    sandbox.act("edit", ADA, merge_fields={"FNAME": "Augusta"})
    sandbox.act("change_address", ADA, to="augusta@stipt-demo.shop")
    sandbox.act("bounce", BO)
    sandbox.act("unsubscribe", "augusta@stipt-demo.shop")
    sandbox.act("resubscribe", "augusta@stipt-demo.shop")
    sandbox.act("archive", "augusta@stipt-demo.shop")
    assert sandbox.settle()
    told = [
        "profile",
        "upemail",
        "cleaned",
        "unsubscribe",
        "subscribe",
        "unsubscribe",
    ]
    assert receiver.types == told
    moved = receiver.posts[1].form
    assert (moved["data[old_email]"], moved["data[new_email]"]) == (
        ADA,
        "augusta@stipt-demo.shop",
    )
    assert receiver.posts[-1].form["data[action]"] == "delete"


@pytest.mark.parametrize(("api", "told"), [(False, []), (True, ["profile", "unsubscribe"])])
def test_our_own_writes_come_back_only_when_asked_for(
    sandbox: SandboxServer, receiver: Receiver, api: bool, told: list[str]
) -> None:
    subscribe(sandbox, receiver, sources={"user": True, "admin": True, "api": api})
    call(sandbox, "PATCH", member(sandbox, ADA), {"merge_fields": {"FNAME": "A."}})
    call(sandbox, "PATCH", member(sandbox, ADA), {"status": "unsubscribed"})
    assert sandbox.settle()
    assert receiver.types == told


def test_what_nobody_asked_for_is_not_told(sandbox: SandboxServer, receiver: Receiver) -> None:
    subscribe(sandbox, receiver, events={"cleaned": True})
    sandbox.unsubscribe(ADA)
    assert sandbox.settle()
    assert receiver.posts == []


def test_a_failing_receiver_is_tried_for_75_minutes_and_then_switched_off(
    sandbox: SandboxServer, receiver: Receiver
) -> None:
    made = subscribe(sandbox, receiver)
    receiver.status = 500
    sandbox.unsubscribe(ADA)
    assert sandbox.settle()
    for number, wait in enumerate(WAITS_S, start=1):
        assert len(receiver.posts) == number
        sandbox.state.clock.advance(wait + 1)
        assert sandbox.settle()
    assert sum(WAITS_S) == 75 * 60
    assert sorted(WAITS_S) == list(WAITS_S)
    path = f"/lists/{sandbox.list_id}/webhooks/{made['id']}"
    assert call(sandbox, "GET", path).status_code == 404


def test_a_receiver_that_recovers_gets_it_later(sandbox: SandboxServer, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    receiver.status = 503
    sandbox.unsubscribe(ADA)
    assert sandbox.settle()
    receiver.status = 200
    sandbox.state.clock.advance(61)
    assert sandbox.settle()
    assert receiver.types == ["unsubscribe", "unsubscribe"]
    assert [d.state for d in sandbox.state.hooks.deliveries] == ["delivered"]


def test_410_ends_a_hook_at_once(sandbox: SandboxServer, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    receiver.status = 410
    sandbox.unsubscribe(ADA)
    assert sandbox.settle()
    sandbox.unsubscribe(BO)
    assert sandbox.settle()
    assert len(receiver.posts) == 1
    found = call(sandbox, "GET", f"/lists/{sandbox.list_id}/webhooks").json()
    assert found["webhooks"] == []


def test_messages_can_come_twice_and_in_any_order(
    sandbox: SandboxServer, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver)
    tools = f"{sandbox.root}/sandbox/webhooks"
    requests.post(tools, json={"held": True, "copies": 2}).raise_for_status()
    sandbox.unsubscribe(ADA)
    sandbox.act("resubscribe", ADA)
    assert sandbox.settle()
    assert receiver.posts == []
    requests.post(tools, json={"held": False, "order": "reversed"}).raise_for_status()
    assert sandbox.settle()
    assert receiver.types == ["subscribe", "subscribe", "unsubscribe", "unsubscribe"]


def test_a_receiver_that_hangs_holds_no_request_up(sandbox: SandboxServer) -> None:
    with Receiver() as slow:
        subscribe(sandbox, slow)
        sandbox.state.hooks.hold()
        sandbox.unsubscribe(ADA)
    sandbox.state.hooks.release()  # nobody listens there any more
    assert call(sandbox, "GET", "/ping").status_code == 200
    assert sandbox.settle()
    assert [d.tries[0][1] for d in sandbox.state.hooks.deliveries] == [0]


def test_a_finished_batch_is_told(sandbox: SandboxServer, receiver: Receiver) -> None:
    hook = {"url": receiver.url("batches")}
    call(sandbox, "POST", "/batch-webhooks", hook).raise_for_status()
    body = {"language": "nl"}
    operation = {"method": "PATCH", "path": member(sandbox, ADA), "body": json.dumps(body)}
    batch = call(sandbox, "POST", "/batches", {"operations": [operation]}).json()
    for _ in range(500):
        if call(sandbox, "GET", f"/batches/{batch['id']}").json()["status"] == "finished":
            break
        time.sleep(0.01)
    assert sandbox.settle()
    (post,) = receiver.posts
    assert post.form["type"] == "batch_operation_completed"
    assert post.form["data[id]"] == batch["id"]
    assert post.form["data[response_body_url]"].startswith(sandbox.root)


def test_an_account_has_at_most_20_batch_webhooks(
    sandbox: SandboxServer, receiver: Receiver
) -> None:
    made = [
        call(sandbox, "POST", "/batch-webhooks", {"url": receiver.url(str(n))}) for n in range(21)
    ]
    assert [answer.status_code for answer in made] == [200] * 20 + [400]


def test_hooks_survive_a_restart(sandbox: SandboxServer, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    kept = snapshot.restore(snapshot.dump(sandbox.state))
    assert kept.hooks.by_id == sandbox.state.hooks.by_id


def test_the_page_shows_hooks_and_deliveries_and_no_secret(
    sandbox: SandboxServer, receiver: Receiver
) -> None:
    made = subscribe(sandbox, receiver, url=receiver.url("hooks/very-secret"))
    sandbox.unsubscribe(ADA)
    assert sandbox.settle()
    for language, word in (("en", "delivered"), ("nl", "bezorgd")):
        page = requests.get(f"{sandbox.root}/webhooks", params={"lang": language}).text
        assert word in page
        assert made["id"] in page
        assert "very-secret" not in page
        assert made["signing_secret"] not in page
