"""Browsing is off until the merchant wants it and Shopify grants it, and off at once when not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from sqlmodel import select

from connectors.records import Product
from connectors.shopify import web_pixel
from integration.cli import main
from integration.context import Context
from integration.db import scoped
from integration.shopify import pixel, stores
from integration.shopify.look import look
from integration.tables import ShopifyPixel, Work
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.service.audience_shop import TestJob
from tests.service.records import store
from tests.service.shopify_visit import Merchant, with_shopify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SCOPES = {"write_pixels", "read_customer_events"}


@pytest.fixture(scope="module")
def one_shopify() -> Iterator[ShopifyEmulator]:
    """A small store."""
    with ShopifyEmulator.serve(Clock(NOW), customers=3, only_sold=True) as served:
        yield served


@pytest.fixture
def merchant(context: Context, one_shopify: ShopifyEmulator) -> Merchant:
    """A merchant whose store is connected, to be read."""
    shop = one_shopify.shop()
    shop.scopes, shop.refused_scopes, shop.pixel = None, set(), None
    made = Merchant(with_shopify(context, one_shopify), one_shopify)
    made.install()
    mine = made.store()
    store(context.engine, mine.account_id, mine.shop_id, Product(id="1001", title="Navy suit"))
    return made


def press(merchant: Merchant, button: str) -> Any:
    """Press a button of the section; the answer."""
    merchant.visitor.get("/shopify/stores")
    address = f"/shopify/stores/{merchant.store().shop_id}/browsing"
    return merchant.visitor.post(address, {"browsing": button})


def grant(merchant: Merchant) -> None:
    """Switch on, let Shopify grant it, and let the worker tell Shopify."""
    merchant.visitor.get(merchant.approve(press(merchant, "on")))
    work(merchant)


def work(merchant: Merchant) -> None:
    """Carry out what was written down about the pixel."""
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        for one in session.exec(select(Work).where(Work.kind == pixel.KIND)).all():
            job = TestJob(one.account_id, payload=one.payload)
            pixel.look_after(merchant.context, job)  # type: ignore[arg-type]  # as a job


def state(merchant: Merchant) -> str:
    """How far it is."""
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        return pixel.state(session, merchant.store().shop_id)


def settings(merchant: Merchant) -> dict[str, str]:
    """What Shopify's pixel was told."""
    kept = merchant.shopify.shop().pixel
    assert kept is not None
    told: dict[str, str] = json.loads(kept["settings"])
    return told


def view(merchant: Merchant, key: str) -> int:
    """Have a visitor look at a product; the answer's status."""
    message = {
        "id": "e1", "event": "product_viewed", "at": NOW.isoformat(), "client": "b",
        "analytics": True, "marketing": True, "product": "1001",
    }  # fmt: skip
    return merchant.visitor.client.post(
        f"{pixel.PATH}/{key}", data=json.dumps(message), content_type="text/plain"
    ).status_code


def test_switching_on_asks_shopify_for_two_more_rights_and_then_tells_it_where_to_send(
    merchant: Merchant,
) -> None:
    asked = press(merchant, "on")
    assert set(parse_qs(urlsplit(asked.location).query)["scope"][0].split(",")) >= SCOPES
    assert state(merchant) == "asked"
    assert merchant.shopify.shop().pixel is None
    grant(merchant)
    assert state(merchant) == "on"
    told = settings(merchant)
    assert told["endpoint"] == f"{merchant.context.settings.public_url}/pixel/shopify"
    assert view(merchant, told["key"]) == 204
    page = merchant.visitor.get("/shopify/stores").text
    assert "What visitors look at" in page
    assert "Switch off" in page


def test_who_granted_it_comes_back_to_the_stores_and_reads_that_it_is_on(
    merchant: Merchant,
) -> None:
    back = merchant.visitor.get(merchant.approve(press(merchant, "on")))
    assert back.location == "/shopify/stores"
    said = "what visitors look at is read from now on."
    assert said in merchant.visitor.get(back.location).text
    assert said not in merchant.visitor.get("/shopify/stores").text, "once"
    asked = merchant.visitor.post(f"/shopify/stores/{merchant.store().shop_id}/authorize")
    assert merchant.visitor.get(merchant.approve(asked)).location == "/", "no switch began this"


def test_a_right_that_was_not_granted_leaves_it_off(merchant: Merchant) -> None:
    merchant.shopify.shop().refused_scopes = {"write_pixels"}
    merchant.visitor.get(merchant.approve(press(merchant, "on")))
    work(merchant)
    assert state(merchant) == "asked"
    assert merchant.shopify.shop().pixel is None
    page = merchant.visitor.get("/shopify/stores").text
    assert "Shopify did not grant what that needs, so it is not on." in page
    assert "Shopify has not granted it yet" in page


def test_a_new_key_makes_the_earlier_one_worth_nothing(merchant: Merchant) -> None:
    grant(merchant)
    before = settings(merchant)["key"]
    press(merchant, "renew")
    after = settings(merchant)["key"]
    assert after != before
    assert (view(merchant, before), view(merchant, after)) == (404, 204)


