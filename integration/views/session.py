"""Logging in and out, and the two preferences that work before it: language and theme."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user
from sqlalchemy import Engine
from sqlmodel import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from integration.accounts import LANGUAGES, authenticate
from integration.db import unscoped
from integration.tables import Account, User
from integration.views.base import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    LoggedIn,
    context,
    cookie,
    own_or_404,
    own_rows,
    user,
)
from integration.views.texts import gettext

#: Apart from the preferences, so that only log-in attempts are counted and limited.
bp = Blueprint("session", __name__)
preferences = Blueprint("preferences", __name__)


@bp.get("/login")
def login() -> ResponseReturnValue:
    """Show the log-in form."""
    if current_user.is_authenticated:
        return redirect(url_for("overview.show"))
    return render_template("login.html", error="", next=_own_page(request.args.get("next")))


@bp.post("/login")
def enter() -> ResponseReturnValue:
    """Check the password and let somebody in."""
    target = _own_page(request.form.get("next"))
    email = request.form.get("email", "")
    with unscoped(context().engine) as session:
        found = authenticate(session, email, request.form.get("password", ""))
        if found:
            # Only a choice sets the cookie: what was picked on the log-in page stays.
            chosen = request.cookies.get(LANGUAGE_COOKIE)
            found.language = chosen if chosen in LANGUAGES else found.language
        known = _logged_in(session, found) if found else None
    if known is None:
        # One text for both cases: it must not say which addresses exist.
        error = gettext("E-mail address and password do not belong together.")
        return render_template("login.html", error=error, next=target, email=email), 401
    login_user(known)
    return redirect(target or url_for("overview.show"))


@preferences.post("/logout")
def leave() -> ResponseReturnValue:
    """Log out."""
    logout_user()
    return redirect(url_for("session.login"))


@preferences.post("/language")
def choose_language() -> ResponseReturnValue:
    """Keep the language: with the user, and in a cookie for the log-in page."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(400)
    if current_user.is_authenticated:
        with own_rows() as session:
            own_or_404(session, User, user().id).language = chosen
    return _remembered(LANGUAGE_COOKIE, chosen)


@preferences.post("/theme")
def choose_theme() -> ResponseReturnValue:
    """Keep light or dark; anything else goes back to what the device prefers."""
    chosen = request.form.get("theme", "")
    return _remembered(THEME_COOKIE, chosen if chosen in THEMES else "")


def load_user(engine: Engine, user_id: str) -> LoggedIn | None:
    """Return who a session cookie names; None when the user is gone."""
    with unscoped(engine) as session:
        found = session.get(User, int(user_id)) if user_id.isdigit() else None
        return _logged_in(session, found) if found else None


def _logged_in(session: Session, found: User) -> LoggedIn:
    account = session.get(Account, found.account_id)
    assert account is not None
    assert found.id is not None
    return LoggedIn(
        id=found.id,
        account_id=found.account_id,
        email=found.email,
        language=found.language,
        account_name=account.name,
        time_zone=account.time_zone,
        currency=account.currency,
    )


def _remembered(name: str, value: str) -> Response:
    answer = redirect(_own_page(request.form.get("next")) or url_for("overview.show"))
    cookie(answer, name, value)  # type: ignore[arg-type]  # werkzeug's redirect is Flask's here
    return answer  # type: ignore[return-value]  # as above


def _own_page(target: str | None) -> str:
    """Return `target` when it is a page of ours, else "": no redirect leads elsewhere."""
    parts = urlsplit(target or "")
    path = parts.path
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path
    if parts.scheme or parts.netloc or not ours or not _can_be_opened(path):
        return ""
    return f"{path}?{parts.query}" if parts.query else path


def _can_be_opened(path: str) -> bool:
    """Tell whether an address is a page: what only takes a form answers a visit with an error."""
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True
