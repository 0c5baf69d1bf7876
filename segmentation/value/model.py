"""What each customer is expected to order and to spend: a champion with a fallback, and how sure.

The fallback is BG/NBD times Gamma-Gamma. Above a thousand customers boosted trees learn, from one
window of the shop's own past, by how much each customer's orders differ from what BG/NBD expected
(Poisson loss with the expectation as offset); the correction is used in full, by half, or not at
all, whichever was nearest the truth at three earlier days, each judged with what was known by then.
From the same three days comes the interval: how far actual revenue was off among people of whom
about as much was expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.duedates.starts import Floats, persons_of
from segmentation.value.activity import ActiveOdds
from segmentation.value.bgnbd import BetaGeo
from segmentation.value.boosted import BoostedCounts
from segmentation.value.gammagamma import GammaGamma
from segmentation.value.history import WEEK, customers, outcomes
from segmentation.value.tries import FEATURES, Try, View, between, captured, ratio_of, spread_of

#: Below either nothing is fitted: customers with a second purchase, days of history.
REPEATERS_NEEDED = 200
DAYS_NEEDED = 180
#: Below it the boosted correction is not tried.
BOOSTED_FROM = 1_000
CUTOFFS = 3
#: The share of the boosted correction that is used, by name; the first is the fallback.
STRENGTHS: Mapping[str, float] = {"bgnbd": 0.0, "mixed": 0.5, "boosted": 1.0}
#: A window of a whole year holds every season, so that its level tells of the next year's too.
_WHOLE_YEAR = 365
#: Customers that are enough to learn from.
ENOUGH = 200_000
#: Customers in windows that are enough to learn who buys at all.
ENOUGH_BOUGHT = 100_000


class CustomerValue(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Expected orders and revenue of each customer in the days to come.

    Parameters
    ----------
    horizon : int, default=365
        Days to look ahead.
    random_state : int, default=0
        Of the draw of customers to learn from, where there are more than `ENOUGH`.

    Attributes
    ----------
    refused_ : dict or None
        Why there is nothing to expect: {"what", "needed", "there"}; what is "repeaters", "days", or
        "better" where spending of late captured as much revenue.
    window_ : int
        Days of the windows that the correction and the interval were learned from: the horizon, or
        a third of the history where that is less.
    repeats_, amounts_ : BetaGeo, GammaGamma
        The fallback.
    boosted_ : BoostedCounts or None
        The correction, where it was tried.
    active_ : ActiveOdds
        The chance of any order within the window; `p_active` is the mean of it and of BG/NBD's.
    champion_ : str
        A name of `STRENGTHS`.
    level_ : float
        Factor on corrected orders; keeps the total at the fallback's for windows below a year.
    spread_ : dict of list
        "edges" of expected revenue in the window; between them "low" and "high" of actual /
        expected.
    report_ : dict
        {"champion", "window_days", "customers", "repeaters", "degenerate", "cutoffs": [...]}, the
        last with the figures of each earlier day.
    """

    def __init__(self, horizon: int = 365, random_state: int = 0) -> None:
        self.horizon = horizon
        self.random_state = random_state

    def fit(self, days: pd.DataFrame, as_of: int) -> CustomerValue:
        """Learn from the purchase days of a shop's consumers.

        Parameters
        ----------
        days
            person_id, day, amount, articles: see `history.customers`; in any order.
        as_of
            The last day that is seen.
        """
        days = _sorted(days, as_of)
        self.refused_ = _refusal(days, as_of)
        if self.refused_:
            return self
        people = _people(days)
        days = self.some(days)
        self.window_ = min(self.horizon, (as_of + 1 - int(days["day"].min())) // CUTOFFS)
        now = View.of(days, as_of, self.window_)
        self.repeats_, self.amounts_ = now.repeats, now.amounts
        self.boosted_, self.level_, self.champion_ = None, 1.0, next(iter(STRENGTHS))
        tries = [
            self._try(days, as_of - self.window_ - back * (self.window_ // CUTOFFS), now)
            for back in range(CUTOFFS)
        ]
        names = tries[0].orders.keys()
        deviance = {name: np.mean([one.deviance(name) for one in tries]) for name in names}
        self.champion_ = min(names, key=lambda name: deviance[name])
        if self.champion_ != next(iter(STRENGTHS)):
            self.boosted_ = self._boosted(days, as_of - self.window_)
            self.level_ = self._level(now, self.boosted_, STRENGTHS[self.champion_])
        self.active_ = _active(tries)
        values = [one.value(self.champion_) for one in tries]
        self.spread_ = spread_of(values, [one.revenue for one in tries])
        self.report_ = people | self._report(tries, values)
        figures = [(one["captured"], one["captured_recent"]) for one in self.report_["cutoffs"]]
        ours, recent = (float(np.mean(side)) for side in zip(*figures, strict=True))
        if ours < recent:
            self.refused_ = {"what": "better", "needed": recent, "there": ours}
        return self

    def _try(self, days: pd.DataFrame, cut: int, now: View) -> Try:
        """Return what each strength would have said on an earlier day, and what came."""
        view = View.of(days, cut, self.window_)
        orders = {next(iter(STRENGTHS)): view.orders}
        persons = view.table["person_id"].to_numpy(dtype=np.int64)
        if len(now.table) >= BOOSTED_FROM and (days["day"] <= cut - self.window_).any():
            boosted = self._boosted(days, cut - self.window_)
            if boosted is not None:
                ratio = boosted.predict(view.features)
                for name, strength in STRENGTHS.items():
                    level = self._level(view, boosted, strength)
                    orders[name] = view.orders * ratio**strength * level
        came, revenue = outcomes(days, persons, cut, self.window_)
        return Try(cut, view, orders, came, revenue)

    def _boosted(self, days: pd.DataFrame, cut: int) -> BoostedCounts | None:
        """Learn by how much the orders after `cut` differed from those expected then."""
        view = View.of(days, cut, self.window_)
        came, _ = outcomes(
            days, view.table["person_id"].to_numpy(dtype=np.int64), cut, self.window_
        )
        if not came.any():
            return None
        expected = np.maximum(view.orders, 1e-6)
        boosted = BoostedCounts(monotonic_cst=list(FEATURES.values()))
        return boosted.fit(view.features, came / expected, sample_weight=expected)

    def some(self, days: pd.DataFrame) -> pd.DataFrame:
        """Return the days, sorted by person, of as many customers as are enough, drawn by lot."""
        code = persons_of(days["person_id"].to_numpy(dtype=np.int64))
        people = int(code.max(initial=-1)) + 1
        if people <= ENOUGH:
            return days
        rng = np.random.default_rng(self.random_state)
        chosen = np.zeros(people, dtype=bool)
        chosen[rng.choice(people, ENOUGH, replace=False)] = True
        return days[chosen[code]]

    def _level(self, view: View, boosted: BoostedCounts | None, strength: float) -> float:
        if boosted is None or self.window_ >= _WHOLE_YEAR:
            return 1.0
        corrected = view.orders * boosted.predict(view.features) ** strength
        return float(view.orders.sum() / corrected.sum())

    def predict(self, days: pd.DataFrame, as_of: int) -> pd.DataFrame:
        """Return what is expected of each customer, sorted by person_id.

        Parameters
        ----------
        days
            As in `fit`, of any set of customers, each with all his purchase days.
        as_of
            The last day that is seen.

        Returns
        -------
        DataFrame
            person_id; p_alive (chance that he is a customer still), p_active (of any purchase
            within the horizon), orders and value (expected within it, amounts in the unit of
            `days`), low and high (eight of ten end between).

        Raises
        ------
        ValueError
            Where the fit was refused.
        """
        check_is_fitted(self, "refused_")
        if self.refused_:
            raise ValueError(f"Nothing was fitted: {self.refused_}")
        table = customers(_sorted(days, as_of), as_of)
        weeks = self.horizon / WEEK
        ratio = np.ones(len(table))
        view = View.by(table, self.repeats_, self.amounts_, self.window_) if len(table) else None
        if view is not None and self.boosted_ is not None:
            ratio = self.boosted_.predict(view.features) ** STRENGTHS[self.champion_] * self.level_
        if view is None:
            nothing: Floats = np.zeros(0)
            names = ("p_alive", "p_active", "orders", "value", "low", "high")
            return table[["person_id"]].assign(**dict.fromkeys(names, nothing))
        # Learned of one window; a longer one is so many of them.
        windows = self.horizon / self.window_
        learned = 1 - (1 - self.active_.predict(view.features)) ** windows
        worth = self.amounts_.predict(table)
        orders = self.repeats_.predict(table, weeks) * ratio
        value = orders * worth
        low, high = between(self.spread_, view.orders * ratio * worth)
        return pd.DataFrame(
            {
                "person_id": table["person_id"],
                "p_alive": self.repeats_.p_alive(table),
                "p_active": (self.repeats_.p_active(table, weeks) + learned) / 2,
                "orders": orders,
                "value": value,
                "low": np.minimum(low * value, value),
                "high": np.maximum(high * value, value),
            }
        )

    @property
    def is_fitted(self) -> bool:
        """Whether there are numbers: also where they were no better than spending of late."""
        return hasattr(self, "report_")

    def orders_within(self, days: pd.DataFrame, as_of: int, horizon: int) -> Floats:
        """Return the orders expected of each customer in other days than the horizon's.

        Also of a fit that was refused because it is no better; customers, arguments and other
        errors are those of `predict`.
        """
        other = copy(self).set_params(horizon=horizon)
        other.refused_ = None if self.is_fitted else self.refused_
        orders: Floats = other.predict(days, as_of)["orders"].to_numpy(dtype=np.float64)
        return orders

    def _report(self, tries: Sequence[Try], values: Sequence[Floats]) -> dict[str, Any]:
        rows = []
        for place, (one, value) in enumerate(zip(tries, values, strict=True)):
            others = [k for k in range(len(tries)) if k != place]
            spread = spread_of([values[k] for k in others], [tries[k].revenue for k in others])
            low, high = between(spread, value)
            inside = (one.revenue >= low * value) & (one.revenue <= np.maximum(high * value, value))
            recent = captured(one.view.table["revenue_90"].to_numpy(), one.revenue)
            rows.append(
                {
                    "as_of": one.cut,
                    "customers": len(value),
                    "deviance": {name: one.deviance(name) for name in one.orders},
                    "mean_error_orders": float(
                        np.abs(one.orders[self.champion_] - one.came).mean()
                    ),
                    "orders_predicted_to_actual": ratio_of(one.orders[self.champion_], one.came),
                    "value_predicted_to_actual": ratio_of(value, one.revenue),
                    "captured": captured(value, one.revenue),
                    "captured_recent": recent,
                    "coverage": float(inside.mean()),
                }
            )
        return {
            "champion": self.champion_,
            "window_days": self.window_,
            "degenerate": [*self.repeats_.degenerate_, *self.amounts_.degenerate_],
            "cutoffs": rows,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain: dict[str, Any] = {**self.get_params(), "refused": self.refused_}
        if hasattr(self, "report_"):
            plain |= {name: getattr(self, f"{name}_") for name in _PLAIN}
            plain |= {"repeats": self.repeats_.to_dict(), "amounts": self.amounts_.to_dict()}
            plain["boosted"] = self.boosted_.to_dict() if self.boosted_ else None
            plain["active"] = self.active_.to_dict()
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> CustomerValue:
        """Return the model that `to_dict` wrote down."""
        model = cls(horizon=plain["horizon"], random_state=plain["random_state"])
        model.refused_ = plain["refused"]
        if "report" in plain:
            for name in _PLAIN:
                setattr(model, f"{name}_", plain[name])
            model.repeats_ = BetaGeo.from_dict(plain["repeats"])
            model.amounts_ = GammaGamma.from_dict(plain["amounts"])
            boosted = plain["boosted"]
            model.boosted_ = BoostedCounts.from_dict(boosted) if boosted else None
            model.active_ = ActiveOdds.from_dict(plain["active"])
        return model


_PLAIN = ("window", "champion", "level", "spread", "report")


def _active(tries: Sequence[Try]) -> ActiveOdds:
    """Learn who bought at all in the windows of the tries, of as many people as are enough."""
    every = max(1, sum(len(one.came) for one in tries) // ENOUGH_BOUGHT)
    features = np.concatenate([one.view.features[::every] for one in tries])
    came = np.concatenate([one.came[::every] for one in tries])
    return ActiveOdds(signs=list(FEATURES.values())).fit(features, came > 0)


def _sorted(days: pd.DataFrame, as_of: int) -> pd.DataFrame:
    return days[(days["day"] <= as_of).to_numpy()].sort_values(["person_id", "day"])


def _people(days: pd.DataFrame) -> dict[str, int]:
    orders = np.bincount(persons_of(days["person_id"].to_numpy(dtype=np.int64)))
    return {"customers": orders.size, "repeaters": int((orders > 1).sum())}


def _refusal(days: pd.DataFrame, as_of: int) -> dict[str, Any] | None:
    repeaters = _people(days)["repeaters"]
    history = as_of + 1 - int(days["day"].min()) if len(days) else 0
    if repeaters < REPEATERS_NEEDED:
        return {"what": "repeaters", "needed": REPEATERS_NEEDED, "there": repeaters}
    if history < DAYS_NEEDED:
        return {"what": "days", "needed": DAYS_NEEDED, "there": history}
    return None
