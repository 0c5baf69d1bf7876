"""The shop's year: what the index of months must find, and must not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.duedates import season
from segmentation.duedates.intervals import IntervalModel, days_until, due_chance
from segmentation.duedates.needs import Prior
from segmentation.duedates.season import Season
from segmentation.duedates.starts import Floats, Starts, starts
from segmentation.features import day_number

PRIOR = Prior(60.0, 0.8, "assumption", "made up")
OPENED, AS_OF = day_number(date(2021, 1, 1)), day_number(date(2024, 10, 31))
#: Half of a usual month from January to October, three and a half times in November and December.
PRESENTS = np.array([0.5] * 10 + [3.5] * 2)
EVEN = np.ones(12)


def shop(
    years: Sequence[Floats], *, seed: int = 1, people: int = 1_500, since: int = OPENED
) -> Starts:
    """Return purchases of one need for each index; rhythms are kept in days that count by month."""
    rng = np.random.default_rng(seed)
    every_day = np.arange(since, AS_OF + 200)
    month = every_day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    rows = []
    for need, index in enumerate(years):
        clock = np.cumsum(index[month])
        own = 60 * np.exp(rng.normal(0, 0.3, people))
        at = rng.random(people) * clock[-1] * 0.6
        person = np.arange(people)
        while person.size:
            day = since + np.searchsorted(clock, at)
            kept = day <= AS_OF
            person, at, day = person[kept], at[kept], day[kept]
            rows.append(np.stack([person, np.full(person.size, need), day]))
            stays = rng.random(person.size) < 0.9
            person, at = person[stays], at[stays]
            at = at + np.maximum(own[person] * np.exp(rng.normal(0, 0.4, person.size)), 2.0)
    person, need_of, day = np.concatenate(rows, axis=1)
    order = np.lexsort((day, need_of, person))
    return starts(person[order], need_of[order], day[order], AS_OF)


@pytest.fixture(scope="module")
def presents() -> tuple[Starts, IntervalModel]:
    """Return a shop of presents and its model, fitted the day before its season."""
    table = shop([PRESENTS])
    return table, IntervalModel().fit_dates(table, [PRIOR])


def test_the_strong_months_are_found(presents: tuple[Starts, IntervalModel]) -> None:
    found = presents[1].season_.index[0]
    assert found.mean() == pytest.approx(1.0, abs=1e-5)
    assert set(np.argsort(found)[-2:]) == {10, 11}
    assert found[10:].min() > 2.0
    assert found[1:10].max() < 0.9


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_shop_without_seasons_has_none(seed: int) -> None:
    table = shop([EVEN, EVEN], seed=seed, people=400)
    assert IntervalModel().fit_dates(table, [PRIOR] * 2).season_.flat


def test_less_than_two_years_tell_no_season() -> None:
    table = shop([PRESENTS], since=day_number(date(2023, 1, 1)))
    assert IntervalModel().fit_dates(table, [PRIOR]).season_.flat


def test_needs_with_opposite_seasons_keep_their_own() -> None:
    summer = np.array([0.4] * 4 + [2.2] * 4 + [0.4] * 4)
    winter = np.array([2.2] * 2 + [0.4] * 8 + [2.2] * 2)
    model = IntervalModel().fit_dates(shop([summer, winter]), [PRIOR] * 2)
    warm, cold = model.season_.index
    assert warm[4:8].min() > 1.4 > 0.8 > warm[9:].max()
    assert cold[10:].min() > 1.4 > 0.8 > cold[3:9].max()


def test_chances_foresee_the_season(presents: tuple[Starts, IntervalModel]) -> None:
    table, _ = presents
    october = day_number(date(2023, 10, 31))
    seen = table.seen_on(october)
    model = IntervalModel().fit_dates(seen, [PRIOR])
    blind = IntervalModel()._fit_within(season.NONE, np.array([0.1]), seen, [PRIOR])
    still = ~seen.done
    begun = table.day <= october
    happened = (table.done[begun] & (table.until[begun] <= october + 30))[still].sum()
    told, blindly = (
        due_chance(one, one.predict(seen, of=still), seen.length[still], 30).sum()
        for one in (model, blind)
    )
    assert 0.8 < told / happened < 1.25
    assert blindly / happened < 0.7


def test_dates_leave_the_quiet_months_for_the_season(
    presents: tuple[Starts, IntervalModel],
) -> None:
    table, model = presents
    blind = IntervalModel()._fit_within(season.NONE, np.array([0.1]), table, [PRIOR])
    # Bought in the last week of December, after which little is bought for long.
    late = (table.day >= day_number(date(2023, 12, 24))) & (
        table.day < day_number(date(2024, 1, 1))
    )
    wait = days_until(model, model.predict(table, of=late), 0.5)
    assert np.median(wait) > 1.3 * np.median(days_until(blind, blind.predict(table, of=late), 0.5))


def test_a_season_survives_json(presents: tuple[Starts, IntervalModel]) -> None:
    table, model = presents
    again = IntervalModel.from_dict(model.to_dict())
    np.testing.assert_array_equal(
        days_until(again, again.predict(table), 0.5), days_until(model, model.predict(table), 0.5)
    )


@given(
    index=st.lists(st.floats(0.2, 4.0), min_size=12, max_size=12),
    start=st.integers(0, 25_000),
    days=st.floats(1.0, 9_000.0),
)
def test_days_and_shop_days_turn_into_each_other(
    index: list[float], start: int, days: float
) -> None:
    year = Season(np.array([EVEN, np.array(index) / np.mean(index)]))
    need, on, many = np.array([0, 1]), np.array([start, start]), np.array([days, days])
    passed = year.passed(need, on, many)
    assert passed[0] == pytest.approx(days)
    np.testing.assert_allclose(year.days(need, on, passed), days, rtol=1e-6)
