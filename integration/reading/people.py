"""One person over all sources: what happened, what is owned, where he stands and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from integration import consent
from integration.goods import Goods, Shelf
from integration.reading.also import Beside, block
from integration.reading.names import Words
from integration.reading.segments import PAGE, Who, matching, who
from integration.tables import (
    Consent,
    DueDate,
    Order,
    OrderLine,
    PersonProfile,
    Refund,
    SegmentChange,
    SegmentMember,
    Separation,
    Shop,
    SourceProfile,
    Touchpoint,
)
from segmentation.builder.vocabulary import FEATURES, Feature

#: Events of a timeline; a wholesale account has thousands.
_TIMELINE = 200
_HISTORY = 60


@dataclass(frozen=True)
class Event:
    """One thing that happened, from one source."""

    #: order, refund, consent or touchpoint.
    kind: str
    at: datetime | None
    source: str
    row: Any
    lines: Sequence[OrderLine] = ()


@dataclass(frozen=True)
class Owned:
    """A need of a person and where today stands between purchase and window end, in percent."""

    due: DueDate
    name: str
    why: str
    today: float
    window_from: float
    window_to: float
    #: What is told before this, where it waits for its turn.
    waits_for: str = ""
    #: What to propose, best first, that can be bought now.
    offers: Sequence[Goods] = ()


@dataclass(frozen=True)
class Rhythm:
    """How the company of a business customer orders an article group, or anything at all."""

    #: "" for orders as a whole.
    name: str
    why: str
    expected_on: date
    #: Chance that the next order would have come by now.
    overdue: float
    is_overdue: bool
    #: Whether this contact carries the alarm.
    carries: bool
    #: Eight of ten orders, in pieces; None for orders as a whole.
    units: tuple[float, float] | None
    #: Minor units.
    amount: float | None


@dataclass(frozen=True)
class Tag:
    """A segment a person is in."""

    key: str
    name: str
    why: str
    since: date


@dataclass(frozen=True)
class Like:
    """Something a person buys more of than others do."""

    #: What kind of thing it is: brand, colour, ...
    name: str
    why: str


@dataclass(frozen=True)
class Change:
    """A segment that a person entered or left, and why."""

    row: SegmentChange
    name: str
    why: str


@dataclass(frozen=True)
class Person:
    """Everything on a person's page."""

    who: Who
    profiles: Sequence[SourceProfile]
    figures: PersonProfile | None
    tags: Sequence[Tag]
    owned: Sequence[Owned]
    likes: Sequence[Like]
    #: Products likely to be in the next basket, best first, with what speaks for them: "again",
    #: "taste" or "popular".
    picks: Sequence[tuple[Goods, str]]
    #: What others bought with what he bought last; and why nothing: "closed", "few" or "left".
    also: Sequence[Beside]
    why_not_also: str
    #: Of the company that a business customer buys for: the most overdue first, and the sentences
    #: about what its basket lacks.
    rhythms: Sequence[Rhythm]
    lacks: Sequence[str]
    events: Sequence[Event]
    consent: str
    ledger: Sequence[Consent]
    history: Sequence[Change]
    shops: dict[int, str] = field(default_factory=dict)


def search(session: Session, text: str, number: int) -> list[Who]:
    """Return the people of page `number` that match `text`, all when it is empty."""
    found = select(SourceProfile.person_id).distinct().order_by(col(SourceProfile.person_id))
    if text:
        found = found.where(col(SourceProfile.person_id).in_(matching(text)))
    ids = session.exec(found.offset((number - 1) * PAGE).limit(PAGE + 1)).all()
    return list(who(session, ids).values())


