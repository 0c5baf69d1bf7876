"""The small change of Shopify's dialect: ids as numbers, money, moments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.emulators.shopify.tables import gid, number_of


def number(canonical_id: str) -> int:
    """Return the number that stands for one of our ids.

    Examples
    --------
    >>> number("10001"), number("7013912-204"), number("cart-650")
    (10001, 7013912204, 650)
    """
    if canonical_id.isdigit():
        return int(canonical_id)
    first, *more = [part for part in canonical_id.split("-") if part.isdigit()]
    return int(first + "".join(part.zfill(3) for part in more))


def line_id(order_id: str, line: str) -> str:
    """Return the global id of an order's line."""
    return gid("LineItem", number(f"{order_id}-{line}"))


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """Return a `MoneyV2`."""
    return {"amount": str(amount), "currencyCode": currency}


def bag(amount: Decimal, currency: str) -> dict[str, Any]:
    """Return a `MoneyBag`, shown to the buyer in the shop's own currency."""
    both = money(amount, currency)
    return {"shopMoney": both, "presentmentMoney": both}


def metafield(
    owner: str, namespace: str, key: str, value: str | None, kind: str = "single_line_text_field"
) -> list[dict[str, Any]]:
    """Return a record's own `Metafield`, where it has a value."""
    if value is None:
        return []
    told = {"namespace": namespace, "key": key, "type": kind, "value": value}
    return [{"__typename": "Metafield", "id": gid("Metafield", number_of(owner)), **told}]


def cents(amount: Decimal) -> Decimal:
    """Round to two digits, as Shopify's unit prices are."""
    return amount.quantize(Decimal("0.01"))


def variant_number(product_id: str, variant_id: str | None) -> int:
    """Return a variant's number; a product without variants has one all the same."""
    return number(variant_id or f"{product_id}-000")
