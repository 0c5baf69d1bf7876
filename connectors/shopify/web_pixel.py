"""A store's web pixel at Shopify: switched on with its settings, changed, switched off.

An app has one in a store. Its code is deployed with the app (`pixel/`); here it is told where to
send, by settings of the form that `pixel/shopify.extension.toml` declares.

Source: Shopify, "Build web pixels", and the Admin API's schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import NotReadable
from connectors.shopify.client import Client
from connectors.shopify.errors import BadQuery, UserErrors
from connectors.shopify.fields import number

PIXEL = "query WebPixel { webPixel { id settings } }"

PIXEL_CREATE = """
mutation WebPixelCreate($pixel: WebPixelInput!) {
  webPixelCreate(webPixel: $pixel) { webPixel { id } userErrors { field message code } }
}
"""

PIXEL_UPDATE = """
mutation WebPixelUpdate($id: ID!, $pixel: WebPixelInput!) {
  webPixelUpdate(id: $id, webPixel: $pixel) { webPixel { id } userErrors { field message code } }
}
"""

PIXEL_DELETE = """
mutation WebPixelDelete($id: ID!) {
  webPixelDelete(id: $id) { deletedWebPixelId userErrors { field message code } }
}
"""

ORDERS_OF_CHECKOUTS = """
query OrdersOfCheckouts($query: String!) {
  orders(first: 50, query: $query) { nodes { checkoutToken customer { id } } }
}
"""
#: Checkouts asked about in one question: as many as its page has.
CHECKOUTS_AT_ONCE = 50


def put(client: Client, settings: Mapping[str, str], known: str = "") -> str:
    """Have a store's pixel send as these settings say; return its id. Repeated, it stays so.

    Parameters
    ----------
    known
        Its id, where there was one when we looked last.

    Raises
    ------
    ConnectorError
    """
    given = {"settings": json.dumps(settings)}
    if known:
        try:
            return _change(client, known, given)
        except UserErrors as error:
            if not _is(error, "NOT_FOUND"):
                raise
    try:
        made = client.run(PIXEL_CREATE, {"pixel": given}).mutated("webPixelCreate")
    except UserErrors as error:
        if not _is(error, "TAKEN"):
            raise
        return _change(client, _found(client), given)
    return _id(made)


def remove(client: Client, known: str = "") -> None:
    """Take our pixel out of a store, where it is; `known` is its id.

    Raises
    ------
    ConnectorError
    """
    there = known or _found(client)
    if not there:
        return
    try:
        client.run(PIXEL_DELETE, {"id": there}).mutated("webPixelDelete")
    except UserErrors as error:
        if not _is(error, "NOT_FOUND"):
            raise


def _change(client: Client, key: str, given: Mapping[str, str]) -> str:
    changed = client.run(PIXEL_UPDATE, {"id": key, "pixel": given})
    return _id(changed.mutated("webPixelUpdate"))


def _found(client: Client) -> str:
    """Return our pixel's id; "" where there is none, which Shopify calls an error."""
    try:
        pixel = client.run(PIXEL).need("webPixel")
    except BadQuery:
        return ""
    return str(pixel["id"]) if pixel else ""


def _id(payload: Mapping[str, Any]) -> str:
    if not payload.get("webPixel"):
        raise NotReadable("Shopify did not say which web pixel it has now")
    return str(payload["webPixel"]["id"])


def _is(error: UserErrors, code: str) -> bool:
    return any(one.code == code for one in error.errors)


def buyers_of_checkouts(client: Client, tokens: Sequence[str]) -> Mapping[str, str]:
    """Return the numbers of the customers whose orders came of checkouts, by the checkouts' tokens.

    "" for an order of nobody; a checkout of which no order came (yet) is left out.

    Raises
    ------
    ConnectorError
    """
    found: dict[str, str] = {}
    for start in range(0, len(tokens), CHECKOUTS_AT_ONCE):
        some = set(tokens[start : start + CHECKOUTS_AT_ONCE])
        given = {"query": " OR ".join(f"checkout_token:'{token}'" for token in sorted(some))}
        for order in client.run(ORDERS_OF_CHECKOUTS, given).need("orders")["nodes"]:
            # A filter that Shopify does not know it passes over, and brings any order.
            if order["checkoutToken"] in some:
                customer = order["customer"]
                found[order["checkoutToken"]] = number(customer["id"]) if customer else ""
    return found
