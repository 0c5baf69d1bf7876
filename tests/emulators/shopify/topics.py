"""Topics of webhooks: their names in a header, and the scope that opens them."""

from __future__ import annotations

_ODD = {
    "APP_SCOPES_UPDATE": "app/scopes_update",
    "BULK_OPERATIONS_FINISH": "bulk_operations/finish",
    "CUSTOMERS_PURCHASING_SUMMARY": "customers/purchasing_summary",
    "CUSTOMER_TAGS_ADDED": "customer.tags_added",
    "CUSTOMER_TAGS_REMOVED": "customer.tags_removed",
}
#: First word of a topic to the scope it needs.
_SCOPES = {
    "CARTS": "read_orders",
    "CHECKOUTS": "read_orders",
    "CUSTOMER": "read_customers",
    "CUSTOMERS": "read_customers",
    "ORDERS": "read_orders",
    "PRODUCTS": "read_products",
    "COLLECTIONS": "read_products",
    "REFUNDS": "read_orders",
    "RETURNS": "read_returns",
}
PRIVACY = ("customers/data_request", "customers/redact", "shop/redact")


def header_name(topic: str) -> str:
    """Return what `X-Shopify-Topic` says.

    Examples
    --------
    >>> header_name("ORDERS_CREATE")
    'orders/create'
    >>> header_name("CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE")
    'customers_email_marketing_consent/update'
    """
    head, _, tail = topic.lower().rpartition("_")
    return _ODD.get(topic, f"{head}/{tail}")


def scope_of(topic: str) -> str | None:
    """Return the scope that a topic needs; None for those of the app's own life."""
    if topic == "CUSTOMERS_MERGE":
        return "read_customer_merge"
    return _SCOPES.get(topic.split("_")[0])
