"""Picks on trial, by who found none of them in the next basket."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from segmentation.account import AccountTable
from segmentation.duedates.starts import Floats
from segmentation.fitted import AccountFit
from segmentation.picks.personal import MOST
from segmentation.picks.rate import PersonalRate
from segmentation.trial.base import Trial
from segmentation.trial.people import some_people
from segmentation.trial.verdicts import WINDOW_DAYS, Rows


class Picks(Trial):
    """Picks; the base shows all what sells most."""

    part = "picks"

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate = candidate
        days = some_people(table.part.product_days)
        cut = today - WINDOW_DAYS
        self.past = days[(days["day"] <= cut).to_numpy()]
        later = days[(days["day"] > cut).to_numpy()]
        later = later[later["person_id"].isin(self.past["person_id"]).to_numpy()]
        first = later.groupby("person_id")["day"].transform("min")
        self.basket = later.loc[later["day"] == first, ["person_id", "product_id"]]
        self.persons = np.unique(self.basket["person_id"].to_numpy(dtype=np.int64))
        self.cases = int(self.persons.size)

    def earlier(self, before: AccountFit | None) -> AccountFit:
        del before
        numbers = self.candidate.picks
        kinds = pd.Series(numbers.kinds_, index=numbers.items_)
        return replace(self.candidate, picks=PersonalRate().fit(self.past, kinds=kinds))

    def rows(self, numbers: AccountFit) -> Rows:
        mine = self.past[self.past["person_id"].isin(self.persons).to_numpy()]
        best = numbers.picks.predict(mine, n=MOST)[["person_id", "product_id"]]
        most = self.past["product_id"].value_counts().index[:MOST]
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

    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        return replace(live, picks=present.picks)
