"""A merchant hands a person her data and forgets her, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlmodel import select

from integration.app import create_app
from integration.db import unscoped
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import User
from integration.work.execute import run_until_idle
from tests.journeys.visit import choose_dutch, faults, log_in, open_window
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.known_person import ADA, NEEDLES, fill
from tests.service.page_server import served
from tests.service.shop_rows import login_of
from tests.service.traces import found

pytestmark = pytest.mark.browser

OWNER = "owner@kleding.example"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings, sandbox)
    with unscoped(made.context.engine) as session:
        other = login_of(made.context, OWNER)
        owner = session.exec(select(User).where(User.account_id == other)).one()
        owner.account_id = made.account_id
    yield made
    made.context.engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [
        pytest.param(1280, "light", "en", id="desk by day in English"),
        pytest.param(360, "dark", "nl", id="phone by night in Dutch"),
    ],
)
def test_a_person_gets_her_data_and_is_forgotten(
    shop: AudienceShop,
    sandbox: SandboxServer,
    browser: Browser,
    tmp_path: Path,
    width: int,
    scheme: str,
    language: str,
) -> None:
    ada = fill(shop, sandbox)
    with served(create_app(shop.context)) as address:
        page = open_window(browser, address, width, scheme, language)
        log_in(page, OWNER)
        if language == "nl":
            choose_dutch(page)
        for path in (f"/people/{ada}", "/plan", "/privacy", f"/people/{ada}/forget"):
            page.goto(path)
            assert faults(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.goto(f"/people/{ada}")
        with page.expect_download() as started:
            page.locator(f'form[action$="/people/{ada}/access"] button').click()
        file = tmp_path / "handed-over.json"
        started.value.save_as(file)
        assert json.loads(file.read_text("utf-8"))["addresses"] == [ADA]
        page.locator(f'a[href$="/people/{ada}/forget"]').click()
        page.locator(".btn-danger").click()
        page.wait_for_url("**/privacy")
        run_until_idle(shop.context)
        page.reload()
        assert "204" in page.locator("main").inner_text()
        assert faults(page) == []
        page.context.close()
    file.unlink()
    assert found(shop.context.engine, *NEEDLES) == set()
    assert sandbox.audience.find(ADA) is None
