"""From frames to segments: `fit` each night, `assign` whenever facts changed.

`fit` turns a shop's history into plain numbers; `assign` places any set of people by those numbers,
with the same outcome for a few as for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segmentation import affinity, catalogue, features, following, interest, likes, wholesale
from segmentation.account import (
    AccountTable,
    Part,
    account_table,
    order_intervals,
    purchases_of,
    rows_of,
)
from segmentation.assignments import (
    Evidence,
    business_rows,
    due_reasons,
    second_favourites,
    segment_rows,
)
from segmentation.before import Before
from segmentation.duedates.intervals import ENOUGH, IntervalModel
from segmentation.duedates.needs import Placer, Prior
from segmentation.duedates.schedule import is_learned, schedule
from segmentation.duedates.starting import ASSUMPTION
from segmentation.fitted import AccountFit, Fitted, Live
from segmentation.frames import (
    DUE,
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    PROFILES,
    SEGMENTS,
    Assigned,
    Choices,
    Frames,
    check,
    empty,
)
from segmentation.groups import attributes, learned
from segmentation.groups.members import cluster_rows, group_rows
from segmentation.groups.tree import Group
from segmentation.picks.also import AlsoBought
from segmentation.picks.offers import offers
from segmentation.picks.personal import DURABLE_DAYS, also_bought, picks
from segmentation.picks.rate import PersonalRate
from segmentation.profiles import DIGITS, TEXTS, company_profiles, consumer_profiles, measures_of
from segmentation.rfm import RfmScorer
from segmentation.trade.model import Trade
from segmentation.trial.choose import chosen
from segmentation.trial.verdicts import Verdict
from segmentation.value.levels import Levels
from segmentation.value.model import CustomerValue

#: How often people usually order, before the shop's own orders say more.
_RHYTHM_PRIOR = Prior(120.0, 0.9, "assumption", ASSUMPTION)
_NOTHING = Live()


def fit(frames: Frames, *, as_of: date, choices: Choices, live: Live = _NOTHING) -> Fitted:
    """Learn lives, rhythms, cut points and shares from everything seen up to `as_of`.

    Parameters
    ----------
    frames
        All people and lines of one or more accounts.
    as_of
        The last day that is seen, in the shop's zone; lines of that day count.
    choices
        What the merchant said.
    live
        Numbers in use: parts of the fit that are clearly worse are left out, see `trial`.
    """
    return _fit(_History.read(frames, as_of, choices, details=False), live)


def assign(
    fitted: Fitted,
    frames: Frames,
    *,
    as_of: date,
    choices: Choices,
    previous_due: pd.DataFrame,
    previous_segments: pd.DataFrame,
) -> Assigned:
    """Place people by fitted numbers.

    Parameters
    ----------
    fitted
        From `fit`, of the same accounts.
    frames
        All lines of the people to place (any set of people, the contacts of a company together),
        and the catalogue.
    as_of
        The last day that is seen, in the shop's zone.
    choices
        What the merchant said, as in `fit`.
    previous_due, previous_segments
        Last time's outcome, for hysteresis: `frames.PREVIOUS_DUE`, `frames.PREVIOUS_SEGMENTS`.

    Raises
    ------
    NotFitted
        For an account that `fit` has not seen.
    """
    history = _History.read(frames, as_of, choices)
    return _assign(fitted, history, previous_due, previous_segments)


def run(
    frames: Frames,
    *,
    as_of: date,
    choices: Choices,
    previous_due: pd.DataFrame,
    previous_segments: pd.DataFrame,
    live: Live = _NOTHING,
) -> tuple[Fitted, Assigned]:
    """Fit and place everybody, reading the lines once; the same as `fit`, then `assign`."""
    history = _History.read(frames, as_of, choices)
    fitted = _fit(history, live)
    return fitted, _assign(fitted, history, previous_due, previous_segments)


@dataclass(frozen=True)
class _History:
    """What a run reads: the frames, and the features made of them."""

    frames: Frames
    goods: catalogue.Catalogue
    table: features.Features
    as_of: date
    choices: Choices
    #: Account to which part of its people tells of groups: one in so many.
    one_in: Mapping[int, int]

    @classmethod
    def read(
        cls, frames: Frames, as_of: date, choices: Choices, *, details: bool = True
    ) -> _History:
        goods, one_in = catalogue.read(frames, choices), _one_in(frames.people)
        table = features.compute(
            frames.files or goods.lines,
            goods.placed,
            as_of=as_of,
            engine=frames.engine,
            details=details,
            one_in=one_in,
        )
        return cls(frames, goods, table, as_of, choices, one_in)

    @property
    def today(self) -> int:
        return features.day_number(self.as_of)

    @property
    def accounts(self) -> list[int]:
        return sorted({int(a) for a in self.frames.people["account_id"].unique()})

    def part(self, account: int) -> Part:
        return Part.of(account, self.frames, self.table)


def _one_in(people: pd.DataFrame) -> dict[int, int]:
    """Return by account: one in how many people tells enough of groups."""
    counts = people.groupby("account_id").size()
    pairs = zip(counts.index.tolist(), counts.tolist(), strict=True)
    return {account: learned.one_in(count) for account, count in pairs}


def _fit(history: _History, live: Live) -> Fitted:
    found = {account: _judged_account(account, history, live) for account in history.accounts}
    return Fitted(
        as_of=history.as_of.isoformat(),
        accounts={account: numbers for account, (numbers, _) in found.items()},
        verdicts={account: verdicts for account, (_, verdicts) in found.items()},
    )


def _judged_account(
    account: int, history: _History, live: Live
) -> tuple[AccountFit, tuple[Verdict, ...]]:
    table = account_table(history.goods, history.part(account), history.choices, history.today)
    numbers = _fit_account(table, history, live.groups.get(account))
    return chosen(numbers, table, history.today, *live.of(account))


def _assign(
    fitted: Fitted,
    history: _History,
    previous_due: pd.DataFrame,
    previous_segments: pd.DataFrame,
) -> Assigned:
    previous_due = check(previous_due, PREVIOUS_DUE, "previous_due")
    previous_segments = check(previous_segments, PREVIOUS_SEGMENTS, "previous_segments")
    traits, stock = catalogue.traits(history.goods), history.frames.stock
    parts = []
    for account in history.accounts:
        before = Before(rows_of(account, previous_due), rows_of(account, previous_segments))
        shelf = _Shelf(rows_of(account, traits), rows_of(account, stock))
        numbers = fitted.account(account)
        parts.append(_assign_account(history.part(account), numbers, before, shelf, history))
    segments, due, profiles = (
        _joined([part[i] for part in parts], contract)
        for i, contract in enumerate((SEGMENTS, DUE, PROFILES))
    )
    return Assigned(
        segments=segments,
        due=due,
        profiles=profiles,
        counters=history.table.counters,
        groups={
            f"group:{group.key}"
            for account in history.accounts
            for group in _made(fitted.account(account), history.choices)
        },
    )


def _made(numbers: AccountFit, choices: Choices) -> list[Group]:
    tree = numbers.groups.tree
    return [*tree.offered(choices.groups), *tree.apart(choices.groups)]


@dataclass(frozen=True)
class _Shelf:
    """What is known of products, and one account's stock."""

    traits: pd.DataFrame
    stock: pd.DataFrame

    @property
    def goods(self) -> pd.DataFrame:
        """What can be bought, with its need, department, style and brand."""
        return self.stock.merge(self.traits, on=["account_id", "product_id"])


