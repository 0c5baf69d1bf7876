"""Pages about a person's rights, and the control group on the plan page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlmodel import SQLModel, select

from integration.app import create_app
from integration.audience import restraint
from integration.db import unscoped
from integration.privacy import erase, removal
from integration.privacy.subject import Subject, people_of
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, Erasure, Person, User, Work
from integration.views import privacy
from integration.work.execute import run_until_idle
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.known_person import ADA, BOB, NEEDLES, fill
from tests.service.shop_rows import login_of
from tests.service.traces import found
from tests.service.visitor import Visitor

OWNER = "owner@kleding.example"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings, sandbox)
    with unscoped(made.context.engine) as session:
        other = login_of(made.context, OWNER)
        session.exec(
            select(User).where(User.account_id == other)
        ).one().account_id = made.account_id
    yield made
    made.context.engine.dispose()


@pytest.fixture
def app(shop: AudienceShop) -> Flask:
    return create_app(shop.context)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in(OWNER)
    return visitor


def person(shop: AudienceShop, address: str = ADA) -> int:
    with shop.session() as session:
        return people_of(session, address)[0]


def test_forgetting_asks_first_and_says_what_goes_and_what_stays(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor
) -> None:
    ada = fill(shop, sandbox)
    assert f"/people/{ada}/forget" in visitor.get(f"/people/{ada}").text
    page = visitor.get(f"/people/{ada}/forget").text
    assert "Forget Ada Vosmaer for good?" in page
    assert f"erased for good in: {shop.audience.name}" in page
    assert "3 orders, as figures of nobody" in page
    assert person(shop) == ada, "nothing happened yet"
    answer = visitor.post(f"/people/{ada}/forget")
    assert answer.headers["Location"] == "/privacy"
    assert visitor.get(f"/people/{ada}").status_code == 404
    run_until_idle(shop.context)
    page = visitor.get("/privacy").text
    assert "orders that have no person any more: 3" in page
    assert "erased (204)" in page
    assert ADA not in page
    assert found(shop.context.engine, *NEEDLES) == set()


def test_a_receipt_can_be_downloaded_and_names_nobody(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor
) -> None:
    visitor.post(f"/people/{fill(shop, sandbox)}/forget")
    run_until_idle(shop.context)
    with shop.session() as session:
        number = session.exec(select(Erasure.id)).one()
    answer = visitor.get(f"/privacy/{number}.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    told = json.loads(answer.text)
    assert told["status"] == "done"
    assert not any(needle.lower() in answer.text.lower() for needle in NEEDLES)


def test_a_receipt_says_what_it_waits_for_and_where_to_help(
    shop: AudienceShop, visitor: Visitor
) -> None:
    with shop.session() as session:
        number = erase.start(session, shop.context, Subject(emails=(ADA,)))
    assert "Mailchimp is being told" in visitor.get("/privacy").text
    with shop.session() as session:
        receipt = session.get_one(Erasure, number)
        receipt.mailchimp = {**receipt.mailchimp, "behind": ["a lease"]}
    page = visitor.get("/privacy").text
    assert "waits until other work has ended" in page
    assert "Mailchimp is told by itself" in page
    with shop.session() as session:
        session.exec(select(Work)).one().status = "dead"
    page = visitor.get("/privacy").text
    assert "Mailchimp could not be told" in page
    assert "See why, and run it again" in page


def test_a_receipt_has_a_word_for_every_kind_of_row_that_may_go(
    shop: AudienceShop, app: Flask
) -> None:
    somebody = Subject(people=(1,), profiles=(1,), emails=(ADA,))
    with shop.session() as session, app.test_request_context():
        tables = SQLModel.metadata.sorted_tables
        kinds = {table.name for table in tables if removal.about(table, somebody) is not None}
        kinds |= removal.named(session, somebody).keys()
        assert kinds - privacy.count_names().keys() == {"shop_order"}, "orders stay"


def test_an_address_that_is_in_mailchimp_only_is_forgotten_after_a_look(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor
) -> None:
    sandbox.add_member(ADA)
    visitor.get("/privacy")
    page = visitor.post("/privacy/forget", {"email": ADA}).text
    assert f"Forget {ADA} for good?" in page
    assert sandbox.audience.find(ADA) is not None
    visitor.post("/privacy/forget/address", {"email": ADA})
    run_until_idle(shop.context)
    assert sandbox.audience.find(ADA) is None


def test_an_address_of_somebody_here_leads_to_that_person(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor
) -> None:
    ada = fill(shop, sandbox)
    answer = visitor.post("/privacy/forget", {"email": ADA.upper()})
    assert answer.headers["Location"] == f"/people/{ada}/forget"


def test_allowing_somebody_again_needs_a_reason_which_the_receipt_keeps(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor
) -> None:
    visitor.post(f"/people/{fill(shop, sandbox)}/forget")
    visitor.get("/privacy")
    assert visitor.post("/privacy/allow", {"email": ADA}).status_code == 400
    visitor.post("/privacy/allow", {"email": BOB, "reason": "asked"})
    assert "Nobody with this address was forgotten." in visitor.get("/privacy").text
    visitor.post("/privacy/allow", {"email": ADA, "reason": "came to the counter"})
    assert "came to the counter" in visitor.get("/privacy").text


def test_everything_known_is_downloaded_and_says_so_when_mailchimp_does_not_answer(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor
) -> None:
    ada = fill(shop, sandbox)
    answer = visitor.post(f"/people/{ada}/access")
    assert answer.headers["Content-Disposition"] == f"attachment; filename=person-{ada}.json"
    assert json.loads(answer.text)["mailchimp"][0]["contact"]["email_address"] == ADA
    sandbox.fail("error_503", method="GET")
    answer = visitor.post(f"/people/{ada}/access")
    assert answer.headers["Location"] == f"/people/{ada}"
    assert "Mailchimp could not be asked" in visitor.get(f"/people/{ada}").text
    with shop.session() as session:
        session.get_one(Audience, shop.audience.id).token = "no key opens this"
    visitor.post(f"/people/{ada}/access")
    assert "Mailchimp could not be asked" in visitor.get(f"/people/{ada}").text


def test_a_person_is_left_in_peace_and_mailed_again(shop: AudienceShop, visitor: Visitor) -> None:
    ada = shop.person(ADA)
    visitor.post(f"/people/{ada}/rest", {"days": "30"})
    with shop.session() as session:
        until = restraint.ask_first(session)[ada]
    today = shop.context.clock().astimezone(ZoneInfo("Europe/Amsterdam")).date()
    assert until == today + timedelta(days=30)
    assert "Left in peace until" in visitor.get(f"/people/{ada}").text
    visitor.post(f"/people/{ada}/rest", {"days": ""})
    assert "until you lift it" in visitor.get(f"/people/{ada}").text
    visitor.post(f"/people/{ada}/rest", {"days": "lift"})
    with shop.session() as session:
        assert restraint.ask_first(session) == {}
    for wrong in ("-1", "0", "soon", "99999"):
        assert visitor.post(f"/people/{ada}/rest", {"days": wrong}).status_code == 400


def test_the_control_group_is_chosen_on_the_plan_page(shop: AudienceShop, visitor: Visitor) -> None:
    shop.people([f"p{n}@stipt-demo.shop" for n in range(50)], ["stage:new"])
    page = visitor.get("/plan").text
    assert "Keep 10% aside, so we can measure what e-mail really adds" in page
    assert page.index('value="20"') < page.index("proposed")
    visitor.post("/plan/holdout", {"percent": "20"})
    assert shop.audience.holdout_percent == 20
    assert "By lot one of the 20%" in visitor.get("/segments/test:holdout").text
    assert visitor.post("/plan/holdout", {"percent": "50"}).status_code == 400


def test_nobody_reaches_another_merchants_people_and_receipts(
    shop: AudienceShop, sandbox: SandboxServer, visitor: Visitor, app: Flask
) -> None:
    ada = fill(shop, sandbox)
    visitor.post(f"/people/{person(shop, BOB)}/forget")
    with shop.session() as session:
        number = session.exec(select(Erasure.id)).one()
    login_of(shop.context, "other@kleding.example")
    stranger = Visitor(app)
    stranger.log_in("other@kleding.example")
    assert stranger.get(f"/privacy/{number}.json").status_code == 404
    assert stranger.get(f"/people/{ada}/forget").status_code == 404
    for path in ("forget", "access", "rest"):
        assert stranger.post(f"/people/{ada}/{path}").status_code == 404
    with shop.session() as session:
        assert session.get(Person, ada) is not None
