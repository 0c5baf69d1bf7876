"""The web pixel's own script in a real browser, in a sandbox as Shopify's, at the real endpoint."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, BrowserContext, Frame, Request

from integration.app import create_app
from integration.context import Context
from tests.conftest import ROOT
from tests.service.browsing_shop import ADA, KEY, SHIRT, SUIT, BrowsingShop
from tests.service.page_server import served

pytestmark = pytest.mark.browser

SCRIPT = ROOT / "connectors/shopify/pixel/src/index.js"
#: Bytes: what product.md allows a script that shops load.
LARGEST = 5_000
PERMITTED = {"analyticsProcessingAllowed": True, "marketingAllowed": True}
#: Shopify's side: the API that a pixel registers for, as far as it is documented.
SANDBOX = """<!doctype html><meta charset="utf-8">
<script type="importmap">{"imports": {"@shopify/web-pixels-extension": "/register.js"}}</script>
<script>
  const given = __GIVEN__, listeners = {};
  const listen = (name, told) => { (listeners[name] ??= []).push(told); };
  globalThis.api = {
    analytics: { subscribe: listen },
    customerPrivacy: { subscribe: listen },
    browser: { sendBeacon: async (url, body) => navigator.sendBeacon(url, body) },
    init: given.init, settings: given.settings,
  };
  globalThis.happens = (name, event) => (listeners[name] ?? []).forEach((told) => told(event));
  globalThis.listened = () => Object.keys(listeners).sort();
</script>
<script type="module" src="/index.js"></script>
<script type="module">globalThis.isReady = true;</script>
"""
PAGE = '<!doctype html><title>Shop</title><iframe sandbox="allow-scripts" src="/sandbox"></iframe>'


@dataclass
class Storefront:
    """A page of the shop with the pixel in its sandbox."""

    frame: Frame
    sent: list[Request]
    shop: BrowsingShop

    def happens(self, name: str, data: dict[str, Any], number: int = 1) -> None:
        """Have Shopify tell the pixel of an event, and wait until it is done with it."""
        event = {
            "id": f"sh-{name}-{number}", "name": name, "clientId": "c1ient-1", "seq": number,
            "timestamp": self.shop.now.isoformat(), "type": "standard", "data": data,
            "context": {"document": {"location": {"href": "https://shop.example/?m=a@b.nl"}}},
        }  # fmt: skip
        self.frame.evaluate("([name, event]) => happens(name, event)", [name, event])
        self.frame.page.wait_for_timeout(150)

    def told(self) -> list[dict[str, Any]]:
        """What was sent."""
        return [json.loads(one.post_data or "") for one in self.sent]


def storefront(given: dict[str, Any]) -> Flask:
    """The shop's server: the page, the sandbox, Shopify's module and the script as it is."""
    app = Flask("storefront")
    # A module that a page of no origin loads has to allow that; Shopify serves it so.
    anybody = {"Access-Control-Allow-Origin": "*"}
    modules = {
        "register.js": "export const register = (run) => run(globalThis.api);",
        "index.js": SCRIPT.read_text("utf-8"),
    }
    app.add_url_rule("/", "page", lambda: PAGE)
    app.add_url_rule("/sandbox", "sandbox", lambda: SANDBOX.replace("__GIVEN__", json.dumps(given)))
    app.add_url_rule(
        "/<path:name>",
        "module",
        lambda name: Response(modules.get(name, ""), mimetype="text/javascript", headers=anybody),
    )
    return app


@pytest.fixture
def shop(context: Context) -> BrowsingShop:
    """A store whose pixel is on."""
    return BrowsingShop(context)


@pytest.fixture
def open_shop(browser: Browser, shop: BrowsingShop) -> Iterator[Any]:
    """Open the shop's page with what Shopify knows of the visitor."""
    windows: list[BrowserContext] = []
    with served(create_app(shop.context)) as stipt:

        def opened(permission: dict[str, bool], customer: str | None = None) -> Storefront:
            known = {"id": customer, "email": "ada@stipt-demo.shop"} if customer else None
            given = {
                "init": {"data": {"customer": known}, "customerPrivacy": permission},
                "settings": {"endpoint": f"{stipt}/pixel/shopify", "key": KEY},
            }
            front = stack.enter_context(served(storefront(given)))
            window = browser.new_context()
            windows.append(window)
            page = window.new_page()
            sent: list[Request] = []
            page.on("request", lambda one: sent.append(one) if "/pixel/" in one.url else None)
            page.goto(front)
            frame = page.frames[1]
            frame.wait_for_function("globalThis.isReady === true")
            return Storefront(frame, sent, shop)

        with ExitStack() as stack:
            yield opened
            for window in windows:
                window.close()


