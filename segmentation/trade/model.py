"""What a fit learns of an account's wholesale, and where that puts each company."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from segmentation.account import Part
from segmentation.duedates.schedule import dates
from segmentation.duedates.starts import Floats
from segmentation.trade.alarms import OVERDUE, is_overdue
from segmentation.trade.basket import BasketGaps
from segmentation.trade.companies import ANY, companies, order_days
from segmentation.trade.rhythm import TradeRhythm

#: Orders whose prices tell what is usual: older ones were from before a rise.
_PRICES = 5
#: {"rhythms": [reasons with "state", "carries" (the alarm is this person's) and figures], "lacks":
#: [reasons]}, plain JSON values, and no other contact's number.
Company: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Trade:
    """One account's wholesale: plain numbers, none of which a consumer had a part in."""

    #: Of article groups.
    rhythm: TradeRhythm
    #: Of orders as a whole.
    whole: TradeRhythm
    basket: BasketGaps

    @classmethod
    def fit(cls, part: Part) -> Trade:
        """Learn from the wholesale part of an account."""
        return cls.learn(order_days(part, companies(part.people)), part.country)

    @classmethod
    def learn(cls, days: pd.DataFrame, country: str) -> Trade:
        """Learn from what `companies.order_days` returns; country: whose holidays are kept."""
        groups, whole = _split(days)
        rhythm, all_of_it = (TradeRhythm(country=country).fit(one) for one in (groups, whole))
        return cls(rhythm, all_of_it, BasketGaps().fit(groups))

    def place(
        self, part: Part, today: int, held: Collection[tuple[int, str]]
    ) -> tuple[pd.DataFrame, dict[int, Company]]:
        """Return where each company of the part stands.

        Parameters
        ----------
        part
            Wholesale only, all contacts of a company together.
        today
            Day number.
        held
            Person and segment of last time's alarms, which are slower to end than to begin.

        Returns
        -------
        rows : DataFrame
            One row a company and article group (`ANY` for orders as a whole): company, need,
            contacts, person_id (who ordered it last and carries the alarm), state ("" or overdue),
            reason, and what `TradeRhythm.predict` tells; units are NaN for orders as a whole, whose
            amount (minor units) is their own, and a group's is its units at the usual price.
        companies : dict
            What is told of the company of each person.
        """
        known = companies(part.people)
        days = order_days(part, known)
        rows = self._rows(days, known, today, held)
        return rows, _told(rows, self._lacks(days), known)

    def _rows(
        self, days: pd.DataFrame, known: pd.DataFrame, today: int, held: Collection[tuple[int, str]]
    ) -> pd.DataFrame:
        groups, whole = _split(days)
        parts = [self.rhythm.predict(groups, today), self.whole.predict(whole, today)]
        found = pd.concat(parts, ignore_index=True)
        found = found.sort_values(["company", "need"], ignore_index=True)
        last = days.drop_duplicates(["company", "need"], keep="last")
        found["person_id"] = last["person_id"].to_numpy()
        contacts = known.drop_duplicates("company").set_index("company")["contacts"]
        found["contacts"] = found["company"].map(contacts)
        # An order as a whole has an amount; units of different goods do not add up.
        is_whole = (found["need"] == ANY).to_numpy()
        price = np.where(is_whole, 1.0, _usual_price(days))
        found["amount"] = (found["units"] * price).round(3)
        found.loc[is_whole, ["units", "units_low", "units_high"]] = np.nan
        state = np.where(is_overdue(found, today, held), OVERDUE, "")
        found["state"] = pd.Series(state, index=found.index, dtype="str")
        found["reason"] = _reasons(found)
        return found

    def chances(self, days: pd.DataFrame, today: int, within: int) -> pd.DataFrame:
        """Return `TradeRhythm.predict` with the chance of an order in the next `within` days.

        `days` are from `companies.order_days`, none after the day number `today`.
        """
        pairs = zip((self.rhythm, self.whole), _split(days), strict=True)
        return pd.concat([model.chances(some, today, within) for model, some in pairs])

    def _lacks(self, days: pd.DataFrame) -> dict[int, list[dict[str, Any]]]:
        """Return the reasons of what each company's basket lacks."""
        groups, whole = _split(days)
        last = dict(zip(whole["company"].tolist(), _iso(whole["day"]), strict=True))
        result: dict[int, list[dict[str, Any]]] = {}
        for row in self.basket.predict(groups).to_dict("records"):
            told = {name: row[name] for name in ("need", "with", "orders", "of")}
            told |= {"key": f"lacks-{row['kind']}", "last_on": last[row["company"]]}
            result.setdefault(row["company"], []).append(told)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "rhythm": self.rhythm.to_dict(),
            "whole": self.whole.to_dict(),
            "basket": self.basket.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Trade:
        """Return what `to_dict` wrote down."""
        rhythm, whole = (TradeRhythm.from_dict(plain[name]) for name in ("rhythm", "whole"))
        return cls(rhythm, whole, BasketGaps.from_dict(plain["basket"]))


