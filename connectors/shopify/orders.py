"""Shopify's orders and refunds as records.

========================================  =====================================================
Shopify                                   here
========================================  =====================================================
`processedAt`                             when it was bought: imported orders are created later
`test`, `cancelledAt`                     TEST, CANCELLED
financial status VOIDED, EXPIRED          CANCELLED
PENDING, AUTHORIZED                       OPEN
all others                                PAID; what went back are refunds
`sourceName` "pos"                        channel "store"; which one needs another scope
bought by a company                       channel "wholesale"
shop money                                every amount; what the buyer saw is `original_total`
`originalTotalSet` less allocations       a line's total, with its tax where prices are net
total less the lines                      shipping: delivery, and duties, fees and tips with it
an edited order's removed units           not bought
a line's property "gift" and the like     a present
========================================  =====================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from connectors.records import (
    Discount,
    Order,
    OrderLine,
    OrderStatus,
    Refund,
    RefundDetail,
    RefundLine,
)
from connectors.shopify.fields import (
    Raw,
    amount,
    by_number,
    count,
    inner,
    moment,
    moment_or_none,
    need,
    nodes,
    number,
    text,
)
from connectors.shopify.records import email, goods

_CANCELLED = frozenset(("VOIDED", "EXPIRED"))
_OPEN = frozenset(("PENDING", "AUTHORIZED"))
_KINDS = {"MoneyV2": "fixed", "PricingPercentageValue": "percentage"}
_CENT = Decimal("0.01")
#: Fields that name who bought.
_BUYER = frozenset(("customer", "email", "phone"))
#: What shops and gift-wrapping apps call a line's tick for a present.
_GIFT = frozenset(
    ("gift", "is gift", "gift wrap", "gift wrapping", "cadeau", "cadeauverpakking", "inpakken")
)
_NO = frozenset(("", "no", "nee", "false", "0"))


def order(raw: Raw) -> Order:
    """Return an order with its lines; the refunds of an edited one have to be whole.

    Raises
    ------
    Unreadable
    """
    total = amount(raw, "totalPriceSet")
    lines = tuple(_lines(raw))
    seen = inner(raw, "totalPriceSet", "presentmentMoney")
    currency = need(raw, "totalPriceSet", "shopMoney", "currencyCode")
    other = bool(seen) and seen.get("currencyCode") not in (None, currency)
    buyer = raw.get("customer")
    return Order(
        id=number(need(raw, "id")),
        number=text(raw, "name"),
        customer_id=number(buyer["id"]) if buyer else None,
        email=email(text(raw, "email")),
        phone=text(raw, "phone"),
        placed_at=moment(raw, "processedAt"),
        status=_status(raw),
        channel=_channel(raw),
        currency=currency,
        total=total,
        shipping=total - sum((line.total for line in lines), Decimal(0)),
        tax=amount(raw, "totalTaxSet") if raw.get("totalTaxSet") else None,
        original_total=amount(seen, "amount") if other else None,
        original_currency=seen["currencyCode"] if other else None,
        ships_to_other=_ships_to_other(raw),
        discounts=_discounts(raw),
        lines=lines,
        source_updated_at=moment(raw, "updatedAt"),
        buyer_untold=not _BUYER.isdisjoint(raw.get("refused", ())),
    )


def _status(raw: Raw) -> OrderStatus:
    if raw.get("test"):
        return OrderStatus.TEST
    money = raw.get("displayFinancialStatus")
    if moment_or_none(raw, "cancelledAt") or money in _CANCELLED:
        return OrderStatus.CANCELLED
    return OrderStatus.OPEN if money in _OPEN else OrderStatus.PAID


def _channel(raw: Raw) -> str:
    if raw.get("sourceName") == "pos":
        return "store"
    is_company = inner(raw, "purchasingEntity", "__typename") == "PurchasingCompany"
    return "wholesale" if is_company else "web"


def _ships_to_other(raw: Raw) -> bool:
    # Shopify answers false as well where one of the two is not there.
    both = raw.get("billingAddress") and raw.get("shippingAddress")
    return bool(both) and raw.get("billingAddressMatchesShippingAddress") is False


def _lines(raw: Raw) -> Iterator[OrderLine]:
    returned = _returned(raw) if raw.get("edited") else None
    for one in by_number(nodes(raw, "lineItems")):
        line = goods(one, is_gift_card=bool(one.get("isGiftCard")))
        told = _paid(one, line, net=not raw.get("taxesIncluded"))
        if returned is not None:
            # What an edit took off was never paid; what came back was.
            bought = count(one, "currentQuantity") + returned[line.id]
            told = _share(told, min(bought, told.quantity))
        if told.quantity:
            yield told


def _paid(raw: Raw, line: OrderLine, *, net: bool) -> OrderLine:
    discount = sum(
        (amount(one, "allocatedAmountSet") for one in nodes(raw, "discountAllocations")),
        Decimal(0),
    )
    tax = sum((amount(one, "priceSet") for one in nodes(raw, "taxLines")), Decimal(0))
    total = amount(raw, "originalTotalSet") - discount
    return replace(
        line,
        total=total + tax if net else total,
        discount=discount,
        tax=tax,
        is_gift=_is_gift(raw),
        is_subscription=bool(raw.get("sellingPlan")),
    )


def _is_gift(raw: Raw) -> bool:
    """Tell whether the buyer ticked on a line that it is a present; apps hide a name by "_"."""
    for one in raw.get("customAttributes") or ():
        name = str(one.get("key", "")).replace("_", " ").replace("-", " ").strip().casefold()
        if name in _GIFT and str(one.get("value") or "").strip().casefold() not in _NO:
            return True
    return False


def _share(line: OrderLine, quantity: Decimal) -> OrderLine:
    """Return a line of fewer units."""
    if quantity == line.quantity:
        return line
    part = quantity / line.quantity

    def cut(money: Decimal) -> Decimal:
        return (money * part).quantize(_CENT)

    return replace(
        line,
        quantity=quantity,
        total=cut(line.total),
        discount=cut(line.discount),
        tax=None if line.tax is None else cut(line.tax),
    )


def _returned(raw: Raw) -> Mapping[str, Decimal]:
    """Return the units that came back by line."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for refund in nodes(raw, "refunds"):
        for one in nodes(refund, "refundLineItems"):
            found[number(need(one, "lineItem", "id"))] += count(one, "quantity")
    return found


