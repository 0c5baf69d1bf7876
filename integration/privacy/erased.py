"""Who was erased: told by salted hashes, so that nobody comes back by a file that is read again.

A receipt keeps no address. What an erased person could be recognised by is kept as an HMAC with the
account's salt, which answers "is it this one?" and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from integration.identity import email_key
from integration.logs import redact
from integration.parts import parts
from integration.salted import digest, salt_of
from integration.tables import ErasedKey, Erasure

#: Status of a receipt: an audience that had the person has to be connected before it can be told.
WAITING = "waiting"
#: (kind, value): kinds are "email", "card", "phone" and "source".
Key = tuple[str, str]


def is_erased(session: Session, address: str) -> bool:
    """Tell whether an address belongs to somebody who was erased and may not come back."""
    return bool(erased_among(session, [address]))


def erased_among(session: Session, addresses: Iterable[str]) -> set[str]:
    """Return those of these addresses (as given) that belong to somebody who was erased."""
    keys = {address: ("email", email_key(address) or "") for address in addresses}
    found = erased_keys(session, set(keys.values()))
    return {address for address, key in keys.items() if key in found}


def erased_keys(session: Session, keys: Collection[Key]) -> set[Key]:
    """Return those of these (kind, value) that an erased person was recognised by."""
    if not keys or not has_any(session):
        return set()
    salt = salt_of(session)
    of_hash = {hash_of(salt, key): key for key in keys}
    found: set[Key] = set()
    for part in parts(of_hash):
        query = select(ErasedKey.hashed).where(col(ErasedKey.hashed).in_(part))
        found.update(of_hash[hashed] for hashed in session.exec(query))
    return found


def has_any(session: Session) -> bool:
    """Tell whether anybody was erased here: without one nothing needs to be hashed."""
    return session.exec(select(ErasedKey.id).limit(1)).first() is not None


def hash_of(salt: bytes, key: Key) -> str:
    """Return the hash that stands for a (kind, value)."""
    kind, value = key
    return digest(salt, f"erased {kind}", value).hex()


def source_key(shop_id: int, external_id: str) -> Key:
    """Return the key of a customer number: it means somebody in one source only."""
    return "source", f"{shop_id}:{external_id}"


def receipt_of(session: Session, address: str) -> Erasure | None:
    """Return the receipt of whoever has this address and may not come back."""
    hashed = hash_of(salt_of(session), ("email", email_key(address) or ""))
    query = (
        select(Erasure)
        .join(ErasedKey, col(ErasedKey.erasure_id) == col(Erasure.id))
        .where(ErasedKey.hashed == hashed)
    )
    return session.exec(query).first()


def let_back(session: Session, address: str, now: datetime, reason: str) -> Erasure | None:
    """Take the block off whoever has this address, with the reason on his receipt; return that.

    None if nobody with it was erased.
    """
    receipt = receipt_of(session, address)
    if receipt is None:
        return None
    if receipt.status == WAITING:
        receipt.pending = None  # nobody is taken out who may be here again
    receipt.status, receipt.lifted_at, receipt.lifted_because = "lifted", now, redact(reason)
    for key in session.exec(select(ErasedKey).where(ErasedKey.erasure_id == receipt.id)).all():
        session.delete(key)
    return receipt
