"""The demo shop, whose truth is known: lives, windows, tastes, wholesale, groups."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from connectors.demo.crossings import CROSSINGS
from segmentation.backtest import backtest
from segmentation.compute import run as run_all
from segmentation.frames import PREVIOUS_DUE, PREVIOUS_SEGMENTS, Assigned, Choices, empty
from tests.benchmarks import _groups as _judged
from tests.benchmarks.result import Result
from tests.segmentation.planted import CONTACTS, FIRST_PERSON, Planted, planted, with_planted
from tests.segmentation.reference import ACCOUNT, Reference, reference

_SET = "demo shop"
#: The demo shop with business accounts whose rhythms and lapses are known.
_TRADE = "demo shop and a planted trade"
_COMPANIES = 200
#: A life is judged from this many repurchases on.
_JUDGED_FROM = 200


def run(data: Path) -> list[Result]:
    """Measure; the demo shop is generated, so `data` is not read."""
    return results(reference())


def results(shop: Reference) -> list[Result]:
    """Return every figure of one generated shop."""
    return [
        *_lives(shop),
        *_windows(shop),
        *_tastes(shop),
        *_wholesale(shop),
        *_following(shop),
        *_groups(shop),
        *_kinds(shop),
        *_trade(shop),
    ]


def life_errors(shop: Reference) -> pd.Series:
    """Return the relative error of each learned life with 200 or more repurchases."""
    lives = {life.need: life for life in shop.fitted.lives(ACCOUNT)}
    # A need of ours that holds two true ones has no single true life; there is none such now.
    shared = {need for need, count in Counter(shop.need_of.values()).items() if count > 1}
    return pd.Series(
        {
            true: lives[shop.need_of[true]].life_days / days - 1
            for true, days in shop.truth.life_days.items()
            if shop.need_of[true] not in shared and lives[shop.need_of[true]].gaps >= _JUDGED_FROM
        }
    )


def tastes(shop: Reference) -> pd.DataFrame:
    """Return people with their true department, our label, and items bought for themselves.

    `items` are lines paid for and kept; `telling` those among them of one department.
    """
    lines = shop.frames.lines
    kept = lines[
        lines["status"].isin(["paid", "open"])
        & lines["person_id"].notna()
        & (lines["quantity"] > 0)
        & (lines["net_amount"] > 0)
        & (lines["refunded_quantity"] == 0)
        & ~lines["is_gift"]
    ]
    kept = kept.merge(shop.frames.products[["product_id", "gender_target"]], on="product_id")
    people = shop.truth.people
    truth = pd.DataFrame({"truth": people["department"].to_numpy()}, index=people["person"] + 1)
    truth["items"] = kept.groupby("person_id").size()
    telling = kept[kept["gender_target"] != "unisex"]
    truth["telling"] = telling.groupby("person_id").size()
    truth["label"] = shop.assigned.profiles.set_index("person_id")["shops"]
    return truth.dropna(subset=["items", "label"]).fillna({"telling": 0})


def _lives(shop: Reference) -> list[Result]:
    errors = life_errors(shop).abs()
    return [
        Result(set=_SET, metric="learned life, largest relative error of a need with 200+ "
               "repurchases", ours=float(errors.max()), bar=0.10, better="lower"),
        Result(set=_SET, metric="learned life, median relative error", ours=float(errors.median()),
               bar=0.10, better="lower"),
        Result(set=_SET, metric="needs with 200+ repurchases", ours=float(errors.size)),
    ]  # fmt: skip


def _windows(shop: Reference) -> list[Result]:
    found = backtest(shop.frames, account_id=ACCOUNT, choices=Choices())["all"]
    return [
        Result(set=_SET, metric="true repurchases inside the 20-80% window, scheduled at purchase, "
               "distance from 60%", ours=abs(found["coverage"] - 0.6), bar=0.05, better="lower"),
        Result(set=_SET, metric="expected date, median absolute error in days",
               ours=found["median_error_days"]),
        Result(set=_SET, metric="chance of a repurchase, predicted / actual",
               ours=found["p_repeat"] / found["repeated"]),
        Result(set=_SET, metric="due in 30 days, precision", ours=found["precision"],
               bar=found["precision_baseline"], baseline=found["precision_baseline"]),
        Result(set=_SET, metric="due in 30 days, predicted / actual",
               ours=found["predicted_to_actual"]),
    ]  # fmt: skip


def _tastes(shop: Reference) -> list[Result]:
    people = tastes(shop)
    many = people[people["items"] >= 3]
    one_side = many[many["truth"] != "both"]
    unisex = people[(people["items"] == 1) & (people["telling"] == 0)]
    without = people[people["telling"] == 0]
    return [
        Result(set=_SET, metric="menswear, womenswear or both right, people with 3+ items",
               ours=float((many["truth"] == many["label"]).mean()), bar=0.95),
        Result(set=_SET, metric="menswear or womenswear right, people of one department with 3+ "
               "items", ours=float((one_side["truth"] == one_side["label"]).mean()), bar=0.95),
        Result(set=_SET, metric="not enough known, people with one unisex item",
               ours=float((unisex["label"] == "").mean()), bar=0.80),
        Result(set=_SET, metric="labels without an item of a department",
               ours=float((without["label"] != "").sum()), bar=0, better="lower"),
    ]  # fmt: skip


def _wholesale(shop: Reference) -> list[Result]:
    profiles = shop.assigned.profiles
    business = profiles["person_id"] > len(shop.truth.people)
    found = profiles["is_wholesale"]
    return [
        Result(set=_SET, metric="business accounts found, declared or not",
               ours=float(found[business].mean()), bar=0.95),
        Result(set=_SET, metric="consumers taken for business", ours=float(found[~business].sum()),
               bar=0, better="lower"),
    ]  # fmt: skip


def _following(shop: Reference) -> list[Result]:
    """Rules by which the shop's people buy one thing because of another."""
    rules = {(shop.need_of[one.before], shop.need_of[one.then]) for one in CROSSINGS}
    following = shop.fitted.accounts[ACCOUNT].following
    found = {(arrow.before, arrow.then) for arrow in following.arrows_}
    return [
        Result(set=_SET, metric="what follows what: rules of the shop found, share",
               ours=len(rules & found) / len(rules), bar=1.0),
        Result(set=_SET, metric="what follows what: other pairs shown",
               ours=float(len(found - rules)), bar=0, better="lower"),
        Result(set=_SET, metric="what follows what: pairs looked at",
               ours=float(following.pairs_), bar=50 + len(rules)),
    ]  # fmt: skip


