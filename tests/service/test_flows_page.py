"""The page and the command about flows: preview before the click, recipes with the real names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from integration.app import create_app
from integration.cli.main import main
from integration.flows.choose import HANDFUL
from integration.flows.kinds import KINDS
from integration.flows.recipes import RECIPES
from integration.security import hash_password
from integration.settings import Settings
from integration.tables import Audience, User
from integration.views import flows as view
from tests.service.flows_shop import FlowShop, flow_shop
from tests.service.shop_rows import PASSWORD
from tests.service.visitor import Visitor

ADA, BO = "ada@stipt-demo.shop", "bo@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings) -> Iterator[FlowShop]:
    with flow_shop(settings) as made:
        yield made


@dataclass
class Merchant:
    """Somebody who looks at the page of a shop."""

    shop: FlowShop
    visitor: Visitor

    def text(self) -> str:
        """The page."""
        answer = self.visitor.get("/mailchimp/flows")
        assert answer.status_code == 200
        return " ".join(answer.text.split())

    def post(self, path: str, **form: str) -> str:
        """Click something and see the page that follows."""
        answer = self.visitor.post(f"/mailchimp/flows/{path}", form)
        assert answer.status_code == 302
        return self.text()


def log_in_of(shop: FlowShop) -> None:
    """Somebody who may log in for the shop's account."""
    with shop.shop.session() as session:
        session.add(
            User(
                account_id=shop.shop.account_id,
                email="me@shop.example",
                password_hash=hash_password(PASSWORD),
                created_at=shop.days.at,
            )
        )


@pytest.fixture
def merchant(shop: FlowShop) -> Merchant:
    app: Flask = create_app(shop.shop.context)
    log_in_of(shop)
    visitor = Visitor(app)
    visitor.log_in("me@shop.example")
    return Merchant(shop, visitor)


def test_the_page_previews_and_writes_nothing(merchant: Merchant) -> None:
    merchant.shop.due(merchant.shop.member(ADA))
    merchant.shop.shop.plan()
    before = [entry for entry in merchant.shop.sandbox.requests if entry.method != "GET"]
    text = merchant.text()
    assert "1 person is in this state now and is only marked" in text
    assert "Not seen yet" in text
    after = [entry for entry in merchant.shop.sandbox.requests if entry.method != "GET"]
    assert after == before
    assert merchant.shop.all_rows() == []


def test_switched_on_by_a_click_it_is_told_and_switched_off_it_stops(merchant: Merchant) -> None:
    shop = merchant.shop
    ada = shop.member(ADA)
    text = merchant.post("due/switch", on="1")
    assert "Switch off" in text
    shop.run()
    shop.due(ada)
    assert "1 person would get one now." in merchant.text()
    shop.run()
    assert shop.told(ADA) == [("became_due", False)]
    merchant.post("due/switch", on="0")
    assert not shop.switch().is_on


def test_a_pasted_address_is_taken_or_explained(merchant: Merchant) -> None:
    text = merchant.post("due/step", address=merchant.shop.address(7, 21))
    assert "/customer-journeys/journeys/7/steps/21/actions/trigger" in text
    assert (merchant.shop.switch().journey, merchant.shop.switch().step) == (7, 21)
    text = merchant.post(
        "due/step", address="https://us1.admin.mailchimp.com/customer-journey/builder?id=7"
    )
    assert "copy the address shown there" in text
    assert merchant.shop.switch().step == 21
    merchant.post("due/step", address="")
    assert merchant.shop.switch().step is None


@pytest.mark.parametrize("days", ["0", "366", "x", ""])
def test_days_that_cannot_be_are_refused(merchant: Merchant, days: str) -> None:
    assert "Choose 1 to 365 days." in merchant.post("due/days", days=days)
    merchant.post("due/days", days="14")
    assert merchant.shop.switch().every_days == 14


