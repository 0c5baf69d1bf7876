"""From frames to segments: `fit` each night, `assign` whenever facts changed.

`fit` turns a shop's history into plain numbers; `assign` places any set of people by those numbers,
with the same outcome for a few as for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from segmentation import affinity, catalogue, features, lifecycle, wholesale
from segmentation.assignments import business_rows, due_reasons, segment_rows
from segmentation.duedates.intervals import IntervalModel, days_until
from segmentation.duedates.lives import LEARNED_FROM
from segmentation.duedates.needs import UNKNOWN_SPREAD, Prior, prior_of
from segmentation.duedates.schedule import dates, is_learned, schedule
from segmentation.duedates.starting import ASSUMPTION
from segmentation.duedates.starts import Starts, merged, starts
from segmentation.fitted import AccountFit, Fitted
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
from segmentation.picks.offers import offers
from segmentation.picks.personal import nothing, picks
from segmentation.picks.rate import PersonalRate
from segmentation.rfm import RfmScorer
from segmentation.value.levels import Levels
from segmentation.value.model import CustomerValue

#: What `value.model` calls what profiles tell of the coming year.
_EXPECTED = {
    "p_alive": "p_alive",
    "orders": "expected_orders",
    "value": "expected_value",
    "low": "value_low",
    "high": "value_high",
}
#: How often people usually order, before the shop's own orders say more.
_RHYTHM_PRIOR = Prior(120.0, 0.9, "assumption", ASSUMPTION)


def fit(frames: Frames, *, as_of: date, choices: Choices) -> Fitted:
    """Learn lives, rhythms, cut points and shares from everything seen up to `as_of`.

    Parameters
    ----------
    frames
        All people and lines of one or more accounts.
    as_of
        The last day that is seen, in the shop's zone; lines of that day count.
    choices
        What the merchant said.
    """
    goods = catalogue.read(frames, choices)
    table = features.compute(goods.lines, goods.placed, as_of=as_of)
    today = features.day_number(as_of)
    ids = sorted({int(a) for a in frames.people["account_id"].unique()})
    accounts = {a: _fit_account(Part.of(a, frames, table), goods, today, choices) for a in ids}
    return Fitted(as_of=as_of.isoformat(), accounts=accounts)


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
        All lines of the people to place (any set of people), and the catalogue.
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
    previous_due = check(previous_due, PREVIOUS_DUE, "previous_due")
    previous_segments = check(previous_segments, PREVIOUS_SEGMENTS, "previous_segments")
    goods = catalogue.read(frames, choices)
    table = features.compute(goods.lines, goods.placed, as_of=as_of)
    today = features.day_number(as_of)
    traits = catalogue.traits(goods)
    parts = []
    for account in sorted({int(a) for a in frames.people["account_id"].unique()}):
        before = _Before(
            previous_due[previous_due["account_id"] == account],
            previous_segments[previous_segments["account_id"] == account],
        )
        part = Part.of(account, frames, table)
        shelf = _Shelf(traits, frames.stock[(frames.stock["account_id"] == account).to_numpy()])
        parts.append(_assign_account(part, fitted.account(account), before, shelf, today))
    segments, due, profiles = (
        _joined([part[i] for part in parts], contract)
        for i, contract in enumerate((SEGMENTS, DUE, PROFILES))
    )
    return Assigned(segments=segments, due=due, profiles=profiles, counters=table.counters)


@dataclass(frozen=True)
class Part:
    """One account's share of the features; business is who a source says is one."""

    account: int
    need_days: pd.DataFrame
    product_days: pd.DataFrame
    order_days: pd.DataFrame
    people: pd.DataFrame
    tastes: pd.DataFrame
    business: frozenset[int]

    @classmethod
    def of(cls, account: int, frames: Frames, table: features.Features) -> Part:
        def mine(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[(frame["account_id"] == account).to_numpy()].reset_index(drop=True)

        known = mine(frames.people)
        business = frozenset(known.loc[known["is_business"], "person_id"].tolist())
        people = mine(table.people)
        people["is_business"] = people["person_id"].isin(business)
        return cls(
            account=account,
            need_days=mine(table.need_days),
            product_days=mine(table.product_days),
            order_days=mine(table.order_days),
            people=people,
            tastes=mine(table.tastes),
            business=business,
        )

    def retail(self, is_wholesale: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Part:
        """Return the part without wholesale people."""
        apart = self.people.loc[is_wholesale, "person_id"]

        def without(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[~frame["person_id"].isin(apart).to_numpy()].reset_index(drop=True)

        return Part(
            account=self.account,
            need_days=without(self.need_days),
            product_days=without(self.product_days),
            order_days=without(self.order_days),
            people=without(self.people),
            tastes=without(self.tastes),
            business=self.business,
        )


@dataclass(frozen=True)
class _Before:
    due: pd.DataFrame
    segments: pd.DataFrame

    def labels(self, group: str, persons: pd.Series) -> affinity.Labels:
        """Return each person's last segment of a group, without the group; "" for none."""
        mine = self.segments[self.segments["segment"].str.startswith(f"{group}:").to_numpy()]
        values = dict(zip(mine["person_id"], mine["segment"].str[len(group) + 1 :], strict=True))
        return np.array([values.get(person, "") for person in persons], dtype=object)


@dataclass(frozen=True)
class _Shelf:
    """What is known of products, and one account's stock."""

    traits: pd.DataFrame
    stock: pd.DataFrame

    @property
    def goods(self) -> pd.DataFrame:
        """What can be bought, with its need, department, style and brand."""
        return self.stock.merge(self.traits, on=["account_id", "product_id"])


@dataclass(frozen=True)
class AccountTable:
    """One account's consumers, cleaned and merged, as a fit reads them."""

    part: Part
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
    """Return what a fit reads of one account, wholesale people left out."""
    rule = wholesale.limits(part.people[~part.people["is_business"]], today)
    part = part.retail(wholesale.is_wholesale(part.people, rule, today))
    mine = set(goods.placed.loc[goods.placed["account_id"] == part.account, "need"])
    needs = tuple(need for need in goods.names if need in mine)
    purchases = _purchases(part, needs)
    intervals = _intervals(purchases, today)
    priors = priors_of(needs, choices, _catalogue_days(goods, part.account), intervals)
    return AccountTable(part, rule, needs, priors, purchases, intervals)


def _fit_account(
    part: Part, goods: catalogue.Catalogue, today: int, choices: Choices
) -> AccountFit:
    table = account_table(goods, part, choices, today)
    value = CustomerValue().fit(table.part.order_days, today)
    return AccountFit(
        needs=table.needs,
        names={need: goods.names[need] for need in table.needs},
        priors=table.priors,
        model=IntervalModel().fit(table.intervals, table.priors),
        rhythm=IntervalModel().fit(_order_intervals(table.part, today), [_RHYTHM_PRIOR]),
        rfm=RfmScorer().fit(_measures(table.part.people, today)),
        shares=affinity.shares(table.part.tastes),
        picks=PersonalRate().fit(table.part.product_days, kinds=_kinds(goods, part.account)),
        value=value,
        levels=Levels.of(_expected(value, table.part, today)["expected_value"].to_numpy()),
        wholesale=table.rule,
        placement=catalogue.placement(goods, part.account),
    )


def _kinds(goods: catalogue.Catalogue, account: int) -> pd.Series:
    """Return the need by product id."""
    mine = goods.placed[(goods.placed["account_id"] == account).to_numpy()]
    return mine.set_index("product_id")["need"]


def _purchases(part: Part, needs: tuple[str, ...]) -> pd.DataFrame:
    """Return merged purchase days of fitted needs, sorted by person, code and day."""
    codes = {need: code for code, need in enumerate(needs)}
    days = part.need_days.assign(code=part.need_days["need"].map(codes))
    # A need that came up since the last fit waits for the next one.
    days = days[days["code"].notna().to_numpy()].astype({"code": "int64"})
    days = days.sort_values(["person_id", "code", "day"], ignore_index=True)
    return merged(days, ["person_id", "code"])


def _intervals(purchases: pd.DataFrame, today: int) -> Starts:
    columns = (purchases[c].to_numpy(dtype=np.int64) for c in ("person_id", "code", "day"))
    person, code, day = columns
    return starts(person, code, day, today)


def _order_intervals(part: Part, today: int) -> Starts:
    days = merged(part.order_days, ["person_id"])
    return _intervals(days.assign(code=0), today)


def _catalogue_days(goods: catalogue.Catalogue, account: int) -> Mapping[str, float]:
    mine = goods.products["account_id"] == account
    stated = goods.products["replacement_days"].where(mine).groupby(goods.placed["need"].to_numpy())
    return {str(need): float(days) for need, days in stated.median().dropna().items()}


def priors_of(
    needs: Sequence[str], choices: Choices, stated: Mapping[str, float], table: Starts
) -> tuple[Prior, ...]:
    """Return each need's prior; a type nobody knows starts from the shop's average interval."""
    priors = [prior_of(need, choices, stated) for need in needs]
    if table.done.sum() < LEARNED_FROM:
        return tuple(priors)
    logs = np.log(table.length[table.done])
    spread = max(float(logs.std()), 0.1)
    shop = Prior(float(np.exp(logs.mean())), spread, "assumption", "average of this shop")
    unknown = [p.basis == "assumption" and p.spread == UNKNOWN_SPREAD for p in priors]
    return tuple(shop if new else p for p, new in zip(priors, unknown, strict=True))


def _measures(people: pd.DataFrame, today: int) -> pd.DataFrame:
    """Return recency, frequency, monetary value, revenue and tenure a person."""
    return pd.DataFrame(
        {
            "account_id": people["account_id"],
            "person_id": people["person_id"],
            "recency": (today - people["last_day"]).astype("int64"),
            "frequency": people["frequency"].astype("int64"),
            "monetary_value": people["revenue"] / people["frequency"],
            "revenue": people["revenue"].astype("float64"),
            "tenure": (today - people["first_day"]).astype("int64"),
            "last_on": dates(people["last_day"].to_numpy(dtype=np.int64)),
            "since": dates(people["first_day"].to_numpy(dtype=np.int64)),
        }
    )


def _assign_account(
    part: Part, numbers: AccountFit, before: _Before, shelf: _Shelf, today: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    is_wholesale = wholesale.is_wholesale(part.people, numbers.wholesale, today)
    apart = part.people[is_wholesale]
    retail = part.retail(is_wholesale)
    due = _due(retail, numbers, before, shelf, today)
    profiles, loves = _profiles(retail, numbers, before, today)
    profiles["picks"] = picks(
        numbers.picks, retail.product_days, due, profiles["person_id"], shelf.goods
    )
    segments = segment_rows(part.account, due, profiles, loves, retail.tastes, numbers)
    business = business_rows(part.account, apart, part.business)
    both = pd.concat([profiles, _wholesale_profiles(apart, today)], ignore_index=True)
    both = both.sort_values("person_id", ignore_index=True)
    return pd.concat([segments, business], ignore_index=True), due[list(DUE)], both[list(PROFILES)]


def _due(
    part: Part, numbers: AccountFit, before: _Before, shelf: _Shelf, today: int
) -> pd.DataFrame:
    purchases = _purchases(part, numbers.needs)
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


def _profiles(
    part: Part, numbers: AccountFit, before: _Before, today: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return profiles of people sorted by id, and the evidence of favourites."""
    profiles = _measures(part.people, today)
    persons = profiles["person_id"]
    profiles[["r", "f", "m"]] = numbers.rfm.transform(profiles)
    intervals = _order_intervals(part, today)
    pace = numbers.rhythm.predict(intervals, of=~intervals.done)
    profiles["expected_gap"] = days_until(numbers.rhythm, pace, 0.5).round(3)
    profiles["stage"] = lifecycle.stages(
        profiles["recency"].to_numpy(),
        profiles["frequency"].to_numpy(),
        profiles["expected_gap"].to_numpy(),
        profiles,
        before.labels("stage", persons),
    )
    profiles = profiles.merge(_expected(numbers.value, part, today), on="person_id", how="left")
    profiles["value"] = numbers.levels.words(
        profiles["expected_value"].to_numpy(), before.labels("value", persons)
    )
    profiles["is_wholesale"] = False
    shop = numbers.shares
    shops = affinity.sides(part.tastes, persons, "department", ("men", "women"))
    style = affinity.sides(part.tastes, persons, "style", ("business", "casual"))
    profiles["shops"] = affinity.choose(
        shops, shop.men, ("menswear", "womenswear", "both"), before.labels("shops", persons)
    )
    profiles["style"] = affinity.choose(
        style, shop.business, ("business", "casual", ""), before.labels("style", persons)
    )
    first, second, loves = affinity.favourites(
        part.tastes, persons, shop, before.labels("loves", persons)
    )
    profiles["favourite"], profiles["second_favourite"] = first, second
    texts = ("stage", "value", "shops", "style", "favourite", "second_favourite")
    return profiles.astype(dict.fromkeys(texts, "str")), loves


def _expected(value: CustomerValue, part: Part, today: int) -> pd.DataFrame:
    """Return person_id and what is expected of each consumer; no figures where it is refused."""
    if value.refused_ is not None:
        return part.people[["person_id"]].assign(**dict.fromkeys(_EXPECTED.values(), np.nan))
    found = value.predict(part.order_days, today)
    # Rounded, so that a stored figure is the computed one on every engine.
    return found[["person_id", *_EXPECTED]].rename(columns=_EXPECTED).round(6)


def _wholesale_profiles(apart: pd.DataFrame, today: int) -> pd.DataFrame:
    """Return profiles without scores or stage: wholesale is not measured against consumers."""
    profiles = _measures(apart, today)
    for score in ("r", "f", "m"):
        profiles[score] = np.zeros(len(apart), dtype=np.int64)
    for figure in ("expected_gap", *_EXPECTED.values()):
        profiles[figure] = np.full(len(apart), np.nan)
    profiles["is_wholesale"] = np.ones(len(apart), dtype=bool)
    for text in ("stage", "value", "shops", "style", "favourite", "second_favourite"):
        profiles[text] = pd.Series("", index=profiles.index, dtype="str")
    profiles["picks"] = nothing(profiles.index)
    return profiles


def _joined(parts: list[pd.DataFrame], contract: Mapping[str, str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty(contract)
    return check(pd.concat(filled, ignore_index=True), contract, "result")
