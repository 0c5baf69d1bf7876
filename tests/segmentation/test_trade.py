"""Business customers: rhythm per company and article group, and consumers left as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from segmentation.compute import fit
from segmentation.frames import Assigned, Choices
from segmentation.leaving import causes
from segmentation.reasons import render
from segmentation.trade.alarms import is_overdue, segment_of
from segmentation.trade.basket import BasketGaps
from segmentation.trade.clock import usual_weekdays
from segmentation.trade.holidays import holidays
from segmentation.trade.rhythm import TradeRhythm
from segmentation.wholesale import WholesaleRule, is_wholesale, limits
from tests.segmentation.builders import Buy, assigned, fitted, frames, random_shop
from tests.segmentation.planted import Planted, planted

AS_OF = date(2025, 6, 30)  # a Monday
DOZEN = Buy(person=100, on=AS_OF, type="Tiles", title="Tile", quantity=24.0, channel="wholesale",
            company="De Vries Tegels B.V.")  # fmt: skip


@pytest.fixture(scope="module")
def trade() -> Planted:
    return planted(4)


def orders(like: Buy, *ago: int) -> list[Buy]:
    """Return orders so many days ago."""
    return [replace(like, on=AS_OF - timedelta(days=days)) for days in ago]


#: Every five weeks, the last ten weeks ago.
LATE = (280, 246, 210, 174, 140, 105, 70)
ON_TIME = (238, 204, 168, 132, 98, 63, 28)


def alarms(outcome: Assigned) -> list[tuple[int, str]]:
    """Return who carries which alarm."""
    rows = outcome.segments[outcome.segments["segment"].str.endswith(":overdue")]
    return list(zip(rows["person_id"].tolist(), rows["segment"], strict=True))


def company(outcome: Assigned) -> dict[str, Any]:
    """Return what is told of the only company."""
    (told,) = outcome.profiles["trade"]
    return dict(told)


# -- the estimators --------------------------------------------------------------------------------


def test_a_lapse_of_a_rhythm_and_a_half_is_found_and_few_others_are(trade: Planted) -> None:
    found = TradeRhythm().fit(trade.orders).predict(trade.orders, trade.days)
    found = found.merge(trade.truth, on=["company", "need"], suffixes=("", "_true"))
    alarm = found["overdue"] >= 0.9
    assert alarm[found["lapsed"]].mean() >= 0.9
    assert (alarm & ~found["lapsed"]).sum() <= 0.1 * alarm.sum()
    assert (found["every"] / found["rhythm"] - 1).abs().median() < 0.06


def test_the_chance_to_be_overdue_is_what_it_says(trade: Planted) -> None:
    cut = 600
    past = trade.orders[trade.orders["day"] <= cut]
    model = TradeRhythm().fit(past)
    after = trade.orders[trade.orders["day"] > cut].groupby(["company", "need"])["day"].min()
    told = model.predict(past, cut).merge(after.rename("then"), on=["company", "need"])
    before = (told["then"] - 1).to_numpy()
    each = [
        model.predict(past[past["company"] == company], day).set_index("need")["overdue"][need]
        for company, need, day in zip(told["company"], told["need"], before, strict=True)
    ]
    # On the eve of an order nine in ten companies are less than nine tenths overdue.
    assert (np.array(each) < 0.9).mean() == pytest.approx(0.9, abs=0.06)
    assert (np.array(each) < 0.5).mean() == pytest.approx(0.5, abs=0.12)


def test_eight_of_ten_orders_have_units_in_the_range(trade: Planted) -> None:
    last = trade.orders.groupby(["company", "need"])["day"].transform("max")
    past = trade.orders[trade.orders["day"] < last]
    told = TradeRhythm().fit(past).predict(past, trade.days)
    next_one = trade.orders[trade.orders["day"] == last][["company", "need", "units"]]
    told = told.merge(next_one, on=["company", "need"], suffixes=("", "_then"))
    inside = told["units_then"].between(told["units_low"], told["units_high"])
    assert inside.mean() == pytest.approx(0.8, abs=0.08)


def test_a_strict_rhythm_among_loose_ones_keeps_a_narrow_interval() -> None:
    rng = np.random.default_rng(5)
    loose = [np.cumsum(rng.gamma(2, 20, 12)).round() + 2 for _ in range(20)]
    days = [*loose, np.arange(12) * 30.0]
    table = pd.DataFrame(
        [(company, "tiles", int(day), 1.0) for company, of in enumerate(days) for day in of],
        columns=["company", "need", "day", "units"],
    ).drop_duplicates(["company", "day"])
    spread = TradeRhythm().fit(table).predict(table, 330)["spread"]
    assert spread.iloc[-1] < 6
    assert spread.iloc[:-1].median() > 15


def test_no_order_is_expected_on_a_weekend_by_who_never_orders_on_one() -> None:
    friday = (date(2025, 6, 6) - date(1970, 1, 1)).days
    days = friday + np.array([0, 29, 58, 87])  # 29 days later is a Saturday
    working = pd.DataFrame({"company": 1, "need": "tiles", "day": days - days % 7 + 1,
                            "units": 1.0})  # fmt: skip
    shop = working.assign(company=2, day=days)
    table = pd.concat([working, shop], ignore_index=True)
    expected = TradeRhythm().fit(table).predict(table, int(days[-1]))["next"]
    assert (expected.iloc[0] + 3) % 7 < 5


#: A Monday; days of a planted trade are counted from it.
NEW_YEAR = (date(2024, 1, 1) - date(1970, 1, 1)).days


def working(_company: int, day: int) -> bool:
    """Whether everybody is closed: on weekends and holidays."""
    return day % 7 > 4 or day + NEW_YEAR in holidays("NL")


def on_its_own_day(company: int, day: int) -> bool:
    """Whether a company that orders on one day of the week only is closed."""
    return day % 7 != company % 5


@pytest.mark.parametrize("closed", [working, on_its_own_day])
def test_companies_that_are_closed_on_some_days_lapse_and_do_not(
    closed: Callable[[int, int], bool],
) -> None:
    trade = planted(5, closed=closed)
    days = trade.orders.assign(day=trade.orders["day"] + NEW_YEAR)
    found = TradeRhythm(country="NL").fit(days).predict(days, trade.days + NEW_YEAR)
    found = found.merge(trade.truth, on=["company", "need"], suffixes=("", "_true"))
    alarm = found["overdue"] >= 0.9
    assert alarm[found["lapsed"]].mean() >= 0.9
    assert (alarm & ~found["lapsed"]).sum() <= 0.1 * alarm.sum()
    expected = found["next"] - NEW_YEAR
    shut = [closed(*one) for one in zip(found["company"], expected, strict=True)]
    assert np.mean(shut) < 0.02


def weekly(*on: str) -> pd.DataFrame:
    """Return orders of a company on some days."""
    days = [(date.fromisoformat(day) - date(1970, 1, 1)).days for day in on]
    return pd.DataFrame({"company": 1, "need": "tiles", "day": days, "units": 1.0})


@pytest.mark.parametrize(
    ("orders", "stands_still"),
    [
        pytest.param(("2025-11-28", "2025-12-05", "2025-12-12", "2025-12-19"), True, id="Fridays"),
        pytest.param(("2025-11-29", "2025-12-06", "2025-12-13", "2025-12-20"), False,
                     id="Saturdays"),
    ],
)  # fmt: skip
def test_nobody_gets_later_on_days_on_which_he_never_orders(
    orders: tuple[str, ...], stands_still: bool
) -> None:
    days = weekly(*orders)
    model = TradeRhythm(country="NL").fit(days)
    read = TradeRhythm.from_dict(model.to_dict())
    start = (date(2025, 12, 24) - date(1970, 1, 1)).days
    # Wednesday, two days of Christmas, Saturday, Sunday, Monday.
    chance = [read.predict(days, start + day)["overdue"].iloc[0] for day in range(6)]
    assert chance[0] == chance[1] == chance[2]
    assert bool(chance[2] == chance[3]) is stands_still
    assert chance[3] == chance[4] < chance[5]
    # The Friday after is an ordinary one; the first is the second day of Christmas.
    expected = model.predict(days, start)["next"].iloc[0]
    assert (expected - start) not in (1, 2)


def test_holidays_are_those_of_the_country_without_the_one_that_companies_work_on() -> None:
    kings_day, good_friday = date(2025, 4, 26), date(2026, 4, 3)
    for day, kept in ((kings_day, True), (good_friday, False)):
        assert bool((day - date(1970, 1, 1)).days in holidays("NL")) is kept
    assert (good_friday - date(1970, 1, 1)).days in holidays("DE")
    assert holidays("").size == 0


def test_a_trade_whose_companies_are_alike_says_more_of_each() -> None:
    rng = np.random.default_rng(3)
    company, day = (
        np.repeat(np.arange(40), 60),
        rng.integers(0, 5, 2400) + 7 * np.tile(np.arange(60), 40),
    )
    assert usual_weekdays(company, day).k > 100
    assert usual_weekdays(company, day - day % 7 + company % 5).k < 3


def test_a_group_in_most_orders_that_the_latest_lacks_is_missing() -> None:
    days = pd.DataFrame({"company": 1, "need": ["tiles"] * 8 + ["grout"] * 7 + ["tools"] * 3,
                         "day": [*range(8), *range(7), 1, 3, 5]})  # fmt: skip
    found = BasketGaps().fit(days).predict(days)
    assert found[["need", "kind"]].to_numpy().tolist() == [["grout", "missing"]]
    complete = pd.concat([days, pd.DataFrame({"company": 1, "need": ["grout"], "day": [7]})])
    assert BasketGaps().fit(complete).predict(complete).empty


def test_what_most_similar_companies_buy_is_told_to_the_one_that_does_not() -> None:
    rows = []
    for company in range(60):
        has = ["tiles", "grout"] if company < 30 else ["paint"]
        has = ["tiles"] if company in (0, 1, 2) else has
        rows += [(company, need, 10 * n) for n in range(6) for need in has]
    days = pd.DataFrame(rows, columns=["company", "need", "day"])
    model = BasketGaps().fit(days)
    found = model.predict(days)
    assert found[["company", "need", "kind", "with", "orders", "of"]].to_numpy().tolist() == [
        [company, "grout", "never", "tiles", 27, 30] for company in (0, 1, 2)
    ]
    assert BasketGaps.from_dict(model.to_dict()).predict(days).equals(found)


def test_no_rule_is_found_where_groups_are_bought_by_chance() -> None:
    rng = np.random.default_rng(11)
    rows = [(c, f"g{g}", d) for c in range(80) for g in range(10) if rng.random() < 0.6
            for d in range(6)]  # fmt: skip
    assert BasketGaps().fit(pd.DataFrame(rows, columns=["company", "need", "day"])).rules_ == []


@pytest.mark.parametrize("model", [TradeRhythm(recent=0.8), BasketGaps(usual=0.7)])
def test_estimators_are_cloned_as_scikit_learn_does(model: TradeRhythm | BasketGaps) -> None:
    assert clone(model).get_params() == model.get_params()


# -- in a run --------------------------------------------------------------------------------------


def test_a_company_that_is_late_carries_the_alarm_with_its_reason() -> None:
    outcome = assigned(orders(DOZEN, *LATE), AS_OF)
    assert alarms(outcome) == [(100, "b2b:anything:overdue"), (100, "b2b:tiles:overdue")]
    (row,) = (row for row in company(outcome)["rhythms"] if row["need"] == "tiles")
    assert (row["orders"], row["units"], row["state"]) == (7, 24, "overdue")
    assert row["amount"] == pytest.approx(DOZEN.amount)
    names = fitted(orders(DOZEN, *LATE), AS_OF).names(DOZEN.account)
    assert render(row, "en", names) == (
        "Tiles: usually every 5 weeks ± 7 days (7 orders), the last 21 Apr 2025; "
        "about 24 pieces expected on 26 May 2025."
    )
    assert render({**row, "contacts": 5}, "nl", names) == (
        "Tiles: meestal elke 5 weken ± 7 dagen (7 bestellingen), de laatste 21 apr 2025; "
        "ongeveer 24 stuks verwacht op 26 mei 2025; van 5 contacten bestelde deze het laatst."
    )


def test_a_company_on_time_or_with_two_orders_or_long_gone_carries_none() -> None:
    assert alarms(assigned(orders(DOZEN, *ON_TIME), AS_OF)) == []
    assert alarms(assigned(orders(DOZEN, 400, 370), AS_OF)) == []
    assert alarms(assigned(orders(DOZEN, *(days + 300 for days in LATE)), AS_OF)) == []


def test_an_order_ends_the_alarm_and_so_does_silence_for_long() -> None:
    before = assigned(orders(DOZEN, *LATE), AS_OF)
    after = assigned(orders(DOZEN, *LATE, 0), AS_OF, before=before)
    gone = assigned(orders(DOZEN, *LATE), AS_OF + timedelta(days=90), before=before)
    assert alarms(after) == alarms(gone) == []
    left = (100, "b2b:tiles:overdue")
    for now, sentence in (
        (after, "Laatst besteld op 30 jun 2025: weer volgens het ritme van het bedrijf."),
        (gone, "Geen bestelling sinds 21 apr 2025: zo lang dat er geen meer wordt verwacht."),
    ):
        why = causes({left: {}}, previous_due=before.due, assigned=now, as_of=AS_OF)[left]
        assert render(why, "nl", {}) == sentence


def test_an_alarm_is_slower_to_end_than_to_begin() -> None:
    found = pd.DataFrame({"person_id": 1, "need": ["tiles", "grout"], "orders": 9, "every": 30.0,
                          "last": 0, "overdue": 0.87})  # fmt: skip
    assert is_overdue(found, 40, {(1, segment_of("grout"))}).tolist() == [False, True]


def test_five_contacts_of_one_company_carry_one_alarm() -> None:
    buys = [
        replace(buy, person=100 + n % 5, company="De Vries Tegels" if n % 2 else DOZEN.company)
        for n, buy in enumerate(orders(DOZEN, *LATE))
    ]
    outcome = assigned(buys, AS_OF)
    # The one who ordered last.
    assert alarms(outcome) == [(101, "b2b:anything:overdue"), (101, "b2b:tiles:overdue")]
    for person, told in zip(outcome.profiles["person_id"], outcome.profiles["trade"], strict=True):
        assert [row["carries"] for row in told["rhythms"]] == [person == 101] * 2
        assert [row["contacts"] for row in told["rhythms"]] == [5, 5]
    assert (outcome.segments["segment"] == "b2b:account").sum() == 5


def test_an_order_of_any_contact_is_an_order_of_the_company() -> None:
    other = replace(DOZEN, person=101, on=AS_OF - timedelta(days=30))
    assert alarms(assigned([*orders(DOZEN, *LATE), other], AS_OF)) == []
    stranger = replace(other, company="Jansen")
    assert len(alarms(assigned([*orders(DOZEN, *LATE), stranger], AS_OF))) == 2


def test_what_the_latest_basket_lacks_has_a_reason_in_both_languages() -> None:
    grout = replace(DOZEN, type="Grout", title="Grout")
    outcome = assigned([*orders(DOZEN, *ON_TIME), *orders(grout, *ON_TIME[:-1])], AS_OF)
    (row,) = company(outcome)["lacks"]
    assert render(row, "en", {}) == ("Grout: in 6 of 6 orders, and not in the last, of 2 Jun 2025.")
    why = {"key": "lacks-never", "need": "grout", "with": "tiles", "orders": 27, "of": 30,
           "last_on": "2025-06-02"}  # fmt: skip
    assert render(why, "nl", {}) == (
        "Grout: nooit besteld; van 30 bedrijven die tiles bestellen doen 27 dat wel (90%)."
    )


@pytest.mark.parametrize("channel", ["wholesale", "web"])
def test_business_orders_change_no_figure_of_a_consumer(channel: str) -> None:
    shop = random_shop(8)
    like = replace(DOZEN, channel=channel, quantity=400.0, amount=9e7)
    added = [
        replace(buy, person=100 + n, type=kind)
        for n in range(4)
        for kind in ("Suits", "Tiles")
        for buy in orders(like, *LATE)
    ]
    alone, both = assigned(shop, AS_OF), assigned([*shop, *added], AS_OF)
    for name in ("segments", "due", "profiles"):
        mine = getattr(both, name)
        mine = mine[mine["person_id"] < 100].reset_index(drop=True)
        ours = getattr(alone, name)
        # Products are numbered by the catalogue, which has others now.
        told = [c for c in ours if c not in ("last_product_id", "picks", "offers")]
        pd.testing.assert_frame_equal(ours[told], mine[told], check_exact=True)
    one, other = (fit(frames(b), as_of=AS_OF, choices=Choices()) for b in (shop, [*shop, *added]))
    mine, theirs = one.account(DOZEN.account), other.account(DOZEN.account)
    assert mine.wholesale == theirs.wholesale
    assert [life for life in theirs.lives() if life.need != "tiles"] == mine.lives()


def test_a_wholesaler_does_not_raise_the_limit_that_finds_the_next() -> None:
    people = pd.DataFrame(
        {"first_day": 0, "revenue": [1e4] * 50 + [5e4] + [1e9] * 3, "is_business": False,
         "line_quantity": [1.0] * 51 + [50.0] * 3, "wholesale_share": 0.0}
    )  # fmt: skip
    assert limits(people, 365) == limits(people.head(51), 365)
    assert is_wholesale(people, limits(people, 365), 365).sum() == 3
    declared = people.assign(is_business=people["revenue"] == 1e9, line_quantity=1.0)
    ordering_there = declared.assign(is_business=False, wholesale_share=declared["is_business"] * 1)
    for known in (declared, ordering_there):
        assert limits(known, 365) == limits(people.head(51), 365)
    assert limits(people.head(0), 365) == WholesaleRule(1e18, 1.0)
