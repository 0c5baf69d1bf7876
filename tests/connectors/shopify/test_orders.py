"""What Shopify tells of orders and refunds, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.records import OrderStatus, RefundDetail
from connectors.shopify import orders
from connectors.shopify.fields import Unreadable
from tests.connectors.shopify import shapes
from tests.connectors.shopify.shapes import money
from tests.connectors.validity import assert_valid

D = Decimal


def test_an_order_keeps_what_was_bought_as_it_was() -> None:
    made = orders.order(shapes.order())
    assert_valid(made)
    (line,) = made.lines
    assert (line.title, line.brand, line.product_type, line.colour, line.size) == (
        "Linen shirt", "Noordkade", "Shirts", "Blue", "M",
    )  # fmt: skip
    assert (line.quantity, line.total, line.discount, line.tax) == (D(2), D(54), D(6), D("9.37"))
    assert (made.total, made.shipping, made.number) == (D("58.95"), D("4.95"), "#1001")
    assert [(d.code, d.amount, d.kind) for d in made.discounts] == [
        ("SUMMER", D(6), "percentage"),
    ]  # fmt: skip


def test_prices_without_tax_are_told_with_it() -> None:
    raw = shapes.order(
        taxesIncluded=False,
        totalPriceSet={"shopMoney": {"amount": "68.32", "currencyCode": "EUR"}},
        refunds=[shapes.refund("31.68", (1, 1, "27.00"))],
    )
    made = orders.order(raw)
    assert (made.lines[0].total, made.shipping) == (D("63.37"), D("4.95"))
    (refund,) = orders.refunds(raw)
    assert refund.lines[0].amount == D("28.00")


def test_a_foreign_buyers_order_counts_in_the_shops_currency() -> None:
    raw = shapes.order()
    raw["totalPriceSet"]["presentmentMoney"] = {"amount": "64.10", "currencyCode": "USD"}
    made = orders.order(raw)
    assert (made.total, made.currency) == (D("58.95"), "EUR")
    assert (made.original_total, made.original_currency) == (D("64.10"), "USD")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, OrderStatus.PAID),
        ({"displayFinancialStatus": "PARTIALLY_REFUNDED"}, OrderStatus.PAID),
        ({"displayFinancialStatus": "REFUNDED"}, OrderStatus.PAID),
        ({"displayFinancialStatus": "PENDING"}, OrderStatus.OPEN),
        ({"displayFinancialStatus": "VOIDED"}, OrderStatus.CANCELLED),
        ({"cancelledAt": "2026-10-03T00:00:00Z"}, OrderStatus.CANCELLED),
        ({"test": True, "cancelledAt": "2026-10-03T00:00:00Z"}, OrderStatus.TEST),
    ],
)
def test_where_an_order_stands(changes: dict[str, Any], status: OrderStatus) -> None:
    assert orders.order(shapes.order(**changes)).status is status


@pytest.mark.parametrize(
    ("changes", "channel"),
    [
        ({"sourceName": "pos"}, "store"),
        ({"purchasingEntity": {"__typename": "PurchasingCompany"}}, "wholesale"),
        ({"sourceName": "580111", "purchasingEntity": None}, "web"),
    ],
)
def test_where_an_order_was_placed(changes: dict[str, Any], channel: str) -> None:
    assert orders.order(shapes.order(**changes)).channel == channel


def test_a_guest_is_named_by_his_address() -> None:
    made = orders.order(shapes.order(customer=None))
    assert (made.customer_id, made.email) == (None, "anna@example.com")


def test_a_deleted_product_leaves_its_title_behind() -> None:
    raw = shapes.order(lineItems=[shapes.line(product=None, variant=None)])
    (line,) = orders.order(raw).lines
    assert (line.product_id, line.title, line.brand) == (None, "Linen shirt", "Noordkade")


def test_a_gift_card_that_was_bought_is_no_need_for_shirts() -> None:
    raw = shapes.order(lineItems=[shapes.line(isGiftCard=True, product=None)])
    assert orders.order(raw).lines[0].product_type == "Gift card"


def test_a_subscription_decided_for_the_buyer() -> None:
    raw = shapes.order(lineItems=[shapes.line(sellingPlan={"name": "Monthly"})])
    assert orders.order(raw).lines[0].is_subscription


@pytest.mark.parametrize(
    ("name", "value", "is_gift"),
    [
        pytest.param("gift", "true", True, id="a theme's tick"),
        pytest.param("_Gift-Wrapping", "Yes", True, id="an app's hidden one"),
        pytest.param("Cadeau", "nee", False, id="not ticked"),
        pytest.param("Engraving", "Gift for Bo", False, id="another property"),
    ],
)
def test_a_present_is_told_by_a_lines_property(name: str, value: str, is_gift: bool) -> None:
    line = shapes.line(customAttributes=[{"key": name, "value": value}])
    (made,) = orders.order(shapes.order(lineItems={"nodes": [line]})).lines
    assert made.is_gift is is_gift


def test_a_parcel_to_somebody_else_is_told_only_where_both_addresses_are() -> None:
    other = {"billingAddressMatchesShippingAddress": False}
    assert orders.order(shapes.order(**other)).ships_to_other
    assert not orders.order(shapes.order(**other, shippingAddress=None)).ships_to_other


def test_what_an_edit_took_off_was_not_bought_and_what_came_back_was() -> None:
    lines = [
        shapes.line(1, quantity=3, currentQuantity=1, originalTotalSet=money("90.00"),
                    discountAllocations=[]),
        shapes.line(2, quantity=1, currentQuantity=0, originalTotalSet=money("30.00")),
    ]  # fmt: skip
    raw = shapes.order(
        edited=True, lineItems=lines, refunds=[shapes.refund("30.00", (1, 1, "30.00"))]
    )
    (line,) = orders.order(raw).lines
    assert (line.id, line.quantity, line.total) == ("1", D(2), D("60.00"))


def test_a_refund_is_told_by_line_and_parts_of_one_line_are_one() -> None:
    raw = shapes.order(refunds=[shapes.refund("54.00", (1, 1, "27.00"), (1, 1, "27.00"))])
    (made,) = orders.refunds(raw)
    assert_valid(made)
    assert (made.id, made.order_id, made.amount, made.detail) == (
        "900", "500", D(54), RefundDetail.PER_LINE,
    )  # fmt: skip
    assert [(x.order_line_id, x.quantity, x.amount) for x in made.lines] == [("1", D(2), D(54))]


def test_money_given_back_for_nothing_has_no_lines() -> None:
    (made,) = orders.refunds(shapes.order(refunds=[shapes.refund("5.00")]))
    assert (made.detail, made.amount, made.lines) == (RefundDetail.TOTAL, D(5), ())


def test_the_only_refund_is_known_without_its_lines_where_it_can_be_no_other() -> None:
    whole = shapes.refund("27.00", (1, 1, "27.00"))
    raw = shapes.order(lineItems=[shapes.line(currentQuantity=1)], refunds=[whole])
    found = orders.plain_refund(raw)
    assert found is not None
    guessed = shapes.order(
        lineItems=[shapes.line(currentQuantity=1)], refunds=[{**whole, "refundLineItems": found}]
    )
    assert orders.refunds(guessed) == orders.refunds(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"refunds": [shapes.refund("27.00"), shapes.refund("0.00")]},
        {"refunds": [shapes.refund("26.00")]},
        {"refunds": [shapes.refund("27.00")], "edited": True},
        {"refunds": [shapes.refund("0.00")], "lineItems": [shapes.line()]},
    ],
)
def test_a_refund_that_may_be_another_is_asked_for(changes: dict[str, Any]) -> None:
    lines = {"lineItems": [shapes.line(currentQuantity=1)]}
    assert orders.plain_refund(shapes.order(**{**lines, **changes})) is None


@pytest.mark.parametrize("column", ["processedAt", "updatedAt", "totalPriceSet", "lineItems"])
def test_an_order_without_what_is_needed_names_it(column: str) -> None:
    with pytest.raises(Unreadable, match=column):
        orders.order(shapes.order(**{column: None}))
