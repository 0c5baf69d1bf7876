"""What a shop asks on behalf of people is done, written down without a name, and has a last day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from connectors.base import AccessAsked, ErasureAsked, Page, ShopErasureAsked
from connectors.records import ConsentEvent, ConsentState, Record
from integration.context import Context
from integration.db import scoped
from integration.privacy import asked, erase
from integration.store.page import write_page
from integration.tables import (
    Consent,
    Erasure,
    Identity,
    Order,
    Person,
    PrivacyRequest,
    Shop,
    SourceProfile,
)
from tests.service.records import NOON
from tests.service.web_shop import WebShop, add_web_shop, rows


@pytest.fixture
def shop(context: Context) -> Shop:
    """A shop with a customer, what she said and an order of hers; and another customer."""
    web = WebShop()
    web.customer("5", email="ada@example.com", first_name="Ada")
    web.customer("6", email="grace@example.com")
    web.order("1", customer_id="5")
    said = ConsentEvent(
        id="e", state=ConsentState.CONFIRMED, at=NOON, source="shop", customer_id="5",
        email="ada@example.com",
    )  # fmt: skip
    shop = add_web_shop(context)
    records: list[Record] = [one for some in web.records.values() for one in some]
    with scoped(context.engine, shop.account_id) as session:
        write_page(session, shop.id or 0, Page(records=[*records, said], cursor_after={}), NOON)
    return shop


def take(context: Context, shop: Shop, request: Any) -> None:
    """Ask something."""
    with scoped(context.engine, shop.account_id) as session:
        asked.take(session, context, session.get_one(Shop, shop.id), request)


def requests(context: Context, shop: Shop) -> list[PrivacyRequest]:
    """What was written down."""
    return rows(context, shop, PrivacyRequest)


def test_who_wants_to_see_everything_has_a_last_day_and_no_name(
    context: Context, shop: Shop
) -> None:
    for _ in range(2):  # platforms tell twice
        take(context, shop, AccessAsked(request="r1", key="5", email="ada@example.com"))
    (row,) = requests(context, shop)
    assert (row.kind, row.done_at) == ("access", None)
    assert row.due_at - row.asked_at == timedelta(days=30)
    assert "ada" not in row.model_dump_json()
    with scoped(context.engine, shop.account_id) as session:
        mine = session.get_one(PrivacyRequest, row.id)
        subject = asked.subject_of(session, context, mine)
        assert subject is not None
        assert subject.emails == ("ada@example.com",)
        asked.done(context, mine)
        assert asked.subject_of(session, context, mine) is None


@pytest.mark.parametrize("by", [{"key": "5"}, {"email": "Ada@Example.com"}])
def test_who_is_to_be_forgotten_is_gone_with_a_receipt_and_nobody_else_is(
    context: Context, shop: Shop, by: dict[str, str]
) -> None:
    take(context, shop, ErasureAsked(**by))
    assert [row.email for row in rows(context, shop, SourceProfile)] == ["grace@example.com"]
    assert (rows(context, shop, Consent), len(rows(context, shop, Order))) == ([], 1)
    (row,) = requests(context, shop)
    (receipt,) = rows(context, shop, Erasure)
    assert row.erasure_id == receipt.id
    assert row.done_at is not None


def test_a_customer_we_never_heard_of_does_not_come_later(context: Context, shop: Shop) -> None:
    take(context, shop, ErasureAsked(key="7"))
    web = WebShop()
    late = web.customer("7", email="late@example.com")
    with scoped(context.engine, shop.account_id) as session:
        write_page(session, shop.id or 0, Page(records=[late], cursor_after={}), NOON)
    assert len(rows(context, shop, SourceProfile)) == 2


def test_a_request_that_names_nobody_is_written_down(context: Context, shop: Shop) -> None:
    take(context, shop, ErasureAsked())
    (row,) = requests(context, shop)
    assert (row.erasure_id, row.done_at is not None) == (None, True)


@pytest.mark.parametrize("chosen", [None, True, False])
def test_mailchimp_is_told_unless_the_merchant_chose_otherwise(
    context: Context, shop: Shop, chosen: bool | None
) -> None:
    if chosen is not None:
        with scoped(context.engine, shop.account_id) as session:
            row = session.get_one(Shop, shop.id)
            row.config = {**row.config, asked.IN_MAILCHIMP: chosen}
    take(context, shop, ErasureAsked(key="5"))
    (receipt,) = rows(context, shop, Erasure)
    assert receipt.mailchimp["here_only"] is (chosen is False)


def leave(context: Context, shop: Shop, at: datetime) -> None:
    """The shop removed us."""
    with scoped(context.engine, shop.account_id) as session:
        session.get_one(Shop, shop.id).disconnected_at = at


def test_what_was_fetched_of_a_shop_and_not_stored_is_forgotten_with_it(
    context: Context, shop: Shop
) -> None:
    export = context.settings.data_dir / "shopify" / str(shop.id) / "customers-1.sqlite"
    export.parent.mkdir(parents=True)
    export.write_text("ada@example.com")
    leave(context, shop, NOON)
    take(context, shop, ShopErasureAsked(at=NOON + timedelta(days=2)))
    assert not export.exists()


def test_a_shop_that_left_is_forgotten_whole_and_other_shops_are_not(
    context: Context, shop: Shop
) -> None:
    with scoped(context.engine, shop.account_id) as session:
        other = Shop(
            account_id=shop.account_id, platform="files", external_id="till", name="Till",
            created_at=NOON,
        )  # fmt: skip
        session.add(other)
        session.flush()
        web = WebShop()
        known = web.customer("k1", email="ada@example.com")
        write_page(session, other.id or 0, Page(records=[known], cursor_after={}), NOON)
    leave(context, shop, NOON)
    take(context, shop, ShopErasureAsked(at=NOON + timedelta(days=2)))
    (profile,) = rows(context, shop, SourceProfile)
    assert profile.external_id == "k1"
    assert [row.id for row in rows(context, shop, Person)] == [profile.person_id]
    assert (rows(context, shop, Order), len(rows(context, shop, Identity))) == ([], 1)
    (row,) = requests(context, shop)
    assert row.counts["shop_order"] == 1
    with scoped(context.engine, shop.account_id) as session:
        left = session.get_one(Shop, shop.id)
        assert (left.name, left.config) == ("", {})


def test_a_late_request_does_not_wipe_a_shop_that_came_back(context: Context, shop: Shop) -> None:
    take(context, shop, ShopErasureAsked(at=datetime(2027, 1, 1, tzinfo=UTC)))
    assert len(rows(context, shop, Order)) == 1, "it is connected"
    leave(context, shop, NOON + timedelta(days=9))
    # It came back after that and left again: another request will tell of that.
    take(context, shop, ShopErasureAsked(at=NOON - timedelta(days=1)))
    assert len(rows(context, shop, Order)) == 1
    assert requests(context, shop) == []


def test_a_receipt_of_here_only_asks_mailchimp_for_nothing(context: Context, shop: Shop) -> None:
    with scoped(context.engine, shop.account_id) as session:
        row = session.get_one(Shop, shop.id)
        row.config = {asked.IN_MAILCHIMP: False}
    take(context, shop, ErasureAsked(key="5"))
    with scoped(context.engine, shop.account_id) as session:
        (receipt,) = session.exec(select(Erasure)).all()
        told = erase.document(session, receipt)
    assert told["mailchimp_still_to_be_told"] == []
    assert json.dumps(told["mailchimp"]) == "[]"
