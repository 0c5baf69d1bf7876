"""Forgetting a person for good, here and in Mailchimp, with a receipt that names nobody.

The order is what makes it safe to be killed at any moment. First one transaction takes everything
out of our tables and keeps the hashes, so that nothing brings the person back while the rest is
done; what Mailchimp still has to be told stands encrypted on the receipt. Then, when nothing runs
any more that may have him in hand and could write him there again, Mailchimp erases him, audience
by audience, and each answer is stored. Last our tables are looked through once more and the
encrypted part is dropped, or kept for an audience that had him and is not connected at present:
it is told when it is connected again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, delete, select

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp import personal
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NoAudience
from integration.mailchimp.guard import Permit
from integration.pipeline import start_refresh
from integration.privacy.erased import WAITING, hash_of, let_back
from integration.privacy.owed import KIND as KIND
from integration.privacy.owed import customers, defer_erasure, owed, stores_written
from integration.privacy.removal import remove
from integration.privacy.subject import Subject, of_address, of_person
from integration.salted import salt_of
from integration.tables import (
    Audience,
    ErasedKey,
    Erasure,
    Member,
    Order,
    ShopRecord,
    ShopStore,
    SourceProfile,
    Work,
)
from integration.work.queue import Job, NotYet, dead

#: Seconds between two looks whether other work has ended.
_LOOK_S = 5.0


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


def start(
    session: Session,
    context: Context,
    subject: Subject,
    user_id: int | None = None,
    *,
    here_only: bool = False,
) -> int:
    """Take a person out of our tables, have Mailchimp told, and return the receipt's id.

    With `here_only` Mailchimp is not told, as the merchant chose for what his shop asks.
    All of it in the caller's transaction: what is not committed has not happened.
    """
    account_id = session.info["account_id"]
    receipt = Erasure(
        account_id=account_id,
        requested_at=context.clock(),
        by_user_id=user_id,
        pending=context.vault.encrypt(subject.to_text()),
        mailchimp={
            "answers": [],
            "owed": [] if here_only else owed(session, subject),
            "here_only": here_only,
        },
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
    defer_erasure(session, receipt.id)
    if subject.people:
        start_refresh(session)
    return receipt.id


def erase(context: Context, job: Job) -> None:
    """Have Mailchimp erase a person and end the receipt; may be repeated after any kill.

    Raises
    ------
    MailchimpError
        Retryable ones try again later: here everything is gone already.
    NotYet
        Other work has to end first.
    """
    erasure_id = job.payload["erasure_id"]
    with scoped(context.engine, job.account_id) as session:
        receipt = session.get_one(Erasure, erasure_id)
        audiences = [] if receipt.mailchimp.get("here_only") else _audiences(session)
    if receipt.pending is None:
        return
    subject = Subject.from_text(context.vault.decrypt(receipt.pending))
    _await_others(context, job, erasure_id)
    for audience in audiences:
        try:
            mailchimp = open_mailchimp(context, audience, Permit.ERASE, listens=True)
        except NoAudience as error:
            # Disconnected just now: the next try sees that, and the receipt waits for it.
            raise NotYet(str(error), wait_s=_LOOK_S) from error
        _tell(context, job, erasure_id, audience, subject, mailchimp)
        _tell_stores(context, job, erasure_id, audience, subject, mailchimp)
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        receipt = session.get_one(Erasure, erasure_id)
        if receipt.status != "lifted":
            late = remove(session, _as_now(session, subject))
            receipt.counts = dict(Counter(receipt.counts) + late)
        _settle(session, context, receipt, audiences)
    job.report(1.0)


def _as_now(session: Session, subject: Subject) -> Subject:
    """Return whoever was written anew meanwhile; a database may give old numbers to new people."""
    bare = replace(subject, people=(), profiles=())
    found = [of_address(session, address) for address in subject.emails]
    for shop_id, number in subject.sources:
        query = select(SourceProfile.person_id).where(
            SourceProfile.shop_id == shop_id, SourceProfile.external_id == number
        )
        found += [of_person(session, person_id) for person_id in session.exec(query)]
    for again in found:
        bare = replace(
            bare,
            people=(*bare.people, *again.people),
            profiles=(*bare.profiles, *again.profiles),
        )
    return bare


def _settle(
    session: Session,
    context: Context,
    receipt: Erasure,
    told: list[Audience],
) -> None:
    """End the receipt, or keep what an audience that is not connected is still to be told."""
    ids = {audience.id for audience in told}
    left = [one for one in receipt.mailchimp.get("owed", []) if one["audience"] not in ids]
    receipt.mailchimp = {**receipt.mailchimp, "owed": left}
    if not left or receipt.status == "lifted":
        receipt.pending, receipt.finished_at = None, context.clock()
        receipt.status = "lifted" if receipt.status == "lifted" else "done"
        return
    waiting = {one["audience"] for one in left}
    if any(audience.id in waiting for audience in _audiences(session)):
        defer_erasure(session, receipt.id)  # connected again just now
    else:
        receipt.status = WAITING


def allow_again(session: Session, context: Context, address: str, reason: str) -> bool:
    """Take the block off an erased address, with the reason on its receipt; False if there is none.

    Nothing comes back by this itself: the next import may bring it.
    """
    return let_back(session, address, context.clock(), reason) is not None


def receipts(session: Session) -> list[Erasure]:
    """Return the receipts, newest first."""
    return list(session.exec(select(Erasure).order_by(col(Erasure.id).desc())))


def stages(session: Session) -> dict[int, str]:
    """Return how far each receipt is, by its id.

    As `Erasure.status`, except that a running one may be "behind" (other work has to end first) or
    "given up" (Mailchimp could not be told).
    """
    lost = {work.payload["erasure_id"] for work in dead(session) if work.kind == KIND}
    return {one.id or 0: _stage(one, lost) for one in receipts(session)}


def _stage(receipt: Erasure, lost: set[int]) -> str:
    if receipt.status != "running":
        return receipt.status
    if receipt.id in lost:
        return "given up"
    return "behind" if receipt.mailchimp.get("behind") else "running"


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
        "mailchimp_still_to_be_told": receipt.mailchimp.get("owed", []),
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
    """Delete the carts and customers that our stores in an audience have of somebody.

    His orders stay there as they stay here: totals of nobody.
    """
    with scoped(context.engine, job.account_id) as session:
        stores = stores_written(session, audience.id)
        answers = session.get_one(Erasure, erasure_id).mailchimp["answers"]
    for store in stores:
        told = sum(answer["store"] == store.store_id for answer in answers)
        # By our numbers, not by the mirror: work that was killed may have written more than it has.
        left = customers(store, subject)[told:]
        if left:
            carts = personal.erase_carts(mailchimp, store.store_id, left)
            with scoped(context.engine, job.account_id) as session:
                job.extend(session)
                _unmirror(session, store, "cart", carts)
        for key in left:
            status = personal.erase_customer(mailchimp, store.store_id, key)
            with scoped(context.engine, job.account_id) as session:
                job.extend(session)
                _unmirror(session, store, "customer", [key])
                _answer(session, context, erasure_id, audience, status, store=store.store_id)


def _unmirror(session: Session, store: ShopStore, kind: str, keys: Sequence[str]) -> None:
    """Take what is not there any more out of the mirror."""
    session.exec(
        delete(ShopRecord).where(
            col(ShopRecord.shop_store_id) == store.id,
            col(ShopRecord.kind) == kind,
            col(ShopRecord.key).in_(keys),
        )
    )


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
    receipt.mailchimp = {**receipt.mailchimp, "answers": [*receipt.mailchimp["answers"], answer]}


def _await_others(context: Context, job: Job, erasure_id: int) -> None:
    """Go on only when no work runs that may have had the person in hand as he was taken out.

    That is what ran at the first look. What began later found nothing of him and is not waited for,
    or one push after another would put the erasure off for ever.
    """
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        receipt = session.get_one(Erasure, erasure_id)
        running = _running(session, context, job)
        behind = sorted(running.intersection(receipt.mailchimp.get("behind", running)))
        receipt.mailchimp = {**receipt.mailchimp, "behind": behind}
    if behind:
        raise NotYet("other work has to end first", wait_s=_LOOK_S)


def _running(session: Session, context: Context, job: Job) -> set[str]:
    """Return the leases of other work; a job that is taken up again has another one."""
    query = select(Work.lease_by).where(
        Work.status == "running", Work.id != job.id, col(Work.lease_until) > context.clock()
    )
    return {lease for lease in session.exec(query) if lease is not None}


def _audiences(session: Session) -> list[Audience]:
    query = select(Audience).where(col(Audience.disconnected_at).is_(None))
    return list(session.exec(query.order_by(col(Audience.id))))
