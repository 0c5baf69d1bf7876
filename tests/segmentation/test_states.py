"""Soon, now, late: who gets in by which chance, who stays, what ends it, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from segmentation.duedates.states import Outlook, states
from segmentation.duedates.turns import waits_for
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
        pytest.param("expected_on", 0, "now", id="the expected day"),
        pytest.param("window_to", 1, "late", id="the day after the window"),
        pytest.param("window_to", 800, "", id="so late that nobody is waiting"),
    ],
)
def test_the_state_of_somebody_seen_for_the_first_time_follows_the_calendar(
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


def _state(
    previous: str = "",
    *,
    elapsed: float = 100.0,
    chance: float = 0.2,
    passed: float = 0.5,
    ahead: tuple[float, float] = (0.0, 0.5),
    before: float = 0.0,
) -> str:
    """Return the state of one interval; `ahead` is the chance and the share passed by then."""
    seen = Outlook(
        elapsed=np.array([elapsed]),
        within_days=np.array([30.0]),
        p_within=np.array([chance]),
        passed=np.array([passed]),
        p_ahead=np.array([ahead[0]]),
        passed_ahead=np.array([ahead[1]]),
        window=(0.2, 0.8),
    )
    return str(states(seen, pd.Series([previous]), np.array([before]))[0])


def test_nobody_is_late_again_who_was_past_the_window_and_out() -> None:
    assert _state(passed=0.9, before=0.5) == "late"
    assert _state(passed=0.9, before=0.85) == ""
    assert _state("late", passed=0.9, before=0.85) == "late"


@pytest.mark.parametrize(
    ("chance", "previous", "state"),
    [
        pytest.param(0.10, "", "now", id="likely enough to get in"),
        pytest.param(0.09, "", "", id="inside the window, but not likely enough"),
        pytest.param(0.07, "now", "now", id="who is in stays in"),
        pytest.param(0.07, "soon", "", id="soon is not in yet"),
        pytest.param(0.06, "now", "", id="until the chance fell clearly below"),
    ],
)
def test_inside_the_window_the_chance_decides(chance: float, previous: str, state: str) -> None:
    assert _state(previous, chance=chance) == state


@pytest.mark.parametrize(
    ("passed", "chance", "previous", "state"),
    [
        pytest.param(0.19, 0.9, "", "", id="too early, however likely"),
        pytest.param(0.16, 0.2, "now", "now", id="the window moved a little"),
        pytest.param(0.14, 0.2, "now", "", id="the window moved away"),
        pytest.param(0.81, 0.07, "", "late", id="late takes less"),
        pytest.param(0.76, 0.10, "late", "late", id="late stays late"),
        pytest.param(0.90, 0.05, "late", "late", id="who is late stays while there is some chance"),
        pytest.param(0.90, 0.04, "late", "", id="late, and not likely any more"),
        pytest.param(0.96, 0.2, "", "", id="nobody gets in so late"),
        pytest.param(0.97, 0.2, "late", "late", id="who is in may stay a little longer"),
        pytest.param(0.98, 0.2, "late", "", id="expired, however likely"),
    ],
)
def test_a_state_begins_with_the_window_and_expires(
    passed: float, chance: float, previous: str, state: str
) -> None:
    assert _state(previous, passed=passed, chance=chance) == state


def test_soon_is_who_will_be_due_now_before_long() -> None:
    assert _state(passed=0.1, ahead=(0.10, 0.2)) == "soon"
    assert _state(passed=0.1, ahead=(0.10, 0.19)) == ""
    assert _state(passed=0.1, ahead=(0.09, 0.2)) == ""
    assert _state("soon", passed=0.1, ahead=(0.07, 0.2)) == "soon"


def test_nobody_is_due_on_the_day_of_the_purchase() -> None:
    assert _state(elapsed=0.5, chance=0.9, ahead=(0.9, 0.5)) == ""


def _turns(*rows: tuple[str, str, float, bool]) -> list[str]:
    """Return what each need of one person waits for: (need, state, chance, told before)."""
    need, state, chance, told = zip(*rows, strict=True)
    due = pd.DataFrame({"person_id": 1, "need": need, "state": state, "p_within": chance})
    due["expected_on"] = pd.Timestamp(2026, 3, 1)
    return waits_for(due, pd.Series(told)).tolist()


def test_of_several_needs_the_likeliest_is_told() -> None:
    rows = (("suits", "now", 0.2, False), ("socks", "now", 0.5, False), ("belts", "", 0.9, False))
    assert _turns(*rows) == ["socks", "", ""]


def test_what_was_told_stays_told_while_another_is_likelier() -> None:
    assert _turns(("suits", "now", 0.2, True), ("socks", "now", 0.5, False)) == ["", "suits"]


def test_what_is_due_now_goes_before_what_was_told_as_soon_or_late() -> None:
    assert _turns(("suits", "late", 0.6, True), ("socks", "now", 0.2, False)) == ["socks", ""]
    assert _turns(("suits", "soon", 0.6, True), ("socks", "late", 0.9, False)) == ["", "suits"]


def test_one_need_a_person_is_tagged_and_the_next_has_its_turn_after_the_purchase(
    first: Assigned,
) -> None:
    on = due_of(first, 1)["expected_on"].date()
    buys = [SUIT, replace(SUIT, type="Coats", title="Coat")]
    life = Choices(lives={"suits": 730, "coats": 740})
    numbers = fitted(buys, date(2024, 2, 1), life)
    both = assigned(buys, on, choices=life, by=numbers)
    tags = {s for s in segments_of(both, 1) if s.startswith("due:")}
    told = next(need for need in ("suits", "coats") if f"due:{need}:now" in tags)
    other = "coats" if told == "suits" else "suits"
    assert tags == {f"due:{told}:now", "due:anything:now"}
    assert due_of(both, 1, other)[["state", "waits_for"]].tolist() == ["now", told]
    bought = replace(next(buy for buy in buys if buy.type.lower() == told), on=on + DAY)
    after = assigned([*buys, bought], on + DAY, choices=life, by=numbers, before=both)
    assert f"due:{other}:now" in segments_of(after, 1)
    assert due_of(after, 1, other)["waits_for"] == ""


@pytest.mark.parametrize("kind", ["Dresses", "Garden gnomes"])
def test_a_need_of_which_only_the_life_is_stated_comes_to_be_due(kind: str) -> None:
    buy = replace(SUIT, type=kind, title=kind)
    need = kind.lower().replace(" ", "-")
    stated = Choices(lives={need: 730})
    numbers = fitted([buy], date(2024, 2, 1), stated)
    outcome = assigned([buy], SUIT.on + 730 * DAY, choices=stated, by=numbers)
    assert due_of(outcome, 1, need)["state"] == "now"


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
