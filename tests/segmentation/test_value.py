"""Value: the fits find what made the data, say what they cannot know, and speak plain numbers."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from segmentation.compute import assign, fit
from segmentation.fitted import Fitted
from segmentation.frames import (
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    Assigned,
    Choices,
    Frames,
    empty,
)
from segmentation.reasons import render
from segmentation.value.activity import ActiveOdds
from segmentation.value.bgnbd import BetaGeo
from segmentation.value.boosted import BoostedCounts
from segmentation.value.gammagamma import GammaGamma
from segmentation.value.history import customers, outcomes
from segmentation.value.model import BOOSTED_FROM, REPEATERS_NEEDED, CustomerValue
from tests.segmentation.builders import ACCOUNT, Buy, frames

LAST = date(2025, 6, 30)
TRUE = {"r": 0.6, "alpha": 8.0, "a": 0.9, "b": 3.0}
few = settings(max_examples=4, deadline=None, derandomize=True)


def simulated(seed: int, people: int = 6_000, *, days: int = 600, **changed: float) -> pd.DataFrame:
    """Return purchase days of a shop that keeps the models' assumptions; weeks make the rates."""
    rng = np.random.default_rng(seed)
    true = TRUE | changed
    rate = rng.gamma(true["r"], 1 / true["alpha"], people) / 7
    leaves = rng.beta(true["a"], true["b"], people)
    mean = rng.gamma(4.0, 1 / 4.0, people) * 50_00
    day = rng.uniform(0, days * 0.8, people)
    person = np.arange(people)
    parts: list[pd.DataFrame] = []
    while person.size:
        amount = rng.gamma(6.0, mean[person] / 6.0)
        parts.append(pd.DataFrame({"person_id": person, "day": day[person], "amount": amount}))
        if len(parts) > 1:  # nobody leaves before his second purchase, says the model
            person = person[rng.random(person.size) >= leaves[person]]
        day[person] += rng.exponential(1 / rate[person])
        person = person[day[person] < days]
    table = pd.concat(parts, ignore_index=True)
    table["day"] = table["day"].astype(np.int64)
    table["articles"] = 1
    return table.groupby(["person_id", "day"], as_index=False).sum()


def bgnbd_sample(seed: int, people: int, weeks: float, **changed: float) -> np.ndarray:
    """Return repeat_orders, span, tenure drawn from the model itself."""
    rng = np.random.default_rng(seed)
    true = TRUE | changed
    rate = rng.gamma(true["r"], 1 / true["alpha"], people)
    leaves = rng.beta(true["a"], true["b"], people)
    tenure = rng.uniform(weeks / 2, weeks, people)
    x, span = np.zeros(people), np.zeros(people)
    moment, alive = np.zeros(people), np.ones(people, dtype=bool)
    while alive.any():
        moment[alive] += rng.exponential(1 / rate[alive])
        alive &= moment <= tenure
        x[alive] += 1
        span[alive] = moment[alive]
        alive &= rng.random(people) >= leaves
    return np.stack([x, span, tenure], axis=1)


@few
@given(seed=st.integers(0, 10_000))
def test_bgnbd_finds_the_parameters_that_made_the_customers(seed: int) -> None:
    model = BetaGeo().fit(bgnbd_sample(seed, 20_000, 78))
    assert model.degenerate_ == []
    assert model.r_ == pytest.approx(TRUE["r"], rel=0.12)
    assert model.alpha_ == pytest.approx(TRUE["alpha"], rel=0.15)
    assert model.a_ / (model.a_ + model.b_) == pytest.approx(0.9 / 3.9, rel=0.2)


@few
@given(seed=st.integers(0, 10_000))
def test_gamma_gamma_finds_the_parameters_that_made_the_orders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 9, 8_000)
    nu = rng.gamma(4.0, 1 / 30.0, n.size)
    mean = rng.gamma(6.0 * n, 1 / (nu * n))
    model = GammaGamma().fit(np.stack([n, mean], axis=1))
    assert (model.p_, model.q_, model.gamma_) == pytest.approx((6.0, 4.0, 30.0), rel=0.2)
    assert model.degenerate_ == []


