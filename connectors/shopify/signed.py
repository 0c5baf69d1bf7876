"""Who sent the browser here: the signature of an address's query.

Sources: Shopify, "Verify an installation request", and two libraries of theirs that read values in
different ways where one holds "=", "/" or "+". Either reading counts: both are made with a secret
that only Shopify and we have.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, unquote_plus

from connectors.errors import NotGenuine

#: How old a signed address may be.
FRESH = timedelta(minutes=10)
_UNSIGNED = ("hmac", "signature")


def verify_query(query: str, secrets: Sequence[str], *, now: datetime) -> Mapping[str, str]:
    """Return the parameters of a query that Shopify signed just now.

    Parameters
    ----------
    query
        What follows the "?", as it was received.
    secrets
        The client secret, and the other one while it is being changed.

    Raises
    ------
    NotGenuine
        Not signed with one of the secrets, too old, or a parameter twice.

    Examples
    --------
    >>> from datetime import UTC
    >>> signed = "shop=some-shop.myshopify.com&timestamp=1337178173"
    >>> mac = sign(signed, "hush")
    >>> now = datetime.fromtimestamp(1337178180, UTC)
    >>> verify_query(f"{signed}&hmac={mac}", ["hush"], now=now)["shop"]
    'some-shop.myshopify.com'
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    single = [name for name, _ in pairs if not name.endswith("[]")]
    if len(single) != len(set(single)):
        raise NotGenuine("a parameter stands twice in the address")
    named = dict(pairs)
    given = named.get("hmac", "").encode()
    readings = (_decoded(pairs), _as_received(query))
    # All are compared, so that the time tells nothing.
    matches = [
        hmac.compare_digest(sign(text, secret).encode(), given)
        for text in readings
        for secret in secrets
    ]
    if not any(matches):
        raise NotGenuine("the address was not signed by Shopify")
    if not _is_fresh(named.get("timestamp", ""), now):
        raise NotGenuine("the signed address is too old")
    return {name: value for name, value in named.items() if name not in _UNSIGNED}


def sign(text: str, secret: str) -> str:
    """Return the signature of a query's text: HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _is_fresh(timestamp: str, now: datetime) -> bool:
    if not timestamp.isdecimal():
        return False
    return abs(now.timestamp() - int(timestamp)) <= FRESH.total_seconds()


def _decoded(pairs: Sequence[tuple[str, str]]) -> str:
    """Join the values as they are meant; what separates is escaped, so that nothing is moved."""
    lists: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            lists.setdefault(name.removesuffix("[]"), []).append(value)
        elif name not in _UNSIGNED:
            values[name] = value
    values |= {name: json.dumps(several) for name, several in lists.items()}
    escaped = (
        (name.replace("%", "%25").replace("=", "%3D"), value.replace("%", "%25"))
        for name, value in sorted(values.items())
    )
    return "&".join(f"{name}={value}".replace("&", "%26") for name, value in escaped)


def _as_received(query: str) -> str:
    parts = [part for part in query.split("&") if part]
    signed = [part for part in parts if _name(part) not in _UNSIGNED]
    return "&".join(sorted(signed, key=_name))


def _name(part: str) -> str:
    return unquote_plus(part.partition("=")[0])
