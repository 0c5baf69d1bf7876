"""The demo shop's world as frames, as if it had been read, merged and stored without a loss.

A shortcut past connectors and database: the same lines, refunds and receipts that the demo's
records tell, joined to the true person, so that the analytics are judged and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from connectors.demo.identities import identities
from connectors.demo.orders import CARD, WEB
from connectors.demo.shelf import articles
from connectors.demo.truth import Truth, truth
from connectors.demo.world import AS_OF
from segmentation.compute import assign, fit
from segmentation.duedates.needs import place_products
from segmentation.fitted import Fitted
from segmentation.frames import (
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    PRODUCTS,
    Assigned,
    Choices,
    Frames,
    empty,
)

ACCOUNT = 1
_CARD_PRODUCTS = 100_000
_STATUS = np.array(["paid", "cancelled", "test", "open"], dtype=object)


@dataclass(frozen=True)
class Reference:
    """A generated shop: its frames, its truth, and what we make of it on its last day."""

    truth: Truth

    @property
    def as_of(self) -> date:
        """The last day with data."""
        return self.truth.as_of - timedelta(days=1)

    @cached_property
    def frames(self) -> Frames:
        """Everything a run reads."""
        return Frames(lines=self._lines(), products=self._products(), people=self._people())

    @cached_property
    def fitted(self) -> Fitted:
        """Fitted on the last day."""
        return fit(self.frames, as_of=self.as_of, choices=Choices())

    @cached_property
    def assigned(self) -> Assigned:
        """Assigned on the last day, for the first time."""
        return assign(
            self.fitted,
            self.frames,
            as_of=self.as_of,
            choices=Choices(),
            previous_due=empty(PREVIOUS_DUE),
            previous_segments=empty(PREVIOUS_SEGMENTS),
        )

    @cached_property
    def need_of(self) -> dict[str, str]:
        """True need to our key of it, by the product type that the shop writes."""
        placed, _ = place_products(self.frames.products, Choices())
        typed = (self.frames.products["product_type"] != "").to_numpy()
        count = len(self.truth.world.catalogue.need)
        from connectors.demo.needs import NEEDS

        place = self.frames.products["product_id"].to_numpy()[typed] % _CARD_PRODUCTS - 1
        assert place.max() < count
        true = [NEEDS[i].key for i in self.truth.world.catalogue.need[place]]
        return dict(zip(true, placed.loc[typed, "need"], strict=True))

    def _lines(self) -> pd.DataFrame:
        world = self.truth.world
        lines, orders = world.trade.lines, world.trade.orders[world.trade.lines["order"]]
        person = orders["person"]
        web = orders["source"] == WEB
        known = articles(world, WEB, 0)
        titles = np.array([one.title for one in known], dtype=object)
        start = np.datetime64(world.start)
        # The web shop writes refunds, the till writes receipts below zero.
        back = web & (lines["returned"] >= 0)
        refunded_on = start + lines["returned"].astype("timedelta64[D]")
        product = lines["product"]
        ids = np.where(web, product + 1, product + 1 + _CARD_PRODUCTS)
        return pd.DataFrame(
            {
                "account_id": np.full(lines.size, ACCOUNT),
                "line_id": np.arange(lines.size) + 1,
                "order_id": lines["order"] + 1,
                "person_id": pd.array(np.where(person < 0, 0, person + 1), dtype="Int64"),
                "ordered_on": (start + orders["day"].astype("timedelta64[D]")).astype(
                    "datetime64[us]"
                ),
                "status": pd.Series(_STATUS[orders["status"]], dtype="str"),
                "channel": pd.Series(np.where(web, "web", "store"), dtype="str"),
                "product_id": pd.array(np.where(product < 0, 0, ids), dtype="Int64"),
                "title": pd.Series(
                    np.where(product < 0, "Free pair", titles[product]), dtype="str"
                ),
                "colour": _variants([one.colours for one in known], product, lines["colour"]),
                "size": _variants([one.sizes for one in known], product, lines["size"]),
                "quantity": lines["quantity"].astype(np.float64),
                "net_amount": lines["total"].astype(np.float64),
                "discount": lines["discount"]
                / np.maximum(np.abs(lines["total"] + lines["discount"]), 1),
                "refunded_quantity": np.where(back, lines["quantity"], 0).astype(np.float64),
                "refunded_amount": np.where(back, lines["total"], 0).astype(np.float64),
                "refunded_on": np.where(back, refunded_on, np.datetime64("NaT")).astype(
                    "datetime64[us]"
                ),
                "is_gift": lines["gift"] | orders["to_other"],
                "is_subscription": np.zeros(lines.size, dtype=bool),
            }
        ).assign(
            person_id=lambda t: t["person_id"].mask(t["person_id"] == 0),
            product_id=lambda t: t["product_id"].mask(t["product_id"] == 0),
        )

    def _products(self) -> pd.DataFrame:
        world = self.truth.world
        rows = [
            (
                ACCOUNT,
                i + 1 + (source == CARD) * _CARD_PRODUCTS,
                one.title,
                one.product_type or "",
                " > ".join(one.category_path),
                one.brand,
                "",
                one.gender_target or "",
                "",
                "",
                float(world.catalogue.price[i]),
                float("nan"),
            )
            for source in (WEB, CARD)
            for i, one in enumerate(articles(world, source, 0))
        ]
        return pd.DataFrame(rows, columns=list(PRODUCTS))

    def _people(self) -> pd.DataFrame:
        known = identities(self.truth.world)
        declares = np.array(known.declares_business)
        return pd.DataFrame(
            {
                "account_id": np.full(declares.size, ACCOUNT),
                "person_id": np.arange(declares.size) + 1,
                "is_business": declares.astype(bool),
                "declared_gender": pd.Series([""] * declares.size, dtype="str"),
                "company": pd.Series([name or "" for name in known.company], dtype="str"),
            }
        )


def _variants(
    choices: list[tuple[str, ...]], product: npt.NDArray[np.int64], place: npt.NDArray[np.int64]
) -> pd.Series:
    """Return what each line was taken in, "" where it has no product."""
    longest = max(map(len, choices))
    table = np.array([[*texts, *[""] * (longest - len(texts))] for texts in choices], dtype=object)
    return pd.Series(np.where(product < 0, "", table[product, place]), dtype="str")


@lru_cache(maxsize=2)
def reference(customers: int = 20_000, seed: int = 7, as_of: date = AS_OF) -> Reference:
    """Return the shop of so many customers."""
    return Reference(truth(seed=seed, customers=customers, as_of=as_of))
