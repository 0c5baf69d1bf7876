"""What a store lets us do: each right found out by asking for one thing that needs it.

What the store has none of cannot be refused either: then a right counts as there, and the daily
look finds out once there is something. Each is asked for apart, as one refused object may take the
whole answer with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.errors import NotReadable
from connectors.shopify import documents
from connectors.shopify.client import Client
from connectors.shopify.errors import AccessDenied, GraphError

#: In the order in which they are shown.
RIGHTS = ("customers", "email", "consent", "orders", "all_orders", "products")
#: What a right lacks: a scope that the merchant grants, or an approval that Shopify gives.
SCOPE, APPROVAL = "scope", "approval"

CUSTOMERS = "query CustomersRight { customers(first: 1) { nodes { id } } }"
CONTACT = """
query ContactRight {
  customers(first: 1) { nodes { id defaultEmailAddress { emailAddress marketingState } } }
}
"""
ORDERS = "query OrdersRight { orders(first: 1) { nodes { id } } }"
PRODUCTS = "query ProductsRight { products(first: 1) { nodes { id } } }"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Who a store is."""

    #: "gid://shopify/Shop/1"; it stays when the store is renamed.
    id: str
    name: str
    domain: str
    currency: str
    time_zone: str
    scopes: frozenset[str]
    #: Where Shopify reaches the merchant about it; None where it does not say.
    email: str | None = None


def profile(client: Client) -> Profile:
    """Ask a store who it is.

    Raises
    ------
    ConnectorError
    """
    data = client.run(documents.SHOP).data
    try:
        shop, granted = data["shop"], data["currentAppInstallation"]["accessScopes"]
        return Profile(
            id=shop["id"],
            name=shop["name"],
            domain=shop["myshopifyDomain"],
            currency=shop["currencyCode"],
            time_zone=shop["ianaTimezone"],
            scopes=frozenset(scope["handle"] for scope in granted),
            email=shop.get("contactEmail"),
        )
    except (KeyError, TypeError) as error:
        raise NotReadable(f"Shopify did not say who the store is: {error} is missing") from None


def rights(client: Client, scopes: frozenset[str]) -> dict[str, str]:
    """Return each right with what it lacks: "" when it is there, else `SCOPE` or `APPROVAL`.

    Raises
    ------
    ConnectorError
    """
    customers = _lack(client, CUSTOMERS)
    email, consent = (customers, customers) if customers else _contact(client)
    orders = _lack(client, ORDERS)
    return {
        "customers": customers,
        "email": email,
        "consent": consent,
        "orders": orders,
        "all_orders": orders or ("" if "read_all_orders" in scopes else SCOPE),
        "products": _lack(client, PRODUCTS),
    }


def _lack(client: Client, document: str) -> str:
    return next((_kind(error) for error in _refusals(client, document)), "")


def _contact(client: Client) -> tuple[str, str]:
    """What the address lacks, and what the statement about permission does."""
    found = {"email": "", "consent": ""}
    for error in _refusals(client, CONTACT):
        field = error.path[-1] if error.path else ""
        for name, leaf in (("email", "emailAddress"), ("consent", "marketingState")):
            if field in (leaf, "defaultEmailAddress") or not isinstance(field, str) or not field:
                found[name] = _kind(error)
    return found["email"], found["consent"]


def _refusals(client: Client, document: str) -> Iterator[GraphError]:
    try:
        errors = client.run(document).errors
    except AccessDenied as error:
        # A call that is refused as a whole (403) has a sentence only, and it is about a scope.
        yield from error.errors or [GraphError(message=str(error), code="ACCESS_DENIED")]
        return
    yield from (error for error in errors if error.is_refusal)


def _kind(error: GraphError) -> str:
    return APPROVAL if error.is_protected else SCOPE