def _fit_account(
    table: AccountTable, history: _History, earlier: Mapping[str, Any] | None
) -> AccountFit:
    account, goods, today = table.part.account, history.goods, history.today
    measures = measures_of(table.part.people, today)
    value = CustomerValue().fit(table.part.order_days, today)
    model, kinds = IntervalModel().fit(table.intervals, table.priors), _kinds(goods, account)
    lives = zip(table.needs, np.exp(model.lives_.mu), strict=True)
    lasting = {need for need, life in lives if life >= DURABLE_DAYS}
    groups = learned.learn(
        table.part.detailed,
        table.part.tastes,
        measures,
        table.traits,
        as_of=history.as_of,
        every=history.one_in[account],
        earlier=earlier,
    )
    bought = attributes.purchases(table.part.detailed, table.traits, groups.prices)
    return AccountFit(
        needs=table.needs,
        names={need: goods.names[need] for need in table.needs},
        priors=table.priors,
        model=model,
        # One need of which nothing but a date is asked: a part of the people tells it.
        rhythm=IntervalModel().fit_dates(
            order_intervals(table.part, today).some(ENOUGH), [_RHYTHM_PRIOR]
        ),
        rfm=RfmScorer().fit(measures),
        shares=affinity.shares(table.part.tastes),
        picks=PersonalRate().fit(table.part.product_days, kinds=kinds),
        also=AlsoBought().fit(table.part.product_days, today, kinds=kinds, lasting=lasting),
        following=following.Following().fit(
            table.purchases,
            following.strata(table.part.tastes, table.part.people),
            table.needs,
            today,
        ),
        value=value,
        levels=_levels(value, table.part.order_days, today),
        wholesale=table.rule,
        trade=Trade.fit(table.trade),
        groups=groups,
        likes=likes.shares(bought, learned.quarter_end(history.as_of)),
        placement=catalogue.placement(goods, account),
    )


