"""Keeping erased people out of our tables, whatever a source tells of them again.

An order of theirs is kept as one of nobody; their own record, carts, statements and moments are
not. Told by salted hashes, see `privacy.erased`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session

from connectors.records import (
    BadRecord,
    Cart,
    ConsentEvent,
    Customer,
    Order,
    Record,
    Touchpoint,
)
from integration.identity import card_key, email_key

# The module, not its names: it may be on its way in, as it uses the store's own helpers.
from integration.privacy import erased as known


def without_erased(
    session: Session, shop_id: int, records: Sequence[Record]
) -> tuple[list[Record], int]:
    """Return the records that may be stored, and how many told of somebody who was erased."""
    if not known.has_any(session):
        return list(records), 0
    keys = [_keys(record, shop_id) for record in records]
    blocked = known.erased_keys(session, set().union(*keys))
    kept: list[Record] = []
    told = 0
    for record, of_record in zip(records, keys, strict=True):
        if not of_record & blocked:
            kept.append(record)
            continue
        told += 1
        if isinstance(record, Order):
            nobody = replace(
                record,
                customer_id=None,
                email=None,
                phone=None,
                card_no=None,
                buyer_untold=False,
                discounts=(),  # a code may have been made for that person
            )
            kept.append(nobody)
    return kept, told


def rejects_without_erased(session: Session, rejects: Sequence[BadRecord]) -> list[BadRecord]:
    """Return rejected cells, those blanked that are an erased person's address."""
    erased = known.erased_among(session, {reject.value for reject in rejects})
    return [replace(one, value="") if one.value in erased else one for one in rejects]


def _keys(record: Record, shop_id: int) -> set[known.Key]:
    """Return what a record names its person by.

    A telephone number decides only where nothing else does: households share one.
    """
    match record:
        case Customer():
            number = record.id
            email, phone, card = record.email, record.phone, record.card_no
        case Order():
            number = record.customer_id or ""
            email, phone, card = record.email, record.phone, record.card_no
        case ConsentEvent():
            number, email, phone, card = record.customer_id or "", record.email, record.phone, None
        case Cart() | Touchpoint():
            number, email, phone, card = record.customer_id or "", record.email, None, None
        case _:
            return set()
    told = {("email", email_key(email)), ("card", card_key(card))}
    found: set[known.Key] = {(kind, value) for kind, value in told if value}
    if phone and not found:
        found.add(("phone", phone))
    return found | ({known.source_key(shop_id, number)} if number else set())
