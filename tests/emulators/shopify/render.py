"""Customers and orders in Shopify's dialect: what a shop of ours would look like there.

Ids become numbers (`dialect.number`), consent the state a customer has now, refunds a part of
their order.
A loyalty card's number and a birthday are metafields, as merchants have
them; what Shopify has no place for (contacts, an infix of its own) is left out or told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from connectors.records import (
    ConsentEvent,
    ConsentState,
    Customer,
    Order,
    OrderLine,
    OrderStatus,
    Refund,
)
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.dialect import (
    bag,
    cents,
    line_id,
    metafield,
    money,
    number,
    variant_number,
)
from tests.emulators.shopify.tables import Row, gid

_MARKETING = {
    ConsentState.UNKNOWN: ("NOT_SUBSCRIBED", None),
    ConsentState.CONSENTED: ("PENDING", "CONFIRMED_OPT_IN"),
    ConsentState.CONFIRMED: ("SUBSCRIBED", "CONFIRMED_OPT_IN"),
    ConsentState.DENIED: ("UNSUBSCRIBED", "CONFIRMED_OPT_IN"),
}
_SOURCES = {"web": "web", "store": "pos", "wholesale": "shopify_draft_order"}


def customer(
    record: Customer, said: ConsentEvent | None, bought: Sequence[Order], currency: str = "EUR"
) -> Row:
    """Return a `Customer` who stated `said` last and placed the orders `bought`."""
    key = gid("Customer", number(record.id))
    last = max(bought, key=lambda order: order.placed_at, default=None)
    spent = sum((order.total for order in bought), Decimal(0))
    changed = [at for at in (record.source_updated_at, said.at if said else None) if at]
    created = stamp(record.created_at) if record.created_at else "2020-01-01T00:00:00Z"
    born = record.birth_date.isoformat() if record.birth_date else None
    return {
        "__typename": "Customer",
        "id": key,
        "legacyResourceId": str(number(record.id)),
        "createdAt": created,
        "updatedAt": stamp(max(changed)) if changed else created,
        "firstName": record.first_name,
        "lastName": " ".join(filter(None, (record.middle_name, record.last_name))) or None,
        "displayName": record.email or record.id,
        "locale": record.language or "en",
        "state": "ENABLED",
        "note": None,
        "tags": list(record.tags),
        "verifiedEmail": True,
        "taxExempt": False,
        "dataSaleOptOut": False,
        "numberOfOrders": str(len(bought)),
        "amountSpent": money(spent, currency),
        "defaultEmailAddress": email_address(record.email, said) if record.email else None,
        "defaultPhoneNumber": phone_number(record.phone) if record.phone else None,
        "defaultAddress": address(number(record.id), record) if record.country else None,
        "addressesV2": [address(number(record.id), record)] if record.country else [],
        "lastOrder": {"id": gid("Order", number(last.id))} if last else None,
        "statistics": {
            "predictedSpendTier": "HIGH" if len(bought) > 9 else "MEDIUM" if bought else None,
            "rfmGroup": "LOYAL" if len(bought) > 4 else "PROMISING" if bought else "PROSPECTS",
        },
        "metafields": [
            *metafield(key, "custom", "card_number", record.card_no),
            *metafield(key, "facts", "birth_date", born, "date"),
        ],
    }


def email_address(email: str, said: ConsentEvent | None) -> Row:
    """Return a `CustomerEmailAddress`."""
    state, level = _MARKETING[said.state if said else ConsentState.UNKNOWN]
    return {
        "__typename": "CustomerEmailAddress",
        "emailAddress": email,
        "validFormat": True,
        "marketingState": state,
        "marketingOptInLevel": level,
        "marketingUpdatedAt": stamp(said.at) if said and said.at else None,
    }


def phone_number(phone: str) -> Row:
    """Return a `CustomerPhoneNumber` that was never asked for text messages."""
    return {
        "__typename": "CustomerPhoneNumber",
        "phoneNumber": phone,
        "smsMarketingConsent": {"state": "NEVER_SUBSCRIBED", "optInLevel": None, "updatedAt": None},
    }


def address(key: int, who: Customer, first_name: str | None = None) -> Row:
    """Return a `MailingAddress` of a customer, sent to `first_name` where that is another."""
    return {
        "__typename": "MailingAddress",
        "id": gid("MailingAddress", f"{key}?model_name=CustomerAddress"),
        "firstName": first_name or who.first_name,
        "lastName": who.last_name,
        "company": who.company,
        "address1": None,
        "city": who.city,
        "zip": who.postcode,
        "countryCodeV2": who.country,
        "provinceCode": None,
    }


def order(record: Order, refunds: Iterable[Refund], buyer: Customer | None) -> Row:
    """Return an `Order` with its lines and refunds."""
    back = list(refunds)
    returned = {
        line.order_line_id: sum(
            int(one.quantity)
            for refund in back
            for one in refund.lines
            if one.order_line_id == line.order_line_id
        )
        for refund in back
        for line in refund.lines
    }
    refunded = sum((refund.amount or Decimal(0) for refund in back), Decimal(0))
    placed = stamp(record.placed_at)
    moments = [record.source_updated_at or record.placed_at, *(one.refunded_at for one in back)]
    return {
        "__typename": "Order",
        "id": gid("Order", number(record.id)),
        "legacyResourceId": str(number(record.id)),
        "name": record.number or f"#{record.id}",
        "createdAt": placed,
        "processedAt": placed,
        "updatedAt": stamp(max(moments)),
        **_standing(record, refunded),
        **_origin(record, buyer),
        **_amounts(record, refunded),
        "lineItems": [_line(record, line, returned.get(line.id, 0)) for line in record.lines],
        "refunds": [_refund(one, record.currency) for one in back],
    }


def _standing(record: Order, refunded: Decimal) -> Row:
    cancelled = record.status == OrderStatus.CANCELLED
    status = {OrderStatus.OPEN: "PENDING"}.get(record.status, "PAID")
    if refunded:
        status = "REFUNDED" if refunded >= record.total else "PARTIALLY_REFUNDED"
    return {
        "cancelledAt": stamp(record.placed_at) if cancelled else None,
        "cancelReason": "CUSTOMER" if cancelled else None,
        "closedAt": None,
        "closed": False,
        "test": record.status == OrderStatus.TEST,
        "confirmed": True,
        "edited": False,
        "displayFinancialStatus": status,
        "displayFulfillmentStatus": "UNFULFILLED" if cancelled else "FULFILLED",
        "returnStatus": "RETURNED" if refunded else "NO_RETURN",
    }


def _origin(record: Order, buyer: Customer | None) -> Row:
    company = buyer.company if buyer and record.channel == "wholesale" else None
    ref = {"id": gid("Customer", number(record.customer_id))} if record.customer_id else None
    ships = None
    if buyer and buyer.country:
        other = "Robin" if record.ships_to_other else None
        ships = address(number(record.id), buyer, other)
    return {
        "sourceName": _SOURCES.get(record.channel, "web"),
        "customerLocale": buyer.language if buyer else None,
        "customerAcceptsMarketing": False,
        "email": record.email,
        "phone": record.phone,
        "tags": [],
        "note": None,
        "customAttributes": [],
        "cartToken": f"cart{record.id}",
        "checkoutToken": f"checkout{record.id}",
        "app": {"id": gid("App", 580111), "name": "Online Store"},
        "retailLocation": _location(record.store) if record.store else None,
        "customer": ref,
        "purchasingEntity": {"__typename": "PurchasingCompany", "company": _company(company)}
        if company
        else ({"__typename": "Customer", **ref} if ref else None),
        "shippingAddress": ships,
        "billingAddress": address(number(record.id), buyer) if buyer and buyer.country else None,
        "billingAddressMatchesShippingAddress": not record.ships_to_other,
    }


def _location(name: str) -> Row:
    return {"__typename": "Location", "id": gid("Location", len(name)), "name": name}


def _company(name: str) -> Row:
    return {"__typename": "Company", "id": gid("Company", len(name)), "name": name}


def _amounts(record: Order, refunded: Decimal) -> Row:
    currency = record.currency
    lines = sum((line.total for line in record.lines), Decimal(0))
    off = sum((line.discount for line in record.lines), Decimal(0))
    original = money(record.original_total or record.total, record.original_currency or currency)
    return {
        "currencyCode": currency,
        "presentmentCurrencyCode": record.original_currency or currency,
        "taxesIncluded": True,
        "discountCodes": [one.code for one in record.discounts],
        "discountApplications": _applications(record),
        "subtotalPriceSet": bag(lines, currency),
        "currentSubtotalPriceSet": bag(lines - refunded, currency),
        "totalDiscountsSet": bag(off, currency),
        "totalShippingPriceSet": bag(record.shipping, currency),
        "totalTaxSet": bag(record.tax, currency) if record.tax is not None else None,
        "totalPriceSet": {
            "shopMoney": money(record.total, currency),
            "presentmentMoney": original,
        },
        "originalTotalPriceSet": bag(record.total, currency),
        "totalRefundedSet": bag(refunded, currency),
        "currentTotalPriceSet": bag(record.total - refunded, currency),
        "netPaymentSet": bag(record.total - refunded, currency),
    }


def _applications(record: Order) -> list[Row]:
    given: list[Row] = [
        {
            "__typename": "DiscountCodeApplication",
            "code": one.code,
            "value": {"__typename": "MoneyV2", **money(one.amount or Decimal(0), record.currency)}
            if one.kind == "fixed"
            else {"__typename": "PricingPercentageValue", "percentage": 20.0},
        }
        for one in record.discounts
    ]
    if not given and any(line.discount for line in record.lines):
        value = {"__typename": "PricingPercentageValue", "percentage": 20.0}
        given = [{"__typename": "AutomaticDiscountApplication", "title": "Sale", "value": value}]
    for index, one in enumerate(given):
        one |= {
            "index": index,
            "allocationMethod": "ACROSS",
            "targetSelection": "ALL",
            "targetType": "LINE_ITEM",
        }
    return given


def _line(record: Order, line: OrderLine, returned: int) -> Row:
    currency, quantity = record.currency, line.quantity
    full = line.total + line.discount
    applications = _applications(record) if line.discount else []
    allocated = [
        {"allocatedAmountSet": bag(line.discount, currency), "discountApplication": one}
        for one in applications[:1]
    ]
    options = [value for value in (line.colour, line.size) if value]
    return {
        "__typename": "LineItem",
        "id": line_id(record.id, line.id),
        "title": line.title,
        "name": " - ".join([line.title, *([" / ".join(options)] if options else [])]),
        "variantTitle": " / ".join(options) or None,
        "sku": line.sku,
        "vendor": line.brand,
        "quantity": int(quantity),
        "currentQuantity": int(quantity) - returned,
        "refundableQuantity": int(quantity) - returned,
        "isGiftCard": line.product_type in ("Gift cards", "Cadeaubonnen"),
        "requiresShipping": True,
        "taxable": True,
        "customAttributes": [{"key": "gift", "value": "true"}] if line.is_gift else [],
        "sellingPlan": {"name": "Monthly", "sellingPlanId": None} if line.is_subscription else None,
        "product": {"id": gid("Product", number(line.product_id))} if line.product_id else None,
        "variant": {"id": gid("ProductVariant", variant_number(line.product_id, line.variant_id))}
        if line.product_id
        else None,
        "originalUnitPriceSet": bag(cents(full / quantity), currency),
        "originalTotalSet": bag(full, currency),
        "discountedUnitPriceSet": bag(cents(line.total / quantity), currency),
        "discountedUnitPriceAfterAllDiscountsSet": bag(cents(line.total / quantity), currency),
        "discountedTotalSet": bag(line.total, currency),
        "totalDiscountSet": bag(line.discount, currency),
        "discountAllocations": allocated,
        "taxLines": []
        if line.tax is None
        else [{"title": "BTW", "rate": 0.21, "priceSet": bag(line.tax, currency)}],
    }


def _refund(record: Refund, currency: str) -> Row:
    at = stamp(record.refunded_at)
    return {
        "__typename": "Refund",
        "id": gid("Refund", number(record.id)),
        "legacyResourceId": str(number(record.id)),
        "createdAt": at,
        "processedAt": at,
        "updatedAt": at,
        "note": None,
        "order": {"id": gid("Order", number(record.order_id))},
        "totalRefundedSet": bag(record.amount or Decimal(0), currency),
        "refundLineItems": [
            {
                "__typename": "RefundLineItem",
                "id": gid("RefundLineItem", number(f"{record.order_id}-{line.order_line_id}")),
                "quantity": int(line.quantity),
                "restockType": "RETURN",
                "restocked": True,
                "lineItem": {"id": line_id(record.order_id, line.order_line_id)},
                "priceSet": bag(cents(line.amount / line.quantity), currency),
                "subtotalSet": bag(line.amount, currency),
                "totalTaxSet": bag(Decimal(0), currency),
            }
            for line in record.lines
        ],
    }


def latest(events: Iterable[ConsentEvent]) -> dict[str, ConsentEvent]:
    """Return what each customer stated last, by customer id, else by e-mail in lower case."""
    found: dict[str, ConsentEvent] = {}
    for one in sorted(
        events, key=lambda event: (event.at is not None, event.at and event.at.timestamp())
    ):
        key = one.customer_id or (one.email or "").lower()
        if key and one.channel == "email":
            found[key] = one
    return found
