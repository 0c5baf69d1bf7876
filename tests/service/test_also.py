"""What others bought as well, on the pages: for whom, on what evidence, and why for no more."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import Session, col, select

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.tables import FittedModel, PersonProfile, Product, Shop
from tests.service.shop_rows import NOW, Merchant, merchant
from tests.service.visitor import Visitor


class Pages:
    """The pages of a merchant in whose shop a belt goes with the suit."""

    def __init__(self, context: Context) -> None:
        still = replace(context, clock=lambda: NOW)
        self.known: Merchant = merchant(still)
        self.context = context
        self.visitor = Visitor(create_app(still))
        self.visitor.log_in(self.known.email)
        with self.session() as session:
            shop = session.exec(select(col(Shop.id))).first() or 0
            self.suit, self.belt = (
                self._product(session, shop, title) for title in ("Grey suit", "Brown belt")
            )

    def session(self) -> Any:
        return scoped(self.context.engine, self.known.account_id)

    def _product(self, session: Session, shop: int, title: str) -> int:
        row = Product(account_id=self.known.account_id, shop_id=shop, external_id=title,
                      title=title, status="active")  # fmt: skip
        session.add(row)
        session.flush()
        return row.id or 0

    def learn(self, *, hits: int, popular: int, low: float) -> None:
        """Let the last fit have found the pair, with this outcome of its trial."""
        rule = {"after": [self.suit], "product_id": [self.belt], "people": [31], "of": [112],
                "lift": [4.1], "low": [2.2], "high": [7.9]}  # fmt: skip
        tried = {"people": 400, "hits": hits, "popular": popular, "low": low}
        with self.session() as session:
            row = session.exec(select(FittedModel)).one()
            state = deepcopy(row.state)
            numbers = state["accounts"][str(self.known.account_id)]
            numbers["also"] |= {"pairs": 90, "rules": rule, "tried": tried}
            row.state = state

    def compute(self, why: str, of: int | None = None) -> None:
        """Let this have been computed for everybody, or for `of` of them from the first on."""
        shown = {"product_id": self.belt, "after": self.suit, "people": 31, "of": 112}
        with self.session() as session:
            for row in session.exec(
                select(PersonProfile).order_by(col(PersonProfile.person_id)).limit(of)
            ):
                row.also = {"shown": [] if why else [shown], "why": why}

    def read(self, path: str, language: str = "en") -> str:
        answer = self.visitor.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 200
        return " ".join(answer.text.split())


@pytest.fixture
def pages(context: Context) -> Pages:
    return Pages(context)


def test_the_page_tells_for_whom_there_is_something_and_why_not_for_the_rest(
    pages: Pages,
) -> None:
    assert "Shown for nobody: too little data." in pages.read("/next")
    pages.learn(hits=80, popular=50, low=0.02)
    pages.compute("few")
    pages.compute("", of=1)
    with pages.session() as session:
        people = len(session.exec(select(PersonProfile)).all())
    text = pages.read("/next")
    assert f"Shown for {100 / people:.0f}% of people" in text
    assert f"too few others bought what {people - 1} of them bought last" in text
    assert "Of 400 people in the last 60 days 80 bought one of what we would have shown" in text
    assert "Grey suit" in text
    assert "31 of 112" in text
    pages.learn(hits=50, popular=50, low=-0.02)
    assert "Shown for nobody: what sells most is as good." in pages.read("/next")


def test_a_person_shows_what_others_bought_with_the_same_or_why_nothing(pages: Pages) -> None:
    path = f"/people/{pages.known.person_id}"
    assert "Others also bought" not in pages.read(path)
    pages.compute("")
    assert "31 of 112 who bought Grey suit bought it as well" in pages.read(path)
    with pages.session() as session:
        session.get_one(Product, pages.belt).status = "archived"
    assert "this person has, or cannot have now" in pages.read(path)
    pages.compute("few")
    assert "too few others bought what this person bought last" in pages.read(path)
