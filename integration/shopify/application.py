"""What this installation is registered as at Shopify, and what it asks a merchant for."""

from __future__ import annotations

from connectors.shopify.auth import App
from connectors.shopify.shops import URL_TEMPLATE
from integration.settings import Settings

#: Asked for when a store is connected; each opens something that the connection page names.
SCOPES = (
    "read_customers",
    "read_orders",
    "read_all_orders",
    "read_products",
    "read_customer_merge",
)


class NotRegistered(Exception):
    """No app of Shopify's stands in the settings."""


def application(settings: Settings) -> App:
    """Return what we are registered as.

    Raises
    ------
    NotRegistered
    """
    client_id, secrets = settings.shopify_client_id, settings.shopify_client_secrets
    if not client_id or not secrets:
        raise NotRegistered("set STIPT_SHOPIFY_CLIENT_ID and STIPT_SHOPIFY_CLIENT_SECRETS")
    return App(
        client_id=client_id,
        secrets=tuple(secret.get_secret_value() for secret in secrets),
        redirect=f"{settings.public_url.rstrip('/')}/shopify/callback",
        url_template=settings.shopify_url_template or URL_TEMPLATE,
    )


def signing_secrets(settings: Settings) -> tuple[str, ...]:
    """Return what webhooks are signed with, the one in use first; none where no app is named."""
    return tuple(one.get_secret_value() for one in settings.shopify_client_secrets or ())
