"""What a visitor of the pages does in every journey."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.service.shop_rows import PASSWORD


def open_window(browser: Browser, address: str, width: int, scheme: str, language: str) -> Page:
    """Open a window of its own, as wide as a desk's or a phone's."""
    window = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
        base_url=address,
    )
    page = window.new_page()
    page.set_default_timeout(60_000)
    return page


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Fill in the log-in form as a person would."""
    page.goto("/login")
    page.locator("#email").fill(email)
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")


def choose_dutch(page: Page) -> None:
    """Choose Dutch in the menu."""
    page.locator(".st-menu summary").click()
    page.get_by_role("button", name="Nederlands").click()
    page.wait_for_selector('html[lang="nl"]')


def faults(page: Page, *rules: str) -> list[str]:
    """What axe finds, one line each: by all its rules, or by these."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in Axe().run(page, options=options).response["violations"]
        for node in one["nodes"]
    ]
