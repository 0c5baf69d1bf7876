"""Salted hashes: the same for the same text of one account, and of no use elsewhere.

HMAC-SHA-256 (RFC 2104) with a random salt of the account, which never leaves the database.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlmodel import Session, select

from integration.db import upsert
from integration.tables import Salt


def salt_of(session: Session) -> bytes:
    """Return the account's salt; made the first time, and the same ever after."""
    query = select(Salt.value)
    found = session.exec(query).first()
    if found is None:
        # Two may come at once: the first row stays, and both read it.
        mine = {"value": secrets.token_hex(32)}
        upsert(session, Salt, [mine], key=("account_id",), keep=("value",))
        found = session.exec(query).one()
    return bytes.fromhex(found)


def digest(salt: bytes, purpose: str, text: str) -> bytes:
    """Return 32 bytes; hashes of different purposes tell nothing about each other.

    Examples
    --------
    >>> digest(b"salt", "email", "ada@shop.nl") == digest(b"salt", "email", "ada@shop.nl")
    True
    >>> digest(b"salt", "email", "ada@shop.nl") == digest(b"salt", "lot", "ada@shop.nl")
    False
    """
    return hmac.digest(salt, f"{purpose}\x00{text}".encode(), hashlib.sha256)


def lot(salt: bytes, text: str) -> float:
    """Return a number from 0 up to 1, drawn once and for all for this text.

    Examples
    --------
    >>> 0 <= lot(b"salt", "ada@shop.nl") < 1
    True
    """
    # 53 bits: all that a float holds between 0 and 1, so that 1.0 cannot come out.
    return (int.from_bytes(digest(salt, "lot", text)[:8]) >> 11) / 2**53
