"""The same orders in a shop of another kind: prices without tax, buyers who pay in dollars."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

from tests.emulators.shopify.dialect import bag, cents, money
from tests.emulators.shopify.tables import Row


def without_tax(order: Row) -> Row:
    """Return an order of a shop whose prices have the tax on top."""
    row = deepcopy(order)
    row["taxesIncluded"] = False
    taxes = {}
    for line in row["lineItems"]:
        tax = sum((_amount(one["priceSet"]) for one in line["taxLines"]), Decimal(0))
        taxes[line["id"]] = tax / line["quantity"]
        for name in ("originalTotalSet", "discountedTotalSet"):
            _less(line, name, tax)
    for refund in row["refunds"]:
        for one in refund["refundLineItems"]:
            tax = cents(taxes[one["lineItem"]["id"]] * one["quantity"])
            _less(one, "subtotalSet", tax)
            one["totalTaxSet"] = bag(tax, row["currencyCode"])
    return row


def in_dollars(order: Row, rate: str = "1.1") -> Row:
    """Return an order whose buyer saw and paid every amount in another currency."""
    row: Row = _shown(deepcopy(order), Decimal(rate))
    row["presentmentCurrencyCode"] = "USD"
    return row


def _amount(value: Row) -> Decimal:
    return Decimal(value["shopMoney"]["amount"])


def _less(row: Row, name: str, amount: Decimal) -> None:
    row[name] = bag(_amount(row[name]) - amount, row[name]["shopMoney"]["currencyCode"])


def _shown(value: Any, rate: Decimal) -> Any:
    if isinstance(value, list):
        return [_shown(one, rate) for one in value]
    if not isinstance(value, dict):
        return value
    if "presentmentMoney" in value:
        return {**value, "presentmentMoney": money(cents(_amount(value) * rate), "USD")}
    return {name: _shown(one, rate) for name, one in value.items()}
