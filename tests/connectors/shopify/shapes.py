"""Answers in the shape that Shopify documents, to be varied by a test."""

from __future__ import annotations

from typing import Any


def money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    """A bag of money as the shop sees it."""
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def customer(**changes: Any) -> dict[str, Any]:
    """A customer who subscribed with a confirmed address."""
    return {
        "id": "gid://shopify/Customer/7",
        "createdAt": "2024-03-01T10:00:00Z",
        "updatedAt": "2026-11-01T09:30:00+01:00",
        "firstName": " Anna ",
        "lastName": "van den Berg",
        "locale": "nl-NL",
        "tags": ["VIP"],
        "dataSaleOptOut": False,
        "defaultEmailAddress": {
            "emailAddress": "Anna@Example.COM",
            "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "CONFIRMED_OPT_IN",
            "marketingUpdatedAt": "2025-01-02T03:04:05Z",
        },
        "defaultPhoneNumber": None,
        "defaultAddress": {"countryCodeV2": "NL", "zip": "1011 AB", "city": "Amsterdam",
                           "company": None},
        "birthDate": {"value": "1984-05-06"},
        "cardNumber": None,
        **changes,
    }  # fmt: skip


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Two shirts of 30.00 with 6.00 off by a code, tax in the price."""
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "title": "Linen shirt",
        "variantTitle": "Blue / M",
        "sku": "LS-1",
        "vendor": "Noordkade",
        "quantity": 2,
        "currentQuantity": 2,
        "isGiftCard": False,
        "product": {
            "id": "gid://shopify/Product/70",
            "productType": "Shirts",
            "category": {"fullName": "Men > Shirts"},
            "gender": None,
        },
        "variant": {
            "id": "gid://shopify/ProductVariant/71",
            "selectedOptions": [{"name": "Kleur", "value": "Blue"}, {"name": "Size", "value": "M"}],
        },
        "sellingPlan": None,
        "customAttributes": [],
        "originalTotalSet": money("60.0"),
        "discountAllocations": [allocation("6.0", "SUMMER")],
        "taxLines": [{"priceSet": money("9.37")}],
        **changes,
    }


def allocation(amount: str, code: str | None) -> dict[str, Any]:
    """What one discount took off a line."""
    kind = "DiscountCodeApplication" if code else "AutomaticDiscountApplication"
    applied: dict[str, Any] = {
        "__typename": kind,
        "value": {"__typename": "PricingPercentageValue"},
    }
    return {
        "allocatedAmountSet": money(amount),
        "discountApplication": applied | ({"code": code} if code else {}),
    }


def refund(amount: str, *back: tuple[int, int, str], **changes: Any) -> dict[str, Any]:
    """A refund; `back` are number of the line, units and what they were worth."""
    return {
        "id": "gid://shopify/Refund/900",
        "createdAt": "2026-10-20T08:00:00Z",
        "processedAt": "2026-10-20T08:00:01Z",
        "updatedAt": "2026-10-20T08:00:02Z",
        "totalRefundedSet": money(amount),
        "refundLineItems": {
            "nodes": [
                {
                    "quantity": units,
                    "lineItem": {"id": f"gid://shopify/LineItem/{number}"},
                    "subtotalSet": money(worth),
                    "totalTaxSet": money("1.00"),
                }
                for number, units, worth in back
            ]
        },
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    """One line of 54.00 and delivery of 4.95."""
    return {
        "id": "gid://shopify/Order/500",
        "name": "#1001",
        "createdAt": "2026-10-01T10:00:00Z",
        "processedAt": "2026-10-01T10:00:00Z",
        "updatedAt": "2026-10-02T10:00:00Z",
        "cancelledAt": None,
        "test": False,
        "edited": False,
        "sourceName": "web",
        "email": "anna@example.com",
        "phone": None,
        "displayFinancialStatus": "PAID",
        "taxesIncluded": True,
        "discountCodes": ["SUMMER"],
        "billingAddressMatchesShippingAddress": True,
        "customer": {"id": "gid://shopify/Customer/7"},
        "purchasingEntity": {"__typename": "Customer"},
        "billingAddress": {"countryCodeV2": "NL"},
        "shippingAddress": {"countryCodeV2": "NL"},
        "totalPriceSet": {
            "shopMoney": {"amount": "58.95", "currencyCode": "EUR"},
            "presentmentMoney": {"amount": "58.95", "currencyCode": "EUR"},
        },
        "totalTaxSet": money("10.23"),
        "lineItems": {"nodes": [line()]},
        "refunds": [],
        **changes,
    }


def product(**changes: Any) -> dict[str, Any]:
    """A shirt in one colour and two sizes, the larger one sold out."""
    variants = [
        {
            "id": f"gid://shopify/ProductVariant/{71 + i}",
            "title": f"Blue / {size}",
            "sku": f"LS-{size}",
            "price": "30.0",
            "inventoryQuantity": stock,
            "availableForSale": stock > 0,
            "selectedOptions": [{"name": "Color", "value": "Blue"},
                                {"name": "Size", "value": size}],
        }
        for i, (size, stock) in enumerate((("M", 4), ("L", 0)))
    ]  # fmt: skip
    return {
        "id": "gid://shopify/Product/70",
        "title": "Linen shirt",
        "status": "ACTIVE",
        "vendor": "Noordkade",
        "productType": "Shirts",
        "tags": ["basics"],
        "createdAt": "2023-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
        "onlineStoreUrl": "https://shop.example/products/linen-shirt",
        "isGiftCard": False,
        "category": {"fullName": "Men > Shirts"},
        "gender": None,
        "featuredMedia": {"preview": {"image": {"url": "https://shop.example/linen.jpg"}}},
        "priceRangeV2": {"minVariantPrice": {"amount": "30.0", "currencyCode": "EUR"}},
        "variants": {"nodes": variants},
        **changes,
    }


def checkout(**changes: Any) -> dict[str, Any]:
    """A checkout left with one shirt in it."""
    return {
        "id": "gid://shopify/AbandonedCheckout/30",
        "abandonedCheckoutUrl": "https://shop.example/1/checkouts/ac/cart30/recover?key=x",
        "createdAt": "2026-11-01T10:00:00Z",
        "updatedAt": "2026-11-01T10:05:00Z",
        "completedAt": None,
        "customer": {
            "id": "gid://shopify/Customer/7",
            "defaultEmailAddress": {"emailAddress": "anna@example.com"},
        },
        "totalPriceSet": money("58.95"),
        "lineItems": {
            "nodes": [line() | {"discountedTotalPriceWithCodeDiscount": money("54.00")}],
        },
        **changes,
    }
