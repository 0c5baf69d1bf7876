"""Who looked at one kind of thing twice within two weeks and did not buy it, by a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from segmentation.compute import run
from segmentation.frames import (
    MOMENTS,
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    Assigned,
    Choices,
    check,
    empty,
)
from segmentation.reasons import render
from tests.segmentation.builders import ACCOUNT, Buy, frames, segments_of

TODAY = date(2026, 3, 20)
SUIT, SHIRT = 1, 2
#: Two kinds of goods, and people who bought long ago; the fourth is a business.
BUYS = [
    *(Buy(person=n, on=date(2023, 5, n), type="Suits", title="Milano") for n in (1, 2, 3, 4)),
    *(Buy(person=n, on=date(2023, 6, n), type="Shirts", title="Oxford") for n in (1, 2, 3, 4)),
]


def seen(
    ago: int,
    product: int | None = SUIT,
    kind: str = "product_view",
    person: int = 1,
    text: str = "",
) -> dict[str, Any]:
    """A moment so many days ago."""
    return {
        "account_id": ACCOUNT, "person_id": person, "kind": kind, "product_id": product,
        "subject": text or {SUIT: "Milano", SHIRT: "Oxford"}.get(product or 0, ""),
        "seen_on": pd.Timestamp(TODAY - timedelta(days=ago)),
    }  # fmt: skip


def outcome(
    *moments: dict[str, Any], buys: list[Buy] | None = None, choices: Choices | None = None
) -> Assigned:
    """What comes out where people looked at things."""
    kinds = {"seen_on": "datetime64[us]"}
    told = pd.DataFrame(moments, columns=list(MOMENTS)).astype({**MOMENTS, **kinds})
    known = replace(frames([*BUYS, *(buys or [])], business=[4]), moments=check(told, MOMENTS, "m"))
    return run(
        known,
        as_of=TODAY,
        choices=choices or Choices(),
        previous_due=empty(PREVIOUS_DUE),
        previous_segments=empty(PREVIOUS_SEGMENTS),
    )[1]


def interests(*moments: dict[str, Any], person: int = 1, **more: Any) -> set[str]:
    """The interests of somebody."""
    found = segments_of(outcome(*moments, **more), person)
    return {one for one in found if one.startswith("interest:")}


HOT = {"interest:suits:hot"}


@pytest.mark.parametrize(
    ("moments", "found"),
    [
        pytest.param([seen(3), seen(1)], HOT, id="on two days"),
        pytest.param([seen(1), seen(1)], set(), id="the page loaded again"),
        pytest.param([seen(1), seen(1, kind="cart_add")], set(), id="one product on one day"),
        pytest.param([seen(1), seen(1, None, "search", text="pakken")], HOT, id="and searched for"),
        pytest.param([seen(1), seen(0, None, "email_click", text="Due: Suits – now")], HOT,
                     id="and clicked in a mail"),
        pytest.param([seen(3), seen(1, SHIRT)], set(), id="two kinds of things"),
        pytest.param([seen(13), seen(0)], HOT, id="within the two weeks"),
        pytest.param([seen(14), seen(0)], set(), id="a day too long ago"),
        pytest.param([seen(3, kind="cart_add"), seen(1)], HOT, id="put into the cart"),
        pytest.param([seen(3, kind="cart_add"), seen(2, kind="cart_remove"), seen(1)], set(),
                     id="put into the cart and taken out again"),
        pytest.param([seen(2, kind="cart_remove"), seen(1, kind="cart_add"), seen(0)], HOT,
                     id="taken out and put in again"),
        pytest.param([seen(3, kind="store_visit"), seen(1)], set(), id="no interest in goods"),
        pytest.param([seen(3, None, text="?"), seen(1, None, text="?")], set(), id="nothing known"),
        pytest.param([seen(3, None, "search", text="sofas"), seen(1, None, "search", text="sofas")],
                     set(), id="not sold here"),
    ],
)  # fmt: skip
def test_two_moments_about_one_kind_of_thing_are_an_interest(
    moments: list[dict[str, Any]], found: set[str]
) -> None:
    assert interests(*moments) == found


def test_a_purchase_since_the_first_look_ends_it_and_an_earlier_one_does_not() -> None:
    looks = (seen(5), seen(2))
    bought = Buy(person=1, on=TODAY - timedelta(days=3), type="Suits", title="Milano")
    assert interests(*looks, buys=[bought]) == set()
    assert interests(*looks, buys=[replace(bought, on=TODAY - timedelta(days=6))]) == HOT
    assert interests(*looks, buys=[replace(bought, type="Shirts", title="Oxford")]) == HOT


def test_who_bought_nothing_yet_has_interests_and_a_business_has_none() -> None:
    looks = [seen(n, person=person) for n in (3, 1) for person in (4, 9)]
    assert interests(*looks, person=9) == HOT
    assert interests(*looks, person=4) == set()


def test_the_merchant_s_word_for_a_product_counts() -> None:
    looks = (seen(3), seen(1))
    said = Choices(needs={str(SUIT): "shirts"})
    assert interests(*looks, choices=said) == {"interest:shirts:hot"}


def test_the_reason_names_the_two_newest_moments_and_stands_still_as_others_grow_old() -> None:
    found = outcome(seen(9), seen(4), seen(2)).segments
    reason = found[found["segment"] == "interest:suits:hot"]["reason"].iloc[0]
    assert render(reason, "en", {}) == (
        "Looked at suits on 16 Mar 2026 and 18 Mar 2026; no suit bought since."
    )
    assert render(reason | {"first_on": "2026-03-18"}, "nl", {}) == (
        "Bekeek pakken twee keer op 18 mrt 2026; sindsdien geen pak gekocht."
    )


def test_without_a_source_that_tells_of_views_nobody_has_one() -> None:
    assert not any(one.startswith("interest:") for one in outcome().segments["segment"])
