"""Customers to source profiles, and the profiles that orders without a customer record name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select

from connectors.records import Customer
from integration.db import BY_KEY, upsert
from integration.identity import email_key, keys_of, link, new_people
from integration.store.common import changed, content_hash, gaps, known, parts
from integration.tables import Identity, SourceProfile


@dataclass(frozen=True, slots=True)
class Ref:
    """How a fact names its person: the source's customer id, an address, a card or a number."""

    customer_id: str | None = None
    email: str | None = None
    phone: str | None = None
    card_no: str | None = None

    @property
    def external_id(self) -> str | None:
        """The profile's id: the customer's own, else one made of the strongest key."""
        if self.customer_id:
            return self.customer_id
        if self.card_no:
            return f"card:{self.card_no}"
        if self.email:
            return f"guest:{email_key(self.email)}"
        return f"phone:{self.phone}" if self.phone else None


#: What a customer who is only mentioned may add, the columns of one statement together.
_GAPS = (
    ("first_name", "middle_name", "last_name"),
    ("country", "postcode", "city"),
    *(
        (name,)
        for name in (
            "email", "phone", "card_no", "birth_date", "gender", "company", "role", "is_business",
            "language", "tags",
        )
    ),
)  # fmt: skip


def write_customers(
    session: Session, shop_id: int, customers: Sequence[Customer], now: datetime
) -> set[int]:
    """Store customers; return the persons whose facts changed."""
    own = [record for record in customers if not record.partial]
    mentioned = [record for record in customers if record.partial]
    return _write_own(session, shop_id, own, now) | _fill(session, shop_id, mentioned, now)


def _write_own(
    session: Session, shop_id: int, customers: Sequence[Customer], now: datetime
) -> set[int]:
    hashes = {record.id: content_hash(record) for record in customers}
    held = known(session, SourceProfile, shop_id, hashes)
    news = changed(customers, hashes, held)
    if not news:
        return set()
    people = iter(new_people(session, sum(record.id not in held for record in news), now))
    rows = [
        {
            **_told(record, is_known=record.id in held),
            "shop_id": shop_id,
            # The column is kept on conflict; -1 never reaches the table.
            "person_id": -1 if record.id in held else next(people),
            "content_hash": hashes[record.id],
        }
        for record in news
    ]
    _insert(session, [row for row in rows if row["person_id"] != -1])
    _replace(session, shop_id, [row for row in rows if row["person_id"] == -1])
    return recognise(session, shop_id, [record.id for record in news], now)


def _fill(session: Session, shop_id: int, customers: Sequence[Customer], now: datetime) -> set[int]:
    """Store what orders mention; a customer's own record is added to, never overwritten."""
    mentioned = {record.id: record for record in customers}
    held = _profiles(session, shop_id, mentioned)
    touched = [key for key in mentioned if key not in held]
    _insert_mentioned(session, shop_id, [mentioned[key] for key in touched], now)
    for key, profile in held.items():
        added = gaps(profile, _columns(mentioned[key]), _GAPS)
        for name, value in added.items():
            setattr(profile, name, value)
        touched += [key] if added else []
    session.flush()
    return recognise(session, shop_id, touched, now) if touched else set()


def resolve(session: Session, shop_id: int, refs: Iterable[Ref], now: datetime) -> dict[str, int]:
    """Return profile ids by external id; profiles nobody told us about yet are made."""
    wanted = {ref.external_id: ref for ref in refs if ref.external_id}
    found = {key: row.id for key, row in known(session, SourceProfile, shop_id, wanted).items()}
    missing = [ref for key, ref in wanted.items() if key not in found]
    if not missing:
        return found
    named = [
        Customer(id=ref.external_id or "", email=ref.email, phone=ref.phone, card_no=ref.card_no)
        for ref in missing
    ]
    _insert_mentioned(session, shop_id, named, now)
    made = [ref.external_id for ref in missing if ref.external_id]
    recognise(session, shop_id, made, now)
    found.update({key: row.id for key, row in known(session, SourceProfile, shop_id, made).items()})
    return found


