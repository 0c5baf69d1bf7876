"""Records become rows once, whatever is repeated, late or out of order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from connectors.records import (
    Cart,
    ConsentEvent,
    ConsentState,
    Customer,
    Discount,
    Product,
    Record,
    Refund,
    RefundDetail,
    RefundLine,
    Touchpoint,
    Variant,
)
from integration import tables
from integration.db import scoped
from tests.conftest import add_account
from tests.service.records import NOON, add_shop, order, store


def test_an_order_and_its_lines_are_stored_in_minor_units(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, order("1", lines=2, email="Ada@stipt-demo.shop"))
    with scoped(engine, account) as session:
        row = session.exec(select(tables.Order)).one()
        lines = session.exec(select(tables.OrderLine)).all()
        profile = session.exec(select(tables.SourceProfile)).one()
    assert (row.total_minor, row.currency) == (20_000, "EUR")
    assert [line.total_minor for line in lines] == [10_000, 10_000]
    assert profile.external_id == "guest:ada@stipt-demo.shop"


def test_the_codes_given_with_an_order_are_stored_in_minor_units(engine: Engine) -> None:
    account_id = add_account(engine)
    shop_id = add_shop(engine, account_id)
    codes = (
        Discount(code="LENTE10", amount=Decimal("12.50"), kind="percentage"),
        Discount(code="GRATIS"),
    )
    store(engine, account_id, shop_id, order("o1", discounts=codes), order("o2"))
    with scoped(engine, account_id) as session:
        found = {row.external_id: row.discounts for row in session.exec(select(tables.Order))}
    assert found["o1"] == [
        {"code": "LENTE10", "amount_minor": 1250, "kind": "percentage"},
        {"code": "GRATIS", "amount_minor": None, "kind": None},
    ]
    assert found["o2"] == []


def test_the_same_page_twice_changes_nothing_the_second_time(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    records: list[Record] = [
        Customer(id="c1", email="ada@stipt-demo.shop"),
        Product(id="p1", title="Suit", variants=(Variant(id="v1", size="52"),)),
        order("1", customer_id="c1"),
        Refund(
            id="r1",
            order_id="1",
            refunded_at=NOON,
            currency="EUR",
            detail=RefundDetail.PER_LINE,
            lines=(RefundLine(order_line_id="0", quantity=Decimal(1), amount=Decimal(100)),),
        ),
        Cart(
            id="k1", email="ada@stipt-demo.shop", currency="EUR", total=Decimal(5), updated_at=NOON
        ),
        ConsentEvent(
            id="e1", state=ConsentState.CONFIRMED, at=NOON, source="form", customer_id="c1"
        ),
        Touchpoint(id="t1", kind="email_sent", at=NOON, customer_id="c1"),
    ]
    first = store(engine, account, shop, *records)
    before = _all_rows(engine, account)
    second = store(engine, account, shop, *records)
    assert first.people
    assert not second.people
    assert _all_rows(engine, account) == before


def _all_rows(engine: Engine, account: int) -> dict[str, list[object]]:
    kinds = (
        tables.Person,
        tables.SourceProfile,
        tables.Identity,
        tables.Product,
        tables.Variant,
        tables.Order,
        tables.OrderLine,
        tables.Refund,
        tables.RefundLine,
        tables.Cart,
        tables.Consent,
        tables.Touchpoint,
    )
    with scoped(engine, account) as session:
        return {
            kind.__name__: [row.model_dump() for row in session.exec(select(kind)).all()]
            for kind in kinds
        }


def test_an_older_version_never_replaces_a_newer_one(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    newer = order("1", total=Decimal(80), source_updated_at=NOON)
    store(engine, account, shop, newer)
    store(
        engine,
        account,
        shop,
        replace(newer, total=Decimal(70), source_updated_at=NOON - timedelta(1)),
    )
    with scoped(engine, account) as session:
        assert session.exec(select(tables.Order.total_minor)).one() == 8_000


def test_an_edited_order_loses_the_lines_it_no_longer_has(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, order("1", lines=3))
    store(engine, account, shop, order("1", lines=1))
    with scoped(engine, account) as session:
        assert session.exec(select(tables.OrderLine.external_id)).all() == ["0"]


def test_a_line_stays_what_was_bought_after_the_product_is_deleted_there(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    placed = order("1", lines=2)
    bought: dict[str, Any] = {
        "product_id": "p1", "variant_id": "v1", "product_type": "Suits", "brand": "Noordkade",
        "category_path": ("Men", "Suits"), "gender_target": "men", "colour": "Blue", "size": "52",
    }  # fmt: skip
    first, second = placed.lines
    told = replace(placed, lines=(replace(first, **bought), replace(second, **bought)))
    store(engine, account, shop, told)
    # Only the variant of one, and the whole product of the other, are no longer there.
    less = replace(first, **bought | {"variant_id": None, "colour": None, "product_type": "Coats"})
    gone = replace(second, brand="Noordkade & Zn", total=Decimal(90))
    store(engine, account, shop, replace(told, lines=(less, gone)))
    with scoped(engine, account) as session:
        one, other = session.exec(
            select(tables.OrderLine).order_by(col(tables.OrderLine.external_id))
        ).all()
    assert (one.variant_external_id, one.colour, one.product_type) == ("v1", "Blue", "Coats")
    assert (other.product_external_id, other.variant_external_id) == ("p1", "v1")
    assert (other.product_type, other.category_path, other.size) == ("Suits", "Men > Suits", "52")
    assert (other.brand, other.total_minor) == ("Noordkade & Zn", 9_000)


def test_two_sources_may_use_the_same_ids(engine: Engine) -> None:
    account = add_account(engine)
    for name in ("web", "till"):
        store(engine, account, add_shop(engine, account, name), order("1"))
    with scoped(engine, account) as session:
        assert len(session.exec(select(tables.Order)).all()) == 2


def test_an_order_of_an_unknown_customer_waits_for_him(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, order("1", customer_id="c9"))
    store(engine, account, shop, Customer(id="c9", first_name="Ada", email="ada@stipt-demo.shop"))
    with scoped(engine, account) as session:
        profile = session.exec(select(tables.SourceProfile)).one()
        assert profile.first_name == "Ada"
        assert session.exec(select(tables.Order.profile_id)).one() == profile.id


def test_the_ledger_keeps_what_was_said_first(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    said = ConsentEvent(
        id="e1", state=ConsentState.DENIED, at=NOON, source="card", email="ada@stipt-demo.shop"
    )
    store(engine, account, shop, said)
    store(engine, account, shop, replace(said, state=ConsentState.CONFIRMED))
    with scoped(engine, account) as session:
        assert session.exec(select(tables.Consent.state)).all() == ["denied"]


def test_an_order_nobody_can_be_named_for_is_kept_without_a_person(engine: Engine) -> None:
    account = add_account(engine)
    store(engine, account, add_shop(engine, account), order("1"))
    with scoped(engine, account) as session:
        assert session.exec(select(tables.Order.profile_id)).one() is None
        assert session.exec(select(tables.Person).where(col(tables.Person.id) > 0)).all() == []


def test_what_an_order_mentions_fills_gaps_and_is_replaced_by_the_own_record(
    engine: Engine,
) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    own = Customer(id="c1", email="ada@stipt-demo.shop", last_name="de Vries", gender="f")
    mentioned = Customer(
        id="c1", phone="+31612345678", first_name="A", middle_name="de", last_name="Vries",
        gender="m", partial=True,
    )  # fmt: skip

    def profile() -> tuple[str | None, ...]:
        with scoped(engine, account) as session:
            row = session.exec(select(tables.SourceProfile)).one()
            return row.phone, row.first_name, row.last_name, row.gender

    assert store(engine, account, shop, mentioned).people
    # The record of his own differs from what was mentioned, even where both say the same.
    assert store(engine, account, shop, replace(mentioned, partial=False)).people
    store(engine, account, shop, own)
    assert profile() == (None, None, "de Vries", "f")
    # A name is one thing: "A de Vries" is nobody's.
    assert store(engine, account, shop, mentioned).people
    assert profile() == ("+31612345678", None, "de Vries", "f")
    # Said again, neither changes anything.
    assert not store(engine, account, shop, mentioned).people
    assert not store(engine, account, shop, own).people
    assert profile() == ("+31612345678", None, "de Vries", "f")


def test_a_product_that_an_order_mentions_keeps_its_own_words_and_variants(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    own = Product(id="p1", title="Suit", product_type="Suits", variants=(Variant(id="v1"),))
    mentioned = Product(
        id="p1", title="p1", product_type="Men", category_path=("Men",), brand="Lof", partial=True
    )
    for record in (mentioned, own, mentioned):
        store(engine, account, shop, record)
    with scoped(engine, account) as session:
        row = session.exec(select(tables.Product)).one()
        assert (row.title, row.product_type, row.category_path) == ("Suit", "Suits", "")
        assert row.brand == "Lof"
        assert session.exec(select(tables.Variant.external_id)).all() == ["v1"]
