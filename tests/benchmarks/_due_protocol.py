"""Scheduling at purchase, and ranking as of a day, by the protocol of the measured figures.

*Schedule*: purchases of a window, known is what was before its first day and the pair's own earlier
gaps, followed for 92 days. *As of a day*: pairs bought in the last 180 days, who buys in the next
14? Purchase days are as they are in the data: no two of them are merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.account import priors_of
from segmentation.backtest import auc, precision_at
from segmentation.duedates.intervals import IntervalModel, days_until, due_chance
from segmentation.duedates.pace import Pace
from segmentation.duedates.starts import Bools, Floats, Ints, Starts, starts
from segmentation.duedates.states import outlook, states
from segmentation.duedates.weekdays import Weekdays, best_days
from segmentation.features import day_number, day_numbers
from segmentation.frames import Choices
from tests.benchmarks.result import Result

HORIZON_DAYS, DUE_DAYS, SEEN_DAYS = 92, 14, 180
_LEAST_GAPS = 5
_BINS = 10


@dataclass(frozen=True)
class Events:
    """Purchase days sorted by person, need and day, and each need's category."""

    person: Ints
    need: Ints
    day: Ints
    units: Floats
    category: Ints

    def starts(self, before: int | None = None) -> Starts:
        """Return intervals as seen on the day before, or on the last day."""
        last = int(self.day.max()) if before is None else before - 1
        seen = self.day <= last
        return starts(self.person[seen], self.need[seen], self.day[seen], last, self.units[seen])

    def visits(self, before: int) -> tuple[Ints, Ints]:
        """Return persons and days of shopping before a day."""
        seen = self.day < before
        days = np.unique(np.stack([self.person[seen], self.day[seen]], axis=1), axis=0)
        return days[:, 0], days[:, 1]


@dataclass(frozen=True)
class Bars:
    """What is asked of one set of data, and what was measured on it before."""

    within_7: float
    error: float
    precision: float
    brier: float
    #: within 7 by the best window, error of the median, precision, Brier, calibration error, and
    #: predicted / actual of the model that the protocol came with.
    peers: tuple[float, float, float, float, float, float]


def complete_journey(data: Path) -> Events:
    """Return the grocer's purchase days by product type."""
    lines = pd.read_parquet(data / "complete_journey_transactions.parquet")
    products = pd.read_parquet(data / "complete_journey_products.parquet")
    lines = lines.merge(products, on="product_id")
    goods = ~lines["department"].isin(("FUEL", "MISCELLANEOUS", "COUPON"))
    goods &= lines["product_category"] != "COUPON/MISC ITEMS"
    goods &= lines["product_type"].notna() & (lines["quantity"] > 0)
    lines = lines[goods.to_numpy()]
    return _events(
        lines["household_id"],
        lines["product_type"].astype(str),
        lines["transaction_timestamp"],
        lines["quantity"],
        lines["product_category"].astype(str),
    )


def online_retail(data: Path) -> Events:
    """Return the gift shop's purchase days by article."""
    lines = pd.read_parquet(data / "online_retail_part_a.parquet")
    code = lines["StockCode"].astype(str)
    goods = code.str.fullmatch(r"\d{5}[A-Za-z]*") & lines["CustomerID"].notna()
    goods &= (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)
    lines, code = lines[goods.to_numpy()], code[goods.to_numpy()]
    every = pd.Series("", index=lines.index)
    person = lines["CustomerID"].astype("int64")
    return _events(person, code, lines["InvoiceDate"], lines["Quantity"], every)


