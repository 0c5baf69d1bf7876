"""The sandbox over HTTP: keys, gate, faults, batches, persistence, admin tools and pages."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from integration.sandbox.faults import SIMULTANEOUS
from integration.sandbox.problems import TYPE
from integration.sandbox.server import SandboxServer
from integration.sandbox.snapshot import FILE_NAME
from integration.sandbox.state import subscriber_hash
from integration.sandbox.texts import TEXTS

ADA = "ada@stipt-demo.shop"


def call(sandbox: SandboxServer, method: str, path: str, **more: Any) -> requests.Response:
    return requests.request(
        method, f"{sandbox.url}{path}", auth=("any", sandbox.key), timeout=30, **more
    )


def finished(sandbox: SandboxServer, operations: list[dict[str, Any]]) -> dict[str, Any]:
    batch = call(sandbox, "POST", "/batches", json={"operations": operations}).json()
    while batch["status"] != "finished":
        batch = call(sandbox, "GET", f"/batches/{batch['id']}").json()
    return dict(batch)


def results(packed: bytes) -> tuple[int, list[dict[str, Any]]]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        files = [tar.extractfile(entry) for entry in tar.getmembers() if entry.isfile()]
        rows = [json.load(file) for file in files if file is not None]
    return len(rows), [row for part in rows for row in part]


def patches(sandbox: SandboxServer, count: int) -> list[dict[str, Any]]:
    return [
        {
            "method": "PATCH",
            "path": f"/lists/{sandbox.list_id}/members/" + subscriber_hash(f"p{i}@stipt-demo.shop"),
            "operation_id": f"op-{i}",
            "body": json.dumps({"merge_fields": {"FNAME": f"P{i}"}}),
        }
        for i in range(count)
    ]


def test_a_key_works_as_password_and_as_bearer_until_it_is_revoked(sandbox: SandboxServer) -> None:
    bearer = {"Authorization": f"Bearer {sandbox.key}"}
    assert call(sandbox, "GET", "/ping").status_code == 200
    assert requests.get(f"{sandbox.url}/ping", headers=bearer).status_code == 200
    requests.post(f"{sandbox.root}/sandbox/tokens", json={"token": sandbox.key, "revoked": True})
    refused = requests.get(f"{sandbox.url}/ping", headers=bearer)
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert refused.json() | {"instance": "", "detail": ""} == {
        "type": TYPE,
        "title": "API Key Invalid",
        "status": 401,
        "detail": "",
        "instance": "",
    }
    assert requests.get(f"{sandbox.url}/ping").json()["title"] == "API Key Missing"


def test_the_eleventh_request_at_once_is_refused_with_and_without_a_body(
    sandbox: SandboxServer,
) -> None:
    with sandbox.state.lock:  # every handler waits for it, so ten slots stay taken
        threads = [
            threading.Thread(target=call, args=(sandbox, "GET", "/ping"))
            for _ in range(SIMULTANEOUS)
        ]
        for thread in threads:
            thread.start()
        # Whoever is refused holds no slot: ask until the ten are all in.
        answers = list[requests.Response]()
        while len(answers) < 2:
            refused = stalled(sandbox)
            if refused is not None:
                answers.append(refused)
    for thread in threads:
        thread.join()
    bodies = sorted(answer.content for answer in answers)
    assert [answer.status_code for answer in answers] == [429, 429]
    assert bodies[0] == b""
    assert json.loads(bodies[1])["title"] == "Too Many Requests"


def stalled(sandbox: SandboxServer) -> requests.Response | None:
    """None while the gate still had room (then this request took a slot and waits)."""
    try:
        return requests.get(f"{sandbox.url}/ping", auth=("u", sandbox.key), timeout=1)
    except requests.Timeout:
        return None


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("empty_429", 429, b""),
        ("empty_403", 403, b""),
        ("html_502", 502, b"<html>"),
        ("error_500", 500, b"{"),
    ],
)
def test_a_fault_strikes_as_often_and_as_late_as_asked(
    sandbox: SandboxServer, kind: str, status: int, body: bytes
) -> None:
    sandbox.fail(kind, first=2, times=2, method="GET", prefix="/lists")
    answers = [call(sandbox, "GET", "/lists") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, status, status, 200]
    assert answers[1].content.startswith(body)
    assert call(sandbox, "GET", "/ping").status_code == 200


def test_a_reset_comes_after_the_work_is_done(sandbox: SandboxServer) -> None:
    sandbox.fail("reset")
    body = {"email_address": ADA, "status": "subscribed"}
    with pytest.raises(requests.ConnectionError):
        call(sandbox, "POST", f"/lists/{sandbox.list_id}/members", json=body)
    assert sandbox.audience.find(ADA) is not None


def test_a_stalled_request_is_still_done(sandbox: SandboxServer) -> None:
    sandbox.fail("stall", seconds=0.3)
    body = {"email_address": ADA, "status": "subscribed"}
    address = f"{sandbox.url}/lists/{sandbox.list_id}/members"
    with pytest.raises(requests.Timeout):
        requests.post(address, json=body, auth=("u", sandbox.key), timeout=0.05)
    while not sandbox.requests:
        threading.Event().wait(0.02)
    assert sandbox.audience.find(ADA) is not None


def test_an_error_can_be_asked_for_by_header(sandbox: SandboxServer) -> None:
    answer = call(sandbox, "GET", "/ping", headers={"X-Trigger-Error": "UserDisabled"})
    assert (answer.status_code, answer.json()["title"]) == (403, "User Disabled")


def test_only_a_post_may_stand_for_another_method(sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    path = f"/lists/{sandbox.list_id}/members/{subscriber_hash(ADA)}"
    header = {"X-HTTP-Method-Override": "PATCH"}
    assert call(sandbox, "GET", path, headers=header).status_code == 422
    answer = call(sandbox, "POST", path, headers=header, json={"vip": True})
    assert answer.json()["vip"] is True


def test_broken_json_is_refused(sandbox: SandboxServer) -> None:
    answer = call(sandbox, "POST", "/batches", data=b'{"operations": [NaN')
    assert answer.json()["title"] == "JSON Parse Exception"


def test_a_batch_runs_in_another_order_and_its_results_fill_several_files(
    sandbox: SandboxServer,
) -> None:
    sandbox.seed({"email": f"p{i}@stipt-demo.shop"} for i in range(29))
    batch = finished(sandbox, patches(sandbox, 30))
    assert (batch["total_operations"], batch["errored_operations"]) == (30, 1)
    files, rows = results(requests.get(batch["response_body_url"]).content)
    assert files > 1
    ids = [row["operation_id"] for row in rows]
    assert sorted(ids) == sorted(f"op-{i}" for i in range(30))
    assert ids != sorted(ids, key=lambda name: int(name[3:]))
    assert {
        json.loads(row["response"]).get("title") for row in rows if row["status_code"] > 200
    } == {"Resource Not Found"}
    assert sandbox.merge_fields("p7@stipt-demo.shop") == {"FNAME": "P7"}
    logged = [entry for entry in sandbox.requests if entry.batch == batch["id"]]
    assert len(logged) == 30
    assert {entry.method for entry in logged} == {"PATCH"}


def test_results_need_a_fresh_address_without_our_key(sandbox: SandboxServer) -> None:
    sandbox.seed([{"email": "p0@stipt-demo.shop"}])
    batch = finished(sandbox, patches(sandbox, 1))
    address = batch["response_body_url"]
    assert requests.get(address, auth=("u", sandbox.key)).status_code == 400
    sandbox.state.clock.advance(601)
    assert requests.get(address).status_code == 403
    again = call(sandbox, "GET", f"/batches/{batch['id']}").json()["response_body_url"]
    assert requests.get(again).status_code == 200
    sandbox.state.clock.advance(8 * 24 * 3600)
    assert call(sandbox, "GET", f"/batches/{batch['id']}").status_code == 404


def test_a_get_without_count_walks_the_whole_collection(sandbox: SandboxServer) -> None:
    sandbox.seed({"email": f"p{i}@stipt-demo.shop"} for i in range(25))
    operation = {"method": "GET", "path": f"/lists/{sandbox.list_id}/members"}
    batch = finished(sandbox, [operation])
    assert (batch["total_operations"], batch["finished_operations"]) == (2, 2)
    _files, rows = results(requests.get(batch["response_body_url"]).content)
    people = [m["id"] for row in rows for m in json.loads(row["response"])["members"]]
    assert len(set(people)) == 25


def test_a_held_batch_is_pending_and_can_be_cancelled(sandbox: SandboxServer) -> None:
    sandbox.seed([{"email": "p0@stipt-demo.shop"}])
    requests.post(f"{sandbox.root}/sandbox/batches", json={"running": False})
    body = {"operations": patches(sandbox, 1)}
    batch = call(sandbox, "POST", "/batches", json=body).json()
    assert batch["status"] == "pending"
    assert call(sandbox, "DELETE", f"/batches/{batch['id']}").status_code == 204
    requests.post(f"{sandbox.root}/sandbox/batches", json={"running": True})
    finished(sandbox, [])
    assert sandbox.merge_fields("p0@stipt-demo.shop") == {}


def test_single_operations_can_fail_while_the_batch_finishes(sandbox: SandboxServer) -> None:
    sandbox.seed({"email": f"p{i}@stipt-demo.shop"} for i in range(5))
    sandbox.fail("error_500", first=2, times=2, in_batches=True)
    assert finished(sandbox, patches(sandbox, 5))["errored_operations"] == 2


def test_undo_leaves_the_account_byte_for_byte_as_before(sandbox: SandboxServer) -> None:
    sandbox.seed(
        {
            "email": f"p{i}@stipt-demo.shop",
            "merge_fields": {"LNAME": "Own"},
            "tags": ["merchant's"],
        }
        for i in range(3)
    )
    before = requests.get(f"{sandbox.root}/sandbox/state").content
    path = f"/lists/{sandbox.list_id}"
    people = [f"p{i}@stipt-demo.shop" for i in range(3)]
    field = call(
        sandbox, "POST", f"{path}/merge-fields", json={"name": "Due", "type": "date", "tag": "DUE"}
    ).json()
    tag = call(
        sandbox, "POST", f"{path}/segments", json={"name": "due", "static_segment": people}
    ).json()
    member = f"{path}/members/{subscriber_hash(people[0])}"
    call(sandbox, "PATCH", member, json={"merge_fields": {"DUE": "2027-01-01", "FNAME": "New"}})
    assert requests.get(f"{sandbox.root}/sandbox/state").content != before
    call(sandbox, "PATCH", member, json={"merge_fields": {"FNAME": ""}})
    call(sandbox, "DELETE", f"{path}/segments/{tag['id']}")
    call(sandbox, "DELETE", f"{path}/merge-fields/{field['merge_id']}")
    assert requests.get(f"{sandbox.root}/sandbox/state").content == before


def test_a_restarted_sandbox_finds_its_audience_again(tmp_path: Path) -> None:
    with SandboxServer(data_dir=tmp_path) as first:
        first.add_member(ADA, tags=["loyal"], merge_fields={"FNAME": "Ada"}, language="nl")
        first.add_member("bo@stipt-demo.shop", "unsubscribed", status_by="person")
        first.act("erase", ADA)
        first.add_member("cy@stipt-demo.shop", tags=["loyal"])
        kept = first.canonical()
        call(first, "GET", "/ping")
        number = first.requests[-1].seq
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    with SandboxServer(data_dir=tmp_path) as second:
        assert second.canonical() == kept
        assert second.tags("cy@stipt-demo.shop") == {"loyal"}
        call(second, "GET", "/ping")
        assert second.requests[-1].seq == number + 1


def test_every_request_is_logged_with_body_and_status(sandbox: SandboxServer) -> None:
    path = f"/lists/{sandbox.list_id}/members"
    call(sandbox, "GET", "/ping")
    call(sandbox, "POST", path, json={"email_address": ADA, "status": "subscribed"})
    call(sandbox, "GET", "/automations", params={"count": "5"})
    answer = requests.get(f"{sandbox.root}/sandbox/requests", params={"since": 1}).json()
    told = [(r["method"], r["path"], r["query"], r["status"]) for r in answer["requests"]]
    assert told == [("POST", path, {}, 200), ("GET", "/automations", {"count": "5"}, 501)]
    assert answer["requests"][0]["body"]["status"] == "subscribed"
    assert answer["last"] == 3


def test_people_can_be_seeded_and_act(sandbox: SandboxServer) -> None:
    tools = f"{sandbox.root}/sandbox"
    rows = [{"email": ADA, "merge_fields": {"FNAME": "Ada"}, "tags": ["loyal"]}]
    assert requests.post(f"{tools}/members", json=rows).json() == {"done": 1}
    change = {"act": "change_address", "email": ADA, "to": "ada@new.shop"}
    assert requests.post(f"{tools}/acts", json=change).status_code == 200
    assert sandbox.tags("ada@new.shop") == {"loyal"}
    wrong = requests.post(f"{tools}/acts", json={"act": "dance", "email": "ada@new.shop"})
    assert wrong.status_code == 400
    renamed = {"tag": "FNAME", "new_tag": "VOORNAAM", "name": "Voornaam"}
    assert requests.patch(f"{tools}/merge-fields", json=renamed).status_code == 200
    assert sandbox.merge_fields("ada@new.shop") == {"VOORNAAM": "Ada"}
    made = requests.post(f"{tools}/audiences", json={"name": "Second"}).json()["id"]
    assert call(sandbox, "GET", "/lists").json()["total_items"] == 2
    requests.delete(f"{tools}/audiences/{made}")
    assert call(sandbox, "GET", f"/lists/{made}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("members", [{"email": ADA, "status": "asleep"}], 400),
        ("members", [{"email": ADA, "merge_fields": {"NOPE": 1}}], 400),
        ("acts", {"act": "unsubscribe", "email": "nobody@stipt-demo.shop"}, 404),
        ("acts", {"list_id": "nope", "act": "unsubscribe", "email": ADA}, 404),
        ("tokens", {}, 404),
        ("faults", {"kind": "fire"}, 400),
        ("faults", {"colour": "red"}, 400),
    ],
)
def test_the_tools_say_what_is_wrong(
    sandbox: SandboxServer, path: str, body: Any, status: int
) -> None:
    answer = requests.post(f"{sandbox.root}/sandbox/{path}", json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


def test_a_reset_sandbox_is_a_fresh_one(sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA, tags=["due"])
    sandbox.fail("empty_429", times=None)
    old = sandbox.list_id
    requests.post(f"{sandbox.root}/sandbox/reset", json={})
    assert call(sandbox, "GET", "/lists").json()["lists"][0]["id"] != old
    assert sandbox.audience.members == {}
    assert len(sandbox.requests) == 1


def test_the_tools_take_no_form_of_another_site(sandbox: SandboxServer) -> None:
    form = requests.post(f"{sandbox.root}/sandbox/reset", data={"a": "b"})
    assert form.status_code == 415
    foreign = requests.get(f"{sandbox.root}/sandbox/state", headers={"Host": "evil.test"})
    assert foreign.status_code == 400


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_marketer_finds_members_tags_fields_and_requests(
    sandbox: SandboxServer, language: str
) -> None:
    sandbox.seed(
        {"email": f"p{i}@stipt-demo.shop", "tags": ["due & late"] if i < 2 else []}
        for i in range(60)
    )
    sandbox.unsubscribe("p0@stipt-demo.shop")
    column = ["en", "nl"].index(language)

    def read(path: str, **query: str) -> str:
        answer = requests.get(f"{sandbox.root}{path}", params={"lang": language, **query})
        assert answer.status_code == 200
        assert TEXTS["banner"][column] in answer.text
        assert f'<html lang="{language}">' in answer.text
        return answer.text

    home = f"/audiences/{sandbox.list_id}"
    assert ">59<" in read("/")
    tagged = read(f"{home}/members", tag="due & late", status="unsubscribed")
    assert "p0@stipt-demo.shop" in tagged
    assert "p1@stipt-demo.shop" not in tagged
    assert "p59@stipt-demo.shop" in read(f"{home}/members", page="2")
    assert "p42@stipt-demo.shop" in read(f"{home}/members", q="P42@")
    assert TEXTS["left_unsubscribed"][column] in read(
        f"{home}/members/{subscriber_hash('p0@stipt-demo.shop')}"
    )
    assert "due &amp; late" in read(f"{home}/tags")
    assert "FNAME" in read(f"{home}/fields")
    call(sandbox, "GET", "/ping")
    assert "GET /ping" in read("/requests")
    missing = requests.get(f"{sandbox.root}{home}/members/nobody", params={"lang": language})
    assert (missing.status_code, TEXTS["not_found"][column] in missing.text) == (404, True)


def test_the_command_serves_until_it_is_told_to_stop_and_keeps_the_audience(
    tmp_path: Path,
) -> None:
    program = (
        "import pathlib, sys; from integration.sandbox.server import serve; "
        "serve(0, pathlib.Path(sys.argv[1]), ready=lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        home = process.stdout.readline().strip()
        requests.post(f"{home}sandbox/members", json=[{"email": ADA}])
        held = requests.get(f"{home}sandbox/state").json()
        process.terminate()
        assert process.wait(timeout=30) == 0
    with SandboxServer(data_dir=tmp_path) as again:
        assert json.loads(again.canonical()) == held
        assert again.tags(ADA) == set()


def test_a_file_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"format": 0}')
    with pytest.raises(ValueError, match="another version"):
        SandboxServer(data_dir=tmp_path)
