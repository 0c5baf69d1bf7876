"""What a merchant sees of keeping in step: the switch, why a plan waits, what the night found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from integration.app import create_app
from integration.audience.undo import make_undo, undoable
from integration.context import Context
from integration.db import scoped
from integration.tables import Audience, AudienceCheck, Plan, User, Work
from tests.service.shop_rows import NOW, Merchant, merchant
from tests.service.visitor import Visitor


@pytest.fixture
def still(context: Context) -> Context:
    return replace(context, clock=lambda: NOW)


@pytest.fixture
def known(still: Context) -> Merchant:
    return merchant(still)


@pytest.fixture
def visitor(still: Context, known: Merchant) -> Visitor:
    visitor = Visitor(create_app(still))
    visitor.log_in(known.email)
    return visitor


def in_dutch(still: Context, known: Merchant) -> None:
    with scoped(still.engine, known.account_id) as session:
        for user in session.exec(select(User)):
            user.language = "nl"


def keeps(still: Context, known: Merchant) -> bool:
    with scoped(still.engine, known.account_id) as session:
        return session.exec(select(Audience)).one().keeps_in_step


def test_the_switch_is_off_until_it_is_clicked_and_can_be_clicked_back(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    assert "Switch on" in visitor.get("/plan").text
    assert not keeps(still, known)
    assert visitor.post("/plan/keep", {"on": "1"}).status_code == 302
    assert keeps(still, known)
    assert "Switch off" in visitor.get("/plan").text
    visitor.post("/plan/keep", {"on": "0"})
    assert not keeps(still, known)


def test_nothing_can_be_switched_on_before_a_first_publication(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    with scoped(still.engine, known.account_id) as session:
        for plan in session.exec(select(Plan)):
            plan.status = "draft"
    assert "Switch on" not in visitor.get("/plan").text
    assert visitor.post("/plan/keep", {"on": "1"}).status_code == 409
    assert not keeps(still, known)


@pytest.mark.parametrize(
    ("why", "english", "dutch"),
    [
        (
            {"key": "far_more", "members": 4200, "usual": 40},
            "it concerns 4,200 contacts, and usually there are about 40.",
            "het gaat om 4.200 contacten, en gewoonlijk zijn het er ongeveer 40.",
        ),
        (
            {"key": "large_share", "members": 42, "percent": 30},
            "it concerns 42 contacts, 30% of the audience.",
            "het gaat om 42 contacten, 30% van de doelgroep.",
        ),
    ],
)
def test_a_plan_that_waits_says_why(
    still: Context,
    known: Merchant,
    visitor: Visitor,
    why: dict[str, Any],
    english: str,
    dutch: str,
) -> None:
    with scoped(still.engine, known.account_id) as session:
        plan = session.get_one(Plan, known.plan_id)
        plan.summary = {**plan.summary, "waits": why}
    assert english in visitor.get(f"/plan/{known.plan_id}").text
    in_dutch(still, known)
    assert dutch in visitor.get(f"/plan/{known.plan_id}").text


def test_after_an_undo_the_switch_says_why_it_is_off_and_can_be_clicked_on(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    with scoped(still.engine, known.account_id) as session:
        session.exec(select(Audience)).one().keeps_in_step = True
    with scoped(still.engine, known.account_id) as session:
        plan_id = undoable(session, NOW)
    assert plan_id is not None
    make_undo(still, known.account_id, plan_id)
    assert not keeps(still, known)
    assert "Off, since you took a plan back" in visitor.get("/plan").text
    visitor.post("/plan/keep", {"on": "1"})
    assert keeps(still, known)
    assert "since you took a plan back" not in visitor.get("/plan").text
    in_dutch(still, known)
    visitor.post("/plan/keep", {"on": "0"})
    assert "Uit, want je draaide een plan terug" in visitor.get("/plan").text


def found(still: Context, known: Merchant, differences: list[dict[str, Any]]) -> None:
    """A check of this night."""
    with scoped(still.engine, known.account_id) as session:
        audience = session.exec(select(Audience)).one()
        session.add(
            AudienceCheck(
                account_id=known.account_id,
                audience_id=audience.id or 0,
                result={
                    "members": {"subscribed": 40},
                    "tags": 3,
                    "fields": 2,
                    "sample": 40,
                    "differences": differences,
                    "repaired": True,
                    "requests": 45,
                },
                began_at=NOW,
                finished_at=NOW,
            )
        )


def test_a_quiet_night_is_one_line_on_the_overview(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    found(still, known, [])
    assert "All in step, checked " in visitor.get("/").text
    in_dutch(still, known)
    assert "Alles loopt gelijk, gecontroleerd " in visitor.get("/").text


def test_what_differed_is_said_exactly_and_whom_it_concerns(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    people = [known.person_id]
    tag = {"what": "tag", "name": "Stage: New", "here": 3, "there": 2, "people": people}
    found(still, known, [tag])
    sentence = "Tag “Stage: New”: we held 3, Mailchimp has 2."
    assert sentence in visitor.get("/").text
    page = visitor.get("/mailchimp/check").text
    assert sentence in page
    assert f"/people/{known.person_id}" in page
    in_dutch(still, known)
    assert "wij hadden er 3, Mailchimp heeft er 2" in visitor.get("/mailchimp/check").text


def test_a_click_has_it_checked_once(still: Context, known: Merchant, visitor: Visitor) -> None:
    for _ in range(2):
        assert visitor.post("/mailchimp/check/start").status_code == 302
    with scoped(still.engine, known.account_id) as session:
        queued = session.exec(select(Work).where(Work.kind == "check")).all()
    assert len(queued) == 1
