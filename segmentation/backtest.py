"""How right the due-dates would have been: fitted at earlier days, judged by what came after.

Two questions, each at several cut-offs, each only with what was known by then:

- *Scheduled at purchase.* For purchases after the cut-off, by numbers fitted before it: how many
  of the true next purchases fell into the window, and how far was the expected date off? Only
  purchases that could be followed for the whole horizon are judged, so that slow repurchases are
  not missing from the figures.
- *As of the day.* Of all people and needs in the schedule: who buys in the next 30 days? Ranked by
  `p_due`, against the rule that needs no model: the longest since the last order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segmentation import catalogue, features
from segmentation.account import AccountTable, Part, account_table
from segmentation.duedates.coverage import WINDOW
from segmentation.duedates.intervals import (
    IntervalModel,
    days_until,
    due_chance,
    repeat_chance,
)
from segmentation.duedates.pace import Pace
from segmentation.duedates.schedule import DUE_WITHIN_DAYS
from segmentation.duedates.starts import Bools, Floats, Ints, Starts, starts
from segmentation.duedates.weekdays import HALF_WINDOW_DAYS, HORIZON_DAYS, Weekdays, best_days
from segmentation.frames import Choices, Frames

#: Follow-up in spreads past the expected log interval: about 98 of 100 have come back by then.
_FOLLOWED = 2.0
#: Cut-offs as shares of the shop's history.
_CUTS = (0.5, 0.6, 0.7)
_BINS = 10


@dataclass(frozen=True)
class Ranking:
    """Chances and outcomes as of one day; one entry a person and need in the schedule."""

    person: Ints
    p_due: Floats
    #: Days since the last purchase of the need.
    elapsed: Floats
    bought: Bools


def backtest(
    frames: Frames, *, account_id: int, choices: Choices, cutoffs: Sequence[date] = ()
) -> dict[str, Any]:
    """Return how right the due-dates of one account would have been.

    Parameters
    ----------
    frames
        The account's whole history.
    account_id
        Which account.
    choices
        What the merchant said.
    cutoffs
        Days to fit at; three parts of the history when empty.

    Returns
    -------
    dict
        {"cutoffs": [{"as_of", "second_stage", "scheduled", "repurchased", "stated", "checked",
        "coverage", "median_error_days", "soon_back", "within_7_days", "p_repeat", "repeated",
        "pairs", "bought", "auc", "auc_baseline", "precision", "precision_baseline",
        "predicted_to_actual", "calibration_error"}], and the same figures weighted over the
        cut-offs under "all"}; figures without cases are None. `second_stage` tells whether the fit
        chose one for its chances. `coverage` is the share of true repurchases inside the window,
        `stated` what the window is said to hold, and `checked` what the fit itself found in the
        past before the cut-off. `soon_back` are repurchases of what was expected within 92 days,
        `within_7_days` the share of them near the best day.
    """
    seen, days, last = _seen(frames, account_id, choices, cutoffs)
    rows = []
    for day in days:
        model = IntervalModel().fit(seen[day].intervals, seen[day].priors)
        row: dict[str, Any] = {"as_of": str(np.datetime64(day, "D"))}
        row["second_stage"] = model.second_ is not None
        row |= _scheduled(model, seen[last], day, last)
        rows.append(row | ranked(rank(model, seen[last].purchases, day)))
    return {"cutoffs": rows, "all": _overall(rows)}


def rankings(
    frames: Frames, *, account_id: int, choices: Choices, cutoffs: Sequence[date]
) -> list[Ranking]:
    """Return chances and outcomes at each cut-off, for those who want to judge them otherwise."""
    seen, days, last = _seen(frames, account_id, choices, cutoffs)
    models = [IntervalModel().fit(seen[day].intervals, seen[day].priors) for day in days]
    return [rank(model, seen[last].purchases, day) for model, day in zip(models, days, strict=True)]


def _seen(
    frames: Frames, account: int, choices: Choices, cutoffs: Sequence[date]
) -> tuple[dict[int, AccountTable], list[int], int]:
    """Return the account as seen on each cut-off and on the last day, the cut-offs, that day."""
    goods = catalogue.read(frames, choices)
    ordered = features.day_numbers(frames.lines["ordered_on"])
    first, last = int(ordered.min()), int(ordered.max())
    days = [features.day_number(day) for day in cutoffs]
    days = days or [int(first + share * (last - first)) for share in _CUTS]
    seen = {
        day: account_table(goods, Part.of(account, frames, _features(goods, day)), choices, day)
        for day in [*days, last]
    }
    return seen, days, last


def _features(goods: catalogue.Catalogue, day: int) -> features.Features:
    as_of = date.fromordinal(day + date(1970, 1, 1).toordinal())
    return features.compute(goods.lines, goods.placed, as_of=as_of)


def _scheduled(model: IntervalModel, account: AccountTable, cut: int, last: int) -> dict[str, Any]:
    table = account.intervals
    pace = model.predict(table, known=table.seen_on(cut))
    horizon = model.season_.days(pace.need, pace.start, np.exp(pace.mu + _FOLLOWED * pace.sigma))
    judged = (table.day > cut) & (table.day + horizon <= last)
    back = judged & table.done & (table.length <= horizon)
    early, late, middle = (
        days_until(model, pace, share) for share in (*model.coverage_.window, 0.5)
    )
    inside = (table.length >= np.rint(early)) & (table.length <= np.rint(late))
    soon = back & (middle <= HORIZON_DAYS) & (table.length <= HORIZON_DAYS)
    best = _best_days(model, pace.take(soon), table.take(soon), account.part.order_days, cut)
    return {
        "scheduled": int(judged.sum()),
        "repurchased": int(back.sum()),
        "stated": round(WINDOW[1] - WINDOW[0], 6),
        "checked": model.coverage_.after,
        "coverage": _mean(inside[back]),
        "median_error_days": _median(np.abs(table.length - middle)[back]),
        "soon_back": int(soon.sum()),
        "within_7_days": _mean(np.abs(table.length[soon] - best) <= HALF_WINDOW_DAYS),
        "p_repeat": _mean(repeat_chance(model, pace)[judged]),
        "repeated": _mean(back[judged]),
    }


def _best_days(
    model: IntervalModel, pace: Pace, table: Starts, order_days: pd.DataFrame, cut: int
) -> Ints:
    known = order_days[(order_days["day"] <= cut).to_numpy()]
    person, day = (known[name].to_numpy(dtype=np.int64) for name in ("person_id", "day"))
    likelier = Weekdays().fit(day).transform(person, day, of=table.person)
    return best_days(model, pace, table.day, likelier)[0]


def rank(model: IntervalModel, purchases: pd.DataFrame, cut: int) -> Ranking:
    """Return chances as of `cut` and who bought the need again in the 30 days after it.

    `purchases` are merged purchase days (person_id, code, day), also those after `cut`.
    """
    person, code, day = (
        purchases[column].to_numpy(dtype=np.int64) for column in ("person_id", "code", "day")
    )
    before = day <= cut
    units = purchases["units"].to_numpy(dtype=np.float64)
    table = starts(person[before], code[before], day[before], cut, units[before])
    pace = model.predict(table, of=~table.done)
    elapsed = table.length[~table.done]
    following = np.append(
        np.where((person[1:] == person[:-1]) & (code[1:] == code[:-1]), day[1:], 2**40), 2**40
    )[before][~table.done]
    return Ranking(
        person=table.person[~table.done],
        p_due=due_chance(model, pace, elapsed, DUE_WITHIN_DAYS),
        elapsed=elapsed,
        bought=following <= cut + DUE_WITHIN_DAYS,
    )


def ranked(ranking: Ranking) -> dict[str, Any]:
    """Return how well chances rank and how true they are, beside the rule without a model."""
    p, bought = ranking.p_due, ranking.bought
    count = int(bought.sum())
    if not 0 < count < bought.size:
        names = ("auc", "auc_baseline", "precision", "precision_baseline", "predicted_to_actual",
                 "calibration_error")  # fmt: skip
        return {"pairs": int(bought.size), "bought": count} | dict.fromkeys(names)
    tenth = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    size = np.bincount(tenth, minlength=_BINS)
    gap = np.abs(np.bincount(tenth, p, _BINS) - np.bincount(tenth, bought, _BINS))
    return {
        "pairs": int(bought.size),
        "bought": count,
        "auc": auc(p, bought),
        "auc_baseline": auc(ranking.elapsed, bought),
        "precision": precision_at(p, bought, count),
        "precision_baseline": precision_at(ranking.elapsed, bought, count),
        "predicted_to_actual": float(p.sum() / count),
        "calibration_error": float(gap.sum() / size.sum()),
    }


def auc(score: Floats, positive: Bools) -> float:
    """Return the area under the ROC curve, ties counting half (Mann and Whitney 1947).

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    _, place, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[place]
    yes, no = positive.sum(), (~positive).sum()
    return float((rank[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def precision_at(score: Floats, positive: Bools, count: int) -> float:
    """Return the share of positives among the `count` highest scores; ties by position."""
    top = np.argsort(-score, kind="stable")[:count]
    return float(positive[top].mean())


def _overall(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    weights = {
        "stated": "repurchased",
        "checked": "repurchased",
        "coverage": "repurchased",
        "median_error_days": "repurchased",
    }
    weights |= {"p_repeat": "scheduled", "repeated": "scheduled", "within_7_days": "soon_back"}
    result: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in ("scheduled", "repurchased", "soon_back", "pairs", "bought"):
            result[name] = sum(values)
        elif name != "as_of":
            weight = [row[weights.get(name, "pairs")] for row in rows]
            known = [(v, w) for v, w in zip(values, weight, strict=True) if v is not None and w]
            total = sum(w for _, w in known)
            result[name] = sum(v * w for v, w in known) / total if total else None
    return result


def _mean(values: Floats | Bools) -> float | None:
    return float(values.mean()) if values.size else None


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if values.size else None