def persons_of(session: Session, profile_ids: Iterable[int]) -> set[int]:
    """Return the persons behind profiles."""
    found: set[int] = set()
    for part in parts(set(profile_ids)):
        found.update(
            session.exec(
                select(SourceProfile.person_id).where(col(SourceProfile.id).in_(part)),
                execution_options=BY_KEY,
            )
        )
    return found


def forget(session: Session, shop_id: int, external_ids: Sequence[str], now: datetime) -> set[int]:
    """Blank profiles that the source no longer has; return the persons whose facts changed.

    The number stays, as orders are known by it; whatever it is told of anew is stored again.
    """
    profiles = _profiles(session, shop_id, external_ids)
    for key, profile in profiles.items():
        blank = _columns(Customer(id=key)) | {"source_updated_at": profile.source_updated_at}
        for name, value in {**blank, "content_hash": ""}.items():
            setattr(profile, name, value)
    session.flush()
    return recognise(session, shop_id, list(profiles), now) if profiles else set()


def _told(record: Customer, *, is_known: bool) -> dict[str, Any]:
    """Return a customer's columns, of one whom we know only those that the source let us read."""
    columns = _columns(record)
    return {name: columns[name] for name in columns if not is_known or name not in record.untold}


def _columns(record: Customer) -> dict[str, Any]:
    return {
        "external_id": record.id,
        "email": record.email,
        "phone": record.phone,
        "card_no": record.card_no,
        "first_name": record.first_name,
        "middle_name": record.middle_name,
        "last_name": record.last_name,
        "birth_date": record.birth_date,
        "gender": record.gender,
        "company": record.company,
        "role": record.role,
        "is_business": record.is_business,
        "language": record.language,
        "country": record.country,
        "postcode": record.postcode,
        "city": record.city,
        "tags": {"names": list(record.tags)},
        "their_group": record.their_group,
        "their_tier": record.their_tier,
        "created_at": record.created_at,
        "source_updated_at": record.source_updated_at,
    }


def _insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    upsert(session, SourceProfile, rows, key=("shop_id", "external_id"), keep=("person_id",))


def _insert_mentioned(
    session: Session, shop_id: int, customers: Sequence[Customer], now: datetime
) -> None:
    """Insert profiles without a hash: the customer's own record, once it comes, differs."""
    people = iter(new_people(session, len(customers), now))
    extra = [{"person_id": person, "shop_id": shop_id, "content_hash": ""} for person in people]
    _insert(session, [_columns(c) | more for c, more in zip(customers, extra, strict=True)])


def _replace(session: Session, shop_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows that exist; an upsert would need a person to refer to."""
    by_id = {row["external_id"]: row for row in rows}
    for key, profile in _profiles(session, shop_id, by_id).items():
        for name, value in by_id[key].items():
            if name != "person_id":
                setattr(profile, name, value)
    session.flush()


def _profiles(
    session: Session, shop_id: int, external_ids: Iterable[str]
) -> dict[str, SourceProfile]:
    found: dict[str, SourceProfile] = {}
    for part in parts(external_ids):
        rows = session.exec(
            select(SourceProfile).where(
                col(SourceProfile.shop_id) == shop_id, col(SourceProfile.external_id).in_(part)
            ),
            execution_options=BY_KEY,
        )
        found.update({row.external_id: row for row in rows})
    return found


def recognise(
    session: Session, shop_id: int, external_ids: Sequence[str], now: datetime
) -> set[int]:
    """Renew the match keys of profiles and the persons behind them."""
    found = _profiles(session, shop_id, external_ids).values()
    profiles = {profile.id: profile for profile in found if profile.id is not None}
    for ids in parts(profiles):
        session.exec(
            delete(Identity).where(col(Identity.profile_id).in_(ids)), execution_options=BY_KEY
        )
    upsert(
        session,
        Identity,
        [
            {"profile_id": key, "kind": kind, "value": value}
            for key, profile in profiles.items()
            for kind, value in sorted(keys_of(profile))
        ],
        key=("profile_id", "kind", "value"),
    )
    linked = link(session, profiles, now)
    return linked | {profile.person_id for profile in profiles.values()}
