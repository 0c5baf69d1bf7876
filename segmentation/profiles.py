"""What is told of each person: figures, scores, stage, value and tastes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from segmentation import affinity, lifecycle, likes
from segmentation.account import Part, order_intervals
from segmentation.before import Before
from segmentation.duedates.intervals import days_until
from segmentation.duedates.schedule import dates
from segmentation.fitted import AccountFit
from segmentation.picks.personal import no_block, nothing
from segmentation.trade.model import Company
from segmentation.value.model import CustomerValue

#: What `value.model` calls what profiles tell of the coming year.
_EXPECTED = {
    "p_alive": "p_alive",
    "orders": "expected_orders",
    "value": "expected_value",
    "low": "value_low",
    "high": "value_high",
}
#: Columns of profiles that are a word or a key, "" where there is none.
TEXTS = ("stage", "value", "shops", "style", "favourite", "second_favourite", *likes.COLUMNS)
#: Digits of what is expected after the point.
DIGITS = 6


def measures_of(people: pd.DataFrame, today: int) -> pd.DataFrame:
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


def consumer_profiles(
    part: Part, numbers: AccountFit, before: Before, today: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return profiles of people sorted by id, and the evidence of favourites."""
    profiles = measures_of(part.people, today)
    persons = profiles["person_id"]
    profiles[["r", "f", "m"]] = numbers.rfm.transform(profiles)
    intervals = order_intervals(part, today)
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
    # BG/NBD lets nobody leave before a second purchase: its certainty until then says nothing.
    profiles["p_alive"] = profiles["p_alive"].where(profiles["frequency"] > 1)
    profiles["value"] = numbers.levels.words(
        profiles["expected_value"].to_numpy(), before.labels("value", persons)
    )
    profiles["is_wholesale"] = False
    profiles["trade"] = pd.Series([{}] * len(profiles), dtype=object)
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
    return profiles, loves


def _expected(value: CustomerValue, part: Part, today: int) -> pd.DataFrame:
    """Return person_id and what is expected of each consumer; no figures where it is refused."""
    if value.refused_ is not None:
        return part.people[["person_id"]].assign(**dict.fromkeys(_EXPECTED.values(), np.nan))
    found = value.predict(part.order_days, today)
    # Rounded, so that a stored figure is the computed one on every engine.
    return found[["person_id", *_EXPECTED]].rename(columns=_EXPECTED).round(DIGITS)


def company_profiles(
    apart: pd.DataFrame, companies: Mapping[int, Company], today: int
) -> pd.DataFrame:
    """Return profiles without scores or stage: wholesale is not measured against consumers."""
    profiles = measures_of(apart, today)
    for score in ("r", "f", "m"):
        profiles[score] = np.zeros(len(apart), dtype=np.int64)
    for figure in ("expected_gap", *_EXPECTED.values()):
        profiles[figure] = np.full(len(apart), np.nan)
    profiles["is_wholesale"] = np.ones(len(apart), dtype=bool)
    theirs = [companies[person] for person in profiles["person_id"].tolist()]
    profiles["trade"] = pd.Series(theirs, index=profiles.index, dtype=object)
    profiles[list(TEXTS)] = ""
    profiles["likes"] = nothing(profiles.index)
    profiles["picks"] = nothing(profiles.index)
    profiles["also"] = no_block(profiles.index, "")
    return profiles
