"""Expected orders on trial, by their Poisson deviance; each fit tests itself besides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from segmentation.account import AccountTable
from segmentation.fitted import AccountFit
from segmentation.trial.base import Trial
from segmentation.trial.people import some_people
from segmentation.trial.verdicts import WINDOW_DAYS, Rows, deviance
from segmentation.value.history import outcomes
from segmentation.value.model import CustomerValue


class Orders(Trial):
    """Expected orders of the window."""

    part, always = "value", False

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.cut = candidate, today - WINDOW_DAYS
        self.days = some_people(table.part.order_days)
        before = self.days.loc[(self.days["day"] <= self.cut).to_numpy(), "person_id"]
        self.persons = np.unique(before.to_numpy(dtype=np.int64))
        self.came = outcomes(self.days, self.persons, self.cut, WINDOW_DAYS)[0]
        self.cases = int(self.came.sum())

    def told_by(self, numbers: AccountFit) -> bool:
        return numbers.value.is_fitted

    def offered_by(self, numbers: AccountFit) -> bool:
        return numbers.value.refused_ is None

    def earlier(self, before: AccountFit | None) -> AccountFit:
        del before
        return replace(self.candidate, value=CustomerValue().fit(self.days, self.cut))

    def rows(self, numbers: AccountFit) -> Rows:
        told = numbers.value.orders_within(self.days, self.cut, WINDOW_DAYS)
        base = np.full(told.size, self.came.mean())
        return Rows(
            person=self.persons,
            period=np.zeros(told.size, dtype=np.int64),
            loss=deviance(told, self.came),
            base=deviance(base, self.came),
            told=told,
            came=self.came,
        )

    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        return replace(live, value=present.value, levels=present.levels)
