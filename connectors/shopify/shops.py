"""How a store is named: its permanent host, and the parameter `host` of Shopify's own pages."""

from __future__ import annotations

import base64
import binascii
import re

#: Where a store's addresses begin; a test's or a demonstration's emulator has another beginning.
URL_TEMPLATE = "https://{shop}"
#: A store's permanent host, in lower case.
SHOP = r"[a-z0-9][a-z0-9\-]*\.myshopify\.com"
_HOST = r"[0-9a-zA-Z+/]+={0,2}"
_HANDLE = r"[a-z0-9][a-z0-9\-]*"


class NoShop(ValueError):
    """A text that names no Shopify store; no address may be made of it."""


def checked_shop(text: str) -> str:
    """Return a store's host in lower case.

    Raises
    ------
    NoShop

    Examples
    --------
    >>> checked_shop("Dressed.myshopify.com")
    'dressed.myshopify.com'
    """
    shop = text.lower()
    if not re.fullmatch(SHOP, shop):
        raise NoShop("not the host of a Shopify store")
    return shop


def shop_of_host(host: str) -> str:
    """Return the store that the parameter `host` of an embedded page means.

    Raises
    ------
    NoShop

    Examples
    --------
    >>> shop_of_host(base64.b64encode(b"admin.shopify.com/store/dressed").decode())
    'dressed.myshopify.com'
    """
    if not re.fullmatch(_HOST, host):
        raise NoShop("host is not in base64")
    try:
        address = base64.b64decode(host + "=" * (-len(host) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise NoShop("host is not in base64") from None
    unified = re.fullmatch(f"admin\\.shopify\\.com/store/({_HANDLE})", address)
    if unified:
        return f"{unified[1]}.myshopify.com"
    own = re.fullmatch(f"({SHOP})/admin", address)
    if not own:
        raise NoShop("host is no page of a Shopify store")
    return own[1]
