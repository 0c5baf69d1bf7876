"""Forgetting a person for good, here and in Mailchimp, with a receipt that names nobody.

The order is what makes it safe to be killed at any moment. First one transaction takes everything
out of our tables and keeps the hashes, so that nothing brings the person back while the rest is
done; what Mailchimp still has to be told stands encrypted on the receipt. Then Mailchimp erases
him, audience by audience, and each answer is stored. Last, when nothing runs any more that may have
had him in hand, our tables are looked through once more and the encrypted part is dropped.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, delete, select

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp import personal
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import StillRunning
from integration.mailchimp.guard import Permit
from integration.pipeline import start_refresh
from integration.privacy.erased import hash_of, let_back
from integration.privacy.removal import remove
from integration.privacy.subject import Subject
from integration.salted import salt_of
from integration.shopdata.ids import customer_id
from integration.tables import (
    Audience,
    ErasedKey,
    Erasure,
    Member,
    Order,
    ShopRecord,
    ShopStore,
    Work,
)
from integration.work.queue import Job, defer

KIND = "erase"
#: Longest wait for other work to end within one try, and the pause between two looks, in seconds.
_WAIT_S, _LOOK_S, _LATER_S = 60.0, 0.5, 60.0


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an erasure would do, before it does anything."""

    emails: tuple[str, ...]
    #: Persons and profiles here; several persons share an address.
    people: int
    profiles: int
    orders: int
    #: Names of the connected audiences that have one of the addresses.
    audiences: tuple[str, ...]


def preview(session: Session, subject: Subject) -> Preview:
    """Return what would be erased; writes nothing."""
    orders = select(Order.id).where(col(Order.profile_id).in_(subject.profiles))
    inside = select(Member.audience_id).where(col(Member.email_key).in_(subject.emails))
    there = set(session.exec(inside))
    return Preview(
        emails=subject.emails,
        people=len(subject.people),
        profiles=len(subject.profiles),
        orders=len(session.exec(orders).all()),
        audiences=tuple(one.name for one in _audiences(session) if one.id in there),
    )


def start(session: Session, context: Context, subject: Subject, user_id: int | None = None) -> int:
    """Take a person out of our tables, have Mailchimp told, and return the receipt's id.

    All of it in the caller's transaction: what is not committed has not happened.
    """
    account_id = session.info["account_id"]
    receipt = Erasure(
        account_id=account_id,
        requested_at=context.clock(),
        by_user_id=user_id,
        pending=context.vault.encrypt(subject.to_text()),
        mailchimp={"answers": []},
    )
    session.add(receipt)
    session.flush()
    assert receipt.id is not None
    salt = salt_of(session)
    keys = [
        {"erasure_id": receipt.id, "kind": key[0], "hashed": hash_of(salt, key)}
        for key in sorted(subject.keys())
    ]
    upsert(session, ErasedKey, keys, key=("account_id", "kind", "hashed"))
    receipt.counts = dict(remove(session, subject))
    lane, payload = f"account:{account_id}:privacy", {"erasure_id": receipt.id}
    defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload)
    if subject.people:
        start_refresh(session)
    return receipt.id


def erase(context: Context, job: Job) -> None:
    """Have Mailchimp erase a person and end the receipt; may be repeated after any kill.

    Raises
    ------
    MailchimpError
        Retryable ones try again later: here everything is gone already.
    """
    erasure_id = job.payload["erasure_id"]
    with scoped(context.engine, job.account_id) as session:
        receipt = session.get_one(Erasure, erasure_id)
        audiences = _audiences(session)
    if receipt.pending is None:
        return
    subject = Subject.from_text(context.vault.decrypt(receipt.pending))
    for audience in audiences:
        mailchimp = open_mailchimp(context, audience, Permit.ERASE)
        _tell(context, job, erasure_id, audience, subject, mailchimp)
        _tell_stores(context, job, erasure_id, audience, subject, mailchimp)
    _await_others(context, job)
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        receipt = session.get_one(Erasure, erasure_id)
        late = remove(session, subject)
        receipt.counts = dict(Counter(receipt.counts) + late)
        receipt.pending, receipt.finished_at = None, context.clock()
        if receipt.status == "running":
            receipt.status = "done"
    job.report(1.0)


def allow_again(session: Session, context: Context, address: str, reason: str) -> bool:
    """Take the block off an erased address, with the reason on its receipt; False if there is none.

    Nothing comes back by this itself: the next import may bring it.
    """
    return let_back(session, address, context.clock(), reason) is not None


