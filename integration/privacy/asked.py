"""What a shop's platform asks on behalf of people: to see, to be forgotten, to forget the shop.

Each is written down without the person's name, with the day by which it has to be done, so that
the merchant can show that it was. What is needed to do it lies encrypted until it was done.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session, col, select

from connectors.base import AccessAsked, ErasureAsked, ShopErasureAsked
from integration.context import Context
from integration.identity import email_key
from integration.pipeline import start_refresh
from integration.privacy import erase
from integration.privacy.shop_removal import forget_shop
from integration.privacy.subject import Subject, of_address, of_person
from integration.shopify.stores import of_shop
from integration.sources import forget_files
from integration.tables import PrivacyRequest, Shop, SourceProfile

#: Shopify, "Privacy law compliance": to be done within 30 days.
DEADLINE = timedelta(days=30)
ACCESS, ERASURE, SHOP = "access", "erasure", "shop"
#: With a shop, as the merchant chose; a person is erased in Mailchimp too unless it says no.
IN_MAILCHIMP = "erases_in_mailchimp"


def take(
    session: Session,
    context: Context,
    shop: Shop,
    asked: AccessAsked | ErasureAsked | ShopErasureAsked,
) -> None:
    """Do what is asked, or write down that the merchant has to, in the caller's transaction."""
    match asked:
        case AccessAsked():
            _note_access(session, context, shop, asked)
        case ErasureAsked():
            _erase(session, context, shop, asked)
        case ShopErasureAsked():
            _forget_shop(session, context, shop, asked)


def requests(session: Session) -> list[PrivacyRequest]:
    """Return what was asked, newest first."""
    return list(session.exec(select(PrivacyRequest).order_by(col(PrivacyRequest.id).desc())))


def subject_of(session: Session, context: Context, request: PrivacyRequest) -> Subject | None:
    """Return whom a request to see everything is about; None when it was done."""
    if request.pending is None:
        return None
    told = json.loads(context.vault.decrypt(request.pending))
    return _subject(session, request.shop_id, told["key"], told["email"])


def done(context: Context, request: PrivacyRequest) -> None:
    """Note that a request was done; who asked is not kept."""
    request.done_at, request.pending = context.clock(), None


def _note_access(session: Session, context: Context, shop: Shop, asked: AccessAsked) -> None:
    known = select(PrivacyRequest.id).where(
        PrivacyRequest.shop_id == shop.id, PrivacyRequest.request == asked.request
    )
    if session.exec(known).first() is not None:
        return  # told twice
    row = _row(session, context, shop, ACCESS)
    row.request = asked.request
    row.pending = context.vault.encrypt(json.dumps({"key": asked.key, "email": asked.email}))


def _erase(session: Session, context: Context, shop: Shop, asked: ErasureAsked) -> None:
    row = _row(session, context, shop, ERASURE)
    subject = _subject(session, shop.id or 0, asked.key, asked.email)
    if subject.keys():
        here_only = shop.config.get(IN_MAILCHIMP) is False
        row.erasure_id = erase.start(session, context, subject, here_only=here_only)
    done(context, row)


def _forget_shop(session: Session, context: Context, shop: Shop, asked: ShopErasureAsked) -> None:
    """Forget a shop that left, unless the request is of before it came back."""
    store = of_shop(session, shop.id or 0)
    came = store.installed_at if store else shop.created_at
    if shop.disconnected_at is None or (asked.at is not None and asked.at < came):
        return
    row = _row(session, context, shop, SHOP)
    session.flush()
    row.counts = dict(forget_shop(session, shop))
    forget_files(context, shop)
    done(context, row)
    start_refresh(session)


def _row(session: Session, context: Context, shop: Shop, kind: str) -> PrivacyRequest:
    now = context.clock()
    row = PrivacyRequest(
        account_id=shop.account_id,
        shop_id=shop.id or 0,
        kind=kind,
        asked_at=now,
        due_at=now + DEADLINE,
    )
    session.add(row)
    return row


def _subject(session: Session, shop_id: int, key: str | None, email: str | None) -> Subject:
    """Return whoever has the number or the address, and both even where nobody here has them."""
    mine = select(SourceProfile.person_id).where(
        SourceProfile.shop_id == shop_id, SourceProfile.external_id == (key or "")
    )
    person_id = session.exec(mine).first() if key else None
    found = Subject()
    if person_id is not None:
        found = of_person(session, person_id)
    elif email:
        found = of_address(session, email)
    address = email_key(email)
    return replace(
        found,
        emails=tuple(sorted({*found.emails, *([address] if address else [])})),
        sources=tuple(sorted({*found.sources, *([(shop_id, key)] if key else [])})),
    )
