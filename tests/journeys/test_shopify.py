"""A Shopify store in a real browser: installed, read, removed and installed again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from integration.demo import EMAIL, Demo, DemoOptions
from tests.journeys.visit import faults, log_in, open_window

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Demo]:
    """Every process as `stipt demo --shop shopify` starts them; nothing is installed yet."""
    options = DemoOptions(
        folder=tmp_path / "demo",
        customers=40,
        as_of=date.today(),  # noqa: DTZ011  # the shop's history ends where the worker's clock is
        port=0,
        sandbox_port=0,
        on_shopify=True,
        shopify_port=0,
    )
    with Demo(options, say=lambda _text: None) as demo:
        demo.start()
        demo.open_shop()
        yield demo


def install(page: Page, shown: Demo) -> None:
    """Do what a merchant does on Shopify's pages."""
    page.goto(shown.shopify_url)
    page.get_by_role("link", name="Install Stipt").click()
    expect(page.locator("li")).to_contain_text(
        ["read_customers", "read_orders", "read_all_orders", "read_products"]
    )
    page.get_by_role("button", name="Install").click()
    page.wait_for_url("**/shopify/stores")


def test_a_merchant_installs_sees_segments_removes_the_app_and_comes_back(
    browser: Browser, shown: Demo
) -> None:
    page = open_window(browser, shown.url, 1280, "light", "en")
    log_in(page, EMAIL, shown.password)

    install(page, shown)
    assert page.locator("main").inner_text().count("works") == 6, "each right was looked at"
    assert faults(page) == []
    page.goto("/imports")
    run = page.locator("article", has_text="Sample shop")
    expect(run.get_by_role("progressbar").or_(run.get_by_text("read", exact=True))).to_be_visible()

    shown.settle()
    page.goto("/")
    people = page.locator("a[href^='/segments/']")
    assert people.count() > 0
    inside = page.locator(".st-figures .card", has_text="in the audience").locator(".st-figure")
    assert int(inside.inner_text()) > 0, "known before anybody asked for a plan"
    people.first.click()
    expect(page.locator("main table tbody tr").first).to_be_visible()

    page.goto(shown.shopify_url)
    page.get_by_role("button", name="Uninstall Stipt").click()
    wait_for(page, "Stipt was removed from this store")
    expect(page.locator("main")).to_contain_text("· removed on")
    page.goto("/status")
    expect(page.locator("main")).to_contain_text("Stipt was removed from this shop on")
    page.goto("/imports")
    badge = page.locator("article", has_text="Sample shop").locator(".badge")
    expect(badge).to_contain_text("removed on")

    install(page, shown)
    expect(page.locator("main")).not_to_contain_text("Stipt was removed")
    shown.settle()
    page.goto("/imports")
    assert "Sample shop" in page.locator("main").inner_text()
    page.goto("/shopify/stores")
    expect(page.get_by_role("link", name="What was read")).to_be_visible()


def wait_for(page: Page, text: str) -> None:
    """Load the page of the stores again until it says something."""
    for _ in range(60):
        page.goto("/shopify/stores")
        if text in page.locator("main").inner_text():
            return
        page.wait_for_timeout(250)
    expect(page.locator("main")).to_contain_text(text)
