"""A shop as it was seen on a day, and what would have been said then of the window after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.duedates.starts import Floats
from segmentation.value.bgnbd import COLUMNS as REPEATS
from segmentation.value.bgnbd import BetaGeo
from segmentation.value.gammagamma import COLUMNS as AMOUNTS
from segmentation.value.gammagamma import GammaGamma
from segmentation.value.history import WEEK, customers

#: Ends of the interval: it holds eight of ten.
_ENDS = (0.1, 0.9)
_BIN, _MOST_BINS = 50, 10
#: What more of a feature may do to the correction; time alone can only lower it.
FEATURES: Mapping[str, int] = {
    "expected": 1,
    "active": 1,
    "late": -1,
    "recency": -1,
    "tenure": -1,
    "orders": 0,
    "orders_30": 1,
    "orders_60": 1,
    "orders_90": 1,
    "revenue": 0,
    "revenue_90": 1,
    "monetary_value": 0,
    "articles": 0,
    "gap": 0,
}


@dataclass(frozen=True, kw_only=True)
class View:
    """A shop as seen on one day: its customers and what the fallback expects of them."""

    table: pd.DataFrame
    repeats: BetaGeo
    amounts: GammaGamma
    #: Expected in the window that corrections are learned from.
    orders: Floats
    features: Floats

    @classmethod
    def of(cls, days: pd.DataFrame, as_of: int, window: int) -> View:
        table = customers(days, as_of)
        repeats = BetaGeo().fit(table[list(REPEATS)])
        amounts = GammaGamma().fit(table[list(AMOUNTS)])
        return cls.by(table, repeats, amounts, window)

    @classmethod
    def by(cls, table: pd.DataFrame, repeats: BetaGeo, amounts: GammaGamma, window: int) -> View:
        orders = repeats.predict(table, window / WEEK)
        active = repeats.p_active(table, window / WEEK)
        features = _features(table, orders, active)
        return cls(table=table, repeats=repeats, amounts=amounts, orders=orders, features=features)


@dataclass(frozen=True)
class Try:
    """What would have been said on an earlier day, and what came in the window after it."""

    cut: int
    view: View
    #: Name of `STRENGTHS` -> expected orders.
    orders: Mapping[str, Floats]
    came: Floats
    revenue: Floats

    def deviance(self, name: str) -> float:
        """Return the mean Poisson deviance of the orders."""
        expected, came = np.maximum(self.orders[name], 1e-6), self.came
        logs = np.where(came > 0, came * np.log(np.maximum(came, 1.0) / expected), 0.0)
        return float(2 * (logs - (came - expected)).mean())

    def value(self, name: str) -> Floats:
        """Return expected revenue."""
        value: Floats = self.orders[name] * self.view.amounts.predict(self.view.table)
        return value


def _features(table: pd.DataFrame, orders: Floats, active: Floats) -> Floats:
    tenure = table["tenure"] * WEEK
    made = {
        "expected": orders,
        "active": active,
        "late": table["recency"] * table["orders"] / tenure,
        "tenure": tenure,
        "gap": table["span"] * WEEK / np.maximum(table["repeat_orders"], 1.0),
    }
    columns = [np.asarray(made.get(name, table.get(name))) for name in FEATURES]
    result: Floats = np.stack(columns, axis=1).astype(np.float64)
    return result


def captured(score: npt.NDArray[Any], revenue: Floats) -> float:
    """Return the share of revenue from the tenth of people with the highest score."""
    top = np.argsort(-score, kind="stable")[: score.size // 10]
    total = revenue.sum()
    return float(revenue[top].sum() / total) if total > 0 else 0.0


def ratio_of(predicted: Floats, actual: Floats) -> float | None:
    return float(predicted.sum() / actual.sum()) if actual.sum() > 0 else None


def spread_of(values: Sequence[Floats], revenue: Sequence[Floats]) -> dict[str, list[float]]:
    """Return how far revenue was off, between edges of what was expected (split conformal)."""
    value, came = np.concatenate(values), np.concatenate(revenue)
    order = np.argsort(value, kind="stable")
    parts = np.array_split(order, int(np.clip(value.size // _BIN, 1, _MOST_BINS)))
    ratios = [came[part] / np.maximum(value[part], 1e-9) for part in parts]
    low, high = ([float(np.quantile(r, end)) for r in ratios] for end in _ENDS)
    return {"edges": [float(value[part[0]]) for part in parts[1:]], "low": low, "high": high}


def between(spread: Mapping[str, Sequence[float]], value: Floats) -> tuple[Floats, Floats]:
    place = np.searchsorted(np.array(spread["edges"]), value, side="right")
    return np.array(spread["low"])[place], np.array(spread["high"])[place]
