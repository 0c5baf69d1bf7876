"""The Monday list: business customers who are overdue, for what, and with whom to speak.

That is who ordered last of what is worth most; where roles are known the one who buys, and who
decides once a whole order was missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from babel.numbers import get_currency_precision
from sqlmodel import Session, col, func, select

from integration.reading.names import Words
from integration.reading.segments import personal_name
from integration.tables import PersonProfile, SegmentMember, SourceProfile
from segmentation.trade.alarms import OVERDUE
from segmentation.trade.companies import ANY, company_key
from segmentation.trade.roles import BUYS, DECIDES, role_of

#: Companies on a page.
PAGE = 25
#: Usual intervals since the last order from which on a whole order was missed.
LONG = 2.0
#: In place of a role: the contact who ordered last.
ORDERED = "ordered"


@dataclass(frozen=True)
class Late:
    """An article group that a company would have ordered by now."""

    #: "" for orders as a whole.
    name: str
    expected_on: date
    days_late: int
    #: Chance that the order would have come by now.
    chance: float
    #: Pieces; None for orders as a whole.
    units: int | None
    #: Minor units: pieces expected at the usual price; None where no price is told.
    value: int | None
    why: str


@dataclass(frozen=True)
class Contact:
    """Somebody at the company."""

    person_id: int
    name: str
    email: str
    phone: str
    #: As a source wrote it.
    role: str
    #: Why this one: decides, buys, or ordered.
    because: str


@dataclass(frozen=True)
class Company:
    """A company with at least one alarm."""

    name: str
    #: A contact who carries an alarm: his page tells all rhythms of the company.
    person_id: int
    #: With whom to speak.
    contact: Contact
    #: How many contacts have ordered.
    contacts: int
    #: The most valuable first.
    late: Sequence[Late]
    #: Sentences about what its basket lacks.
    lacks: Sequence[str]
    computed_on: date

    @property
    def value(self) -> int:
        """What is at risk, in minor units."""
        return sum(one.value or 0 for one in self.late)


def whole(minor: int | None, currency: str) -> int | None:
    """Return minor units as whole units of a currency, for a table to add up.

    Without decimals: a Dutch spreadsheet takes 12.50 for 1250.
    """
    return None if minor is None else round(minor / 10 ** get_currency_precision(currency))


def companies(session: Session, words: Words) -> list[Company]:
    """Return every company that is overdue, the most at risk first."""
    alarms = _alarms(session)
    names = _names(session, alarms)
    grouped: dict[str, list[PersonProfile]] = defaultdict(list)
    for person_id, figures in alarms.items():
        grouped[company_key(names.get(person_id, "")) or f"#{person_id}"].append(figures)
    staff = _staff(session, grouped)
    wanted = set(alarms) | {one for of in staff.values() for one in of.values()}
    people = _contacts(session, wanted)
    found = [
        _company(rows, names.get(rows[0].person_id, ""), staff.get(key, {}), people, words)
        for key, rows in grouped.items()
    ]
    return sorted(found, key=lambda one: (-one.value, one.name, one.person_id))


def _alarms(session: Session) -> dict[int, PersonProfile]:
    """Return the figures of who carries an alarm; a company has one an article group."""
    carriers = select(SegmentMember.person_id).where(
        col(SegmentMember.segment).startswith("b2b:"),
        col(SegmentMember.segment).endswith(f":{OVERDUE}"),
    )
    query = select(PersonProfile).where(col(PersonProfile.person_id).in_(carriers))
    rows = session.exec(query.order_by(col(PersonProfile.person_id))).all()
    return {row.person_id: row for row in rows if _late(row)}


def _late(row: PersonProfile) -> list[Mapping[str, Any]]:
    rhythms = row.trade.get("rhythms", ())
    return [rhythm for rhythm in rhythms if rhythm["state"] == OVERDUE and rhythm["carries"]]


def _names(session: Session, person_ids: Iterable[int]) -> dict[int, str]:
    """Return company names by person, chosen as `integration.frames` chooses them."""
    query = (
        select(SourceProfile.person_id, func.max(SourceProfile.company))
        .where(col(SourceProfile.person_id).in_(list(person_ids)))
        .group_by(col(SourceProfile.person_id))
    )
    return {person_id: name for person_id, name in session.exec(query) if name}


def _staff(session: Session, keys: Collection[str]) -> dict[str, dict[str, int]]:
    """Return who has which role at companies, the one known first; he may never have ordered."""
    query = select(SourceProfile.company, SourceProfile.role, SourceProfile.person_id)
    told = query.where(
        col(SourceProfile.company).is_not(None), col(SourceProfile.role).is_not(None)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for company, text, person_id in session.exec(told.order_by(col(SourceProfile.id))):
        key, role = company_key(company or ""), role_of(text or "")
        if role and key in keys:
            found[key].setdefault(role, person_id)
    return found


def _contacts(session: Session, person_ids: Iterable[int]) -> dict[int, Contact]:
    query = select(SourceProfile).where(col(SourceProfile.person_id).in_(list(person_ids)))
    rows: dict[int, list[SourceProfile]] = defaultdict(list)
    for profile in session.exec(query.order_by(col(SourceProfile.id))):
        rows[profile.person_id].append(profile)
    return {
        person_id: Contact(
            person_id,
            name=next((name for profile in of if (name := personal_name(profile))), ""),
            email=next((profile.email for profile in of if profile.email), ""),
            phone=next((profile.phone for profile in of if profile.phone), ""),
            role=next((profile.role for profile in of if profile.role), ""),
            because=ORDERED,
        )
        for person_id, of in rows.items()
    }


def _company(
    rows: Sequence[PersonProfile],
    name: str,
    staff: Mapping[str, int],
    people: Mapping[int, Contact],
    words: Words,
) -> Company:
    """Return a company from the figures of its contacts who carry alarms."""
    found = [(rhythm, row) for row in rows for rhythm in _late(row)]
    # Orders as a whole hold those of the groups: told only where no group is late by itself.
    found = [pair for pair in found if pair[0]["need"] != ANY] or found
    found.sort(key=lambda pair: (-(pair[0]["amount"] or 0.0), pair[0]["need"]))
    rhythm, first = found[0]
    carrier = people[first.person_id]
    long = any(_missed_one(rhythm, row.computed_on) for rhythm, row in found)
    asked = [role for role in ((DECIDES, BUYS) if long else (BUYS,)) if role in staff]
    return Company(
        name=name or carrier.name or carrier.email,
        person_id=carrier.person_id,
        contact=replace(people[staff[asked[0]]], because=asked[0]) if asked else carrier,
        contacts=rhythm["contacts"],
        late=[_told(rhythm, row.computed_on, words) for rhythm, row in found],
        lacks=[words.why(why) for why in first.trade.get("lacks", ())],
        computed_on=first.computed_on,
    )


def _missed_one(rhythm: Mapping[str, Any], on: date) -> bool:
    waited = (on - date.fromisoformat(rhythm["last_on"])).days
    return waited >= LONG * int(rhythm["every"])


def _told(rhythm: Mapping[str, Any], on: date, words: Words) -> Late:
    expected_on = date.fromisoformat(rhythm["expected_on"])
    return Late(
        name="" if rhythm["need"] == ANY else words.need(rhythm["need"]),
        expected_on=expected_on,
        days_late=max((on - expected_on).days, 0),
        chance=rhythm["p_overdue"],
        units=rhythm["units"],
        value=None if rhythm["amount"] is None else round(rhythm["amount"]),
        # Not that "this one" of many ordered last: the list says whom it means.
        why=words.why({**rhythm, "contacts": 1}),
    )
