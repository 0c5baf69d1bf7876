"""Whom a request is about: the persons, profiles and keys that belong together."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select

from integration.identity import email_key
from integration.privacy.erased import Key, source_key
from integration.store.common import parts
from integration.tables import Identity, SourceProfile


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Somebody, and everything he can be recognised by; sorted, so that it reads the same twice."""

    people: tuple[int, ...] = ()
    profiles: tuple[int, ...] = ()
    emails: tuple[str, ...] = ()
    #: Cards and telephone numbers that nobody else has.
    cards: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    #: Shop and customer number there.
    sources: tuple[tuple[int, str], ...] = ()

    def keys(self) -> set[Key]:
        """Return what must not bring the person back."""
        own = (("email", self.emails), ("card", self.cards), ("phone", self.phones))
        found = {(kind, value) for kind, values in own for value in values}
        return found | {source_key(shop_id, number) for shop_id, number in self.sources}

    def to_text(self) -> str:
        """Return the subject as text, to be encrypted."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> Subject:
        """Return the subject of `to_text`."""
        told = json.loads(text)
        sources = tuple((int(shop_id), str(number)) for shop_id, number in told.pop("sources"))
        return Subject(sources=sources, **{name: tuple(values) for name, values in told.items()})


def of_person(session: Session, person_id: int) -> Subject:
    """Return a person with whoever has one of his addresses too: it is the same mailbox."""
    people, addresses = {person_id}, set[str]()
    while True:
        found = _addresses(session, people)
        if found <= addresses:
            return _subject(session, people, addresses)
        addresses |= found
        people |= _holders(session, "email", addresses).keys()


def only_person(session: Session, person_id: int) -> Subject:
    """Return one person and nobody else, not even with the same address."""
    return _subject(session, {person_id}, _addresses(session, {person_id}))


def people_of(session: Session, address: str) -> list[int]:
    """Return the persons who have an address."""
    return sorted(_holders(session, "email", {email_key(address) or ""}))


def of_address(session: Session, address: str) -> Subject:
    """Return whoever has an address; only the address itself when nobody here has it."""
    key = email_key(address) or ""
    people = people_of(session, key)
    return of_person(session, people[0]) if people else Subject(emails=(key,))


def _subject(session: Session, people: Collection[int], addresses: Iterable[str]) -> Subject:
    profiles = _profiles(session, people)
    ids = {profile.id or 0 for profile in profiles}
    return Subject(
        people=tuple(sorted(people)),
        profiles=tuple(sorted(ids)),
        emails=tuple(sorted(addresses)),
        cards=tuple(_own(session, "card", ids, people)),
        phones=tuple(_own(session, "phone", ids, people)),
        sources=tuple(sorted((profile.shop_id, profile.external_id) for profile in profiles)),
    )


def _own(
    session: Session, kind: str, profile_ids: Collection[int], people: Collection[int]
) -> list[str]:
    """Return the keys of a kind that these profiles have and no other person has."""
    query = select(Identity.value).where(
        Identity.kind == kind, col(Identity.profile_id).in_(profile_ids)
    )
    values = set(session.exec(query))
    others = {
        value
        for holder, held in _holders(session, kind, values).items()
        if holder not in people
        for value in held
    }
    return sorted(values - others)


def _holders(session: Session, kind: str, values: Collection[str]) -> dict[int, set[str]]:
    """Return persons with one of these keys, and which."""
    found: dict[int, set[str]] = {}
    for part in parts(sorted(values)):
        query = (
            select(SourceProfile.person_id, Identity.value)
            .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
            .where(Identity.kind == kind, col(Identity.value).in_(part))
        )
        for person_id, value in session.exec(query):
            found.setdefault(person_id, set()).add(value)
    return found


def _profiles(session: Session, people: Collection[int]) -> list[SourceProfile]:
    query = select(SourceProfile).where(col(SourceProfile.person_id).in_(people))
    return list(session.exec(query.order_by(col(SourceProfile.id))))


def _addresses(session: Session, people: Collection[int]) -> set[str]:
    query = (
        select(Identity.value)
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
        .where(Identity.kind == "email", col(SourceProfile.person_id).in_(people))
    )
    return set(session.exec(query))
