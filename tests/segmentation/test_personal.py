"""Picks for each person: never what cannot be bought, does not fit, or is still good."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.compute import assign, fit
from segmentation.frames import (
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    STOCK,
    Assigned,
    Choices,
    Frames,
    empty,
)
from segmentation.picks.personal import DURABLE_DAYS
from tests.segmentation.builders import ACCOUNT, Buy, frames, random_shop

TODAY = date(2025, 6, 30)


def stock(*rows: tuple[int, int | None, str]) -> pd.DataFrame:
    """(product, variant, size) that can be bought."""
    made = pd.DataFrame(rows, columns=["product_id", "variant_id", "size"])
    made = made.assign(account_id=ACCOUNT, colour="", price=10_000.0)
    return made.astype(
        {"product_id": "int64", "variant_id": "Int64", "size": "str", "colour": "str"}
    )[list(STOCK)]


def outcome(known: Frames, shelf: pd.DataFrame) -> Assigned:
    whole = replace(known, stock=shelf)
    return assign(
        fit(whole, as_of=TODAY, choices=Choices()),
        whole,
        as_of=TODAY,
        choices=Choices(),
        previous_due=empty(PREVIOUS_DUE),
        previous_segments=empty(PREVIOUS_SEGMENTS),
    )


def picks_of(found: Assigned, person: int) -> list[dict[str, Any]]:
    profiles = found.profiles
    picks: list[dict[str, Any]] = profiles.loc[profiles["person_id"] == person, "picks"].iloc[0]
    return picks


def _socks(person: int, *days: int, size: str = "") -> list[Buy]:
    return [Buy(person=person, on=date(2025, 1, day), type="Socks", title="Socks", size=size,
                amount=1_000.0) for day in days]  # fmt: skip


def test_what_is_bought_again_and_again_comes_first_and_says_so() -> None:
    buys = _socks(1, 1, 8, 15, 22) + _socks(2, 2, 9) + [Buy(person=2, on=date(2025, 1, 3))]
    known = frames(buys)
    ids = dict(zip(known.products["title"], known.products["product_id"], strict=True))
    found = outcome(known, stock(*((product, None, "") for product in ids.values())))
    assert picks_of(found, 1)[0] == {"product_id": ids["Socks"], "basis": "again"}


def test_a_suit_that_still_lasts_is_no_reason_for_another() -> None:
    buys = [Buy(person=1, on=date(2025, 5, 1)), *_socks(2, 2, 9)]
    known = frames(buys)
    found = outcome(known, stock(*((int(p), None, "") for p in known.products["product_id"])))
    suit = int(known.products.loc[known.products["title"] == "Navy suit", "product_id"].iloc[0])
    assert suit not in [pick["product_id"] for pick in picks_of(found, 1)]


def test_a_size_that_is_gone_takes_the_product_out_for_who_wears_it() -> None:
    buys = _socks(1, 1, 8, 15, 22, size="41") + _socks(2, 1, 8, 15, 22, size="45")
    known = frames(buys)
    socks = int(known.products["product_id"].iloc[0])
    found = outcome(known, stock((socks, 7, "45")))
    assert picks_of(found, 1) == []
    assert picks_of(found, 2)[0]["product_id"] == socks


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.data())
def test_in_any_shop_only_what_can_be_bought_is_picked_and_offered(seed: int, data: Any) -> None:
    known = frames(random_shop(seed))
    ids = known.products["product_id"].tolist()
    there = sorted(data.draw(st.sets(st.sampled_from(ids), max_size=len(ids))))
    found = outcome(known, stock(*((product, None, "") for product in there)))
    picked = [pick["product_id"] for picks in found.profiles["picks"] for pick in picks]
    offered = [one["product_id"] for offers in found.due["offers"] for one in offers]
    assert set(picked) | set(offered) <= set(there)
    assert (found.profiles["picks"].str.len() <= 3).all()
    assert (found.due.loc[found.due["state"] == "", "offers"].str.len() == 0).all()


def test_picks_leave_out_needs_that_last_and_are_not_due() -> None:
    known = frames(random_shop(5))
    ids = known.products["product_id"].tolist()
    found = outcome(known, stock(*((product, None, "") for product in ids)))
    assert (found.profiles["picks"].str.len() > 0).any()
    model = fit(known, as_of=TODAY, choices=Choices())
    lives = {one.need: one.life_days for one in model.lives(ACCOUNT)}
    kinds = dict(zip(model.account(ACCOUNT).picks.items_, model.account(ACCOUNT).picks.kinds_,
                     strict=True))  # fmt: skip
    owned = {
        (person, need)
        for person, need, state in zip(
            found.due["person_id"], found.due["need"], found.due["state"], strict=True
        )
        if state == "" and lives[need] >= DURABLE_DAYS
    }
    for person, picks in zip(found.profiles["person_id"], found.profiles["picks"], strict=True):
        for pick in picks:
            assert (person, str(kinds[np.int64(pick["product_id"])])) not in owned
