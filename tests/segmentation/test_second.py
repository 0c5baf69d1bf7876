"""The second stage of chances: used where it was better, and of one voice with itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segmentation.duedates import second
from segmentation.duedates.intervals import IntervalModel, due_chance
from segmentation.duedates.needs import Prior
from segmentation.duedates.second import Sample, SecondStage
from segmentation.duedates.starts import Floats, Starts, starts

PRIOR = Prior(30.0, 0.8, "assumption", "made up")
AS_OF, NEEDS = 300, 4


def day(seed: int, low: float, high: float, rows: int = 6_000) -> Sample:
    """Return a day on which a trait tells who buys, and the first stage takes all for alike."""
    rng = np.random.default_rng(seed)
    trait = rng.integers(0, 2, rows)
    bought = rng.random(rows) < np.where(trait == 1, high, low)
    traits = np.stack([trait, rng.random(rows)], axis=1).astype(np.float64)
    return Sample(np.arange(rows) // 2, traits, np.full(rows, 0.15), bought)


def test_what_the_trees_know_better_is_used() -> None:
    found = second.chosen([day(seed, 0.05, 0.35) for seed in range(4)])
    assert found is not None
    after = day(9, 0.05, 0.35)
    chance = -np.expm1(-found.times(after.traits, after.expected) * after.expected)
    for trait, share in ((0, 0.05), (1, 0.35)):
        assert chance[after.traits[:, 0] == trait].mean() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([(0.05, 0.35)] * 2 + [(0.35, 0.05)] * 2, id="what held before holds no more"),
        pytest.param([(0.15, 0.15)] * 2 + [(0.16, 0.14)] * 2, id="nothing to know"),
    ],
)
def test_what_was_no_better_lately_is_not_used(days: list[tuple[float, float]]) -> None:
    assert second.chosen([day(place, *chances) for place, chances in enumerate(days)]) is None


def test_few_purchases_teach_no_trees() -> None:
    assert second.chosen([day(seed, 0.05, 0.35, rows=600) for seed in range(4)]) is None


def test_who_is_likelier_by_the_trees_stays_likelier() -> None:
    found = second.chosen([day(seed, 0.05, 0.35) for seed in range(4)])
    assert found is not None
    assert (np.diff(found.told) > 0).all()
    assert (np.diff(found.came) > 0).all()


def bursts() -> Starts:
    """Return a shop to whose every need people come for weeks, and then for weeks not at all."""
    rng = np.random.default_rng(5)
    rows: list[tuple[int, int, int]] = []
    for person in range(500):
        at = -int(rng.integers(0, 140))
        while at < AS_OF:
            until = at + int(rng.integers(20, 60))
            while at < min(until, AS_OF):
                rows += [(person, need, at) for need in range(NEEDS) if rng.random() < 0.4]
                at += int(rng.integers(3, 9))
            at += int(rng.integers(30, 90))
    person, need, on = np.unique([row for row in rows if row[2] >= 0], axis=0).T
    return starts(person, need, on, AS_OF)


@pytest.fixture(scope="module")
def shop() -> tuple[Starts, IntervalModel]:
    table = bursts()
    return table, IntervalModel().fit_chances(table.seen_on(AS_OF - 14), [PRIOR] * NEEDS)


def chances(model: IntervalModel, seen: Starts, within: int = 14) -> Floats:
    still = ~seen.done
    return due_chance(model, model.predict(seen, of=still), seen.length[still], within)


def test_it_sees_who_has_turned_his_back_on_the_whole_shop(
    shop: tuple[Starts, IntervalModel],
) -> None:
    table, model = shop
    assert model.second_ is not None
    seen = table.seen_on(AS_OF - 14)
    came = (table.done & (table.day <= AS_OF - 14))[table.day <= AS_OF - 14][~seen.done]
    ours = chances(model, seen)
    plain = IntervalModel.from_dict({**model.to_dict(), "second": None})
    theirs = chances(plain, seen)
    assert ((ours - came) ** 2).mean() < 0.97 * ((theirs - came) ** 2).mean()
    assert 0.85 < ours.sum() / came.sum() < 1.15


def test_one_person_by_day_has_the_numbers_of_the_night(shop: tuple[Starts, IntervalModel]) -> None:
    table, model = shop
    again = IntervalModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert isinstance(again.second_, SecondStage)
    everybody = chances(model, table)
    mine = table.take(table.person == 17)
    alone = chances(again, mine)
    np.testing.assert_array_equal(alone, everybody[table.person[~table.done] == 17])


def test_more_days_never_make_a_purchase_less_likely(shop: tuple[Starts, IntervalModel]) -> None:
    table, model = shop
    week, fortnight, month = (chances(model, table, within) for within in (7, 14, 30))
    assert (week <= fortnight).all()
    assert (fortnight <= month).all()
