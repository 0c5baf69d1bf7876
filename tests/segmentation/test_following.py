"""What follows what: beyond taste, beyond chance, and only as long as it may still follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from connectors.demo.crossings import CROSSINGS
from segmentation.account import Part, account_table
from segmentation.compute import _History
from segmentation.following import WITHIN_DAYS, Arrow, Following, strata
from segmentation.frames import Choices
from tests.segmentation.reference import ACCOUNT, Reference, reference

NEEDS = ("suits", "shirts", "belts", "jeans", "bags")
TODAY = 3_000


def purchases(*rows: tuple[int, str, int]) -> pd.DataFrame:
    """Days on which a person bought a need."""
    person, need, day = zip(*rows, strict=True)
    return pd.DataFrame(
        {"person_id": person, "code": [NEEDS.index(one) for one in need], "day": day}
    )


def followed(share: float, people: int = 400) -> pd.DataFrame:
    """Suits for half of the people and jeans for the others; belts follow a share of the suits.

    Everybody was a customer before, for a bag.
    """
    rows = []
    for person in range(people):
        rows.append((person, "bags", 0))
        rows.append((person, "suits" if person % 2 else "jeans", 100 + person % 90))
        if (person % 2 and (person // 2) % 5 < 5 * share) or person % 20 == 0:
            rows.append((person, "belts", 120 + person % 90))
    return purchases(*rows)


def alike(people: pd.DataFrame) -> pd.Series:
    """Everybody is like everybody."""
    return pd.Series(0, index=people["person_id"].unique())


@pytest.fixture(scope="module")
def fitted() -> Following:
    found = followed(0.4)
    return Following().fit(found, alike(found), NEEDS, TODAY)


def test_what_follows_is_told_with_how_many_and_how_much_more_often(fitted: Following) -> None:
    (arrow,) = fitted.arrows_
    assert (arrow.before, arrow.then) == ("suits", "belts")
    assert (arrow.people, arrow.of, arrow.share) == (80, 200, 0.4)
    assert arrow.base == pytest.approx(0.1, abs=0.01)
    assert 1 < arrow.low < arrow.lift < arrow.high
    assert arrow.days == 20


def test_fewer_than_thirty_people_make_no_arrow() -> None:
    few = followed(0.4, people=100)
    assert Following().fit(few, alike(few), NEEDS, TODAY).arrows_ == ()


def test_a_taste_is_no_arrow() -> None:
    """Half of the people buy mostly suits and belts at any time, the others jeans and shirts."""
    rng = np.random.default_rng(3)
    rows = [
        (person, NEEDS[(2 * int(rng.integers(2)) + person + (rng.random() < 0.1)) % 4], int(day))
        for person in range(1_500)
        for day in rng.integers(0, TODAY, rng.integers(2, 30))
    ]
    bought = purchases(*rows).drop_duplicates(ignore_index=True)
    taste = pd.Series(np.arange(1_500) % 2, index=np.arange(1_500))
    for measured in (taste, alike(bought)):
        assert Following().fit(bought, measured, NEEDS, TODAY).arrows_ == ()


def test_what_is_bought_before_as_often_as_after_is_no_arrow() -> None:
    found = followed(0.4)
    others = found[found["person_id"] % 2 == 1].assign(person_id=found["person_id"] + 400)
    earlier = others["day"] - 40 * (others["code"] == NEEDS.index("belts"))
    both = pd.concat([found, others.assign(day=earlier)], ignore_index=True)
    assert Following().fit(found, alike(found), NEEDS, TODAY).arrows_ != ()
    assert Following().fit(both, alike(both), NEEDS, TODAY).arrows_ == ()


def test_in_the_sample_shop_its_rules_are_found_and_no_other_pair() -> None:
    shop = reference(customers=4_000)
    history = _History.read(shop.frames, shop.as_of, Choices())
    part = Part.of(ACCOUNT, shop.frames, history.table)
    table = account_table(history.goods, part, Choices(), history.today)
    alike = strata(table.part.tastes, table.part.people)
    found = Following().fit(table.purchases, alike, table.needs, history.today)
    rules = {(shop.need_of[one.before], shop.need_of[one.then]) for one in CROSSINGS}
    assert {(arrow.before, arrow.then) for arrow in found.arrows_} == rules
    # The other pairs of so many needs are 50 and more non-rules; without the rules there is none.
    assert len(table.needs) ** 2 > 50 + len(rules)
    without = table.purchases[~_crossed(shop, table.purchases, table.needs)]
    assert Following().fit(without, alike, table.needs, history.today).arrows_ == ()


def _crossed(shop: Reference, bought: pd.DataFrame, needs: Sequence[str]) -> np.ndarray:
    """Tell which purchases are there because of another one."""
    true = shop.truth.purchases.query("kind == 'crossed'")
    day = (true["bought_on"] - pd.Timestamp(0)).dt.days
    code = true["need"].map(shop.need_of).map(list(needs).index)
    caused = set(zip(true["person"] + 1, code, day, strict=True))
    rows = zip(bought["person_id"], bought["code"], bought["day"], strict=True)
    return np.array([row in caused for row in rows])


def test_it_holds_for_the_time_after_and_ends_with_the_purchase(fitted: Following) -> None:
    def held(*rows: tuple[int, str, int]) -> list[int]:
        return fitted.predict(purchases(*rows), NEEDS, TODAY)["person_id"].tolist()

    assert held((1, "suits", TODAY), (2, "jeans", TODAY)) == [1]
    assert held((1, "suits", TODAY - WITHIN_DAYS + 1), (2, "suits", TODAY - WITHIN_DAYS)) == [1]
    assert held((1, "suits", TODAY - 9), (1, "belts", TODAY - 4)) == []
    assert held((1, "suits", TODAY - 9), (1, "belts", TODAY - 60)) == []
    assert held((1, "suits", TODAY - 9), (1, "belts", TODAY - 300)) == [1]


def test_of_two_arrows_the_one_that_is_followed_more_often_is_told() -> None:
    made = Following()
    figures = {"people": 40, "of": 100, "base": 0.1, "lift": 2.0, "low": 1.5, "high": 3.0}
    shares = (("suits", "shirts", 0.2), ("jeans", "belts", 0.4))
    made.arrows_ = tuple(
        Arrow(before=before, then=then, share=share, days=20, **figures)  # type: ignore[arg-type]
        for before, then, share in shares
    )
    found = made.predict(purchases((1, "suits", TODAY), (1, "jeans", TODAY - 3)), NEEDS, TODAY)
    assert found["arrow"].tolist() == [1]


def test_it_is_written_down_as_plain_numbers_and_follows_scikit_learn(fitted: Following) -> None:
    again = Following.from_dict(fitted.to_dict())
    assert again.to_dict() == fitted.to_dict()
    assert clone(Following(within_days=30)).get_params() == {"within_days": 30, "least_people": 30}
