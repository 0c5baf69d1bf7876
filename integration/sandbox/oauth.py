"""`/oauth2`: the page on which a merchant lets an application in, and what it then asks.

Source: Mailchimp developer documentation, "Access data on behalf of other users with OAuth 2".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, make_response, redirect, request
from flask.typing import ResponseReturnValue

from integration.sandbox.pages import harden, render
from integration.sandbox.state import SandboxState

#: The data centre of every account here.
DATA_CENTRE = "us1"
_ASKED = ("client_id", "redirect_uri", "state")


def blueprint(state: SandboxState) -> Blueprint:
    """The routes under /oauth2 and the page of connected applications."""
    bp = Blueprint("oauth", __name__, template_folder="templates")
    doors = _OAuth(state)
    bp.get("/oauth2/authorize")(doors.ask)
    bp.post("/oauth2/authorize")(doors.decide)
    bp.post("/oauth2/token")(doors.token)
    bp.get("/oauth2/metadata")(doors.metadata)
    bp.get("/applications")(doors.applications)
    bp.post("/applications/disconnect")(doors.disconnect)
    bp.before_request(_own_pages_only)
    return bp


def _own_pages_only() -> ResponseReturnValue | None:
    """A page of another site must not press our buttons."""
    foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    if request.method == "POST" and foreign:
        return "not from here", 403
    return None


class _OAuth:
    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def ask(self) -> ResponseReturnValue:
        """GET /oauth2/authorize: approve or refuse."""
        asked = {name: request.args.get(name, "") for name in _ASKED}
        with self._state.lock:
            found = self._state.grants.application(asked["client_id"], asked["redirect_uri"])
        if found is None or request.args.get("response_type") != "code":
            # Never sent on: the address is not one that was registered.
            return _page(render("authorize_refused.html"), 400)
        page = render("authorize.html", application=found, asked=asked)
        return _sends_to(asked["redirect_uri"], make_response(page))

    def decide(self) -> ResponseReturnValue:
        """POST /oauth2/authorize: the merchant pressed a button."""
        asked = {name: request.form.get(name, "") for name in _ASKED}
        client, target = asked["client_id"], asked["redirect_uri"]
        with self._state.lock:
            if self._state.grants.application(client, target) is None:
                return _page(render("authorize_refused.html"), 400)
            if request.form.get("answer") == "approve":
                code = self._state.grants.approve(client, target, self._state.clock.now())
                answer = {"code": code}
            else:
                answer = {"error": "access_denied"}
        if asked["state"]:
            answer["state"] = asked["state"]
        join = "&" if urlsplit(target).query else "?"
        return _sends_to(target, make_response(redirect(f"{target}{join}{urlencode(answer)}")))

    def token(self) -> ResponseReturnValue:
        """POST /oauth2/token: a code for a token, once."""
        form = request.form
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if form.get("grant_type") != "authorization_code":
            return _error(400, "unsupported_grant_type")
        with self._state.lock:
            if not self._state.grants.knows(client, secret):
                return _error(401, "invalid_client")
            now = self._state.clock.now()
            redirect_uri, code = form.get("redirect_uri", ""), form.get("code", "")
            made = self._state.grants.exchange(client, redirect_uri, code, now)
            if made is None:
                return _error(400, "invalid_grant")
            self._state.tokens[made] = True
        self._state.changed.set()
        # No end and no renewal, as Mailchimp's.
        answer = jsonify(access_token=made, expires_in=0, scope=None)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def metadata(self) -> ResponseReturnValue:
        """GET /oauth2/metadata: where the token's account lives."""
        given = request.authorization
        # "OAuth", not "Bearer": only this address wants it so.
        token = given.token if given is not None and given.type == "oauth" else None
        with self._state.lock:
            if token not in self._state.grants.tokens or not self._state.tokens.get(token or ""):
                return _error(401, "invalid_token")
        here = request.host_url.rstrip("/")
        return jsonify(
            dc=DATA_CENTRE,
            role="owner",
            accountname="Stipt sandbox",
            user_id=1,
            login={"login_id": 1, "login_name": "stipt-sandbox"},
            login_url=here,
            api_endpoint=here,
        )

    def applications(self) -> ResponseReturnValue:
        """GET /applications: who was let in, with the button that ends it."""
        with self._state.lock:
            tokens = self._state.tokens
            connected = {
                client: sum(tokens.get(t, False) for t, c in self._state.grants.tokens.items()
                            if c == client)
                for client in self._state.grants.applications
            }  # fmt: skip
            names = {one.id: one.name for one in self._state.grants.applications.values()}
        rows = [(client, names[client], count) for client, count in connected.items()]
        return _page(render("applications.html", rows=rows))

    def disconnect(self) -> ResponseReturnValue:
        """POST /applications/disconnect: none of its tokens works any more."""
        client = request.form.get("client_id", "")
        with self._state.lock:
            for token, of in self._state.grants.tokens.items():
                if of == client:
                    self._state.tokens[token] = False
        self._state.changed.set()
        asked = urlencode({"lang": request.form.get("lang", "en")})
        return make_response(redirect(f"/applications?{asked}", 303))


def _page(html: str, status: int = 200) -> Response:
    return harden(make_response(html, status))


def _sends_to(target: str, response: Response) -> Response:
    """Let a form of the page end at `target`: browsers check where a redirect leads, too."""
    parts = urlsplit(target)
    policy = harden(response).headers["Content-Security-Policy"]
    allowed = f"form-action 'self' {parts.scheme}://{parts.netloc}"
    response.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", allowed)
    return response


def _error(status: int, code: str) -> tuple[Response, int]:
    return jsonify(error=code), status


def registered(body: dict[str, Any]) -> dict[str, Any]:
    """What the admin call must name to register an application; ValueError for anything else."""
    redirects = body.get("redirect_uris", [])
    texts = [body.get(name) for name in ("client_id", "client_secret", "name")]
    if not all(isinstance(text, str) and text for text in (*texts, *redirects)):
        raise ValueError("client_id, client_secret, name and redirect_uris must be texts")
    client, secret, name = texts
    return {"client": client, "secret": secret, "name": name, "redirects": list(redirects)}
