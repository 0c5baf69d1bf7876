"""What Shopify tells of people, goods and checkouts, as records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.records import ConsentState
from connectors.shopify import checkouts, orders, records
from connectors.shopify.fields import Unreadable, reject
from tests.connectors.shopify import shapes
from tests.connectors.validity import assert_valid


def test_a_customer_keeps_his_name_address_and_language() -> None:
    made = records.customer(shapes.customer())
    assert_valid(made)
    assert (made.id, made.email, made.first_name, made.last_name, made.language) == (
        "7", "Anna@example.com", "Anna", "van den Berg", "nl",
    )  # fmt: skip
    assert (made.country, made.postcode, made.city) == ("NL", "1011 AB", "Amsterdam")
    assert made.source_updated_at == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        pytest.param({"value": "1984-05-06"}, date(1984, 5, 6), id="as Shopify writes a day"),
        pytest.param({"value": "May 6th"}, None, id="a merchant's own words"),
        pytest.param(None, None, id="none"),
    ],
)
def test_a_birthday_and_the_number_of_a_card_stand_in_fields_of_the_shops_own(
    said: dict[str, str] | None, day: date | None
) -> None:
    made = records.customer(shapes.customer(birthDate=said, cardNumber={"value": " 29001 "}))
    assert_valid(made)
    assert (made.birth_date, made.card_no) == (day, "29001")


def test_a_customer_with_a_telephone_alone_is_one_too() -> None:
    phone = {
        "phoneNumber": "+31612345678",
        "smsMarketingConsent": {
            "state": "UNSUBSCRIBED", "optInLevel": None, "updatedAt": "2026-01-01T00:00:00Z",
        },
    }  # fmt: skip
    raw = shapes.customer(defaultEmailAddress=None, defaultPhoneNumber=phone)
    assert records.customer(raw).phone == "+31612345678"
    (said,) = records.consent(raw)
    assert (said.channel, said.state, said.phone) == ("sms", ConsentState.DENIED, "+31612345678")


def test_a_redacted_customer_has_nothing_left_but_his_number() -> None:
    gone = dict.fromkeys(("firstName", "lastName", "defaultEmailAddress", "defaultAddress"))
    made = records.customer(shapes.customer(**gone, tags=[]))
    assert_valid(made)
    assert (made.id, made.email, made.city) == ("7", None, None)
    assert records.consent(shapes.customer(**gone)) == []


@pytest.mark.parametrize(
    ("state", "at", "ours"),
    [
        ("SUBSCRIBED", "2026-01-01T00:00:00Z", ConsentState.CONFIRMED),
        ("SUBSCRIBED", None, ConsentState.CONFIRMED),
        ("PENDING", "2026-01-01T00:00:00Z", ConsentState.CONSENTED),
        ("UNSUBSCRIBED", None, ConsentState.DENIED),
        ("NOT_SUBSCRIBED", "2026-01-01T00:00:00Z", ConsentState.UNKNOWN),
        ("NOT_SUBSCRIBED", None, None),
        ("INVALID", None, None),
        ("A_STATE_OF_TOMORROW", None, None),
    ],
)
def test_each_state_of_permission_is_one_of_the_four(
    state: str, at: str | None, ours: ConsentState | None
) -> None:
    address = {
        "emailAddress": "anna@example.com", "marketingState": state,
        "marketingOptInLevel": None, "marketingUpdatedAt": at,
    }  # fmt: skip
    said = records.consent(shapes.customer(defaultEmailAddress=address))
    assert [event.state for event in said] == ([ours] if ours else [])
    assert all((event.at is None) == (at is None) for event in said)


def test_a_statement_carries_its_own_moment_and_level_and_always_the_same_id() -> None:
    (said,) = records.consent(shapes.customer())
    assert said.at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert said.evidence == "SUBSCRIBED, CONFIRMED_OPT_IN"
    (again,) = records.consent(shapes.customer(updatedAt="2026-11-20T00:00:00Z"))
    assert again == said


def test_who_does_not_want_his_data_sold_has_said_so() -> None:
    said = records.consent(shapes.customer(dataSaleOptOut=True))
    assert [(e.channel, e.state) for e in said][-1] == ("data_sale", ConsentState.DENIED)


def test_a_product_has_its_options_stock_and_category() -> None:
    made = records.product(shapes.product())
    assert_valid(made)
    assert (made.product_type, made.category_path, made.gender_target) == (
        "Shirts", ("Men", "Shirts"), "men",
    )  # fmt: skip
    assert [(v.colour, v.size, v.inventory_quantity) for v in made.variants] == [
        ("Blue", "M", 4), ("Blue", "L", 0),
    ]  # fmt: skip
    assert (made.status, made.price, made.image_url) == (
        "active", Decimal(30), "https://shop.example/linen.jpg",
    )  # fmt: skip


def test_a_variant_that_is_sold_without_stock_is_not_sold_out() -> None:
    raw = shapes.product()
    raw["variants"]["nodes"][1]["availableForSale"] = True
    assert records.product(raw).variants[1].inventory_quantity is None


def test_whom_a_product_is_for_is_said_to_google_before_a_tag_says_so() -> None:
    told = shapes.product(category=None, tags=["Women"], gender={"value": "unisex"})
    assert records.product(told).gender_target == "unisex"
    assert records.product(told | {"gender": None}).gender_target == "women"
    assert records.product(told | {"gender": {"value": "all of us"}}).gender_target == "women"


@pytest.mark.parametrize("status", ["DRAFT", "UNLISTED", "A_STATUS_OF_TOMORROW"])
def test_a_product_that_is_shown_to_nobody_is_a_draft(status: str) -> None:
    assert records.product(shapes.product(status=status)).status == "draft"


def test_a_gift_card_is_told_where_the_merchant_wrote_no_type() -> None:
    assert records.product(shapes.product(isGiftCard=True, productType="")).product_type


@pytest.mark.parametrize(
    ("read", "raw", "column"),
    [
        (records.customer, shapes.customer(updatedAt=None), "updatedAt"),
        (records.product, shapes.product(title=None), "title"),
        (checkouts.cart, shapes.checkout(totalPriceSet={"shopMoney": {}}), "currencyCode"),
        (records.customer, shapes.customer(updatedAt="yesterday"), "updatedAt"),
        (records.customer, shapes.customer(updatedAt="2026-01-01T00:00:00"), "updatedAt"),
    ],
)
def test_a_needed_field_that_lacks_is_named(read: Any, raw: dict[str, Any], column: str) -> None:
    with pytest.raises(Unreadable) as failed:
        read(raw)
    for language in ("en", "nl"):
        noted = reject("customers", raw, failed.value, language)
        assert column.rpartition(".")[2] in f"{noted.column} {noted.reason}"
        assert noted.row


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (records.customer, shapes.customer()),
        (records.consent, shapes.customer()),
        (records.product, shapes.product()),
        (orders.order, shapes.order()),
        (orders.refunds, shapes.order(refunds=[shapes.refund("9.00", (1, 1, "9.00"))])),
        (checkouts.cart, shapes.checkout()),
    ],
)
def test_a_new_field_anywhere_changes_nothing(read: Any, raw: dict[str, Any]) -> None:
    assert read(_with_more(raw)) == read(raw)


def _with_more(value: Any) -> Any:
    """A value with a field of tomorrow in each record of it."""
    if isinstance(value, list):
        return [_with_more(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {**{name: _with_more(one) for name, one in value.items()}, "horoscope": "lion"}
