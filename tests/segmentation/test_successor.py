"""What is offered for a worn-out thing: never what cannot be bought, never the wrong size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.picks.successor import MOST, PRICE_FACTOR, successors

TRAITS = {
    "account_id": 1, "need": "suits", "department": "men", "style": "business", "brand": "A",
    "colour": "navy", "size": "52", "price": 39_900.0,
}  # fmt: skip


def owned(**traits: object) -> pd.DataFrame:
    return pd.DataFrame([{**TRAITS, "product_id": 1, **traits}])


def stock(*rows: Mapping[str, object]) -> pd.DataFrame:
    made = [
        {**TRAITS, "product_id": 10 + at, "variant_id": 100 + at, **row}
        for at, row in enumerate(rows)
    ]
    return pd.DataFrame(made).astype({"variant_id": "Int64"})


def offered(have: pd.DataFrame, shop: pd.DataFrame) -> list[int]:
    return successors(have, shop)["product_id"].tolist()


def test_the_same_product_in_the_same_size_comes_first_while_it_is_sold() -> None:
    shop = stock({"price": 42_900.0}, {"product_id": 1, "price": 42_900.0})
    assert offered(owned(), shop) == [1, 10]


def test_the_nearest_colour_is_offered_before_the_nearest_price() -> None:
    shop = stock({"colour": "beige", "price": 39_900.0}, {"colour": "blauw", "price": 42_900.0})
    assert offered(owned(), shop) == [11, 10]


def test_a_size_that_is_sold_out_offers_another_product_in_that_size() -> None:
    shop = stock({"product_id": 1, "size": "50"}, {"size": "52"})
    found = successors(owned(), shop)
    assert found["product_id"].tolist() == [11]
    assert found["variant_id"].tolist() == [101]


def test_somebody_whose_size_is_not_known_is_shown_products_and_no_size() -> None:
    found = successors(owned(size=""), stock({"size": "50"}, {"size": "52", "product_id": 10}))
    assert found["product_id"].tolist() == [10]
    assert found["variant_id"].isna().all()


def test_nothing_of_another_department_need_or_shop_is_offered() -> None:
    others = ({"department": "women"}, {"need": "coats"}, {"account_id": 2})
    assert offered(owned(), stock(*others)) == []


def test_a_thing_twice_as_dear_is_no_replacement() -> None:
    assert offered(owned(), stock({"price": 39_900.0 * PRICE_FACTOR * 1.01})) == []
    assert offered(owned(price=np.nan), stock({"price": 999_900.0})) == [10]


_ITEM = st.fixed_dictionaries(
    {
        "account_id": st.integers(1, 2),
        "need": st.sampled_from(["suits", "shirts"]),
        "department": st.sampled_from(["men", "women", ""]),
        "style": st.sampled_from(["business", ""]),
        "brand": st.sampled_from(["A", "B"]),
        "colour": st.sampled_from(["navy", "red", "spotted", ""]),
        "size": st.sampled_from(["50", "52", ""]),
        "price": st.sampled_from([10_000.0, 19_900.0, 90_000.0, float("nan")]),
        "product_id": st.integers(1, 6),
    }
)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(_ITEM, min_size=1, max_size=40),
    st.lists(st.tuples(_ITEM, st.booleans()), max_size=30),
)
def test_whatever_is_owned_only_what_can_be_bought_in_that_size_is_offered(
    have: list[dict[str, object]], shelf: list[tuple[dict[str, object], bool]]
) -> None:
    """10,000 states: 250 shops of up to 40 people."""
    every = [{**item, "variant_id": at} for at, (item, _) in enumerate(shelf)]
    names = [*TRAITS, "product_id", "variant_id"]
    shown = pd.DataFrame(every, columns=names).astype({"variant_id": "Int64"})
    there = shown[[is_there for _, is_there in shelf]] if shelf else shown
    things = pd.DataFrame(have)
    found = successors(things, there)
    assert (found.groupby("row").size() <= MOST).all()
    assert not found.duplicated(["row", "product_id"]).any()
    for one in found.to_dict("records"):
        mine = things.iloc[int(one["row"])]
        of_product = there[
            (there["product_id"] == one["product_id"])
            & (there["account_id"] == mine["account_id"])
            & (there["need"] == mine["need"])
        ]
        if mine["size"]:
            assert (
                one["variant_id"]
                in of_product.loc[of_product["size"] == mine["size"], "variant_id"]
            )
        else:
            assert pd.isna(one["variant_id"])
            assert len(of_product)