def _groups(shop: Reference) -> list[Result]:
    """Groups as they were a year before the end, by what their people bought in that year."""
    rows = _judged.judged(shop)
    finest = rows[rows["finest"]]
    larger = _judged.mean(finest, "larger")
    first, next_night = _judged.seconds(shop)
    return [
        Result(set=_SET, metric="groups offered a year before the end", ours=float(len(rows))),
        Result(set=_SET, metric="people in the smallest group", ours=float(rows["people"].min()),
               bar=100),
        Result(set=_SET, metric="finest groups, precision@5 in the year after: own lists, and the "
               "larger groups'", ours=_judged.mean(finest, "own"), bar=larger, baseline=larger),
        Result(set=_SET, metric="finest groups whose own list was better in the year after",
               ours=float((finest["own"] > finest["larger"]).mean())),
        Result(set=_SET, metric="groups and kinds of customers: processor seconds, first fit",
               ours=round(first, 2)),
        Result(set=_SET, metric="groups and kinds of customers: processor seconds, next night",
               ours=round(next_night, 2)),
    ]  # fmt: skip


def _kinds(shop: Reference) -> list[Result]:
    """What moves in eight weeks without a purchase, each with a fit of its own."""
    weeks = _judged.weeks(shop, 8)
    clusters = shop.fitted.accounts[ACCOUNT].groups.clusters
    people = len(shop.truth.people)
    return [
        Result(set=_SET, metric="moved between groups in 8 weeks without a purchase",
               ours=float(weeks["groups"].sum()), bar=0, better="lower"),
        Result(set=_SET, metric="kinds of customers", ours=float(len(clusters.clusters_))),
        Result(set=_SET, metric="kinds of customers: agreement of two fits",
               ours=clusters.stability_ or 0.0, bar=0.8),
        Result(set=_SET, metric="kinds of customers renamed or lost in 8 weeks",
               ours=float(weeks["renamed"].sum()), bar=0, better="lower"),
        Result(set=_SET, metric="share moved between kinds of customers a week, by time alone",
               ours=round(float(weeks["kinds"].sum()) / 8 / people, 5)),
    ]  # fmt: skip


