"""What counts as a purchase, and from when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from segmentation.duedates.starts import merged
from segmentation.features import SUBSCRIBED_DAYS
from tests.segmentation.builders import ACCOUNT, Buy, assigned, due_of, fitted, frames

AS_OF = date(2025, 6, 1)
SUIT = Buy(person=1, on=date(2024, 1, 10))
LATER = replace(SUIT, on=date(2025, 1, 10))


@pytest.mark.parametrize(
    ("odd", "counter"),
    [
        pytest.param(replace(LATER, status="cancelled"), "cancelled lines", id="cancelled"),
        pytest.param(replace(LATER, status="test"), "test lines", id="the merchant's own test"),
        pytest.param(replace(LATER, amount=0.0), "free lines", id="a free item"),
        pytest.param(replace(LATER, person=None), "guest lines", id="a guest nobody can name"),
        pytest.param(
            replace(LATER, refunded=1.0, refunded_on=date(2025, 1, 20)),
            "refunded lines",
            id="refunded in full",
        ),
        pytest.param(
            replace(LATER, type="", title="Shipping costs delivery"), "no goods lines", id="postage"
        ),
    ],
)
def test_a_line_that_is_no_purchase_moves_no_date(odd: Buy, counter: str) -> None:
    outcome = assigned([SUIT, odd], AS_OF)
    assert due_of(outcome, 1)["last_on"].date() == SUIT.on
    assert outcome.counters[counter] == 1
    assert outcome.counters["counted lines"] == 1


def test_a_gift_counts_for_value_but_moves_no_date() -> None:
    outcome = assigned([SUIT, replace(LATER, gift=True)], AS_OF)
    assert due_of(outcome, 1)["last_on"].date() == SUIT.on
    assert outcome.profiles.loc[0, "revenue"] == 20_000
    assert outcome.profiles.loc[0, "frequency"] == 2


def test_a_partial_refund_leaves_the_purchase_and_lowers_the_value() -> None:
    two = replace(LATER, quantity=2.0, refunded=1.0, refunded_on=date(2025, 1, 20))
    outcome = assigned([SUIT, two], AS_OF)
    due = due_of(outcome, 1)
    assert due["last_on"].date() == LATER.on
    assert due["owned"] == 2
    assert outcome.profiles.loc[0, "revenue"] == 15_000


def test_a_refund_of_tomorrow_has_not_happened() -> None:
    coming = replace(LATER, refunded=1.0, refunded_on=date(2025, 6, 2))
    assert due_of(assigned([SUIT, coming], AS_OF), 1)["last_on"].date() == LATER.on
    assert due_of(assigned([SUIT, coming], date(2025, 6, 2)), 1)["last_on"].date() == SUIT.on


def test_a_return_line_cancels_the_latest_earlier_purchase_of_that_product() -> None:
    back = replace(SUIT, on=date(2025, 2, 1), quantity=-1.0, amount=-10_000.0)
    outcome = assigned([SUIT, LATER, replace(LATER, title="Grey suit"), back], AS_OF)
    due = due_of(outcome, 1)
    assert due["owned"] == 2
    assert outcome.profiles.loc[0, "revenue"] == 20_000
    assert outcome.counters["return lines"] == 1


def test_an_order_of_the_day_itself_counts_and_one_of_tomorrow_does_not() -> None:
    today, tomorrow = replace(SUIT, on=AS_OF), replace(SUIT, on=date(2025, 6, 2))
    assert due_of(assigned([SUIT, today, tomorrow], AS_OF), 1)["last_on"].date() == AS_OF


def test_a_forgotten_item_of_the_next_day_is_the_same_purchase() -> None:
    buys = [SUIT, replace(SUIT, on=date(2024, 1, 11)), replace(SUIT, on=date(2024, 1, 13))]
    due = due_of(assigned(buys, AS_OF), 1)
    assert due["own_gaps"] == 1
    assert due["owned"] == 3


def test_a_line_without_a_product_is_placed_by_its_title_and_names_no_product() -> None:
    loose = replace(SUIT, title="Blauw pak 52", loose=True)
    due = due_of(assigned([loose, replace(SUIT, person=2)], AS_OF), 1)
    assert due["last_title"] == "Blauw pak 52"
    assert pd.isna(due["last_product_id"])


def test_accounts_never_mix() -> None:
    elsewhere = replace(LATER, account=9)
    outcome = assigned([SUIT, elsewhere], AS_OF)
    assert outcome.due.set_index("account_id")["last_on"].dt.date.to_dict() == {
        3: SUIT.on,
        9: LATER.on,
    }


def _subscribed(until: date, every: int = 30, times: int = 6) -> list[Buy]:
    days = [until - timedelta(days=every * i) for i in range(times)]
    sock = Buy(person=1, on=until, type="Socks", title="Socks", subscription=True)
    return [SUIT, replace(sock, on=days[-1] - timedelta(days=90), subscription=False)] + [
        replace(sock, on=day) for day in days
    ]


def test_while_a_subscription_runs_its_need_has_no_date_and_no_interval() -> None:
    buys = _subscribed(AS_OF - timedelta(days=SUBSCRIBED_DAYS - 1))
    outcome = assigned(buys, AS_OF)
    assert set(outcome.due["need"]) == {"suits"}
    assert outcome.profiles["frequency"].tolist() == [8]
    assert outcome.counters["subscription lines"] == 6
    lives = {life.need: life.gaps for life in fitted(buys, AS_OF).lives(ACCOUNT)}
    assert lives["socks"] == 0


def test_the_last_delivery_of_a_subscription_that_ended_starts_the_clock() -> None:
    ended = AS_OF - timedelta(days=SUBSCRIBED_DAYS)
    row = due_of(assigned(_subscribed(ended), AS_OF), 1, "socks")
    assert row["last_on"].date() == ended
    assert row["own_gaps"] == 0
    again = [*_subscribed(ended), Buy(person=1, on=AS_OF, type="Socks", title="Socks")]
    row = due_of(assigned(again, AS_OF), 1, "socks")
    assert (row["last_on"].date(), row["own_gaps"]) == (AS_OF, 1)


def test_merging_nothing_gives_nothing() -> None:
    nothing = frames([SUIT]).lines.head(0)
    assert merged(nothing, ["person_id"]).empty
