"""The demo shop, whose truth is known: the bars of the product, on a shop of a fifth the size."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from connectors.demo.needs import NEEDS
from segmentation.backtest import backtest
from segmentation.compute import assign
from segmentation.frames import PREVIOUS_DUE, PREVIOUS_SEGMENTS, Choices, empty
from tests.benchmarks import _groups
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


def test_groups_are_large_enough_and_pay_on_purchases_they_never_saw(shop: Reference) -> None:
    rows = _groups.judged(shop)
    assert len(rows) > 5
    assert rows["people"].min() >= 100
    finest = rows[rows["finest"]]
    assert _groups.mean(finest, "own") > 1.1 * _groups.mean(finest, "larger")


def test_a_week_without_purchases_moves_nobody_between_groups(shop: Reference) -> None:
    weeks = _groups.weeks(shop, 1)
    assert weeks["groups"].tolist() == [0]
    assert weeks["renamed"].tolist() == [0]
    assert weeks["kinds"].max() < 0.01 * len(shop.truth.people)


def test_a_few_are_in_the_groups_they_would_be_in_among_all(shop: Reference) -> None:
    grouped = shop.assigned.segments["segment"].str.startswith(("group:", "cluster:"))
    everybody = shop.assigned.segments[grouped]
    groups = everybody[everybody["segment"].str.startswith("group:")]
    assert groups["segment"].value_counts().min() >= 100
    lines, people = shop.frames.lines, shop.frames.people
    some = set(range(1, 4_000, 40))
    few = replace(
        shop.frames,
        lines=lines[lines["person_id"].isin(some)],
        people=people[people["person_id"].isin(some)],
    )
    found = assign(
        shop.fitted,
        few,
        as_of=shop.as_of,
        choices=Choices(),
        previous_due=empty(PREVIOUS_DUE),
        previous_segments=empty(PREVIOUS_SEGMENTS),
    ).segments
    found = found[found["segment"].str.startswith(("group:", "cluster:"))]
    expected = everybody[everybody["person_id"].isin(some)]
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))
