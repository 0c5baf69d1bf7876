"""Who of a source's customers is in the audience: only their purchases are sent.

An order names its customer by id, and the customer is written first. Nobody becomes a contact by
it: whoever is not in the audience, or whose address is archived or bounced, has no customer there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlmodel import Session, select

from integration.shopdata.ids import customer_id
from integration.shopdata.items import Item, Known, item
from integration.tables import Identity, Member, ShopStore, SourceProfile

#: A contact in one of these is not touched: nothing is known to bring it back by accident.
ABSENT = ("archived", "cleaned", "gone")


@dataclass(frozen=True, slots=True)
class Buyers:
    """The customers of one source that a store may have."""

    #: Customer id by profile.
    of_profile: Mapping[int, str]
    person_of: Mapping[int, int]
    items: list[Item] = field(default_factory=list)


def buyers(session: Session, store: ShopStore, known: Mapping[str, Known]) -> Buyers:
    """Return who can be written; `known` are the customers that the store has."""
    profiles = session.exec(
        select(SourceProfile.id, SourceProfile.person_id, SourceProfile.external_id).where(
            SourceProfile.shop_id == store.shop_id
        )
    ).all()
    names: dict[int, list[str]] = defaultdict(list)
    for _, person_id, external_id in profiles:
        names[person_id].append(external_id)
    addresses = _addresses(session, store.audience_id)
    ids = {
        person_id: _id(store.store_id, externals, known)
        for person_id, externals in names.items()
        if person_id in addresses
    }
    return Buyers(
        of_profile={p: ids[person] for p, person, _ in profiles if p and person in ids},
        person_of={p: person for p, person, _ in profiles if p},
        items=[_item(ids[person], addresses[person]) for person in sorted(ids)],
    )


def _item(key: str, email: str) -> Item:
    return item("customer", key, {"id": key, "email_address": email, "opt_in_status": False})


def _id(store_id: str, external_ids: Iterable[str], known: Mapping[str, Known]) -> str:
    """One customer for all accounts and guest orders of a person at the source.

    The one that is there already; else that of the first account by name, which does not depend on
    the order of reading.
    """
    ids = [customer_id(store_id, external_id) for external_id in sorted(external_ids)]
    return next((key for key in ids if key in known and known[key].there), ids[0])


def _addresses(session: Session, audience_id: int) -> dict[int, str]:
    """The address under which each person is in the audience; subscribed ones first."""
    members = dict(
        session.exec(
            select(Member.email_key, Member.status).where(Member.audience_id == audience_id)
        ).all()
    )
    people: dict[str, set[int]] = defaultdict(set)
    query = select(Identity.value, SourceProfile.person_id).where(
        Identity.kind == "email", SourceProfile.id == Identity.profile_id
    )
    for email, person_id in session.exec(query):
        people[email].add(person_id)
    found: dict[int, list[tuple[bool, str]]] = defaultdict(list)
    for email, persons in people.items():
        status = members.get(email, "gone")
        # An address of several people is nobody's.
        if status not in ABSENT and len(persons) == 1:
            found[next(iter(persons))].append((status != "subscribed", email))
    return {person_id: min(rows)[1] for person_id, rows in found.items()}
