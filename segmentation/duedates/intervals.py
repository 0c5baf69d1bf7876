"""How long until the next purchase of a need, and how likely it is.

1. The need: log-normal days among those who come back (`lives`); more where more was bought than
   usual (`quantity`).
2. The person: own gaps are shrunken to the need's mean plus the person's general pace,
   ``mu = (n * mean(log gap) + k * m) / (n + k)``, k = within / between variance, held in 2..3; and
   their scatter to the need's, so that a strict rhythm has a narrow window.
3. The rest: hazards of what remains, by number of own gaps, with a ratio for each need (`hazards`).
4. Today: how much a person bought of late against what was expected of him, and two numbers that
   bring the chances in step with the shop's last eight weeks (`calibration`); where they were
   better in those weeks, trees in their place (`second`).

All days in 1 to 3 are shop days: those of a strong month count for more (`season`).
Dates come from 1 to 3 alone: a night in which nothing happens moves no date. Chances use all four.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates import calibration, coverage, hazards, quantity, season, second
from segmentation.duedates.coverage import Coverage
from segmentation.duedates.hazards import EDGES, GROUPS
from segmentation.duedates.lives import LEARNED_FROM, Lives, lives
from segmentation.duedates.needs import Prior
from segmentation.duedates.pace import Pace, of_late, of_persons
from segmentation.duedates.season import Season
from segmentation.duedates.second import LastWeeks, Sample, SecondStage
from segmentation.duedates.starts import Bools, Floats, Ints, Starts, before_start

_K_PAIR = (2.0, 3.0)
#: Intervals that are enough to learn the season from, and to check windows on.
ENOUGH = 300_000
#: The fewest purchases that are expected of a day.
_LEAST_A_DAY = 1e-5


@dataclass(eq=False, repr=False)  # both are scikit-learn\'s
class IntervalModel(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Days from a purchase to the next one of the same need by the same person.

    Parameters
    ----------
    k_customer : float, default=10
        Gaps of other needs that weigh as much as nothing known about the person's pace.
    k_spread : float, default=5
        Own gaps whose scatter weighs as much as the need's.
    k_presence : float, default=50
        Expected purchases that weigh as much as "like everybody".

    Attributes
    ----------
    season_ : Season
        How many shop days a day of each month counts for, per need.
    exponent_ : ndarray of shape (needs,)
        How much longer a need stays away after more of it was bought than usual.
    lives_ : Lives
        Per need.
    k_pair_ : float
        Own gaps that weigh as much as everything else known.
    hazard_ : ndarray of shape (5, edges)
        Cumulative hazard of residuals at `hazards.EDGES` by number of own gaps.
    ratio_ : ndarray of shape (needs,)
        Purchases of each need over what the table expects.
    coverage_ : Coverage
        Where the window of dates ends, and how much such windows held.
    calibration_ : tuple of float
        Shift and slope of the log-odds of `due_chance`.
    second_ : SecondStage or None
        What corrects `due_chance` in its place, where that was better.
    """

    k_customer: float = 10.0
    k_spread: float = 5.0
    k_presence: float = 50.0
    season_: Season = field(init=False)
    exponent_: Floats = field(init=False)
    lives_: Lives = field(init=False)
    k_pair_: float = field(init=False)
    hazard_: Floats = field(init=False)
    ratio_: Floats = field(init=False)
    coverage_: Coverage = field(init=False)
    calibration_: tuple[float, float] = field(init=False)
    second_: SecondStage | None = field(init=False)

    def fit(self, table: Starts, priors: Sequence[Prior]) -> IntervalModel:
        """Learn from intervals; `priors` has one entry a need, in the order of the codes."""
        self.fit_chances(table, priors)
        self.coverage_ = self._coverage(table.some(ENOUGH), priors)
        return self

    def fit_chances(self, table: Starts, priors: Sequence[Prior]) -> IntervalModel:
        """Learn all that chances come from; windows stay as they are, unchecked."""
        self.fit_dates(table, priors)
        weeks = self._last_weeks(table.some(calibration.MOST), priors)
        if weeks is not None:
            self.calibration_ = calibration.fitted(-np.expm1(-weeks.expected), weeks.bought)
            if table.as_of - int(table.day.min()) >= second.DAYS_NEEDED:
                self.second_ = second.chosen(weeks.some)
        return self

    def fit_dates(self, table: Starts, priors: Sequence[Prior]) -> IntervalModel:
        """Learn all that dates come from; windows and chances stay as they are, unchecked.

        The season comes first, from a part that is enough.
        """
        some = table.some(ENOUGH)
        believed = np.full(len(priors), quantity.PRIOR)
        self._fit_within(season.NONE, believed, some, priors)
        usual = self._measured(some)
        pace = self._pace(usual, usual)

        def expected(rows: Ints, since: Floats, until: Floats) -> Floats:
            of = pace.take(rows)
            result: Floats = hazard(self, of, until) - hazard(self, of, since)
            return result

        found = season.learned(some, len(priors), expected)
        exponent = believed
        if some.more.any():
            exponent = quantity.exponents(some, *self._expected(usual, usual), len(priors))
        if found.flat and some is table and exponent is believed:
            return self
        return self._fit_within(found, exponent, table, priors)

    def _fit_within(
        self, year: Season, exponent: Floats, table: Starts, priors: Sequence[Prior]
    ) -> IntervalModel:
        self.season_, self.exponent_ = year, exponent
        table = self._measured(table)
        self.lives_ = lives(table, priors)
        self.k_pair_ = _k_pair(table, self.lives_.mu)
        mu, sigma = self._expected(table, table)
        residual = (np.log(table.length) - mu) / sigma
        self.hazard_, self.ratio_ = hazards.fitted(table, residual, len(priors))
        self.coverage_, self.calibration_ = coverage.NONE, calibration.NONE
        self.second_ = None
        return self

    def _measured(self, table: Starts) -> Starts:
        """Return intervals in shop days that the usual number of units lasts."""
        return quantity.usual(self.season_.measured(table), self.exponent_)

    def _coverage(self, table: Starts, priors: Sequence[Prior]) -> Coverage:
        """Judge windows of a model fitted on the first half by what happened in the second."""
        cut = int(table.day.min(initial=table.as_of) + table.as_of) // 2
        past = table.seen_on(cut)
        after = (table.day > cut) & table.done
        if past.done.sum() < LEARNED_FROM or after.sum() < coverage.ENOUGH:
            return coverage.NONE
        earlier = type(self)(**self.get_params()).fit_dates(past, priors)
        pace = earlier._pace(*map(earlier._measured, (table, past))).take(after)
        rows = table.take(after)
        seen = chance(earlier, pace, (table.as_of - rows.day).astype(np.float64))
        told = (seen > 0) & (seen >= coverage.FOLLOWED * repeat_chance(earlier, pace))
        seen, pace, rows = seen[told], pace.take(told), rows.take(told)
        opened, closed = (chance(earlier, pace, rows.length - before) / seen for before in (1, 0))
        return coverage.checked(opened, closed, rows.person)

    def _last_weeks(self, table: Starts, priors: Sequence[Prior]) -> LastWeeks | None:
        """Return what a model fitted before the last weeks expected of them, and what came."""
        days = calibration.days(table.as_of)
        past = table.seen_on(days[0])
        if past.done.sum() < LEARNED_FROM:
            return None
        earlier = type(self)(**self.get_params()).fit_dates(past, priors)
        return LastWeeks.of(_sample(earlier, table, day) for day in days)

    def predict(self, table: Starts, of: Bools | None = None, known: Starts | None = None) -> Pace:
        """Return the pace of intervals, or of those marked in `of`.

        Parameters
        ----------
        table
            Everything known of the persons in it: their pace over all needs counts.
        of
            Which intervals.
        known
            What may be known of the persons beside an interval's own earlier gaps, for intervals
            that start later; `table` itself, as of each start, when left out.
        """
        check_is_fitted(self)
        table = self._measured(table)
        known = table if known is None else self._measured(known)
        pace = self._pace(table, known)
        own = pace if known is table else self._pace(known, known)
        away, lately = of_late(known, table.person)
        presence = self._presence(known, own, table.person)
        pace = replace(pace, presence=presence, away=away, lately=lately)
        return pace if of is None else pace.take(of)

    def _pace(self, table: Starts, known: Starts) -> Pace:
        """Return the pace of measured intervals without what chances alone ask: presence is 1."""
        mu, sigma = self._expected(table, known)
        return Pace(
            need=table.need,
            start=table.day,
            mu=mu + self._longer(table),
            sigma=sigma,
            row=hazards.own_group(table.own_gaps),
            ratio=self.ratio_[table.need],
            presence=np.ones(table.day.size),
            away=np.zeros(table.day.size, dtype=np.int64),
            lately=np.zeros(table.day.size, dtype=np.int64),
        )

    def _expected(self, table: Starts, known: Starts) -> tuple[Floats, Floats]:
        offset: Floats = np.log(known.length) - self.lives_.mu[known.need]
        if known is table:
            total, gaps = before_start(table, offset)
            count = gaps.astype(np.float64)
        else:
            total = of_persons(known, offset * known.done, table.person)
            count = of_persons(known, known.done.astype(np.float64), table.person)
        k, n = self.k_pair_, table.own_gaps
        prior = self.lives_.mu[table.need] + total / (count + self.k_customer)
        mu: Floats = (n * table.own_mean + k * prior) / (n + k)
        mean = table.own_log / np.maximum(n, 1)
        scatter = np.maximum(table.own_squares - n * mean * mean, 0.0)
        # How far the mean of the own gaps lies from what was expected is scatter too.
        scatter += n * k / (n + k) * (table.own_mean - prior) ** 2
        need = self.lives_.sigma[table.need]
        sigma: Floats = np.sqrt((self.k_spread * need * need + scatter) / (self.k_spread + n))
        return np.round(mu, 9), np.round(sigma, 9)

    def _longer(self, table: Starts) -> Floats:
        """Return what units beyond the usual number add to the log of each interval."""
        result: Floats = np.round(self.exponent_[table.need] * table.more, 9)
        return result

    def _presence(self, known: Starts, own: Pace, person: Ints) -> Floats:
        z = (np.log(known.length) + self._longer(known) - own.mu) / own.sigma
        expected = own.ratio * hazards.at(self.hazard_, own.row, z)
        bought = of_persons(known, known.done.astype(np.float64), person)
        expected = of_persons(known, expected, person)
        result: Floats = np.round((bought + self.k_presence) / (expected + self.k_presence), 9)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            **self.get_params(),
            "season": self.season_.index.tolist(),
            "exponent": self.exponent_.tolist(),
            "k_pair": float(self.k_pair_),
            "mu": self.lives_.mu.tolist(),
            "sigma": self.lives_.sigma.tolist(),
            "gaps": self.lives_.gaps.tolist(),
            "hazard": self.hazard_.tolist(),
            "ratio": self.ratio_.tolist(),
            "coverage": self.coverage_.to_dict(),
            "calibration": list(self.calibration_),
            "second": None if self.second_ is None else self.second_.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> IntervalModel:
        """Return the model that `to_dict` wrote down."""
        model = cls(plain["k_customer"], plain["k_spread"], plain["k_presence"])
        model.season_ = Season(np.array(plain["season"], dtype=np.float64).reshape(-1, 12))
        model.exponent_ = np.array(plain["exponent"], dtype=np.float64)
        model.k_pair_ = plain["k_pair"]
        model.lives_ = Lives(
            np.array(plain["mu"], dtype=np.float64),
            np.array(plain["sigma"], dtype=np.float64),
            np.array(plain["gaps"], dtype=np.int64),
        )
        model.hazard_ = np.array(plain["hazard"], dtype=np.float64).reshape(GROUPS, EDGES.size)
        model.ratio_ = np.array(plain["ratio"], dtype=np.float64)
        model.coverage_ = Coverage.from_dict(plain["coverage"])
        shift, slope = plain["calibration"]
        model.calibration_ = (shift, slope)
        kept = plain["second"]
        model.second_ = None if kept is None else SecondStage.from_dict(kept)
        return model


