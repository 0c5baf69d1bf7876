"""What a business customer's basket lacks: of what it buys itself, and of what others like it buy.

"Missing": the group was in at least four of five orders, and not in the latest. "Never": among
companies that buy one group most buy another too, and this one never did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.starts import Bools, Floats

MISSING, NEVER = "missing", "never"
GAPS = ("company", "need", "kind", "with", "orders", "of", "share")
#: Chance that any rule among all that were looked at is one by luck.
_LUCK = 0.05


@dataclass(eq=False, repr=False)  # both are scikit-learn\'s
class BasketGaps(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Article groups that a company's basket lacks.

    Parameters
    ----------
    usual : float, default=0.8
        Share of orders from which on a group belongs to a company's basket.
    orders : int, default=5
        Orders that a basket is judged from.
    similar : float, default=0.6
        Share of similar companies that surely buy the other group.

    Attributes
    ----------
    rules_ : list of (str, str, int, int)
        A group, the other one, companies that buy both, companies that buy the first.

    Examples
    --------
    >>> days = pd.DataFrame({"company": 1, "need": ["tiles"] * 7 + ["grout"] * 6,
    ...                      "day": [*range(7), *range(6)]})
    >>> found = BasketGaps().fit(days).predict(days)
    >>> found[["need", "kind", "orders", "of"]].to_numpy().tolist()
    [['grout', 'missing', 6, 6]]
    """

    usual: float = 0.8
    orders: int = 5
    similar: float = 0.6
    rules_: list[tuple[str, str, int, int]] = field(init=False)

    def fit(self, days: pd.DataFrame) -> BasketGaps:
        """Learn which groups go together from order days: company, need, day."""
        needs = sorted(days["need"].unique())
        buys = _buys(days, needs)
        both = buys.T.astype(np.int64) @ buys.astype(np.int64)
        first = np.diag(both)
        least = self._least(both, first, len(buys))
        self.rules_ = [
            (needs[i], needs[j], int(both[i, j]), int(first[i]))
            for i, j in zip(*np.nonzero(least), strict=True)
        ]
        return self

    def _least(self, both: Any, first: Any, companies: int) -> Bools:
        """Return where enough of those that buy one group surely buy the other, and more than all
        companies do; sure after looking at every pair of groups."""
        looked = max(first.size * (first.size - 1), 1)
        low = beta.ppf(_LUCK / looked, both, first[:, None] - both + 1)
        everywhere: Floats = first / max(companies, 1)
        found: Bools = np.nan_to_num(low) >= np.maximum(self.similar, everywhere)[None, :]
        return found & ~np.eye(first.size, dtype=bool)

    def predict(self, days: pd.DataFrame) -> pd.DataFrame:
        """Return a row a company and group that it lacks, sorted by company and need.

        Returns
        -------
        DataFrame
            company, need, kind, with (the group that similar companies buy, "" for missing),
            orders (that held it; similar companies that buy both), of (orders; similar companies),
            share (the one over the other).
        """
        check_is_fitted(self)
        found = [*self._missing(days), *self._never(days)]
        return pd.DataFrame(sorted(found), columns=list(GAPS))

    def _missing(self, days: pd.DataFrame) -> list[tuple[Any, ...]]:
        order = days[["company", "day"]].drop_duplicates().sort_values(["company", "day"])
        place = order.groupby("company").cumcount()
        order = order.assign(place=place, behind=order.groupby("company").cumcount(ascending=False))
        rows = days.merge(order, on=["company", "day"])
        pairs = rows.groupby(["company", "need"]).agg(
            held=("day", "nunique"), first=("place", "min"), latest=("behind", "min")
        )
        total = order.groupby("company").size().reindex(pairs.index.get_level_values(0)).to_numpy()
        pairs["of"] = total - 1 - pairs["first"]  # before the latest, since the first with it
        # Between two guesses of no weight: five of five are surer than one of one.
        likely = (pairs["held"] + 1) / (pairs["of"] + 2) >= self.usual
        lacks = pairs[likely & (pairs["of"] >= self.orders) & (pairs["latest"] > 0)].reset_index()
        columns = (lacks[name].tolist() for name in ("company", "need", "held", "of"))
        return [
            (company, need, MISSING, "", held, of, held / of)
            for company, need, held, of in zip(*columns, strict=True)
        ]

    def _never(self, days: pd.DataFrame) -> list[tuple[Any, ...]]:
        bought = days.groupby(["company", "need"])["day"].nunique().reset_index()
        orders = days.groupby("company")["day"].nunique()
        has: dict[Any, dict[str, int]] = {}
        for company, need, count in zip(
            *(bought[c].tolist() for c in ("company", "need", "day")), strict=True
        ):
            has.setdefault(company, {})[need] = count
        ranked = sorted(self.rules_, key=lambda rule: (-rule[2] / rule[3], rule))
        found = []
        for company, groups in has.items():
            if orders[company] < self.orders:
                continue
            told = set(groups)
            for one, other, both, first in ranked:
                if one in groups and groups[one] >= self.orders and other not in told:
                    told.add(other)
                    found.append((company, other, NEVER, one, both, first, both / first))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**self.get_params(), "rules": [list(rule) for rule in self.rules_]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> BasketGaps:
        """Return what `to_dict` wrote down."""
        model = cls(plain["usual"], plain["orders"], plain["similar"])
        model.rules_ = [(one, other, both, of) for one, other, both, of in plain["rules"]]
        return model


def _buys(days: pd.DataFrame, needs: list[str]) -> Bools:
    """Return which company buys which group; shape (companies, needs)."""
    place = {need: number for number, need in enumerate(needs)}
    companies, row = np.unique(days["company"].to_numpy(), return_inverse=True)
    result = np.zeros((companies.size, len(needs)), dtype=bool)
    result[row, days["need"].map(place).to_numpy(dtype=np.int64)] = True
    return result
