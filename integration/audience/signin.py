"""From the click "Connect Mailchimp" to the choice of audience; nothing is connected before that.

What has to come back from Mailchimp (the state) is good once, for ten minutes, for the browser that
went there: its text stands in that browser's session, its hash here.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlmodel import Session, col, delete, or_, select, update

from integration.audience.connect import (
    Access,
    CannotConnect,
    access_by_key,
    check_place,
    look,
    stored_access,
)
from integration.audience.connect import Account as MailchimpAccount
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp import oauth
from integration.tables import Connecting

_STATE_LIVES = timedelta(minutes=10)
#: A way in that nobody chose an audience with is forgotten.
_CHOICE_LIVES = timedelta(hours=1)


class WrongState(CannotConnect):
    """What came back is not what was sent: another browser's, used already, or too old."""


class NothingBegun(CannotConnect):
    """There is no account to choose an audience of."""


def application(context: Context) -> oauth.Application | None:
    """Return what we are registered as at Mailchimp, None when we are not."""
    redirect = f"{context.settings.public_url.rstrip('/')}/mailchimp/callback"
    return oauth.application(context.settings, redirect)


def begin(context: Context, account_id: int) -> tuple[str, str]:
    """Return where to send the browser, and the state to keep in its session.

    Raises
    ------
    CannotConnect
    """
    app = application(context)
    if app is None:
        raise CannotConnect("no application is registered: set STIPT_MAILCHIMP_CLIENT_ID")
    address, state = oauth.ask(app)
    _keep(context, account_id, {"state_hash": _hash(state), "token": "", "server": ""})
    return address, state


def come_back(context: Context, account_id: int, *, kept: str, state: str, code: str) -> None:
    """Change the code for a token and keep it, encrypted, for the choice of audience.

    Parameters
    ----------
    kept
        The state of the browser's session.
    state, code
        What Mailchimp sent the browser back with.

    Raises
    ------
    WrongState
    CannotConnect
        A sandbox's token without a sandbox, or the other way round.
    MailchimpError
    """
    use_state(context, account_id, kept=kept, state=state)
    app = application(context)
    if app is None or not code:
        raise WrongState("Mailchimp sent no code")
    token, server = oauth.exchange(app, code)
    _keep_access(context, account_id, Access(token=token, server=server, is_oauth=True))


def use_state(context: Context, account_id: int, *, kept: str, state: str) -> None:
    """Use the state up, so that it is good once.

    Raises
    ------
    WrongState
    """
    if not state or state != kept:
        raise WrongState("the answer does not belong to this browser's question")
    since = context.clock() - _STATE_LIVES
    with scoped(context.engine, account_id) as session:
        used = session.exec(
            update(Connecting)
            .where(col(Connecting.state_hash) == _hash(state), col(Connecting.started_at) >= since)
            .values(state_hash="")
            .execution_options(synchronize_session=False)
        )
    if used.rowcount != 1:
        raise WrongState("this answer was used before, or is too old")


def begin_with_key(context: Context, account_id: int, key: str) -> None:
    """Keep an API key for the choice of audience, after a look whether it works.

    Raises
    ------
    CannotConnect, MailchimpError
    """
    access = access_by_key(context, key)
    look(context, access)
    _keep_access(context, account_id, access)


def keep_choice(
    context: Context, account_id: int, access: Access, *, list_id: str, language: str
) -> None:
    """Keep a way in together with the audience that was chosen with it, for `leave.move`.

    Raises
    ------
    CannotConnect
    """
    _keep_access(context, account_id, access, list_id=list_id, language=language)


def pending(context: Context, account_id: int) -> MailchimpAccount:
    """Return the account that let us in, with its audiences.

    Raises
    ------
    NothingBegun
    MailchimpError
        `NoAccess` where what was kept cannot be used.
    """
    with scoped(context.engine, account_id) as session:
        row = current(context, session)
    if row is None:
        raise NothingBegun("connect Mailchimp first")
    return look(context, stored_access(context, row))


def current(context: Context, session: Session) -> Connecting | None:
    """Return the connection being made, if Mailchimp let us in.

    One with which an audience was chosen does not grow old: ours may be taken out of the other
    one first, and that can last.
    """
    since = context.clock() - _CHOICE_LIVES
    query = select(Connecting).where(
        Connecting.token != "",
        or_(col(Connecting.list_id) != "", col(Connecting.started_at) >= since),
    )
    return session.exec(query).first()


def forget(session: Session) -> None:
    """Forget the connection being made, its token first of all."""
    for row in session.exec(select(Connecting)).all():
        session.delete(row)


def forget_old(session: Session, context: Context) -> None:
    """Delete ways in, with their tokens, that nobody chose an audience with in time."""
    session.exec(
        delete(Connecting).where(
            col(Connecting.list_id) == "",
            col(Connecting.started_at) < context.clock() - _CHOICE_LIVES,
        )
    )


def _keep_access(context: Context, account_id: int, access: Access, **choice: str) -> None:
    check_place(context, access.token)
    values = {"state_hash": "", "token": context.vault.encrypt(access.token), **choice}
    _keep(context, account_id, {**values, "server": access.server, "is_oauth": access.is_oauth})


def _keep(context: Context, account_id: int, values: dict[str, str | bool]) -> None:
    row = {"is_oauth": False, "list_id": "", "language": "", **values}
    with scoped(context.engine, account_id) as session:
        upsert(session, Connecting, [{**row, "started_at": context.clock()}], key=("account_id",))


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
