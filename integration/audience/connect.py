"""Connecting a merchant's audience, and opening it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from integration.audience.settled import put_to_rest
from integration.context import Context
from integration.db import scoped, unscoped
from integration.mailchimp.answers import AudienceInfo
from integration.mailchimp.client import Mailchimp, server_of
from integration.mailchimp.guard import Permit
from integration.tables import Audience

LANGUAGES = ("en", "nl")
#: How the keys of our own sandbox begin.
_SANDBOX = "sandbox"


class CannotConnect(ValueError):
    """The audience cannot be connected; the text says what to do."""


class ChooseAudience(CannotConnect):
    """The account has several audiences (or none): `choices` lists them."""

    def __init__(self, choices: Sequence[AudienceInfo]) -> None:
        self.choices = tuple(choices)
        listed = ", ".join(f"{info.id} ({info.name})" for info in self.choices) or "none"
        super().__init__(f"choose one of the account's audiences: {listed}")


class NoAudience(LookupError):
    """No Mailchimp audience is connected."""


def connect(
    context: Context, account_id: int, *, token: str, list_id: str | None = None, language: str
) -> Audience:
    """Store which audience is the merchant's, after a look whether the token works.

    Plans of another audience that are not carried out are put to rest.

    Parameters
    ----------
    token
        A Mailchimp API key such as "...-us6".
    list_id
        None takes the only audience there is.
    language
        "en" or "nl": of tags and fields.

    Raises
    ------
    CannotConnect
        `ChooseAudience` when it is not clear which audience is meant.
    MailchimpError
    """
    if language not in LANGUAGES:
        raise CannotConnect("the language of tags is en or nl")
    _check_place(context, token)
    try:
        server = server_of(token)
    except ValueError as error:
        raise CannotConnect(str(error)) from None
    url, timeout_s = context.settings.mailchimp_url, context.settings.request_timeout_s
    account = Mailchimp(token=token, server=server, url=url, timeout_s=timeout_s)
    account.ping()
    info = _chosen(account.audiences(), list_id)
    return _store(context, account_id, info, server=server, token=token, language=language)


def current_audience(context: Context, account_id: int) -> Audience:
    """Return the connected audience.

    Raises
    ------
    NoAudience
    """
    with scoped(context.engine, account_id) as session:
        query = select(Audience).where(col(Audience.disconnected_at).is_(None))
        audience = session.exec(query.order_by(col(Audience.id).desc())).first()
    if audience is None:
        raise NoAudience("no Mailchimp audience is connected: run `stipt connect` first")
    return audience


def open_mailchimp(context: Context, audience: Audience, *permits: Permit) -> Mailchimp:
    """Return a client for an audience, with the stored token; it may do no more than `permits`.

    Raises
    ------
    CannotDecrypt, CannotConnect
    """
    token = context.vault.decrypt(audience.token)
    _check_place(context, token)
    return Mailchimp(
        token=token,
        server=audience.server,
        list_id=audience.list_id,
        url=context.settings.mailchimp_url,
        timeout_s=context.settings.request_timeout_s,
        is_oauth=audience.is_oauth,
        permits=permits,
    )


def has_real_tokens(context: Context) -> bool:
    """Tell whether any merchant of this installation connected a real Mailchimp account.

    A sandbox must not stand in for it then: pushes would seem to arrive and would not.
    """
    with unscoped(context.engine) as session:
        query = select(Audience.token).where(col(Audience.disconnected_at).is_(None))
        tokens = [context.vault.decrypt(token) for token in session.exec(query)]
    return any(not token.startswith(_SANDBOX) for token in tokens)


def _check_place(context: Context, token: str) -> None:
    """A sandbox key never goes to Mailchimp, and a real one never to a sandbox."""
    is_sandbox = token.startswith(_SANDBOX)
    if is_sandbox and context.settings.mailchimp_url is None:
        raise CannotConnect("this is a sandbox's key: set STIPT_MAILCHIMP_URL to the sandbox")
    if not is_sandbox and context.settings.mailchimp_url is not None:
        raise CannotConnect("this is a real Mailchimp key: unset STIPT_MAILCHIMP_URL first")


def _chosen(found: Sequence[AudienceInfo], list_id: str | None) -> AudienceInfo:
    matching = [info for info in found if list_id in (None, info.id)]
    if len(matching) != 1:
        raise ChooseAudience(found)
    return matching[0]


def _store(
    context: Context,
    account_id: int,
    info: AudienceInfo,
    *,
    server: str,
    token: str,
    language: str,
) -> Audience:
    now = context.clock()
    values: dict[str, Any] = {
        "name": info.name,
        "server": server,
        "token": context.vault.encrypt(token),
        "language": language,
        "connected_at": now,
        "disconnected_at": None,
    }
    with scoped(context.engine, account_id) as session:
        known = {audience.list_id: audience for audience in session.exec(select(Audience))}
        for other in known.values():
            if other.list_id != info.id and other.disconnected_at is None:
                other.disconnected_at = now
                put_to_rest(session, other.id or 0)
        # The same audience again keeps its row, and with it the mirror of what was pushed.
        audience = known.get(info.id) or Audience(account_id=account_id, list_id=info.id, **values)
        for name, value in values.items():
            setattr(audience, name, value)
        session.add(audience)
    return audience
