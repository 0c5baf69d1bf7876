"""The sandbox's pages in a real browser: nothing that axe finds fault with."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from integration.sandbox.server import SandboxServer
from tests.journeys.visit import faults, open_window

pytestmark = pytest.mark.browser


def test_every_kind_of_page_is_for_everybody(browser: Browser) -> None:
    with SandboxServer() as sandbox:
        sandbox.add_member("ada@stipt-demo.shop")
        (audience,) = sandbox.state.audiences
        page = open_window(browser, sandbox.root, 1280, "light", "en")
        found = []
        for path in ("/", f"/audiences/{audience}/members", "/webhooks", "/requests", "/control"):
            page.goto(path)
            found += [(path, fault) for fault in faults(page)]
        page.context.close()
    assert found == []
