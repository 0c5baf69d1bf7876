"""The sandbox's events and flows: what starts one, who is let in, and what the feed shows of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.sandbox import flows, snapshot
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import subscriber_hash

ADA, BO = "ada@stipt-demo.shop", "bo@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.add_member(ADA)
        server.add_member(BO, "unsubscribed", status_by="person")
        yield server


def call(sandbox: SandboxServer, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, sandbox.url + path, json=body, auth=("u", sandbox.key))


def member(sandbox: SandboxServer, email: str) -> str:
    return f"/lists/{sandbox.list_id}/members/{subscriber_hash(email)}"


def tell(sandbox: SandboxServer, email: str, name: str, **more: Any) -> requests.Response:
    return call(sandbox, "POST", f"{member(sandbox, email)}/events", {"name": name, **more})


def sent(sandbox: SandboxServer, email: str) -> list[str]:
    answer = call(sandbox, "GET", f"{member(sandbox, email)}/activity-feed?activity_filters=sent")
    return [row["campaign_title"] for row in answer.json()["activity"]]


def trigger(sandbox: SandboxServer, flow: flows.Flow, email: str) -> requests.Response:
    path = f"/customer-journeys/journeys/{flow.id}/steps/{flow.step}/actions/trigger"
    return call(sandbox, "POST", path, {"email_address": email})


def test_an_event_starts_the_flow_and_its_mail_stands_in_the_feed(sandbox: SandboxServer) -> None:
    sandbox.add_flow("Suit due", "event", "due_now")
    assert tell(sandbox, ADA, "due_now", properties={"thing": "Größe 52"}).status_code == 204
    assert sent(sandbox, ADA) == ["Suit due"]
    feed = call(sandbox, "GET", f"{member(sandbox, ADA)}/activity-feed").json()
    assert {row["activity_type"] for row in feed["activity"]} == {"event", "sent"}
    told = call(sandbox, "GET", f"{member(sandbox, ADA)}/events").json()
    assert told["events"][0]["properties"] == {"thing": "Größe 52"}


def test_what_is_told_of_the_past_starts_no_flow(sandbox: SandboxServer) -> None:
    sandbox.add_flow("Suit due", "event", "due_now")
    sandbox.add_flow("Tagged", "tag", "Due: Suits – now")
    tell(sandbox, ADA, "due_now", is_syncing=True)
    tags = [{"name": "Due: Suits – now", "status": "active"}]
    call(
        sandbox, "POST", f"{member(sandbox, ADA)}/tags", {"tags": tags, "is_syncing": True}
    ).raise_for_status()
    assert sent(sandbox, ADA) == []
    assert [event.is_syncing for event in sandbox.events(ADA)] == [True]


@pytest.mark.parametrize("way", ["member", "segment"])
def test_a_tag_starts_the_flow_when_it_is_new_to_the_member(
    sandbox: SandboxServer, way: str
) -> None:
    sandbox.add_flow("Tagged", "tag", "due")
    body = {"name": "Due", "static_segment": []}
    tag = call(sandbox, "POST", f"/lists/{sandbox.list_id}/segments", body).json()["id"]
    for _ in range(2):  # the second time he has it already
        if way == "member":
            tags = {"tags": [{"name": "Due", "status": "active"}]}
            call(sandbox, "POST", f"{member(sandbox, ADA)}/tags", tags)
        else:
            path = f"/lists/{sandbox.list_id}/segments/{tag}"
            call(sandbox, "POST", path, {"members_to_add": [ADA, BO]})
    assert sent(sandbox, ADA) == ["Tagged"]


def test_only_the_subscribed_get_mail_and_nobody_with_a_tag_that_is_left_out(
    sandbox: SandboxServer,
) -> None:
    sandbox.add_flow("Suit due", "event", "due_now", without=["Test: Holdout"])
    sandbox.add_member("cy@stipt-demo.shop", tags=["Test: Holdout"])
    for email in (BO, "cy@stipt-demo.shop"):
        assert tell(sandbox, email, "due_now").status_code == 204
        assert sent(sandbox, email) == []


def test_an_api_step_lets_in_at_every_call(sandbox: SandboxServer) -> None:
    flow = sandbox.add_flow("By hand", "api")
    assert [trigger(sandbox, flow, ADA).status_code for _ in range(2)] == [204, 204]
    assert sandbox.flow_mails(ADA) == ["By hand", "By hand"]
    assert [row.entered for row in sandbox.state.flows.triggers] == [True, True]


def test_an_unknown_step_is_not_found_and_a_stranger_refused(sandbox: SandboxServer) -> None:
    flow = sandbox.add_flow("By hand", "api")
    event = sandbox.add_flow("Suit due", "event", "due_now")
    assert trigger(sandbox, event, ADA).status_code == 404
    path = f"/customer-journeys/journeys/{flow.id}/steps/99/actions/trigger"
    assert call(sandbox, "POST", path, {"email_address": ADA}).status_code == 404
    assert trigger(sandbox, flow, "nobody@stipt-demo.shop").status_code == 400
    flow.is_on = False
    assert trigger(sandbox, flow, ADA).status_code == 400
    assert sandbox.state.flows.triggers == []


def test_a_buyer_leaves_a_flow_before_its_mail(sandbox: SandboxServer) -> None:
    sandbox.add_flow("Waits", "event", "due_now", exit="order", wait_days=3)
    sandbox.add_flow("Never mind", "event", "due_now", wait_days=3)
    tell(sandbox, ADA, "due_now")
    assert sent(sandbox, ADA) == []
    found = sandbox.audience.find(ADA)
    assert found is not None
    flows.bought(sandbox.state, sandbox.audience, found)
    sandbox.state.clock.advance(4 * 24 * 3600)
    assert sent(sandbox, ADA) == ["Never mind"]


def test_nobody_enters_again_before_the_flow_lets_him(sandbox: SandboxServer) -> None:
    sandbox.add_flow("Rarely", "event", "due_now", again_days=90)
    for days in (0, 89, 2):
        sandbox.state.clock.advance(days * 24 * 3600)
        tell(sandbox, ADA, "due_now")
    assert sandbox.flow_mails(ADA) == ["Rarely", "Rarely"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"name": "x"}, id="a name of one character"),
        pytest.param({"name": "x" * 31}, id="a name of 31 characters"),
        pytest.param({}, id="no name"),
        pytest.param({"name": "due_now", "properties": {"n": 3}}, id="a number"),
        pytest.param({"name": "due_now", "properties": []}, id="a list"),
        pytest.param({"name": "due_now", "occurred_at": "yesterday"}, id="no moment"),
        pytest.param({"name": "due_now", "is_syncing": "yes"}, id="no flag"),
    ],
)
def test_an_event_that_cannot_be_is_refused(sandbox: SandboxServer, body: dict[str, Any]) -> None:
    answer = call(sandbox, "POST", f"{member(sandbox, ADA)}/events", body)
    assert answer.status_code == 400
    assert sandbox.events(ADA) == []


def test_flows_and_events_survive_a_restart(sandbox: SandboxServer) -> None:
    flow = sandbox.add_flow("Suit due", "event", "due_now", without=["VIP"])
    api = sandbox.add_flow("By hand", "api")
    tell(sandbox, ADA, "due_now")
    trigger(sandbox, api, ADA)
    again = snapshot.restore(snapshot.dump(sandbox.state))
    assert snapshot.canonical(again) == sandbox.canonical()
    assert again.flows.by_id == {flow.id: flow, api.id: api}
    assert again.flows.triggers == sandbox.state.flows.triggers


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_pages_show_flows_and_build_one(sandbox: SandboxServer, language: str) -> None:
    url = f"{sandbox.root}/audiences/{sandbox.list_id}/flows?lang={language}"
    form = {"name": "Suit due", "start": "event", "on": "due_now", "without": "VIP, Test: Holdout"}
    assert "Suit due" in requests.post(url, data=form).text
    form = {"name": "By hand", "start": "api"}
    assert "/actions/trigger" in requests.post(url, data=form).text
    tell(sandbox, ADA, "due_now", properties={"thing": "Größe"})
    assert ADA in requests.get(url).text
    for page in ("events", f"members/{subscriber_hash(ADA)}"):
        text = requests.get(f"{sandbox.root}/audiences/{sandbox.list_id}/{page}").text
        assert "Größe" in text
    (flow, _) = sandbox.state.flows.by_id.values()
    assert flow.without == ["VIP", "Test: Holdout"]
    requests.post(f"{url.split('?')[0]}/{flow.id}/switch")
    assert not flow.is_on


def test_a_form_of_another_site_builds_nothing(sandbox: SandboxServer) -> None:
    url = f"{sandbox.root}/audiences/{sandbox.list_id}/flows"
    headers = {"Sec-Fetch-Site": "cross-site"}
    form = {"name": "x", "start": "api"}
    assert requests.post(url, data=form, headers=headers).status_code == 403
    assert sandbox.state.flows.by_id == {}


def test_an_order_in_the_shop_leads_out_of_a_flow(sandbox: SandboxServer) -> None:
    sandbox.add_flow("Waits", "event", "due_now", exit="order", wait_days=3)
    store = {"id": "s1", "list_id": sandbox.list_id, "name": "Shop", "currency_code": "EUR"}
    call(sandbox, "POST", "/ecommerce/stores", store).raise_for_status()
    product = {"id": "p1", "title": "Suit", "variants": [{"id": "v1", "title": "52"}]}
    call(sandbox, "POST", "/ecommerce/stores/s1/products", product).raise_for_status()
    tell(sandbox, ADA, "due_now")
    order = {
        "id": "o1",
        "customer": {"id": "c1", "email_address": ADA, "opt_in_status": False},
        "currency_code": "EUR",
        "order_total": 399,
        "financial_status": "paid",
        "lines": [
            {
                "id": "1",
                "product_id": "p1",
                "product_variant_id": "v1",
                "quantity": 1,
                "price": 399,
            }
        ],
    }
    call(sandbox, "POST", "/ecommerce/stores/s1/orders", order).raise_for_status()
    sandbox.state.clock.advance(4 * 24 * 3600)
    assert sent(sandbox, ADA) == []
