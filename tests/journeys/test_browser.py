"""The pages in a real browser: on a phone and a desk, by day and by night, in both languages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page
from sqlmodel import select

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.tables import Plan, Work
from tests.journeys.visit import choose_dutch, faults, log_in, open_window
from tests.service.page_server import served
from tests.service.shop_rows import NOW, Merchant, login_of, merchant

pytestmark = pytest.mark.browser

VIEWS = [
    pytest.param(1280, "light", "en", id="desk by day in English"),
    pytest.param(1280, "dark", "nl", id="desk by night in Dutch"),
    pytest.param(360, "light", "nl", id="phone by day in Dutch"),
    pytest.param(360, "dark", "en", id="phone by night in English"),
]


@dataclass(frozen=True)
class Open:
    """A running service, a browser, and who is known."""

    browser: Browser
    address: str
    app: Flask
    context: Context
    known: Merchant

    def page(self, width: int, scheme: str, language: str) -> Page:
        """Open a window on the pages."""
        return open_window(self.browser, self.address, width, scheme, language)


@pytest.fixture
def opened(browser: Browser, context: Context) -> Iterator[Open]:
    """The pages of a merchant with everything, over HTTP."""
    still = replace(context, clock=lambda: NOW)
    known = merchant(still, people=12)
    app = create_app(still)
    with served(app) as address:
        yield Open(browser, address, app, still, known)
        for window in browser.contexts:
            window.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "language"), VIEWS)
def test_every_page_fits_and_is_open_to_everybody(
    opened: Open, width: int, scheme: str, language: str
) -> None:
    page = opened.page(width, scheme, language)
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # What axe asks of a page is the same by night, but for the colours.
    rules = ("color-contrast", "link-in-text-block") if scheme == "dark" else ()
    page.goto("/login")
    assert faults(page, *rules) == []
    log_in(page, opened.known.email)
    if language == "nl":
        choose_dutch(page)
    for path in (
        "/",
        "/segments/due:suits:now",
        "/segments/stage:lost",
        "/own",
        f"/own/{opened.known.own_id}",
        "/people",
        f"/people/{opened.known.person_id}",
        "/lives",
        "/groups",
        "/imports",
        "/plan",
        "/mailchimp/choices",
        f"/plan/{opened.known.published_plan_id}",
        "/mailchimp/shop",
        "/mailchimp",
        "/mailchimp/flows",
        "/mailchimp/campaigns",
        f"/mailchimp/campaigns/rules/{opened.known.rule_id}",
        "/mailchimp/check",
        "/privacy",
        "/status",
    ):
        page.goto(path)
        page.wait_for_load_state("load")
        assert page.locator("html").get_attribute("data-bs-theme") == scheme, path
        wider = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wider == 0, f"{path} is {wider} pixels too wide"
        assert faults(page, *rules) == [], path
    assert complaints == []
    keep_picture(page, f"{width}-{scheme}-{language}")


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of the overview where somebody asked for pictures."""
    folder = os.environ.get("STIPT_TEST_PICTURES")
    if folder:
        page.goto("/")
        page.screenshot(path=f"{folder}/overview-{name}.png", full_page=True)


def test_an_empty_account_is_led_to_the_upload(opened: Open) -> None:
    login_of(opened.context, "new@shop.example")
    page = opened.page(360, "light", "en")
    log_in(page, "new@shop.example")
    assert faults(page) == []
    page.get_by_role("link", name="Upload a file").click()
    page.wait_for_url("**/imports")
    assert faults(page) == []


def test_the_chart_is_drawn_and_its_table_opens_with_the_keyboard(opened: Open) -> None:
    page = opened.page(1280, "light", "en")
    log_in(page, opened.known.email)
    page.wait_for_selector("#calendar svg path", state="attached")
    page.locator("details.st-data summary").focus()
    page.keyboard.press("Enter")
    table = page.locator("details.st-data table")
    table.wait_for(state="visible")
    assert table.locator("tbody tr").count() == 52
    assert "Suits" in (table.locator("thead").text_content() or "")


def test_the_first_tab_leads_past_the_menu(opened: Open) -> None:
    page = opened.page(1280, "light", "en")
    log_in(page, opened.known.email)
    page.goto("/people")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"


def test_the_theme_can_be_chosen_and_stays(opened: Open) -> None:
    page = opened.page(1280, "light", "en")
    log_in(page, opened.known.email)
    page.locator(".st-menu summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_selector('html[data-bs-theme="dark"]')
    page.goto("/people")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_from_a_segment_to_a_person_to_a_published_plan(opened: Open) -> None:
    """The way of the marketer; the worker is played here, the whole way is the demo's test."""
    page = opened.page(1280, "light", "en")
    log_in(page, opened.known.email)
    page.get_by_role("link", name="Due: Suits – now").click()
    page.get_by_role("link", name="Ada0 Lovelace").click()
    page.wait_for_selector("text=suits here last 23 months (learned from 312)")
    page.get_by_role("link", name="Mailchimp", exact=True).click()
    page.get_by_role("button", name="Publish to Mailchimp").click()
    page.wait_for_selector("#working")
    # What a worker does to the rows; the page looks again by itself.
    with scoped(opened.context.engine, opened.known.account_id) as session:
        work = session.exec(select(Work).where(Work.kind == "push", Work.status == "queued")).one()
        assert work.payload == {"plan_id": opened.known.plan_id}
        work.status = "done"
        plan = session.get_one(Plan, opened.known.plan_id)
        plan.status, plan.published_at = "published", NOW
        plan.outcome = {"requests": 6, "writes": 3, "seconds": 51.2, "done": 2, "failed": 0}
    page.wait_for_selector("text=Published in 52 seconds. Undo is one click, for 30 days.")
    page.get_by_role("button", name="Undo").first.click()
    page.wait_for_selector("#working")
    with scoped(opened.context.engine, opened.known.account_id) as session:
        undo = session.exec(select(Work).where(Work.kind == "undo")).one()
        assert undo.payload == {"plan_id": opened.known.plan_id}


def test_the_count_of_a_segment_follows_what_is_typed(opened: Open) -> None:
    page = opened.page(360, "light", "en")
    log_in(page, opened.known.email)
    page.goto(f"/own/{opened.known.own_id}")
    page.wait_for_selector("#count >> text=people today")
    assert page.locator("#count .st-figure").text_content() == "12"
    page.get_by_label("at least").fill("9")
    page.get_by_label("at least").blur()
    page.wait_for_selector("#count >> text=Purchases: at least 9.")
    assert page.locator("#count .st-figure").text_content() == "0"
