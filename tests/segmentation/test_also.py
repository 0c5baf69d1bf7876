"""What others bought as well: only with evidence, only where it beats what sells most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from segmentation.picks.also import LEAST_PEOPLE, AlsoBought
from segmentation.picks.personal import also_bought

TODAY = 1_000
#: Two products that go together, their kinds, and others that go with nothing.
SUIT, BELT, COAT, OTHERS = 1, 2, 3, range(10, 18)
KINDS = pd.Series({SUIT: "suits", BELT: "belts", COAT: "coats"} | dict.fromkeys(OTHERS, "socks"))
LASTING = {"suits", "belts", "coats"}


def shop(share: float = 0.6, people: int = 900, seed: int = 1) -> pd.DataFrame:
    """Everybody buys two things at random; every third a suit, and a share of them a belt later."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        day = int(rng.integers(TODAY - 120, TODAY - 10))
        rows += [(person, day - 20, int(one)) for one in rng.choice(OTHERS, 2, replace=False)]
        if person % 3 == 0:
            rows.append((person, day, SUIT))
            if rng.random() < share:
                rows.append((person, min(day + int(rng.integers(1, 61)), TODAY), BELT))
        else:
            rows.append((person, min(day + 30, TODAY), int(rng.choice(OTHERS))))
    return pd.DataFrame(rows, columns=["person_id", "day", "product_id"])


def fitted(bought: pd.DataFrame) -> AlsoBought:
    return AlsoBought().fit(bought, TODAY, kinds=KINDS, lasting=LASTING)


def due(*rows: tuple[int, str, str, str]) -> pd.DataFrame:
    """(person, need, state, size) of what people have; everything lives for two years."""
    made = pd.DataFrame(rows, columns=["person_id", "need", "state", "last_size"])
    return made.assign(life=730.0)


def shelf(*rows: tuple[int, str]) -> pd.DataFrame:
    """(product, size) that can be bought."""
    made = pd.DataFrame(rows, columns=["product_id", "size"])
    return made.assign(need=made["product_id"].map(KINDS))


@pytest.fixture(scope="module")
def model() -> AlsoBought:
    made = fitted(shop(people=2_400))
    assert made.closed == "", made.tried_
    return made


#: Person 1 bought the suit last, person 2 a thing that goes with nothing.
LAST = pd.DataFrame(
    [(1, 10, 12), (1, 500, SUIT), (2, 500, 11)], columns=["person_id", "day", "product_id"]
)


def block(
    model: AlsoBought, there: pd.DataFrame, have: pd.DataFrame, bought: pd.DataFrame = LAST
) -> list[tuple[list[int], str]]:
    """Products shown to persons 1 and 2, and why none are."""
    found = also_bought(model, bought, have, pd.Series([1, 2]), there)
    return [([row["product_id"] for row in one["shown"]], one["why"]) for one in found]


def test_what_goes_together_is_told_with_how_many_and_an_interval_above_one() -> None:
    bought = shop(people=600)
    made = fitted(bought)
    both = set(bought.loc[bought["product_id"] == SUIT, "person_id"])
    both &= set(bought.loc[bought["product_id"] == BELT, "person_id"])
    assert set(zip(made.rules_["after"], made.rules_["product_id"], strict=True)) == {
        (SUIT, BELT), (BELT, SUIT),
    }  # fmt: skip
    first = made.rules_.iloc[0]
    assert (first["people"], first["of"]) == (len(both), 200)
    assert 1 < first["low"] < first["lift"] < first["high"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, LEAST_PEOPLE - 1), st.integers(0, 60), st.integers(1, 5))
def test_with_fewer_than_the_least_people_there_is_never_a_pair(
    both: int, others: int, products: int
) -> None:
    rows = [(person, TODAY - 5, product) for person in range(both) for product in range(products)]
    rows += [(1_000 + person, TODAY - 5, 7 + person % 9) for person in range(others)]
    bought = pd.DataFrame(rows, columns=["person_id", "day", "product_id"]).astype("int64")
    made = fitted(bought)
    assert made.rules_.empty
    assert made.closed == "pairs"


