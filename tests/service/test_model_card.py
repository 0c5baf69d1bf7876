"""The card of a shop's model: what the last night did, what is offered, how much is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlmodel import col, select

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.fits import newest
from integration.reading.model import card
from integration.tables import FittedModel, PersonProfile
from integration.views.model import part_names, unit_names
from segmentation.gates import GATES
from segmentation.trial.choose import TRIALS
from segmentation.trial.verdicts import Verdict
from segmentation.value.model import REPEATERS_NEEDED
from tests.service.shop_rows import NOW, Merchant, merchant
from tests.service.visitor import Visitor

REJECTED = Verdict(
    part="dates", outcome="rejected", cases=412, people=300, told=430.2, came=412.0, loss=0.21,
    base=0.28, difference=0.053, low=0.031, high=0.075,
).to_dict()  # fmt: skip


@pytest.fixture
def still(context: Context) -> Context:
    return replace(context, clock=lambda: NOW)


@pytest.fixture
def known(still: Context) -> Merchant:
    """A merchant of whose last two nights the second was worse."""
    found = merchant(still)
    with scoped(still.engine, found.account_id) as session:
        first = session.exec(select(FittedModel)).one()
        version = {"version": first.id, "learned_on": first.as_of.isoformat()}
        few = Verdict(part="dates", outcome="untested", why="first", cases=400).to_dict()
        first.verdicts = {"dates": few | version}
        session.add(first)
        second = first.model_dump(exclude={"id", "verdicts"})
        groups = Verdict(part="groups", outcome="untested", why="same", cases=57).to_dict()
        verdicts = {"dates": REJECTED | version, "groups": groups | version}
        session.add(FittedModel(**second, verdicts=verdicts))
    return found


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("rejected: the ones before stay", "412 purchases, 430 told beforehand", "25%",
                "5.3%", "repeat purchases", "Expected orders and value", "57 people bought",
                "nothing has changed")),
        ("nl", ("afgewezen: de vorige blijven", "412 aankopen, vooraf 430 verwacht", "25%",
                "5,3%", "vervolgaankopen", "Verwachte bestellingen en waarde", "57 mensen kochten",
                "niets veranderd")),
    ],
)  # fmt: skip
def test_the_page_says_what_was_rejected_and_by_how_much_it_was_worse(
    still: Context, known: Merchant, language: str, words: tuple[str, ...]
) -> None:
    visitor = Visitor(create_app(still))
    visitor.log_in(known.email)
    visitor.post("/language", {"language": language})
    page = visitor.get("/model").text
    for word in words:
        assert word in page
    assert ("so those stay: Due dates." in visitor.get("/").text) is (language == "en")
    for place in ("/status", "/lives"):
        assert 'href="/model"' in visitor.get(place).text


def test_the_card_tells_how_much_is_missing(still: Context, known: Merchant) -> None:
    with scoped(still.engine, known.account_id) as session:
        repeaters = select(PersonProfile.id).where(
            col(PersonProfile.is_wholesale).is_(False), PersonProfile.frequency > 1
        )
        there = len(session.exec(repeaters).all())
        found = card(session)
        first, last = (row.id for row in reversed(found.history)) if found else (0, 0)
    assert found is not None
    plain = json.loads(json.dumps(found.as_json("en"), allow_nan=False))
    by_key = {row["key"]: row for row in plain["thresholds"]}
    value = by_key["value"]
    assert (value["state"], value["needed"]) == ("missing", REPEATERS_NEEDED)
    assert (value["there"], value["missing"]) == (there, REPEATERS_NEEDED - there)
    assert (by_key["groups"]["state"], by_key["business"]["of"]) == ("missing", 0)
    assert by_key["trial"]["state"] == "offered"
    assert by_key["trial"]["missing"] is None
    dates, _ = plain["models"]
    assert (plain["version"], dates["version"]) == (last, first)
    assert [row["dates"] for row in plain["history"]] == ["rejected", "untested"]


def test_there_is_no_card_before_the_first_night(still: Context, known: Merchant) -> None:
    with scoped(still.engine, known.account_id) as session:
        for row in session.exec(select(FittedModel)).all():
            session.delete(row)
        session.flush()
        assert newest(session) is None
        assert card(session) is None
    visitor = Visitor(create_app(still))
    visitor.log_in(known.email)
    assert "Nothing computed yet." in visitor.get("/model").text


def test_every_part_that_is_tried_has_a_name_on_the_page(still: Context) -> None:
    with create_app(still).test_request_context():
        assert set(part_names()) == set(TRIALS)
        assert {gate.unit for gate in GATES} <= set(unit_names())