def _trade(shop: Reference) -> list[Result]:
    """Plant a trade, with lapses of a rhythm and a half, on the shop's last days."""
    trade = planted(7, companies=_COMPANIES)
    first = np.datetime64(shop.as_of) - trade.days
    frames = with_planted(shop.frames, trade, account=ACCOUNT, first=first)
    _, assigned = run_all(
        frames,
        as_of=shop.as_of,
        choices=Choices(),
        previous_due=empty(PREVIOUS_DUE),
        previous_segments=empty(PREVIOUS_SEGMENTS),
    )
    told = _alarms(assigned, trade)
    alarm, lapsed = told["alarms"] > 0, told["lapsed"]
    late = (told["waited"] > told["mean"] + 2 * told["deviation"]) & (told["orders"] >= 3)
    return [
        Result(set=_TRADE, metric="lapses of 1.5 rhythms found", ours=float(alarm[lapsed].mean()),
               bar=0.90, baseline=float(late[lapsed].mean())),
        Result(set=_TRADE, metric="alarms about a group that has not lapsed, share of alarms",
               ours=float((alarm & ~lapsed).sum() / alarm.sum()), bar=0.10, better="lower",
               baseline=float((late & ~lapsed).sum() / late.sum())),
        Result(set=_TRADE, metric="groups that have not lapsed and have an alarm, share of them",
               ours=float(alarm[~lapsed].mean()), bar=0.10, better="lower",
               baseline=float(late[~lapsed].mean())),
        Result(set=_TRADE, metric="alarms a lapsed group of a company of five contacts, most",
               ours=float(told["alarms"].max()), bar=1, better="lower"),
        Result(set=_TRADE, metric="usual days between orders, median relative error",
               ours=float((told["every"] / told["rhythm"] - 1).abs().median())),
        Result(set=_TRADE, metric="figures of consumers that the trade changes",
               ours=float(_changed(shop, assigned)), bar=0, better="lower"),
    ]  # fmt: skip


def _alarms(assigned: Assigned, trade: Planted) -> pd.DataFrame:
    """Return the truth with alarms, the days told and, for a rule of thumb, the own gaps."""
    business = assigned.profiles[assigned.profiles["person_id"] >= FIRST_PERSON]
    rows = [
        ((person - FIRST_PERSON) // CONTACTS, one["need"], one["every"], bool(one["state"]))
        for person, told in zip(business["person_id"], business["trade"], strict=True)
        for one in told["rhythms"]
        if one["carries"] and one["need"] != "anything"
    ]
    told = pd.DataFrame(rows, columns=["company", "need", "every", "alarm"])
    told = told.groupby(["company", "need"]).agg(every=("every", "first"), alarms=("alarm", "sum"))
    days = trade.orders.groupby(["company", "need"])["day"]
    gap = days.diff().groupby([trade.orders["company"], trade.orders["need"]])
    own = pd.DataFrame({"mean": gap.mean(), "deviation": gap.std(), "orders": days.size(),
                        "waited": trade.days - days.max()})  # fmt: skip
    return trade.truth.set_index(["company", "need"]).join([told, own])


def _changed(shop: Reference, both: Assigned) -> int:
    """Return how many rows of consumers differ in any figure, with the trade or without."""
    count = 0
    for name in ("segments", "due", "profiles"):
        ours, theirs = (
            frame[frame["person_id"] <= len(shop.truth.people)].reset_index(drop=True)
            for frame in (getattr(shop.assigned, name), getattr(both, name))
        )
        count += abs(len(ours) - len(theirs))
        same = ours.eq(theirs) | (ours.isna() & theirs.isna())
        count += int((~same.all(axis=1)).sum())
    return count
