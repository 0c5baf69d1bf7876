"""What is proposed in a mail can still be bought, whatever was computed last night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlmodel import col, select

from integration.audience.members import read_members
from integration.audience.wanted import wanted
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import DueDate, PersonProfile, Product, Variant
from tests.service.adding_shop import choose
from tests.service.audience_shop import AudienceShop, make_shop

ADA = "ada@stipt-demo.shop"


class Stall(AudienceShop):
    """A shop with two suits, of which Ada needs one."""

    def product(self, title: str, *stock: int | None, status: str = "active") -> tuple[int, int]:
        """Store a product with a variant for each number in stock; ids of it and the first."""
        with self.session() as session:
            product = self.add(session, Product(
                account_id=self.account_id, shop_id=self.shop_id, external_id=title, title=title,
                status=status, url=f"https://stipt-demo.shop/{len(title)}"))  # fmt: skip
            variants = [
                self.add(session, Variant(account_id=self.account_id, product_id=product,
                                          external_id=str(at), size=str(50 + 2 * at),
                                          inventory_quantity=left))
                for at, left in enumerate(stock)
            ]  # fmt: skip
        return product, variants[0] if variants else 0

    def offer(self, *offers: dict[str, Any]) -> dict[str, str]:
        """Have these offers computed for Ada; return her fields."""
        with self.session() as session:
            for due in session.exec(select(DueDate)):
                due.offers = list(offers)
            for profile in session.exec(select(PersonProfile)):
                profile.picks = [{**one, "basis": "again"} for one in offers]
                profile.also = {"shown": [
                    {"product_id": one["product_id"], "after": 1, "people": 12, "of": 40}
                    for one in offers
                ], "why": ""}  # fmt: skip
        read_members(self.context, self.audience)
        with self.session() as session:
            found = wanted(session, self.audience).values[ADA]
        return {key: value for (kind, key), value in found.items() if kind == "field"}

    def sell_out(self, variant: int) -> None:
        """Sell the last one."""
        with self.session() as session:
            session.exec(
                select(Variant).where(col(Variant.id) == variant)
            ).one().inventory_quantity = 0


@pytest.fixture
def stall(settings: Settings) -> Iterator[Stall]:
    with SandboxServer() as sandbox:
        made = make_shop(settings, sandbox)
        made.__class__ = Stall
        assert isinstance(made, Stall)
        sandbox.add_member(ADA)
        made.person(ADA, due={"suits": ("now", date(2026, 4, 1))})
        yield made
        made.context.engine.dispose()


def test_the_offer_is_named_with_its_size_and_link(stall: Stall) -> None:
    suit, in_52 = stall.product("Navy suit", 1)
    found = stall.offer({"product_id": suit, "variant_id": in_52})
    assert found["DUEPROD"] == "Navy suit 50"
    assert found["DUEURL"] == "https://stipt-demo.shop/9"
    assert found["RECO1"] == "Navy suit 50"


def test_the_picture_what_was_bought_last_and_whether_to_propose_are_there_when_chosen(
    stall: Stall,
) -> None:
    suit, in_50 = stall.product("Navy suit", 1)
    offer = {"product_id": suit, "variant_id": in_50}
    with stall.session() as session:
        session.get_one(Product, suit).image_url = "https://stipt-demo.shop/suit.jpg"
        person = session.exec(select(DueDate)).one()
        person.last_title, person.last_on = "Old suit", date(2025, 2, 1)
    for need, title, day in (("ties", "Tie", 1), ("shirts", "Old suit", 2), ("shoes", "Shoe", 3)):
        stall.will_need(person.person_id, {need: ("", date(2027, 1, 1))})
        with stall.session() as session:
            row = session.exec(select(DueDate).where(DueDate.need == need)).one()
            row.last_title, row.last_on = title, date(2026, 1, day)
    assert not {"DUEIMG", "RECENT1", "ALSO1", "HASRECO"} & stall.offer(offer).keys()
    choose(stall, field_sets={"on": ["picture", "bought", "proposals"]})
    found = stall.offer(offer)
    assert found["DUEIMG"] == "https://stipt-demo.shop/suit.jpg"
    recent = [found.get(f"RECENT{place}") for place in (1, 2, 3)]
    assert recent == ["Shoe", "Old suit", "Tie"]
    assert (found["ALSO1"], found["HASRECO"]) == ("Navy suit", "yes")
    stall.sell_out(in_50)
    found = stall.offer(offer)
    assert found["HASRECO"] == "no"
    assert not {"DUEIMG", "RECO1", "ALSO1"} & found.keys()


def test_an_address_that_does_not_fit_is_left_out_instead_of_cut(stall: Stall) -> None:
    suit, in_50 = stall.product("Navy suit", 1)
    with stall.session() as session:
        session.get_one(Product, suit).url = "https://stipt-demo.shop/" + "x" * 255
    found = stall.offer({"product_id": suit, "variant_id": in_50})
    assert found["DUEPROD"] == "Navy suit 50"
    assert "DUEURL" not in found


def test_what_sold_out_since_last_night_gives_way_to_the_next_best(stall: Stall) -> None:
    suit, last_one = stall.product("Navy suit", 1)
    other, _ = stall.product("Grey suit")
    offers = (
        {"product_id": suit, "variant_id": last_one},
        {"product_id": other, "variant_id": None},
    )
    assert stall.offer(*offers)["DUEPROD"] == "Navy suit 50"
    stall.sell_out(last_one)
    found = stall.offer(*offers)
    assert (found["DUEPROD"], found["RECO1"]) == ("Grey suit", "Grey suit")
    assert "RECO2" not in found


def test_what_web_shop_and_till_both_list_is_proposed_once_and_with_its_page(stall: Stall) -> None:
    of_till, _ = stall.product("Navy suit")
    with stall.session() as session:
        row = session.get_one(Product, of_till)
        row.url, row.external_id = None, "till"
    of_web, _ = stall.product("Navy suit")
    other, _ = stall.product("Grey suit")
    found = stall.offer(
        *({"product_id": one, "variant_id": None} for one in (of_till, of_web, other))
    )
    assert (found["DUEPROD"], found["DUEURL"]) == ("Navy suit", "https://stipt-demo.shop/9")
    assert (found["RECO1"], found["RECO2"]) == ("Navy suit", "Grey suit")
    assert "RECO3" not in found


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_a_product_that_is_not_published_is_not_proposed(stall: Stall, status: str) -> None:
    suit, _ = stall.product("Navy suit", status=status)
    found = stall.offer({"product_id": suit, "variant_id": None})
    assert found["DUEPROD"] == "suit", "the thing itself, so that the sentence has no hole"
    assert "DUEURL" not in found
    assert "RECO1" not in found


def test_a_product_of_which_every_size_is_gone_is_not_proposed(stall: Stall) -> None:
    suit, _ = stall.product("Navy suit", 0, 0)
    assert stall.offer({"product_id": suit, "variant_id": None})["DUEPROD"] == "suit"


def test_stock_that_nobody_counts_can_be_sold(stall: Stall) -> None:
    suit, in_50 = stall.product("Navy suit", None)
    assert stall.offer({"product_id": suit, "variant_id": in_50})["DUEPROD"] == "Navy suit 50"


def test_the_proposal_goes_with_the_due_date_after_a_purchase(stall: Stall) -> None:
    suit, _ = stall.product("Navy suit", 1)
    with stall.session() as session:
        for due in session.exec(select(DueDate)):
            due.state = ""
    found = stall.offer({"product_id": suit, "variant_id": None})
    assert "DUEPROD" not in found
    assert "DUEURL" not in found
