"""What the tables say becomes the columns a computation needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from connectors.records import (
    Customer,
    OrderLine,
    OrderStatus,
    Product,
    Record,
    Refund,
    RefundDetail,
    RefundLine,
)
from integration import frames
from integration.db import scoped, unscoped
from integration.tables import Account, Choice, DueDate, Person, SegmentMember
from segmentation.frames import PREVIOUS_DUE, PREVIOUS_SEGMENTS, Frames
from tests.conftest import add_account
from tests.service.records import NOON, add_shop, order, store

LATER = date(2026, 12, 31)


class Books:
    """An account whose shop a test fills with records."""

    def __init__(self, engine: Engine, time_zone: str = "Europe/Amsterdam") -> None:
        self.engine = engine
        self.account_id = add_account(engine)
        with unscoped(engine) as session:
            session.get_one(Account, self.account_id).time_zone = time_zone
        self.shop_id = add_shop(engine, self.account_id)

    def add(self, *records: Record) -> None:
        """Store records of the shop."""
        store(self.engine, self.account_id, self.shop_id, *records)

    def read(self, as_of: date = LATER) -> Frames:
        """Read the frames."""
        with scoped(self.engine, self.account_id) as session:
            account = session.get_one(Account, self.account_id)
            return frames.load(session, account, as_of=as_of)

    def lines(self, as_of: date = LATER) -> pd.DataFrame:
        """Read the lines."""
        return self.read(as_of).lines


@pytest.fixture
def books(engine: Engine) -> Books:
    return Books(engine)


def refund(refund_id: str = "r1", day: int = 9, **changed: Any) -> Refund:
    """Everything of order 1 back, of which only the state is known."""
    fields: dict[str, Any] = {
        "id": refund_id,
        "order_id": "1",
        "refunded_at": datetime(2026, 3, day, 12, tzinfo=UTC),
        "currency": "EUR",
        "detail": RefundDetail.STATE_ONLY,
        **changed,
    }
    return Refund(**fields)


def returned(line_id: str, quantity: int, amount: int) -> RefundLine:
    return RefundLine(order_line_id=line_id, quantity=Decimal(quantity), amount=Decimal(amount))


# -- days ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("placed_at", "day"),
    [
        # Summer time is two hours ahead: the last evening hour and the first of the night.
        (datetime(2026, 6, 30, 21, 59, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), date(2026, 7, 1)),
        # Winter time is one hour ahead.
        (datetime(2026, 1, 31, 22, 59, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 1, 31, 23, 0, tzinfo=UTC), date(2026, 2, 1)),
        # The night of 29 March has no hour two; the evening before it is still winter.
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
        # The night of 25 October has hour two twice; the evening after it is winter.
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_a_purchase_is_on_the_shops_calendar_day(
    books: Books, placed_at: datetime, day: date
) -> None:
    books.add(order("1", placed_at=placed_at))
    (found,) = books.lines()["ordered_on"]
    assert found == pd.Timestamp(day)
    # The same boundary decides what was known on a day: that day is in, the one before is not.
    assert len(books.lines(day)) == 1
    assert len(books.lines(day - timedelta(days=1))) == 0


def test_another_zone_has_other_days(engine: Engine) -> None:
    books = Books(engine, time_zone="Pacific/Auckland")
    books.add(order("1", placed_at=NOON))
    assert books.lines()["ordered_on"].tolist() == [pd.Timestamp(2026, 3, 2)]
    assert books.read().country == "NZ"


def test_refunds_after_the_day_are_not_known_yet(books: Books) -> None:
    books.add(order("1"), refund(day=9))
    assert books.lines(date(2026, 3, 8))["refunded_amount"].tolist() == [0.0]
    known = books.lines(date(2026, 3, 9))
    assert known["refunded_amount"].tolist() == [10_000.0]
    assert known["refunded_on"].tolist() == [pd.Timestamp(2026, 3, 9)]


def test_a_refund_by_line_after_the_day_is_not_known_yet(books: Books) -> None:
    books.add(
        order("1"), refund(day=9, detail=RefundDetail.PER_LINE, lines=(returned("0", 1, 100),))
    )
    assert books.lines(date(2026, 3, 8))["refunded_quantity"].tolist() == [0.0]
    assert books.lines(date(2026, 3, 9))["refunded_quantity"].tolist() == [1.0]


# -- refunds ---------------------------------------------------------------------------------------


def test_a_refund_by_line_is_laid_on_its_line_only(books: Books) -> None:
    books.add(
        order("1", lines=3),
        order("2", lines=1),
        refund(detail=RefundDetail.PER_LINE, lines=(returned("1", 1, 100),)),
    )
    lines = books.lines()
    assert lines["refunded_quantity"].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert lines["refunded_amount"].tolist() == [0.0, 10_000.0, 0.0, 0.0]
    assert lines["refunded_on"].notna().tolist() == [False, True, False, False]


def test_refunds_of_one_line_add_up_and_the_last_day_counts(books: Books) -> None:
    pair = OrderLine(id="0", title="Sock", quantity=Decimal(4), total=Decimal(40))
    books.add(
        replace(order("1"), lines=(pair,), total=Decimal(40)),
        refund("r1", 5, detail=RefundDetail.PER_LINE, lines=(returned("0", 1, 10),)),
        refund("r2", 7, detail=RefundDetail.PER_LINE, lines=(returned("0", 2, 20),)),
    )
    (line,) = books.lines().to_dict("records")
    assert (line["refunded_quantity"], line["refunded_amount"]) == (3.0, 3_000.0)
    assert line["refunded_on"] == pd.Timestamp(2026, 3, 7)


def test_a_total_is_laid_on_the_lines_in_proportion_and_takes_no_goods(books: Books) -> None:
    lines = (
        OrderLine(id="0", title="Suit", quantity=Decimal(1), total=Decimal(300)),
        OrderLine(id="1", title="Belt", quantity=Decimal(1), total=Decimal(100)),
    )
    books.add(
        replace(order("1"), lines=lines, total=Decimal(400)),
        refund(detail=RefundDetail.TOTAL, amount=Decimal(40)),
    )
    found = books.lines()
    assert found["refunded_amount"].tolist() == [3_000.0, 1_000.0]
    assert found["refunded_quantity"].tolist() == [0.0, 0.0]


def test_a_total_of_the_whole_order_takes_all_goods_back(books: Books) -> None:
    books.add(
        order("1", lines=2),
        refund("r1", 5, detail=RefundDetail.TOTAL, amount=Decimal(150)),
        refund("r2", 6, detail=RefundDetail.TOTAL, amount=Decimal(50)),
    )
    found = books.lines()
    assert found["refunded_quantity"].tolist() == [1.0, 1.0]
    assert found["refunded_amount"].tolist() == [10_000.0, 10_000.0]


def test_more_back_than_was_paid_takes_no_more_than_was_paid(books: Books) -> None:
    books.add(order("1"), refund(detail=RefundDetail.TOTAL, amount=Decimal(130)))
    assert books.lines()["refunded_amount"].tolist() == [10_000.0]


def test_a_refund_of_which_only_the_state_is_known_is_a_full_one(books: Books) -> None:
    books.add(order("1", lines=2), order("2"), refund())
    found = books.lines()
    assert found["refunded_quantity"].tolist() == [1.0, 1.0, 0.0]
    assert found["refunded_amount"].tolist() == [10_000.0, 10_000.0, 0.0]


def test_a_line_given_back_is_not_given_back_again_by_the_rest_of_its_order(books: Books) -> None:
    books.add(
        order("1", lines=2),
        refund("r1", 5, detail=RefundDetail.PER_LINE, lines=(returned("0", 1, 100),)),
        refund("r2", 6, detail=RefundDetail.TOTAL, amount=Decimal(100)),
    )
    found = books.lines()
    assert (found["refunded_amount"] <= found["net_amount"]).all()
    assert (found["refunded_quantity"] <= found["quantity"]).all()


def test_a_refund_without_its_order_changes_nothing(books: Books) -> None:
    books.add(order("1"), refund(order_id="elsewhere"))
    assert books.lines()["refunded_amount"].tolist() == [0.0]


def test_equal_order_ids_of_two_shops_do_not_share_a_refund(books: Books, engine: Engine) -> None:
    other = add_shop(engine, books.account_id, "till")
    books.add(order("1"))
    store(engine, books.account_id, other, order("1"), refund())
    lines = books.lines().sort_values("order_id")
    assert lines["refunded_amount"].tolist() == [0.0, 10_000.0]


# -- who and what ----------------------------------------------------------------------------------


def test_a_guest_with_an_address_is_a_person_and_one_without_is_nobody(books: Books) -> None:
    books.add(order("1", email="ada@stipt-demo.shop"), order("2"))
    found = books.read()
    known = found.lines["person_id"]
    assert known.isna().tolist() == [False, True]
    assert known.dropna().tolist() == found.people["person_id"].tolist()


def test_gifts_are_those_of_the_line_and_those_of_the_parcel(books: Books) -> None:
    gift = OrderLine(id="0", title="Tie", quantity=Decimal(1), total=Decimal(10), is_gift=True)
    own = OrderLine(id="1", title="Tie", quantity=Decimal(1), total=Decimal(10))
    books.add(replace(order("1"), lines=(gift, own)), order("2", ships_to_other=True), order("3"))
    assert books.lines()["is_gift"].tolist() == [True, False, True, False]


def test_a_discount_arrives_as_the_share_of_the_price_that_was_taken_off(books: Books) -> None:
    cheap, free, back = (
        OrderLine(id=str(at), title="Tie", quantity=Decimal(1 - 2 * (at == 2)),
                  total=Decimal(total), discount=Decimal(off))
        for at, (total, off) in enumerate([(75, 25), (0, 0), (-75, -25)])
    )  # fmt: skip
    books.add(replace(order("1"), lines=(cheap, free, back)))
    assert books.lines()["discount"].tolist() == [0.25, 0.0, 0.0]


def test_what_a_subscription_brought_arrives_marked(books: Books) -> None:
    sent = OrderLine(
        id="0", title="Coffee", quantity=Decimal(1), total=Decimal(10), is_subscription=True
    )
    books.add(replace(order("1"), lines=(sent,)), order("2"))
    assert books.lines()["is_subscription"].tolist() == [True, False]


def test_status_channel_and_returns_arrive_unjudged(books: Books) -> None:
    back = OrderLine(id="0", title="Tie", quantity=Decimal(-1), total=Decimal(-10))
    books.add(
        order("1", status=OrderStatus.CANCELLED, channel="store"),
        order("2", status=OrderStatus.TEST),
        replace(order("3"), lines=(back,), total=Decimal(-10)),
    )
    found = books.lines()
    assert found["status"].tolist() == ["cancelled", "test", "paid"]
    assert found["channel"].tolist() == ["store", "web", "web"]
    assert found["quantity"].tolist() == [1.0, 1.0, -1.0]
    assert found["net_amount"].tolist() == [10_000.0, 10_000.0, -1_000.0]
    assert found["refunded_quantity"].tolist() == [0.0, 0.0, 0.0]


def test_lines_without_a_catalogue_product_get_one_stand_in_for_each_description(
    books: Books,
) -> None:
    def line(number: int, title: str, **changed: Any) -> OrderLine:
        return OrderLine(
            id=str(number), title=title, quantity=Decimal(1), total=Decimal(10), **changed
        )

    books.add(
        Product(id="p1", title="Suit", product_type="Suits", category_path=("Men", "Suits")),
        replace(
            order("1"),
            lines=(
                line(0, "Suit", product_id="p1"),
                line(1, "Tie", product_type="Ties"),
                line(2, "Tie", product_type="Ties", product_id="gone"),
                line(3, "Belt"),
            ),
        ),
    )
    found = books.read()
    listed, tie, same_tie, belt = found.lines["product_id"].tolist()
    assert listed > 0
    assert tie < 0
    assert tie == same_tie
    assert belt < 0
    assert belt != tie
    products = found.products.set_index("product_id")
    assert products.index.is_unique
    assert products.loc[listed, "category_path"] == "Men > Suits"
    assert products.loc[tie, "product_type"] == "Ties"
    assert np.isnan(products.loc[belt, "price"])


def test_people_are_one_row_each_with_what_any_source_says(books: Books, engine: Engine) -> None:
    other = add_shop(engine, books.account_id, "till")
    books.add(
        Customer(id="1", email="ada@stipt-demo.shop", gender="f"),
        Customer(id="2", email="bo@stipt-demo.shop"),
    )
    store(
        engine,
        books.account_id,
        other,
        Customer(id="9", email="ADA@stipt-demo.shop", is_business=True),
    )
    people = books.read().people
    assert people["is_business"].tolist() == [True, False]
    assert people["declared_gender"].tolist() == ["f", ""]


def test_an_account_without_anything_has_empty_frames_that_keep_the_contract(books: Books) -> None:
    found = books.read()
    assert (len(found.lines), len(found.products), len(found.people)) == (0, 0, 0)
    with scoped(books.engine, books.account_id) as session:
        due, segments = frames.previous(session)
        said = frames.choices(session)
    assert list(due) == list(PREVIOUS_DUE)
    assert list(segments) == list(PREVIOUS_SEGMENTS)
    assert (said.lives, said.needs, said.styles, said.departments) == ({}, {}, {}, {})


def test_another_account_sees_none_of_it(books: Books, engine: Engine) -> None:
    books.add(order("1", email="ada@stipt-demo.shop"), Product(id="p1", title="Suit"))
    other = Books(engine).read()
    assert (len(other.lines), len(other.products), len(other.people)) == (0, 0, 0)


def test_orders_keep_the_account_the_computation_groups_by(books: Books) -> None:
    books.add(order("1"))
    assert set(books.lines()["account_id"]) == {books.account_id}


# -- what was said and assigned before -------------------------------------------------------------


def test_what_the_merchant_decided_is_read_by_kind(books: Books) -> None:
    rows = [("life", "suits", "700"), ("need", "Blazers", "suits"), ("style", "suits", "business")]
    with scoped(books.engine, books.account_id) as session:
        for kind, subject, value in rows:
            session.add(Choice(kind=kind, subject=subject, value=value, created_at=NOON))
        session.flush()
        said = frames.choices(session)
    assert said.lives == {"suits": 700}
    assert said.needs == {"Blazers": "suits"}
    assert said.styles == {"suits": "business"}


def test_what_was_assigned_before_is_read_for_hysteresis(books: Books) -> None:
    account_id = books.account_id
    with scoped(books.engine, account_id) as session:
        person = Person(account_id=account_id, created_at=NOON)
        session.add(person)
        session.flush()
        assert person.id is not None
        for need, state in (("suits", "now"), ("ties", "")):
            session.add(_due(account_id, person.id, need, state))
        session.add(
            SegmentMember(
                account_id=account_id, person_id=person.id, segment="stage:new", since=LATER
            )
        )
        session.flush()
        due, segments = frames.previous(session)
    assert due[["person_id", "need", "state"]].values.tolist() == [
        [person.id, "suits", "now"],
        [person.id, "ties", ""],
    ]
    assert due["last_on"].tolist() == [pd.Timestamp(2026, 3, 1)] * 2
    assert segments[["person_id", "segment"]].values.tolist() == [[person.id, "stage:new"]]


def _due(account_id: int, person_id: int, need: str, state: str) -> DueDate:
    day = date(2026, 3, 1)
    return DueDate(
        account_id=account_id, person_id=person_id, need=need, last_on=day, owned=1, own_gaps=0,
        expected_on=day, window_from=day, window_to=day, p_repeat=0.5, p_due=0.1, state=state,
        basis="learned",
    )  # fmt: skip


def test_purchases_in_another_currency_count_as_bought_but_not_as_money(books: Books) -> None:
    books.add(
        order("1", lines=2),
        order("2", currency="JPY", total=Decimal(100)),
        order("3", currency="JPY", total=Decimal(100)),
        refund(order_id="3", currency="JPY"),
    )
    lines = books.lines()
    assert lines["net_amount"].tolist() == [10_000, 10_000, 1, 1]
    assert lines["refunded_amount"].tolist() == [0, 0, 0, 1]