def _split(days: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return days of article groups, and of orders as a whole."""
    is_whole = (days["need"] == ANY).to_numpy()
    return days[~is_whole], days[is_whole]


def _usual_price(days: pd.DataFrame) -> Floats:
    """Return what a piece usually costs each company and group: the middle of the latest told."""
    told = days.dropna(subset="price").groupby(["company", "need"]).tail(_PRICES)
    usual = told.groupby(["company", "need"])["price"].median()
    pairs = days[["company", "need"]].drop_duplicates()
    result: Floats = usual.reindex(pd.MultiIndex.from_frame(pairs)).to_numpy(dtype=np.float64)
    return result


def _reasons(found: pd.DataFrame) -> pd.Series:
    """Return what is known and no chance: a chance is another each night."""
    columns = (
        found["need"],
        _iso(found["last"]),
        _iso(found["next"]),
        found["every"].clip(lower=1).round().astype("int64").tolist(),
        found["spread"].round().astype("int64").tolist(),
        found["orders"].tolist(),
        [None if np.isnan(units) else max(round(units), 1) for units in found["units"].tolist()],
        found["contacts"].tolist(),
    )
    keys = ("need", "last_on", "expected_on", "every", "spread", "orders", "units", "contacts")
    reasons = [
        {"key": OVERDUE, **dict(zip(keys, row, strict=True))} for row in zip(*columns, strict=True)
    ]
    return pd.Series(reasons, index=found.index, dtype=object)


def _told(
    rows: pd.DataFrame, lacks: Mapping[int, list[dict[str, Any]]], known: pd.DataFrame
) -> dict[int, Company]:
    """Return what is told of the company of each person: rhythms by need, and lacks."""
    rhythms: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    names = ("company", "person_id", "reason", "state", "overdue", "units_low", "units_high")
    columns = (rows[name].tolist() for name in (*names, "amount"))
    for company, carrier, reason, state, chance, low, high, amount in zip(*columns, strict=True):
        figures = {"p_overdue": chance, "units_low": low, "units_high": high, "amount": amount}
        # JSON knows no NaN.
        figures = {name: None if np.isnan(value) else value for name, value in figures.items()}
        rhythms.setdefault(company, []).append((carrier, {**reason, "state": state, **figures}))
    return {
        person: {
            "rhythms": [row | {"carries": carrier == person} for carrier, row in rhythms[company]],
            "lacks": lacks.get(company, []),
        }
        for person, company in zip(
            *(known[c].tolist() for c in ("person_id", "company")), strict=True
        )
    }


def _iso(days: pd.Series) -> list[str]:
    return list(pd.Series(dates(days.to_numpy(dtype=np.int64))).dt.strftime("%Y-%m-%d"))