def test_expected_orders_equal_the_hypergeometric_form_of_the_paper() -> None:
    model = BetaGeo(prior_sd=np.inf).fit(bgnbd_sample(1, 3_000, 52))
    table = np.array([[0, 0, 30.0], [1, 3, 40], [5, 30, 33], [29, 36, 38.0]])
    x, span, tenure = table.T
    r, alpha, a, b = model.r_, model.alpha_, model.a_, model.b_
    t = 39.0
    hyper = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + tenure + t))
    up = (
        (a + b + x - 1)
        / (a - 1)
        * (1 - ((alpha + tenure) / (alpha + tenure + t)) ** (r + x) * hyper)
    )
    gone = (x > 0) * a / (b + np.maximum(x, 1) - 1) * ((alpha + tenure) / (alpha + span)) ** (r + x)
    assert model.predict(table, t) == pytest.approx(up / (1 + gone), rel=1e-6)
    assert model.p_alive(table) == pytest.approx(1 / (1 + gone), rel=1e-9)


def test_expected_orders_are_sound_where_the_papers_form_is_nought_by_nought() -> None:
    model = BetaGeo().fit(bgnbd_sample(1, 500, 52))
    table = [[0, 0, 30.0], [300, 50, 51.0]]
    model.a_ = 1.0
    at = model.predict(table, 52)
    model.a_ = 1.0 + 1e-7
    assert at == pytest.approx(model.predict(table, 52), rel=1e-5)
    assert np.isfinite(at).all()


def test_the_unit_of_time_changes_nothing() -> None:
    table = bgnbd_sample(5, 2_000, 52)
    in_days = table * [1, 7, 7]
    one, other = BetaGeo(prior_sd=np.inf).fit(table), BetaGeo(prior_sd=np.inf).fit(in_days)
    assert other.alpha_ == pytest.approx(7 * one.alpha_, rel=1e-3)
    assert other.predict(in_days, 364) == pytest.approx(one.predict(table, 52), rel=1e-3)


def test_equal_customers_may_be_counted_instead_of_listed() -> None:
    table = bgnbd_sample(6, 400, 52).round(0)
    rows, many = np.unique(table, axis=0, return_counts=True)
    listed, counted = BetaGeo().fit(table), BetaGeo().fit(rows, sample_weight=many)
    assert counted.alpha_ == pytest.approx(listed.alpha_, rel=1e-6)


def test_a_shop_whose_history_is_cut_off_is_reported_and_not_believed() -> None:
    """Everybody was a customer before the first day: nobody is seen to leave."""
    rng = np.random.default_rng(3)
    rate, tenure = rng.gamma(4.0, 1 / 20.0, 1_500), np.full(1_500, 40.0)
    x = rng.poisson(rate * tenure).astype(float)
    table = np.stack([x, np.where(x > 0, tenure * x / (x + 1), 0.0), tenure], axis=1)
    free, held = BetaGeo(prior_sd=np.inf).fit(table), BetaGeo().fit(table)
    assert "nobody leaves" in free.degenerate_
    assert any("at its bound" in told for told in free.degenerate_)
    assert "nobody leaves" in held.degenerate_
    assert held.b_ < 1_000
    assert np.isfinite(held.predict(table, 52)).all()


def test_a_shop_without_a_second_order_is_reported() -> None:
    model = BetaGeo().fit([[0, 0.0, 10.0 + k] for k in range(30)])
    assert model.degenerate_[-1] == "nobody returns"
    assert (model.predict([[0, 0.0, 20.0]], 52) < 0.3).all()


def test_orders_that_grow_with_frequency_are_reported() -> None:
    n = np.arange(1, 60)
    assert "value depends on frequency" in GammaGamma().fit(np.stack([n, 10.0 * n], 1)).degenerate_


def test_one_high_order_is_shrunken_and_ten_are_believed() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(1, 6, 2_000)
    mean = rng.gamma(6.0 * n, 40.0 / (6.0 * n)) * rng.gamma(5.0, 0.2, n.size)
    model = GammaGamma().fit(np.stack([n, mean], 1))
    none, once, often = model.predict([[0, 0.0], [1, 400.0], [10, 400.0]])
    assert none < once < often < 400
    assert often > 300 > 200 > once


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([[1, 9.0, 3.0]], id="longer between orders than known"),
        pytest.param([[-1, 0.0, 3.0]], id="fewer than none"),
        pytest.param([[1, np.nan, 3.0]], id="not a number"),
        pytest.param([[1, 2.0]], id="a column is missing"),
        pytest.param([[0, 0.0, 0.0]], id="nobody known for any time"),
    ],
)
def test_impossible_customers_are_refused(table: list[list[float]]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each says what is wrong in words of its own
        BetaGeo().fit(table)


def test_boosted_counts_keep_scikit_learns_conventions() -> None:
    check_estimator(
        BoostedCounts(n_trees=200, min_samples_leaf=5),
        expected_failed_checks={
            "check_sample_weight_equivalence_on_dense_data": "leaves count rows"
        },
        on_skip=None,
    )


def test_the_odds_of_a_purchase_keep_scikit_learns_conventions() -> None:
    check_estimator(ActiveOdds(), on_skip=None)


def test_our_walk_through_the_trees_says_what_scikit_learn_says() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(3_000, 4))
    y = rng.poisson(np.exp(table[:, 0] - 0.5 * (table[:, 1] > 0.3))).astype(float)
    table[:, 3] = np.rint(table[:, 3])  # few values, and many
    weight = rng.gamma(1.0, size=len(y))
    ours = BoostedCounts(min_samples_leaf=20).fit(table, y, weight)
    theirs = HistGradientBoostingRegressor(
        loss="poisson", max_iter=80, learning_rate=0.05, max_leaf_nodes=4, min_samples_leaf=20,
        early_stopping=False,
    ).fit(table, y, weight)  # fmt: skip
    fresh = rng.normal(size=(500, 4))
    assert ours.predict(fresh) == pytest.approx(theirs.predict(fresh), rel=1e-12)
    again = BoostedCounts.from_dict(json.loads(json.dumps(ours.to_dict())))
    assert (again.predict(fresh) == ours.predict(fresh)).all()


