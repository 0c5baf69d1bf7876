"""Having a Shopify store tell us of what happens in it."""

from __future__ import annotations

from connectors.shopify import subscriptions
from integration.context import Context
from integration.db import scoped
from integration.shopify.stores import of_shop, open_client
from integration.tables import Shop

#: Where Shopify's webhooks come in.
PATH = "/hooks/shopify"


def look_after(context: Context, shop: Shop) -> dict[str, str]:
    """Make what is missing of a store's webhooks; return topics we cannot have, and why.

    An installation that nobody outside can reach asks for none: the nightly reading is all it has.

    Raises
    ------
    ConnectorError
    """
    settings = context.settings
    address = settings.public_url.rstrip("/")
    if not address.startswith("https://") and settings.shopify_url_template is None:
        return {}
    with scoped(context.engine, shop.account_id) as session:
        store = of_shop(session, shop.id or 0)
        scopes = store.scopes.get("names", []) if store else []
    return subscriptions.look_after(open_client(context, shop), address + PATH, scopes).refused
