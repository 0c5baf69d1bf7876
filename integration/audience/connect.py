"""Connecting a merchant's audience, and opening it again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlmodel import Session, col, select, update

from integration.audience.pause import check, pause, resume, settle_in
from integration.audience.settled import put_to_rest
from integration.context import Context
from integration.db import scoped, unscoped
from integration.flows.switches import turn_all_off
from integration.mailchimp.answers import AudienceInfo
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NoAccess, NoAudience
from integration.mailchimp.guard import Permit
from integration.mailchimp.slots import Slots
from integration.mailchimp.transport import server_of
from integration.privacy.owed import take_up
from integration.security import CannotDecrypt
from integration.shopdata.stores import switch_all_off
from integration.tables import Audience, CampaignRule, Connecting
from integration.work.queue import wake_resting

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


def connect(
    context: Context, account_id: int, *, token: str, list_id: str | None = None, language: str
) -> Audience:
    """Store which audience is the merchant's, by an API key such as "...-us6".

    Parameters
    ----------
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
    access = access_by_key(context, token)
    return choose(context, account_id, look(context, access), list_id=list_id, language=language)


@dataclass(frozen=True, kw_only=True)
class Access:
    """A way into a Mailchimp account."""

    token: str = field(repr=False)
    #: Data centre.
    server: str
    is_oauth: bool = False


@dataclass(frozen=True, kw_only=True)
class Account:
    """A Mailchimp account that let us in, and the audiences to choose from."""

    access: Access
    #: Mailchimp's id of it.
    id: str
    audiences: tuple[AudienceInfo, ...]


def access_by_key(context: Context, token: str) -> Access:
    """Return the way in that an API key is.

    Raises
    ------
    CannotConnect
    """
    check_place(context, token)
    try:
        return Access(token=token, server=server_of(token))
    except ValueError as error:
        raise CannotConnect(str(error)) from None


def look(context: Context, access: Access) -> Account:
    """Find out whether we are let in, and what there is to choose from.

    Raises
    ------
    MailchimpError
    """
    first = _client(context, access)
    root = first.call(first.official.root.get_root, fields=["account_id"])
    account_id = str(root.get("account_id") or "")
    mailchimp = _client(context, access, account_id)
    return Account(access=access, id=account_id, audiences=tuple(mailchimp.audiences()))


def _client(context: Context, access: Access, account: str = "", **more: Any) -> Mailchimp:
    """Return a client that takes its places at an account: by its id, by the token until then."""
    settings = context.settings
    return Mailchimp(
        token=access.token,
        server=access.server,
        url=settings.mailchimp_url,
        timeout_s=settings.request_timeout_s,
        is_oauth=access.is_oauth,
        slots=Slots(settings.data_dir, account or access.token, settings.mailchimp_connections),
        **more,
    )


def choose(
    context: Context, account_id: int, account: Account, *, list_id: str | None, language: str
) -> Audience:
    """Store which of an account's audiences is the merchant's.

    Plans of another audience that are not carried out are put to rest, and its token is deleted.
    The same audience again keeps its row, and everything that waited goes on.

    Raises
    ------
    CannotConnect
        `ChooseAudience` when it is not clear which audience is meant.
    """
    if language not in LANGUAGES:
        raise CannotConnect("the language of tags is en or nl")
    info = chosen(account.audiences, list_id)
    now = context.clock()
    values: dict[str, Any] = {
        "name": info.name,
        "server": account.access.server,
        "token": context.vault.encrypt(account.access.token),
        "is_oauth": account.access.is_oauth,
        "mailchimp_account": account.id,
        "language": language,
        "connected_at": now,
        "disconnected_at": None,
    }
    with scoped(context.engine, account_id) as session:
        known = {audience.list_id: audience for audience in session.exec(select(Audience))}
        for other in known.values():
            if other.list_id != info.id and other.disconnected_at is None:
                let_go(session, other, now)
        # The same audience again keeps its row, and with it the mirror of what was pushed.
        audience = known.get(info.id) or Audience(account_id=account_id, list_id=info.id, **values)
        for name, value in values.items():
            setattr(audience, name, value)
        settle_in(context, audience)
        resume(session, audience)
        take_up(session, audience)
        session.add(audience)
    return audience


def let_go(session: Session, audience: Audience, now: datetime) -> None:
    """Forget the token and switch off what was to go on by itself; our books of it stay.

    Mailchimp requires that both are deleted when a merchant disconnects.
    """
    audience.disconnected_at, audience.token = now, ""
    audience.keeps_in_step = audience.adds_contacts = False
    audience.paused, audience.paused_at = "", None
    rules = update(CampaignRule).where(col(CampaignRule.audience_id) == audience.id)
    session.exec(rules.values(is_on=False))
    turn_all_off(session, audience, now)
    switch_all_off(session, audience)
    put_to_rest(session, audience.id or 0)
    wake_resting(session)


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


def open_mailchimp(
    context: Context,
    audience: Audience,
    *permits: Permit,
    tags: Collection[str] = (),
    listens: bool = False,
) -> Mailchimp:
    """Return a client for an audience, with the stored token; it may do no more than `permits`.

    By name it gives no other tags than `tags`. Who `listens` sends nothing that was computed, but
    hears what people did in Mailchimp or does what they ask for: that waits for no history.

    Raises
    ------
    NoAudience
    Paused
        Until the merchant has done something: see `integration.audience.pause`.
    NoAccess
    """
    # As stored now: whoever holds the row for long must not write after the merchant left.
    audience = check(context, audience, listens=listens)
    return _client(
        context,
        stored_access(context, audience),
        audience.mailchimp_account,
        list_id=audience.list_id,
        permits=permits,
        tags=tags,
        on_lost=partial(pause, context, audience),
    )


def stored_access(context: Context, row: Audience | Connecting) -> Access:
    """Return the way in that was kept.

    Raises
    ------
    NoAccess
        No key of ours opens it, or it is a sandbox's and we are not, or the other way round.
    """
    try:
        token = context.vault.decrypt(row.token)
        check_place(context, token)
    except (CannotDecrypt, CannotConnect) as error:
        raise NoAccess(str(error)) from error
    return Access(token=token, server=row.server, is_oauth=row.is_oauth)


def has_real_tokens(context: Context) -> bool:
    """Tell whether any merchant of this installation connected a real Mailchimp account.

    A sandbox must not stand in for it then: pushes would seem to arrive and would not.
    """
    with unscoped(context.engine) as session:
        query = select(Audience.token).where(col(Audience.disconnected_at).is_(None))
        tokens = [context.vault.decrypt(token) for token in session.exec(query)]
    return any(not token.startswith(_SANDBOX) for token in tokens)


def check_place(context: Context, token: str) -> None:
    """A sandbox key never goes to Mailchimp, and a real one never to a sandbox."""
    is_sandbox = token.startswith(_SANDBOX)
    if is_sandbox and context.settings.mailchimp_url is None:
        raise CannotConnect("this is a sandbox's key: set STIPT_MAILCHIMP_URL to the sandbox")
    if not is_sandbox and context.settings.mailchimp_url is not None:
        raise CannotConnect("this is a real Mailchimp key: unset STIPT_MAILCHIMP_URL first")


def chosen(found: Sequence[AudienceInfo], list_id: str | None) -> AudienceInfo:
    """Return the audience that is meant; None takes the only one there is.

    Raises
    ------
    ChooseAudience
    """
    matching = [info for info in found if list_id in (None, info.id)]
    if len(matching) != 1:
        raise ChooseAudience(found)
    return matching[0]
