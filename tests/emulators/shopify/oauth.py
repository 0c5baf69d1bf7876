"""Shopify's side of OAuth: the consent page, the signed way back, the token endpoint."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from tests.emulators.shopify import pages
from tests.emulators.shopify.gates import holds
from tests.emulators.shopify.log import Entry
from tests.emulators.shopify.signing import host_of, read_session_token, signed_query
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tokens import InvalidGrant

if TYPE_CHECKING:
    from tests.emulators.shopify.server import ShopifyEmulator

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
_ONLINE = "urn:shopify:params:oauth:token-type:online-access-token"


def blueprint(shopify: ShopifyEmulator) -> Blueprint:
    """Return the OAuth routes of every shop."""
    routes = Blueprint("oauth", __name__)
    flow = OAuth(shopify)
    shopify.oauth = flow

    @routes.get("/<domain>/admin/oauth/authorize")
    def ask(domain: str) -> ResponseReturnValue:
        shop = shopify.shops.get(domain) or abort(404)
        return flow.ask(shop, request.args)

    @routes.post("/<domain>/admin/oauth/authorize")
    def answer(domain: str) -> ResponseReturnValue:
        shop = shopify.shops.get(domain) or abort(404)
        if request.form.get("answer") != "install":
            return redirect(f"/{domain}/admin")
        return redirect(flow.approve(shop, request.args))

    @routes.post("/<domain>/admin/oauth/access_token")
    def exchange(domain: str) -> ResponseReturnValue:
        shop = shopify.shops.get(domain) or abort(404)
        given = request.get_json(silent=True) or request.form
        entry = Entry(request.method, request.path, domain, at=shopify.clock())
        entry.operation = str(given.get("grant_type", "authorization_code"))
        shopify.requests.append(entry)
        answer = shopify.faults.around(
            request.path, entry.operation, lambda: flow.exchange(shop, given)
        )
        entry.status = answer.status_code
        return answer

    return routes


class OAuth:
    """The authorization-code grant and its relatives."""

    def __init__(self, shopify: ShopifyEmulator) -> None:
        self._shopify = shopify
        #: Code to (shop, per user).
        self._codes: dict[str, tuple[str, bool]] = {}
        #: Sign the pairs as they are sent, the other reading of the documentation.
        self.signs_encoded = False

    def entry_url(self, shop: Shop, **more: str) -> str:
        """Return where Shopify sends a merchant who clicks on our app."""
        app = self._shopify.app
        given = {"shop": shop.domain, "timestamp": self._timestamp(), "host": host_of(shop.domain)}
        return f"{app.app_url}?{self._sign({**given, **more})}"

    def _sign(self, parameters: Mapping[str, str]) -> str:
        secret = self._shopify.app.client_secret
        return signed_query(parameters, secret, encoded=self.signs_encoded)

    def _timestamp(self) -> str:
        return str(int(self._shopify.clock().timestamp()))

    def ask(self, shop: Shop, given: Mapping[str, str]) -> ResponseReturnValue:
        """Show the consent page, or go back at once when nothing new is asked."""
        wrong = self._wrong(given)
        if wrong:
            return pages.oauth_error(wrong), 400
        asked = _scopes(given)
        known = shop.scopes is not None and all(holds(shop.scopes, scope) for scope in asked)
        if shop.approves_itself or known:
            return redirect(self.approve(shop, given))
        return pages.consent(shop, self._shopify.app, asked)

    def _wrong(self, given: Mapping[str, str]) -> str:
        app = self._shopify.app
        if given.get("client_id") != app.client_id:
            return "invalid_request: Could not find Shopify API application with this api_key"
        target = given.get("redirect_uri", "")
        if app.redirect_urls and target not in app.redirect_urls:
            return "invalid_request: The redirect_uri is not whitelisted"
        if urlsplit(target).scheme not in ("http", "https"):
            return "invalid_request: The redirect_uri is missing"
        return "" if given.get("scope") else "invalid_scope: The access scope is invalid"

    def approve(self, shop: Shop, given: Mapping[str, str]) -> str:
        """Grant what the merchant and Shopify grant; return the signed way back."""
        granted = {scope for scope in _scopes(given) if scope not in shop.refused_scopes}
        if not shop.approvals.all_orders:
            granted.discard("read_all_orders")
        self._shopify.grant(shop, frozenset(granted) | (shop.scopes or frozenset()))
        code = secrets.token_hex(16)
        self._codes[code] = (shop.domain, given.get("grant_options[]") == "per-user")
        back = {
            "code": code,
            "shop": shop.domain,
            "state": given.get("state", ""),
            "timestamp": self._timestamp(),
            "host": host_of(shop.domain),
        }
        target = given["redirect_uri"]
        return f"{target}{'&' if '?' in target else '?'}{self._sign(back)}"

    def exchange(self, shop: Shop, given: Mapping[str, Any]) -> Response:
        """Answer the token endpoint."""
        app = self._shopify.app
        known = given.get("client_id") == app.client_id
        if not known or given.get("client_secret") not in app.client_secrets:
            return _refused("invalid_client", "Client authentication failed")
        grant = given.get("grant_type", "authorization_code")
        now = self._shopify.clock()
        try:
            if grant == "refresh_token":
                found = self._shopify.tokens.refresh(
                    str(given.get("refresh_token")), shop, now, str(given["client_secret"])
                )
            elif grant == _EXCHANGE:
                found = self._token_exchange(shop, given)
            elif grant == "client_credentials":
                found = self._client_credentials(shop, given)
            else:
                found = self._code(shop, given)
        except InvalidGrant as error:
            name = "invalid_request" if grant == "authorization_code" else "invalid_grant"
            name = "invalid_subject_token" if grant == _EXCHANGE else name
            return _refused(name, str(error))
        return jsonify(found)

    def _code(self, shop: Shop, given: Mapping[str, Any]) -> dict[str, Any]:
        domain, per_user = self._codes.pop(str(given.get("code")), ("", False))
        if domain != shop.domain or shop.scopes is None:
            raise InvalidGrant("The authorization code was not found or was already used")
        if per_user:
            return self._online(shop, given)
        return self._offline(shop, given)

    def _offline(self, shop: Shop, given: Mapping[str, Any]) -> dict[str, Any]:
        now, secret = self._shopify.clock(), str(given["client_secret"])
        expiring = _yes(given.get("expiring"))
        return self._shopify.tokens.mint(shop, now, expiring=expiring, secret=secret)

    def _online(self, shop: Shop, given: Mapping[str, Any]) -> dict[str, Any]:
        now, secret = self._shopify.clock(), str(given["client_secret"])
        found = self._shopify.tokens.mint_short(shop, now, "online", secret)
        user = {"id": 42, "email": shop.email, "account_owner": True, "locale": "en"}
        return {**found, "associated_user_scope": found["scope"], "associated_user": user}

    def _token_exchange(self, shop: Shop, given: Mapping[str, Any]) -> dict[str, Any]:
        app, now = self._shopify.app, self._shopify.clock()
        subject, kind = str(given.get("subject_token")), given.get("subject_token_type")
        if kind == _OFFLINE:
            if not self._shopify.tokens.take_non_expiring(subject, shop.domain):
                raise InvalidGrant("The subject token is not an offline token of this shop")
        elif kind == _ID_TOKEN:
            claims = read_session_token(subject, app.client_secrets, now)
            if claims is None or claims["dest"] != f"https://{shop.domain}":
                raise InvalidGrant("The session token is invalid or has expired")
        else:
            raise InvalidGrant("The subject_token_type is not supported")
        if shop.scopes is None:
            raise InvalidGrant("The app is not installed")
        if given.get("requested_token_type") == _ONLINE:
            return self._online(shop, given)
        return self._offline(shop, given)

    def _client_credentials(self, shop: Shop, given: Mapping[str, Any]) -> dict[str, Any]:
        if self._shopify.app.distribution != "organisation" or shop.scopes is None:
            raise InvalidGrant("Client credentials are only for shops of the app's organisation")
        now, secret = self._shopify.clock(), str(given["client_secret"])
        return self._shopify.tokens.mint_short(shop, now, "client_credentials", secret)


def _scopes(given: Mapping[str, str]) -> list[str]:
    return [scope.strip() for scope in given.get("scope", "").split(",") if scope.strip()]


def _yes(value: Any) -> bool:
    return value in (1, "1", True, "true")


def _refused(error: str, why: str) -> Response:
    answer = jsonify({"error": error, "error_description": why})
    answer.status_code = 400
    return answer
