"""The pages of a merchant's own segments: built with plain forms, counted before they are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from sqlmodel import select
from werkzeug.test import TestResponse

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.tables import Consent, OwnSegment, PersonProfile, SegmentMember
from tests.service.shop_rows import NOW, Merchant, login_of, merchant
from tests.service.visitor import Visitor

OFTEN = {"version": 1, "who": {"all": [{"feature": "frequency", "is": "at_least", "value": 3}]}}
DEEP = {"version": 1, "who": {"not": {"not": {"feature": "recency", "is": "at_least", "value": 9}}}}
#: The page's fields for: bought at least five times, and is not due for suits.
TYPED = {
    "name": "Regulars", "joint": "all", "0.joint": "all",
    "0.0.feature": "frequency", "0.0.low": "5", "0.0.high": "", "x.joint": "any",
    "x.0.feature": "due_state", "x.0.need": "suits", "x.0.words": ["soon", "now"],
}  # fmt: skip
HTMX = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def still(context: Context) -> Context:
    """An installation where it is always the same moment."""
    return replace(context, clock=lambda: NOW)


@pytest.fixture
def known(still: Context) -> Merchant:
    """Three people who bought seven times; the last of them is not due for suits."""
    known = merchant(still)
    with scoped(still.engine, known.account_id) as session:
        last = session.exec(select(PersonProfile).order_by(PersonProfile.person_id)).all()[-1]  # type: ignore[arg-type]  # a mapped column
        last.frequency = 4
    return known


@pytest.fixture
def visitor(still: Context, known: Merchant) -> Visitor:
    """The merchant, logged in."""
    visitor = Visitor(create_app(still))
    visitor.log_in(known.email)
    return visitor


def kept(still: Context, known: Merchant) -> dict[str, Any]:
    """Name to document of the segments there are."""
    with scoped(still.engine, known.account_id) as session:
        rows = session.exec(select(OwnSegment)).all()
        return {row.name: row.document for row in rows if row.removed_at is None}


def people_in(still: Context, known: Merchant, own_id: int) -> int:
    with scoped(still.engine, known.account_id) as session:
        members = select(SegmentMember).where(SegmentMember.segment == f"own:{own_id}")
        return len(session.exec(members).all())


def fields(page: TestResponse) -> dict[str, str]:
    """What stands in the conditions of the form."""
    inputs = re.findall(r'name="(\w\.\d[^"]*)" value="([^"]*)"', page.text)
    return {name: value for name, value in inputs if not name.endswith(".words")}


def counted(visitor: Visitor, document: Mapping[str, Any] | str) -> TestResponse:
    """Ask for a count as a program does, with the token of the page in a header."""
    body = document if isinstance(document, str) else json.dumps(document)
    return visitor.client.post(
        "/own/count", data=body, content_type="application/json",
        headers={"X-CSRFToken": visitor._token},
    )  # fmt: skip


def test_a_segment_is_built_with_buttons_counted_kept_and_changed_without_any_script(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    page = visitor.get("/own/new")
    assert "Days since the last purchase" in page.text
    page = visitor.post("/own/form", {"name": "Regulars", "0.joint": "all", "0.add": "frequency",
                                      "do": "add.0"})  # fmt: skip
    assert fields(page) == {"0.0.feature": "frequency", "0.0.low": "", "0.0.high": ""}
    assert 'value="Regulars"' in page.text
    page = visitor.post("/own/count", {**TYPED, "x.0.words": ["late"]})
    assert "2</p>" in page.text
    assert "people today, 1 of them can get it in Mailchimp" in page.text
    assert "Ada0 Lovelace" in page.text
    assert "(7); not due for suits: late." in page.text
    assert fields(page)["0.0.low"] == "5"

    answer = visitor.post("/own", {**TYPED, "x.0.words": ["late"]})
    segment = re.fullmatch(r"/segments/own:(\d+)", answer.headers["Location"])
    assert segment is not None
    number = int(segment[1])
    assert people_in(still, known, number) == 2
    edit = visitor.get(f"/own/{number}")
    assert f"/own/{number}" in visitor.get(answer.headers["Location"]).text
    assert fields(edit) == {"0.0.feature": "frequency", "0.0.low": "5", "0.0.high": "",
                            "x.0.feature": "due_state"}  # fmt: skip
    visitor.post(f"/own/{number}", TYPED)
    assert people_in(still, known, number) == 0
    assert "Regulars" in visitor.get("/own").text
    assert set(kept(still, known)) == {"Buys often", "Regulars"}


def test_what_cannot_be_kept_is_told_and_what_was_typed_stays(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"name": " "}, "Give the segment a name."),
        ({"name": "buys OFTEN"}, "Another segment of yours has this name."),
        ({"x.0.words": ["lately"]}, "Choose at least one."),
        ({"x.0.need": "boats"}, "Not every condition is complete yet."),
        ({"0.0.low": "many"}, "Whole figures only. From 1."),
        ({"0.0.high": "2"}, "The second is not below the first."),
    ]
    for wrong, said in cases:
        answer = visitor.post("/own", {**TYPED, **wrong})
        assert (answer.status_code, said in answer.text) == (400, True), wrong
        for name in ("0.0.low", "0.0.high"):
            assert fields(answer)[name] == {**TYPED, **wrong}[name]
    answer = visitor.post("/own", {"name": "Nobody", "0.joint": "all"})
    assert "Add a condition first" in answer.text
    assert 'value="Nobody"' in answer.text
    assert set(kept(still, known)) == {"Buys often"}


def test_the_count_beside_the_form_is_a_part_of_the_page(visitor: Visitor) -> None:
    part = visitor.post("/own/count", {"0.joint": "all", "0.0.feature": "frequency",
                                       "0.0.low": "5"}, **HTMX)  # fmt: skip
    assert "<html" not in part.text
    assert "Purchases: at least 5." in part.text
    part = visitor.post("/own/count", {"0.joint": "all", "0.0.feature": "frequency"}, **HTMX)
    assert "Not every condition is complete yet." in part.text


def test_a_removed_segment_can_be_put_back_with_its_people(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    visitor.post(f"/own/{known.own_id}", {"name": "Buys often", "document": json.dumps(OFTEN)})
    assert people_in(still, known, known.own_id) == 3
    visitor.post(f"/own/{known.own_id}/remove")
    page = visitor.get("/own").text
    assert "can be put back until 9 Apr 2026" in page
    assert "No segment of your own yet." in page
    assert people_in(still, known, known.own_id) == 0
    assert visitor.get(f"/own/{known.own_id}").status_code == 404
    visitor.post(f"/own/{known.own_id}/back")
    assert people_in(still, known, known.own_id) == 3
    assert kept(still, known) == {"Buys often": OFTEN}


def test_a_document_that_no_form_can_show_is_changed_as_data(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    with scoped(still.engine, known.account_id) as session:
        session.get_one(OwnSegment, known.own_id).document = DEEP
    path = f"/own/{known.own_id}"
    assert "&#34;feature&#34;: &#34;recency&#34;" in visitor.get(path).text
    for text, said in (
        ("{", "This is no JSON document."),
        ("[" * 9_000, "This is no JSON document."),
        ('{"version": 1, "who": {"feature": "luck"}}', "who.feature: expected one of"),
    ):
        answer = visitor.post(path, {"name": "Deep", "document": text})
        assert (answer.status_code, said in answer.text) == (400, True)
    visitor.post(path, {"name": "Deep", "document": json.dumps(OFTEN)})
    assert kept(still, known) == {"Deep": OFTEN}


def test_a_need_that_the_shop_lost_is_still_there_in_the_segment_that_asked_about_it(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    boats = {"feature": "owned", "need": "boats", "is": "equals", "value": 1}
    with scoped(still.engine, known.account_id) as session:
        row = session.get_one(OwnSegment, known.own_id)
        row.document = {"version": 1, "who": {"all": [boats]}}
    page = visitor.get(f"/own/{known.own_id}").text
    assert '<option value="boats" selected>' in page
    form = {"name": "Sailors", "0.joint": "all", "0.0.feature": "owned", "0.0.need": "boats",
            "0.0.low": "1", "0.0.high": "1"}  # fmt: skip
    assert visitor.post("/own", form).status_code == 400
    assert visitor.post(f"/own/{known.own_id}", form).status_code == 302
    assert kept(still, known) == {"Sailors": {"version": 1, "who": {"all": [boats]}}}


def test_a_program_is_answered_with_count_examples_or_every_problem(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    told = counted(visitor, {"version": 1, "who": OFTEN["who"]}).get_json()
    assert (told["as_of"], told["people"], told["in_audience"]) == ("2026-03-10", 3, 1)
    assert told["meaning"] == "Purchases: at least 3."
    assert told["examples"][0] == {"person_id": known.person_id, "name": "Ada0 Lovelace",
                                   "why": "Purchases: at least 3 (7)."}  # fmt: skip
    with scoped(still.engine, known.account_id) as session:
        opted_in = session.exec(select(Consent).where(Consent.profile_id == known.profile_ids[0]))
        later = {"external_id": "k-left", "state": "denied", "at": NOW, "id": None}
        session.add(Consent(**{**opted_in.one().model_dump(), **later}))
    told = counted(visitor, OFTEN).get_json()
    assert (told["people"], told["in_audience"]) == (3, 0)
    wrong = counted(visitor, {"version": 2, "who": {"feature": "luck"}})
    assert wrong.status_code == 400
    assert [one["place"] for one in wrong.get_json()["problems"]] == ["version", "who.feature"]
    for text in ("{", "[" * 9_000, "x" * 60_000):
        assert counted(visitor, text).status_code in (400, 413)
    visitor._token = "another page's"
    assert counted(visitor, OFTEN).status_code == 400
    assert set(kept(still, known)) == {"Buys often"}


def test_the_schema_names_the_needs_of_the_shop_and_takes_what_is_kept(visitor: Visitor) -> None:
    schema = visitor.get("/own/schema.json").get_json()
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema)
    due = {"feature": "owned", "need": "suits", "is": "equals", "value": 1}
    assert checker.is_valid(OFTEN)
    assert checker.is_valid({"version": 1, "who": due})
    assert not checker.is_valid({"version": 1, "who": {**due, "need": "boats"}})


def test_brands_to_ask_for_are_those_that_people_like_and_what_was_asked_before(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    typed = {"name": "Fans", "0.joint": "all", "0.0.feature": "brand", "x.joint": "any"}
    page = visitor.post("/own/form", {**typed, "0.0.words": ["Noord"]}).text
    assert 'value="Zilte"' in page
    assert 'value="Noord" checked' in page
    visitor.post("/own", {**typed, "0.0.words": ["Zilte"]})
    asked = {"feature": "brand", "is": "one_of", "value": ["Zilte"]}
    assert kept(still, known)["Fans"] == {"version": 1, "who": {"all": [asked]}}
    assert "Brand: Zilte." in visitor.get("/own").text


def test_before_the_first_run_a_segment_can_be_made_and_says_that_people_follow(
    still: Context,
) -> None:
    login_of(still, "new@shop.example", language="nl")
    visitor = Visitor(create_app(still))
    visitor.log_in("new@shop.example")
    assert "Nog geen eigen segment." in visitor.get("/own").text
    form = {"name": "Vaak", "0.joint": "all", "0.0.feature": "frequency", "0.0.low": "3"}
    assert "Nog niets berekend." in visitor.post("/own/count", form).text
    assert visitor.post("/own", form).status_code == 302
    assert "Aankopen: minstens 3." in visitor.get("/own").text
