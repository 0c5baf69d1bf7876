"""Due dates on trial: chances of a purchase within 30 days, by their log loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from segmentation.account import AccountTable
from segmentation.duedates.intervals import IntervalModel, due_chance
from segmentation.duedates.schedule import DUE_WITHIN_DAYS
from segmentation.duedates.starts import Bools, Starts
from segmentation.fitted import AccountFit
from segmentation.trial.base import Trial
from segmentation.trial.verdicts import PERIODS, WINDOW_DAYS, Rows, log_loss

#: Intervals that are enough.
_ENOUGH = 60_000


class Dates(Trial):
    """Chances of a purchase within 30 days."""

    part = "dates"

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.today = candidate, today
        self.table = table.intervals.some(_ENOUGH)
        cut = today - WINDOW_DAYS
        came = self.table.done & (self.table.day <= cut) & (self.table.until > cut)
        self.cases = int(came.sum())

    def stated(self, numbers: AccountFit) -> Mapping[str, float]:
        pairs = zip(numbers.needs, numbers.priors, strict=True)
        return {need: prior.life for need, prior in pairs if prior.basis == "stated"}

    def earlier(self, before: AccountFit | None) -> AccountFit:
        del before
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
        base = log_loss(np.full(came.size, came.mean() if came.size else 0.5), came)
        period = np.full(came.size, place)
        return seen.person[still], period, log_loss(told, came), base, told, came

    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        names = {need: present.names[need] for need in present.needs}
        return replace(
            live,
            needs=present.needs,
            priors=present.priors,
            model=present.model,
            rhythm=present.rhythm,
            names={**names, **self.candidate.names},
        )


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
