"""Steps of flows: the pasted address, one call a person and need, and whether a flow really ran."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlmodel import Session, delete

from integration.audience import leave, restraint
from integration.flows import live, send
from integration.flows.choose import still_holding
from integration.flows.recipes import RECIPES, Recipe
from integration.flows.switches import NotAnAddress, read_address
from integration.mailchimp import events
from integration.mailchimp.errors import NoAudience, Retryable
from integration.sandbox.flows import Flow
from integration.settings import Settings
from integration.tables import FlowLook, ToldEvent
from tests.conftest import on_both
from tests.service.flows_shop import FlowShop, flow_shop

ADA, BO = "ada@stipt-demo.shop", "bo@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings) -> Iterator[FlowShop]:
    with flow_shop(settings) as made:
        yield made


@pytest.fixture
def flow(shop: FlowShop) -> Flow:
    """A flow whose API step is tied to what is due, with everybody marked."""
    made = shop.sandbox.add_flow("By hand", "api")
    shop.turn()
    shop.run()
    shop.tie(shop.address(made.id, made.step))
    return made


def looks(shop: FlowShop) -> dict[str, FlowLook]:
    with shop.shop.session() as session:
        return live.looks(session, shop.shop.audience)


@pytest.mark.parametrize(
    "text",
    [
        "https://us6.api.mailchimp.com/3.0/customer-journeys/journeys/7/steps/21/actions/trigger",
        "  https://us6.api.mailchimp.com/3.0/customer-journeys/journeys/7/steps/21/actions/trigger\n",
        "/customer-journeys/journeys/7/steps/21/actions/trigger",
        "https://api.mailchimp.com/3.0/customer-journeys/journeys/7/steps/21",
        "curl -X POST 'https://us6.api.mailchimp.com/3.0/customer-journeys/journeys/7/steps/21"
        '/actions/trigger\' -d \'{"email_address":""}\'',
    ],
)
def test_an_address_is_read_in_every_form_in_which_mailchimp_shows_it(text: str) -> None:
    assert read_address(text) == (7, 21)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://us6.admin.mailchimp.com/customer-journey/builder?id=7", "editor"),
        ("https://us6.api.mailchimp.com/3.0/customer-journeys/journeys/7", "other"),
        ("https://us6.api.mailchimp.com/3.0/customer-journeys/journeys/x/steps/1", "other"),
        ("7", "other"),
    ],
)
def test_another_address_is_refused_with_what_to_do(text: str, why: str) -> None:
    with pytest.raises(NotAnAddress) as caught:
        read_address(text)
    assert caught.value.why == why


@on_both
def test_a_tied_step_is_called_once_for_each_need_that_is_told(shop: FlowShop, flow: Flow) -> None:
    ada = shop.member(ADA)
    shop.due(ada)
    for _ in range(3):
        shop.run()
        shop.pass_time(days=10)
    assert shop.sandbox.flow_mails(ADA) == ["By hand"]
    assert len(shop.sandbox.state.flows.triggers) == 1
    bodies = [e.body for e in shop.sandbox.requests if e.path.endswith("/trigger")]
    assert bodies == [{"email_address": ADA}]


def test_a_step_is_not_called_for_whom_was_only_marked(shop: FlowShop) -> None:
    made = shop.sandbox.add_flow("By hand", "api")
    shop.due(shop.member(ADA))
    shop.turn()
    shop.tie(shop.address(made.id, made.step))
    shop.run()
    assert shop.told(ADA) == [("became_due", True)]
    assert shop.sandbox.flow_mails(ADA) == []


@pytest.mark.parametrize("kind", ["reset", "html_502", "error_500"])
def test_a_call_whose_answer_was_lost_is_never_repeated(
    shop: FlowShop, flow: Flow, kind: str
) -> None:
    shop.due(shop.member(ADA))
    shop.sandbox.fail(kind, prefix="/customer-journeys")
    with pytest.raises(Retryable):
        shop.run()
    for _ in range(2):
        shop.pass_time(days=1)
        shop.run()
    assert len(shop.sandbox.state.flows.triggers) == (kind == "reset")
    assert [row.step_status for row in shop.all_rows()] == ["unknown"]


def test_a_call_that_mailchimp_was_too_busy_for_is_made_later(shop: FlowShop, flow: Flow) -> None:
    shop.due(shop.member(ADA))
    shop.sandbox.fail("empty_429", prefix="/customer-journeys", times=3)
    for _ in range(4):  # the client itself has some patience, and the work comes back
        with contextlib.suppress(Retryable):
            shop.run()
    assert shop.sandbox.flow_mails(ADA) == ["By hand"]


def test_a_step_that_is_gone_is_told_to_the_merchant_and_called_no_more(
    shop: FlowShop, flow: Flow
) -> None:
    shop.due(shop.member(ADA))
    shop.due(shop.member(BO))
    del shop.sandbox.state.flows.by_id[flow.id]
    shop.run()
    calls = [e for e in shop.sandbox.requests if e.path.endswith("/trigger")]
    assert (len(calls), shop.switch().step_error) == (1, "not_found")
    made = shop.sandbox.add_flow("Anew", "api")
    shop.tie(shop.address(made.id, made.step))
    assert shop.switch().step_error == ""
    shop.run()
    assert shop.sandbox.flow_mails(BO) + shop.sandbox.flow_mails(ADA) == ["Anew"]


def test_what_is_new_after_days_without_a_step_is_not_mailed_late(
    shop: FlowShop, flow: Flow
) -> None:
    shop.due(shop.member(ADA))
    shop.due(shop.member(BO))
    del shop.sandbox.state.flows.by_id[flow.id]
    shop.run()
    shop.pass_time(days=3)
    made = shop.sandbox.add_flow("Anew", "api")
    shop.tie(shop.address(made.id, made.step))
    shop.run()
    assert shop.sandbox.flow_mails(BO) + shop.sandbox.flow_mails(ADA) == []


@pytest.mark.parametrize("why", ["ask_first", "denied", "unsubscribed", "bought"])
def test_who_bought_or_may_not_be_mailed_since_does_not_enter_when_the_step_is_mended(
    shop: FlowShop, flow: Flow, why: str
) -> None:
    persons = {email: shop.member(email) for email in (ADA, BO)}
    for person in persons.values():
        shop.due(person)
    del shop.sandbox.state.flows.by_id[flow.id]
    shop.sandbox.fail("empty_429", prefix="/customer-journeys", times=9)
    with contextlib.suppress(Retryable):
        shop.run()
    shop.sandbox.state.faults.clear()
    no_more(shop, persons[ADA], why)
    shop.pass_time(days=1)
    made = shop.sandbox.add_flow("Anew", "api")
    shop.tie(shop.address(made.id, made.step))
    shop.run()
    assert (shop.sandbox.flow_mails(ADA), shop.sandbox.flow_mails(BO)) == ([], ["Anew"])
    assert [row.step_status for row in shop.all_rows()] == ["left_out", "done"]


def no_more(shop: FlowShop, ada: int, why: str) -> None:
    if why == "unsubscribed":
        shop.sandbox.unsubscribe(ADA)
    elif why == "denied":
        shop.shop.deny(ADA)
    elif why == "bought":
        shop.buys(ada)
    else:
        with shop.shop.session() as session:
            restraint.leave_in_peace(session, ada, shop.days.at, shop.days.at.date(), 10)


def test_an_interest_of_which_a_moment_was_told_enters_the_step(
    shop: FlowShop,
) -> None:
    made = shop.sandbox.add_flow("By hand", "api")
    shop.member(ADA)
    shop.turn("interest")
    shop.run()
    shop.tie(shop.address(made.id, made.step), "interest")
    shop.looks_at(ADA, "Suits", shop.days.at - timedelta(hours=2))
    shop.looks_at(ADA, "Suits", shop.days.at - timedelta(hours=1))
    shop.run()
    assert shop.sandbox.flow_mails(ADA) == ["By hand"]


# -- seen live -------------------------------------------------------------------------------------


@on_both
def test_a_flow_is_live_once_a_contact_got_its_mail(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.run()
    seen = looks(shop)["due"]
    assert (seen.seen_at, seen.looked_at_contacts) == (None, 1)
    shop.pass_time(days=8)
    shop.sandbox.add_flow("Suit due", "event", "became_due")
    shop.due(ada, "shoes")
    shop.run()
    seen = looks(shop)["due"]
    assert (seen.seen_at, seen.title) == (shop.days.at, "Suit due")


def test_a_mail_that_waits_is_seen_at_a_later_look(shop: FlowShop) -> None:
    shop.sandbox.add_flow("Suit due", "event", "became_due", wait_days=2)
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.run()
    assert looks(shop)["due"].seen_at is None
    shop.pass_time(days=3)
    assert live.look(shop.shop.context, shop.shop.audience) == 1
    seen_at = looks(shop)["due"].seen_at
    assert seen_at is not None
    # The sandbox's clock goes on while it works.
    assert abs(seen_at - shop.days.at + timedelta(days=1)) < timedelta(minutes=5)


def test_a_newsletter_is_no_flow(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.run()
    send_newsletter(shop)
    live.look(shop.shop.context, shop.shop.audience)
    assert looks(shop)["due"].seen_at is None


def send_newsletter(shop: FlowShop) -> None:
    """A newsletter to everybody, sent in Mailchimp."""

    def call(method: str, path: str, body: object = None) -> requests.Response:
        url = shop.sandbox.url + path
        answer = requests.request(method, url, json=body, auth=("u", shop.sandbox.key))
        answer.raise_for_status()
        return answer

    settings = {
        "subject_line": "News",
        "title": "News",
        "from_name": "Shop",
        "reply_to": "shop@stipt-demo.shop",
    }
    recipients = {"list_id": shop.sandbox.list_id}
    body = {"type": "regular", "recipients": recipients, "settings": settings}
    campaign = call("POST", "/campaigns", body).json()["id"]
    call("PUT", f"/campaigns/{campaign}/content", {"html": "<p>Hi *|UNSUB|* *|LIST:ADDRESS|*</p>"})
    call("POST", f"/campaigns/{campaign}/actions/send")
    shop.pass_time(minutes=10)


def test_a_flow_started_by_a_tag_is_seen_too(shop: FlowShop) -> None:
    shop.sandbox.add_flow("Come back", "tag", "Stage: At risk")
    shop.member(ADA)
    ada = shop.member(BO)
    shop.shop.enter(ada, "stage:at-risk")
    shop.shop.push()
    live.look(shop.shop.context, shop.shop.audience)
    seen = looks(shop)["win_back"]
    assert (seen.title, seen.looked_at_contacts) == ("Come back", 1)


def test_nothing_is_asked_where_nobody_was_given_a_starting_point(shop: FlowShop) -> None:
    before = len(shop.sandbox.requests)
    assert live.look(shop.shop.context, shop.shop.audience) == 0
    assert len(shop.sandbox.requests) == before


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.key)
def test_a_recipe_starts_by_an_event_we_tell_or_by_a_tag(recipe: Recipe) -> None:
    assert (recipe.start == "event") == bool(recipe.kind)
    assert recipe.start == "event" or recipe.tags


def test_nobody_enters_a_step_after_the_merchant_left(
    shop: FlowShop, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for email in (ADA, BO):
        shop.due(shop.member(email))
    start_step, entered = events.start_step, []

    def starting(*given: Any) -> None:
        start_step(*given)
        entered.append(given)
        leave.disconnect(shop.shop.context, shop.shop.account_id)

    monkeypatch.setattr(events, "start_step", starting)
    with pytest.raises(NoAudience):
        shop.run()
    assert len(entered) == 1
    assert sorted(row.step_status for row in shop.all_rows()) == ["done", "todo"]


def test_who_is_forgotten_meanwhile_enters_no_step(
    shop: FlowShop, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.due(shop.member(ADA))

    def forgotten(session: Session, *given: Any) -> set[int]:
        found = still_holding(session, *given)
        session.exec(delete(ToldEvent))
        return found

    monkeypatch.setattr(send, "still_holding", forgotten)
    shop.run()
    assert shop.sandbox.state.flows.triggers == []
