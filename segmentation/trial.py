"""Whether a night's numbers may take the place of the present ones.

Every fit is tried on the last 60 days. Where there are numbers that were live before those days,
the fit is done once more with what was known then, on a part of the people, and both are judged by
what came: neither has seen it. Until a shop is that old, the new numbers and the present ones
themselves are judged by the same days, which both have seen. The new ones are rejected where they
are clearly worse: by more than a hundredth, in each of the two months, and beyond what chance does
once in a hundred (people count, not rows: those of one person belong together). What is rejected
stays as it was, part by part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from segmentation.account import AccountTable
from segmentation.duedates.intervals import IntervalModel, due_chance
from segmentation.duedates.schedule import DUE_WITHIN_DAYS
from segmentation.duedates.starts import Bools, Floats, Ints, Starts
from segmentation.fitted import AccountFit
from segmentation.picks.personal import MOST as PICKS
from segmentation.picks.rate import PersonalRate
from segmentation.value.history import outcomes
from segmentation.value.model import CustomerValue

#: The days that are judged: months, each by the chances told on its eve.
PERIODS = 2
WINDOW_DAYS = PERIODS * DUE_WITHIN_DAYS
#: Purchases in them (for picks: people who bought) below which nothing is judged.
CASES_NEEDED = 100
#: People below whom no interval is drawn.
PEOPLE_NEEDED = 30
#: How much worse is too much, as a share of the present loss, and how sure that has to be:
#: the normal deviate that chance passes once in a hundred.
MARGIN, SURE = 0.01, 2.326
#: Intervals, and people for value and picks, that are enough.
_INTERVALS, _PEOPLE = 60_000, 5_000
_LEAST = 1e-4
_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one part of a fit."""

    #: "dates", "value" or "picks".
    part: str
    #: "accepted", "rejected" or "untested".
    outcome: str
    #: Of what is untested: "few" cases, "first" numbers, "refused" (nothing is told), or "stated":
    #: the merchant has just said how long things last, and his word goes.
    why: str = ""
    #: Whether both had seen the days they were judged by.
    seen: bool = False
    #: Purchases in the window (for picks: people who bought).
    cases: int = 0
    people: int = 0
    #: Of a fit that had not seen the days: purchases told and those that came, mean loss, and the
    #: loss of telling everybody the same.
    told: float | None = None
    came: float | None = None
    loss: float | None = None
    base: float | None = None
    #: New loss less present loss, as a share of the present one, with the ends of its interval.
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Rows:
    """How far numbers were off, one entry a chance (dates), customer (value) or buyer (picks)."""

    person: Ints
    #: Which month.
    period: Ints
    #: NaN where the numbers do not know the need.
    loss: Floats
    #: Loss of telling everybody the same.
    base: Floats
    told: Floats
    came: Floats


class _Trial(Protocol):
    """One part of a fit, and how it is judged."""

    part: str
    cases: int
    #: Whether it is fitted once more even where there is nothing to compare it with.
    always: bool

    def told_by(self, numbers: AccountFit) -> bool: ...

    def offered_by(self, numbers: AccountFit) -> bool: ...

    def stated(self, numbers: AccountFit) -> Mapping[str, float]: ...

    def earlier(self) -> AccountFit: ...

    def rows(self, numbers: AccountFit) -> Rows: ...

    def kept(self, present: AccountFit) -> dict[str, Any]: ...


def chosen(
    candidate: AccountFit,
    table: AccountTable,
    today: int,
    present: AccountFit | None,
    before: AccountFit | None,
) -> tuple[AccountFit, tuple[Verdict, ...]]:
    """Return the numbers that go live, and why.

    Parameters
    ----------
    candidate
        Fitted on `table`.
    table
        What is known on the day `today`.
    present
        What is live.
    before
        What was live `WINDOW_DAYS` before `today`, or the newest that is older.
    """
    live, verdicts = candidate, []
    for make in (_Dates, _Value, _Picks):
        trial: _Trial = make(candidate, table, today)
        verdict = _judged(trial, candidate, present, before)
        verdicts.append(verdict)
        if verdict.outcome == "rejected" and present is not None:
            live = replace(live, **trial.kept(present))
    return live, tuple(verdicts)


def _judged(
    trial: _Trial, candidate: AccountFit, present: AccountFit | None, before: AccountFit | None
) -> Verdict:
    verdict = Verdict(part=trial.part, outcome="untested", cases=trial.cases)
    if not trial.told_by(candidate):
        return replace(verdict, why="refused")
    if trial.cases < CASES_NEEDED:
        return replace(verdict, why="few")
    unseen = None
    if before is not None and not trial.told_by(before):
        before = None
    if trial.always or before is not None:
        past = trial.earlier()
        unseen = trial.rows(past) if trial.told_by(past) else None
    if unseen is not None:
        verdict = replace(verdict, **_figures(unseen))
    if present is None or not trial.offered_by(present):
        return replace(verdict, why="first")
    if trial.stated(candidate) != trial.stated(present):
        return replace(verdict, why="stated")
    if unseen is not None and before is not None:
        return _compared(verdict, unseen, trial.rows(before))
    verdict = replace(verdict, seen=True)
    return _compared(verdict, trial.rows(candidate), trial.rows(present))