def _k_pair(table: Starts, need_mu: Floats) -> float:
    """Return within / between variance of log gaps by moments, held in 2..3."""
    last = np.flatnonzero(~table.done)
    own, total, squares = table.own_gaps[last], table.own_log[last], table.own_squares[last]
    some = own >= 2
    if some.sum() < LEARNED_FROM:
        return float(np.mean(_K_PAIR))
    n, mean = own[some].astype(np.float64), total[some] / own[some]
    within = (squares[some] - n * mean * mean).sum() / (n - 1).sum()
    offset = mean - need_mu[table.need[last][some]]
    between = offset.var() - within * (1 / n).mean()
    return float(np.clip(within / max(between, 1e-9), *_K_PAIR))


def hazard(model: IntervalModel, pace: Pace, days: Floats) -> Floats:
    """Return the cumulative hazard from the start to the end of day `days`, without presence."""
    passed = model.season_.passed(pace.need, pace.start, np.floor(days) + 0.5)
    z = (np.log(passed) - pace.mu) / pace.sigma
    result: Floats = pace.ratio * hazards.at(model.hazard_, pace.row, z)
    return result


def chance(model: IntervalModel, pace: Pace, days: Floats) -> Floats:
    """Return the chance of a repurchase within `days` of the start, one value an interval."""
    result: Floats = -np.expm1(-hazard(model, pace, days))
    return result


