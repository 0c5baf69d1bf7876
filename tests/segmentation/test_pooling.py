"""What a need of which little is known starts from: its category, else the shop."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

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
