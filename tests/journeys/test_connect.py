"""Connecting in a real browser: let in at Mailchimp's page, pick, look, publish; and refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from integration.accounts import create_account
from integration.app import create_app
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.demo import free_port
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Shop
from integration.work.execute import run_until_idle
from tests.journeys.visit import choose_dutch, faults, log_in, open_window
from tests.service.audience_shop import AudienceShop
from tests.service.page_server import _Quiet
from tests.service.shop_rows import PASSWORD

pytestmark = pytest.mark.browser

MIA, ADA = "mia@stipt-demo.shop", "ada@stipt-demo.shop"


@dataclass(frozen=True)
class Started:
    """The pages on their own address, and an account to connect."""

    url: str
    context: Context
    sandbox: SandboxServer
    rows: AudienceShop


@pytest.fixture
def started(settings: Settings) -> Iterator[Started]:
    """A merchant with one customer, who never heard of Mailchimp."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    with SandboxServer() as sandbox:
        at_sandbox = {"mailchimp_url": sandbox.root, "public_url": url}
        context = make_context(settings.model_copy(update=at_sandbox))
        with unscoped(context.engine) as session:
            account, _ = create_account(session, "Shop", MIA, PASSWORD)
            assert account.id is not None
            account_id = account.id
        with scoped(context.engine, account_id) as session:
            shop = Shop(account_id=account_id, platform="demo", external_id="1", name="Shop",
                        created_at=context.clock())  # fmt: skip
            session.add(shop)
        rows = AudienceShop(context, sandbox, account_id, shop.id or 0)
        rows.person(ADA, ["stage:new"], stage="new")
        sandbox.add_member(ADA, tags=["VIP"])
        sandbox.state.add_audience("Wholesale")
        server = make_server(
            "127.0.0.1", port, create_app(context), threaded=True, request_handler=_Quiet
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield Started(url, context, sandbox, rows)
        server.shutdown()
        thread.join()
        server.server_close()
        context.engine.dispose()


def ask(page: Page, answer: str) -> None:
    """Go to Mailchimp and press a button there."""
    page.goto("/mailchimp")
    page.get_by_role("button", name="Connect Mailchimp").click()
    page.wait_for_url("**/oauth2/authorize**")
    page.get_by_role("button", name=answer).click()


def test_a_merchant_connects_by_clicking_sees_the_audience_and_publishes(
    browser: Browser, started: Started
) -> None:
    page = open_window(browser, started.url, 360, "dark", "en")
    log_in(page, MIA)
    ask(page, "Refuse")
    page.wait_for_selector("text=You did not let Stipt in. Nothing has changed.")
    assert faults(page) == []

    ask(page, "Approve")
    page.wait_for_url("**/mailchimp/choose")
    assert faults(page) == []
    page.get_by_label("Stipt demo").check()
    page.get_by_role("button", name="Use this audience").click()
    told = "Audience “Stipt demo”: 1 subscribed, 0 not subscribed, 1 tags, 4 of 30 fields in use."
    page.wait_for_selector(f"text={told}")
    assert faults(page) == []
    assert {r.method for r in started.sandbox.requests} == {"GET"}, "nothing is written yet"
    assert page.context.cookies()
    (token,) = started.sandbox.state.grants.tokens
    assert token not in json.dumps(page.context.cookies())
    assert token not in page.content()

    started.rows.plan()
    page.get_by_role("link", name="Show what would change").click()
    page.get_by_role("button", name="Publish to Mailchimp").click()
    run_until_idle(started.context)
    page.goto("/plan")
    page.wait_for_selector("text=Undo is one click, for 30 days.")
    assert started.sandbox.tags(ADA) == {"VIP", "Stage: New"}


def test_an_application_disconnected_in_mailchimp_is_told_and_mended_by_clicking(
    browser: Browser, started: Started
) -> None:
    page = open_window(browser, started.url, 1280, "light", "en")
    log_in(page, MIA)
    ask(page, "Approve")
    page.get_by_role("button", name="Use this audience").click()
    page.wait_for_selector("text=What is in it")
    marketer = open_window(browser, started.sandbox.root, 1280, "light", "en")
    marketer.goto("/applications")
    marketer.get_by_role("button", name="Disconnect Stipt").click()
    marketer.wait_for_selector("text=It is not connected.")

    page.get_by_role("button", name="Look again").click()
    page.wait_for_selector("text=Mailchimp no longer lets Stipt in.")
    page.goto("/people")
    page.wait_for_selector("text=Nothing is lost: everything waits")
    choose_dutch(page)
    page.wait_for_selector("text=Er is niets verloren: alles wacht")
    assert faults(page) == []
    page.goto("/mailchimp")
    page.get_by_role("button", name="Mailchimp opnieuw koppelen").click()
    page.locator("button[value=approve]").click()
    page.get_by_role("button", name="Deze doelgroep gebruiken").click()
    page.wait_for_selector("text=Wat erin zit")
    assert page.locator("text=Mailchimp laat Stipt niet meer binnen").count() == 0
    for window in browser.contexts:
        window.close()
