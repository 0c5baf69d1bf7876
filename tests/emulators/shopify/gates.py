"""Who may read what: scopes, the two levels of protected customer data, the 60-day window."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from graphql import GraphQLError

from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.schema import Field
from tests.emulators.shopify.state import Shop

#: Types that a shop's customers stand behind: closed altogether without level 1.
_CUSTOMER_DATA = frozenset({"Customer", "Order", "AbandonedCheckout"})
_WINDOW = timedelta(days=60)
_PROTECTED_URL = "https://shopify.dev/docs/apps/launch/protected-customer-data"
_SCOPES_URL = "https://shopify.dev/api/usage/access-scopes"


def holds(granted: Iterable[str], scope: str) -> bool:
    """Whether a scope is granted; writing implies reading."""
    names = set(granted)
    return scope in names or scope.replace("read_", "write_", 1) in names


def check_field(shop: Shop, scopes: frozenset[str], name: str, field: Field) -> None:
    """Refuse a field that the app may not see.

    Raises
    ------
    GraphQLError
        ACCESS_DENIED; executing then nulls the field and lists the error with its path.
    """
    if field.scopes and not any(holds(scopes, scope) for scope in field.scopes):
        raise GraphQLError(
            f"Access denied for {name} field. Required access: {field.access}",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": _SCOPES_URL,
                "requiredAccess": field.access,
            },
        )
    if field.named in _CUSTOMER_DATA and not shop.approvals.customer_data:
        raise _unapproved(f"access the {field.named} object")
    if field.protected and field.protected not in shop.approvals.fields:
        raise _unapproved(f"use the {name} field")


def _unapproved(what: str) -> GraphQLError:
    return GraphQLError(
        f"This app is not approved to {what}. See {_PROTECTED_URL} for more details.",
        extensions={"code": "ACCESS_DENIED", "documentation": _PROTECTED_URL},
    )


def orders_since(scopes: frozenset[str], now: datetime) -> str | None:
    """Return the moment from which orders are shown; None: all of them."""
    return None if "read_all_orders" in scopes else stamp(now - _WINDOW)
