"""What every view uses: the installation, a session of one's own account, language and errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar, cast
from zoneinfo import ZoneInfo

from flask import Response, abort, current_app, request
from flask_login import UserMixin, current_user
from sqlmodel import Session, SQLModel

from integration.accounts import LANGUAGES
from integration.context import Context
from integration.db import scoped

Row = TypeVar("Row", bound=SQLModel)

LANGUAGE_COOKIE = "stipt_language"
THEME_COOKIE = "stipt_theme"
THEMES = ("light", "dark")


@dataclass(frozen=True)
class LoggedIn(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """Who is looking, and for which merchant."""

    id: int
    account_id: int
    email: str
    language: str
    account_name: str
    time_zone: str
    currency: str


def context() -> Context:
    """Return the installation this app was made for."""
    return cast(Context, current_app.extensions["stipt"])


def user() -> LoggedIn:
    """Return who is logged in; only for views behind `login_required`."""
    return cast(LoggedIn, current_user)


@contextmanager
def own_rows() -> Iterator[Session]:
    """Open a session in which only the rows of the account looking exist."""
    with scoped(context().engine, user().account_id) as session:
        yield session


def own_or_404(session: Session, table: type[Row], row_id: int) -> Row:
    """Return a row of this account; another account's does not exist here."""
    row = session.get(table, row_id)
    if row is None or getattr(row, "account_id", None) != user().account_id:
        abort(404)
    return row


def language() -> str:
    """Return "en" or "nl": the user's choice, the cookie's, or what the browser prefers."""
    if current_user and current_user.is_authenticated:
        return user().language
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def theme() -> str:
    """Return "light", "dark" or "" for what the device prefers."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def today() -> date:
    """Return the merchant's calendar day."""
    return local(context().clock()).date()


def local(moment: datetime) -> datetime:
    """Return a moment in the merchant's zone."""
    return moment.astimezone(ZoneInfo(user().time_zone))


def page_number() -> int:
    """Return the page asked for, 1 or more."""
    return max(1, request.args.get("page", 1, type=int))


def wants_part() -> bool:
    """Tell whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def form_text(name: str, *, longest: int = 200) -> str:
    """Return a posted text, trimmed; longer than `longest` is refused."""
    text = request.form.get(name, "").strip()
    if len(text) > longest:
        abort(400)
    return text


def cookie(response: Response, name: str, value: str) -> None:
    """Set a small preference for a year."""
    response.set_cookie(
        name,
        value,
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=context().settings.secure_cookies,
    )
