"""What visitors do in a shop: from one event into the tables, and whose it was.

An event proves nothing. It makes nobody a customer and says nothing about permission to mail: it is
stored where it is about a product of the shop's, or something it may sell, and belongs to somebody
where he was a customer before. Without one it is a browser's, and becomes his when that browser
logs in or checks out, as the shop's own order says.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from connectors.records import ConsentState, Touchpoint
from connectors.shopify.browsing import Browsed
from integration.context import Context
from integration.db import upsert
from integration.privacy import erased
from integration.salted import digest, salt_of
from integration.store.moments import write_seen
from integration.tables import Account, Consent, Product, SourceProfile, Visitor, Work
from integration.work.queue import defer
from segmentation.duedates.needs import NO_GOODS, Placer, name_of
from segmentation.frames import Choices

KIND = "browsed"
#: How old an event may say it is; the pixel sends at once.
OLDEST = timedelta(days=1)
#: Whoever looks around does so for a while: it is computed with once.
_RESTS = timedelta(minutes=10)
_HASH_LENGTH = 32


def keep(session: Session, context: Context, shop_id: int, told: Browsed) -> None:
    """Store an event in the caller's transaction, or nothing where it may not be or says nothing.

    Told twice it is stored once.
    """
    now = context.clock()
    visitor = _visitor(session, shop_id, told.client)
    known = session.exec(
        select(Visitor).where(Visitor.shop_id == shop_id, Visitor.visitor == visitor)
    ).first()
    profile_id = known.profile_id if known else None
    is_strange = False
    if told.customer_id is not None:
        if _is_erased(session, shop_id, told.customer_id):
            return
        profile_id = customer(session, shop_id, told.customer_id)
        is_strange = profile_id is None
    if profile_id is not None and objects(session, profile_id):
        return
    # Of whoever is not (yet) a customer here nothing is kept but by which checkout he may be one.
    seen = None if is_strange else _touchpoint(session, shop_id, told, visitor, now)
    if seen is not None:
        write_seen(session, shop_id, seen, profile_id)
    if profile_id is not None or told.checkout_token is not None:
        _recognise(session, context, shop_id, told, visitor, profile_id)
        ask(session, shop_id, now + _RESTS)


def customer(session: Session, shop_id: int, number: str) -> int | None:
    """Return the profile of a customer of this shop's; None for nobody, or one who was erased."""
    if _is_erased(session, shop_id, number):
        return None
    query = select(SourceProfile.id).where(
        SourceProfile.shop_id == shop_id, SourceProfile.external_id == number
    )
    return session.exec(query).first()


def objects(session: Session, profile_id: int) -> bool:
    """Tell whether somebody does not want what he does to be handed on: under any of his names."""
    person = select(SourceProfile.person_id).where(SourceProfile.id == profile_id)
    theirs = select(SourceProfile.id).where(col(SourceProfile.person_id).in_(person))
    said = select(Consent.id).where(
        col(Consent.profile_id).in_(theirs),
        Consent.channel == "data_sale",
        Consent.state == ConsentState.DENIED.value,
    )
    return session.exec(said.limit(1)).first() is not None


def ask(session: Session, shop_id: int, run_at: datetime) -> None:
    """Write down that what visitors did is to be computed with, where that is not so already."""
    lane = f"shop:{shop_id}:browsed"
    waiting = select(Work.id).where(Work.lane == lane, Work.status == "queued")
    if session.exec(waiting.limit(1)).first() is None:
        account_id = session.info["account_id"]
        payload = {"shop_id": shop_id}
        defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload, run_at=run_at)


def _is_erased(session: Session, shop_id: int, number: str) -> bool:
    return bool(erased.erased_keys(session, {erased.source_key(shop_id, number)}))


def _visitor(session: Session, shop_id: int, client: str) -> str:
    """A browser's number is a hash here: it leads to nobody who does not have the number."""
    return digest(salt_of(session), "visitor", f"{shop_id}:{client}").hex()[:_HASH_LENGTH]


def _touchpoint(
    session: Session, shop_id: int, told: Browsed, visitor: str, now: datetime
) -> Touchpoint | None:
    """Return the moment of contact; None for one about nothing that this shop has."""
    subject: str | None = None
    if told.product_id is not None:
        query = select(Product.title).where(
            Product.shop_id == shop_id, Product.external_id == told.product_id
        )
        subject = session.exec(query).first()
    elif told.search is not None:
        subject = _searched(session, told.search)
    elif told.kind != "checkout_start":
        return None
    if subject is None and told.kind != "checkout_start":
        return None
    return Touchpoint(
        id=f"pixel:{told.id}",
        kind=told.kind,
        at=min(max(told.at, now - OLDEST), now),
        subject=subject,
        product_id=told.product_id,
        visitor=visitor,
    )


def _searched(session: Session, text: str) -> str | None:
    """Return what kind of goods was searched for; the words themselves may say anything."""
    need = Placer(Choices()).place(0, text, "", "", "")[0]
    if need in ("", NO_GOODS):
        return None
    language = session.get_one(Account, session.info["account_id"]).language
    return name_of(need).plural(language)


def _recognise(
    session: Session,
    context: Context,
    shop_id: int,
    told: Browsed,
    visitor: str,
    profile_id: int | None,
) -> None:
    """Note whose a browser is, or by which checkout that will be known."""
    now, token = context.clock(), told.checkout_token
    row = {
        "shop_id": shop_id,
        "visitor": visitor,
        "profile_id": profile_id,
        "checkout": context.vault.encrypt(token) if token else "",
        "checkout_at": now if token else None,
        "seen_at": now,
    }
    # Somebody who only looks around keeps the checkout that he is to be known by.
    keep = () if token else ("checkout", "checkout_at")
    upsert(session, Visitor, [row], key=("shop_id", "visitor"), keep=keep)
