"""The whole way at an emulated Shopify: the switch, the right, the writing, what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from sqlmodel import select

from connectors.records import ConsentEvent, Customer
from connectors.shopify.guard import CONSENT
from integration.audience import states
from integration.cli import main
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.answers import MemberInfo
from integration.shopify.look import look
from integration.sources import open_source
from integration.store.moments import write_consent
from integration.store.profiles import write_customers
from integration.tables import (
    Audience,
    Consent,
    ConsentWrite,
    ImportRun,
    Shop,
    Work,
)
from integration.work.execute import run_until_idle
from integration.writeback.candidates import KIND
from tests.emulators.shopify.clock import Clock, stamp
from tests.emulators.shopify.server import ShopifyEmulator
from tests.emulators.shopify.tables import Row, number_of
from tests.service.shopify_visit import Merchant, with_shopify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def one_shopify() -> Iterator[ShopifyEmulator]:
    """A small store."""
    with ShopifyEmulator.serve(Clock(NOW), customers=3, only_sold=True) as served:
        yield served


@pytest.fixture
def merchant(context: Context, one_shopify: ShopifyEmulator) -> Iterator[Merchant]:
    """A merchant whose store was read, with an audience; one customer is in both."""
    shop = one_shopify.shop()
    shop.scopes, shop.refused_scopes = None, set()
    one_shopify.acts().consent(
        customer(one_shopify)["id"], "SUBSCRIBED", at=stamp(one_shopify.clock() - timedelta(days=9))
    )
    made = Merchant(with_shopify(context, one_shopify), one_shopify)
    made.install()
    with rows(made) as session:
        for work in session.exec(select(Work)):
            session.delete(work)
        run = session.exec(select(ImportRun)).one()
        run.status, run.finished_at = "done", one_shopify.clock()
        session.add(
            Audience(account_id=made.store().account_id, list_id="l1", name="Customers",
                     server="us6", token="", language="en", connected_at=NOW)
        )  # fmt: skip
    read_customer(made)
    yield made
    one_shopify.faults.clear()


def rows(merchant: Merchant) -> Any:
    return scoped(merchant.context.engine, merchant.store().account_id)


def customer(shopify: ShopifyEmulator) -> Row:
    found: Row = next(
        row for row in shopify.shop().customers.values() if row["defaultEmailAddress"]
    )
    return found


def address(merchant: Merchant) -> str:
    found: str = customer(merchant.shopify)["defaultEmailAddress"]["emailAddress"]
    return found.lower()


def there(merchant: Merchant) -> str:
    """What the store has."""
    found: str = customer(merchant.shopify)["defaultEmailAddress"]["marketingState"]
    return found


def read_customer(merchant: Merchant) -> set[int]:
    """Read the customer as a webhook has it done; the people whose facts changed."""
    with rows(merchant) as session:
        shop = session.get_one(Shop, merchant.store().shop_id)
        connector = open_source(session, shop, {}, context=merchant.context)
    found = connector.fetch("customers", str(number_of(customer(merchant.shopify)["id"])))
    now = merchant.context.clock()
    with rows(merchant) as session:
        mine = [one for one in found if isinstance(one, Customer)]
        said = [one for one in found if isinstance(one, ConsentEvent)]
        write_customers(session, merchant.store().shop_id, mine, now)
        return write_consent(session, merchant.store().shop_id, said, now)


def mailchimp(merchant: Merchant, status: str, reason: str = "") -> None:
    """Let the contact be found in a state that came about just now."""
    now = merchant.context.clock()
    with rows(merchant) as session:
        info = MemberInfo(
            email_key=address(merchant),
            status=status,
            changed_at=now,
            opted_at=now if status == "subscribed" else None,
            reason=reason,
        )
        states.apply(session, session.exec(select(Audience)).one(), [info], now)


def press(merchant: Merchant, button: str) -> Any:
    at = f"/shopify/stores/{merchant.store().shop_id}/writeback"
    merchant.visitor.get(at)
    return merchant.visitor.post(at, {"writeback": button})


def page(merchant: Merchant) -> str:
    found: str = merchant.visitor.get(f"/shopify/stores/{merchant.store().shop_id}/writeback").text
    return found


def switch_on(merchant: Merchant) -> None:
    """Switch on, and let Shopify grant it; the contact is subscribed."""
    merchant.visitor.get(merchant.approve(press(merchant, "on")))
    mailchimp(merchant, "subscribed")
    merchant.shopify.clock.advance(hours=1)


def leave(merchant: Merchant) -> None:
    """Let the customer unsubscribe in Mailchimp, and the worker do what follows."""
    mailchimp(merchant, "unsubscribed", "too much mail")
    work(merchant)


def work(merchant: Merchant) -> None:
    run_until_idle(merchant.context)


def outcome(merchant: Merchant) -> tuple[str, str]:
    with rows(merchant) as session:
        row = session.exec(select(ConsentWrite)).one()
        return row.status, row.reason


def sent(merchant: Merchant) -> int:
    """How often Shopify carried out a writing."""
    return sum(entry.operation == "ConsentWrite" for entry in merchant.shopify.requests)


def test_only_who_switches_it_on_asks_shopify_for_the_right_and_only_then_it_is_on(
    merchant: Merchant,
) -> None:
    assert "Switching it on writes nothing." in page(merchant)
    assert "write_customers" not in (merchant.shopify.shop().scopes or ())
    asked = press(merchant, "on")
    assert "write_customers" in parse_qs(urlsplit(asked.location).query)["scope"][0]
    assert "waits for Shopify" in page(merchant), "asked is not granted"
    leave(merchant)
    assert there(merchant) == "SUBSCRIBED"
    merchant.visitor.get(merchant.approve(asked))
    assert "are written. Nothing from before is." in page(merchant)
    work(merchant)
    assert there(merchant) == "SUBSCRIBED", "that was before"


@pytest.mark.parametrize("place", ["/shopify/stores", "/shopify/stores/{}/writeback"])
def test_a_browser_lets_the_buttons_lead_to_shopify(merchant: Merchant, place: str) -> None:
    answer = merchant.visitor.get(place.format(merchant.store().shop_id))
    _, _, actions = answer.headers["Content-Security-Policy"].partition("form-action ")
    there = merchant.shopify.url_template.format(shop=merchant.store().domain)
    assert actions.partition(";")[0].split() == ["'self'", there, "https://*.shopify.com"]


def test_who_granted_it_comes_back_to_the_stores_and_reads_so_in_dutch_too(
    merchant: Merchant,
) -> None:
    merchant.visitor.get("/shopify/stores")
    merchant.visitor.post("/language", {"language": "nl"})
    back = merchant.visitor.get(merchant.approve(press(merchant, "on")))
    assert back.location == "/shopify/stores"
    assert "toestemming terugschrijven staat aan." in merchant.visitor.get(back.location).text


def test_a_withdrawal_reaches_the_store_and_the_page_says_what_stood_there(
    merchant: Merchant,
) -> None:
    switch_on(merchant)
    before = sent(merchant)
    leave(merchant)
    assert (there(merchant), outcome(merchant)) == ("UNSUBSCRIBED", ("written", ""))
    assert "Before, your store had: SUBSCRIBED" in page(merchant)
    assert sent(merchant) == before + 1


def test_what_shopify_tells_of_our_own_writing_changes_nothing_here_and_nothing_there(
    merchant: Merchant,
) -> None:
    switch_on(merchant)
    leave(merchant)
    written = sent(merchant)
    assert read_customer(merchant) == set(), "as after the webhooks that our writing caused"
    with rows(merchant) as session:
        ours = session.exec(select(Consent).where(Consent.source == "Stipt, from Mailchimp")).all()
    assert len(ours) == 1
    merchant.shopify.clock.advance(hours=2)
    work(merchant)
    assert sent(merchant) == written


def test_another_application_that_changes_it_back_is_shown_and_left(merchant: Merchant) -> None:
    switch_on(merchant)
    leave(merchant)
    written = sent(merchant)
    merchant.shopify.clock.advance(minutes=1)
    merchant.shopify.acts().consent(customer(merchant.shopify)["id"], "SUBSCRIBED")
    read_customer(merchant)
    work(merchant)
    assert "changed back" in page(merchant)
    assert (there(merchant), sent(merchant)) == ("SUBSCRIBED", written)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("lost", id="written and the answer lost: found there, not sent again"),
        pytest.param("error_503", id="out of order"),
        pytest.param("internal", id="an inner error"),
        pytest.param("throttled", id="too many points"),
    ],
)
def test_whatever_shopify_answers_in_the_middle_it_is_written_once(
    merchant: Merchant, fault: str
) -> None:
    switch_on(merchant)
    before = sent(merchant)
    merchant.shopify.faults.add(fault, word="ConsentWrite")
    leave(merchant)
    merchant.shopify.clock.advance(hours=1)
    work(merchant)
    assert (there(merchant), outcome(merchant)) == ("UNSUBSCRIBED", ("written", ""))
    assert sent(merchant) == before + 1


def test_a_right_that_was_taken_away_is_told_and_nothing_is_written(merchant: Merchant) -> None:
    switch_on(merchant)
    shop = merchant.shopify.shop()
    assert shop.scopes is not None
    shop.scopes -= {"write_customers"}
    shop.scopes |= {"read_customers"}
    leave(merchant)
    assert outcome(merchant) == ("waiting", "access")
    assert "Shopify does not let Stipt write" in page(merchant)
    with rows(merchant) as session:
        assert session.exec(select(Work).where(Work.kind == KIND)).one().status == "resting"
    look(merchant.context, merchant.store())
    assert "waits for Shopify" in page(merchant)
    merchant.shopify.clock.advance(hours=1)
    work(merchant)
    assert (there(merchant), outcome(merchant)) == ("SUBSCRIBED", ("kept", "off"))


def test_what_shopify_refuses_is_shown_in_its_words(merchant: Merchant) -> None:
    switch_on(merchant)
    customers, row = merchant.shopify.shop().customers, customer(merchant.shopify)
    gone = {"word": "ConsentWrite", "act": lambda: customers.remove(row["id"])}
    merchant.shopify.faults.add("between", **gone)
    leave(merchant)
    customers.put(row)
    assert outcome(merchant)[0] == "refused"
    assert "Customer not found" in page(merchant)


def test_a_client_that_reads_the_store_is_not_one_that_writes(merchant: Merchant) -> None:
    switch_on(merchant)
    with rows(merchant) as session:
        shop = session.get_one(Shop, merchant.store().shop_id)
        connector: Any = open_source(session, shop, {}, context=merchant.context)
    assert CONSENT not in connector._client._may


def test_switched_off_nothing_is_written_any_more(merchant: Merchant) -> None:
    switch_on(merchant)
    press(merchant, "off")
    leave(merchant)
    assert there(merchant) == "SUBSCRIBED"
    assert "Switching it on writes nothing." in page(merchant)


def test_another_account_sees_and_switches_nothing(merchant: Merchant) -> None:
    merchant.shopify.add_shop("other.myshopify.com", name="Other")
    stranger = Merchant(merchant.context, merchant.shopify, "other.myshopify.com")
    stranger.install()
    at = f"/shopify/stores/{merchant.store().shop_id}/writeback"
    assert stranger.visitor.get(at).status_code == 404
    assert stranger.visitor.post(at, {"writeback": "on"}).status_code == 404


def test_the_command_shows_and_switches(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stipt(*arguments: str) -> Any:
        # The installation of this test, in place of the one that a file of settings names.
        monkeypatch.setattr("integration.cli.base.Shell.context", merchant.context)
        account = str(merchant.store().account_id)
        done = CliRunner().invoke(main, ["--account", account, "shopify", "writeback", *arguments])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    assert stipt("--json")[0]["state"] == "off"
    assert "Nothing is written by that" in stipt("on", "--dry-run")
    assert "once Shopify grants write_customers" in stipt("on", "--dry-run", "--json")[0]["would"]
    assert "Nothing would change" in stipt("off", "--dry-run")
    assert stipt("--json")[0]["state"] == "off"
    assert "on the page Shopify stores, ask again" in stipt("on")
    assert stipt("status", "--json")[0]["state"] == "asked"
    assert "waits for Shopify" in stipt("on", "--dry-run")
    merchant.visitor.get(merchant.approve(press(merchant, "on")))
    mailchimp(merchant, "subscribed")
    merchant.shopify.clock.advance(hours=1)
    leave(merchant)
    (told,) = stipt("status", "--json")
    assert (told["state"], told["counts"]["written"]) == ("on", 1)
    assert [one["before"] for one in told["changes"]] == ["SUBSCRIBED"]
    assert "0 waiting are dropped" in stipt("off", "--dry-run")
    assert "Nothing would change" in stipt("on", "--dry-run", "--json")[0]["would"]
    assert stipt("off", "--json")[0]["state"] == "off"
