"""What a need of which little is known starts from: its category, the shop, how many are owned."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from segmentation.frames import Choices
from tests.segmentation.builders import ACCOUNT, Buy, fitted

FIRST, AS_OF = date(2024, 1, 1), date(2024, 12, 31)


def rhythm(kind: str, category: str, days: int, *, first: int, people: int = 40) -> list[Buy]:
    return [
        Buy(person=first + person, on=FIRST + timedelta(days=person % 30 + days * time), type=kind,
            title=kind, category=category)
        for person in range(people) for time in range(300 // days)
    ]  # fmt: skip


def lives(*rare: Buy) -> dict[str, float]:
    """Return the lives of a shop with a quick and a slow category, and of what else it sells."""
    buys = rhythm("Gnome oil", "Garden > Care > Gnome oil", 20, first=0)
    buys += rhythm("Attic doors", "Attic > Doors", 100, first=1000)
    shop = fitted([*buys, *rare], AS_OF)
    return {life.need: life.prior_days for life in shop.lives(ACCOUNT)}


@pytest.mark.parametrize("category", ["Garden > Care", "Garden > Care > Gnome wax"])
def test_an_unknown_type_starts_from_its_category(category: str) -> None:
    on = date(2024, 3, 1)
    found = lives(Buy(person=1, on=on, type="Gnome wax", title="Wax", category=category))
    assert 20 <= found["gnome-wax"] < 23
    assert found["attic-doors"] > 70


def test_an_unknown_type_without_a_category_starts_from_the_shop() -> None:
    on = date(2024, 3, 1)
    found = lives(
        Buy(person=1, on=on, type="Riddles", title="Riddle"),
        Buy(person=1, on=on, type="Quilts of fog", title="Fog", category="Weather"),
    )
    assert found["riddles"] == found["quilts-of-fog"]
    assert found["gnome-oil"] < found["riddles"] < found["attic-doors"]


def test_of_a_category_with_few_gaps_the_shop_is_told() -> None:
    days = (FIRST, FIRST + timedelta(days=200))
    few = [Buy(person=5, on=on, type="Moss", title="Moss", category="Wood > Moss") for on in days]
    found = lives(*few)
    assert found["moss"] < 40


def shirts(kind: str, days: int, gaps: int) -> list[Buy]:
    """Return so many repurchases, all after so many days."""
    return [
        Buy(person=person, on=AS_OF - timedelta(days=days * time), type=kind, title=kind)
        for person in range(gaps)
        for time in range(2)
    ]


def test_a_life_over_the_number_owned_gives_way_sooner_than_that_of_a_single_piece() -> None:
    few, single = (
        next(life for life in fitted(shirts(kind, 60, 8), AS_OF).lives(ACCOUNT))
        for kind in ("T-shirts", "Suits")
    )
    assert few.basis == single.basis == "assumption"
    assert np.log(few.life_days / 60) / np.log(few.prior_days / 60) < 0.6 * (
        np.log(single.life_days / 60) / np.log(single.prior_days / 60)
    )


def test_how_many_are_in_use_follows_from_how_often_they_are_bought() -> None:
    seldom, often = (
        next(life for life in fitted(shirts("T-shirts", days, 60), AS_OF).lives(ACCOUNT))
        for days in (280, 35)
    )
    assert seldom.lasts_days == often.lasts_days == 4 * 365
    assert seldom.owned == pytest.approx(4 * 365 / 280, rel=0.1)
    assert often.owned == pytest.approx(4 * 365 / 35, rel=0.1)


def test_of_single_pieces_and_of_a_stated_interval_no_number_is_told() -> None:
    suits = fitted(shirts("Suits", 60, 3), AS_OF).lives(ACCOUNT)
    stated = fitted(shirts("T-shirts", 60, 3), AS_OF, Choices(lives={"t-shirts": 400}))
    assert [life.owned for life in suits] == [None]
    assert [round(life.life_days) for life in stated.lives(ACCOUNT)] == [400]
    assert [life.owned for life in stated.lives(ACCOUNT)] == [None]
