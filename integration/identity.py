"""Who is who: source profiles with the same address, card or phone become one person.

E-mail addresses and card numbers join profiles always. A telephone number joins them only when
nothing speaks against it, because households share one: two different e-mail addresses or two
different first names on either side keep them apart. What the merchant separated stays separate.
Merging and un-merging change `SourceProfile.person_id` and nothing else, so every fact keeps its
source and every merge can be taken back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import insert
from sqlmodel import Session, col, delete, or_, select

from integration.db import BY_KEY
from integration.tables import (
    DueDate,
    Identity,
    Person,
    PersonProfile,
    SegmentChange,
    SegmentMember,
    Separation,
    SourceProfile,
)

#: Profiles with one telephone number above which it is nobody's: tills are fed "0600000000".
MOST_ON_A_PHONE = 10

_IDENTITY: sa.Table = Identity.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_PROFILE: sa.Table = SourceProfile.__table__  # type: ignore[attr-defined]  # SQLModel adds it

#: Values in one IN list: SQLite takes 32,766 variables a statement.
CHUNK = 10_000


def chunks(values: Collection[int]) -> Iterable[list[int]]:
    """Cut a collection into lists that fit one statement."""
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def email_key(email: str | None) -> str | None:
    """Return what two spellings of one address have in common.

    Examples
    --------
    >>> email_key(" Ada@Example.COM ")
    'ada@example.com'
    """
    key = (email or "").strip().lower()
    return key or None


def card_key(card_no: str | None) -> str | None:
    """Return a card number's letters and digits.

    Examples
    --------
    >>> card_key("0042 1187-a")
    '00421187A'
    """
    key = re.sub(r"[^0-9A-Za-z]", "", card_no or "").upper()
    return key or None


def keys_of(profile: SourceProfile) -> set[tuple[str, str]]:
    """Return everything the profile can be recognised by, as (kind, value)."""
    found = {
        ("email", email_key(profile.email)),
        ("card", card_key(profile.card_no)),
        ("phone", profile.phone),
    }
    return {(kind, value) for kind, value in found if value}


@dataclass
class _Group:
    """Profiles that are one person so far."""

    profiles: set[int]
    emails: set[str] = field(default_factory=set)
    first_names: set[str] = field(default_factory=set)

    def may_share_phone_with(self, other: _Group) -> bool:
        """A shared number means one person only when no name or address contradicts it."""
        names = [(a, b) for a in self.first_names for b in other.first_names]
        return len(self.emails | other.emails) <= 1 and all(_same_name(a, b) for a, b in names)


def _same_name(one: str, other: str) -> bool:
    """Compare first names; an initial agrees with every name that starts with it.

    Examples
    --------
    >>> _same_name("jan", "j."), _same_name("jan", "johanna")
    (True, False)
    """
    one, other = one.rstrip("."), other.rstrip(".")
    if min(len(one), len(other)) == 1:
        return one[0] == other[0]
    return one == other


def group(
    profiles: Mapping[int, SourceProfile],
    identities: Iterable[tuple[int, str, str]],
    separations: Iterable[tuple[int, int]],
) -> list[set[int]]:
    """Return the sets of profile ids that are one person each, ordered by their smallest id.

    `identities` are (profile id, kind, value). The outcome does not depend on any order.
    """
    groups = {
        key: _Group(
            profiles={key},
            emails={e} if (e := email_key(profile.email)) else set(),
            first_names={n} if (n := (profile.first_name or "").strip().lower()) else set(),
        )
        for key, profile in profiles.items()
    }
    apart: dict[int, set[int]] = defaultdict(set)
    for one, other in separations:
        apart[one].add(other)
        apart[other].add(one)
    shared: dict[tuple[str, str], list[int]] = defaultdict(list)
    for profile_id, kind, value in identities:
        if profile_id in groups:
            shared[kind, value].append(profile_id)
    # Strong keys first: what they join decides what a telephone number may still join.
    for (kind, _), members in sorted(
        shared.items(), key=lambda item: (item[0][0] == "phone", item)
    ):
        _join_all(groups, sorted(members), apart, weak=kind == "phone")
    distinct = {id(found): found.profiles for found in groups.values()}
    return sorted(distinct.values(), key=min)


def _join_all(
    groups: dict[int, _Group], members: list[int], apart: Mapping[int, set[int]], *, weak: bool
) -> None:
    """Join each member of a key with the first group met that nothing keeps him from."""
    met: list[int] = []
    for member in members:
        if not any(_join(groups, one, member, apart, weak=weak) for one in met):
            met.append(member)


def _join(
    groups: dict[int, _Group], one: int, other: int, apart: Mapping[int, set[int]], *, weak: bool
) -> bool:
    """Make two profiles' groups one, if they may be; tell whether they are one now."""
    left, right = groups[one], groups[other]
    if left is right:
        return True
    if weak and not left.may_share_phone_with(right):
        return False
    if any(apart.get(profile, set()) & right.profiles for profile in left.profiles):
        return False
    left.profiles |= right.profiles
    left.emails |= right.emails
    left.first_names |= right.first_names
    for profile in right.profiles:
        groups[profile] = left
    return True


