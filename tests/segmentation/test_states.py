"""Soon, now, late: windows that a purchase opens and only a purchase closes early."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from segmentation.fitted import Fitted
from segmentation.frames import Assigned, Choices
from tests.segmentation.builders import Buy, assigned, due_of, fitted, segments_of

SUIT = Buy(person=1, on=date(2024, 1, 10))
STATED = Choices(lives={"suits": 730})
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def numbers() -> Fitted:
    """Fitted once on one suit, with a stated life of two years."""
    return fitted([SUIT], date(2024, 2, 1), STATED)


@pytest.fixture(scope="module")
def first(numbers: Fitted) -> Assigned:
    """That suit's schedule."""
    return assigned([SUIT], date(2024, 2, 1), choices=STATED, by=numbers)


def test_without_repurchases_the_life_is_the_stated_one_and_says_so() -> None:
    life = fitted([SUIT], date(2024, 2, 1), STATED).lives(3)[0]
    assert (life.life_days, life.basis) == (730.0, "stated")


def test_without_a_stated_life_the_starting_table_counts_and_says_so() -> None:
    life = fitted([SUIT], date(2024, 2, 1)).lives(3)[0]
    assert (round(life.life_days), life.basis) == (730, "assumption")


def test_a_life_in_the_catalogue_is_a_stated_one() -> None:
    life = fitted([replace(SUIT, replacement_days=400.0)], date(2024, 2, 1)).lives(3)[0]
    assert (round(life.life_days), life.basis) == (400, "stated")


def test_the_merchants_life_outranks_the_catalogues() -> None:
    life = fitted([replace(SUIT, replacement_days=400.0)], date(2024, 2, 1), STATED).lives(3)[0]
    assert life.life_days == 730


def test_the_window_holds_the_expected_day(first: Assigned) -> None:
    due = due_of(first, 1)
    assert due["last_on"] < due["window_from"] < due["expected_on"] < due["window_to"]
    assert abs((due["expected_on"].date() - SUIT.on).days - 730) < 15
    assert 0 <= due["p_due"] < due["p_repeat"] < 1


@pytest.mark.parametrize(
    ("column", "days", "state"),
    [
        pytest.param("window_from", -40, "", id="long before"),
        pytest.param("window_from", -1, "soon", id="the day before the window"),
        pytest.param("window_from", 0, "now", id="first day of the window"),
        pytest.param("window_to", 0, "now", id="last day of the window"),
        pytest.param("window_to", 1, "late", id="the day after the window"),
        pytest.param("window_to", 800, "", id="so late that nobody is waiting"),
    ],
)
def test_the_state_follows_the_calendar(
    first: Assigned, numbers: Fitted, column: str, days: int, state: str
) -> None:
    on = (due_of(first, 1)[column] + timedelta(days=days)).date()
    outcome = assigned([SUIT], on, choices=STATED, by=numbers)
    assert due_of(outcome, 1)["state"] == state
    due = {s for s in segments_of(outcome, 1) if s.startswith("due:")}
    expected = {f"due:suits:{state}"} if state else set()
    assert due == expected | ({"due:anything:now"} if state == "now" else set())


def test_a_purchase_of_the_need_ends_its_state_whatever_the_product(first: Assigned) -> None:
    on = due_of(first, 1)["expected_on"].date()
    before = assigned([SUIT], on, choices=STATED)
    assert due_of(before, 1)["state"] == "now"
    other = replace(SUIT, on=on, title="Kostuum grijs", type="", channel="store")
    after = assigned([SUIT, other], on, choices=STATED, before=before)
    assert due_of(after, 1)["state"] == ""
    assert due_of(after, 1)["last_on"].date() == on
    assert not any(s.startswith("due:") for s in segments_of(after, 1))


def test_a_full_refund_turns_the_clock_back_to_the_earlier_purchase(first: Assigned) -> None:
    on = due_of(first, 1)["expected_on"].date()
    bought = replace(SUIT, on=on)
    refunded = replace(bought, refunded=1.0, refunded_on=on + DAY)
    between = assigned([SUIT, bought], on, choices=STATED)
    after = assigned([SUIT, refunded], on + DAY, choices=STATED, before=between)
    assert due_of(after, 1)["state"] == "now"
    assert due_of(after, 1)["last_on"].date() == SUIT.on


def test_a_small_shift_of_the_window_takes_no_state_back(first: Assigned, numbers: Fitted) -> None:
    on = due_of(first, 1)["window_from"].date()
    before = assigned([SUIT], on, by=numbers)
    longer = fitted([SUIT], date(2024, 2, 1), Choices(lives={"suits": 745}))
    assert due_of(before, 1)["state"] == "now"
    assert due_of(assigned([SUIT], on, by=longer), 1)["state"] == "soon"
    assert due_of(assigned([SUIT], on, by=longer, before=before), 1)["state"] == "now"


def test_a_large_shift_of_the_window_does(first: Assigned, numbers: Fitted) -> None:
    on = due_of(first, 1)["window_from"].date()
    before = assigned([SUIT], on, by=numbers)
    much_longer = fitted([SUIT], date(2024, 2, 1), Choices(lives={"suits": 1460}))
    assert due_of(assigned([SUIT], on, by=much_longer, before=before), 1)["state"] == ""


def test_ninety_days_without_events_only_move_forward(first: Assigned) -> None:
    start = (due_of(first, 1)["window_from"] - 60 * DAY).date()
    buys = [SUIT, replace(SUIT, person=2, on=date(2024, 3, 1), type="Shirts")]
    before, seen = None, []
    for day in range(0, 90, 6):
        # Fitted anew each night: the open intervals grow, so the numbers do change.
        before = assigned(buys, start + day * DAY, before=before)
        seen.append(due_of(before, 1)["state"])
    order = ["", "soon", "now"]
    assert seen == sorted(seen, key=order.index)
    assert set(seen) == set(order)


def test_a_leap_day_is_a_day() -> None:
    leap = replace(SUIT, on=date(2024, 2, 29))
    due = due_of(assigned([leap], date(2024, 3, 1), choices=STATED), 1)
    assert (due["expected_on"] - due["last_on"]).days == (
        due_of(assigned([SUIT], date(2024, 3, 1), choices=STATED), 1)["expected_on"].date()
        - SUIT.on
    ).days


@pytest.mark.parametrize("on", [date(2024, 3, 31), date(2024, 10, 27)])
def test_the_days_when_clocks_change_are_days_like_others(on: date) -> None:
    outcome = assigned([replace(SUIT, on=on)], on, choices=STATED)
    assert due_of(outcome, 1)["last_on"].date() == on
    assert outcome.profiles.loc[0, "recency"] == 0
