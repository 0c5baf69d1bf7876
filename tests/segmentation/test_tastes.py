"""Placing products, and people by what they buy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from segmentation.affinity import departments
from segmentation.duedates.needs import Placer, place_products
from segmentation.duedates.starting import NEEDS
from segmentation.frames import Choices
from segmentation.rfm import RfmScorer
from segmentation.style import styles
from tests.segmentation.builders import Buy, assigned, fitted, frames, segments_of

ON = date(2024, 5, 10)


@pytest.mark.parametrize(
    ("product_type", "category", "title", "need"),
    [
        ("Suits", "", "Whatever", "suits"),
        ("Herenpakken", "", "", "suits"),
        ("", "Dames > Jurken", "Zomer", "dresses"),
        ("", "", "Zomerjurk met riem", "dresses"),
        ("", "", "Slim-fit dress shirt", "shirts"),
        ("Clothing", "Men", "Wool overcoat navy", "coats"),
        ("Kleding", "", "Zwempak blauw", "swimwear"),
        ("T-Shirts & Tops", "", "", "tops"),
        ("Fish hooks", "", "Shirt", "fish-hooks"),
        ("", "", "Mystery", ""),
        ("", "", "Verzendkosten", "-"),
    ],
)
def test_a_product_is_placed_by_what_the_shop_calls_it(
    product_type: str, category: str, title: str, need: str
) -> None:
    assert Placer(Choices()).place(1, title, product_type, category, "")[0] == need


@pytest.mark.parametrize("key", ["Suits", "suits", "blue", "7"])
def test_a_correction_by_type_title_word_or_product_outranks_all(key: str) -> None:
    placer = Placer(Choices(needs={key: "workwear"}))
    assert placer.place(7, "Blue suit", "Suits", "", "")[0] == "workwear"


def test_every_need_of_the_starting_table_is_found_by_its_own_names() -> None:
    place = Placer(Choices()).place
    for need in NEEDS:
        assert place(1, "", need.names[1], "", "")[0] == need.key
        assert place(1, "", need.names[3], "", "")[0] == need.key


def test_an_unknown_type_keeps_the_merchants_name() -> None:
    _, names = place_products(frames([Buy(person=1, on=ON, type="Fish hooks")]).products, Choices())
    assert names["fish-hooks"].plural("nl") == "fish hooks"


def _label(choices: Choices, **of: str) -> tuple[str, str]:
    products = frames([Buy(person=1, on=ON, **of)]).products  # type: ignore[arg-type]  # text fields
    placed, _ = place_products(products, choices)
    need = placed["need"]
    return departments(products, need, choices)[0], styles(products, need, choices)[0]


@pytest.mark.parametrize(
    ("of", "labels"),
    [
        ({"type": "Suits", "target": "men"}, ("men", "business")),
        ({"type": "Broeken", "category": "Dames > Broeken", "title": "x"}, ("women", "")),
        ({"type": "Dresses", "title": "x"}, ("women", "")),
        ({"type": "Dresses", "target": "unisex", "title": "x"}, ("", "")),
        ({"type": "Shirts", "title": "Heren flanel overhemd"}, ("men", "casual")),
        ({"type": "Trousers", "title": "Zakelijke pantalon"}, ("", "business")),
        ({"type": "Bags", "title": "Bag for men and women"}, ("", "")),
    ],
)
def test_a_product_tells_its_department_and_style(
    of: dict[str, str], labels: tuple[str, str]
) -> None:
    assert _label(Choices(), **of) == labels


def test_the_merchants_word_on_department_and_style_sticks() -> None:
    choices = Choices(styles={"suits": "casual"}, departments={"Suits": "women"})
    assert _label(choices, type="Suits", target="men") == ("women", "casual")
    silent = Choices(styles={"suits": ""}, departments={"suits": "unisex"})
    assert _label(silent, type="Suits", target="men") == ("", "")


def _person(number: int, *targets: str, month: int = 5) -> list[Buy]:
    return [
        Buy(person=number, on=date(2023, month, 3 + i), type="Socks", title=t, target=t)
        for i, t in enumerate(targets)
    ]


def test_departments_follow_the_evidence() -> None:
    buys = [
        *_person(1, "men", "men", "men"),
        *_person(2, "men"),
        *_person(3, "men", "men", "women", "women"),
        *_person(4, "unisex", "unisex", "unisex"),
        *_person(5, "women", "women", "women"),
        *[replace(b, gift=True) for b in _person(6, "men", "men", "men")],
        *_person(7, "men", "men", "men"),
        *_person(7, "women", month=12),
    ]
    shops = assigned(buys, ON).profiles.set_index("person_id")["shops"].to_dict()
    assert shops == {
        1: "menswear",
        2: "",
        3: "both",
        4: "",
        5: "womenswear",
        6: "",
        7: "menswear",
    }


def test_time_alone_changes_no_taste() -> None:
    buys = [*_person(1, "men", "men"), *_person(2, "men", "women", "women")]
    by = fitted(buys, ON)
    now, later = (
        assigned(buys, on, by=by).profiles[["shops", "style", "favourite"]]
        for on in (ON, ON + timedelta(days=900))
    )
    pd.testing.assert_frame_equal(now, later)


def test_a_favourite_is_bought_far_more_than_by_others() -> None:
    crowd = [
        Buy(person=p, on=date(2023, m, 1), type=kind)
        for p in range(2, 12)
        for m, kind in ((1, "Shirts"), (3, "Suits"), (5, "Bags"), (7, "Jeans"), (9, "Coats"))
    ]
    mine = [Buy(person=1, on=date(2023, m, 1), type="Hats") for m in (1, 3, 5, 7)]
    outcome = assigned([*crowd, *mine], ON)
    assert "loves:hats" in segments_of(outcome, 1)
    assert not any(s.startswith("loves:") for s in segments_of(outcome, 2))


def test_scores_are_fifths_by_rank_with_ties_by_person() -> None:
    people = pd.DataFrame(
        {
            "person_id": np.arange(1, 12),
            "recency": np.zeros(11),
            "frequency": np.ones(11),
            "monetary_value": np.arange(11.0),
        }
    )
    scorer = RfmScorer().fit(people)
    assert scorer.transform(people)["f"].tolist() == [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    one = scorer.transform(people.iloc[[6]])
    assert one["f"].tolist() == [3]
    assert RfmScorer.from_dict(scorer.to_dict()).transform(people).equals(scorer.transform(people))
