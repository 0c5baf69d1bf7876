"""More bought than usual: how much later the next purchase is."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.duedates import quantity
from segmentation.duedates.intervals import IntervalModel, days_until
from segmentation.duedates.needs import Prior
from segmentation.duedates.starts import Starts, starts

PRIOR = Prior(40.0, 0.5, "assumption", "made up")
AS_OF = 730


def shop(exponent: float, *, people: int = 400, need: int = 0, seed: int = 1) -> list[list[float]]:
    """Return (person, need, day, units); the days after each depend on the units bought."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        day, usual = float(rng.integers(0, 60)), float(rng.integers(1, 6))
        while day <= AS_OF:
            times = float(rng.choice([1, 1, 2, 4]))
            rows.append([person, need, int(day), usual * times])
            day += max(40 * times**exponent * np.exp(rng.normal(0, 0.3)), 2.0)
    return rows


def table(rows: list[list[float]], *, with_units: bool = True) -> Starts:
    person, need, day, units = np.array(sorted(rows)).T
    person, need, day = (column.astype(np.int64) for column in (person, need, day))
    return starts(person, need, day, AS_OF, units if with_units else None)


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        pytest.param(0.5, 0.5, id="found where it is"),
        pytest.param(1.5, 1.0, id="never more than in proportion"),
        pytest.param(-0.5, 0.0, id="never sooner for having more"),
    ],
)
def test_the_exponent_is_found(planted: float, found: float) -> None:
    model = IntervalModel().fit_dates(table(shop(planted)), [PRIOR])
    assert model.exponent_[0] == pytest.approx(found, abs=0.08)


def test_a_need_that_says_little_has_the_shops_exponent() -> None:
    seen = table(shop(0.5) + shop(0.5, people=2, need=1, seed=2))
    model = IntervalModel().fit_dates(seen, [PRIOR, PRIOR, PRIOR])
    assert abs(model.exponent_[1] - model.exponent_[0]) < 0.15
    assert abs(model.exponent_[2] - model.exponent_[0]) < 0.1


def test_without_units_nothing_moves() -> None:
    model = IntervalModel().fit_dates(table(shop(0.5), with_units=False), [PRIOR])
    assert model.exponent_.tolist() == [quantity.PRIOR]


def test_who_bought_more_than_usual_is_due_later_and_keeps_his_rhythm() -> None:
    model = IntervalModel().fit_dates(table(shop(0.5)), [PRIOR])
    steady = [[1, 0, day, 2.0] for day in range(0, 400, 40)]
    more = [*steady[:-1], [1, 0, 360, 8.0]]
    usual, late = (
        days_until(model, model.predict(table(rows)), 0.5)[-1] for rows in (steady, more)
    )
    # Four times as many, a tenth of them in what is usual for him.
    assert late / usual == pytest.approx(4 ** (0.9 * model.exponent_[0]), rel=0.02)
    large = [[2, 0, day, units] for day, units in ((0, 2.0), (40, 8.0), (120, 2.0))]
    kept = [[2, 0, day, 2.0] for day in (0, 40, 80)]
    # The long interval after the large purchase is no slower rhythm.
    one, other = (days_until(model, model.predict(table(rows)), 0.5)[-1] for rows in (large, kept))
    assert one == pytest.approx(other, rel=0.15)
