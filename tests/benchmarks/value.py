"""Value and churn on public orders: the published fits, the time they take, and who brings money.

CDNOW: 39 weeks of the customers who first bought in the first quarter of 1997. Online Retail: as of
day 281 (8 September 2011), the next 90 days; everything was chosen on earlier days.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segmentation.backtest import auc
from segmentation.value.bgnbd import COLUMNS, BetaGeo
from segmentation.value.gammagamma import GammaGamma
from segmentation.value.history import WEEK, customers, outcomes
from segmentation.value.model import CustomerValue
from tests.benchmarks.result import Result

_PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
_PUBLISHED_AMOUNTS = {"p": 6.25, "q": 3.74, "gamma": 15.44}
#: 30 September 1997, and the weeks after it.
_LAST, _WEEKS = 272, 39
_HORIZON = 90
_ROUNDS = 7


def run(data: Path) -> list[Result]:
    """Measure on both sets."""
    return [*_cdnow(data), *_online_retail(data)]


def cdnow(data: Path, *, sample: bool = True) -> pd.DataFrame:
    """Return purchase days of the 2,357 customers of the papers, or of all."""
    lines = pd.read_parquet(data / "cdnow.parquet")
    if sample:
        ids = pd.read_csv(data / "cdnow_sample_ids.csv.gz")["master_id"]
        lines = lines[lines["customer_id"].isin(ids)]
    day = (pd.to_datetime(lines["date"]) - pd.Timestamp("1997-01-01")).dt.days
    return _days(lines["customer_id"], day, lines["amount"], lines["quantity"])


def online_retail(data: Path) -> pd.DataFrame:
    """Return purchase days: what a customer bought less what he returned that day, above zero."""
    lines = pd.read_parquet(data / "online_retail_part_a.parquet")
    lines = lines[lines["CustomerID"].notna()]
    day = (lines["InvoiceDate"].dt.normalize() - pd.Timestamp("2010-12-01")).dt.days
    amount = lines["Quantity"] * lines["UnitPrice"]
    days = _days(lines["CustomerID"], day, amount, lines["StockCode"].astype(str))
    return days[days["amount"] > 0].reset_index(drop=True)


def _days(person: pd.Series, day: pd.Series, amount: pd.Series, article: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "person_id": person.astype("int64"),
            "day": day.astype("int64"),
            "amount": amount.astype("float64"),
            "article": article,
        }
    )
    return table.groupby(["person_id", "day"], as_index=False).agg(
        amount=("amount", "sum"), articles=("article", "nunique")
    )


def _cdnow(data: Path) -> list[Result]:
    days = cdnow(data)
    known = _as_published(days)
    known_by = known[list(COLUMNS)]
    model = BetaGeo(prior_sd=np.inf).fit(known_by)
    worst = max(abs(getattr(model, f"{k}_") - v) for k, v in _PUBLISHED.items())
    again = known[known["repeat_orders"] > 0]
    amounts = GammaGamma(prior_sd=np.inf).fit(_repeats(days, again["person_id"]))
    worst_amounts = max(abs(getattr(amounts, f"{k}_") - v) for k, v in _PUBLISHED_AMOUNTS.items())
    came, _ = outcomes(days, known["person_id"].to_numpy(), _LAST, 7 * _WEEKS)
    expected = model.predict(known_by, _WEEKS)
    name = "CDNOW, 2,357 customers"
    return [
        Result(set=name, metric="BG/NBD: largest difference from r .243 alpha 4.414 a .793 b 2.426",
               ours=worst, bar=0.0005, better="lower"),
        Result(set=name, metric="BG/NBD: difference from log-likelihood -9582.43",
               ours=abs(model.log_likelihood_ + 9582.43), bar=0.005, better="lower"),
        Result(set=name, metric="Gamma-Gamma: largest difference from p 6.25 q 3.74 gamma 15.44",
               ours=worst_amounts, bar=0.005, better="lower"),
        Result(set=name, metric="orders of the next 39 weeks, mean absolute error",
               ours=float(np.abs(expected - came).mean()), peer=0.786,
               baseline=float(np.abs(_rate(known) * _WEEKS - came).mean()), better="lower"),
        *_speed(name, known_by),
        *_speed("CDNOW, 23,570 customers", _as_published(cdnow(data, sample=False))[list(COLUMNS)]),
    ]  # fmt: skip


def _as_published(days: pd.DataFrame) -> pd.DataFrame:
    """Return customers whose clock stops at the start of the last day, as in the papers."""
    known = customers(days, _LAST)
    return known.assign(tenure=np.rint(known["tenure"] * WEEK - 1) / WEEK)


def _rate(known: pd.DataFrame) -> pd.Series:
    return known["repeat_orders"] / known["tenure"]


def _repeats(days: pd.DataFrame, persons: pd.Series) -> pd.DataFrame:
    """Return how many repeat purchases the persons made in 39 weeks, and their mean value."""
    seen = days[(days["day"] <= _LAST) & days["person_id"].isin(persons)]
    later = seen[seen.duplicated("person_id")]
    grouped = later.groupby("person_id")["amount"]
    return pd.DataFrame({"orders": grouped.size(), "monetary_value": grouped.mean()})


def _speed(name: str, known_by: pd.DataFrame) -> list[Result]:
    """Fit both in turn on the same customers and compare the quickest of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an option of pandas that is on its way out
        from lifetimes import BetaGeoFitter

        columns = [known_by[name] for name in known_by]
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(_seconds(lambda: BetaGeo().fit(known_by)))
            theirs.append(_seconds(lambda: BetaGeoFitter().fit(*columns)))
    return [
        Result(set=name, metric="BG/NBD: times faster than lifetimes 0.11.3",
               ours=min(theirs) / min(ours), bar=5, baseline=1),
        Result(set=name, metric="BG/NBD: seconds of a fit", ours=min(ours), peer=min(theirs),
               better="lower"),
    ]  # fmt: skip


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _online_retail(data: Path) -> list[Result]:
    days, last = online_retail(data), 280
    model = CustomerValue(horizon=_HORIZON).fit(days, last)
    found = model.predict(days, last)
    known = customers(days, last)
    persons = known["person_id"].to_numpy()
    came, revenue = outcomes(days, persons, last, _HORIZON)
    name = "Online Retail, day 281, 90 days"
    recent = known["revenue_90"]
    active = came > 0
    return [
        Result(set=name, metric="customers", ours=float(persons.size), peer=1682),
        Result(set=name, metric="revenue from the top tenth by expected value",
               ours=_captured(found["value"], revenue), bar=0.53, peer=0.528,
               baseline=_captured(recent, revenue)),
        Result(set=name, metric="orders, mean absolute error", better="lower", bar=0.900,
               ours=float(np.abs(found["orders"] - came).mean()),
               baseline=float(np.abs(known["orders_90"] - came).mean())),
        Result(set=name, metric="who buys, ROC AUC", ours=auc(found["p_active"].to_numpy(), active),
               bar=0.751, peer=0.751, baseline=auc(known["orders_90"].to_numpy(), active)),
        Result(set=name, metric="who buys, Brier score", better="lower", peer=0.203,
               ours=float(((found["p_active"] - active) ** 2).mean())),
        Result(set=name, metric="revenue, mean absolute error", better="lower", peer=540,
               ours=float(np.abs(found["value"] - revenue).mean()),
               baseline=float(np.abs(recent - revenue).mean())),
        Result(set=name, metric="orders, predicted / actual", peer=0.83,
               ours=float(found["orders"].sum() / came.sum())),
        Result(set=name, metric="revenue inside the interval that should hold 80%",
               ours=float(((revenue >= found["low"]) & (revenue <= found["high"])).mean())),
    ]  # fmt: skip


def _captured(score: pd.Series, revenue: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    top = np.argsort(-score.to_numpy(), kind="stable")[: len(score) // 10]
    return float(revenue[top].sum() / revenue.sum())