def product(number: str) -> dict[str, Any]:
    """A product with more than the pixel may send on."""
    return {"id": number, "title": "Suit", "url": "/products/suit", "vendor": "Acme"}


def test_what_a_visitor_does_arrives_with_no_more_than_is_used(open_shop: Any) -> None:
    front = open_shop(PERMITTED)
    line = {"merchandise": {"id": "9", "product": product(SHIRT)}, "quantity": 2}
    front.happens("product_viewed", {"productVariant": {"id": "9", "product": product(SUIT)}})
    front.happens("search_submitted", {"searchResult": {"query": "navy suit"}})
    front.happens("product_added_to_cart", {"cartLine": line})
    front.happens("product_removed_from_cart", {"cartLine": line})
    checkout = {"token": "t0ken", "email": "ada@stipt-demo.shop", "phone": "+31612345678",
                "totalPrice": {"amount": 10}}  # fmt: skip
    front.happens("checkout_started", {"checkout": checkout})
    front.happens("page_viewed", {})
    told = front.told()
    assert [row[:3] for row in front.shop.seen] == [
        ("product_view", SUIT, "Navy suit"),
        ("search", None, "suits"),
        ("cart_add", SHIRT, "White shirt"),
        ("cart_remove", SHIRT, "White shirt"),
        ("checkout_start", None, None),
    ]
    fields = {"id", "event", "at", "client", "analytics", "marketing"}
    assert set().union(*told) - fields == {"product", "search", "checkout"}
    assert not any(word in json.dumps(told) for word in ("@", "+316", "Acme", "http"))
    assert {one.headers["content-type"] for one in front.sent} == {"text/plain;charset=UTF-8"}
    assert {one.headers.get("origin", "null") for one in front.sent} == {"null"}
    assert not any("cookie" in one.headers for one in front.sent)


def test_who_is_logged_in_is_told_by_number_only(open_shop: Any) -> None:
    front = open_shop(PERMITTED, customer=ADA)
    front.happens("product_viewed", {"productVariant": {"product": product(SUIT)}})
    (told,) = front.told()
    assert told["customer"] == ADA
    assert front.shop.seen[0][3] is not None
    order = {"id": "1", "customer": {"id": "999", "email": "eve@stipt-demo.shop"}}
    front.happens("checkout_completed", {"checkout": {"token": "t", "order": order}})
    assert front.told()[1]["customer"] == "999"
    assert "eve@" not in json.dumps(front.told())


@pytest.mark.parametrize("refused", ["analyticsProcessingAllowed", "marketingAllowed"])
def test_a_visitor_who_does_not_permit_it_is_not_told_of_until_he_does(
    open_shop: Any, refused: str
) -> None:
    front = open_shop({**PERMITTED, refused: False})
    seen = {"productVariant": {"product": product(SUIT)}}
    front.happens("product_viewed", seen)
    assert front.told() == []
    front.frame.evaluate(
        "(given) => happens('visitorConsentCollected', {customerPrivacy: given})", PERMITTED
    )
    front.happens("product_viewed", seen, 2)
    assert len(front.told()) == 1
    front.frame.evaluate(
        "(given) => happens('visitorConsentCollected', {customerPrivacy: given})",
        {**PERMITTED, refused: False},
    )
    front.happens("product_viewed", seen, 3)
    assert len(front.told()) == 1
    assert len(front.shop.seen) == 1


def test_the_script_is_small_and_an_event_without_its_parts_breaks_nothing(open_shop: Any) -> None:
    front = open_shop(PERMITTED)
    complaints: list[str] = []
    front.frame.page.on("pageerror", lambda error: complaints.append(str(error)))
    for name in front.frame.evaluate("listened()"):
        if name != "visitorConsentCollected":
            front.happens(name, {})
    front.happens("product_viewed", {"productVariant": None})
    assert complaints == []
    assert front.shop.seen == [("checkout_start", None, None, None)]
    assert SCRIPT.stat().st_size < LARGEST


def test_the_extension_says_what_shopify_s_tool_needs() -> None:
    told = tomllib.loads((SCRIPT.parents[1] / "shopify.extension.toml").read_text("utf-8"))
    assert (told["type"], told["runtime_context"]) == ("web_pixel_extension", "strict")
    assert told["customer_privacy"] == {
        "analytics": True, "marketing": True, "preferences": False, "sale_of_data": "enabled",
    }  # fmt: skip
    assert set(told["settings"]["fields"]) == {"endpoint", "key"}