def _events(
    person: pd.Series, need: pd.Series, moment: pd.Series, units: pd.Series, category: pd.Series
) -> Events:
    days = pd.DataFrame(
        {
            "person": person.to_numpy(),
            "need": need.to_numpy(),
            "day": day_numbers(moment),
            "units": units.to_numpy(dtype=np.float64),
            "category": category.to_numpy(),
        }
    )
    days["need"], names = pd.factorize(days["need"], sort=True)
    days["category"], _ = pd.factorize(days["category"], sort=True)
    of_need = days.groupby("need")["category"].agg(lambda values: values.mode().iloc[0])
    days = days.groupby(["person", "need", "day"])["units"].sum().reset_index()
    return Events(
        person=days["person"].to_numpy(dtype=np.int64),
        need=days["need"].to_numpy(dtype=np.int64),
        day=days["day"].to_numpy(dtype=np.int64),
        units=days["units"].to_numpy(dtype=np.float64),
        category=of_need.reindex(range(len(names))).to_numpy(dtype=np.int64),
    )


def fitted(events: Events, table: Starts) -> IntervalModel:
    """Fit as the product does for types that it does not know."""
    names = [f"type {code}" for code in range(events.category.size)]
    categories = [str(code) if code >= 0 else "" for code in events.category]
    return IntervalModel().fit(table, priors_of(names, Choices(), {}, table, categories))


def naive_days(events: Events, table: Starts, known: Starts) -> Floats:
    """Return the days after each start at which a rule of thumb expects the next purchase.

    The own median gap, else the item's from 5 gaps on, else the category's, else all gaps'.
    """
    rows = pd.DataFrame({"person": table.person, "need": table.need})
    rows["gap"] = np.where(table.done, table.length, np.nan)
    pairs = rows.groupby(["person", "need"], sort=False)["gap"]
    own = pairs.expanding().median().reset_index(level=[0, 1], drop=True).sort_index()
    own = own.shift(1).where(table.own_gaps > 0)
    gaps = pd.DataFrame({"need": known.need, "gap": known.length})[known.done]
    gaps["category"] = events.category[gaps["need"]]
    items = gaps.groupby("need")["gap"]
    item = items.median()[items.size() >= _LEAST_GAPS]
    category = gaps.groupby("category")["gap"].median()
    expected = own.fillna(rows["need"].map(item))
    expected = expected.fillna(pd.Series(events.category[table.need]).map(category))
    return expected.fillna(gaps["gap"].median()).to_numpy(dtype=np.float64)


def scheduled(name: str, events: Events, first: date, last: date, bars: Bars) -> list[Result]:
    """Return the figures of purchases from `first` to `last`, scheduled on the day itself."""
    opens, closes = day_number(first), day_number(last)
    known, table = events.starts(before=opens), events.starts()
    of = (table.day >= opens) & (table.day <= closes)
    model = fitted(events, known)
    visits = events.visits(before=opens)
    weekdays = Weekdays().fit(visits[1])
    likelier = weekdays.transform(*visits, of=table.person[of])
    pace = model.predict(table, of=of, known=known)
    best, median, repeat = best_days(model, pace, table.day[of], likelier, HORIZON_DAYS)
    length = table.length[of]
    back = table.done[of] & (length <= HORIZON_DAYS)
    naive = naive_days(events, table, known)[of]
    off = {"best": length - best, "median": length - median, "naive": length - naive}
    off = {key: np.abs(values) for key, values in off.items()}

    def within(key: str, rows: Bools) -> float:
        return float((off[key] <= 7)[rows].mean())

    every = np.ones_like(back)
    return [
        Result(set=name, metric="scheduled at purchase: purchases", ours=float(back.size)),
        Result(set=name, metric="of them repurchased within 92 days", ours=float(back.sum())),
        Result(set=name, metric="best day, within 7 days of the repurchase",
               ours=within("best", back), bar=bars.within_7, baseline=within("naive", back),
               peer=bars.peers[0]),
        Result(set=name, metric="best day, within 7 days, of all scheduled",
               ours=float(((off["best"] <= 7) & back).mean()),
               baseline=float(((off["naive"] <= 7) & back).mean())),
        Result(set=name, metric="expected day, mean absolute error in days",
               ours=float(off["median"][back].mean()), bar=bars.error, better="lower",
               baseline=float(off["naive"][back].mean()), peer=bars.peers[1]),
        Result(set=name, metric="expected day, within 30 days of the repurchase",
               ours=float((off["median"] <= 30)[back].mean())),
        Result(set=name, metric="repurchase within 92 days, ROC AUC", ours=auc(repeat, back)),
        Result(set=name, metric="repurchase within 92 days, Brier score",
               ours=_brier(repeat, back), better="lower",
               baseline=_brier(every * back.mean(), back)),
    ]  # fmt: skip


