"""The web application: made from a context, so that tests and gunicorn build the same one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import text
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, NotFound

from integration import views
from integration.context import Context, make_context
from integration.settings import load
from integration.views import (
    assets,
    base,
    connection,
    formats,
    headers,
    hooks,
    known,
    session,
    shopify,
    shopify_hooks,
)
from integration.views.texts import gettext

#: What can be seen without a log-in; everything else asks for one.
_OPEN = frozenset(
    (
        "static",
        "healthz",
        "session.login",
        "session.enter",
        "preferences.choose_language",
        "preferences.choose_theme",
        "shopify.enter",
        "shopify.callback",
        "shopify.bounce",
        "shopify.leave_frame",
        "hooks.look",
        "hooks.look_for_batches",
        "hooks.receive",
        "hooks.receive_for_batches",
    )
)
#: Bytes; exports of half a gigabyte are read as a stream.
_LARGEST_UPLOAD = 1024**3


def create_app(context: Context) -> Flask:
    """Return the service's pages on the installation `context`."""
    app = Flask("integration", root_path=str(Path(__file__).parent))
    app.extensions["stipt"] = context
    _configure(app, context)
    headers.protect(app)
    assets.install(app)
    # The nonce and the words of the language are needed by error pages too.
    Babel(app, locale_selector=base.language)
    formats.install(app)
    csrf = CSRFProtect(app)
    csrf.exempt(hooks.bp)
    _logins(app, context)
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    limiter.limit("10 per minute", methods=["POST"])(session.bp)
    # Only what is refused counts: a campaign to everybody brings thousands of genuine ones.
    limiter.limit("60 per minute", deduct_when=_is_refused)(hooks.bp)
    limiter.limit("60 per minute", deduct_when=_is_refused)(shopify.bp)
    views.register(app)
    _errors(app)
    app.add_url_rule("/healthz", "healthz", lambda: _health(context))
    app.context_processor(_words)
    shopify_hooks.beside(app, context)
    return app


def from_environment() -> Flask:
    """Return the pages of the installation whose settings stand in the environment or `.env`."""
    return create_app(make_context(load()))


def _is_refused(response: Response) -> bool:
    return response.status_code in (401, 404)


def _configure(app: Flask, context: Context) -> None:
    app.config.update(
        SECRET_KEY=context.settings.secret_key.get_secret_value(),
        SESSION_COOKIE_NAME="stipt_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=context.settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(days=7),
        MAX_CONTENT_LENGTH=_LARGEST_UPLOAD,
        BABEL_DEFAULT_LOCALE="en",
        # A form left open over lunch still works; the token dies with the session.
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_HEADERS_ENABLED=True,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _logins(app: Flask, context: Context) -> None:
    manager = LoginManager(app)
    manager.login_view = "session.login"
    manager.login_message = None
    manager.session_protection = "basic"
    manager.user_loader(lambda user_id: session.load_user(context.engine, user_id))

    @app.before_request
    def only_for_users() -> ResponseReturnValue | None:
        # Here and not at each view: a forgotten decorator cannot open a page.
        if request.endpoint in {None, *_OPEN} or current_user.is_authenticated:
            return None
        answer: ResponseReturnValue = manager.unauthorized()
        return answer


def _words() -> dict[str, object]:
    return {
        "csp_nonce": headers.nonce,
        "language": base.language(),
        "theme": base.theme(),
        "html_language": str(get_locale() or "en"),
        "pause": connection.pause,
        "stopped_store": shopify.stopped_store,
        "known_history": known.note,
    }


def _health(context: Context) -> tuple[Response, int]:
    """Answer whether the database can be reached; for load balancers and for scripts that wait."""
    with context.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return jsonify(status="ok"), 200


def _errors(app: Flask) -> None:
    def page(error: HTTPException) -> tuple[str, int]:
        code = error.code or 500
        said = {
            400: gettext("That request could not be understood. Go back and try again."),
            404: gettext("This page does not exist, or it is not yours."),
            413: gettext("That file is too large."),
            429: gettext("Too many attempts. Wait a minute and try again."),
        }
        words = said.get(code) or gettext(
            "Something went wrong on our side. Go back and look whether it was done; if not, try "
            "again. If that does not help, the log of this installation says why."
        )
        if isinstance(error, CSRFError):
            words = gettext("This form is no longer valid. Reload the page and try again.")
        return render_template("error.html", code=code, words=words), code

    app.register_error_handler(HTTPException, page)
    # A number in an address that no database key can be: SQLite says so only when asked.
    app.register_error_handler(OverflowError, lambda _: page(NotFound()))
    app.register_error_handler(DataError, lambda _: page(NotFound()))