def test_a_new_key_that_shopify_was_not_told_is_told_with_the_next_look(
    merchant: Merchant,
) -> None:
    grant(merchant)
    lost = mock.patch.object(pixel, "put", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        pixel.renew(merchant.context, merchant.store())
    assert state(merchant) == "starting"
    look(merchant.context, merchant.store())
    work(merchant)
    assert (state(merchant), view(merchant, settings(merchant)["key"])) == ("on", 204)


def test_a_pixel_that_shopify_could_not_be_told_to_take_out_is_taken_out_later(
    merchant: Merchant,
) -> None:
    grant(merchant)
    key = settings(merchant)["key"]
    lost = mock.patch.object(web_pixel, "remove", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        pixel.switch_off(merchant.context, merchant.store())
    assert (state(merchant), view(merchant, key)) == ("off", 404)
    assert merchant.shopify.shop().pixel is not None
    work(merchant)
    assert merchant.shopify.shop().pixel is None
    press(merchant, "on")
    work(merchant)
    assert view(merchant, settings(merchant)["key"]) == 204, "what is on again stays"


def test_off_takes_the_pixel_out_at_shopify_and_takes_nothing_more(merchant: Merchant) -> None:
    grant(merchant)
    key = settings(merchant)["key"]
    press(merchant, "off")
    assert merchant.shopify.shop().pixel is None
    assert state(merchant) == "off"
    assert view(merchant, key) == 404
    press(merchant, "off")
    assert press(merchant, "both").status_code == 400


def test_a_pixel_that_shopify_has_already_is_taken_over_and_a_lost_one_made_anew(
    merchant: Merchant,
) -> None:
    grant(merchant)
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        session.exec(select(ShopifyPixel)).one().remote_id = ""
    press(merchant, "on")
    assert state(merchant) == "on"
    merchant.shopify.shop().pixel = None
    press(merchant, "on")
    assert settings(merchant)["key"]


def test_a_store_that_takes_the_right_away_or_removes_us_is_not_heard(merchant: Merchant) -> None:
    grant(merchant)
    key = settings(merchant)["key"]
    shop = merchant.shopify.shop()
    granted = shop.scopes
    assert granted is not None
    shop.scopes = granted - SCOPES
    look(merchant.context, merchant.store())
    assert view(merchant, key) == 404
    shop.scopes = granted
    look(merchant.context, merchant.store())
    assert view(merchant, key) == 204
    with scoped(merchant.context.engine, merchant.store().account_id) as session:
        stores.forget(session, merchant.store().shop_id)
        assert pixel.of_shop(session, merchant.store().shop_id) is None, "its key is forgotten"
    assert view(merchant, key) == 404
    assert "off after that" in merchant.visitor.get("/shopify/stores").text
    merchant.install()
    assert state(merchant) == "off"


# -- on the command line ---------------------------------------------------------------------------


def stipt(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, arguments)


def told(*arguments: str) -> dict[str, Any]:
    """What a command prints as JSON, of the only store."""
    (one,) = json.loads(stipt("shopify", "pixel", *arguments, "--json").stdout)
    found: dict[str, Any] = one
    return found


def test_the_command_shows_switches_and_with_dry_run_writes_nothing(
    one_shopify: ShopifyEmulator, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STIPT_SHOPIFY_URL_TEMPLATE", one_shopify.url_template)
    assert stipt("init", "--name", "Shop", "--email", "mia@stipt-demo.shop").exit_code == 0
    assert "none is connected" in stipt("shopify", "pixel", "on").output
    one_shopify.app.distribution = "custom"
    token = one_shopify.install(expiring=False)["access_token"]
    shop = one_shopify.shop()
    shop.pixel, shop.scopes = None, (shop.scopes or frozenset()) - SCOPES
    assert stipt("shopify", GOLDEN, "--token", token).exit_code == 0
    assert told()["state"] == "off"
    lacks = "once Shopify grants write_pixels and read_customer_events"
    assert lacks in told("on", "--dry-run")["would"]
    assert lacks in stipt("shopify", "pixel", "on", "--dry-run").stdout
    for idle in ("off", "renew"):
        assert told(idle, "--dry-run")["would"].startswith("Nothing would change"), idle
    assert "has no key" in stipt("shopify", "pixel", "renew").output
    assert told()["state"] == "off"
    assert told("on")["state"] == "asked"
    assert "waits for Shopify" in told("on", "--dry-run")["would"]
    shop.scopes |= SCOPES
    assert stipt("shopify", GOLDEN, "--token", token).exit_code == 0
    on = told("on")
    assert (on["state"], json.loads(shop.pixel["settings"])["key"]) == ("on", on["key"])  # type: ignore[index]
    for switch in ("on", "off", "renew"):
        tried = told(switch, "--dry-run")
        assert (tried["key"], tried["would"][:6]) == (on["key"], "Would "), switch
    assert told("renew")["key"] != on["key"]
    assert stipt("shopify", "pixel", "--store", "other.myshopify.com").exit_code == 1
    assert told("off")["state"] == "off"
    assert shop.pixel is None
    assert "pixel" in stipt("shopify", "--help").stdout
