"""Rhythms of business customers on trial: chances of an order within 30 days, by their log loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from segmentation.account import AccountTable
from segmentation.duedates.schedule import DUE_WITHIN_DAYS
from segmentation.fitted import AccountFit
from segmentation.trade.alarms import RHYTHM_ORDERS, gave_up
from segmentation.trade.companies import companies, order_days
from segmentation.trade.model import Trade
from segmentation.trial.base import Trial
from segmentation.trial.verdicts import PERIODS, WINDOW_DAYS, Rows, log_loss

_PAIR = ["company", "need"]


class Business(Trial):
    """Rhythms of companies that have one; baskets stay or go with them."""

    part = "business"

    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None:
        self.candidate, self.today, self.country = candidate, today, table.trade.country
        self.days = order_days(table.trade, companies(table.trade.people))
        self.cut = today - WINDOW_DAYS
        before = self.days[(self.days["day"] <= self.cut).to_numpy()].groupby(_PAIR).size()
        later = self.days[(self.days["day"] > self.cut).to_numpy()].groupby(_PAIR).size()
        rhythmic = before.index[(before >= RHYTHM_ORDERS).to_numpy()]
        self.cases = int(later.reindex(rhythmic).sum())

    def told_by(self, numbers: AccountFit) -> bool:
        return bool(numbers.trade.whole.gaps_.means_)

    def earlier(self, before: AccountFit | None) -> AccountFit:
        del before
        past = self.days[(self.days["day"] <= self.cut).to_numpy()]
        return replace(self.candidate, trade=Trade.learn(past, self.country))

    def rows(self, numbers: AccountFit) -> Rows:
        days = [self.today - DUE_WITHIN_DAYS * back for back in range(PERIODS, 0, -1)]
        parts = [self._month(numbers.trade, day, place) for place, day in enumerate(days)]
        return Rows(*map(np.concatenate, zip(*parts, strict=True)))

    def _month(self, trade: Trade, day: int, place: int) -> tuple[Any, ...]:
        day_of = self.days["day"].to_numpy(dtype=np.int64)
        told = trade.chances(self.days[day_of <= day], day, DUE_WITHIN_DAYS)
        told = told[(told["orders"] >= RHYTHM_ORDERS).to_numpy() & ~gave_up(told, day)]
        inside = self.days.loc[(day_of > day) & (day_of <= day + DUE_WITHIN_DAYS), _PAIR]
        pairs = pd.MultiIndex.from_frame(told[_PAIR])
        came = pairs.isin(pd.MultiIndex.from_frame(inside)).astype(np.float64)
        chance = told["chance"].to_numpy(dtype=np.float64)
        base = log_loss(np.full(came.size, came.mean() if came.size else 0.5), came)
        company = told["company"].to_numpy(dtype=np.int64)
        period = np.full(came.size, place)
        return company, period, log_loss(chance, came), base, chance, came

    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        return replace(live, trade=present.trade)
