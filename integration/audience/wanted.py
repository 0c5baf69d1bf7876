"""What every member of the audience should have: tags and fields, from what was computed.

One set of queries over the whole account and no query per person. Only members that are in the
audience and may be reached get something; whoever denied permission, left, or is nobody we know
wants nothing, so that what we gave earlier is taken away.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy
from sqlmodel import Session, col, func, select

from integration import consent
from integration.asked_groups import asked
from integration.audience import languages, names
from integration.audience.difference import FIELD, TAG
from integration.audience.members import REACHABLE
from integration.goods import Goods, Shelf
from integration.reading.names import Words
from integration.reading.names import need_names as need_names  # asked for here by many
from integration.store.common import parts
from integration.tables import (
    Audience,
    DueDate,
    FittedModel,
    Identity,
    Member,
    Order,
    OwnedName,
    PersonProfile,
    SegmentMember,
    SourceProfile,
)
from segmentation.duedates.needs import NeedName, name_of

#: In order of urgency; "" is a date that is still far away, or one that is over.
_STATES = ("now", "soon", "late", "")
_ANYTHING = "anything"
#: Orders that a rhythm takes.
_RHYTHM_ORDERS = 3
#: Purchases shown.
_RECENT = 3


@dataclass(kw_only=True)
class Wanted:
    """What the audience should hold, and who was left out for which reason."""

    #: Address -> ("tag" or "field", key) -> value.
    values: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)
    #: Address -> person.
    people: dict[str, int] = field(default_factory=dict)
    #: "denied", "unsubscribed", "no_person", "several_people", "second_address", "lost" -> members.
    left_out: Counter[str] = field(default_factory=Counter)
    #: Segments that did not fit into the tag budget -> people in them.
    over_budget: dict[str, int] = field(default_factory=dict)


class _Due(NamedTuple):
    person_id: int
    need: str
    state: str
    waits_for: str
    expected_on: date
    offers: Sequence[Mapping[str, Any]]
    reason: Mapping[str, Any]


class _Profile(NamedTuple):
    person_id: int
    stage: str
    is_wholesale: bool
    favourite: str
    second_favourite: str
    shops: str
    recency: int
    frequency: int
    tenure: int
    picks: Sequence[Mapping[str, Any]]
    #: See `segmentation.picks.personal.also_bought`.
    also: Mapping[str, Any]
    #: See `segmentation.trade.model.Company`.
    trade: Mapping[str, Any]
    computed_on: date


def wanted(
    session: Session, audience: Audience, newcomers: Mapping[str, int] | None = None
) -> Wanted:
    """Work out the wanted state of every member of an audience.

    Parameters
    ----------
    newcomers
        Address -> person of those the same plan adds: they get theirs as soon as they are there.
    """
    result = Wanted()
    result.people = {**_recipients(session, audience, result.left_out), **(newcomers or {})}
    ids = set(result.people.values())
    segments = _segments(session, ids)
    counts = Counter(key for keys in segments.values() for key in keys)
    wished = [f"group:{key}" for key in asked(session)]
    kept = set(names.within_budget(counts, _owned_tags(session, audience), wished))
    result.over_budget = {key: counts[key] for key in sorted(counts.keys() - kept)}
    fields = _fields(session, audience, ids)
    spoken = languages.wanted(session, audience, result.people) if audience.sets_language else {}
    for email_key, person_id in result.people.items():
        tags = {(TAG, key): "" for key in segments.get(person_id, ()) if key in kept}
        result.values[email_key] = tags | fields.get(person_id, {})
        if email_key in spoken:
            result.values[email_key][FIELD, names.LANGUAGE] = spoken[email_key]
    return result


# -- who gets something ----------------------------------------------------------------------------


def recipients(session: Session, audience: Audience) -> dict[str, int]:
    """Address -> person for everybody in the audience who may be given something."""
    return _recipients(session, audience, Counter())


def _recipients(session: Session, audience: Audience, left_out: Counter[str]) -> dict[str, int]:
    """Address -> person for the one address of each person that gets his tags and fields."""
    members = session.exec(
        select(Member.email_key, Member.status).where(Member.audience_id == audience.id)
    ).all()
    people = people_by_address(session)
    denied = consent.denied(session)
    addresses: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for email_key, status in members:
        found = people.get(email_key, set())
        reason = _why_not(status, found, denied)
        if reason:
            left_out[reason] += 1
        else:
            addresses[next(iter(found))].append((email_key, status))
    several = {person_id for person_id, rows in addresses.items() if len(rows) > 1}
    used = _last_used(session, several)
    if several:
        left_out["second_address"] = sum(len(addresses[person_id]) - 1 for person_id in several)
    return {_best(rows, used): person_id for person_id, rows in addresses.items()}


def out_of_reach(session: Session, audience_id: int) -> set[str]:
    """Return the addresses that may be given nothing by now: denied, left or bounced."""
    unreachable = select(Member.email_key).where(
        Member.audience_id == audience_id, col(Member.status).not_in(REACHABLE)
    )
    found = set(session.exec(unreachable))
    for part in parts(sorted(consent.denied(session))):
        addresses = (
            select(Identity.value)
            .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
            .where(Identity.kind == "email", col(SourceProfile.person_id).in_(part))
        )
        found.update(session.exec(addresses))
    return found


def _why_not(status: str, people: Collection[int], denied: Collection[int]) -> str:
    if status == "unsubscribed":
        return "unsubscribed"
    if status not in REACHABLE:
        return "lost"
    if len(people) != 1:
        return "several_people" if people else "no_person"
    return "denied" if next(iter(people)) in denied else ""


def people_by_address(session: Session) -> dict[str, set[int]]:
    """Return everybody who has an address, by address."""
    query = (
        select(Identity.value, SourceProfile.person_id)
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
        .where(Identity.kind == "email")
    )
    people: dict[str, set[int]] = defaultdict(set)
    for email_key, person_id in session.exec(query):
        people[email_key].add(person_id)
    return people


def _last_used(session: Session, person_ids: Collection[int]) -> dict[str, datetime]:
    """Address -> moment of the last order placed with it."""
    used: dict[str, datetime] = {}
    for part in parts(sorted(person_ids)):
        query = (
            select(Identity.value, func.max(Order.placed_at))
            .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
            .join(Order, col(Order.profile_id) == col(SourceProfile.id))
            .where(Identity.kind == "email", col(SourceProfile.person_id).in_(part))
            .group_by(col(Identity.value))
        )
        used.update(session.exec(query).all())
    return used


def _best(rows: Iterable[tuple[str, str]], used: Mapping[str, datetime]) -> str:
    """The subscribed address first, then the one used last; the alphabet decides a tie."""

    def rank(row: tuple[str, str]) -> tuple[bool, float, str]:
        moment = used.get(row[0])
        return row[1] != "subscribed", -moment.timestamp() if moment else 0.0, row[0]

    return min(rows, key=rank)[0]


# -- what they get ---------------------------------------------------------------------------------


def _owned_tags(session: Session, audience: Audience) -> set[str]:
    query = select(OwnedName.key).where(OwnedName.audience_id == audience.id, OwnedName.kind == TAG)
    return set(session.exec(query))


def _segments(session: Session, person_ids: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for person_id, segment in session.exec(select(SegmentMember.person_id, SegmentMember.segment)):
        if person_id in person_ids:
            found[person_id].append(segment)
    return found


def _fields(
    session: Session, audience: Audience, person_ids: Collection[int]
) -> dict[int, dict[tuple[str, str], str]]:
    language, needs = audience.language, need_names(session)
    used = {field.key for field in names.switched_on(audience.field_sets.get("on", ()))}
    words = Words(language, needs)
    due = _most_urgent(session, person_ids)
    stages = _stage_reasons(session, person_ids)
    profiles = _profiles(session, person_ids)
    shelf = Shelf(session)
    bought = _bought_last(session, person_ids) if "RECENT1" in used else {}
    found: dict[int, dict[tuple[str, str], str]] = {}
    for person_id in due.keys() | stages.keys() | profiles.keys():
        profile, first = profiles.get(person_id), due.get(person_id)
        if profile is not None and profile.is_wholesale:
            first = None  # business customers order on contract, not when a thing wears out
        texts = _due_texts(first, language, needs, shelf)
        texts |= _profile_texts(profile, language, needs) | _pick_texts(profile, shelf)
        titles = enumerate(bought.get(person_id, ()), start=1)
        texts |= {f"RECENT{place}": title for place, title in titles}
        reason = first.reason if first else _overdue(profile) or stages.get(person_id)
        if reason:
            texts["WHY"] = words.why(reason)
        found[person_id] = {
            (FIELD, key): names.value(text) for key, text in texts.items() if text and key in used
        }
    return found


def _due_texts(
    due: _Due | None, language: str, needs: Mapping[str, NeedName], shelf: Shelf
) -> dict[str, str]:
    if due is None:
        return {}
    name = (needs.get(due.need) or name_of(due.need)).singular(language)
    texts = {"DUEDATE": due.expected_on.isoformat(), "DUEWHAT": name}
    if due.state:
        # The thing itself where there is nothing to propose, so that no sentence has a hole.
        best = next(iter(shelf.shown(due.offers)), Goods(name, "", ""))
        texts |= {
            "DUEPROD": best.title,
            "DUEURL": names.link(best.url),
            "DUEIMG": names.link(best.image),
        }
    return texts


def _pick_texts(profile: _Profile | None, shelf: Shelf) -> dict[str, str]:
    if profile is None:
        return {}
    texts: dict[str, str] = {}
    for key, offers in (("RECO", profile.picks), ("ALSO", profile.also.get("shown", ()))):
        found = [] if profile.is_wholesale else shelf.shown(offers)
        texts |= {f"{key}{place}": goods.title for place, goods in enumerate(found, start=1)}
    # The same words in every language: a template compares with them.
    return texts | {"HASRECO": "yes" if "ALSO1" in texts else "no"}


def _profile_texts(
    profile: _Profile | None, language: str, needs: Mapping[str, NeedName]
) -> dict[str, str]:
    if profile is None:
        return {}
    keys = [f"stage:{profile.stage}", f"shops:{profile.shops}"]
    tags = names.tag_names(keys, language, needs, {})
    stage, shops = (names.thing(tags.get(key, "")) for key in keys)
    expected = _next_order(profile) if profile.is_wholesale else None
    return {
        "STAGE": stage,
        "LOVES2": _plural(profile.second_favourite, language, needs),
        "SHOPS": shops,
        "NEXTORDER": expected.isoformat() if expected else "",
        "LASTORDER": _last_order(profile).isoformat(),
        "FAVOURITE": _plural(profile.favourite, language, needs),
    }


def _plural(need: str, language: str, needs: Mapping[str, NeedName]) -> str:
    plural = (needs.get(need) or name_of(need)).plural(language) if need else ""
    return plural[:1].upper() + plural[1:]


def _last_order(profile: _Profile) -> date:
    return profile.computed_on - timedelta(days=profile.recency)


def _next_order(profile: _Profile) -> date | None:
    """When the company that a person buys for is expected to order again, whoever of it does.

    None below three orders, which show no rhythm, and once a whole gap has passed unused: such an
    account has changed, and a date far in the past helps nobody.
    """
    for rhythm in profile.trade.get("rhythms", ()):
        if rhythm["need"] == _ANYTHING and rhythm["orders"] >= _RHYTHM_ORDERS:
            last = date.fromisoformat(rhythm["last_on"])
            if profile.computed_on <= last + timedelta(days=2 * rhythm["every"]):
                return date.fromisoformat(rhythm["expected_on"])
    return None


def _overdue(profile: _Profile | None) -> Mapping[str, Any] | None:
    """Return the reason of the alarm that a business customer carries longest."""
    rhythms = profile.trade.get("rhythms", ()) if profile else ()
    alarms = [rhythm for rhythm in rhythms if rhythm["state"] and rhythm["carries"]]
    return min(alarms, key=lambda rhythm: (rhythm["expected_on"], rhythm["need"]), default=None)


def _most_urgent(session: Session, person_ids: Collection[int]) -> dict[int, _Due]:
    """What each person needs first: what the tag tells of, then due now, soon, late and later.

    The shop's rhythm as a whole ("anything") names no thing and comes last. What has no state and
    was expected before the day we looked from is over: it would keep the field in the past.
    """
    looked_from = _looked_from(session)
    # Through SQLAlchemy's own select: SQLModel's knows no more than four columns.
    query = sqlalchemy.select(*(col(getattr(DueDate, name)) for name in _Due._fields))
    found: dict[int, _Due] = {}
    for row in session.execute(query):
        due = _Due(*row)
        is_over = not due.state and due.expected_on <= looked_from
        if is_over or due.person_id not in person_ids:
            continue
        best = found.get(due.person_id)
        if best is None or _urgency(due) < _urgency(best):
            found[due.person_id] = due
    return found


def _bought_last(session: Session, person_ids: Collection[int]) -> dict[int, list[str]]:
    """What each person bought last, one of each kind of thing and newest first, three at most."""
    query = (
        select(DueDate.person_id, DueDate.last_title)
        .where(DueDate.need != _ANYTHING, DueDate.last_title != "")
        .order_by(col(DueDate.last_on).desc(), col(DueDate.id))
    )
    found: dict[int, list[str]] = defaultdict(list)
    for person_id, title in session.exec(query):
        titles = found[person_id] if person_id in person_ids else None
        if titles is not None and len(titles) < _RECENT and title not in titles:
            titles.append(title)
    return found


def _looked_from(session: Session) -> date:
    """Return the day for which the due dates were computed; before all days when it is unknown."""
    newest = select(col(FittedModel.as_of)).order_by(col(FittedModel.id).desc()).limit(1)
    return session.exec(newest).first() or date.min


def _urgency(due: _Due) -> tuple[bool, bool, int, date, str]:
    waits = due.waits_for != ""
    return due.need == _ANYTHING, waits, _STATES.index(due.state), due.expected_on, due.need


def _stage_reasons(session: Session, person_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    query = select(SegmentMember.person_id, col(SegmentMember.reason)).where(
        col(SegmentMember.segment).like("stage:%")
    )
    return {
        person_id: reason for person_id, reason in session.exec(query) if person_id in person_ids
    }


def _profiles(session: Session, person_ids: Collection[int]) -> dict[int, _Profile]:
    query = sqlalchemy.select(*(col(getattr(PersonProfile, name)) for name in _Profile._fields))
    rows = (_Profile(*row) for row in session.execute(query))
    return {row.person_id: row for row in rows if row.person_id in person_ids}
