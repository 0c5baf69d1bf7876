"""The main job in a real browser, with every process running as it does for a merchant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from integration.demo import EMAIL, Demo, DemoOptions
from tests.journeys.visit import choose_dutch, faults, log_in, open_window

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CUSTOMERS, AS_OF = 120, date(2026, 11, 1)
TAG = "Due: Anything – now"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Demo]:
    """The sample shop, read and computed; nothing is in its audience yet but its own."""
    options = DemoOptions(
        folder=tmp_path / "demo", customers=CUSTOMERS, as_of=AS_OF, port=0, sandbox_port=0
    )
    with Demo(options, say=lambda _text: None) as demo:
        demo.start()
        demo.open_shop()
        demo.read()
        yield demo


def test_a_marketer_publishes_what_is_due_sees_it_in_mailchimp_and_takes_it_back(
    browser: Browser, shop: Demo
) -> None:
    before = shop.state()
    page = open_window(browser, shop.url, 1280, "light", "en")
    log_in(page, EMAIL, shop.password)
    people = open_due_now(page)
    email, why = open_somebody_in(page, subscribed(before))
    told = page.locator("main").inner_text()
    assert why in told
    assert faults(page) == []

    getting = compare(page)
    assert 0 < getting <= people
    assert shop.state() == before, "comparing must not write"
    page.get_by_role("button", name="Publish to Mailchimp").click()
    page.wait_for_selector("#working")
    page.wait_for_selector("text=Undo is one click, for 30 days.")
    assert faults(page) == []

    marketer = open_window(browser, shop.sandbox_url, 1280, "light", "en")
    assert tagged(marketer) == getting
    assert fields_of(marketer, email)["WHY"] in told
    assert shop.statuses_written() == 0

    page.get_by_role("button", name="Undo").first.click()
    page.wait_for_selector("text=Undone. Exactly our own changes were taken back.")
    assert shop.state() == before
    assert tagged(marketer) == 0
    in_dutch(page)
    for window in browser.contexts:
        window.close()


def open_due_now(page: Page) -> int:
    """Go from the overview to those who are due for something now; return how many they are."""
    assert faults(page) == []
    page.get_by_text("Show all").click()
    page.locator(".st-rest li").last.wait_for(state="visible")
    link = page.get_by_role("link", name=TAG)
    people = number(link)
    link.click()
    assert page.locator("h1").text_content() == TAG
    assert number(page.locator(".st-figure").first) == people
    assert faults(page) == []
    return people


def open_somebody_in(page: Page, emails: set[str]) -> tuple[str, str]:
    """Open the first person of the segment with one of these addresses; return it, and why."""
    for row in page.locator(".st-people tbody tr").all():
        email = (row.locator(".st-who .text-secondary").text_content() or "").strip()
        if email in emails:
            why = (row.locator(".st-why").text_content() or "").strip()
            row.get_by_role("link").click()
            page.wait_for_url("**/people/*")
            return email, why
    raise AssertionError("nobody on the first page of the segment is in the audience")


def compare(page: Page) -> int:
    """Have the plan made; return how many get the tag."""
    page.get_by_role("link", name="Mailchimp", exact=True).click()
    page.get_by_role("button", name="Show what would change").click()
    page.wait_for_selector("text=This is exactly what will change in Mailchimp.")
    sums = page.locator(".st-zero dd").all_text_contents()
    assert sums == ["0", "0"], "contacts added, subscriptions changed"
    assert faults(page) == []
    return number(page.get_by_role("row", name=TAG).locator(".st-number").first)


def tagged(page: Page) -> int:
    """Look into the audience as its owner: how many members the tag has, 0 without the tag."""
    page.goto("/")
    page.locator("h2 a").click()
    page.get_by_role("link", name="Tags", exact=True).click()
    row = page.get_by_role("row", name=TAG)
    return number(row.locator(".number")) if row.count() else 0


def fields_of(page: Page, email: str) -> dict[str, str]:
    """Open a tagged member of the audience; return its fields by merge tag."""
    page.get_by_role("link", name=TAG).click()
    page.locator("input[type=search]").fill(email)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=email).click()
    page.wait_for_url("**/members/*")
    assert page.locator("a.tag", has_text=TAG).count() == 1
    rows = page.locator("tbody tr").filter(has=page.locator("code")).all()
    return {
        row.locator("code").inner_text(): row.locator("td").last.inner_text().strip()
        for row in rows
    }


def in_dutch(page: Page) -> None:
    """Go once more over the plan in Dutch."""
    choose_dutch(page)
    page.wait_for_selector("text=Precies onze eigen wijzigingen zijn teruggedraaid.")
    page.get_by_role("button", name="Opnieuw vergelijken").click()
    page.wait_for_selector("text=Dit verandert er precies in Mailchimp.")
    assert page.get_by_role("button", name="Naar Mailchimp publiceren").count() == 1
    assert faults(page) == []


def subscribed(state: str) -> set[str]:
    """Addresses that get mail."""
    (audience,) = json.loads(state)["audiences"].values()
    members = audience["members"].items()
    return {email for email, member in members if member["status"] == "subscribed"}


def number(where: Locator) -> int:
    """Read the first number of an English text."""
    found = re.search(r"\d[\d,]*", where.first.text_content() or "")
    assert found is not None
    return int(found[0].replace(",", ""))
