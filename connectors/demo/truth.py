"""What is really so in the sample shop.

For tests only: a test fails when anything else reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from connectors.demo.catalogue import NEVER, Ints
from connectors.demo.connector import Source
from connectors.demo.identities import Identities, identities
from connectors.demo.mail import EFFECT, EFFECT_DAYS
from connectors.demo.needs import NEEDS
from connectors.demo.orders import Kind
from connectors.demo.records import line_numbers, order_ids
from connectors.demo.view import View, view
from connectors.demo.world import AS_OF, CUSTOMERS, SEED, World, world

#: By value of the columns of `people`.
DEPARTMENTS = ("menswear", "womenswear", "both")
STYLES = ("business", "casual", "")
#: Lines that stayed with the person and fill a need of the person's own.
_KEPT = (Kind.OWN, Kind.REPLACEMENT)
_KINDS = (("own", _KEPT), ("mailed", (Kind.MAILED,)), ("crossed", (Kind.CROSSED,)))


@dataclass(frozen=True)
class Truth:
    """The causes and the future of one generated shop.

    `person` is the truth's own number; `people` joins it to the ids of both sources. Days are
    calendar days of the shop, as datetime64 without a zone.
    """

    world: World

    @property
    def email_effect(self) -> float:
        """Added chance of an order by one e-mail (of `kind` "mailed" in `purchases`)."""
        return EFFECT

    @property
    def email_effect_days(self) -> int:
        """The orders of an e-mail are placed within so many days, the day of sending included."""
        return EFFECT_DAYS

    @cached_property
    def life_days(self) -> dict[str, float]:
        """Need to its true life in days.

        The median of the intervals drawn for every purchase in the data: each purchase weighs one,
        and the interval counts in full, whether it ended after the data or the person left before
        it could. A censored estimate of the time to the next purchase, given that there is one,
        converges to it.
        """
        made = self.world.purchases
        seen = made.day < self.world.days
        return {
            need.key: float(np.median(made.lasts[seen & (made.need == i)]))
            for i, need in enumerate(NEEDS)
            if (seen & (made.need == i)).any()
        }

    @cached_property
    def people(self) -> pd.DataFrame:
        """One row a person.

        Columns: person, web_id and card_id (None: unknown there), email, department (menswear,
        womenswear or both: taste, gifts aside), style (business, casual or ""), household (the
        same number for people who live together), never_mailed, leaves_on (NaT: has not left).
        """
        people, known = self.world.people, self._known
        count = people.count
        left = np.where(people.leaves < self.world.days, people.leaves, NEVER)
        return pd.DataFrame(
            {
                "person": np.arange(count),
                "web_id": known.web_id[:count],
                "card_id": known.card_id[:count],
                "email": known.email[:count],
                "department": np.array(DEPARTMENTS)[people.department],
                "style": np.array(STYLES)[people.style],
                "household": people.household,
                "never_mailed": self.world.mail.never_mailed,
                "leaves_on": self._on(left).where(left != NEVER),
            }
        )

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """One row a person, need and day on which something was bought and kept.

        Columns: person, need, bought_on, kind ("own": of the person's rhythm, "mailed": caused by
        an e-mail, "crossed": by another purchase, see `crossings`). Gifts, returns, exchanges and
        cancelled orders are not in it. Days at or after the end of the data are the future: the
        next purchase of each person and need who stays.
        """
        trade, made = self.world.trade, self.world.purchases
        ahead = made.day >= self.world.days
        parts = [_frame(made.person[ahead], made.need[ahead], made.day[ahead], "own")]
        for kind, wanted in _KINDS:
            lines = trade.lines[np.isin(trade.lines["kind"], wanted)]
            orders = trade.orders[lines["order"]]
            parts.append(_frame(orders["person"], lines["need"], orders["day"], kind))
        frame = pd.concat(parts).drop_duplicates(["person", "need", "day"])
        frame["bought_on"] = self._on(frame.pop("day").to_numpy())
        frame["need"] = frame["need"].map({i: need.key for i, need in enumerate(NEEDS)})
        frame = frame.sort_values(["person", "need", "bought_on"], ignore_index=True)
        return frame[["person", "need", "bought_on", "kind"]]

    @cached_property
    def next_purchases(self) -> pd.DataFrame:
        """One row a person and need of that person's rhythm.

        Columns: person, need, last_on (in the data), next_on (after them; NaT: left for good).
        """
        own = self.purchases[self.purchases["kind"] == "own"]
        ahead = own["bought_on"] >= pd.Timestamp(self.as_of)
        keys = ["person", "need"]
        last = own[~ahead].groupby(keys)["bought_on"].max().rename("last_on")
        coming = own[ahead].groupby(keys)["bought_on"].min().rename("next_on")
        return pd.concat([last, coming], axis=1).dropna(subset="last_on").reset_index()

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Whose each order or receipt is: source, order_id, person (-1: nobody known)."""
        parts = []
        for source, seen in self._views.items():
            ids = order_ids(seen)
            person = self.world.trade.orders["person"][list(ids)]
            mine = np.where(person < self.world.people.count, np.maximum(person, -1), -1)
            parts.append(
                pd.DataFrame({"source": source, "order_id": list(ids.values()), "person": mine})
            )
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def gift_lines(self) -> pd.DataFrame:
        """Lines bought for somebody else, said or not: source, order_id, line_id."""
        lines = self.world.trade.lines
        numbers = line_numbers(lines)
        gifts = np.flatnonzero(lines["kind"] == Kind.GIFT)
        rows = [
            (source, ids[order], str(number))
            for source, ids in ((name, order_ids(seen)) for name, seen in self._views.items())
            for order, number in zip(
                lines["order"][gifts].tolist(), numbers[gifts].tolist(), strict=True
            )
            if order in ids
        ]
        return pd.DataFrame(rows, columns=["source", "order_id", "line_id"])

    @cached_property
    def wholesale(self) -> pd.DataFrame:
        """Business accounts: web_id, email, declared (the web shop says so)."""
        count, known = self.world.people.count, self._known
        return pd.DataFrame(
            {
                "web_id": known.web_id[count:],
                "email": known.email[count:],
                "declared": known.declares_business[count:],
            }
        )

    @property
    def as_of(self) -> date:
        """The first day after the data."""
        return self.world.start + timedelta(days=self.world.days)

    @cached_property
    def _known(self) -> Identities:
        return identities(self.world)

    @cached_property
    def _views(self) -> dict[Source, View]:
        return {"web": view(self.world, "web", "en"), "card": view(self.world, "card", "en")}

    def _on(self, day: Ints) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(np.datetime64(self.world.start) + day.astype("timedelta64[D]"))


def truth(*, seed: int = SEED, customers: int = CUSTOMERS, as_of: date = AS_OF) -> Truth:
    """Return the truth behind `DemoConnector` with the same arguments."""
    return Truth(world(seed=seed, customers=customers, as_of=as_of))


def _frame(person: Ints, need: Ints, day: Ints, kind: str) -> pd.DataFrame:
    return pd.DataFrame({"person": person, "need": need, "day": day, "kind": kind})
