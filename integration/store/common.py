"""What every stream needs to be stored: hashes, money, what is known already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from babel.numbers import get_currency_precision
from sqlmodel import Session, SQLModel, col, select

from connectors.records import Record
from integration.db import BY_KEY
from integration.parts import parts as parts
from integration.tables import Account


@lru_cache(maxsize=256)
def _factor(currency: str) -> int:
    return int(10 ** get_currency_precision(currency))


@lru_cache(maxsize=65_536)
def minor(amount: Decimal | None, currency: str) -> int | None:
    """Return the amount in minor units of its currency, halves to the even unit.

    Examples
    --------
    >>> minor(Decimal("12.345"), "EUR"), minor(Decimal("500"), "JPY"), minor(None, "EUR")
    (1234, 500, None)
    """
    if amount is None:
        return None
    return int((amount * _factor(currency)).to_integral_value(ROUND_HALF_EVEN))


def minor_or_zero(amount: Decimal | None, currency: str) -> int:
    """Return the amount in minor units, 0 when there is none."""
    return minor(amount, currency) or 0


def content_hash(record: Record) -> str:
    """Return a text that is equal for equal records."""
    return hashlib.blake2b(repr(record).encode(), digest_size=12).hexdigest()


def alone(session: Session) -> None:
    """Wait until nobody else stores records of this account; call it first in a transaction.

    A version is looked up before it is replaced: a page of an import and a webhook at the same
    moment could each find the other's work undone. SQLite has one writer in any case. New rows that
    refer to the account do not wait for it.
    """
    mine = select(Account.id).where(Account.id == session.info["account_id"])
    session.exec(mine.with_for_update(key_share=True)).one()


@dataclass(frozen=True, slots=True)
class Known:
    """What the table holds of a record already."""

    id: int
    content_hash: str
    source_updated_at: datetime | None


class _Kept(Protocol):
    """A table whose rows are versions of a source's records."""

    id: Any
    shop_id: int
    external_id: str
    content_hash: str
    source_updated_at: datetime | None


class _HasVersion(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def source_updated_at(self) -> datetime | None: ...


_R = TypeVar("_R", bound=_HasVersion)


def known(
    session: Session, table: type[SQLModel], shop_id: int, external_ids: Iterable[str]
) -> dict[str, Known]:
    """Return what `table` holds of these ids, by id of the source."""
    kept: type[_Kept] = table  # type: ignore[assignment]  # a table with these columns
    found: dict[str, Known] = {}
    for part in parts(external_ids):
        rows = session.exec(
            select(kept.external_id, kept.id, kept.content_hash, kept.source_updated_at).where(
                col(kept.shop_id) == shop_id, col(kept.external_id).in_(part)
            ),
            execution_options=BY_KEY,
        )
        found.update({row[0]: Known(row[1], row[2], row[3]) for row in rows})
    return found


def changed(records: Sequence[_R], hashes: dict[str, str], held: dict[str, Known]) -> list[_R]:
    """Return the records that differ from what is held and are not older than it.

    When a page holds a record twice, the last one counts.
    """
    latest = {record.id: record for record in records}
    return [
        record for key, record in latest.items() if _is_newer(record, hashes[key], held.get(key))
    ]


def gaps(
    held: SQLModel, told: Mapping[str, Any], groups: Iterable[Sequence[str]]
) -> dict[str, Any]:
    """Return what `told` says of columns that are empty in `held`.

    The columns of a group are one thing said (a name): they are filled together or not at all.
    """
    found: dict[str, Any] = {}
    for group in groups:
        if not any(map(is_told, (getattr(held, name) for name in group))):
            found.update({name: told[name] for name in group if is_told(told[name])})
    return found


def is_told(value: Any) -> bool:
    """Return whether a cell says something: no, zero names and the empty text do not.

    Examples
    --------
    >>> is_told(""), is_told({"names": []}), is_told(0)
    (False, False, True)
    """
    return value not in (None, "", {"names": []}) and value is not False


def _is_newer(record: _HasVersion, content: str, held: Known | None) -> bool:
    if held is None:
        return True
    if held.content_hash == content:
        return False
    both = record.source_updated_at and held.source_updated_at
    return not (both and record.source_updated_at < held.source_updated_at)  # type: ignore[operator]  # both are set