def _levels(value: CustomerValue, order_days: pd.DataFrame, today: int) -> Levels:
    if value.refused_ is not None:
        return Levels.of(np.zeros(0))
    expected = value.predict(value.some(order_days), today)["value"]
    return Levels.of(expected.to_numpy(dtype=np.float64).round(DIGITS))


def _kinds(goods: catalogue.Catalogue, account: int) -> pd.Series:
    """Return the need by product id."""
    mine = goods.placed[(goods.placed["account_id"] == account).to_numpy()]
    return mine.set_index("product_id")["need"]


def _assign_account(
    part: Part,
    numbers: AccountFit,
    before: Before,
    shelf: _Shelf,
    history: _History,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    today, wanted = history.today, history.choices.groups
    is_wholesale = wholesale.is_wholesale(part.people, numbers.wholesale, today)
    retail, apart = part.split(is_wholesale)
    rows, companies = numbers.trade.place(apart, today, before.held("b2b"))
    purchases = purchases_of(retail, numbers.needs)
    due = _due(purchases, numbers, before, shelf, today)
    follows = numbers.following.predict(purchases, numbers.needs, today)
    profiles, loves = consumer_profiles(retail, numbers, before, today)
    asked = (retail.product_days, due, profiles["person_id"], shelf.goods)
    profiles["picks"] = picks(numbers.picks, *asked)
    profiles["also"] = also_bought(numbers.also, *asked)
    bought = attributes.purchases(retail.need_days, shelf.traits, numbers.groups.prices)
    found, why = likes.likes(bought, profiles["person_id"], numbers.likes, shelf.traits["brand"])
    second = second_favourites(profiles, loves, numbers)
    profiles[list(likes.COLUMNS)] = found
    profiles["likes"] = likes.told(profiles["person_id"], second, why)
    evidence = Evidence(loves, retail.tastes, follows)
    was = before.labels("cluster", profiles["person_id"])
    grouped = [
        *group_rows(profiles, bought, numbers.groups, wanted),
        *cluster_rows(profiles, retail.tastes, numbers.groups, was),
        *_interests(part, apart, due, numbers, history),
    ]
    segments = segment_rows(part.account, due, profiles, evidence, numbers, grouped)
    business = business_rows(part.account, apart.people, part.business, rows)
    theirs = company_profiles(apart.people, companies, today)
    both = pd.concat([profiles, theirs], ignore_index=True)
    both = both.sort_values("person_id", ignore_index=True).astype(dict.fromkeys(TEXTS, "str"))
    return pd.concat([segments, business], ignore_index=True), due[list(DUE)], both[list(PROFILES)]


def _interests(
    part: Part, apart: Part, due: pd.DataFrame, numbers: AccountFit, history: _History
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield what consumers look at; those without a purchase too."""
    seen, placed = history.frames.moments, history.goods.placed
    business = {*part.business, *apart.people["person_id"].tolist()}
    mine = (seen["account_id"] == part.account) & ~seen["person_id"].isin(list(business))
    return interest.hot(
        seen[mine.to_numpy()],
        rows_of(part.account, placed),
        Placer(history.choices),
        due,
        numbers.needs,
        history.as_of,
    )


def _due(
    purchases: pd.DataFrame, numbers: AccountFit, before: Before, shelf: _Shelf, today: int
) -> pd.DataFrame:
    due = schedule(purchases, numbers.model, list(numbers.needs), as_of=today, previous=before.due)
    # Ids below zero stand for lines without a product; nobody can look them up.
    ids = due["last_product_id"].astype("Int64")
    due["last_product_id"] = ids.mask(ids < 0)
    prior = due["need"].map(
        {need: prior.basis for need, prior in zip(numbers.needs, numbers.priors, strict=True)}
    )
    due["basis"] = prior.mask(is_learned(due["gaps"].to_numpy()), "learned").astype("str")
    due["offers"] = offers(due, shelf.traits, shelf.goods)
    due["reason"] = due_reasons(due)
    return due


def _joined(parts: list[pd.DataFrame], contract: Mapping[str, str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty(contract)
    return check(pd.concat(filled, ignore_index=True), contract, "result")
