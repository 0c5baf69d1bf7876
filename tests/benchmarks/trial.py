"""Which nights' numbers are rejected: good ones, night after night, and ones that were made worse.

On public orders, which have seasons and odd weeks: a fit every twenty days, each compared as in the
service. At the last of them the fit is spoilt on purpose. The second part tells from how many
customers with a second purchase on a forecast of all orders is near the truth, and kinds of
customers come out the same whoever is asked: shops drawn from CDNOW's customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from segmentation.compute import fit
from segmentation.duedates.intervals import IntervalModel
from segmentation.fitted import Fitted, Live
from segmentation.frames import Choices, Frames
from segmentation.groups import clusters
from segmentation.picks.rate import PersonalRate
from segmentation.trial.verdicts import WINDOW_DAYS, Verdict
from segmentation.value.bgnbd import COLUMNS, BetaGeo
from segmentation.value.history import customers, outcomes
from tests.benchmarks.duedates import complete_journey, online_retail
from tests.benchmarks.result import Result
from tests.benchmarks.value import cdnow

_EVERY = 20
_DRAWS = 40
#: Repeaters of a drawn shop.
_SIZES = (50, 100, 200, 400)
_KINDS_DRAWS = 20
_LAST, _WEEKS = 272, 39


def run(data: Path) -> list[Result]:
    """Measure on three sets."""
    journey = _some(complete_journey(data), 200)
    retail = _some(online_retail(data), 1_000)
    return [
        *_tried("Complete Journey, 200 households", journey, date(2017, 6, 1), date(2017, 12, 20)),
        *_tried("Online Retail, 1,000 customers", retail, date(2011, 5, 1), date(2011, 12, 1)),
        *_forecasts(data),
        *_kinds(data),
    ]


def _some(frames: Frames, people: int) -> Frames:
    """Return a shop of people drawn by lot."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(frames.people["person_id"], people, replace=False)
    lines, known = (
        frame[frame["person_id"].isin(chosen).to_numpy(dtype=bool)].reset_index(drop=True)
        for frame in (frames.lines, frames.people)
    )
    return replace(frames, lines=lines, people=known)


def _tried(name: str, shop: Frames, first: date, last: date) -> list[Result]:
    nights = [first + timedelta(days=n) for n in range(0, (last - first).days + 1, _EVERY)]
    fits: list[Fitted] = []
    for day in nights:
        fits.append(fit(shop, as_of=day, choices=Choices(), live=_live(fits, day)))
    judged = [one for found in fits for one in found.verdicts[1] if one.outcome != "untested"]
    rejected = sum(one.outcome == "rejected" for one in judged)
    good = Result(set=name, metric=f"good parts rejected, of {len(judged)}", ours=rejected, bar=0,
                  better="lower")  # fmt: skip
    live = _live(fits[:-1], nights[-1])
    results = [good]
    for fault, part in _FAULTS.items():
        with _spoilt(fault):
            found = fit(shop, as_of=nights[-1], choices=Choices(), live=live)
        verdict = next(one for one in found.verdicts[1] if one.part == part)
        metric = f"{fault}: {_said(verdict)}; loss above the present one's"
        results.append(Result(set=name, metric=metric, ours=verdict.difference or 0.0))
    return results


def _said(verdict: Verdict) -> str:
    return verdict.outcome if verdict.outcome != "untested" else f"untested ({verdict.why})"


def _live(fits: list[Fitted], day: date) -> Live:
    old = (day - timedelta(days=WINDOW_DAYS)).isoformat()
    before = [one for one in fits if one.as_of <= old]
    return Live(present=fits[-1] if fits else None, before=before[-1] if before else None)


#: By what is done to a fit, the part that it spoils.
_FAULTS = {
    "chances x 1.25": "dates",
    "chances x 1.5": "dates",
    "chances x 2": "dates",
    "chances / 2": "dates",
    "lives mixed up": "dates",
    "picks of rare things": "picks",
}


@contextmanager
def _spoilt(fault: str) -> Iterator[None]:
    chances, rates = IntervalModel.fit_chances, PersonalRate.fit

    def spoilt(self: IntervalModel, *arguments: Any) -> IntervalModel:
        chances(self, *arguments)
        if fault == "lives mixed up":
            mixed = np.random.default_rng(1).permutation(self.lives_.mu)
            self.lives_ = replace(self.lives_, mu=mixed)
        elif fault.startswith("chances"):
            how, factor = fault.split()[1:]
            self.ratio_ = self.ratio_ * float(factor) ** (1 if how == "x" else -1)
        return self

    def rare(self: PersonalRate, *arguments: Any, **named: Any) -> PersonalRate:
        rates(self, *arguments, **named)
        if _FAULTS[fault] == "picks":
            self.repeat_ = 1e-6 / self.repeat_
        return self

    with (
        patch.object(IntervalModel, "fit_chances", spoilt),
        patch.object(PersonalRate, "fit", rare),
    ):
        yield


def _forecasts(data: Path) -> list[Result]:
    """Tell how far the orders of 39 weeks are off, in shops of so many repeaters."""
    days = cdnow(data, sample=False)
    table = customers(days, _LAST)
    came = outcomes(days, table["person_id"].to_numpy(), _LAST, 7 * _WEEKS)[0]
    again = float((table["repeat_orders"] > 0).mean())
    rng = np.random.default_rng(0)
    results = []
    for size in _SIZES:
        ratios = []
        for _ in range(_DRAWS):
            rows = rng.choice(len(table), round(size / again), replace=False)
            known = table.iloc[rows]
            told = BetaGeo().fit(known[list(COLUMNS)]).predict(known, _WEEKS)
            ratios.append(told.sum() / came[rows].sum())
        spread = float(np.quantile(ratios, 0.9) - np.quantile(ratios, 0.1)) / 2
        middle = float(np.median(ratios))
        metric = f"{size} repeaters: predicted / actual orders, half the range of 8 in 10 shops"
        results.append(Result(set="CDNOW, drawn shops", metric=metric, ours=spread / middle))
    return results


def _kinds(data: Path) -> list[Result]:
    """Tell in how many shops of so many repeaters no kinds of customers are stable."""
    table = customers(cdnow(data, sample=False), _LAST)
    # The set knows no needs: different records a purchase stand in for them.
    table = table.assign(frequency=table["orders"], breadth=table["articles"])
    again = float((table["repeat_orders"] > 0).mean())
    rng = np.random.default_rng(0)
    results = []
    for size in _SIZES:
        none = 0
        for _ in range(_KINDS_DRAWS):
            rows = rng.choice(len(table), round(size / again), replace=False)
            with patch.object(clusters, "REPEATERS", 0):
                none += not clusters.Clusters().fit(table.iloc[rows]).clusters_
        metric = f"{size} repeaters: shops in which no kinds of customers are stable, share"
        results.append(Result(set="CDNOW, drawn shops", metric=metric, ours=none / _KINDS_DRAWS))
    return results
