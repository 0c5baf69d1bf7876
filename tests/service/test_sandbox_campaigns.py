"""Campaigns of the sandbox: from draft to report, by its clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from integration.sandbox.server import SandboxServer

ADA, BO, CY = (f"{name}@stipt-demo.shop" for name in ("ada", "bo", "cy"))
SENDER = {
    "subject_line": "Time for a suit?",
    "preview_text": "Yes",
    "title": "March",
    "from_name": "Shop",
    "reply_to": "shop@stipt-demo.shop",
}
HTML = (
    "<p>*|IF:FNAME|*Dear *|FNAME|**|ELSE:|*Dear customer*|END:IF|*</p>"
    '<a href="https://stipt-demo.shop/suits">Suits</a>'
)
LATER = "2026-06-01T10:15:00+00:00"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.state.clock.set(datetime(2026, 6, 1, 8, tzinfo=UTC))
        server.state.mail.reacts = False
        server.add_member(ADA, merge_fields={"FNAME": "Ada"}, tags=["due"])
        server.add_member(BO, tags=["due"])
        server.add_member(CY, status="unsubscribed", tags=["due"])
        yield server


def call(sandbox: SandboxServer, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, sandbox.url + path, json=body, auth=("u", sandbox.key))


def draft(sandbox: SandboxServer, **changed: str) -> str:
    """A campaign that is ready for everybody with the tag."""
    segment = {"saved_segment_id": sandbox.audience.tag_ids["due"]}
    body = {
        "type": "regular",
        "recipients": {"list_id": sandbox.list_id, "segment_opts": segment},
        "settings": {**SENDER, **changed},
    }
    mail = str(call(sandbox, "POST", "/campaigns", body).json()["id"])
    assert call(sandbox, "PUT", f"/campaigns/{mail}/content", {"html": HTML}).status_code == 200
    return mail


def act(sandbox: SandboxServer, mail: str, name: str, body: Any = None) -> int:
    return call(sandbox, "POST", f"/campaigns/{mail}/actions/{name}", body).status_code


def schedule(sandbox: SandboxServer, mail: str, at: str = LATER) -> int:
    return act(sandbox, mail, "schedule", {"schedule_time": at})


def status(sandbox: SandboxServer, mail: str) -> str:
    return str(call(sandbox, "GET", f"/campaigns/{mail}").json()["status"])


def test_a_scheduled_campaign_goes_to_those_subscribed_at_that_moment(
    sandbox: SandboxServer,
) -> None:
    mail = draft(sandbox)
    assert schedule(sandbox, mail) == 204
    assert status(sandbox, mail) == "schedule"
    sandbox.unsubscribe(BO)
    sandbox.add_member("dee@stipt-demo.shop", tags=["due"])
    sandbox.state.clock.advance(3 * 3600)
    assert status(sandbox, mail) == "sent"
    sent = call(sandbox, "GET", f"/reports/{mail}/sent-to").json()["sent_to"]
    assert [row["email_address"] for row in sent] == [ADA, "dee@stipt-demo.shop"]
    assert call(sandbox, "GET", f"/reports/{mail}").json()["send_time"] == LATER


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("2026-06-01T10:10:00+00:00", id="not on a quarter"),
        pytest.param("2026-06-01T10:15:30+00:00", id="with seconds"),
        pytest.param("2026-06-01T07:15:00+00:00", id="in the past"),
        pytest.param("soon", id="no moment"),
    ],
)
def test_a_moment_that_mailchimp_does_not_take_is_refused(sandbox: SandboxServer, at: str) -> None:
    mail = draft(sandbox)
    assert schedule(sandbox, mail, at) == 400
    assert status(sandbox, mail) == "save"


def test_an_unscheduled_campaign_is_a_draft_again_and_is_not_sent(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    schedule(sandbox, mail)
    assert act(sandbox, mail, "unschedule") == 204
    sandbox.state.clock.advance(3 * 3600)
    assert status(sandbox, mail) == "save"


def test_a_state_allows_only_what_it_allows(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    assert act(sandbox, mail, "unschedule") == 400
    assert act(sandbox, mail, "cancel-send") == 405
    assert act(sandbox, mail, "pause") == 400
    schedule(sandbox, mail)
    assert schedule(sandbox, mail) == 400
    assert call(sandbox, "DELETE", f"/campaigns/{mail}").status_code == 405
    assert call(sandbox, "PUT", f"/campaigns/{mail}/content", {"html": "x"}).status_code == 400
    sandbox.state.clock.advance(3 * 3600)
    assert act(sandbox, mail, "send") == 400
    assert act(sandbox, mail, "unschedule") == 400
    assert call(sandbox, "DELETE", f"/campaigns/{mail}").status_code == 204


def test_a_campaign_under_way_can_be_cancelled_once(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    assert act(sandbox, mail, "send") == 204
    assert act(sandbox, mail, "cancel-send") == 204
    sandbox.state.clock.advance(3600)
    assert status(sandbox, mail) == "canceled"
    assert call(sandbox, "GET", f"/reports/{mail}").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "heading"),
    [
        ({"subject_line": ""}, "Subject"),
        ({"reply_to": ""}, "Reply-to"),
        ({"from_name": ""}, "From Name"),
        ({"reply_to": "shop@elsewhere.nl"}, "Domain"),
    ],
)
def test_the_checklist_names_what_is_missing_and_nothing_goes_out(
    sandbox: SandboxServer, wrong: dict[str, str], heading: str
) -> None:
    requests.post(f"{sandbox.root}/sandbox/domains", json={"domain": "elsewhere.nl", "verified": 0})
    mail = draft(sandbox, **wrong)
    checked = call(sandbox, "GET", f"/campaigns/{mail}/send-checklist").json()
    assert not checked["is_ready"]
    assert [i["heading"] for i in checked["items"] if i["type"] == "error"] == [heading]
    assert schedule(sandbox, mail) == act(sandbox, mail, "send") == 400


def test_an_empty_segment_is_not_ready(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    for email in (ADA, BO):
        sandbox.unsubscribe(email)
    checked = call(sandbox, "GET", f"/campaigns/{mail}/send-checklist").json()
    assert [i["heading"] for i in checked["items"] if i["type"] == "error"] == ["Recipients"]


def test_a_template_is_filled_by_its_sections(sandbox: SandboxServer) -> None:
    html = '<html><h1 mc:edit="head">Old</h1><div mc:edit="body"><p>Text</p></div></html>'
    template = call(sandbox, "POST", "/templates", {"name": "T", "html": html}).json()["id"]
    default = call(sandbox, "GET", f"/templates/{template}/default-content").json()
    assert default["sections"] == {"head": "Old", "body": "<p>Text</p>"}
    mail = draft(sandbox)
    body = {"template": {"id": template, "sections": {"head": "New"}}}
    call(sandbox, "PUT", f"/campaigns/{mail}/content", body)
    content = call(sandbox, "GET", f"/campaigns/{mail}/content").json()
    assert content["html"] == html.replace("Old", "New")
    assert content["plain_text"] == "New Text"


def test_a_copy_is_a_draft_of_its_own(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    copy = call(sandbox, "POST", f"/campaigns/{mail}/actions/replicate").json()
    assert (copy["status"], copy["settings"]["title"]) == ("save", "March (copy 01)")
    call(sandbox, "DELETE", f"/campaigns/{mail}")
    content = call(sandbox, "GET", f"/campaigns/{copy['id']}/content").json()
    assert content["html"] == HTML


def test_readers_acts_are_reported_when_they_happen(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    act(sandbox, mail, "send")
    sandbox.state.clock.advance(60)
    assert status(sandbox, mail) == "sent"
    tools = f"{sandbox.root}/sandbox/mail-acts"
    for name in ("open", "click", "unsubscribe"):
        body = {"campaign_id": mail, "act": name, "email": ADA}
        assert requests.post(tools, json=body).status_code == 200
    assert requests.post(tools, json={**body, "email": CY}).status_code == 404
    report = call(sandbox, "GET", f"/reports/{mail}").json()
    assert report["opens"]["unique_opens"] == report["clicks"]["clicks_total"] == 1
    assert report["unsubscribed"] == 1
    activity = call(sandbox, "GET", f"/reports/{mail}/email-activity").json()["emails"]
    acts = {row["email_address"]: [a["action"] for a in row["activity"]] for row in activity}
    assert acts == {ADA: ["open", "click"], BO: []}
    ada = sandbox.audience.find(ADA)
    assert ada is not None
    assert ada.status == "unsubscribed"


def test_readers_react_the_same_in_every_run_and_not_before_their_time() -> None:
    seen = []
    for _run in range(2):
        with SandboxServer() as sandbox:
            sandbox.state.clock.set(datetime(2026, 6, 1, 8, tzinfo=UTC))
            sandbox.seed({"email": f"a{n}@stipt-demo.shop", "tags": ["due"]} for n in range(300))
            mail = draft(sandbox)
            act(sandbox, mail, "send")
            sandbox.state.clock.advance(11)
            early = call(sandbox, "GET", f"/reports/{mail}").json()
            sandbox.state.clock.advance(4 * 86400)
            late = call(sandbox, "GET", f"/reports/{mail}").json()
            seen.append(
                [r["opens"]["unique_opens"] for r in (early, late)] + [late["unsubscribed"]]
            )
            left = sum(m.status == "unsubscribed" for m in sandbox.audience.members.values())
            assert left == late["unsubscribed"]
    assert seen[0] == seen[1]
    assert seen[0][0] == 0 < seen[0][1]


def test_who_was_reached_by_a_campaign_can_be_selected(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    act(sandbox, mail, "send")
    sandbox.state.clock.advance(60)
    sandbox.react(mail, "open", BO)
    web_id = sandbox.state.mail.campaigns[mail].web_id
    path = f"/lists/{sandbox.list_id}/segments"
    for number, (op, value, count) in enumerate(
        [
            ("open", str(web_id), 1),
            ("noopen", str(web_id), 1),
            ("sent", "any", 2),
            ("click", "any", 0),
        ]
    ):
        asked = {"condition_type": "Aim", "field": "aim", "op": op, "value": value}
        body = {"name": f"s{number}", "options": {"match": "all", "conditions": [asked]}}
        assert call(sandbox, "POST", path, body).json()["member_count"] == count


def test_mail_survives_a_restart(tmp_path: Path) -> None:
    with SandboxServer(data_dir=tmp_path) as sandbox:
        sandbox.add_member(ADA, tags=["due"])
        mail = draft(sandbox)
        before = sandbox.canonical()
    with SandboxServer(data_dir=tmp_path) as sandbox:
        assert sandbox.canonical() == before
        assert schedule(sandbox, mail, "2099-01-01T10:00:00+00:00") == 204


def test_pages_show_a_campaign_as_its_reader_sees_it(sandbox: SandboxServer) -> None:
    mail = draft(sandbox)
    assert "March" in requests.get(f"{sandbox.root}/campaigns").text
    shown = requests.get(f"{sandbox.root}/campaigns/{mail}?lang=nl").text
    assert "Concepten" in shown
    assert ADA in shown
    assert CY not in shown
    key = next(key for key, m in sandbox.audience.members.items() if m.email == ADA)
    preview = requests.get(f"{sandbox.root}/campaigns/{mail}/preview?as={key}")
    assert "Dear Ada" in preview.text
    assert preview.headers["Content-Security-Policy"].startswith("sandbox;")
