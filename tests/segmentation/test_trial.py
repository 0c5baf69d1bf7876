"""A fit is tried on the last days; what is clearly worse than the present numbers stays out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from segmentation import compute
from segmentation.compute import fit
from segmentation.duedates.intervals import IntervalModel
from segmentation.fitted import Fitted, Live
from segmentation.frames import PREVIOUS_DUE, PREVIOUS_SEGMENTS, Choices, Frames, empty
from segmentation.groups.clusters import Clusters
from segmentation.groups.tree import GroupTree
from segmentation.picks.rate import PersonalRate
from segmentation.trade.pool import Pool
from segmentation.trial.choose import TRIALS
from segmentation.trial.verdicts import WINDOW_DAYS, Rows, Verdict, compared
from segmentation.value.bgnbd import BetaGeo
from tests.segmentation.builders import ACCOUNT, Buy, frames

LAST = date(2025, 6, 30)
YESTERDAY = LAST - timedelta(days=1)
EARLIER = LAST - timedelta(days=WINDOW_DAYS)


def shop(people: int = 260) -> Frames:
    """Half buy shirts every month, half socks every ten weeks; some stop, all have a favourite."""
    rng = np.random.default_rng(5)
    buys = []
    for person in range(1, people + 1):
        kind, days = (("Shirts", 30), ("Socks", 70))[person % 2]
        days = days * np.exp(rng.normal(0, 0.3))
        ago, worth = int(rng.integers(120, 400)), float(rng.integers(1_000, 20_000))
        while ago > 0 and rng.random() > 0.03:
            title = f"{kind} {person % 7 if rng.random() < 0.8 else rng.integers(7)}"
            on = date.fromordinal(LAST.toordinal() - ago)
            buys.append(Buy(person=person, on=on, type=kind, title=title, amount=worth))
            ago -= max(2, round(days * np.exp(rng.normal(0, 0.25))))
    return frames(buys)


@pytest.fixture(scope="module")
def known() -> Frames:
    return shop()


def run(known: Frames, as_of: date = LAST, live: Live | None = None, **said: Any) -> Fitted:
    return fit(known, as_of=as_of, choices=Choices(**said), live=live or Live())


@pytest.fixture(scope="module")
def present(known: Frames) -> Fitted:
    return run(known, YESTERDAY)


@pytest.fixture(scope="module")
def before(known: Frames) -> Fitted:
    return run(known, EARLIER)


@pytest.fixture(scope="module")
def first(known: Frames) -> Fitted:
    """A fit with which nothing is compared."""
    return run(known)


def verdict(fitted: Fitted, part: str) -> Verdict:
    return next(one for one in fitted.verdicts[ACCOUNT] if one.part == part)


def far_too_many(self: IntervalModel, *arguments: Any) -> IntervalModel:
    _FIT(self, *arguments)
    self.ratio_ = self.ratio_ * 3
    return self


def far_too_few_orders(self: BetaGeo, *arguments: Any, **named: Any) -> BetaGeo:
    _FIT_ORDERS(self, *arguments, **named)
    self.alpha_ *= 4
    return self


def upside_down(self: PersonalRate, *arguments: Any, **named: Any) -> PersonalRate:
    _FIT_PICKS(self, *arguments, **named)
    self.repeat_ = 1e-6 / self.repeat_
    return self


_FIT, _FIT_ORDERS, _FIT_PICKS = IntervalModel.fit_chances, BetaGeo.fit, PersonalRate.fit
#: There are no groups, no kinds and no business customers in `shop`.
OUTCOMES = ["accepted"] * 3 + ["untested"] * 3
NOT_YET = Verdict(part="dates", outcome="untested")
WORSE: dict[str, tuple[type, str, Any]] = {
    "dates": (IntervalModel, "fit_chances", far_too_many),
    "value": (BetaGeo, "fit", far_too_few_orders),
    "picks": (PersonalRate, "fit", upside_down),
}


@pytest.fixture(params=["with earlier numbers", "without"])
def live(request: pytest.FixtureRequest, present: Fitted, before: Fitted) -> Live:
    return Live(present=present, before=before if request.param != "without" else None)


def test_what_is_as_good_goes_live(known: Frames, first: Fitted, live: Live) -> None:
    fitted = run(known, live=live)
    assert [one.outcome for one in fitted.verdicts[ACCOUNT]] == OUTCOMES
    assert {one.seen for one in fitted.verdicts[ACCOUNT][:3]} == {live.before is None}
    assert fitted.to_dict() == first.to_dict()


@pytest.mark.parametrize("part", WORSE)
def test_what_is_clearly_worse_stays_out_and_the_rest_goes_live(
    known: Frames, first: Fitted, live: Live, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    good = first.account(ACCOUNT).to_dict()
    monkeypatch.setattr(*WORSE[part])
    fitted = run(known, live=live)
    found, there = (one.account(ACCOUNT).to_dict() for one in (fitted, live.present) if one)
    assert verdict(fitted, part).outcome == "rejected"
    name = {"dates": "model"}.get(part, part)
    assert found[name] == there[name]
    others = {"model", "value", "picks"} - {name}
    assert {other: found[other] for other in others} == {other: good[other] for other in others}


def test_people_are_placed_by_the_numbers_that_stayed(
    known: Frames, present: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*WORSE["dates"])
    when: Any = {
        "as_of": LAST,
        "choices": Choices(),
        "previous_due": empty(PREVIOUS_DUE),
        "previous_segments": empty(PREVIOUS_SEGMENTS),
    }
    _, placed = compute.run(known, **when, live=Live(present=present))
    expected = compute.assign(present, known, **when)
    assert placed.due["p_due"].equals(expected.due["p_due"])


def test_a_fit_is_judged_by_days_that_it_has_not_seen(first: Fitted) -> None:
    found = verdict(first, "dates")
    assert (found.outcome, found.why) == ("untested", "first")
    figures = found.to_dict()
    assert figures["loss"] < figures["base"]
    assert 0.7 < figures["told"] / figures["came"] < 1.4


def test_the_merchants_word_goes_even_if_it_is_worse(
    known: Frames, present: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*WORSE["dates"])
    fitted = run(known, live=Live(present=present), lives={"socks": 3_000.0})
    assert (verdict(fitted, "dates").outcome, verdict(fitted, "dates").why) == (
        "untested",
        "stated",
    )


def test_numbers_that_do_not_know_a_need_are_judged_by_the_others(
    known: Frames, present: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = present.account(ACCOUNT)
    code = numbers.needs.index("shirts")
    plain = numbers.model.to_dict()
    for name in ("mu", "sigma", "gaps", "ratio"):
        plain[name] = [plain[name][code]]
    plain["season"] = plain["season"][code : code + 1]
    only = replace(
        numbers, needs=("shirts",), priors=(numbers.priors[code],),
        model=IntervalModel.from_dict(plain),
    )  # fmt: skip
    less = Live(present=replace(present, accounts={ACCOUNT: only}))
    accepted = run(known, live=less)
    assert verdict(accepted, "dates").outcome == "accepted"
    assert set(accepted.account(ACCOUNT).needs) == {"shirts", "socks"}
    monkeypatch.setattr(*WORSE["dates"])
    rejected = run(known, live=less).account(ACCOUNT)
    assert rejected.needs == ("shirts",)
    assert set(rejected.names) == {"shirts", "socks"}
    assert [life.need for life in rejected.lives()] == ["shirts"]


def test_too_few_purchases_judge_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    small = shop(20)
    before = run(small, YESTERDAY)
    monkeypatch.setattr(*WORSE["dates"])
    fitted = run(small, live=Live(present=before))
    assert {(one.outcome, one.why) for one in fitted.verdicts[ACCOUNT]} <= {
        ("untested", "few"),
        ("untested", "refused"),
    }


def test_a_shop_of_yesterday_is_fitted_without_a_trial() -> None:
    buys = [Buy(person=person, on=YESTERDAY) for person in range(3)]
    assert [one.cases for one in run(frames(buys)).verdicts[ACCOUNT]] == [0] * len(TRIALS)


# -- groups, kinds and business customers ----------------------------------------------------------


@pytest.fixture(scope="module")
def rich() -> Frames:
    """Men and women who buy their own things, slow and small or fast and dear; and companies."""
    rng = np.random.default_rng(1)
    buys, types = [], {"men": ("Suits", "Shirts", "Ties"), "women": ("Dresses", "Skirts", "Tops")}
    for person in range(1, 401):
        side, business = ("men", "women")[person % 2], person > 350
        days = float(rng.choice([14, 35]) if business else (15, 90)[person // 2 % 2])
        worth = 20_000.0 if days < 90 else 1_000.0
        ago = int(rng.uniform(0, days)) + 640
        while ago > 0:
            kind = "Tiles" if business else str(rng.choice(types[side]))
            on = date.fromordinal(LAST.toordinal() - ago)
            buys.append(Buy(person=person, on=on, type=kind, title=kind, amount=worth,
                            target="" if business else side))  # fmt: skip
            ago -= max(2, round(days * np.exp(rng.normal(0, 0.1 if business else 0.4))))
    return frames(buys, business=range(351, 401))


def no_groups(self: GroupTree, *arguments: Any, **named: Any) -> GroupTree:
    _FIT_TREE(self, *arguments, **named)
    self.groups_ = []
    return self


def all_of_a_kind(self: Clusters, *arguments: Any, **named: Any) -> Clusters:
    _FIT_KINDS(self, *arguments, **named)
    self.clusters_ = [replace(one, centre=(0.0,) * 5) for one in self.clusters_]
    return self


def without_rhythm(self: Pool, *arguments: Any, **named: Any) -> Pool:
    _FIT_POOL(self, *arguments, **named)
    self.within_, self.likeness_ = 2.0, 500.0
    return self


_FIT_TREE, _FIT_KINDS, _FIT_POOL = GroupTree.fit, Clusters.fit, Pool.fit
ALSO_WORSE: dict[str, tuple[type, Any]] = {
    "groups": (GroupTree, no_groups),
    "kinds": (Clusters, all_of_a_kind),
    "business": (Pool, without_rhythm),
}


@pytest.fixture(scope="module")
def rich_live(rich: Frames) -> Live:
    return Live(present=run(rich, YESTERDAY), before=run(rich, EARLIER))


def test_groups_kinds_and_rhythms_of_companies_go_live_when_they_are_as_good(
    rich: Frames, rich_live: Live
) -> None:
    fitted = run(rich, live=rich_live)
    found = {part: verdict(fitted, part) for part in ALSO_WORSE}
    outcomes = {part: (one.outcome, one.why) for part, one in found.items()}
    fine = ("accepted", "")
    assert outcomes == {"groups": ("untested", "same"), "kinds": fine, "business": fine}
    for part in ("kinds", "business"):
        told = found[part].to_dict()
        assert told["loss"] < 0.9 * told["base"]
    assert fitted.account(ACCOUNT).groups.tree.groups_


@pytest.mark.parametrize("part", ALSO_WORSE)
def test_worse_groups_kinds_and_rhythms_stay_out_one_by_one(
    rich: Frames, rich_live: Live, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(ALSO_WORSE[part][0], "fit", ALSO_WORSE[part][1])
    fitted = run(rich, live=rich_live)
    rejected = {one.part for one in fitted.verdicts[ACCOUNT] if one.outcome == "rejected"}
    assert rejected == {part}
    assert rich_live.present is not None
    assert of_part(fitted, part) == of_part(rich_live.present, part)


def of_part(fitted: Fitted, part: str) -> Any:
    """Return what is stored of a part; a tree also tells until when it was tested."""
    numbers = fitted.account(ACCOUNT)
    tree, clusters = (numbers.groups.to_dict()[name] for name in ("tree", "clusters"))
    plain = {"groups": tree["groups"], "kinds": clusters, "business": numbers.trade.to_dict()}
    return plain[part]


# -- what is clearly worse -------------------------------------------------------------------------


def rows(loss: np.ndarray[Any, Any], person: np.ndarray[Any, Any], period: Any = 0) -> Rows:
    none = np.zeros(loss.size)
    return Rows(person, np.zeros(loss.size) + period, loss, none, none, none)


@pytest.mark.parametrize(
    ("people", "months", "outcome"),
    [
        pytest.param(400, (0.1, 0.1), "rejected", id="worse for everybody in both months"),
        pytest.param(29, (0.1, 0.1), "untested", id="few people, however many rows"),
        pytest.param(400, (0.3, -0.01), "accepted", id="one odd month"),
        pytest.param(400, (0.004, 0.004), "accepted", id="worse by less than matters"),
    ],
)
def test_worse_means_by_a_hundredth_in_each_month_and_beyond_chance(
    people: int, months: tuple[float, float], outcome: str
) -> None:
    rng = np.random.default_rng(0)
    person, month = np.arange(2_000) % people, np.repeat([0, 1], 1_000)
    theirs = rng.uniform(0.5, 1.5, 2_000)
    ours = theirs + np.array(months)[month] * rng.uniform(0.5, 1.5, 2_000)
    found = compared(NOT_YET, rows(ours, person, month), rows(theirs, person, month))
    assert found.outcome == outcome
    json.dumps(found.to_dict(), allow_nan=False)


def test_many_rows_of_one_person_count_once() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 50)
    theirs = np.ones(2_000)
    ours = theirs + rng.normal(0.02, 0.1, 40)[person]
    found = compared(NOT_YET, rows(ours, person), rows(theirs, person))
    assert found.difference == pytest.approx((ours - theirs).mean(), abs=1e-6)
    assert found.low == pytest.approx(found.difference - 2.326 * 0.1 / 40**0.5, abs=0.01)
    assert found.outcome == "accepted"