def due_chance(model: IntervalModel, pace: Pace, elapsed: Floats, within: int) -> Floats:
    """Return the chance of a purchase within the next days, given none in those that passed."""
    if model.second_ is None:
        return calibration.applied(model.calibration_, steady_chance(model, pace, elapsed, within))
    fortnight = ahead(model, pace, elapsed, calibration.WITHIN_DAYS)
    times = model.second_.times(_traits(model, pace, elapsed, fortnight), fortnight)
    result: Floats = -np.expm1(-times * ahead(model, pace, elapsed, within))
    return result


def steady_chance(
    model: IntervalModel, pace: Pace, elapsed: Floats, within: int | Floats
) -> Floats:
    """Return the same as `due_chance`, but for what the shop's last weeks were like.

    Those move everybody up or down together, and from night to night.
    """
    result: Floats = -np.expm1(-ahead(model, pace, elapsed, within))
    return result


def ahead(model: IntervalModel, pace: Pace, elapsed: Floats, within: int | Floats) -> Floats:
    """Return the purchases expected within the next days, given none in those that passed."""
    more = hazard(model, pace, elapsed + within) - hazard(model, pace, elapsed)
    # Never nothing: past the last edge of the hazards somebody may come back all the same.
    result: Floats = np.maximum(pace.presence * more, _LEAST_A_DAY * within)
    return result


