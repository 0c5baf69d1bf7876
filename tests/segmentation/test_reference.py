"""The demo shop, whose truth is known: the bars of the product, on a shop of a fifth the size."""

from __future__ import annotations

import pytest

from connectors.demo.needs import NEEDS
from segmentation.backtest import backtest
from segmentation.frames import Choices
from tests.benchmarks.reference import life_errors, tastes
from tests.segmentation.reference import ACCOUNT, Reference, reference


@pytest.fixture(scope="module")
def shop() -> Reference:
    return reference(customers=4_000)


def test_learned_lives_are_within_a_tenth_of_the_truth(shop: Reference) -> None:
    errors = life_errors(shop)
    assert len(errors) > 20
    assert errors.abs().max() < 0.10


def test_every_true_need_is_a_need_of_its_own(shop: Reference) -> None:
    assert len(set(shop.need_of.values())) == len(NEEDS)


def test_six_in_ten_repurchases_fall_inside_the_window(shop: Reference) -> None:
    found = backtest(shop.frames, account_id=ACCOUNT, choices=Choices())
    assert len(found["cutoffs"]) == 3
    assert 0.55 < found["all"]["coverage"] < 0.65
    assert found["all"]["precision"] > 5 * found["all"]["precision_baseline"]
    assert 0.85 < found["all"]["predicted_to_actual"] < 1.15


def test_departments_are_right_and_never_without_evidence(shop: Reference) -> None:
    people = tastes(shop)
    many = people[people["items"] >= 3]
    assert (many["truth"] == many["label"]).mean() > 0.95
    unisex = people[(people["items"] == 1) & (people["telling"] == 0)]
    assert (unisex["label"] == "").mean() > 0.8
    assert (people.loc[people["telling"] == 0, "label"] == "").all()


def test_business_accounts_are_found_even_where_nobody_declared_them(shop: Reference) -> None:
    profiles = shop.assigned.profiles
    business = profiles["person_id"] > len(shop.truth.people)
    assert profiles.loc[business, "is_wholesale"].all()
    assert not profiles.loc[~business, "is_wholesale"].any()


def test_wholesale_changes_no_consumer_statistic(shop: Reference) -> None:
    from segmentation.compute import fit
    from segmentation.frames import Frames

    consumers = len(shop.truth.people)
    lines = shop.frames.lines
    known = Frames(
        lines=lines[~(lines["person_id"] > consumers).fillna(False)],
        products=shop.frames.products,
        people=shop.frames.people[shop.frames.people["person_id"] <= consumers],
    )
    without = fit(known, as_of=shop.as_of, choices=Choices()).to_dict()["accounts"]["1"]
    with_them = shop.fitted.to_dict()["accounts"]["1"]
    for part in ("model", "rhythm", "rfm", "shares"):
        assert without[part] == with_them[part]