def _figures(rows: Rows) -> dict[str, Any]:
    figures = {
        "told": rows.told.sum(),
        "came": rows.came.sum(),
        "loss": rows.loss.mean(),
        "base": rows.base.mean(),
    }
    plain = {name: round(float(value), _DIGITS) for name, value in figures.items()}
    if np.isnan(plain["told"]):  # of picks no chance is told
        plain.pop("told")
    return {**plain, "people": int(np.unique(rows.person).size)}


def _compared(verdict: Verdict, ours: Rows, theirs: Rows) -> Verdict:
    both = ~np.isnan(ours.loss) & ~np.isnan(theirs.loss)
    code = np.unique(ours.person[both], return_inverse=True)[1]
    people = int(code.max(initial=-1)) + 1
    if people < PEOPLE_NEEDED:
        return replace(verdict, why="few")
    more = (ours.loss - theirs.loss)[both]
    mean, scale = float(more.mean()), max(float(theirs.loss[both].mean()), 1e-9)
    # Of a ratio of two sums over persons (Cochran, Sampling Techniques, 1977, 6.4).
    off = np.bincount(code, more) - mean * np.bincount(code)
    spread = SURE * float(np.sqrt((off**2).sum())) / more.size
    period = ours.period[both]
    always = all(more[period == one].mean() > 0 for one in np.unique(period))
    worse = mean - spread > 0 and mean > MARGIN * scale and always
    return replace(
        verdict,
        outcome="rejected" if worse else "accepted",
        people=people,
        difference=round(mean / scale, _DIGITS),
        low=round((mean - spread) / scale, _DIGITS),
        high=round((mean + spread) / scale, _DIGITS),
    )


class _Dates:
    """Chances of a purchase within 30 days, by their log loss."""

    part, always = "dates", True

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.today = candidate, today
        self.table = table.intervals.some(_INTERVALS)
        cut = today - WINDOW_DAYS
        came = self.table.done & (self.table.day <= cut) & (self.table.until > cut)
        self.cases = int(came.sum())

    def told_by(self, numbers: AccountFit) -> bool:
        del numbers
        return True

    offered_by = told_by

    def stated(self, numbers: AccountFit) -> Mapping[str, float]:
        pairs = zip(numbers.needs, numbers.priors, strict=True)
        return {need: prior.life for need, prior in pairs if prior.basis == "stated"}

    def earlier(self) -> AccountFit:
        past = self.table.seen_on(self.today - WINDOW_DAYS)
        model = IntervalModel().fit_chances(past, self.candidate.priors)
        return replace(self.candidate, model=model)

    def rows(self, numbers: AccountFit) -> Rows:
        days = [self.today - DUE_WITHIN_DAYS * back for back in range(PERIODS, 0, -1)]
        parts = [self._month(numbers, day, place) for place, day in enumerate(days)]
        return Rows(*map(np.concatenate, zip(*parts, strict=True)))

    def _month(self, numbers: AccountFit, day: int, place: int) -> tuple[Any, ...]:
        seen = self.table.seen_on(day)
        still = ~seen.done
        begun = self.table.day <= day
        ended = self.table.done[begun] & (self.table.until[begun] <= day + DUE_WITHIN_DAYS)
        came = ended[still].astype(np.float64)
        told = np.full(seen.day.size, np.nan)
        theirs, known = _as_theirs(seen, self.candidate.needs, numbers.needs)
        open_ = ~theirs.done
        pace = numbers.model.predict(theirs, of=open_)
        told[np.flatnonzero(known)[open_]] = due_chance(
            numbers.model, pace, theirs.length[open_], DUE_WITHIN_DAYS
        )
        told = told[still]
        base = _log_loss(np.full(came.size, came.mean() if came.size else 0.5), came)
        period = np.full(came.size, place)
        return seen.person[still], period, _log_loss(told, came), base, told, came

    def kept(self, present: AccountFit) -> dict[str, Any]:
        names = {need: present.names[need] for need in present.needs}
        return {
            "needs": present.needs,
            "priors": present.priors,
            "model": present.model,
            "rhythm": present.rhythm,
            "names": {**names, **self.candidate.names},
        }


