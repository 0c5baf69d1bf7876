"""Access and refresh tokens, and the rules by which they live and die.

Sources: shopify.dev, "About offline access tokens"; changelog of 2026-08-28, "More resilient
refreshes": a refresh token that was used stays usable until its successor is used, at most 30 days
after its own first use and never beyond its 90 days. Every token ends with the client secret that
it was asked for with.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.emulators.shopify.state import Shop

ACCESS = timedelta(seconds=3_600)
REFRESH = timedelta(seconds=7_776_000)
STILL_USABLE = timedelta(days=30)
CLIENT_CREDENTIALS = timedelta(seconds=86_399)


class InvalidGrant(Exception):
    """A code or token that cannot be exchanged (any more); the text says why."""


@dataclass
class AccessToken:
    """What a call is let in by."""

    value: str
    shop: str
    expires_at: datetime | None
    #: The client secret that it was asked for with.
    secret: str
    #: "offline", "online" or "client_credentials".
    kind: str = "offline"


@dataclass
class RefreshToken:
    """What a new pair is given for."""

    value: str
    shop: str
    expires_at: datetime
    secret: str
    parent: RefreshToken | None = None
    #: Given for this one; a repeated refresh replaces it.
    child: RefreshToken | None = None
    first_used_at: datetime | None = None
    dead: bool = False

    def usable(self, now: datetime) -> bool:
        """Whether a pair is given for it."""
        used_up = self.first_used_at is not None and now > self.first_used_at + STILL_USABLE
        return not self.dead and not used_up and now < self.expires_at


class Tokens:
    """Every token of our app."""

    def __init__(self, secrets: Callable[[], list[str]]) -> None:
        #: The client secrets that count, the newest first.
        self._secrets = secrets
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}

    def mint(
        self,
        shop: Shop,
        now: datetime,
        *,
        expiring: bool,
        secret: str | None = None,
        parent: RefreshToken | None = None,
    ) -> dict[str, Any]:
        """Return a new pair as the token endpoint answers it; asked for with the newest secret."""
        token, secret = f"shpat_{secrets.token_hex(16)}", secret or self._secrets()[0]
        until = now + ACCESS if expiring else None
        self._access[token] = AccessToken(token, shop.domain, until, secret)
        answer: dict[str, Any] = {"access_token": token, "scope": scope_text(shop)}
        if not expiring:
            return answer
        value, until = f"shprt_{secrets.token_hex(16)}", now + REFRESH
        refresh = RefreshToken(value, shop.domain, until, secret, parent)
        self._refresh[refresh.value] = refresh
        if parent is not None:
            parent.child = refresh
        return {
            **answer,
            "expires_in": int(ACCESS.total_seconds()),
            "refresh_token": refresh.value,
            "refresh_token_expires_in": int(REFRESH.total_seconds()),
        }

    def mint_short(self, shop: Shop, now: datetime, kind: str, secret: str) -> dict[str, Any]:
        """Return a token for a day that nothing refreshes: online, or client credentials."""
        token = f"shpat_{secrets.token_hex(16)}"
        self._access[token] = AccessToken(
            token, shop.domain, now + CLIENT_CREDENTIALS, secret, kind
        )
        lives = int(CLIENT_CREDENTIALS.total_seconds())
        return {"access_token": token, "scope": scope_text(shop), "expires_in": lives}

    def refresh(self, value: str, shop: Shop, now: datetime, secret: str) -> dict[str, Any]:
        """Return the next pair.

        Raises
        ------
        InvalidGrant
        """
        found = self._refresh.get(value)
        is_mine = found is not None and found.shop == shop.domain
        if found is None or not is_mine or found.secret not in self._secrets():
            raise InvalidGrant("This request requires an active refresh_token")
        if not found.usable(now):
            raise InvalidGrant("This request requires an active refresh_token")
        found.first_used_at = found.first_used_at or now
        if found.parent is not None:
            found.parent.dead = True
        if found.child is not None:
            # Only the pair given last can still be in anybody's hands.
            found.child.dead = True
        return self.mint(shop, now, expiring=True, secret=secret, parent=found)

    def check(self, value: str, shop: str, now: datetime) -> AccessToken | None:
        """Return the token when it opens the shop now."""
        found = self._access.get(value)
        if found is None or found.shop != shop or found.secret not in self._secrets():
            return None
        return found if found.expires_at is None or now < found.expires_at else None

    def take_non_expiring(self, value: str, shop: str) -> bool:
        """End a non-expiring token that is exchanged for an expiring one; False: no such token."""
        found = self._access.get(value)
        if found is None or found.shop != shop or found.expires_at is not None:
            return False
        del self._access[value]
        return True

    def revoke(self, shop: str) -> None:
        """End every token of a shop."""
        self._access = {key: one for key, one in self._access.items() if one.shop != shop}
        self._refresh = {key: one for key, one in self._refresh.items() if one.shop != shop}


def scope_text(shop: Shop) -> str:
    """Return the granted scopes as the token endpoint lists them: what is implied is left out."""
    granted = shop.scopes or frozenset()
    return ",".join(
        sorted(
            scope
            for scope in granted
            if not (scope.startswith("read_") and scope.replace("read_", "write_", 1) in granted)
        )
    )
