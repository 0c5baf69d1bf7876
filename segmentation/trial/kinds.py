"""Kinds of customers on trial: whether they tell apart who orders how much.

What a kind orders in the 60 days before the window is told of whoever is of that kind when the
window begins, and judged by what he orders in it (Poisson deviance).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from segmentation.account import AccountTable
from segmentation.duedates.starts import Floats
from segmentation.fitted import AccountFit
from segmentation.groups.clusters import Clusters
from segmentation.trial.base import Trial
from segmentation.trial.people import some_people
from segmentation.trial.verdicts import WINDOW_DAYS, Rows, deviance
from segmentation.value.history import WEEK, customers, outcomes


class Kinds(Trial):
    """Clusters, by the orders of their people; the base tells everybody the same."""

    part, always = "kinds", False

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.cut = candidate, today - WINDOW_DAYS
        self.days, self.bought = some_people(table.part.order_days), table.purchases
        self.people = self._measures(self.cut)
        self.came = self._orders(self.people, self.cut)
        self.cases = int(self.came.sum())

    def told_by(self, numbers: AccountFit) -> bool:
        return bool(numbers.groups.clusters.clusters_)

    def earlier(self, before: AccountFit | None) -> AccountFit:
        # As on that day: kinds there were are tried first.
        was = None if before is None else before.groups.clusters
        found = Clusters(**self.candidate.groups.clusters.get_params())
        found.fit(self.people, earlier=was)
        return replace(self.candidate, groups=replace(self.candidate.groups, clusters=found))

    def rows(self, numbers: AccountFit) -> Rows:
        clusters = numbers.groups.clusters
        past = self._measures(self.cut - WINDOW_DAYS)
        rate = pd.Series(self._orders(past, self.cut - WINDOW_DAYS))
        by_kind = rate.groupby(clusters.predict(past)).mean()
        # One kind may be new since: of it nothing is known but what everybody does.
        everybody = float(rate.mean()) if len(rate) else 0.0
        kind = pd.Series(clusters.predict(self.people))
        told = np.array(kind.map(by_kind).fillna(everybody), dtype=np.float64)
        base = np.full(told.size, self.came.mean())
        return Rows(
            person=self.people["person_id"].to_numpy(dtype=np.int64),
            period=np.zeros(told.size, dtype=np.int64),
            loss=deviance(told, self.came),
            base=deviance(base, self.came),
            told=told,
            came=self.came,
        )

    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        groups = replace(live.groups, clusters=present.groups.clusters)
        return replace(live, groups=groups)

    def _measures(self, day: int) -> pd.DataFrame:
        """Return what clusters are told apart by, as of a day."""
        known = customers(self.days, day)
        seen = self.bought[(self.bought["day"] <= day).to_numpy()]
        breadth = seen.groupby("person_id")["code"].nunique()
        return known.assign(
            frequency=known["orders"],
            tenure=known["tenure"] * WEEK - 1,
            breadth=known["person_id"].map(breadth).fillna(0),
        )

    def _orders(self, people: pd.DataFrame, day: int) -> Floats:
        persons = people["person_id"].to_numpy(dtype=np.int64)
        return outcomes(self.days, persons, day, WINDOW_DAYS)[0]
