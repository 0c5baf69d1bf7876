"""The sandbox driven by the official client: members, tags, segments, fields."""

from __future__ import annotations

import json
from typing import Any

import mailchimp_marketing
import pytest
import requests
from mailchimp_marketing.api_client import ApiClientError

from integration.sandbox.server import SandboxServer
from integration.sandbox.state import subscriber_hash

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def client(sandbox: SandboxServer) -> Any:
    made = mailchimp_marketing.Client()
    made.set_config({"api_key": sandbox.key})
    made.api_client.host = sandbox.url
    return made


def refusal(error: pytest.ExceptionInfo[ApiClientError]) -> tuple[int, str]:
    document = json.loads(error.value.text)
    return document["status"], document["title"]


def test_a_new_address_is_created_with_status_if_new(client: Any, sandbox: SandboxServer) -> None:
    body = {
        "email_address": "Ada@Stipt-demo.shop",
        "status_if_new": "subscribed",
        "merge_fields": {"FNAME": "Ada"},
    }
    made = client.lists.set_list_member(sandbox.list_id, subscriber_hash(ADA), body)
    assert (made["id"], made["status"]) == (subscriber_hash(ADA), "subscribed")
    assert made["merge_fields"]["FNAME"] == "Ada"
    assert client.lists.get_list_member(sandbox.list_id, ADA)["email_address"].startswith("Ada@")