def test_who_buys_much_of_everything_makes_no_pair() -> None:
    rng = np.random.default_rng(4)
    rows = [
        (person, TODAY - 9, int(product))
        for person in range(1_500)
        for product in rng.choice(range(30), 1 if person % 5 else 15, replace=False)
    ]
    made = fitted(pd.DataFrame(rows, columns=["person_id", "day", "product_id"]))
    assert made.pairs_ == 30 * 29
    assert made.rules_.empty


def test_two_things_of_a_kind_that_lasts_do_not_go_together() -> None:
    bought = shop(people=600).replace({"product_id": {BELT: COAT}})
    kinds = pd.concat([KINDS.drop(COAT), pd.Series({COAT: "suits"})])
    made = AlsoBought().fit(bought, TODAY, kinds=kinds, lasting=LASTING)
    assert made.rules_.empty


def test_it_closes_by_itself_where_what_sells_most_is_hit_as_often(model: AlsoBought) -> None:
    """In the last days everybody buys the most popular thing, whatever he bought before."""
    assert model.tried_.hits > model.tried_.popular
    bought = shop(people=2_400)
    popular = 99
    late = bought["day"] > TODAY - 60
    bought.loc[late & (bought["product_id"] == BELT), "product_id"] = popular
    early = pd.DataFrame({"person_id": range(5_000, 6_500), "day": TODAY - 90})
    made = fitted(pd.concat([bought, early.assign(product_id=popular)], ignore_index=True))
    assert not made.rules_.empty
    assert made.closed == "better"
    shown = block(made, shelf((BELT, ""), (SUIT, "")), due((1, "suits", "", "")))
    assert shown == [([], "closed"), ([], "closed")]


def test_the_last_purchase_brings_what_others_bought_with_it(model: AlsoBought) -> None:
    there, have = shelf((BELT, ""), (SUIT, "")), due((1, "suits", "", ""))
    found = also_bought(model, LAST, have, pd.Series([1, 2]), there)
    assert found[0]["why"] == ""
    (shown,) = found[0]["shown"]
    assert (shown["product_id"], shown["after"]) == (BELT, SUIT)
    assert 0 < shown["people"] < shown["of"]
    assert found[1] == {"shown": [], "why": "few"}


def test_nothing_is_shown_that_is_gone_does_not_fit_lives_on_or_was_bought(
    model: AlsoBought,
) -> None:
    suit = (1, "suits", "", "")
    nothing_left: list[tuple[list[int], str]] = [([], "left"), ([], "few")]
    assert block(model, shelf((SUIT, "")), due(suit)) == nothing_left
    assert block(model, shelf((BELT, "")), due(suit, (1, "belts", "", ""))) == nothing_left
    assert block(model, shelf((BELT, "95")), due(suit, (1, "belts", "now", "90"))) == nothing_left
    worn_out = due(suit, (1, "belts", "now", "95"))
    assert block(model, shelf((BELT, "95")), worn_out) == [([BELT], ""), ([], "few")]
    had = pd.concat([LAST, pd.DataFrame([{"person_id": 1, "day": 100, "product_id": BELT}])])
    assert block(model, shelf((BELT, "")), due(suit), had) == nothing_left


def test_it_is_written_down_as_plain_numbers_and_follows_scikit_learn(model: AlsoBought) -> None:
    again = AlsoBought.from_dict(model.to_dict())
    assert again.to_dict() == model.to_dict()
    assert again.closed == model.closed
    empty = fitted(shop(people=6))
    assert AlsoBought.from_dict(empty.to_dict()).closed == "pairs"
    assert clone(AlsoBought(within_days=90)).get_params()["within_days"] == 90
