"""Who is in the audience: read from Mailchimp, kept as rows, unsubscribes put into the ledger.

What Mailchimp says about permission is one-sided. An unsubscribe is the person's word and becomes
a denial in the ledger, once, at the moment it is first seen to have happened. A bounce ("cleaned")
is a fact about an address, not a wish, and is recorded as unknown. Being subscribed is no opt-in:
nobody knows here who put the address there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session, col, delete, select

from connectors.records import ConsentState
from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp.answers import MemberInfo
from integration.mailchimp.client import subscriber_hash
from integration.store.common import parts
from integration.tables import Audience, Consent, Member, PushedValue

#: Read again what changed shortly before the last look: clocks differ and pages overlap.
OVERLAP = timedelta(minutes=15)
#: Statuses that may get something from us.
REACHABLE = ("subscribed", "pending", "transactional")
#: Statuses from which ours may be taken away.
LIVE = (*REACHABLE, "unsubscribed")
GONE = "gone"
_LEDGER = {"unsubscribed": ConsentState.DENIED, "cleaned": ConsentState.UNKNOWN}


def read_members(context: Context, audience: Audience, *, whole: bool = False) -> int:
    """Bring our rows in step with the audience and return how many contacts were read.

    The first time, or with `whole`, everybody is read, and who is not there any more becomes
    "gone"; after that only what changed since. Rows, ledger and the moment are one transaction.

    Raises
    ------
    MailchimpError
    """
    began = context.clock()
    since = None if whole or audience.read_until is None else audience.read_until - OVERLAP
    # By address: a contact that changes while we page comes twice.
    found = {info.email_key: info for info in open_mailchimp(context, audience).members(since)}
    with scoped(context.engine, audience.account_id) as session:
        assert audience.id is not None
        known = dict(
            session.exec(
                select(Member.email_key, Member.status).where(Member.audience_id == audience.id)
            ).all()
        )
        _record_statements(session, audience, known, found.values(), began)
        _store(session, audience.id, found.values())
        if since is None:
            mark_gone(session, audience.id, known.keys() - found.keys())
        stored = session.get_one(Audience, audience.id)
        stored.read_until = began
    audience.read_until = began
    return len(found)


def mark_gone(session: Session, audience_id: int, email_keys: Iterable[str]) -> None:
    """Note that addresses are not in the audience any more; nothing of ours is there either."""
    for part in parts(sorted(email_keys)):
        rows = [{"audience_id": audience_id, "email_key": key, "status": GONE} for key in part]
        upsert(session, Member, rows, key=("audience_id", "email_key"))
        session.exec(
            delete(PushedValue).where(
                col(PushedValue.audience_id) == audience_id, col(PushedValue.email_key).in_(part)
            )
        )


def _store(session: Session, audience_id: int, found: Iterable[MemberInfo]) -> None:
    rows = [
        {
            "audience_id": audience_id,
            "email_key": info.email_key,
            "status": info.status,
            "changed_at": info.changed_at,
        }
        for info in found
    ]
    upsert(session, Member, rows, key=("audience_id", "email_key"))


def _record_statements(
    session: Session,
    audience: Audience,
    known: dict[str, str],
    found: Iterable[MemberInfo],
    received_at: datetime,
) -> None:
    """Add a row for each status that was not seen before.

    Only a change counts: our own writes move `last_changed` of somebody who left long ago.
    """
    new = [
        _statement(audience, info, received_at)
        for info in found
        if info.status in _LEDGER and known.get(info.email_key) != info.status
    ]
    # Mailchimp's rows have no shop, so the database's own uniqueness does not hold them.
    there = set(
        session.exec(
            select(Consent.external_id).where(
                col(Consent.shop_id).is_(None), col(Consent.external_id).like("mailchimp:%")
            )
        )
    )
    rows = [row for row in new if row["external_id"] not in there]
    if rows:
        session.connection().execute(insert(Consent), rows)


def _statement(audience: Audience, info: MemberInfo, received_at: datetime) -> dict[str, object]:
    moment = info.changed_at.isoformat() if info.changed_at else ""
    return {
        "account_id": audience.account_id,
        "external_id": f"mailchimp:{subscriber_hash(info.email_key)}:{info.status}:{moment}",
        "email_key": info.email_key,
        "channel": "email",
        "state": _LEDGER[info.status].value,
        "at": info.changed_at,
        "source": f"mailchimp: {info.status}",
        "received_at": received_at,
    }