def test_a_member_can_be_read_by_contact_id(client: Any, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    contact = client.lists.get_list_member(sandbox.list_id, subscriber_hash(ADA))["contact_id"]
    assert client.lists.get_list_member(sandbox.list_id, contact)["email_address"] == ADA


def test_a_patch_of_an_absent_member_creates_nobody(client: Any, sandbox: SandboxServer) -> None:
    with pytest.raises(ApiClientError) as error:
        client.lists.update_list_member(sandbox.list_id, subscriber_hash(ADA), {})
    assert refusal(error) == (404, "Resource Not Found")
    assert sandbox.audience.members == {}


def test_a_known_address_cannot_be_posted_again(client: Any, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    with pytest.raises(ApiClientError) as error:
        client.lists.add_list_member(
            sandbox.list_id, {"email_address": ADA, "status": "subscribed"}
        )
    assert refusal(error) == (400, "Member Exists")


@pytest.mark.parametrize(
    "email", ["ada@example.com", "no-at-sign", "two@@stipt-demo.shop", "a@nodot"]
)
def test_fake_and_broken_addresses_are_refused(
    client: Any, sandbox: SandboxServer, email: str
) -> None:
    with pytest.raises(ApiClientError) as error:
        client.lists.add_list_member(
            sandbox.list_id, {"email_address": email, "status": "subscribed"}
        )
    assert refusal(error) == (400, "Invalid Resource")


def test_a_hash_that_belongs_to_another_address_is_refused(
    client: Any, sandbox: SandboxServer
) -> None:
    body = {"email_address": ADA, "status_if_new": "subscribed"}
    with pytest.raises(ApiClientError) as error:
        client.lists.set_list_member(sandbox.list_id, subscriber_hash("eve@x.nl"), body)
    assert refusal(error)[0] == 400


def test_a_new_address_under_the_old_hash_renames_the_contact_and_keeps_its_tags(
    client: Any, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA, tags=["loyal"])
    body = {"email_address": "ada@new.shop"}
    renamed = client.lists.update_list_member(sandbox.list_id, subscriber_hash(ADA), body)
    assert renamed["id"] == subscriber_hash("ada@new.shop")
    assert sandbox.tags("ada@new.shop") == {"loyal"}
    assert sandbox.audience.find(ADA) is None


def test_archived_members_come_back_and_erased_ones_do_not(
    client: Any, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    key = subscriber_hash(ADA)
    client.lists.delete_list_member(sandbox.list_id, key)
    assert client.lists.get_list_members_info(sandbox.list_id)["total_items"] == 0
    body = {"email_address": ADA, "status_if_new": "subscribed"}
    assert client.lists.set_list_member(sandbox.list_id, key, body)["status"] == "subscribed"
    client.lists.delete_list_member_permanent(sandbox.list_id, key)
    with pytest.raises(ApiClientError) as error:
        client.lists.set_list_member(sandbox.list_id, key, body)
    assert refusal(error) == (400, "Forgotten Email Not Subscribed")


def test_members_are_paged_by_ten_and_filtered(client: Any, sandbox: SandboxServer) -> None:
    sandbox.seed({"email": f"p{i}@stipt-demo.shop"} for i in range(12))
    sandbox.unsubscribe("p3@stipt-demo.shop")
    first = client.lists.get_list_members_info(sandbox.list_id)
    assert (len(first["members"]), first["total_items"]) == (10, 12)
    rest = client.lists.get_list_members_info(sandbox.list_id, count=1000, offset=10)
    assert len(rest["members"]) == 2
    gone = client.lists.get_list_members_info(sandbox.list_id, status="unsubscribed")
    assert [m["email_address"] for m in gone["members"]] == ["p3@stipt-demo.shop"]


def test_only_members_changed_since_a_moment_are_listed(
    client: Any, sandbox: SandboxServer
) -> None:
    sandbox.seed([{"email": ADA}, {"email": "bo@stipt-demo.shop"}])
    since = sandbox.state.clock.text()
    sandbox.state.clock.advance(60)
    client.lists.update_list_member(sandbox.list_id, ADA, {"language": "nl"})
    found = client.lists.get_list_members_info(sandbox.list_id, since_last_changed=since)
    assert [m["email_address"] for m in found["members"]] == [ADA]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("count=1001", 400),
        ("count=-1", 400),
        ("fields=members&exclude_fields=total_items", 400),
        ("fields=nonsense", 400),
        ("exclude_fields=_links", 200),
        ("status=nonsense", 400),
    ],
)
def test_queries_are_checked(sandbox: SandboxServer, query: str, status: int) -> None:
    address = f"{sandbox.url}/lists/{sandbox.list_id}/members?{query}"
    assert requests.get(address, auth=("u", sandbox.key)).status_code == status


def test_dot_paths_cut_the_answer(sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    address = f"{sandbox.url}/lists/{sandbox.list_id}/members"
    answer = requests.get(
        address, params={"fields": "members.id,total_items"}, auth=("u", sandbox.key)
    )
    assert answer.json() == {"members": [{"id": subscriber_hash(ADA)}], "total_items": 1}


def test_tags_and_static_segments_are_one_thing(client: Any, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    key = subscriber_hash(ADA)
    body = {"tags": [{"name": "due", "status": "active"}], "is_syncing": True}
    client.lists.update_list_member_tags(sandbox.list_id, key, body)
    (tag,) = client.lists.tag_search(sandbox.list_id, name="DU")["tags"]
    segment = client.lists.get_segment(sandbox.list_id, str(tag["id"]))
    assert (segment["type"], segment["member_count"]) == ("static", 1)
    client.lists.delete_segment(sandbox.list_id, str(tag["id"]))
    assert client.lists.get_list_member_tags(sandbox.list_id, key)["total_items"] == 0


def test_a_static_segment_takes_500_addresses_and_names_the_absent_ones(
    client: Any, sandbox: SandboxServer
) -> None:
    people = [f"p{i}@stipt-demo.shop" for i in range(500)]
    sandbox.seed({"email": email} for email in people[:-1])
    segment = client.lists.create_segment(sandbox.list_id, {"name": "due", "static_segment": []})
    number = str(segment["id"])
    done = client.lists.batch_segment_members({"members_to_add": people}, sandbox.list_id, number)
    assert (done["total_added"], done["error_count"]) == (499, 1)
    assert done["errors"][0]["email_addresses"] == people[-1:]
    again = client.lists.batch_segment_members(
        {"members_to_add": people[:3], "members_to_remove": people[3:5]}, sandbox.list_id, number
    )
    assert (again["total_added"], again["total_removed"]) == (0, 2)
    with pytest.raises(ApiClientError) as error:
        client.lists.batch_segment_members(
            {"members_to_add": [*people, ADA]}, sandbox.list_id, number
        )
    assert refusal(error) == (400, "Invalid Resource")


def test_a_saved_segment_over_tags_is_evaluated(client: Any, sandbox: SandboxServer) -> None:
    sandbox.seed([{"email": ADA, "tags": ["due"]}, {"email": "bo@stipt-demo.shop"}])
    (tag,) = sandbox.audience.segments
    condition = {
        "condition_type": "StaticSegment",
        "field": "static_segment",
        "op": "static_not",
        "value": tag,
    }
    body = {"name": "not due", "options": {"match": "all", "conditions": [condition]}}
    saved = client.lists.create_segment(sandbox.list_id, body)
    assert saved["member_count"] == 1


def test_an_audience_holds_thirty_fields_with_tags_of_ten_characters(
    client: Any, sandbox: SandboxServer
) -> None:
    fields = client.lists
    with pytest.raises(ApiClientError):
        fields.add_list_merge_field(
            sandbox.list_id, {"name": "x", "type": "text", "tag": "ELEVENCHARS"}
        )
    named = fields.add_list_merge_field(sandbox.list_id, {"name": "x", "type": "text"})
    assert named["tag"] == "MERGE5"
    for number in range(6, 31):
        fields.add_list_merge_field(sandbox.list_id, {"name": str(number), "type": "text"})
    with pytest.raises(ApiClientError) as error:
        fields.add_list_merge_field(sandbox.list_id, {"name": "too many", "type": "text"})
    assert refusal(error) == (400, "Bad Request")


@pytest.mark.parametrize(
    ("kind", "given_value", "kept"),
    [
        ("text", "é" * 200, "é" * 127),
        ("number", "12.50", 12.5),
        ("number", "twelve", None),
        ("date", "31-12-2026", "2026-12-31"),
        ("date", "2026-02-30", None),
        ("birthday", "2/29", "02/29"),
        ("url", "stipt-demo.shop", None),
        ("zip", "1234 AB", None),
        ("address", {"addr1": "Dam 1", "city": "Amsterdam"}, None),
        ("dropdown", "blue", "blue"),
        ("dropdown", "green", None),
        ("text", None, None),
    ],
)
def test_a_value_must_fit_its_field(
    client: Any, sandbox: SandboxServer, kind: str, given_value: object, kept: object
) -> None:
    sandbox.add_member(ADA)
    body = {"name": "x", "tag": "X", "type": kind, "options": {"choices": ["blue"]}}
    client.lists.add_list_merge_field(sandbox.list_id, body)
    change = {"merge_fields": {"X": given_value}}
    if kept is None:
        with pytest.raises(ApiClientError) as error:
            client.lists.update_list_member(sandbox.list_id, ADA, change)
        assert json.loads(error.value.text)["errors"][0]["field"].endswith("X")
        assert sandbox.merge_fields(ADA) == {}
    else:
        client.lists.update_list_member(sandbox.list_id, ADA, change)
        assert sandbox.merge_fields(ADA) == {"X": kept}


@pytest.mark.parametrize("spelling", ["true", "True", "1"])
def test_a_required_field_left_blank_needs_skip_merge_validation(
    sandbox: SandboxServer, client: Any, spelling: str
) -> None:
    body = {"name": "Shoe", "type": "text", "tag": "SHOE", "required": True}
    client.lists.add_list_merge_field(sandbox.list_id, body)
    address = f"{sandbox.url}/lists/{sandbox.list_id}/members/{subscriber_hash(ADA)}"
    person = {"email_address": ADA, "status_if_new": "subscribed"}
    refused = requests.put(address, json=person, auth=("u", sandbox.key))
    assert refused.json()["errors"] == [{"field": "SHOE", "message": "Please enter a value"}]
    query = {"skip_merge_validation": spelling}
    taken = requests.put(address, json=person, params=query, auth=("u", sandbox.key))
    assert taken.status_code == 200


def test_batch_subscribe_answers_row_by_row(client: Any, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA, tags=["merchant's own"])
    rows = [
        {"email_address": "bo@stipt-demo.shop", "status": "subscribed", "tags": ["new"]},
        {"email_address": "bo@stipt-demo.shop", "status": "subscribed"},
        {"email_address": ADA, "status": "subscribed"},
        {"email_address": "eve@example.com", "status": "subscribed"},
    ]
    done = client.lists.batch_list_members(sandbox.list_id, {"members": rows})
    codes = [error["error_code"] for error in done["errors"]]
    assert codes == ["ERROR_GENERIC", "ERROR_CONTACT_EXISTS", "ERROR_GENERIC"]
    assert (done["total_created"], sandbox.tags("bo@stipt-demo.shop")) == (1, {"new"})
    body = {
        "members": [{"email_address": ADA, "tags": ["ours"]}],
        "update_existing": True,
        "sync_tags": True,
    }
    client.lists.batch_list_members(sandbox.list_id, body)
    assert sandbox.tags(ADA) == {"ours"}
    many = {"members": [{"email_address": ADA}] * 501}
    with pytest.raises(ApiClientError):
        client.lists.batch_list_members(sandbox.list_id, many)


def test_people_are_found_by_address_and_by_name(client: Any, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA, merge_fields={"FNAME": "Ada", "LNAME": "Loos"})
    exact = client.searchMembers.search(query=ADA)
    assert exact["exact_matches"]["total_items"] == 1
    assert client.searchMembers.search(query="loos")["full_search"]["total_items"] == 1


def test_what_comes_later_says_so(client: Any, sandbox: SandboxServer) -> None:
    with pytest.raises(ApiClientError) as error:
        client.automations.list()
    assert refusal(error)[0] == 501
    assert "later step" in json.loads(error.value.text)["detail"]
