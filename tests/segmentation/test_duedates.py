"""What the model of intervals must not get wrong, each on a shop made for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from segmentation.duedates import calibration, coverage
from segmentation.duedates.intervals import (
    IntervalModel,
    chance,
    days_until,
    due_chance,
    repeat_chance,
)
from segmentation.duedates.needs import Prior
from segmentation.duedates.pace import Pace
from segmentation.duedates.starts import Bools, Floats, Starts, starts
from segmentation.duedates.weekdays import Weekdays, best_days

PRIOR = Prior(60.0, 0.8, "assumption", "made up")
YEAR = 365


def shop(
    seed: int,
    *,
    people: int = 600,
    life: float = 50.0,
    spread: float = 0.4,
    stays: float = 0.8,
    days: int = YEAR,
    need: int = 0,
) -> list[tuple[int, int, int]]:
    """Return purchases (person, need, day); after each one a share of people never comes back."""
    rng = np.random.default_rng(seed)
    found = []
    for person in range(people):
        day = float(rng.integers(0, days))
        own = life * np.exp(rng.normal(0, spread / 2))
        while day < days:
            found.append((person, need, int(day)))
            if rng.random() > stays:
                break
            day += max(own * np.exp(rng.normal(0, spread)), 2.0)
    return found


def table(purchases: list[tuple[int, int, int]], as_of: int) -> Starts:
    person, need, day = (np.array(column) for column in zip(*sorted(purchases), strict=True))
    seen = day <= as_of
    return starts(person[seen], need[seen], day[seen], as_of)


def due_of(model: IntervalModel, seen: Starts, within: int = 14) -> Floats:
    still = ~seen.done
    return due_chance(model, model.predict(seen, of=still), seen.length[still], within)


def bought_after(purchases: list[tuple[int, int, int]], day: int, within: int = 14) -> Bools:
    later = table(purchases, max(day for _, _, day in purchases))
    of = (later.day <= day) & (later.until > day)
    of |= (later.day <= day) & ~later.done
    bought: Bools = later.done & (later.until <= day + within)
    return bought[of]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_chances_come_true_because_open_intervals_count(seed: int) -> None:
    purchases = shop(seed, people=5_000)
    seen = table(purchases, 300)
    told = due_of(IntervalModel().fit(seen, [PRIOR]), seen).sum()
    happened = bought_after(purchases, 300).sum()
    assert 0.85 < told / happened < 1.15


def test_without_open_intervals_chances_would_be_far_too_high() -> None:
    seen = table(shop(1, people=2_000), 300)
    right = due_of(IntervalModel().fit_dates(seen, [PRIOR]), seen).sum()
    # Only those who came back, as if everybody did.
    finished = replace(seen, done=np.ones_like(seen.done)).take(seen.done)
    wrong = due_of(IntervalModel().fit_dates(finished, [PRIOR]), seen).sum()
    assert wrong > 1.5 * right


def test_dates_are_not_early_because_long_intervals_are_still_open() -> None:
    seen = table(shop(4, life=200.0, spread=0.3, stays=1.0, people=1_500), YEAR)
    model = IntervalModel().fit(seen, [PRIOR])
    finished = seen.length[seen.done]
    assert np.median(finished) < 185
    assert 190 < np.exp(model.lives_.mu[0]) < 225


def test_what_comes_after_the_day_changes_nothing_seen_before_it() -> None:
    purchases = shop(5)
    at_200 = table(purchases, 200)
    later = table(purchases, 300).seen_on(200)
    for name in ("person", "day", "length", "done", "own_gaps", "own_log", "own_squares"):
        np.testing.assert_array_equal(getattr(at_200, name), getattr(later, name))
    one, other = (IntervalModel().fit(seen, [PRIOR]) for seen in (at_200, later))
    assert one.to_dict() == other.to_dict()


def test_persons_may_be_known_as_of_an_earlier_day_only() -> None:
    purchases = shop(6, people=200) + shop(7, people=200, need=1)
    model = IntervalModel().fit(table(purchases, 200), [PRIOR, PRIOR])
    full, known = table(purchases, 300), table(purchases, 200)
    of = full.day == 201
    changed = [p for p in purchases if p[2] <= 201 or p[2] > 330]
    other = table(changed, 300)
    one = model.predict(full, of=of, known=known)
    two = model.predict(other, of=other.day == 201, known=known)
    for name in ("mu", "sigma", "presence"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_strict_rhythm_has_a_narrower_window_than_a_loose_one() -> None:
    strict = [(10_001, 0, day) for day in range(0, 300, 30)]
    loose = [(10_002, 0, day) for day in (0, 8, 70, 80, 150, 160, 230, 240, 290)]
    seen = table(shop(8) + strict + loose, 300)
    model = IntervalModel().fit(seen, [PRIOR])
    pace = model.predict(seen, of=~seen.done)
    width = np.log(days_until(model, pace, 0.8) / days_until(model, pace, 0.2))
    last = seen.person[~seen.done]
    assert width[last == 10_001] < 0.7 * width[last == 10_002]


def test_a_rhythm_that_changed_is_taken_as_it_is_now() -> None:
    gaps = [60] * 5 + [20] * 5
    days = [[0, *np.cumsum(order)] for order in (gaps, gaps[::-1])]
    both = [(10_001 + who, 0, int(day)) for who, mine in enumerate(days) for day in mine]
    seen = table(shop(8, days=420) + both, 420)
    model = IntervalModel().fit(seen, [PRIOR])
    wait = days_until(model, model.predict(seen, of=~seen.done), 0.5)
    last = seen.person[~seen.done]
    assert wait[last == 10_001] < 0.9 * wait[last == 10_002]


def test_a_need_that_few_come_back_for_says_so() -> None:
    purchases = shop(9, stays=0.9) + shop(10, stays=0.3, need=1)
    seen = table(purchases, YEAR)
    model = IntervalModel().fit(seen, [PRIOR, PRIOR])
    assert model.ratio_[1] < 0.6 * model.ratio_[0]
    pace = model.predict(seen)
    repeat = repeat_chance(model, pace)
    first = seen.own_gaps == 0
    assert repeat[first & (seen.need == 1)].mean() < 0.6 * repeat[first & (seen.need == 0)].mean()


def test_a_night_without_purchases_moves_no_date() -> None:
    purchases = shop(11)
    model = IntervalModel().fit(table(purchases, 300), [PRIOR])
    quiet = [p for p in purchases if p[2] <= 300]
    one, two = table(quiet, 300), table(quiet, 330)
    dates = [
        days_until(model, model.predict(seen, of=~seen.done), share)
        for seen in (one, two)
        for share in (0.2, 0.5, 0.8)
    ]
    for early, late in zip(dates[:3], dates[3:], strict=True):
        np.testing.assert_array_equal(early, late)


def test_who_stays_away_from_everything_becomes_less_likely() -> None:
    purchases = [(p, n, d) for n in range(6) for p, _, d in shop(20 + n, people=100, stays=1.0)]
    gone = [(p, n, d) for p, n, d in purchases if p != 0 or d < 200]
    priors = [PRIOR] * 6
    model = IntervalModel().fit(table(purchases, 330), priors)
    here, away = (table(rows, 330) for rows in (purchases, gone))
    presence = [model.predict(seen, of=seen.person == 0).presence[0] for seen in (here, away)]
    assert presence[1] < presence[0]


def test_a_shop_that_turns_quiet_is_noticed_within_eight_weeks() -> None:
    rng = np.random.default_rng(1)
    purchases = [p for p in shop(12, people=3_000) if p[2] < 280 or rng.random() < 0.4]
    seen = table(purchases, 350)
    model = IntervalModel().fit(seen, [PRIOR])
    plain = due_of(IntervalModel().fit_dates(seen, [PRIOR]), seen).sum()
    assert due_of(model, seen).sum() < 0.85 * plain


def test_with_little_evidence_the_chances_stay_as_they_are() -> None:
    few = table(shop(13, people=10), YEAR)
    assert IntervalModel().fit(few, [PRIOR]).calibration_ == calibration.NONE
    shift, slope = calibration.fitted(np.full(20, 0.1), np.ones(20, dtype=bool))
    assert abs(shift) < 1.5
    assert slope > 0


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1_000), as_of=st.integers(30, 400), need=st.integers(0, 2))
def test_chances_are_chances_and_grow_with_time(seed: int, as_of: int, need: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 60))
    rows = {
        (int(p), int(n), int(d))
        for p, n, d in zip(
            rng.integers(0, 9, size), rng.integers(0, 3, size), rng.integers(0, as_of + 1, size),
            strict=True,
        )
    }  # fmt: skip
    seen = table(sorted(rows), as_of)
    model = IntervalModel().fit(seen, [PRIOR] * 3)
    pace = model.predict(seen)
    by = [chance(model, pace, np.full(seen.day.size, float(day))) for day in (1, 10, 100, 1_000)]
    for less, more in pairwise(by):
        assert (less <= more).all()
    assert ((by[0] >= 0) & (by[-1] <= repeat_chance(model, pace) + 1e-12)).all()
    early, middle, late = (days_until(model, pace, share) for share in (0.2, 0.5, 0.8))
    assert ((early <= middle) & (middle <= late)).all()
    soon, later = (due_of(model, seen, within) for within in (7, 30))
    assert ((soon > 0) & (soon <= later) & (later < 1)).all()
    again = IntervalModel.from_dict(model.to_dict())
    np.testing.assert_array_equal(due_of(again, seen), due_of(model, seen))


def test_an_estimator_can_be_cloned_and_keeps_its_parameters() -> None:
    model = IntervalModel(k_customer=7.0)
    assert clone(model).get_params() == {"k_customer": 7.0, "k_spread": 5.0, "k_presence": 50.0}
    assert clone(Weekdays(k=3.0)).get_params() == {"k": 3.0}
    assert model.fit(table(shop(14, people=30), YEAR), [PRIOR]) is model


def _level(size: int) -> tuple[IntervalModel, Pace]:
    model = IntervalModel().fit(table(shop(15, life=14.0, spread=0.3), YEAR), [PRIOR])
    pace = model.predict(table([(p, 0, 0) for p in range(size)], 30))
    return model, pace


def test_the_best_day_falls_on_the_day_somebody_shops() -> None:
    model, pace = _level(7)
    start = np.arange(7)
    likelier = np.full((7, 7), 0.02)
    likelier[:, 3] = 7 - 6 * 0.02
    _, median, repeat = best_days(model, pace, start, likelier)
    assert ((start + median) % 7 == 3).all()
    assert (repeat > 0.5).all()


def test_without_a_favourite_day_the_best_window_holds_the_most_chance() -> None:
    model, pace = _level(1)
    best, _, _ = best_days(model, pace, np.zeros(1, dtype=np.int64), np.ones((1, 7)))
    by = [chance(model, pace, np.array([float(day)]))[0] for day in range(100)]
    mass = [by[day + 7] - by[day - 8] for day in range(9, 80)]
    assert abs(best[0] - (9 + int(np.argmax(mass)))) <= 2


def test_days_of_the_week_are_shrunken_to_the_shops() -> None:
    person, day = np.array([1] * 4 + [2] * 40), np.array([0, 7, 14, 21] + [1] * 40)
    likelier = Weekdays(k=20).fit(day).transform(person, day, of=np.array([1, 2, 3]))
    np.testing.assert_allclose(likelier.mean(axis=1), 1.0, rtol=1e-6)
    assert likelier[2, 0] < likelier[0, 0] < likelier[0, 1]
    assert likelier[1, 1] > likelier[2, 1]


def _windows(seed: int, spread: float, people: int) -> tuple[IntervalModel, Starts]:
    """A shop of two kinds of people, always and hardly punctual, which no log-normal describes."""
    loose = shop(seed, people=people, spread=0.9, stays=0.95, days=600)
    strict = shop(seed + 1, people=people, spread=spread, stays=0.95, days=600)
    later = [(person + people, need, day) for person, need, day in strict]
    everything = table(loose + later, 600)
    return IntervalModel().fit(everything.seen_on(400), [PRIOR]), everything


def test_a_window_holds_what_it_says_of_what_came_after_the_fit() -> None:
    model, everything = _windows(30, 0.02, 800)
    found = model.coverage_
    assert found.purchases > 500
    assert found.after is not None
    assert found.before is not None
    assert abs(found.after - 0.6) < 0.04
    pace = model.predict(everything, known=everything.seen_on(400))
    early, late = (np.rint(days_until(model, pace, share)) for share in found.window)
    back = (everything.day > 400) & (everything.day < 480) & everything.done
    inside = (everything.length >= early) & (everything.length <= late)
    assert abs(inside[back].mean() - 0.6) < 0.06


def test_too_few_repurchases_leave_the_window_where_the_model_puts_it() -> None:
    model = IntervalModel().fit(table(shop(31, people=60), YEAR), [PRIOR])
    assert model.coverage_ == coverage.NONE


def test_a_purchase_followed_for_a_day_says_nothing_of_the_window() -> None:
    purchases = shop(32, life=40.0, spread=0.05, stays=0.98, people=150, days=360)
    punctual = table(purchases, 360)
    hasty = table([*purchases, (10_001, 0, 358), (10_001, 0, 360)], 360)
    one, other = (IntervalModel().fit(seen, [PRIOR]).coverage_ for seen in (punctual, hasty))
    assert one.purchases == other.purchases > 0


def test_ends_move_to_where_the_past_puts_them_and_are_judged_by_other_people() -> None:
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(5_000), 2)
    # Everybody comes in the middle half of what was told.
    share = 0.25 + rng.random(10_000) / 2
    found = coverage.checked(share, share, person)
    np.testing.assert_allclose(found.window, (0.35, 0.65), atol=0.01)
    assert found.before == 1.0
    assert found.after == pytest.approx(0.6, abs=0.02)
