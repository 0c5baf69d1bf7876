"""Our ids at Mailchimp: stable over re-installations, and of letters that travel unchanged."""

from __future__ import annotations

import hashlib
import re

#: At most 50 characters (specification), and never "server": the official client rewrites it.
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,50}")
#: How hashed ids begin; ids that look like one are hashed too, so that no two can meet.
_HASHED = "x-"


def remote_id(external_id: str) -> str:
    """Return a source's id as we send it: itself where it can travel, else a hash of it.

    Examples
    --------
    >>> remote_id("1001"), remote_id("Größe 52/L")
    ('1001', 'x-7dc47a2d13126c072f03')
    """
    plain = _SAFE.fullmatch(external_id) and "server" not in external_id.lower()
    if plain and not external_id.startswith(_HASHED):
        return external_id
    return f"{_HASHED}{_digest(external_id)}"


def store_id(platform: str, external_id: str, list_id: str) -> str:
    """Return the id of a source's store in an audience.

    Made of what a re-installation does not change, so that the store there is found again and
    nothing is counted twice. Another audience is another store: Mailchimp never moves one.
    """
    return f"stipt-{_digest(platform, external_id, list_id)}"


def customer_id(store: str, external_id: str) -> str:
    """Return the opaque id of a customer: nothing of it can be read."""
    return f"c-{_digest(store, external_id)}"


def _digest(*parts: str) -> str:
    # Joined by what no id holds, so that ("a", "bc") and ("ab", "c") differ.
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=10).hexdigest()
