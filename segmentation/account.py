"""One account's share of a run: its feature tables, and the intervals that a fit reads of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentation import catalogue, features, wholesale
from segmentation.duedates.lives import LEARNED_FROM
from segmentation.duedates.needs import UNKNOWN_SPREAD, Prior, prior_of
from segmentation.duedates.starts import Bools, Starts, merged, starts
from segmentation.frames import Choices, Frames
from segmentation.words import slug

#: Gaps of a category that weigh as much as "like the shop".
_K_CATEGORY = 20.0
#: Repurchases of a need that weigh as much as what others of its category do.
_POOLED_WEIGHT = 20.0


@dataclass(frozen=True)
class Part:
    """One account's share of the features; business is who a source says is one."""

    account: int
    need_days: pd.DataFrame
    detailed: pd.DataFrame
    product_days: pd.DataFrame
    order_days: pd.DataFrame
    people: pd.DataFrame
    tastes: pd.DataFrame
    business: frozenset[int]
    #: ISO 3166; "" where it is not known.
    country: str

    @classmethod
    def of(cls, account: int, frames: Frames, table: features.Features) -> Part:
        known = rows_of(account, frames.people)
        business = frozenset(known.loc[known["is_business"], "person_id"].tolist())
        people = rows_of(account, table.people)
        named = known[(known["company"] != "").to_numpy()].set_index("person_id")["company"]
        return cls(
            account=account,
            need_days=rows_of(account, table.need_days),
            detailed=rows_of(account, table.detailed),
            product_days=rows_of(account, table.product_days),
            order_days=rows_of(account, table.order_days),
            people=people.assign(
                is_business=people["person_id"].isin(business),
                company=people["person_id"].map(named).astype("str").fillna(""),
            ),
            tastes=rows_of(account, table.tastes),
            business=business,
            country=frames.country,
        )

    def split(self, is_wholesale: Bools) -> tuple[Part, Part]:
        """Return the consumers' part and that of wholesale."""
        apart = self.people.loc[is_wholesale, "person_id"]
        return self._of(apart, there=False), self._of(apart, there=True)

    def _of(self, persons: pd.Series, *, there: bool) -> Part:
        def chosen(frame: pd.DataFrame) -> pd.DataFrame:
            return _chosen(frame, frame["person_id"].isin(persons).to_numpy() == there)

        return Part(
            account=self.account,
            need_days=chosen(self.need_days),
            detailed=chosen(self.detailed),
            product_days=chosen(self.product_days),
            order_days=chosen(self.order_days),
            people=chosen(self.people),
            tastes=chosen(self.tastes),
            business=self.business,
            country=self.country,
        )


@dataclass(frozen=True)
class AccountTable:
    """One account's consumers, cleaned and merged, as a fit reads them; and its wholesale."""

    part: Part
    trade: Part
    #: `catalogue.traits` of its products.
    traits: pd.DataFrame
    rule: wholesale.WholesaleRule
    needs: tuple[str, ...]
    priors: tuple[Prior, ...]
    #: Merged purchase days: person_id, code (position in `needs`), day, ...
    purchases: pd.DataFrame
    intervals: Starts


def account_table(
    goods: catalogue.Catalogue,
    part: Part,
    choices: Choices,
    today: int,
) -> AccountTable:
    """Return what a fit reads of one account, wholesale people in a part of their own."""
    rule = wholesale.limits(part.people, today)
    part, trade = part.split(wholesale.is_wholesale(part.people, rule, today))
    mine = set(goods.placed.loc[goods.placed["account_id"] == part.account, "need"])
    needs = tuple(need for need in goods.names if need in mine)
    purchases = purchases_of(part, needs)
    intervals = intervals_of(purchases, today)
    priors = priors_of(
        needs,
        choices,
        _catalogue_days(goods, part.account),
        intervals,
        _categories(goods, part.account, needs),
    )
    traits = rows_of(part.account, catalogue.traits(goods))
    return AccountTable(part, trade, traits, rule, needs, priors, purchases, intervals)