def _discounts(raw: Raw) -> tuple[Discount, ...]:
    """Return the codes of an order, each with what it took off."""
    taken: dict[str, Decimal] = defaultdict(Decimal)
    kinds: dict[str, str | None] = {}
    for line in by_number(nodes(raw, "lineItems")):
        for one in nodes(line, "discountAllocations"):
            code = text(one, "discountApplication", "code")
            if code:
                taken[code] += amount(one, "allocatedAmountSet")
                kind = inner(one, "discountApplication", "value", "__typename")
                kinds[code] = _KINDS.get(kind)
    codes = dict.fromkeys([*(code for code in raw.get("discountCodes") or () if code), *taken])
    return tuple(
        # A code for free delivery takes nothing off a line: how much is not told.
        Discount(code=code, amount=taken.get(code), kind=kinds.get(code))
        for code in codes
    )


def refunds(raw: Raw) -> list[Refund]:
    """Return what went back of an order, each refund by line where its lines are known.

    Raises
    ------
    Unreadable
    """
    return [_refund(raw, one) for one in by_number(nodes(raw, "refunds"))]


def _refund(raw: Raw, refund: Raw) -> Refund:
    # One line may be told in parts, such as some put back on the shelf and others not.
    units: dict[str, Decimal] = defaultdict(Decimal)
    money: dict[str, Decimal] = defaultdict(Decimal)
    for one in nodes(refund, "refundLineItems"):
        line = number(need(one, "lineItem", "id"))
        units[line] += count(one, "quantity")
        money[line] += amount(one, "subtotalSet")
        if not raw.get("taxesIncluded"):
            money[line] += amount(one, "totalTaxSet")
    lines = tuple(
        RefundLine(order_line_id=line, quantity=quantity, amount=money[line])
        for line, quantity in sorted(units.items())
        if quantity > 0
    )
    at = moment_or_none(refund, "processedAt") or moment(refund, "createdAt")
    return Refund(
        id=number(need(refund, "id")),
        order_id=number(need(raw, "id")),
        refunded_at=at,
        currency=need(raw, "totalPriceSet", "shopMoney", "currencyCode"),
        detail=RefundDetail.PER_LINE if lines else RefundDetail.TOTAL,
        amount=amount(refund, "totalRefundedSet"),
        lines=lines,
        source_updated_at=moment(refund, "updatedAt"),
    )


def plain_refund(raw: Raw) -> list[Raw] | None:
    """Return the lines of an order's only refund where they can be no others, else None.

    A bulk operation cannot list a refund's lines. Where what is no longer on the lines is worth
    just what went back, they are known without another question.

    Raises
    ------
    Unreadable
    """
    told = nodes(raw, "refunds")
    if len(told) != 1 or raw.get("edited"):
        return None
    back: list[Raw] = []
    left = amount(told[0], "totalRefundedSet")
    net = not raw.get("taxesIncluded")
    for one in nodes(raw, "lineItems"):
        line = _paid(one, goods(one), net=net)
        units = line.quantity - count(one, "currentQuantity")
        if not units:
            continue
        share = line.total * units / line.quantity
        if share != share.quantize(_CENT):
            return None
        left -= share
        back.append(
            {
                "quantity": int(units),
                "lineItem": {"id": one["id"]},
                "subtotalSet": {"shopMoney": {"amount": str(share.quantize(_CENT))}},
                "totalTaxSet": {"shopMoney": {"amount": "0"}},
            }
        )
    return None if left or not back else back
