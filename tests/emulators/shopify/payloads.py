"""Bodies of webhooks: REST-shaped, with the fields that are left since version 2025-01."""

from __future__ import annotations

from typing import Any

from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tables import Row, number_of


def of(row: Row) -> dict[str, Any]:
    """Return the body that tells of a record."""
    return {
        "Customer": customer,
        "Order": order,
        "Product": product,
        "AbandonedCheckout": checkout,
    }[row["__typename"]](row)


def _number(ref: Row | None) -> int | None:
    return number_of(ref["id"]) if ref else None


def _base(row: Row) -> dict[str, Any]:
    return {
        "id": number_of(row["id"]),
        "admin_graphql_api_id": row["id"],
        "created_at": row["createdAt"],
        "updated_at": row["updatedAt"],
    }


def customer(row: Row) -> dict[str, Any]:
    """Return a customer: no tags, no consent, no order counts since 2025-01."""
    email, phone = row["defaultEmailAddress"], row["defaultPhoneNumber"]
    return {
        **_base(row),
        "first_name": row["firstName"],
        "last_name": row["lastName"],
        "email": email["emailAddress"] if email else None,
        "phone": phone["phoneNumber"] if phone else None,
        "state": row["state"].lower(),
        "note": row["note"],
        "verified_email": row["verifiedEmail"],
        "multipass_identifier": None,
        "tax_exempt": row["taxExempt"],
        "currency": row["amountSpent"]["currencyCode"],
        "addresses": [],
        "tax_exemptions": [],
    }


def order(row: Row) -> dict[str, Any]:
    """Return an order with lines and refunds."""
    return {
        **_base(row),
        "name": row["name"],
        "processed_at": row["processedAt"],
        "cancelled_at": row["cancelledAt"],
        "cancel_reason": (row["cancelReason"] or "").lower() or None,
        "test": row["test"],
        "currency": row["currencyCode"],
        "email": row["email"],
        "total_price": row["totalPriceSet"]["shopMoney"]["amount"],
        "current_total_price": row["currentTotalPriceSet"]["shopMoney"]["amount"],
        "financial_status": row["displayFinancialStatus"].lower(),
        "source_name": row["sourceName"],
        "cart_token": row["cartToken"],
        "checkout_token": row["checkoutToken"],
        "tags": ", ".join(row["tags"]),
        "customer": {"id": _number(row["customer"])} if row["customer"] else None,
        "line_items": [_line(line) for line in row["lineItems"]],
        "refunds": [refund(row, one) for one in row["refunds"]],
    }


def _line(row: Row) -> dict[str, Any]:
    return {
        "id": number_of(row["id"]),
        "admin_graphql_api_id": row["id"],
        "title": row["title"],
        "variant_title": row.get("variantTitle"),
        "sku": row["sku"],
        "vendor": row.get("vendor"),
        "quantity": row["quantity"],
        "current_quantity": row.get("currentQuantity", row["quantity"]),
        "product_id": _number(row["product"]),
        "variant_id": _number(row["variant"]),
    }


def refund(whole: Row, row: Row) -> dict[str, Any]:
    """Return a refund of an order."""
    return {
        "id": number_of(row["id"]),
        "admin_graphql_api_id": row["id"],
        "order_id": number_of(whole["id"]),
        "created_at": row["createdAt"],
        "processed_at": row["processedAt"],
        "refund_line_items": [
            {
                "id": number_of(line["id"]),
                "line_item_id": _number(line["lineItem"]),
                "quantity": line["quantity"],
                "restock_type": line["restockType"].lower(),
                "subtotal": line["subtotalSet"]["shopMoney"]["amount"],
            }
            for line in row["refundLineItems"]
        ],
    }


def product(row: Row) -> dict[str, Any]:
    """Return a product with its variants."""
    return {
        **_base(row),
        "title": row["title"],
        "handle": row["handle"],
        "vendor": row["vendor"],
        "product_type": row["productType"],
        "status": row["status"].lower(),
        "tags": ", ".join(row["tags"]),
        "published_at": row["publishedAt"],
        "variants": [
            {"id": number_of(one["id"]), "sku": one["sku"], "price": one["price"]}
            for one in row["variants"]
        ],
        "options": [{"name": one["name"], "values": one["values"]} for one in row["options"]],
    }


def checkout(row: Row) -> dict[str, Any]:
    """Return a checkout: its token and no id since 2026-04."""
    return {
        "token": row["token"],
        "cart_token": row["cartToken"],
        "created_at": row["createdAt"],
        "updated_at": row["updatedAt"],
        "completed_at": row["completedAt"],
        "abandoned_checkout_url": row["abandonedCheckoutUrl"],
        "email": row.get("email"),
        "total_price": row["totalPriceSet"]["shopMoney"]["amount"],
        "currency": row["totalPriceSet"]["shopMoney"]["currencyCode"],
        "customer": {"id": _number(row["customer"])} if row["customer"] else None,
        "line_items": [_line(line) for line in row["lineItems"]],
    }


def deleted(row: Row) -> dict[str, Any]:
    """Return what is left to say of a record that is gone."""
    if row["__typename"] == "AbandonedCheckout":
        return {"token": row["token"]}
    left: dict[str, Any] = {"id": number_of(row["id"])}
    if row["__typename"] == "Customer":
        left |= {"admin_graphql_api_id": row["id"], "tax_exemptions": []}
    return left


def shop(found: Shop) -> dict[str, Any]:
    """Return the shop, as app/uninstalled and shop/update tell it."""
    return {
        "id": found.number,
        "name": found.name,
        "email": found.email,
        "domain": found.host,
        "myshopify_domain": found.domain,
        "currency": found.currency,
        "iana_timezone": found.time_zone,
        "plan_name": found.plan,
    }


def email_consent(row: Row) -> dict[str, Any]:
    """Return `customers_email_marketing_consent/update`."""
    email = row["defaultEmailAddress"]
    return {
        "customer_id": number_of(row["id"]),
        "email_address": email["emailAddress"],
        "email_marketing_consent": {
            "state": email["marketingState"].lower(),
            "opt_in_level": (email["marketingOptInLevel"] or "").lower() or None,
            "consent_updated_at": email["marketingUpdatedAt"],
        },
    }


def privacy(found: Shop, row: Row | None, **more: Any) -> dict[str, Any]:
    """Return one of the mandatory privacy webhooks; without a customer: shop/redact."""
    body: dict[str, Any] = {"shop_id": found.number, "shop_domain": found.domain}
    if row is not None:
        said = customer(row)
        body["customer"] = {name: said[name] for name in ("id", "email", "phone")}
    return {**body, **more}
