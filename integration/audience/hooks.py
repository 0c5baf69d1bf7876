"""Our webhooks at Mailchimp: made after the first publication, looked after daily.

Each has a random secret in its address, of which we keep the hash, and signs what it delivers with
a key that Mailchimp tells once. A lost key means a new webhook.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

import structlog
from sqlmodel import Session, col, select

from integration.audience.connect import current_audience, open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.hosts import is_near
from integration.mailchimp import hooks
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import Invalid
from integration.mailchimp.hooks import AUDIENCE, BATCHES
from integration.security import CannotDecrypt
from integration.settings import Settings
from integration.tables import Audience, MailchimpHook, Plan, Work
from integration.work.queue import Job, defer

_log = structlog.get_logger(__name__)

KIND = "mailchimp_hooks"
PATHS = {AUDIENCE: "/hooks/mailchimp/", BATCHES: "/hooks/mailchimp/batches/"}


def can_be_reached(settings: Settings) -> bool:
    """Tell whether Mailchimp, or the sandbox beside us, can send something to this installation.

    Examples
    --------
    >>> can_be_reached(Settings.model_construct(public_url="https://stipt.example.com"))
    True
    >>> can_be_reached(Settings.model_construct(public_url="http://127.0.0.1:8000"))
    False
    """
    parts = urlsplit(settings.public_url)
    near = is_near(parts.hostname or "")
    if settings.mailchimp_url is not None:
        return near and parts.scheme in ("http", "https")
    return parts.scheme == "https" and not near


def start(context: Context, session: Session, *, only_missing: bool = False) -> None:
    """Write down that the webhooks are to be looked after, once a plan was published.

    In the connected audience: in a new one nothing is made before the first click.
    With `only_missing` nothing is written down where the audience's webhook was made.
    """
    held = select(MailchimpHook.id).where(MailchimpHook.remote_id != "").limit(1)
    if not can_be_reached(context.settings) and session.exec(held).first() is None:
        return
    if only_missing and _was_made(session):
        return
    published = (
        select(Plan.id)
        .join(Audience, col(Audience.id) == col(Plan.audience_id))
        .where(
            col(Audience.disconnected_at).is_(None), Plan.kind == "push", Plan.status == "published"
        )
        .limit(1)
    )
    waiting = select(Work.id).where(Work.kind == KIND, Work.status == "queued").limit(1)
    if session.exec(published).first() is None or session.exec(waiting).first() is not None:
        return
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:incoming"
    defer(session, account_id=account_id, kind=KIND, lane=lane, payload={})


def _was_made(session: Session) -> bool:
    """Whether the connected audience has its webhook."""
    made = (
        select(MailchimpHook.id)
        .join(Audience, col(Audience.id) == col(MailchimpHook.audience_id))
        .where(
            col(Audience.disconnected_at).is_(None),
            MailchimpHook.kind == AUDIENCE,
            MailchimpHook.remote_id != "",
        )
    )
    return session.exec(made.limit(1)).first() is not None


def look_after(context: Context, job: Job) -> None:
    """Make the webhooks that are missing, wrong or without their key; remove those left over.

    Where Mailchimp cannot reach us there are none; the nightly pull tells the same, later.

    Raises
    ------
    MailchimpError
    """
    audience = current_audience(context, job.account_id)
    if not can_be_reached(context.settings):
        remove(context, audience)
        return
    mailchimp = open_mailchimp(context, audience, listens=True)
    for kind in (AUDIENCE, BATCHES):
        job.report(0.0 if kind == AUDIENCE else 0.5)
        if not _is_right(context, mailchimp, audience, kind):
            _renew(context, mailchimp, audience, kind)


def remove(context: Context, audience: Audience) -> None:
    """Delete our webhooks at Mailchimp; their addresses go on answering that they are gone.

    Raises
    ------
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        held = [row for kind in PATHS for row in _rows(session, audience, kind) if row.remote_id]
    if not held:
        return
    mailchimp = open_mailchimp(context, audience, listens=True)
    for row in held:
        hooks.remove(mailchimp, row.kind, row.remote_id)
        with scoped(context.engine, audience.account_id) as session:
            session.get_one(MailchimpHook, row.id).remote_id = ""


def _rows(session: Session, audience: Audience, kind: str) -> list[MailchimpHook]:
    query = select(MailchimpHook).where(
        MailchimpHook.audience_id == audience.id, MailchimpHook.kind == kind
    )
    return list(session.exec(query.order_by(col(MailchimpHook.id).desc())))


def _is_right(context: Context, mailchimp: Mailchimp, audience: Audience, kind: str) -> bool:
    """Whether the newest webhook of a kind is there, as we want it, and its key at hand."""
    with scoped(context.engine, audience.account_id) as session:
        row = next(iter(_rows(session, audience, kind)), None)
    if row is None or not row.remote_id:
        return False
    found = hooks.one(mailchimp, kind, row.remote_id)
    if found is None or not found.is_right or not _is_ours(context, found.url, row.kind):
        return False
    try:
        if row.signing_secret:
            context.vault.decrypt(row.signing_secret)
    except CannotDecrypt:
        return False
    with scoped(context.engine, audience.account_id) as session:
        session.get_one(MailchimpHook, row.id).checked_at = context.clock()
    return True


def _is_ours(context: Context, url: str, kind: str) -> bool:
    prefix, path = context.settings.public_url.rstrip("/"), PATHS[kind]
    rest = url.removeprefix(prefix + path)
    return rest != url and "/" not in rest


def _renew(context: Context, mailchimp: Mailchimp, audience: Audience, kind: str) -> None:
    """Make a webhook anew, after those of ours that are there.

    The row is written first: Mailchimp looks at the address, and may use it, before it answers.
    """
    for found in hooks.there(mailchimp, kind):
        if _is_ours(context, found.url, kind):
            hooks.remove(mailchimp, kind, found.id)
    secret = secrets.token_urlsafe(32)
    with scoped(context.engine, audience.account_id) as session:
        for row in _rows(session, audience, kind):
            session.delete(row)
        assert audience.id is not None
        row = MailchimpHook(
            account_id=audience.account_id,
            audience_id=audience.id,
            kind=kind,
            address_hash=hooks.address_hash(secret),
            created_at=context.clock(),
        )
        session.add(row)
    url = context.settings.public_url.rstrip("/") + PATHS[kind] + secret
    try:
        remote_id, signing_secret = hooks.create(mailchimp, kind, url)
    except Invalid:
        # Mailchimp looked and found nobody: behind a fire-wall, or not started. Tomorrow again.
        _log.warning("Mailchimp cannot reach STIPT_PUBLIC_URL", kind=kind)
        return
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(MailchimpHook, row.id)
        stored.remote_id, stored.checked_at = remote_id, context.clock()
        if signing_secret:
            stored.signing_secret = context.vault.encrypt(signing_secret)
