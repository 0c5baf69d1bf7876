"""The page and the command of the shop in Mailchimp: look, on, off, refused, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from sqlmodel import select

from integration.accounts import create_account
from integration.app import create_app
from integration.cli.main import main
from integration.db import unscoped
from integration.pipeline import start_refresh
from integration.privacy import erase, subject
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import ShopRecord, User, Work
from tests.service.shop_rows import PASSWORD
from tests.service.store_shop import StoreShop
from tests.service.visitor import Visitor

ADA = "ada@stipt-demo.shop"
PAGE = "/mailchimp/shop"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[StoreShop]:
    made = StoreShop(settings, sandbox)
    made.order("o1", made.buyer(ADA), ("suit", None))
    yield made
    made.close()


@pytest.fixture
def visitor(shop: StoreShop) -> Visitor:
    """The shop's merchant, logged in."""
    context, email = shop.people.context, "owner@stipt-demo.shop"
    with unscoped(context.engine) as session:
        create_account(session, "Other", email, PASSWORD, "en", now=shop.now)
        session.flush()
        user = session.exec(select(User).where(User.email == email)).one()
        user.account_id = shop.people.account_id
    found = Visitor(create_app(context))
    found.log_in(email)
    return found


def test_from_the_look_to_a_filled_store_and_off_again(shop: StoreShop, visitor: Visitor) -> None:
    assert "First see what would be sent" in visitor.get(PAGE).text
    assert visitor.post(f"{PAGE}/look").status_code == 302
    shop.work()
    assert shop.writes() == []
    assert "What would be sent" in visitor.get(PAGE).text
    for _ in range(2):
        visitor.post(f"{PAGE}/{shop.row.id}/on")
    with shop.people.session() as session:
        kinds = session.exec(select(Work.kind).where(Work.status == "queued")).all()
    assert kinds == ["shop_data"], "a second click asks for nothing more"
    shop.work()
    assert shop.revenue(ADA) == (1, 100)
    assert "in step" in visitor.get(PAGE).text
    visitor.post(f"{PAGE}/{shop.row.id}/off")
    shop.order("o2", shop.people.profiles[ADA], ("suit", None))
    assert shop.send() == 0
    assert shop.revenue(ADA) == (1, 100), "what is there stays"


def test_nothing_goes_on_without_a_look(shop: StoreShop, visitor: Visitor) -> None:
    assert visitor.post(f"{PAGE}/{shop.row.id}/on").status_code == 409


def test_another_applications_store_is_named_before_the_click(
    shop: StoreShop, visitor: Visitor
) -> None:
    body = {"id": "woo", "list_id": shop.sandbox.list_id, "name": "Woo", "currency_code": "EUR"}
    url = f"{shop.sandbox.url}/ecommerce/stores"
    requests.post(url, json=body, auth=("u", shop.sandbox.key)).raise_for_status()
    visitor.post(f"{PAGE}/look")
    shop.work()
    text = visitor.get(PAGE).text
    assert "twice" in text
    assert "Switch on all the same" in text


def test_a_store_is_removed_with_the_box_ticked_only(shop: StoreShop, visitor: Visitor) -> None:
    shop.on()
    shop.send()
    before = shop.sandbox.audience.members[next(iter(shop.sandbox.audience.members))].status
    visitor.post(f"{PAGE}/{shop.row.id}/remove")
    shop.work()
    assert len(shop.sandbox.stores) == 1
    visitor.post(f"{PAGE}/{shop.row.id}/remove", {"sure": "yes"})
    shop.work()
    assert shop.sandbox.stores == {}
    assert (shop.row.status, shop.row.is_on) == ("removed", False)
    with shop.people.session() as session:
        assert session.exec(select(ShopRecord)).all() == []
    assert [m.status for m in shop.sandbox.audience.members.values()] == [before]
    visitor.post(f"{PAGE}/{shop.row.id}/on")
    shop.work()
    assert shop.revenue(ADA) == (1, 100)


def test_a_deleted_store_is_said_on_the_page(shop: StoreShop, visitor: Visitor) -> None:
    shop.on()
    shop.send()
    url = f"{shop.sandbox.url}/ecommerce/stores/{shop.row.store_id}"
    requests.delete(url, auth=("u", shop.sandbox.key)).raise_for_status()
    shop.send()
    text = visitor.get(PAGE).text
    assert "Somebody deleted this store in Mailchimp." in text
    visitor.post(f"{PAGE}/{shop.row.id}/on")
    shop.work()
    assert shop.revenue(ADA) == (1, 100)


def test_what_revenue_in_mailchimp_leaves_out_is_said(shop: StoreShop, visitor: Visitor) -> None:
    shop.order("back", shop.people.profiles[ADA], ("suit", None), each=-10_000, quantity=-1)
    shop.refund("r1", "o1", 500, "USD")
    shop.look()
    assert "1 return without a purchase it belongs to" in visitor.get(PAGE).text
    shop.on()
    shop.send()
    text = visitor.get(PAGE).text
    assert "1 return without a purchase it belongs to" in text
    assert "It has a refund in another currency" in text


def test_new_figures_bring_what_differs(shop: StoreShop) -> None:
    shop.on()
    shop.send()
    shop.order("o2", shop.people.profiles[ADA], ("suit", None))
    with shop.people.session() as session:
        start_refresh(session)
    shop.work()
    assert shop.revenue(ADA) == (2, 200)


def test_a_forgotten_persons_customer_is_deleted_too(shop: StoreShop) -> None:
    shop.on()
    shop.send()
    assert len(shop.store.customers) == 1
    with shop.people.session() as session:
        erase.start(session, shop.people.context, subject.of_address(session, ADA))
    shop.work()
    assert shop.store.customers == {}
    assert shop.sandbox.audience.members == {}
    assert shop.send() == 0


def test_the_command_looks_switches_and_tells(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STIPT_MAILCHIMP_URL", sandbox.root)
    monkeypatch.setenv("STIPT_MAILCHIMP_TOKEN", sandbox.key)

    def stipt(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    def told(*arguments: str) -> Any:
        found = stipt("shop-data", *arguments, "--json")
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)["stores"]

    assert stipt("init", "--name", "Shop", "--email", "mia@stipt-demo.shop").exit_code == 0
    assert "stipt connect" in stipt("shop-data").output
    assert stipt("connect").exit_code == 0
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "order id;date;email;product;quantity;total\n"
        "1;2026-01-05;ada@stipt-demo.shop;Suit;1;199,50\n"
    )
    sandbox.add_member(ADA)
    imported = stipt("import", str(orders))
    assert imported.exit_code == 0, imported.output
    [dry] = told("on", "--dry-run")
    assert (dry["on"], dry["preview"]["orders"]) == (False, 1)
    assert sandbox.stores == {}
    [on] = told("on")
    assert (on["state"], on["there"]["orders"], on["refused"]) == ("filled", 1, 0)
    assert next(iter(sandbox.stores.values())).totals_at(ADA) == (1, 199.5)
    assert told("send")[0]["outcome"]["writes"] == 0
    assert told("off")[0]["on"] is False
    assert "filled" in stipt("shop-data").output
