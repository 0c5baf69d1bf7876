"""Personal picks: bought again, bought for the first time, and what may be shown."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from segmentation.picks.rate import PersonalRate

MILK, SOAP, CAKE, RARE = 1, 2, 3, 4


def shop(seed: int = 0, people: int = 60) -> pd.DataFrame:
    """Everybody buys milk in most baskets, soap in few, and cake once."""
    random = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        for day in range(12):
            rows += [(person, day, MILK)] if random.random() < 0.8 else []
            rows += [(person, day, SOAP)] if random.random() < 0.2 else []
        rows.append((person, person % 12, CAKE))
    return pd.DataFrame(rows, columns=["person_id", "day", "product_id"])


def test_what_people_come_back_for_is_ranked_before_what_they_bought_once() -> None:
    bought = shop()
    best = PersonalRate().fit(bought).predict(bought, n=3)
    assert (best.loc[best["rank"] == 1, "product_id"] == MILK).mean() > 0.9
    model = PersonalRate().fit(bought)
    assert dict(zip(model.items_.tolist(), model.repeat_.tolist(), strict=True))[CAKE] < 0.1


def test_somebody_new_gets_what_others_buy_for_the_first_time() -> None:
    bought = shop()
    visitor = pd.DataFrame({"person_id": [999], "day": [0], "product_id": [RARE]})
    shown = PersonalRate().fit(bought).predict(visitor, n=2)
    assert shown["person_id"].tolist() == [999] * len(shown)
    assert not shown["is_repeat"].any()
    assert shown["product_id"].tolist()[0] == MILK  # most of those without it buy it next
    assert len(shown) == 2


def test_nothing_is_shown_that_is_not_allowed() -> None:
    bought = shop()
    shown = PersonalRate().fit(bought).predict(bought, n=3, allowed=np.array([SOAP, CAKE]))
    assert set(shown["product_id"]) <= {SOAP, CAKE}


def test_a_product_is_ranked_lower_the_longer_it_was_left_out() -> None:
    rows = [(1, day, MILK) for day in range(5)] + [(1, day, SOAP) for day in range(5)]
    rows += [(1, day, MILK) for day in range(5, 9)]
    mine = pd.DataFrame(rows, columns=["person_id", "day", "product_id"])
    rates = PersonalRate().fit(shop()).rates(mine).set_index("product_id")["rate"]
    assert rates[MILK] > rates[SOAP]


def test_a_kind_lends_its_rate_to_a_product_seen_little() -> None:
    bought = pd.concat(
        [shop(), pd.DataFrame({"person_id": [1, 2], "day": [0, 0], "product_id": [RARE] * 2})]
    )
    like_milk = pd.Series({MILK: "dairy", RARE: "dairy", SOAP: "care", CAKE: "cake"})
    like_cake = pd.Series({MILK: "dairy", RARE: "cake", SOAP: "care", CAKE: "cake"})

    def rate(kinds: pd.Series) -> float:
        model = PersonalRate().fit(bought, kinds=kinds)
        return float(model.repeat_[model.items_ == RARE][0])

    assert rate(like_milk) > 2 * rate(like_cake)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 9), st.integers(1, 8)), min_size=1, max_size=60
    ),
    st.integers(1, 5),
)
def test_every_person_gets_distinct_products_with_a_chance_best_first(
    rows: list[tuple[int, int, int]], n: int
) -> None:
    bought = pd.DataFrame(rows, columns=["person_id", "day", "product_id"])
    shown = PersonalRate().fit(bought).predict(bought, n=n)
    assert ((shown["rate"] > 0) & np.isfinite(shown["rate"])).all()
    assert not shown.duplicated(["person_id", "product_id"]).any()
    for _, mine in shown.groupby("person_id"):
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        assert mine["rate"].is_monotonic_decreasing


def test_a_few_people_get_what_they_get_among_all() -> None:
    bought = shop()
    model = PersonalRate().fit(bought)
    everybody = model.predict(bought, n=3)
    some = model.predict(bought[bought["person_id"].isin([3, 40])], n=3)
    expected = everybody[everybody["person_id"].isin([3, 40])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, expected)


def test_the_numbers_survive_being_written_down() -> None:
    bought = shop()
    model = PersonalRate(forgetting=0.1).fit(bought, kinds=pd.Series({MILK: "dairy"}))
    again = PersonalRate.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.get_params() == model.get_params()
    pd.testing.assert_frame_equal(again.predict(bought), model.predict(bought))


def test_it_is_a_scikit_learn_estimator() -> None:
    model = PersonalRate(item_weight=7)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert model.fit(shop()) is model
    with pytest.raises(NotFittedError):
        copy.predict(shop())
