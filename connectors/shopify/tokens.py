"""Three ways to have a token, behind `client.Tokens`: renewed, fixed, or had anew each day.

Where a renewed token is kept, and how two processes keep out of each other's way, is the caller's:
see `Keeper`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from connectors.errors import Unreachable
from connectors.http import Http
from connectors.shopify.auth import App, Grant, GrantEnded, own_credentials, refresh
from connectors.shopify.errors import TokenRefused

#: A token with less than this left is renewed.
EARLY = timedelta(minutes=5)
#: One that somebody else is just renewing is still used down to this.
LATE = timedelta(seconds=30)
#: Seconds between two looks whether somebody else is done.
_LOOK_S = 0.2
#: Looks, after which whoever renews has been given up: longer than a hold lasts.
_LOOKS = 450


class Keeper(Protocol):
    """Where a shop's grant is kept, and who may renew it: one at a time, over all processes."""

    def read(self) -> Grant:
        """Return the grant as it is kept now.

        Raises
        ------
        TokenRefused
            There is none any more.
        """
        ...

    def hold(self) -> str | None:
        """Reserve the renewing for a while; None while somebody else has it.

        Whoever is killed loses it after that while.
        """
        ...

    def keep(self, hold: str, grant: Grant) -> bool:
        """Keep a new grant and let go, both at once; False, and nothing is kept, without a hold."""
        ...

    def let_go(self, hold: str) -> None:
        """Let go without a new grant."""
        ...

    def ended(self, hold: str) -> None:
        """Note that the merchant has to let us in again, and let go."""
        ...


class RenewedTokens:
    """The tokens of an installed app: an hour long, renewed by one that lasts 90 days.

    Parameters
    ----------
    clock, sleep
        The moment, aware; and how to wait for somebody else who renews.
    """

    def __init__(
        self,
        keeper: Keeper,
        app: App,
        shop: str,
        *,
        http: Http,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._keeper, self._app, self._shop = keeper, app, shop
        self._http, self._clock, self._sleep = http, clock, sleep
        self._given = ""

    def access_token(self, *, force: bool = False) -> str:
        """Return a token that is good now; with `force` another one than was given last.

        Raises
        ------
        TokenRefused
            The merchant has to let us in again.
        Unreachable
        """
        self._given = self._good(self._given if force else "", EARLY)
        return self._given

    def _good(self, refused: str, margin: timedelta) -> str:
        for _ in range(_LOOKS):
            grant = self._keeper.read()
            if self._is_good(grant, refused, margin):
                return grant.access_token
            hold = self._keeper.hold()
            if hold is not None:
                return self._renewed(hold, refused, margin)
            if self._is_good(grant, refused, LATE):
                return grant.access_token
            self._sleep(_LOOK_S)
        raise Unreachable("another process renews the token and does not get done")

    def _is_good(self, grant: Grant, refused: str, margin: timedelta) -> bool:
        if grant.access_token == refused:
            return False
        return grant.expires_at is None or grant.expires_at - self._clock() > margin

    def _renewed(self, hold: str, refused: str, margin: timedelta) -> str:
        """Renew with the hold, unless somebody did between our look and our hold."""
        try:
            grant = self._keeper.read()
            if self._is_good(grant, refused, margin):
                self._keeper.let_go(hold)
                return grant.access_token
            new = self._refresh(grant)
        except GrantEnded as error:
            self._keeper.ended(hold)
            raise TokenRefused("Shopify's permission has ended: connect the shop again") from error
        except Exception:
            self._keeper.let_go(hold)
            raise
        if self._keeper.keep(hold, new):
            return new.access_token
        # Our hold was over, and somebody else renewed: what is kept counts, ours was never used.
        return self._good(refused, margin)

    def _refresh(self, grant: Grant) -> Grant:
        now, until = self._clock(), grant.refresh_expires_at
        if not grant.refresh_token or (until is not None and until <= now):
            raise GrantEnded("the refresh token is past its date")
        return refresh(self._http, self._app, self._shop, grant.refresh_token, now=now)


class FixedToken:
    """The token of an app that the merchant made in his own admin; it has no end."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self, *, force: bool = False) -> str:
        """Return the token.

        Raises
        ------
        TokenRefused
            With `force`: there is no other one.
        """
        if force:
            raise TokenRefused("Shopify does not accept the token: give Stipt a new one")
        return self._token


class OwnCredentials:
    """A token for a store of our own organisation, had anew when a day is over; kept nowhere."""

    def __init__(self, app: App, shop: str, *, http: Http, clock: Callable[[], datetime]) -> None:
        self._app, self._shop, self._http, self._clock = app, shop, http, clock
        self._grant: Grant | None = None

    def access_token(self, *, force: bool = False) -> str:
        """Return a token that is good now.

        Raises
        ------
        NotLetIn, WrongApplication, Unreachable
        """
        grant, now = self._grant, self._clock()
        ends = grant.expires_at if grant else None
        if force or grant is None or (ends is not None and ends - now <= EARLY):
            grant = self._grant = own_credentials(self._http, self._app, self._shop, now=now)
        return grant.access_token
