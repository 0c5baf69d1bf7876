"""Events: who is told of, once a cycle; what is of the past starts no flow; nobody left out is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from integration.audience import leave, restraint
from integration.audience.connect import connect
from integration.flows import send
from integration.flows import switches as flow_switches
from integration.flows.choose import HANDFUL
from integration.mailchimp import events
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import ConsentGuard, Retryable
from integration.mailchimp.guard import Permit, check
from integration.settings import Settings
from integration.tables import Audience, DueDate, Order, Product, ToldEvent, Touchpoint, Work
from integration.work.execute import run_until_idle
from integration.work.queue import dead
from tests.conftest import ROOT, on_both
from tests.service.flows_shop import FlowShop, flow_shop

ADA, BO, CY = (f"{name}@stipt-demo.shop" for name in ("ada", "bo", "cy"))


@pytest.fixture
def shop(settings: Settings) -> Iterator[FlowShop]:
    with flow_shop(settings) as made:
        yield made


def test_who_was_due_before_it_was_switched_on_is_marked_and_starts_no_flow(
    shop: FlowShop,
) -> None:
    shop.sandbox.add_flow("Suit due", "event", "became_due")
    ada, bo = shop.member(ADA), shop.member(BO)
    shop.due(ada)
    shop.due(ada, "shoes", "late")
    shop.turn()
    shop.run()
    assert shop.told(ADA) == [("became_due", True), ("became_due", True)]
    shop.pass_time(days=1)
    shop.due(bo)
    shop.run()
    assert shop.told(BO) == [("became_due", False)]
    assert (shop.sandbox.flow_mails(ADA), shop.sandbox.flow_mails(BO)) == ([], ["Suit due"])


def test_nothing_is_told_before_a_kind_is_switched_on(shop: FlowShop) -> None:
    shop.due(shop.member(ADA))
    before = len(shop.sandbox.requests)
    shop.run()
    assert len(shop.sandbox.requests) == before


@on_both
def test_a_need_is_told_once_until_it_was_bought_and_came_back(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    for _ in range(3):
        shop.pass_time(days=10)
        shop.due(ada)
        shop.run()
    assert shop.told(ADA) == [("became_due", False)]
    shop.buys(ada)
    shop.run()
    shop.pass_time(days=400)
    shop.due(ada)
    shop.run()
    assert shop.told(ADA) == [("became_due", False)] * 2


def test_one_need_a_person_and_no_second_within_the_days(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada, "suits")
    shop.due(ada, "shoes")
    shop.run()
    assert len(shop.told(ADA)) == 1
    shop.pass_time(days=6)
    shop.run()
    assert len(shop.told(ADA)) == 1
    shop.pass_time(days=2)
    shop.run()
    assert [row.subject for row in shop.ledger()] == ["shoes", "suits"]


def test_a_need_that_waits_for_another_is_told_when_its_turn_comes(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada, "suits")
    shop.due(ada, "shoes")
    shop.shop.waits(ada, "shoes", "suits")
    shop.run()
    shop.pass_time(days=8)
    shop.run()
    assert [row.subject for row in shop.ledger()] == ["suits"]
    shop.buys(ada, "suits")
    shop.shop.waits(ada, "shoes", "")
    shop.run()
    assert [row.subject for row in shop.ledger()] == ["suits", "shoes"]


def test_the_properties_are_texts_in_the_audiences_language(settings: Settings) -> None:
    with flow_shop(settings, "nl") as shop:
        ada = shop.member(ADA)
        shop.turn()
        shop.run()
        with shop.shop.session() as session:
            product = Product(
                account_id=shop.shop.account_id,
                shop_id=shop.shop.shop_id,
                external_id="1",
                title="x",
                url="https://shop.test/pak",
            )
            product_id = shop.shop.add(session, product)
        shop.due(ada)
        with shop.shop.session() as session:
            row = session.get_one(DueDate, 1)
            row.last_product_id, row.last_title = product_id, "Blauw pak Größe 52"
        shop.run()
        (event,) = shop.sandbox.events(ADA)
        assert event.properties == {
            "need": "suits",
            "thing": "pak",
            "due_on": "2026-03-01",
            "product": "Blauw pak Größe 52",
            "url": "https://shop.test/pak",
        }


@pytest.mark.parametrize(
    "reason", ["unsubscribed", "pending", "transactional", "denied", "ask_first", "holdout"]
)
def test_nobody_is_told_of_who_may_not_be_mailed(shop: FlowShop, reason: str) -> None:
    status = reason if reason in ("pending", "transactional", "unsubscribed") else "subscribed"
    ada = shop.member(ADA, status)
    shop.turn()
    shop.run()
    if reason == "denied":
        shop.shop.deny(ADA)
    if reason in ("ask_first", "holdout"):
        leave_out(shop, ada, reason)
    shop.due(ada)
    shop.run()
    assert shop.told(ADA) == []


def leave_out(shop: FlowShop, person: int, reason: str) -> None:
    with shop.shop.session() as session:
        if reason == "ask_first":
            restraint.leave_in_peace(session, person, shop.days.at, shop.days.at.date(), 10)
        else:
            # Everybody: no merchant can choose that.
            session.get_one(Audience, shop.shop.audience.id).holdout_percent = 100


def test_who_left_between_two_runs_is_told_of_no_more(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.sandbox.unsubscribe(ADA)
    shop.run()
    assert shop.told(ADA) == []


def test_who_is_left_out_when_all_are_marked_does_not_flood_later(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.due(ada)
    leave_out(shop, ada, "ask_first")
    shop.turn()
    shop.run()
    shop.pass_time(days=20)
    shop.run()
    assert shop.told(ADA) == []
    assert [row.status for row in shop.all_rows()] == ["left_out"]


def test_switched_off_nothing_is_told_and_switched_on_again_all_are_marked_anew(
    shop: FlowShop,
) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.turn(on=False)
    shop.due(ada)
    shop.run()
    assert shop.told(ADA) == []
    shop.turn()
    shop.run()
    assert shop.told(ADA) == [("became_due", True)]


@pytest.mark.parametrize(
    "since",
    [
        pytest.param({"person_id": 999}, id="merged into another person since"),
        pytest.param({"email_key": "old@stipt-demo.shop"}, id="has another address since"),
    ],
)
def test_what_was_told_is_known_by_person_and_by_address(
    shop: FlowShop, since: dict[str, Any]
) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.run()
    with shop.shop.session() as session:
        row = session.exec(select(ToldEvent)).one()
        for name, value in since.items():
            setattr(row, name, value)
    shop.pass_time(days=30)
    shop.run()
    assert shop.told(ADA) == [("became_due", False)]


@on_both
def test_many_travel_in_a_batch(shop: FlowShop) -> None:
    people = [(f"p{n}@stipt-demo.shop", n) for n in range(60)]
    for email, _ in people:
        shop.due(shop.member(email))
    shop.turn()
    shop.run()
    assert all(shop.told(email) == [("became_due", True)] for email, _ in people)
    writes = [entry for entry in shop.sandbox.requests if entry.method == "POST"]
    direct = [e.path for e in writes if e.batch is None]
    assert [path for path in direct if not path.endswith("/segments")] == ["/batches"]
    assert {row.status for row in shop.all_rows()} == {"done"}


def test_far_more_than_usual_waits_for_the_merchant(shop: FlowShop) -> None:
    persons = [shop.member(f"p{n}@stipt-demo.shop") for n in range(HANDFUL + 1)]
    shop.turn()
    shop.run()
    for person in persons:
        shop.due(person)
    shop.run()
    assert (shop.switch().waiting, shop.all_rows()) == (HANDFUL + 1, [])
    shop.answer(tell=True)
    shop.run()
    assert shop.switch().waiting == 0
    assert {(row.status, row.is_syncing) for row in shop.all_rows()} == {("done", False)}


def test_those_who_wait_can_be_marked_as_known_instead(shop: FlowShop) -> None:
    persons = [shop.member(f"p{n}@stipt-demo.shop") for n in range(HANDFUL + 1)]
    shop.turn()
    shop.run()
    for person in persons:
        shop.due(person)
    shop.run()
    shop.answer(tell=False)
    shop.run()
    assert {(row.status, row.is_syncing) for row in shop.all_rows()} == {("done", True)}


# -- carts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "told"),
    [
        pytest.param(timedelta(minutes=59), 0, id="may still be ordered"),
        pytest.param(timedelta(minutes=61), 1, id="left an hour ago"),
        pytest.param(timedelta(hours=47), 1, id="not yet two days old"),
        pytest.param(timedelta(hours=49), 0, id="cold"),
    ],
)
def test_a_cart_is_told_of_between_an_hour_and_two_days(
    shop: FlowShop, age: timedelta, told: int
) -> None:
    shop.member(ADA)
    shop.turn("cart")
    shop.run()
    shop.cart(ADA, "c1", age)
    shop.run()
    shop.run()
    assert shop.told(ADA) == [("left_cart", False)] * told
    if told:
        (event,) = shop.sandbox.events(ADA)
        assert event.properties == {
            "product": "Navy suit Größe 52",
            "products": "Navy suit Größe 52",
            "total": "399.00 EUR",
            "url": "https://shop.test/cart/1",
        }


def test_a_cart_that_became_an_order_is_none(shop: FlowShop) -> None:
    shop.member(ADA)
    shop.member(BO)
    shop.turn("cart")
    shop.run()
    shop.cart(ADA, "c1", timedelta(hours=3), order_external_id="o1")
    shop.cart(BO, "c2", timedelta(hours=3))
    with shop.shop.session() as session:
        session.add(
            Order(
                account_id=shop.shop.account_id,
                shop_id=shop.shop.shop_id,
                external_id="o2",
                profile_id=shop.shop.profiles[BO],
                placed_at=shop.days.at - timedelta(hours=1),
                currency="EUR",
                total_minor=100,
                status="paid",
                channel="web",
                shipping_minor=0,
            )
        )
    shop.run()
    assert (shop.told(ADA), shop.told(BO)) == ([], [])


def test_a_link_with_an_address_in_it_is_not_passed_on(shop: FlowShop) -> None:
    shop.member(ADA)
    shop.turn("cart")
    shop.run()
    url = "https://shop.test/cart?email=ada%40stipt-demo.shop"
    shop.cart(ADA, "c1", timedelta(hours=3), checkout_url=url)
    shop.run()
    (event,) = shop.sandbox.events(ADA)
    assert "url" not in event.properties


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param(timedelta(seconds=40), 0, id="what the order left on another device"),
        pytest.param(timedelta(minutes=2), 1, id="filled anew"),
    ],
)
def test_a_cart_touched_right_after_an_order_is_over(
    shop: FlowShop, after: timedelta, told: int
) -> None:
    shop.member(ADA)
    shop.turn("cart")
    shop.run()
    shop.cart(ADA, "c1", timedelta(hours=3))
    with shop.shop.session() as session:
        session.add(
            Order(
                account_id=shop.shop.account_id,
                shop_id=shop.shop.shop_id,
                external_id="o1",
                profile_id=shop.shop.profiles[ADA],
                placed_at=shop.days.at - timedelta(hours=3) - after,
                currency="EUR",
                total_minor=100,
                status="paid",
                channel="web",
                shipping_minor=0,
            )
        )
    shop.run()
    assert len(shop.told(ADA)) == told


def test_a_young_cart_brings_the_next_run(shop: FlowShop) -> None:
    shop.member(ADA)
    shop.turn("cart")
    shop.cart(ADA, "c1", timedelta(minutes=20))
    shop.run()
    with shop.shop.session() as session:
        (work,) = session.exec(select(Work).where(Work.kind == flow_switches.WORK)).all()
        assert work.run_at == shop.days.at + timedelta(minutes=40)


# -- second order and interest ---------------------------------------------------------------------


def test_a_second_order_is_owed_once(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn("second_order")
    shop.run()
    for _ in range(2):
        shop.shop.enter(ada, "stage:second-order-due")
        shop.run()
        shop.shop.leave(ada, "stage:second-order-due")
        shop.pass_time(days=100)
    assert shop.told(ADA) == [("owes_second_order", False)]


def test_interest_needs_two_moments_about_one_thing_and_no_purchase(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.member(BO)
    shop.turn("interest")
    shop.run()
    for nth, (email, subject) in enumerate(
        [(ADA, "Blue suit Milano"), (ADA, "Suits"), (BO, "Suits"), (BO, "Newsletter of March")]
    ):
        with shop.shop.session() as session:
            session.add(
                Touchpoint(
                    account_id=shop.shop.account_id,
                    shop_id=shop.shop.shop_id,
                    external_id=str(nth),
                    profile_id=shop.shop.profiles[email],
                    kind="product_view",
                    at=shop.days.at - timedelta(days=1),
                    subject=subject,
                )
            )
    shop.run()
    shop.run()
    assert (shop.told(ADA), shop.told(BO)) == ([("showed_interest", False)], [])
    shop.pass_time(days=10)
    shop.shop.will_need(ada, {"suits": ("", shop.days.at.date())})
    shop.buys(ada)
    shop.pass_time(days=1)
    shop.run()
    assert len(shop.told(ADA)) == 1


def test_the_turn_of_a_month_tells_the_same_moments_to_nobody_again(shop: FlowShop) -> None:
    shop.pass_time(days=28)  # the 29th of March
    for email in (ADA, BO):
        shop.member(email)
    for hours in (30, 20):
        shop.looks_at(ADA, "Suits", shop.days.at - timedelta(hours=hours))
    shop.turn("interest")
    shop.run()
    for hours in (3, 2):
        shop.looks_at(BO, "Suits", shop.days.at - timedelta(hours=hours))
    shop.run()
    shop.set_days("interest", 1)
    shop.pass_time(days=4)
    shop.run()
    assert shop.told(ADA) == [("showed_interest", True)]
    assert shop.told(BO) == [("showed_interest", False)]


@on_both
def test_an_interest_is_told_again_for_new_moments_alone(shop: FlowShop) -> None:
    shop.member(ADA)
    shop.turn("interest")
    shop.run()
    shop.set_days("interest", 1)
    for number, told in enumerate((0, 1, 1, 2)):
        shop.looks_at(ADA, "Suits", shop.days.at - timedelta(hours=1))
        shop.run()
        assert len(shop.told(ADA)) == told, number
        shop.pass_time(days=2)


# -- another audience ------------------------------------------------------------------------------


def test_what_was_told_stays_told_in_another_audience(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.run()
    shop.move()
    shop.turn()
    shop.run()
    shop.due(ada, "shoes")
    shop.run()
    assert shop.told(ADA) == [("became_due", False)]  # the other need rests
    shop.pass_time(days=8)
    shop.run()
    assert [e.properties["need"] for e in shop.sandbox.events(ADA)] == ["suits", "shoes"]


# -- one door --------------------------------------------------------------------------------------


def test_only_one_module_opens_a_client_that_may_start_flows() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in Path(ROOT / "integration").rglob("*.py")
        if "Permit.FLOWS" in path.read_text("utf-8")
    }
    assert users == {"integration/flows/send.py", "integration/mailchimp/guard/events.py"}


def test_without_the_permit_and_with_anything_else_the_guard_stops_it() -> None:
    event = {
        "name": "became_due",
        "properties": {"need": "suits"},
        "occurred_at": "2026-03-01T12:00:00+00:00",
        "is_syncing": False,
    }
    path = f"/lists/abc/members/{'0' * 32}/events"
    step = "/customer-journeys/journeys/1/steps/2/actions/trigger"
    permits = (Permit.FLOWS,)
    check("POST", path, {}, event, permits)
    check("POST", step, {}, {"email_address": ADA}, permits)
    operation = {"method": "POST", "path": path, "operation_id": "1", "body": json.dumps(event)}
    check("POST", "/batches", {}, {"operations": [operation]}, permits)
    in_batch = {"method": "POST", "path": step, "operation_id": "1", "body": "{}"}
    for refused in (
        (path, event, ()),
        (path, {**event, "name": "bought"}, permits),
        (path, {**event, "status": "subscribed"}, permits),
        (path, {**event, "properties": {"name": "Ada"}}, permits),
        (path, {**event, "properties": {"need": 3}}, permits),
        (path, {**event, "properties": {"need": ADA}}, permits),
        (step, {"email_address": ADA}, ()),
        (step, {"email_address": ADA, "status": "subscribed"}, permits),
        ("/batches", {"operations": [operation]}, ()),
        ("/batches", {"operations": [in_batch]}, permits),
    ):
        with pytest.raises(ConsentGuard):
            check("POST", refused[0], {}, refused[1], refused[2])


def test_a_busy_mailchimp_is_tried_again_and_nothing_is_told_twice(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.sandbox.fail("empty_429", times=3, method="POST")
    for _ in range(4):  # the client itself has some patience, and the work comes back
        with contextlib.suppress(Retryable):
            shop.run()
    assert len(shop.told(ADA)) == 1


# -- what the merchant does meanwhile --------------------------------------------------------------


@dataclass
class Meanwhile:
    """Something happens right after so many events were told, of six people who are due."""

    shop: FlowShop
    monkeypatch: pytest.MonkeyPatch

    def after(self, told: int, happens: Callable[[], object]) -> int:
        """Do the work; return how many were told."""
        for number in range(6):
            self.shop.due(self.shop.member(f"p{number}@stipt-demo.shop"))
        tell, calls = events.tell, []

        def telling(*given: Any) -> None:
            tell(*given)
            calls.append(given)
            if len(calls) == told:
                happens()

        self.monkeypatch.setattr(events, "tell", telling)
        with self.shop.shop.session() as session:
            flow_switches.start(session)
        run_until_idle(self.shop.shop.context)
        return len(calls)

    def given_up(self) -> list[str | None]:
        """Why work was given up."""
        with self.shop.shop.session() as session:
            return [work.error for work in dead(session)]


@pytest.fixture
def meanwhile(shop: FlowShop, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    shop.turn()
    shop.run()
    return Meanwhile(shop, monkeypatch)


def test_a_run_on_its_way_tells_nothing_after_the_merchant_left(meanwhile: Meanwhile) -> None:
    here = meanwhile.shop.shop
    assert meanwhile.after(2, lambda: leave.disconnect(here.context, here.account_id)) == 2
    assert meanwhile.given_up() == []


def test_a_kind_that_is_switched_off_meanwhile_is_told_no_more(meanwhile: Meanwhile) -> None:
    assert meanwhile.after(2, lambda: meanwhile.shop.turn(on=False)) == 2
    assert meanwhile.given_up() == []
    assert [row.status for row in meanwhile.shop.all_rows()] == ["done", "done"]


def test_who_is_forgotten_meanwhile_is_not_told_and_all_others_are(meanwhile: Meanwhile) -> None:
    def forget() -> None:
        with meanwhile.shop.shop.session() as session:
            waiting = select(ToldEvent).where(ToldEvent.status == "todo")
            session.delete(session.exec(waiting).all()[-1])

    assert meanwhile.after(2, forget) == 5
    assert meanwhile.given_up() == []


def test_who_is_forgotten_while_a_batch_is_handed_in_costs_nobody_else_its_answer(
    meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "FEW", 1)
    start_batch = Mailchimp.start_batch

    def started(mailchimp: Mailchimp, operations: Any) -> Any:
        with meanwhile.shop.shop.session() as session:
            session.delete(session.exec(select(ToldEvent)).all()[0])
        return start_batch(mailchimp, operations)

    monkeypatch.setattr(Mailchimp, "start_batch", started)
    assert meanwhile.after(0, lambda: None) == 0
    assert [row.status for row in meanwhile.shop.all_rows()] == ["done"] * 5
    assert meanwhile.given_up() == []


@pytest.mark.parametrize("way", ["disconnected", "moved"])
def test_who_comes_back_to_an_audience_switches_events_on_anew(shop: FlowShop, way: str) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    context, account_id, key = shop.shop.context, shop.shop.account_id, shop.sandbox.key
    if way == "disconnected":
        leave.disconnect(context, account_id)
    else:
        other = shop.sandbox.state.add_audience("Wholesale").id
        connect(context, account_id, token=key, list_id=other, language="en")
    shop.due(ada)
    connect(context, account_id, token=key, list_id=shop.sandbox.list_id, language="en")
    with shop.shop.session() as session:
        assert not flow_switches.start(session)
    assert (shop.switch().is_on, shop.switch().marked_at) == (False, None)
