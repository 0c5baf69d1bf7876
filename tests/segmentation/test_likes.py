"""What people like beside kinds of goods: brand, colour, material, size, price and discount."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import pandas as pd
import pytest

from segmentation import likes, reasons
from segmentation.fitted import Fitted
from tests.segmentation.builders import Buy, assigned, fitted

ON = date(2025, 6, 10)
_KINDS = ("Shirts", "Suits", "Bags", "Jeans", "Coats", "Hats")
_BRANDS, _COLOURS, _SIZES = (
    ("Zilte", "Noord", "Oever"),
    ("navy", "red", "groen"),
    ("48", "50", "52"),
)
#: Loves Zilte, navy, 52 and what is dear and reduced; has bought one navy thing; is like the crowd.
FAN, ONCE, CROWD = 1, 2, 3


def _buy(person: int, at: int, **of: Any) -> Buy:
    usual: dict[str, Any] = {
        "type": _KINDS[at % len(_KINDS)],
        "on": date(2023, 1, 5) + timedelta(days=37 * (at % 20) + person % 7),
        "brand": _BRANDS[at % 3],
        "colour": _COLOURS[at // 2 % 3],
        "size": _SIZES[at // 3 % 3],
        "amount": 5_000.0 + 1_000 * (person * 7 % 12),
        "title": f"Thing {at % 6} of {('wol', 'linen')[at % 2]}",
    }
    return Buy(person=person, **(usual | of))


@cache
def _shop() -> tuple[tuple[Buy, ...], Fitted]:
    loved = {"brand": "Zilte", "colour": "Donkerblauw", "size": "52", "amount": 40_000.0}
    crowd = [_buy(person, 5 * person + i) for person in range(CROWD, 60) for i in range(7)]
    mine = [_buy(FAN, i, **loved, discount=0.3) for i in range(6)]
    once = [_buy(ONCE, 1, **loved, discount=0.3)]
    buys = (*mine, *once, *crowd)
    return buys, fitted(buys, ON)


def _profiles(buys: tuple[Buy, ...], on: date = ON) -> pd.DataFrame:
    return assigned(buys, on, by=_shop()[1]).profiles.set_index("person_id")


def test_what_is_bought_far_more_than_by_others_is_liked() -> None:
    fan = _profiles(_shop()[0]).loc[FAN]
    assert fan[list(likes.COLUMNS)].to_dict() == {
        "brand": "Zilte", "colour": "navy", "material": "", "size": "52", "price_level": "high",
        "discount": "reduced",
    }  # fmt: skip


def test_one_purchase_and_the_taste_of_all_tell_nothing() -> None:
    found = _profiles(_shop()[0])[list(likes.COLUMNS)]
    assert (found.loc[ONCE] == "").all()
    # Prices of the crowd are each person's own here.
    others = found.loc[CROWD:].drop(columns="price_level").to_numpy()
    assert (others == "").mean() > 0.95


def test_gifts_tell_nothing_of_their_giver() -> None:
    buys = tuple(replace(buy, gift=True) if buy.person == FAN else buy for buy in _shop()[0])
    assert (_profiles(buys).loc[FAN, list(likes.COLUMNS)] == "").all()


def test_full_price_is_no_taste() -> None:
    buys = [replace(buy, discount=0.04 if buy.person == FAN else 0.3) for buy in _shop()[0]]
    assert assigned(buys, ON).profiles.set_index("person_id").loc[FAN, "discount"] == ""


def test_what_everybody_buys_and_what_is_bought_in_passing_are_no_taste() -> None:
    common = [replace(buy, brand="Zilte") for buy in _shop()[0]]
    assert (assigned(common, ON).profiles["brand"] == "").all()
    passing = [_buy(CROWD, i, brand="Rare") for i in range(2)]
    assert _profiles((*_shop()[0], *passing)).loc[CROWD, "brand"] == ""


def test_time_alone_changes_nothing_that_is_liked() -> None:
    buys, _ = _shop()
    now, later = (_profiles(buys, on)[[*likes.COLUMNS, "likes"]] for on in (ON, date(2027, 6, 10)))
    pd.testing.assert_frame_equal(now, later)


def test_old_purchases_give_way_to_new_ones() -> None:
    buys, _ = _shop()
    new = [_buy(FAN, i, brand="Noord", on=date(2032, 1, 1 + i)) for i in range(5)]
    assert _profiles((*buys, *new), date(2032, 6, 1)).loc[FAN, "brand"] == "Noord"


def test_a_few_people_like_what_they_like_among_all() -> None:
    buys, _ = _shop()
    everybody = _profiles(buys)
    some = _profiles(tuple(buy for buy in buys if buy.person in (FAN, CROWD)))
    columns = [*likes.COLUMNS, "likes"]
    pd.testing.assert_frame_equal(some[columns], everybody.loc[some.index, columns])


def test_shares_stand_still_within_a_quarter() -> None:
    buys, numbers = _shop()
    (account,) = numbers.accounts
    known = numbers.account(account).likes["brand"]
    late = [_buy(9, i, brand="Zilte", on=date(2025, 5, 1 + i)) for i in range(20)]
    assert fitted((*buys, *late), ON).account(account).likes["brand"] == known
    assert fitted((*buys, *late), date(2025, 7, 1)).account(account).likes["brand"] != known


def test_numbers_are_plain() -> None:
    _, numbers = _shop()
    again = Fitted.from_dict(numbers.to_dict())
    assert {key: one.likes for key, one in again.accounts.items()} == {
        key: one.likes for key, one in numbers.accounts.items()
    }


@pytest.mark.parametrize(
    ("what", "en", "nl"),
    [
        ("brand", "Zilte: 6 of 6 purchases whose brand is known; in this shop 34% are.",
         "Zilte: 6 van 6 aankopen waarvan het merk bekend is; in deze winkel is dat 34%."),
        ("colour", "Navy: 6 of 6 purchases whose colour is known; in this shop 34% are.",
         "Donkerblauw: 6 van 6 aankopen waarvan de kleur bekend is; in deze winkel is dat 34%."),
        ("size", "Size 52: 6 of 6 purchases whose size is known; in this shop 35% are.",
         "Maat 52: 6 van 6 aankopen waarvan de maat bekend is; in deze winkel is dat 35%."),
        ("price", "Higher-priced: 6 of 6 purchases whose price is known; in this shop 30% are.",
         "Duurder: 6 van 6 aankopen waarvan de prijs bekend is; in deze winkel is dat 30%."),
        ("discount", "At a discount: 6 of 6 purchases; in this shop 2% are.",
         "Met korting: 6 van 6 aankopen; in deze winkel is dat 2%."),
    ],
)  # fmt: skip
def test_the_reason_counts(what: str, en: str, nl: str) -> None:
    told: Any = _profiles(_shop()[0]).loc[FAN, "likes"]
    (why,) = [one for one in told if one["what"] == what]
    assert reasons.render(why, "en", {}) == en
    assert reasons.render(why, "nl", {}) == nl


def test_the_second_favourite_has_its_reason() -> None:
    crowd = [_buy(p, 5 * p + i) for p in range(CROWD, 60) for i in range(7)]
    mine = [_buy(FAN, i, type=("Ties", "Belts", "Ties")[i % 3]) for i in range(9)]
    fan = assigned([*crowd, *mine], ON).profiles.set_index("person_id").loc[FAN]
    assert (fan["favourite"], fan["second_favourite"]) == ("ties", "belts")
    second = fan["likes"][0]
    assert reasons.render(second, "en", {}) == ("3 of 9 items are belts; in this shop 1% are.")


def test_a_person_without_a_purchase_that_counts_is_nobodys_reason() -> None:
    assert _profiles(tuple(b for b in _shop()[0] if b.person == ONCE)).loc[ONCE, "likes"] == []