def test_a_large_shop_is_learned_from_a_part_and_counted_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = simulated(5, 3_000)
    whole = CustomerValue().fit(days, 600)
    monkeypatch.setattr("segmentation.value.model.ENOUGH", 1_500)
    part = CustomerValue().fit(days, 600)
    assert part.report_["customers"] == whole.report_["customers"] == days["person_id"].nunique()
    assert {one["customers"] for one in part.report_["cutoffs"]} <= set(range(1_501))
    expected = [model.predict(days, 600)["orders"].sum() for model in (part, whole)]
    assert expected[0] == pytest.approx(expected[1], rel=0.1)


@pytest.mark.parametrize(
    "model", [BetaGeo(2.0), GammaGamma(2.0), BoostedCounts(n_trees=3), CustomerValue(90, 1)]
)
def test_every_estimator_can_be_cloned_by_its_parameters(model: BaseEstimator) -> None:
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize("model", [BetaGeo(), GammaGamma()])
def test_fits_return_themselves_and_survive_json(model: BaseEstimator) -> None:
    table = bgnbd_sample(4, 300, 52)
    table = table if isinstance(model, BetaGeo) else np.stack([table[:, 0] + 1, table[:, 2]], 1)
    before = model.get_params()
    assert model.fit(table) is model
    assert model.get_params() == before
    again = type(model).from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.to_dict() == model.to_dict()


def test_a_customers_features_see_nothing_after_the_day() -> None:
    days = simulated(1, 300)
    seen = days[days["day"] <= 300]
    pd.testing.assert_frame_equal(customers(days, 300), customers(seen, 300))
    persons = customers(days, 300)["person_id"].to_numpy()
    orders, revenue = outcomes(days, persons, 300, 90)
    later = days[(days["day"] > 300) & (days["day"] <= 390) & days["person_id"].isin(persons)]
    assert orders.sum() == len(later)
    assert revenue.sum() == pytest.approx(later["amount"].sum())


@lru_cache
def shop(people: int = 3_000) -> tuple[pd.DataFrame, CustomerValue]:
    """Return a simulated shop and what is learned of it; 90 days ahead."""
    days = simulated(11, people)
    return days, CustomerValue(horizon=90).fit(days, 450)


def test_expected_value_is_right_in_total_and_its_interval_holds_eight_of_ten() -> None:
    days, model = shop()
    found = model.predict(days, 450)
    orders, revenue = outcomes(days, found["person_id"].to_numpy(), 450, 90)
    assert found["orders"].sum() == pytest.approx(orders.sum(), rel=0.15)
    assert found["value"].sum() == pytest.approx(revenue.sum(), rel=0.15)
    inside = ((revenue >= found["low"]) & (revenue <= found["high"])).mean()
    assert inside > 0.77
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_a_shop_that_keeps_the_assumptions_stays_with_the_simple_model_or_near_it() -> None:
    _, model = shop()
    assert len(model.report_["cutoffs"]) == 3
    simple, best = (
        np.mean([one["deviance"][name] for one in model.report_["cutoffs"]])
        for name in ("bgnbd", model.champion_)
    )
    assert best <= simple
    assert simple < 1.05 * best


def test_silence_never_raises_anybodys_value() -> None:
    days, model = shop()
    known = days[days["day"] <= 450]
    before = model.predict(known, 450)
    for later in (451, 460, 500, 600):
        now = model.predict(known, later)
        for column in ("p_alive", "p_active", "orders", "value"):
            assert (now[column] <= before[column] * (1 + 1e-9)).all(), column
        before = now