def _as_theirs(
    table: Starts, needs: tuple[str, ...], theirs: tuple[str, ...]
) -> tuple[Starts, Bools]:
    """Return the intervals of needs that others know too, with their codes, and which those are."""
    if needs == theirs:
        return table, np.ones(table.day.size, dtype=bool)
    place = {need: code for code, need in enumerate(theirs)}
    code = np.array([place.get(need, -1) for need in needs], dtype=np.int64)[table.need]
    known: Bools = code >= 0
    return replace(table.take(known), need=code[known]), known


def _log_loss(told: Floats, came: Floats) -> Floats:
    p = np.clip(told, _LEAST, 1 - _LEAST)
    result: Floats = -(came * np.log(p) + (1 - came) * np.log1p(-p))
    return result


class _Value:
    """Expected orders of the window, by their Poisson deviance; each fit tests itself besides."""

    part, always = "value", False

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.cut = candidate, today - WINDOW_DAYS
        self.days = _some_people(table.part.order_days)
        before = self.days.loc[(self.days["day"] <= self.cut).to_numpy(), "person_id"]
        self.persons = np.unique(before.to_numpy(dtype=np.int64))
        self.came = outcomes(self.days, self.persons, self.cut, WINDOW_DAYS)[0]
        self.cases = int(self.came.sum())

    def told_by(self, numbers: AccountFit) -> bool:
        return numbers.value.is_fitted

    def offered_by(self, numbers: AccountFit) -> bool:
        return numbers.value.refused_ is None

    def stated(self, numbers: AccountFit) -> Mapping[str, float]:
        del numbers
        return {}

    def earlier(self) -> AccountFit:
        return replace(self.candidate, value=CustomerValue().fit(self.days, self.cut))

    def rows(self, numbers: AccountFit) -> Rows:
        told = numbers.value.orders_within(self.days, self.cut, WINDOW_DAYS)
        base = np.full(told.size, self.came.mean())
        return Rows(
            person=self.persons,
            period=np.zeros(told.size, dtype=np.int64),
            loss=_deviance(told, self.came),
            base=_deviance(base, self.came),
            told=told,
            came=self.came,
        )

    def kept(self, present: AccountFit) -> dict[str, Any]:
        return {"value": present.value, "levels": present.levels}


def _deviance(told: Floats, came: Floats) -> Floats:
    told = np.maximum(told, _LEAST)
    logs = np.where(came > 0, came * np.log(np.maximum(came, 1.0) / told), 0.0)
    result: Floats = 2 * (logs - (came - told))
    return result


class _Picks:
    """Picks, by who found none of them in the next basket; the base shows all what sells most."""

    part, always = "picks", True

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate = candidate
        days = _some_people(table.part.product_days)
        cut = today - WINDOW_DAYS
        self.past = days[(days["day"] <= cut).to_numpy()]
        later = days[(days["day"] > cut).to_numpy()]
        later = later[later["person_id"].isin(self.past["person_id"]).to_numpy()]
        first = later.groupby("person_id")["day"].transform("min")
        self.basket = later.loc[later["day"] == first, ["person_id", "product_id"]]
        self.persons = np.unique(self.basket["person_id"].to_numpy(dtype=np.int64))
        self.cases = int(self.persons.size)

    def told_by(self, numbers: AccountFit) -> bool:
        del numbers
        return True

    offered_by = told_by

    def stated(self, numbers: AccountFit) -> Mapping[str, float]:
        del numbers
        return {}

    def earlier(self) -> AccountFit:
        numbers = self.candidate.picks
        kinds = pd.Series(numbers.kinds_, index=numbers.items_)
        return replace(self.candidate, picks=PersonalRate().fit(self.past, kinds=kinds))

    def rows(self, numbers: AccountFit) -> Rows:
        mine = self.past[self.past["person_id"].isin(self.persons).to_numpy()]
        best = numbers.picks.predict(mine, n=PICKS)[["person_id", "product_id"]]
        most = self.past["product_id"].value_counts().index[:PICKS]
        found = self._found(best)
        none = np.zeros(found.size)
        return Rows(
            person=self.persons,
            period=none.astype(np.int64),
            loss=1.0 - found,
            base=1.0 - self._found(self.basket[self.basket["product_id"].isin(most).to_numpy()]),
            told=np.full(found.size, np.nan),
            came=found,
        )

    def _found(self, shown: pd.DataFrame) -> Floats:
        """Tell for each person whether something shown is in the basket."""
        both = shown.merge(self.basket, on=["person_id", "product_id"])
        result: Floats = np.isin(self.persons, both["person_id"]).astype(np.float64)
        return result

    def kept(self, present: AccountFit) -> dict[str, Any]:
        return {"picks": present.picks}


def _some_people(days: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of people spread evenly over all of them."""
    persons = np.unique(days["person_id"].to_numpy(dtype=np.int64))
    if persons.size <= _PEOPLE:
        return days
    spread = persons[np.linspace(0, persons.size - 1, _PEOPLE).astype(np.int64)]
    return days[days["person_id"].isin(spread).to_numpy()]