def new_people(session: Session, count: int, now: datetime) -> list[int]:
    """Add `count` persons and return their ids in order."""
    if not count:
        return []
    account_id = session.info["account_id"]
    rows = [{"account_id": account_id, "created_at": now}] * count
    made = session.execute(
        insert(Person).returning(col(Person.id), sort_by_parameter_order=True), rows
    )
    return [key for key in made.scalars().all() if key is not None]


def link(session: Session, profile_ids: Collection[int], now: datetime) -> set[int]:
    """Bring the persons behind these profiles up to date; return persons that changed."""
    start = set(profile_ids)
    start |= _joined_by(session, _crowded(session, start))
    return _regroup(session, _reached(session, start), now)


def separate(
    session: Session, profile_id: int, other_id: int, now: datetime, user_id: int | None = None
) -> set[int]:
    """Declare two profiles to be different people; return the persons that changed.

    Raises
    ------
    LookupError
        When a profile does not exist in this account.
    """
    pair = sorted((profile_id, other_id))
    found = session.exec(select(SourceProfile).where(col(SourceProfile.id).in_(pair))).all()
    if len(found) != 2:
        raise LookupError("no such profile")
    known = select(Separation).where(Separation.one_id == pair[0], Separation.other_id == pair[1])
    if session.exec(known).first() is None:
        session.add(
            Separation(
                account_id=session.info["account_id"],
                one_id=pair[0],
                other_id=pair[1],
                by_user_id=user_id,
                created_at=now,
            )
        )
        session.flush()
    return link(session, pair, now)


def rejoin(session: Session, profile_id: int, other_id: int, now: datetime) -> set[int]:
    """Take a separation back; return the persons that changed."""
    pair = sorted((profile_id, other_id))
    session.exec(
        delete(Separation).where(
            col(Separation.one_id) == pair[0], col(Separation.other_id) == pair[1]
        )
    )
    return link(session, pair, now)


def _reached(session: Session, start: set[int]) -> set[int]:
    """Every profile connected with `start` over keys or a present person, any steps far."""
    reached, new = set(start), set(start)
    while new:
        found: set[int] = set()
        for part in chunks(new):
            found.update(_neighbours(session, part))
        new = found - reached
        reached |= new
    return reached


def _neighbours(session: Session, profile_ids: Sequence[int]) -> set[int]:
    """Profiles that share a key or a person with these, themselves included."""
    # Not a join: a number that a till writes for everybody would be squared, and SQLite, before it
    # has counted its rows, would go through the whole account.
    keys = (
        sa.select(_IDENTITY.c.kind, _IDENTITY.c.value)
        .where(_IDENTITY.c.profile_id.in_(profile_ids))
        .where(~_is_crowded(_crowded(session, profile_ids)))
    )
    same_key = (
        sa.select(_IDENTITY.c.profile_id)
        .where(_IDENTITY.c.account_id == session.info["account_id"])
        .where(sa.tuple_(_IDENTITY.c.kind, _IDENTITY.c.value).in_(keys))
    )
    persons = select(SourceProfile.person_id).where(col(SourceProfile.id).in_(profile_ids))
    same_person = select(SourceProfile.id).where(col(SourceProfile.person_id).in_(persons))
    return {
        *session.execute(same_key).scalars(),
        *(key for key in session.exec(same_person, execution_options=BY_KEY) if key is not None),
    }