def receipts(session: Session) -> list[Erasure]:
    """Return the receipts, newest first."""
    return list(session.exec(select(Erasure).order_by(col(Erasure.id).desc())))


def document(session: Session, receipt: Erasure) -> dict[str, Any]:
    """Return a receipt as a document to keep; it names nobody."""
    keys = session.exec(select(ErasedKey).where(ErasedKey.erasure_id == receipt.id)).all()
    return {
        "receipt": receipt.id,
        "status": receipt.status,
        "requested_at": receipt.requested_at.isoformat(),
        "finished_at": receipt.finished_at.isoformat() if receipt.finished_at else None,
        "removed_here": receipt.counts,
        "mailchimp": receipt.mailchimp.get("answers", []),
        "hashes": [{"kind": key.kind, "hash": key.hashed} for key in keys],
        "allowed_again_at": receipt.lifted_at.isoformat() if receipt.lifted_at else None,
        "allowed_again_because": receipt.lifted_because,
    }


def _tell(
    context: Context,
    job: Job,
    erasure_id: int,
    audience: Audience,
    subject: Subject,
    mailchimp: Mailchimp,
) -> None:
    """Have one audience erase every address, and store the answers as they come."""
    with scoped(context.engine, job.account_id) as session:
        answers = session.get_one(Erasure, erasure_id).mailchimp["answers"]
    told = sum(answer["audience"] == audience.id and not answer["store"] for answer in answers)
    # Addresses are in a fixed order: as many as there are answers were told.
    for address in subject.emails[told:]:
        status = personal.erase(mailchimp, address)
        with scoped(context.engine, job.account_id) as session:
            job.extend(session)
            _answer(session, context, erasure_id, audience, status)


def _tell_stores(
    context: Context,
    job: Job,
    erasure_id: int,
    audience: Audience,
    subject: Subject,
    mailchimp: Mailchimp,
) -> None:
    """Delete the customers that our stores in an audience have of somebody; their mirror too.

    His orders stay there as they stay here: totals of nobody.
    """
    with scoped(context.engine, job.account_id) as session:
        found = [
            (store.store_id, row.key, row.id)
            for store, row in _customers(session, audience, subject)
        ]
    for store_id, key, row_id in found:
        status = personal.erase_customer(mailchimp, store_id, key)
        with scoped(context.engine, job.account_id) as session:
            job.extend(session)
            session.exec(delete(ShopRecord).where(col(ShopRecord.id) == row_id))
            _answer(session, context, erasure_id, audience, status, store=store_id)


def _customers(
    session: Session, audience: Audience, subject: Subject
) -> list[tuple[ShopStore, ShopRecord]]:
    """Return the rows of the shop's mirror that are customers of this person."""
    found: list[tuple[ShopStore, ShopRecord]] = []
    for store in session.exec(select(ShopStore).where(ShopStore.audience_id == audience.id)).all():
        numbers = [number for shop_id, number in subject.sources if shop_id == store.shop_id]
        rows = select(ShopRecord).where(
            ShopRecord.shop_store_id == store.id,
            ShopRecord.kind == "customer",
            col(ShopRecord.key).in_([customer_id(store.store_id, one) for one in numbers]),
        )
        found += [(store, row) for row in session.exec(rows.order_by(col(ShopRecord.id)))]
    return found


def _answer(
    session: Session,
    context: Context,
    erasure_id: int,
    audience: Audience,
    status: int,
    *,
    store: str = "",
) -> None:
    """Keep what Mailchimp said on the receipt."""
    receipt = session.get_one(Erasure, erasure_id)
    answer = {
        "audience": audience.id,
        "name": audience.name,
        "store": store,
        "status": status,
        "at": context.clock().isoformat(),
    }
    receipt.mailchimp = {"answers": [*receipt.mailchimp["answers"], answer]}


def _await_others(context: Context, job: Job) -> None:
    """Wait until no work runs that may have had the person in hand before he was taken out."""
    waited_s = 0.0
    while _others(context, job):
        if waited_s >= _WAIT_S:
            raise StillRunning("other work has to end first", retry_after_s=_LATER_S)
        job.report(0.9)
        time.sleep(_LOOK_S)
        waited_s += _LOOK_S


def _others(context: Context, job: Job) -> bool:
    query = select(Work.id).where(
        Work.status == "running", Work.id != job.id, col(Work.lease_until) > context.clock()
    )
    with scoped(context.engine, job.account_id) as session:
        return session.exec(query.limit(1)).first() is not None


def _audiences(session: Session) -> list[Audience]:
    query = select(Audience).where(col(Audience.disconnected_at).is_(None))
    return list(session.exec(query.order_by(col(Audience.id))))