def as_of_a_day(name: str, events: Events, day: date, bars: Bars) -> list[Result]:
    """Return the figures of pairs bought in the last 180 days: who buys within 14?"""
    opens = day_number(day)
    table = events.starts(before=opens)
    of = ~table.done & (table.day >= opens - SEEN_DAYS)
    model = fitted(events, table)
    pace = model.predict(table, of=of)
    chance = due_chance(model, pace, table.length[of], DUE_DAYS)
    bought = _bought(events, opens)[of]
    expected = table.day[of] + naive_days(events, table, table)[of]
    naive = (expected >= opens) & (expected < opens + DUE_DAYS)
    count = int(naive.sum())
    ratio = float(chance.sum() / bought.sum())
    base = np.full(bought.size, bought.mean())
    when = f"due in {DUE_DAYS} days"
    results = [
        Result(set=name, metric=f"{when}: pairs", ours=float(bought.size)),
        Result(set=name, metric=f"{when}: picked by the naive rule", ours=float(count)),
        Result(set=name, metric=f"{when}, precision of as many picks",
               ours=precision_at(chance, bought, count), bar=bars.precision,
               baseline=float(bought[naive].mean()), peer=bars.peers[2]),
        Result(set=name, metric=f"{when}, ROC AUC", ours=auc(chance, bought)),
        Result(set=name, metric=f"{when}, Brier score", ours=_brier(chance, bought),
               bar=bars.brier, better="lower", baseline=_brier(base, bought), peer=bars.peers[3]),
        Result(set=name, metric=f"{when}, calibration error", ours=_calibration(chance, bought),
               bar=0.010, better="lower", peer=bars.peers[4]),
        Result(set=name, metric=f"{when}, predicted / actual", ours=ratio, peer=bars.peers[5]),
        Result(set=name, metric=f"{when}, predicted / actual, distance from 1",
               ours=abs(ratio - 1), bar=0.1, better="lower", peer=abs(bars.peers[5] - 1)),
    ]  # fmt: skip
    return results + _now(name, model, pace, table.length[of], bought)


def _now(
    name: str, model: IntervalModel, pace: Pace, elapsed: Floats, bought: Bools
) -> list[Result]:
    """Return how right the state `now` is at first sight, beside all whose window is open."""
    seen = outlook(model, pace, elapsed, days_until(model, pace, 0.5))
    now = (states(seen, pd.Series([""] * elapsed.size), np.zeros(elapsed.size)) == "now").to_numpy()
    inside = (seen.passed >= seen.window[0]) & (seen.passed < seen.window[1])
    return [
        Result(set=name, metric="state now: share of pairs", ours=float(now.mean()),
               baseline=float(inside.mean())),
        Result(set=name, metric=f"state now, bought within {DUE_DAYS} days (baseline: window open)",
               ours=float(bought[now].mean()), bar=float(bought[inside].mean()),
               baseline=float(bought[inside].mean())),
    ]  # fmt: skip


def _bought(events: Events, opens: int) -> Bools:
    """Return whether each interval seen before a day ends in the 14 days from it on."""
    every = events.starts()
    seen = every.take(every.day < opens)
    result: Bools = seen.done & (seen.until < opens + DUE_DAYS) & (seen.until >= opens)
    return result


def _brier(chance: Floats, happened: Bools) -> float:
    return float(((chance - happened) ** 2).mean())


def _calibration(chance: Floats, happened: Bools) -> float:
    """Return the mean distance between chance and share, in ten equal steps of chance."""
    step: npt.NDArray[np.int64] = np.minimum((chance * _BINS).astype(np.int64), _BINS - 1)
    apart = np.bincount(step, chance, _BINS) - np.bincount(step, happened, _BINS)
    return float(np.abs(apart).sum() / chance.size)