def test_a_crowd_waits_for_a_click(merchant: Merchant) -> None:
    shop = merchant.shop
    persons = [shop.member(f"p{n}@stipt-demo.shop") for n in range(HANDFUL + 1)]
    shop.turn()
    shop.run()
    for person in persons:
        shop.due(person)
    shop.run()
    assert f"{HANDFUL + 1} people are new today: far more than usual." in merchant.text()
    assert "far more than usual" not in merchant.post("due/answer", tell="1")
    shop.run()
    assert {row.is_syncing for row in shop.all_rows()} == {False}


def test_recipes_name_the_tags_as_they_are_called_in_the_audience(settings: Settings) -> None:
    with flow_shop(settings, "nl") as shop:
        log_in_of(shop)
        visitor = Visitor(create_app(shop.shop.context))
        visitor.log_in("me@shop.example")
        shop.sandbox.add_member("x@stipt-demo.shop", tags=["Fase: Dreigt af te haken"])
        person = shop.member(ADA)
        shop.shop.enter(person, "stage:at-risk")
        shop.shop.push()
        text = visitor.get("/mailchimp/flows").text
        assert "Fase: Dreigt af te haken (auto)" in text
        assert "Test: Controlegroep" in text
        assert "became_due" in text


def test_the_recipe_for_what_is_due_tells_how_it_starts_ahead_of_the_date(
    merchant: Merchant,
) -> None:
    text = merchant.text()
    assert text.count("“Specific date”") == 1
    assert "7 days before" in text
    assert "Due on</code> (DUEDATE)" in text
    assert "who is overdue already does not enter this way" in text


def test_a_look_on_request_shows_the_flow_and_its_mail(merchant: Merchant) -> None:
    shop = merchant.shop
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.sandbox.add_flow("Suit again", "event", "became_due", wait_days=1)
    shop.due(ada)
    shop.run()
    shop.pass_time(days=2)
    text = merchant.post("look")
    assert "Flow is live" in text
    assert "Suit again" in text


def test_an_unknown_kind_is_not_there_and_no_audience_is_said(merchant: Merchant) -> None:
    assert merchant.visitor.post("/mailchimp/flows/bought/switch", {"on": "1"}).status_code == 404
    with merchant.shop.shop.session() as session:
        found = session.get_one(Audience, merchant.shop.shop.audience.id)
        found.disconnected_at = merchant.shop.days.at
    assert "No audience is connected yet." in merchant.text()
    assert merchant.visitor.post("/mailchimp/flows/due/switch", {"on": "1"}).status_code == 404


def test_every_kind_and_reason_has_words(merchant: Merchant) -> None:
    with merchant.visitor.client.application.test_request_context():
        assert set(view.kind_texts()) == {kind.key for kind in KINDS}
        assert set(view.recipe_texts()) == {recipe.key for recipe in RECIPES}


def test_the_command_previews_switches_and_tells(
    shop: FlowShop, settings: Settings, tmp_path: Path
) -> None:
    env = tmp_path / "stipt.env"
    env.write_text(
        (tmp_path / ".env").read_text() + f"STIPT_MAILCHIMP_URL={shop.sandbox.root}\n", "utf-8"
    )
    ada = shop.member(ADA)
    shop.due(ada)

    def stipt(*words: str) -> dict[str, object]:
        result = CliRunner().invoke(main, ["--env", str(env), "events", "--json", *words])
        assert result.exit_code == 0, result.output
        kinds = json.loads(result.stdout)["events"]
        return next(kind for kind in kinds if kind["kind"] == "due")

    shown = stipt("--dry-run", "--on", "due")
    assert (shown["on"], shown["people"], shown["marks"]) == (False, 1, True)
    assert shop.all_rows() == []
    shown = stipt("--on", "due")
    assert (shown["on"], shown["marked"], shown["people"]) == (True, 1, 0)
    assert shop.told(ADA) == [("became_due", True)]
    assert stipt("--off", "due")["on"] is False
