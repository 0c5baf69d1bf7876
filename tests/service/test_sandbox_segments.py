"""Saved segments of the sandbox: whom conditions select."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.sandbox.server import SandboxServer

ADA, BO, CY = (f"{name}@stipt-demo.shop" for name in ("ada", "bo", "cy"))


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        for body in (
            {"name": "Due", "type": "date", "tag": "DUEDATE"},
            {"name": "Style", "type": "dropdown", "tag": "STYLE", "options": {"choices": ["tie"]}},
            {"name": "Orders", "type": "number", "tag": "ORDERS"},
        ):
            call(server, "POST", f"/lists/{server.list_id}/merge-fields", body)
        server.add_member(
            ADA,
            merge_fields={"FNAME": "Ada", "DUEDATE": "2026-03-01", "STYLE": "tie", "ORDERS": 10},
            tags=["due"],
            language="nl",
        )
        server.add_member(BO, merge_fields={"DUEDATE": "2026-05-01", "ORDERS": 9}, language="en")
        server.add_member(CY)
        with server.state.lock:
            member = server.audience.find(CY)
            assert member is not None
            member.vip, member.signup["timestamp_opt"] = True, "2026-01-05T10:00:00+00:00"
        yield server


def call(sandbox: SandboxServer, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, sandbox.url + path, json=body, auth=("u", sandbox.key))


def select(sandbox: SandboxServer, *conditions: dict[str, Any], match: str = "all") -> list[str]:
    """Save a segment and read its members, whose number it tells too."""
    path = f"/lists/{sandbox.list_id}/segments"
    name = f"asked {len(sandbox.audience.segments)}"
    body = {"name": name, "options": {"match": match, "conditions": list(conditions)}}
    saved = call(sandbox, "POST", path, body).json()
    members = call(sandbox, "GET", f"{path}/{saved['id']}/members?count=100").json()["members"]
    assert saved["member_count"] == len(members)
    return [member["email_address"].split("@")[0] for member in members]


def condition(kind: str, field: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"condition_type": kind, "field": field, "op": op, **given, **more}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (condition("TextMerge", "FNAME", "is", "ada"), ["ada"]),
        (condition("TextMerge", "FNAME", "blank"), ["bo", "cy"]),
        (condition("TextMerge", "ORDERS", "greater", "9"), ["ada"]),
        (condition("TextMerge", "merge1", "starts", "A"), ["ada"]),
        (condition("DateMerge", "DUEDATE", "less", "2026-04-01"), ["ada"]),
        (condition("DateMerge", "DUEDATE", "not", "2026-05-01"), ["ada", "cy"]),
        (condition("SelectMerge", "STYLE", "is", "tie"), ["ada"]),
        (condition("Date", "timestamp_opt", "less", "date", extra="2026-02-01"), ["cy"]),
        (condition("Date", "timestamp_opt", "blank", "date"), ["ada", "bo"]),
        (condition("Date", "info_changed", "within", "3"), ["ada", "bo", "cy"]),
        (condition("EmailAddress", "EMAIL", "ends", "@stipt-demo.shop"), ["ada", "bo", "cy"]),
        (condition("EmailAddress", "EMAIL", "contains", "bo@"), ["bo"]),
        (condition("Language", "language", "not", "nl"), ["bo", "cy"]),
        (condition("VIP", "gmonkey", "member"), ["cy"]),
        (condition("MemberRating", "rating", "less", 2), []),
    ],
    ids=lambda value: "" if isinstance(value, list) else f"{value['condition_type']} {value['op']}",
)
def test_a_condition_selects_the_members_it_describes(
    sandbox: SandboxServer, asked: dict[str, Any], found: list[str]
) -> None:
    assert select(sandbox, asked) == found


def test_all_and_any_join_conditions(sandbox: SandboxServer) -> None:
    tag = sandbox.audience.tag_ids["due"]
    due = condition("StaticSegment", "static_segment", "static_not", tag)
    dutch = condition("Language", "language", "is", "en")
    assert select(sandbox, due, dutch) == ["bo"]
    assert select(sandbox, due, dutch, match="any") == ["bo", "cy"]


def test_a_segment_follows_its_members(sandbox: SandboxServer) -> None:
    path = f"/lists/{sandbox.list_id}/segments"
    conditions = [condition("TextMerge", "FNAME", "is", "Ada")]
    body = {"name": "Adas", "options": {"match": "all", "conditions": conditions}}
    saved = call(sandbox, "POST", path, body).json()["id"]
    sandbox.unsubscribe(ADA)
    assert call(sandbox, "GET", f"{path}/{saved}").json()["member_count"] == 0


def test_what_cannot_be_known_here_is_not_guessed(sandbox: SandboxServer) -> None:
    path = f"/lists/{sandbox.list_id}/segments"
    asked = condition("SocialAge", "social_age", "is", "18-24")
    body = {"name": "young", "options": {"match": "all", "conditions": [asked]}}
    saved = call(sandbox, "POST", path, body).json()
    assert "member_count" not in saved
    assert call(sandbox, "GET", f"{path}/{saved['id']}/members").status_code == 501


@pytest.mark.parametrize(
    "wrong",
    [
        condition("TextMerge", "FNAME", "within", "3"),
        condition("TextMerge", "FNAME", "is"),
        condition("Nonsense", "x", "is", "y"),
        condition("StaticSegment", "static_segment", "static_is", "due"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(
    sandbox: SandboxServer, wrong: dict[str, Any]
) -> None:
    body = {"name": "wrong", "options": {"match": "all", "conditions": [wrong]}}
    assert call(sandbox, "POST", f"/lists/{sandbox.list_id}/segments", body).status_code == 400


def test_pages_show_segments_with_their_members(sandbox: SandboxServer) -> None:
    select(sandbox, condition("TextMerge", "FNAME", "is", "Ada"))
    at = f"{sandbox.root}/audiences/{sandbox.list_id}/segments"
    listed = requests.get(at, headers={"Accept-Language": "nl"}).text
    assert "FNAME is Ada" in listed
    saved = next(s for s in sandbox.audience.segments.values() if not s.is_static)
    shown = requests.get(f"{at}/{saved.id}").text
    assert ADA in shown
    assert BO not in shown


@pytest.fixture
def store(sandbox: SandboxServer) -> str:
    """A store in which Ada bought a suit for 300 and two shirts for 100, and Bo a shirt for 50."""
    about = {"id": "s1", "list_id": sandbox.list_id, "name": "Shop", "currency_code": "EUR"}
    call(sandbox, "POST", "/ecommerce/stores", about).raise_for_status()
    at = "/ecommerce/stores/s1"
    for key, vendor in (("suit", "Suits"), ("shirt", "Shirts")):
        variants = [{"id": key, "title": key}]
        product = {"id": key, "title": f"Navy {key}", "vendor": vendor, "variants": variants}
        call(sandbox, "POST", f"{at}/products", product).raise_for_status()
    bought = [("o1", ADA, "suit", 1, 300), ("o2", ADA, "shirt", 2, 100), ("o3", BO, "shirt", 1, 50)]
    for number, email, key, quantity, total in bought:
        who = {"id": email.split("@")[0], "email_address": email, "opt_in_status": False}
        line = {"id": "1", "product_id": key, "product_variant_id": key}
        order = {
            "id": number,
            "customer": who,
            "currency_code": "EUR",
            "order_total": total,
            "processed_at_foreign": f"2026-02-0{number[1]}T10:00:00+00:00",
            "lines": [{**line, "quantity": quantity, "price": total / quantity}],
        }
        call(sandbox, "POST", f"{at}/orders", order).raise_for_status()
    return "s1"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (condition("EcommNumber", "ecomm_orders", "is", 2), ["ada"]),
        (condition("EcommNumber", "ecomm_prod_all", "greater", 2), ["ada"]),
        (condition("EcommNumber", "ecomm_spent_avg", "less", 60), ["bo", "cy"]),
        (condition("EcommSpent", "ecomm_spent_one", "greater", 200), ["ada"]),
        (condition("EcommSpent", "ecomm_spent_all", "greater", 40), ["ada", "bo"]),
        (condition("EcommCategory", "ecomm_cat", "is", "Suits"), ["ada"]),
        (condition("EcommCategory", "ecomm_prod", "notcontain", "suit"), ["bo", "cy"]),
        (condition("EcommPurchased", "ecomm_purchased", "notmember"), ["cy"]),
        (condition("EcommStore", "ecomm_store", "is", "s1"), ["ada", "bo"]),
        (condition("Date", "ecomm_date", "is", "date", extra="2026-02-03"), ["bo"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else f"{value['field']} {value['op']}",
)
@pytest.mark.usefixtures("store")
def test_what_people_bought_selects_them(
    sandbox: SandboxServer, asked: dict[str, Any], found: list[str]
) -> None:
    assert select(sandbox, asked) == found
