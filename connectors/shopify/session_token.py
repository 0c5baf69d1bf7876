"""Who looks at an embedded page: Shopify's session token, a JWT that lives for a minute.

Source: Shopify, "About session tokens". It is no token for the Admin API: `auth.exchange_session`
changes it for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from connectors.errors import NotGenuine
from connectors.shopify.shops import NoShop, checked_shop

#: Seconds by which Shopify's clock and ours may differ.
SKEW_S = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """A member of the store's staff, as Shopify vouches for them."""

    shop: str
    #: Shopify's id of the person.
    user: str


def verify_session(token: str, *, client_id: str, secrets: Sequence[str], now: datetime) -> Visitor:
    """Return who a session token speaks for; the shop is the one that it names itself.

    Raises
    ------
    NotGenuine
    """
    claims = _claims(token, secrets)
    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=SKEW_S,
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        nbf={"essential": True},
        iss={"essential": True},
        dest={"essential": True},
    )
    try:
        rules.validate(claims)
        shop = checked_shop(_host(claims["dest"]))
        if _host(claims["iss"]) != shop:
            raise NotGenuine("the session token names two shops")
    except (JoseError, NoShop):
        raise NotGenuine("the session token is not good (any more)") from None
    return Visitor(shop=shop, user=str(claims.get("sub") or ""))


def _claims(token: str, secrets: Sequence[str]) -> dict[str, Any]:
    for secret in secrets:
        try:
            return dict(jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims)
        except (JoseError, ValueError):
            continue
    raise NotGenuine("the session token was not signed by Shopify")


def _host(address: object) -> str:
    parts = urlsplit(str(address))
    return (parts.hostname or "") if parts.scheme == "https" else ""
