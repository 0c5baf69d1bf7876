"""Getting let in: where the merchant is sent, and what is changed for a token.

Sources: Shopify, "Implement authorization code grant", "Token exchange", "Client credentials
grant", "About offline access tokens"; RFC 6749, RFC 8693. Nothing here is logged, and no error
repeats what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.errors import ConnectorError, NotAuthorized, Unreachable
from connectors.http import Http, Response
from connectors.shopify import errors as problems
from connectors.shopify.shops import URL_TEMPLATE, checked_shop

_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a name, no token


class NotLetIn(NotAuthorized):
    """Shopify does not take what we wanted to change for a token: used, too old or not ours."""


class GrantEnded(NotLetIn):
    """The refresh token is over: the merchant has to let us in again."""


class StaleSession(NotLetIn):
    """The session token is too old: the page has to ask for another one."""


class WrongApplication(ConnectorError):
    """Shopify does not know our client id and secret: this installation's settings are wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """What this installation is registered as at Shopify."""

    client_id: str
    #: The one in use first; the other one while it is being changed.
    secrets: tuple[str, ...] = field(repr=False)
    #: Where the merchant comes back, letter by letter as registered.
    redirect: str
    url_template: str = URL_TEMPLATE

    def url(self, shop: str, path: str) -> str:
        """Return an address of a store, whose name is checked first.

        Raises
        ------
        NoShop
        """
        return f"{self.url_template.format(shop=checked_shop(shop))}/admin/oauth/{path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A token with what belongs to it."""

    access_token: str = field(repr=False)
    #: None: it has no end, which only an app of one's own may have.
    expires_at: datetime | None
    #: "" for a token that is not refreshed but had anew.
    refresh_token: str = field(default="", repr=False)
    refresh_expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()


def authorize_url(app: App, shop: str, scopes: Sequence[str], state: str) -> str:
    """Return where to send the merchant.

    Raises
    ------
    NoShop
    """
    asked = {
        "client_id": app.client_id,
        "scope": ",".join(scopes),
        "redirect_uri": app.redirect,
        "state": state,
    }
    return f"{app.url(shop, 'authorize')}?{urlencode(asked)}"


def lacking(asked: Sequence[str], granted: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes that were not granted; a right to write is one to read.

    Examples
    --------
    >>> lacking(["read_orders", "read_all_orders"], frozenset({"write_orders"}))
    ('read_all_orders',)
    """
    also = {f"read_{scope.removeprefix('write_')}" for scope in granted if scope[:6] == "write_"}
    return tuple(scope for scope in asked if scope not in granted | also)


def exchange_code(http: Http, app: App, shop: str, code: str, *, now: datetime) -> Grant:
    """Change the code of a callback for a token that expires and one that renews it.

    Raises
    ------
    NotLetIn, WrongApplication, Unreachable
    """
    return _expiring(_ask(http, app, shop, {"code": code, "expiring": "1"}), now)


def refresh(http: Http, app: App, shop: str, refresh_token: str, *, now: datetime) -> Grant:
    """Change a refresh token for new ones of both kinds.

    The old one stays good until the new one is used, so a crash before the answer is stored is
    mended by asking again.

    Raises
    ------
    GrantEnded, WrongApplication, Unreachable
    """
    sent = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _expiring(_ask(http, app, shop, sent), now)


def exchange_session(http: Http, app: App, shop: str, token: str, *, now: datetime) -> Grant:
    """Change an embedded page's session token for a token of our own.

    Raises
    ------
    StaleSession, NotLetIn, WrongApplication, Unreachable
    """
    sent = {
        "grant_type": _EXCHANGE,
        "subject_token": token,
        "subject_token_type": _ID_TOKEN,
        "requested_token_type": _OFFLINE,
        "expiring": "1",
    }
    return _expiring(_ask(http, app, shop, sent), now)


def own_credentials(http: Http, app: App, shop: str, *, now: datetime) -> Grant:
    """Get a token for a store of our own organisation, without anybody's click.

    Raises
    ------
    NotLetIn, WrongApplication, Unreachable
    """
    return _grant(_ask(http, app, shop, {"grant_type": "client_credentials"}), now)


def _ask(http: Http, app: App, shop: str, sent: Mapping[str, str]) -> Mapping[str, Any]:
    own = {"client_id": app.client_id, "client_secret": app.secrets[0]}
    response = http.send("POST", app.url(shop, "access_token"), body={**own, **sent})
    document = _document(response)
    if response.status == 200 and document is not None:
        return document
    if response.status == 429 or response.status >= 500 or document is None:
        # A page of HTML in place of a document is a firewall's, and passes.
        raise problems.Overloaded(f"Shopify answered {response.status} to a log-in")
    raise _refused(str(document.get("error") or ""), response.status)


def _refused(code: str, status: int) -> ConnectorError:
    if code == "invalid_client":
        return WrongApplication("Shopify does not know this client id and secret")
    if code == "invalid_subject_token":
        return StaleSession("the session token is too old")
    if code == "invalid_grant":
        return GrantEnded("Shopify's permission has ended")
    # Its description could repeat what was sent; the status cannot.
    return NotLetIn(f"Shopify did not let us in ({status})")


def _document(response: Response) -> Mapping[str, Any] | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _expiring(document: Mapping[str, Any], now: datetime) -> Grant:
    """Read an answer that must have both ends; without, a token would be taken as good for ever."""
    grant = _grant(document, now)
    lasts = document.get("refresh_token_expires_in")
    if not grant.refresh_token or not isinstance(lasts, int):
        raise Unreachable("Shopify gave a token without saying how it is renewed")
    return grant


def _grant(document: Mapping[str, Any], now: datetime) -> Grant:
    token, lasts = document.get("access_token"), document.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(lasts, int):
        raise Unreachable("Shopify gave no token, or one without an end")
    renewable = document.get("refresh_token_expires_in")
    return Grant(
        access_token=token,
        expires_at=now + timedelta(seconds=lasts),
        refresh_token=str(document.get("refresh_token") or ""),
        refresh_expires_at=(
            now + timedelta(seconds=renewable) if isinstance(renewable, int) else None
        ),
        scopes=frozenset(filter(None, str(document.get("scope") or "").split(","))),
    )
