"""How a shop scores its customers is kept beside our scores, to compare, and used for nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlmodel import select

from integration.app import create_app
from integration.context import Context, make_context
from integration.db import scoped
from integration.reading.model import card
from integration.reading.theirs import groups
from integration.settings import Settings
from integration.tables import PersonProfile, SourceProfile
from tests.service.shop_rows import NOW, Merchant, merchant
from tests.service.visitor import Visitor


@pytest.fixture
def still(settings: Settings) -> Context:
    return make_context(settings, clock=lambda: NOW)


@pytest.fixture
def shop(still: Context) -> tuple[Flask, Merchant]:
    return create_app(still), merchant(still)


def test_without_a_shop_that_scores_nothing_is_compared(
    still: Context, shop: tuple[Flask, Merchant]
) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    assert "At Shopify" not in visitor.get("/model").text
    assert "Group there" not in visitor.get(f"/people/{known.person_id}").text


def test_people_are_counted_by_shopifys_word_and_ours(
    still: Context, shop: tuple[Flask, Merchant]
) -> None:
    app, known = shop
    with scoped(still.engine, known.account_id) as session:
        figures = session.exec(select(PersonProfile)).all()
        consumers = {one.person_id: one for one in figures if not one.is_wholesale}
        rows = session.exec(select(SourceProfile)).all()
        unscored, *scored = sorted({row.person_id for row in rows} - {known.person_id})
        for row in rows:
            if row.person_id != unscored:
                row.their_group, row.their_tier = "champions", "high"
        told_of = {known.person_id, *scored}
        theirs = told_of & consumers.keys()
        stage = consumers[known.person_id].stage
        expected = sum(consumers[person].stage == stage for person in theirs)
    with scoped(still.engine, known.account_id) as session:
        found, told = groups(session), card(session)
    assert found is not None
    assert expected >= 1
    assert found.count("champions", stage) == expected
    assert sum(found.counts.values()) == len(theirs), "somebody with two profiles is one"
    assert found.without_theirs == 1
    assert found.without_ours == len(told_of - theirs)
    assert told is not None
    assert told.as_json("en")["left_out_of_groups"] == found.left_out
    assert told.as_json("en")["their_groups"]["champions"][stage] == expected
    visitor = Visitor(app)
    visitor.log_in(known.email)
    page = visitor.get("/model").text
    assert "Our stages beside Shopify" in page
    assert '<th scope="row">Champions</th>' in page
    assert '<th scope="row">High</th>' in page
    assert "1 customers of whom Shopify gives none" in page
    assert "Champions" in visitor.get(f"/people/{known.person_id}").text