def tags_of(session: Session, words: Words, person_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the segments' names of several people at once."""
    rows = session.exec(
        select(SegmentMember.person_id, SegmentMember.segment)
        .where(col(SegmentMember.person_id).in_(person_ids))
        .order_by(col(SegmentMember.segment))
    ).all()
    known, result = words.catalogue(), defaultdict(list)
    for person_id, key in rows:
        if key in known:
            result[person_id].append(known[key].name(words.language))
    return result


def person(session: Session, words: Words, person_id: int, today: date) -> Person | None:
    """Return a person of this account, or None."""
    profiles = session.exec(
        select(SourceProfile)
        .where(SourceProfile.person_id == person_id)
        .order_by(col(SourceProfile.id))
    ).all()
    if not profiles:
        return None
    shops = {shop.id or 0: shop.name for shop in session.exec(select(Shop)).all()}
    ledger = [row for _, row in consent.ledger(session, [person_id])]
    ledger.sort(key=lambda row: row.at or row.received_at, reverse=True)
    state = consent.states(session, [person_id]).get(person_id)
    figures = session.exec(
        select(PersonProfile).where(PersonProfile.person_id == person_id)
    ).first()
    beside, why_not = block(session, figures)
    return Person(
        who=who(session, [person_id])[person_id],
        profiles=profiles,
        figures=figures,
        tags=_tags(session, words, person_id),
        owned=_owned(session, words, person_id, today),
        likes=_likes(words, figures),
        picks=_picks(session, figures),
        also=beside,
        why_not_also=why_not,
        rhythms=_rhythms(words, figures),
        lacks=[words.why(why) for why in (figures.trade if figures else {}).get("lacks", [])],
        events=_events(session, profiles, shops, ledger),
        consent=state.value if state else "unknown",
        ledger=ledger,
        history=history(session, words, person_id),
        shops=shops,
    )


def separations(session: Session, profile_ids: Sequence[int]) -> list[Separation]:
    """Return the pairs that the merchant declared to be different people."""
    return list(
        session.exec(
            select(Separation).where(
                col(Separation.one_id).in_(profile_ids) | col(Separation.other_id).in_(profile_ids)
            )
        )
    )


def _tags(session: Session, words: Words, person_id: int) -> list[Tag]:
    held = {
        row.segment: row
        for row in session.exec(select(SegmentMember).where(SegmentMember.person_id == person_id))
    }
    return [
        Tag(key, segment.name(words.language), words.why(held[key].reason), held[key].since)
        for key, segment in words.catalogue().items()
        if key in held
    ]


def _owned(session: Session, words: Words, person_id: int, today: date) -> list[Owned]:
    rows = session.exec(
        select(DueDate).where(DueDate.person_id == person_id).order_by(col(DueDate.expected_on))
    ).all()
    shelf = Shelf(session, _products(offer for row in rows for offer in row.offers))
    return [_bar(words, row, today, shelf) for row in rows]


def _picks(session: Session, figures: PersonProfile | None) -> list[tuple[Goods, str]]:
    picks = figures.picks if figures else []
    shelf = Shelf(session, _products(picks))
    basis = {
        goods.title: pick["basis"] for pick in reversed(picks) for goods in shelf.shown([pick])
    }
    return [(goods, basis[goods.title]) for goods in shelf.shown(picks)]


def _likes(words: Words, figures: PersonProfile | None) -> list[Like]:
    found = figures.likes if figures else []
    return [Like(_liked(why).name(words.language), words.why(why)) for why in found]


def _liked(why: Mapping[str, Any]) -> Feature:
    """Return what own segments call the thing that a reason of `PersonProfile.likes` is about."""
    if why["key"] == "loves":
        return FEATURES["second_favourite"]
    return FEATURES["price_level" if why["what"] == "price" else why["what"]]


def _rhythms(words: Words, figures: PersonProfile | None) -> list[Rhythm]:
    rows = (figures.trade if figures else {}).get("rhythms", [])
    found = [
        Rhythm(
            name="" if row["need"] == "anything" else words.need(row["need"]),
            why=words.why(row),
            expected_on=date.fromisoformat(row["expected_on"]),
            overdue=row["p_overdue"],
            is_overdue=row["state"] != "",
            carries=row["carries"],
            units=None if row["units"] is None else (row["units_low"], row["units_high"]),
            amount=row["amount"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (not one.is_overdue, one.expected_on, one.name))


def _products(offers: Iterable[Mapping[str, Any]]) -> set[int]:
    return {offer["product_id"] for offer in offers}


def _bar(words: Words, due: DueDate, today: date, shelf: Shelf) -> Owned:
    # Somebody who is late stands within the picture, not beyond its edge.
    end = max(due.window_to, today) + timedelta(days=14)
    length = max((end - due.last_on).days, 1)

    def place(day: date) -> float:
        return round(100 * min(max((day - due.last_on).days / length, 0), 1), 2)

    return Owned(
        due=due,
        name=words.need(due.need),
        why=words.why(due.reason),
        today=place(today),
        window_from=place(due.window_from),
        window_to=place(due.window_to),
        waits_for=words.need(due.waits_for) if due.waits_for else "",
        offers=shelf.shown(due.offers),
    )


def _events(
    session: Session,
    profiles: Sequence[SourceProfile],
    shops: dict[int, str],
    ledger: Sequence[Consent],
) -> list[Event]:
    ids = [profile.id for profile in profiles]
    orders = session.exec(
        select(Order)
        .where(col(Order.profile_id).in_(ids))
        .order_by(col(Order.placed_at).desc())
        .limit(_TIMELINE)
    ).all()
    lines: defaultdict[int, list[OrderLine]] = defaultdict(list)
    wanted = col(OrderLine.order_id).in_([order.id for order in orders])
    for line in session.exec(select(OrderLine).where(wanted).order_by(col(OrderLine.id))):
        lines[line.order_id].append(line)
    events = [
        Event("order", order.placed_at, shops.get(order.shop_id, ""), order, lines[order.id or 0])
        for order in orders
    ]
    numbers = [(order.shop_id, order.external_id) for order in orders]
    refunded = tuple_(Refund.shop_id, Refund.order_external_id).in_(numbers)
    for refund in session.exec(select(Refund).where(refunded)):
        events.append(Event("refund", refund.refunded_at, shops.get(refund.shop_id, ""), refund))
    touched = select(Touchpoint).where(col(Touchpoint.profile_id).in_(ids))
    for touch in session.exec(touched.order_by(col(Touchpoint.at).desc()).limit(_TIMELINE)):
        source = shops.get(touch.shop_id or 0, "Mailchimp")
        events.append(Event("touchpoint", touch.at, source, touch))
    events += [
        Event("consent", row.at, shops.get(row.shop_id or 0, "Mailchimp"), row) for row in ledger
    ]
    # What has no date stands last: nobody knows where it belongs.
    return sorted(events, key=lambda e: (e.at is not None, e.at), reverse=True)[:_TIMELINE]


def history(session: Session, words: Words, person_id: int) -> list[Change]:
    """Return what a person entered and left, newest first."""
    rows = session.exec(
        select(SegmentChange)
        .where(SegmentChange.person_id == person_id)
        .order_by(col(SegmentChange.on).desc(), col(SegmentChange.id).desc())
        .limit(_HISTORY)
    ).all()
    known = words.catalogue()
    return [
        Change(
            row=row,
            name=known[row.segment].name(words.language) if row.segment in known else row.segment,
            why=words.why(row.reason if row.entered else row.cause),
        )
        for row in rows
    ]
