"""The three ways in which Shopify signs: queries, webhooks, session tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode


def signed_query(parameters: Mapping[str, str], secret: str, *, encoded: bool = False) -> str:
    """Return a query string with its `hmac`.

    Two readings of "the sorted pairs" are in use; `encoded` signs the pairs as they are sent.
    """
    pairs = sorted(parameters.items())
    if encoded:
        message = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    else:
        message = "&".join(f"{name}={value}" for name, value in pairs)
    sign = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return urlencode([*pairs, ("hmac", sign)], quote_via=quote, safe="")


def host_of(shop: str) -> str:
    """Return the parameter `host`: where the shop's admin is, in base64."""
    place = f"admin.shopify.com/store/{shop.removesuffix('.myshopify.com')}"
    return base64.b64encode(place.encode()).decode()


def webhook_signature(body: bytes, secret: str) -> str:
    """Return `X-Shopify-Hmac-Sha256`.

    Examples
    --------
    >>> webhook_signature(b'{"id":1,"email":"a@example.com"}', "hush")
    'SnRPygpSlvOBkfX6XdQZR4cL4GiE8A3prXrBdoz9iBA='
    """
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def session_token(shop: str, client_id: str, secret: str, now: datetime, **claims: Any) -> str:
    """Return what App Bridge hands to an embedded page, good for a minute.

    Its beginning often lies a little ahead of everybody else's clock.
    """
    at = int(now.timestamp())
    payload = {
        "iss": f"https://{shop}/admin",
        "dest": f"https://{shop}",
        "aud": client_id,
        "sub": "42",
        "exp": at + 60,
        "nbf": at + 5,
        "iat": at,
        "jti": f"jti-{at}",
        "sid": "session-1",
        **claims,
    }
    head = _part({"alg": "HS256", "typ": "JWT"}) + "." + _part(payload)
    sign = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{_text(sign)}"


def read_session_token(token: str, secrets: list[str], now: datetime) -> dict[str, Any] | None:
    """Return the claims of a session token; None when it is not good (any more)."""
    head, _, sign = token.rpartition(".")
    good = [
        _text(hmac.new(one.encode(), head.encode(), hashlib.sha256).digest()) for one in secrets
    ]
    if sign not in good:
        return None
    body = head.partition(".")[2]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims if claims["exp"] > now.timestamp() else None


def _part(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
