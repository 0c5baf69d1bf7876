"""Changes that people made in Mailchimp, noted for each shop that is to be told of them.

They are noted in the transaction in which the ledger hears of them, and looked for again every
hour: a customer whom the shop has only since then is found too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session, col
from sqlmodel import select as rows_of

from connectors.records import ConsentState
from integration.audience import evidence
from integration.consent import moment
from integration.db import add_new
from integration.tables import Consent, ConsentWrite, Identity, Shop, SourceProfile
from integration.work.queue import defer
from integration.writeback.switch import since

KIND = "write_consent"
#: What was heard longer ago is told no more.
LATE = timedelta(days=7)
_STATES = (ConsentState.DENIED.value, ConsentState.CONFIRMED.value)


def note(session: Session, now: datetime) -> int:
    """Note all changes that shops are to be told of, with work for each customer; return them."""
    found = 0
    for shop in session.exec(rows_of(Shop).order_by(col(Shop.id))).all():
        on = since(session, shop)
        if on is None:
            continue
        rows = [
            _row(shop, change, now)
            for change in session.connection().execute(_unnoted(shop, on, now))
            if _counts(change)
        ]
        add_new(session, ConsentWrite, rows)
        for profile_id in dict.fromkeys(row["profile_id"] for row in rows):
            start(session, shop, profile_id)
        found += len(rows)
    return found


def start(session: Session, shop: Shop, profile_id: int) -> None:
    """Write down that a customer's changes are to be told, one after the other."""
    defer(
        session,
        account_id=shop.account_id,
        kind=KIND,
        lane=f"shop:{shop.id}:consent:{profile_id}",
        payload={"shop_id": shop.id, "profile_id": profile_id},
    )


def _unnoted(shop: Shop, on: datetime, now: datetime) -> Any:
    noted = select(ConsentWrite.id).where(  # type: ignore[call-overload]  # SQLModel's columns
        ConsentWrite.shop_id == shop.id,
        ConsentWrite.consent_id == Consent.id,
        ConsentWrite.profile_id == SourceProfile.id,
    )
    columns: tuple[Any, ...] = (
        Consent.id.label("consent_id"),  # type: ignore[union-attr]
        Consent.state,
        Consent.at,
        Consent.received_at,
        Consent.evidence,
        SourceProfile.id.label("profile_id"),  # type: ignore[union-attr]
        SourceProfile.external_id,
    )
    return (
        select(*columns)
        .select_from(Consent)
        .join(
            Identity,
            (col(Identity.account_id) == col(Consent.account_id))
            & (col(Identity.kind) == "email")
            & (col(Identity.value) == col(Consent.email_key)),
        )
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
        .where(
            col(Consent.account_id) == shop.account_id,
            # Said by Mailchimp: what a shop or a file says never goes back.
            col(Consent.shop_id).is_(None),
            col(Consent.channel) == "email",
            col(Consent.state).in_(_STATES),
            col(Consent.at) > on,
            col(Consent.received_at) > now - LATE,
            col(SourceProfile.shop_id) == shop.id,
            ~noted.exists(),
        )
        .order_by(col(Consent.at), col(Consent.id))
    )


def _counts(change: Row[Any]) -> bool:
    """Whether it is a change at a known moment, about somebody whom the shop knows by a number."""
    if not change.external_id.isdecimal() or moment(change.at, change.received_at) is None:
        return False
    # Whom we met as unsubscribed may have left at any time before.
    is_denial = change.state == ConsentState.DENIED
    return not is_denial or evidence.SEEN in (change.evidence or "").split(", ")


def _row(shop: Shop, change: Row[Any], now: datetime) -> Mapping[str, Any]:
    return {
        "account_id": shop.account_id,
        "shop_id": shop.id,
        "profile_id": change.profile_id,
        "consent_id": change.consent_id,
        "state": change.state,
        "at": change.at,
        "status": "waiting",
        "reason": "",
        "before": {},
        "noted_at": now,
    }