def _crowded(session: Session, profile_ids: Collection[int]) -> set[str]:
    """Telephone numbers of these profiles that too many hold to say anything."""
    found: set[str] = set()
    for part in chunks(profile_ids):
        mine = sa.select(_IDENTITY.c.value).where(_IDENTITY.c.profile_id.in_(part))
        found.update(
            session.execute(
                sa.select(_IDENTITY.c.value)
                .where(_IDENTITY.c.account_id == session.info["account_id"])
                .where(_IDENTITY.c.kind == "phone", _IDENTITY.c.value.in_(mine))
                .group_by(_IDENTITY.c.value)
                .having(sa.func.count() > MOST_ON_A_PHONE)
            ).scalars()
        )
    return found


def _is_crowded(numbers: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.and_(_IDENTITY.c.kind == "phone", _IDENTITY.c.value.in_(sorted(numbers)))


def _joined_by(session: Session, numbers: Collection[str]) -> set[int]:
    """Profiles that one of these numbers had made one person before it was held by so many."""
    if not numbers:
        return set()
    holders = (
        sa.select(_PROFILE.c.id, _PROFILE.c.person_id)
        .join(_IDENTITY, _IDENTITY.c.profile_id == _PROFILE.c.id)
        .where(_IDENTITY.c.account_id == session.info["account_id"], _is_crowded(numbers))
        .subquery()
    )
    several = (
        sa.select(holders.c.person_id)
        .group_by(holders.c.person_id)
        .having(sa.func.count(holders.c.id.distinct()) > 1)
    )
    joined = sa.select(holders.c.id).where(holders.c.person_id.in_(several))
    return set(session.execute(joined).scalars())


def _regroup(session: Session, reached: set[int], now: datetime) -> set[int]:
    profiles: dict[int, SourceProfile] = {}
    identities: list[tuple[int, str, str]] = []
    separations: list[tuple[int, int]] = []
    for part in chunks(reached):
        mine = select(SourceProfile).where(col(SourceProfile.id).in_(part))
        for profile in session.exec(mine, execution_options=BY_KEY):
            assert profile.id is not None
            profiles[profile.id] = profile
        identities += session.exec(
            select(Identity.profile_id, Identity.kind, Identity.value).where(
                col(Identity.profile_id).in_(part)
            ),
            execution_options=BY_KEY,
        )
        separations += session.exec(
            select(Separation.one_id, Separation.other_id).where(
                or_(col(Separation.one_id).in_(part), col(Separation.other_id).in_(part))
            )
        )
    nobodys = _crowded(session, profiles)
    told = [row for row in identities if row[1] != "phone" or row[2] not in nobodys]
    return _assign(session, profiles, group(profiles, told, separations), now)


def _assign(
    session: Session, profiles: Mapping[int, SourceProfile], groups: list[set[int]], now: datetime
) -> set[int]:
    """Give every group one person: its oldest one that no earlier group holds, or a new one."""
    taken: set[int] = set()
    changed: set[int] = set()
    heirs: dict[int, int] = {}
    for members in groups:
        present = {profiles[key].person_id for key in members}
        free = sorted(present - taken)
        person_id = free[0] if free else new_people(session, 1, now)[0]
        taken.add(person_id)
        if present == {person_id}:
            continue
        changed |= present | {person_id}
        heirs.update(dict.fromkeys(present, person_id))
        for key in sorted(members):
            profiles[key].person_id = person_id
    session.flush()
    _drop(session, {gone: heir for gone, heir in heirs.items() if gone not in taken})
    return changed & taken


def _drop(session: Session, heirs: Mapping[int, int]) -> None:
    """Remove persons without profiles; their history goes on with the person they became."""
    for part in chunks(heirs):
        for change in session.exec(
            select(SegmentChange).where(col(SegmentChange.person_id).in_(part))
        ):
            change.person_id = heirs[change.person_id]
        session.flush()
        for statement in (
            delete(SegmentMember).where(col(SegmentMember.person_id).in_(part)),
            delete(DueDate).where(col(DueDate.person_id).in_(part)),
            delete(PersonProfile).where(col(PersonProfile.person_id).in_(part)),
            delete(Person).where(col(Person.id).in_(part)),
        ):
            session.exec(statement, execution_options={"synchronize_session": False})