def purchases_of(part: Part, needs: tuple[str, ...]) -> pd.DataFrame:
    """Return merged purchase days of fitted needs, sorted by person, code and day."""
    codes = {need: code for code, need in enumerate(needs)}
    days = part.need_days.assign(code=part.need_days["need"].map(codes)).drop(columns="need")
    # A need that came up since the last fit waits for the next one.
    days = days[days["code"].notna().to_numpy()].astype({"code": "int64"})
    days = days.sort_values(["person_id", "code", "day"], ignore_index=True)
    return merged(days, ["person_id", "code"])


def intervals_of(purchases: pd.DataFrame, today: int) -> Starts:
    columns = (purchases[c].to_numpy(dtype=np.int64) for c in ("person_id", "code", "day"))
    person, code, day = columns
    units = purchases["units"].to_numpy(dtype=np.float64) if "units" in purchases else None
    return starts(person, code, day, today, units)


def order_intervals(part: Part, today: int) -> Starts:
    days = merged(part.order_days, ["person_id"])
    return intervals_of(days.assign(code=0), today)


def _catalogue_days(goods: catalogue.Catalogue, account: int) -> Mapping[str, float]:
    mine = goods.products["account_id"] == account
    stated = goods.products["replacement_days"].where(mine).groupby(goods.placed["need"].to_numpy())
    return {str(need): float(days) for need, days in stated.median().dropna().items()}


def priors_of(
    needs: Sequence[str],
    choices: Choices,
    stated: Mapping[str, float],
    table: Starts,
    categories: Sequence[str],
) -> tuple[Prior, ...]:
    """Return each need's prior.

    A type nobody knows starts from the average interval of its category, which is shrunken to the
    shop's; `categories` has one entry a need, "" where there is none.
    """
    priors = [prior_of(need, choices, stated) for need in needs]
    if table.done.sum() < LEARNED_FROM:
        return tuple(priors)
    logs = np.log(table.length[table.done])
    usual, spread = float(logs.mean()), max(float(logs.std()), 0.1)
    names, category = np.unique(np.array(categories, dtype=object), return_inverse=True)
    of_gap = category[table.need[table.done]]
    gaps = np.bincount(of_gap, minlength=names.size)
    apart = np.bincount(of_gap, logs - usual, names.size) / (gaps + _K_CATEGORY)
    life = np.exp(usual + np.where(names == "", 0.0, apart))[category]
    unknown = [p.basis == "assumption" and p.spread == UNKNOWN_SPREAD for p in priors]
    return tuple(
        Prior(float(days), spread, "assumption", "average of this shop", _POOLED_WEIGHT)
        if new
        else prior
        for prior, new, days in zip(priors, unknown, life, strict=True)
    )


def _categories(goods: catalogue.Catalogue, account: int, needs: Sequence[str]) -> list[str]:
    """Return the category of each need: where most of its products lie, itself not counted."""
    mine = (goods.products["account_id"] == account).to_numpy()
    paths = goods.products["category_path"][mine]
    rows = zip(goods.placed["need"][mine], paths, strict=True)
    found = Counter((need, _category(need, path)) for need, path in rows)
    # The commonest; of several the first by name, so that the order of products never decides.
    most = {need: name for (need, name), _ in sorted(found.items(), key=lambda e: (e[1], e[0][1]))}
    return [most.get(need, "") for need in needs]


def _category(need: str, path: str) -> str:
    parts = [part.strip() for part in path.split(">")]
    return " > ".join(parts[:-1] if slug(parts[-1]) == need else parts)


def rows_of(account: int, frame: pd.DataFrame) -> pd.DataFrame:
    """Return an account's rows, numbered anew; the frame itself where all are."""
    mine = (frame["account_id"] == account).to_numpy()
    return _chosen(frame, mine)


def _chosen(frame: pd.DataFrame, rows: Bools) -> pd.DataFrame:
    # Most runs are of one account and few shops have wholesalers: copies of millions of rows.
    return frame if rows.all() else frame[rows].reset_index(drop=True)