def _traits(model: IntervalModel, pace: Pace, elapsed: Floats, fortnight: Floats) -> Floats:
    """Return what a second stage looks at; shape (intervals, 8)."""
    passed = model.season_.passed(pace.need, pace.start, elapsed)
    return np.stack(
        [
            np.log(fortnight),
            np.log(elapsed),
            (np.log(passed) - pace.mu) / pace.sigma,
            pace.row,
            pace.presence,
            pace.ratio,
            np.log1p(pace.away),
            np.log1p(pace.lately),
        ],
        axis=1,
    ).round(9)


def _sample(model: IntervalModel, table: Starts, day: int) -> Sample:
    """Return what a model expects of the fortnight after a day, and what came."""
    seen = table.seen_on(day)
    still = ~seen.done
    pace, elapsed = model.predict(seen, of=still), seen.length[still]
    expected = ahead(model, pace, elapsed, calibration.WITHIN_DAYS)
    begun = table.day <= day
    ended = table.done[begun] & (table.until[begun] <= day + calibration.WITHIN_DAYS)
    traits = _traits(model, pace, elapsed, expected)
    return Sample(seen.person[still], traits, expected, ended[still])


def repeat_chance(model: IntervalModel, pace: Pace) -> Floats:
    """Return the chance of any repurchase within the need's horizon (3 spreads past the mean)."""
    result: Floats = -np.expm1(-pace.ratio * model.hazard_[pace.row, -1])
    return result


def days_until(model: IntervalModel, pace: Pace, share: float) -> Floats:
    """Return the days by which `share` of those who come back have done so."""
    level = -np.log1p(-share * repeat_chance(model, pace)) / pace.ratio
    reached = hazards.reached(model.hazard_, pace.row, level)
    return model.season_.days(pace.need, pace.start, np.exp(pace.mu + pace.sigma * reached))
