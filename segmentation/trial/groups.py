"""Ever finer groups on trial: how much better lists of their own are than one for the whole shop.

Groups change a few times a year, and each was tested when it was made; on other nights there is
nothing to judge.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import clone

from segmentation.account import AccountTable
from segmentation.fitted import AccountFit
from segmentation.groups.attributes import Prices, purchases
from segmentation.groups.lists import gains
from segmentation.trial.base import Trial
from segmentation.trial.verdicts import WINDOW_DAYS, Rows


class FinerGroups(Trial):
    """The tree of groups, by the share of their list of five that buyers did not buy."""

    part, always = "groups", False

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.table, self.today = candidate, table, today
        self.cut = today - WINDOW_DAYS
        day = table.part.detailed["day"].to_numpy(dtype=np.int64)
        person = table.part.detailed["person_id"].to_numpy(dtype=np.int64)
        self.cases = np.intersect1d(person[day <= self.cut], person[day > self.cut]).size

    def told_by(self, numbers: AccountFit) -> bool:
        return numbers.groups.tree.window_days_ > 0

    def is_same(self, present: AccountFit) -> bool:
        ours, theirs = self.candidate.groups.tree, present.groups.tree
        return [group.key for group in ours.groups_] == [group.key for group in theirs.groups_]

    def earlier(self, before: AccountFit | None) -> AccountFit:
        bought = self._bought(self.candidate.groups.prices)
        people = bought["person_id"].nunique()
        tree = clone(self.candidate.groups.tree).fit(
            bought[(bought["day"] <= self.cut).to_numpy()],
            share=people / max(len(self.table.part.people), 1),
            kept=[] if before is None else [group.key for group in before.groups.tree.groups_],
        )
        return replace(self.candidate, groups=replace(self.candidate.groups, tree=tree))

    def rows(self, numbers: AccountFit) -> Rows:
        paths = [group.path for group in numbers.groups.tree.groups_]
        bought = self._bought(numbers.groups.prices)
        person, gain = gains(paths, bought, self.cut, self.today)
        nothing = np.full(person.size, np.nan)
        return Rows(
            person=person,
            period=np.zeros(person.size, dtype=np.int64),
            loss=1.0 - gain,
            base=np.ones(person.size),
            told=nothing,
            came=nothing,
        )

    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        return replace(live, groups=replace(present.groups, clusters=live.groups.clusters))

    def _bought(self, prices: Prices) -> pd.DataFrame:
        """Return purchases with details; what is a low price is told by whoever is judged."""
        return purchases(self.table.part.detailed, self.table.traits, prices)