def test_the_odds_are_those_of_logistic_regression_with_a_ridge() -> None:
    rng = np.random.default_rng(5)
    samples = rng.gamma(2.0, 20.0, (3_000, 3))
    bought = rng.random(3_000) < 1 / (1 + np.exp(3.0 - np.log1p(samples[:, 0])))
    logs = np.log1p(samples)
    peer = LogisticRegression(C=1 / 100, tol=1e-8).fit(StandardScaler().fit_transform(logs), bought)
    chances = peer.predict_proba(StandardScaler().fit_transform(logs))[:, 1]
    ours = ActiveOdds().fit(samples, bought).predict(samples)
    np.testing.assert_allclose(ours, chances, atol=1e-4)


def test_a_feature_that_may_only_lower_the_chance_never_raises_it() -> None:
    rng = np.random.default_rng(6)
    samples = rng.gamma(2.0, 20.0, (2_000, 2))
    bought = samples[:, 0] > 40  # more of it means a purchase, whatever the sign says
    free, held = (ActiveOdds(signs=signs).fit(samples, bought) for signs in ((0, 0), (-1, 0)))
    assert free.coef_[0] > 0
    assert held.coef_[0] == 0


@pytest.mark.parametrize("bought", [0.0, 1.0])
def test_where_all_or_none_bought_the_odds_stay_finite(bought: float) -> None:
    samples = np.arange(60.0).reshape(30, 2)
    chance = ActiveOdds().fit(samples, np.full(30, bought)).predict(samples)
    np.testing.assert_allclose(chance, bought, atol=1e-3)


def test_a_few_people_get_what_all_get() -> None:
    days, model = shop()
    every = model.predict(days, 450)
    chosen = every["person_id"].to_numpy()[::97]
    part = model.predict(days[days["person_id"].isin(chosen)], 450)
    mine = every[every["person_id"].isin(chosen)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, mine, check_exact=True)
    assert model.predict(days[:0], 450).empty


def test_a_fit_survives_json() -> None:
    days, model = shop()
    again = CustomerValue.from_dict(json.loads(json.dumps(model.to_dict())))
    pd.testing.assert_frame_equal(again.predict(days, 450), model.predict(days, 450))


def test_the_boosted_correction_wins_where_customers_stop_by_a_rule_the_model_lacks() -> None:
    """Half the customers leave after exactly three orders, however quick they were."""
    rng = np.random.default_rng(8)
    rows = []
    for person in range(2 * BOOSTED_FROM):
        gap = 12.0 if person % 2 else 30.0
        day, count = rng.uniform(0, 400), 0
        while day < 640 and not (person % 2 and count == 3):
            rows.append((person, int(day), 5_000.0, 1))
            day += gap * rng.gamma(20.0, 1 / 20.0)
            count += 1
    days = pd.DataFrame(rows, columns=["person_id", "day", "amount", "articles"])
    model = CustomerValue(horizon=90).fit(days.drop_duplicates(["person_id", "day"]), 540)
    assert model.champion_ == "boosted"
    for one in model.report_["cutoffs"]:
        assert one["deviance"]["boosted"] < 0.8 * one["deviance"]["bgnbd"]


def test_below_a_thousand_customers_no_correction_is_tried() -> None:
    days = simulated(12, BOOSTED_FROM - 100, r=2.0)
    model = CustomerValue(horizon=90).fit(days, 450)
    assert model.refused_ is None
    assert (model.champion_, model.boosted_) == ("bgnbd", None)
    assert set(model.report_["cutoffs"][0]["deviance"]) == {"bgnbd"}


def test_a_small_shop_is_refused_with_the_number_that_is_missing() -> None:
    days = simulated(13, 100)
    model = CustomerValue().fit(days, 450)
    there = int((days[days["day"] <= 450].groupby("person_id").size() > 1).sum())
    assert model.refused_ == {"what": "repeaters", "needed": REPEATERS_NEEDED, "there": there}
    with pytest.raises(ValueError, match="repeaters"):
        model.predict(days, 450)
    assert CustomerValue.from_dict(model.to_dict()).refused_ == model.refused_


def test_a_young_shop_is_refused_with_the_days_that_are_missing() -> None:
    days = simulated(14, 4_000, days=120, r=3.0)
    assert CustomerValue().fit(days, 119).refused_ == {"what": "days", "needed": 180, "there": 120}


