"""Accounts and the people who log in to them."""

from __future__ import annotations

from datetime import UTC, datetime

from email_validator import EmailNotValidError, validate_email
from sqlmodel import Session, select

from integration.security import hash_password, password_matches
from integration.tables import Account, User

#: Characters; shorter ones are guessed.
SHORTEST_PASSWORD = 10
LANGUAGES = ("en", "nl")
#: Checked when nobody has the address, so that the answer takes as long as for a wrong password.
_NOBODY = hash_password("nobody has this password")


class BadAccount(ValueError):
    """The account cannot be made; the text says why, without the address."""


def login_key(email: str) -> str:
    """Return an address as it is stored and compared: trimmed, lower case."""
    return email.strip().lower()


def create_account(
    session: Session,
    name: str,
    email: str,
    password: str,
    language: str = "en",
    *,
    time_zone: str = "Europe/Amsterdam",
    currency: str = "EUR",
    now: datetime | None = None,
) -> tuple[Account, User]:
    """Store a merchant and the first person who may log in; `session` is unscoped.

    Raises
    ------
    BadAccount
        When the address is no address or is taken, the password short or the language unknown.
    """
    if language not in LANGUAGES:
        raise BadAccount(f"the language is one of {', '.join(LANGUAGES)}")
    if len(password) < SHORTEST_PASSWORD:
        raise BadAccount(f"the password needs {SHORTEST_PASSWORD} characters or more")
    try:
        # Demo and test installations have addresses of names reserved for that.
        validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise BadAccount("that is not an e-mail address") from None
    if find_user(session, email) is not None:
        raise BadAccount("somebody logs in with that e-mail address already")
    moment = now or datetime.now(UTC)
    account = Account(
        name=name, language=language, time_zone=time_zone, currency=currency, created_at=moment
    )
    session.add(account)
    session.flush()
    assert account.id is not None
    user = User(
        account_id=account.id,
        email=login_key(email),
        password_hash=hash_password(password),
        language=language,
        created_at=moment,
    )
    session.add(user)
    session.flush()
    return account, user


def find_user(session: Session, email: str) -> User | None:
    """Return who logs in with this address; `session` is unscoped."""
    return session.exec(select(User).where(User.email == login_key(email))).first()


def authenticate(session: Session, email: str, password: str) -> User | None:
    """Return the user when the password is right; takes equally long when nobody has it."""
    user = find_user(session, email)
    matches = password_matches(password, user.password_hash if user else _NOBODY)
    return user if user is not None and matches else None
