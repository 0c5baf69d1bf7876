"""Shopify's checkouts as carts, and the name by which webhooks and orders know one.

A checkout has two tokens, its own and that of its cart. The Admin API shows neither: only the
address to go on with it holds one, as `.../checkouts/ac/TOKEN/recover`. An order tells both.
Source: Shopify's reference of version 2026-10, `AbandonedCheckout` (its examples) and `Order`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.records import Cart
from connectors.shopify.fields import (
    Raw,
    amount,
    by_number,
    inner,
    moment,
    need,
    nodes,
    number,
    text,
)
from connectors.shopify.records import email, goods

_ADDRESS = re.compile(r"/checkouts/(?:[a-z]{2}/)?([\w-]{3,200})(?:[/?#]|$)", re.ASCII)
_TOKEN = re.compile(r"[\w-]{3,200}", re.ASCII)


def token_in(address: str | None) -> str | None:
    """Return the token in the address of a checkout; None where there is none.

    Examples
    --------
    >>> token_in("https://shop.example/26371970/checkouts/ac/hWN2TB7Z/recover?key=1&locale=nl")
    'hWN2TB7Z'
    >>> token_in("https://shop.example/26371970/checkouts/exuw7apw/recover?key=1")
    'exuw7apw'
    """
    found = _ADDRESS.search(address or "")
    return found[1] if found else None


def is_token(text: object) -> bool:
    """Tell whether something has the form of a token, and may be put into a filter."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def completed(rows: Sequence[Raw]) -> dict[str, Raw]:
    """Return the checkouts that became an order, by their tokens."""
    by_token = {token_in(text(row, "abandonedCheckoutUrl")): row for row in rows}
    return {token: row for token, row in by_token.items() if token and row.get("completedAt")}


def order_filter(tokens: Sequence[str]) -> str:
    """Return Shopify's search filter for the orders that checkouts became."""
    return " OR ".join(f"checkout_token:'{one}' OR cart_token:'{one}'" for one in tokens)


def name_orders(by_token: Mapping[str, Any], orders: Sequence[Raw]) -> None:
    """Write into checkouts the id of the order that each became."""
    for order in orders:
        for name in ("checkoutToken", "cartToken"):
            if (token := text(order, name)) and token in by_token:
                by_token[token]["order"] = order["id"]


def cart(raw: Raw) -> Cart:
    """Return a checkout that was begun.

    What it became is named by `name_orders`; where that order cannot be found (any more), by the
    checkout itself, so that the cart is closed all the same.

    Raises
    ------
    Unreadable
    """
    key = number(need(raw, "id"))
    buyer, became = raw.get("customer"), raw.get("order")
    lines = tuple(
        replace(goods(one), total=amount(one, "discountedTotalPriceWithCodeDiscount"))
        for one in by_number(nodes(raw, "lineItems"))
    )
    closed = number(became) if became else f"checkout {key}"
    return Cart(
        id=key,
        customer_id=number(buyer["id"]) if buyer else None,
        email=email(text(raw, "customer", "defaultEmailAddress", "emailAddress")),
        currency=need(raw, "totalPriceSet", "shopMoney", "currencyCode"),
        total=amount(raw, "totalPriceSet"),
        updated_at=moment(raw, "updatedAt"),
        checkout_url=text(raw, "abandonedCheckoutUrl"),
        order_id=closed if inner(raw, "completedAt") else None,
        lines=lines,
        source_updated_at=moment(raw, "updatedAt"),
    )