def test_every_consumer_gets_one_word_with_its_reason_and_wholesale_none() -> None:
    known, numbers, outcome = tagged()
    words = outcome.segments[outcome.segments["segment"].str.startswith("value:")]
    consumers = outcome.profiles[~outcome.profiles["is_wholesale"]]
    assert words["person_id"].tolist() == consumers["person_id"].tolist()
    assert set(words["segment"]) == {"value:high", "value:middle", "value:low"}
    for reason in words["reason"]:
        for language in ("en", "nl"):
            assert render(reason, language, numbers.names(ACCOUNT)).endswith(".")
    figures = ["expected_orders", "expected_value", "value_low", "value_high"]
    assert consumers[figures].notna().all(axis=None)
    apart = outcome.profiles[outcome.profiles["is_wholesale"]]
    assert apart["person_id"].tolist() == [7]
    assert apart[["p_alive", *figures]].isna().all(axis=None)
    assert not known.people.empty


def test_nobody_who_bought_once_is_said_to_be_a_customer_still() -> None:
    _, _, outcome = tagged()
    consumers = outcome.profiles[~outcome.profiles["is_wholesale"]]
    came_back = consumers["frequency"] > 1
    assert 0 < came_back.sum() < len(consumers)
    assert consumers.loc[came_back, "p_alive"].between(0, 1, inclusive="neither").all()
    assert consumers.loc[~came_back, "p_alive"].isna().all()


def test_high_bring_half_of_what_is_expected_and_low_a_tenth() -> None:
    _, _, outcome = tagged()
    shares = outcome.profiles.groupby("value")["expected_value"].sum()
    shares /= shares.sum()
    assert shares["high"] == pytest.approx(0.5, abs=0.02)
    assert shares["low"] == pytest.approx(0.1, abs=0.02)


def test_ninety_quiet_days_never_bring_a_word_back() -> None:
    known, numbers, before = tagged()
    order = {"high": 2, "middle": 1, "low": 0}
    for day in range(15, 91, 15):
        now = placed(numbers, known, LAST + timedelta(days=day), before)
        mine = now.profiles[~now.profiles["is_wholesale"]]["value"].map(order)
        was = before.profiles[~before.profiles["is_wholesale"]]["value"].map(order)
        assert (mine <= was).all()
        before = now


def test_a_quiet_night_changes_no_reason() -> None:
    known, numbers, before = tagged()
    now = placed(numbers, known, LAST + timedelta(days=1), before)
    one, other = (
        outcome.segments[outcome.segments["segment"].str.startswith("value:")].set_index(
            ["person_id", "segment"]
        )["reason"]
        for outcome in (before, now)
    )
    both = one.index.intersection(other.index)
    assert len(both) > 0.98 * len(one)
    assert (one[both] == other[both]).all()


def test_a_new_order_raises_value_by_the_numbers_of_the_night() -> None:
    known, numbers, before = tagged()
    low = before.profiles[before.profiles["value"] == "low"]["person_id"].iloc[0]
    lines = known.lines[known.lines["person_id"] == low].tail(1)
    new = lines.assign(line_id=10**6, order_id=10**6, ordered_on=pd.Timestamp(LAST), net_amount=2e5)
    after = placed(
        numbers,
        Frames(
            lines=pd.concat([known.lines, new], ignore_index=True),
            products=known.products,
            people=known.people,
        ),
        LAST,
        before,
    )
    one, other = (
        outcome.profiles.set_index("person_id").loc[low, "expected_value"]
        for outcome in (before, after)
    )
    assert other > one


def placed(numbers: Fitted, known: Frames, as_of: date, before: Assigned | None) -> Assigned:
    """Return a run over everybody."""
    return assign(
        numbers,
        known,
        as_of=as_of,
        choices=Choices(),
        previous_due=empty(PREVIOUS_DUE) if before is None else before.due[list(PREVIOUS_DUE)],
        previous_segments=(
            empty(PREVIOUS_SEGMENTS) if before is None else before.segments[list(PREVIOUS_SEGMENTS)]
        ),
    )


@lru_cache
def tagged() -> tuple[Frames, Fitted, Assigned]:
    """Return a simulated shop with one business customer, placed on its last day."""
    days = simulated(21, 700, r=2.0)
    start = LAST - timedelta(days=int(days["day"].max()))
    buys = [
        Buy(
            person=int(person) + 1,
            on=start + timedelta(days=int(day)),
            amount=round(float(amount)) + 1.0,
        )
        for person, day, amount in zip(days["person_id"], days["day"], days["amount"], strict=True)
    ]
    known = frames(buys, business=[7])
    numbers = fit(known, as_of=LAST, choices=Choices())
    return known, numbers, placed(numbers, known, LAST, None)
