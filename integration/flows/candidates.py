"""Who is in a state that an event tells of, from what was computed; no network here.

A need, a second order, a cart and an interest each have a subject and a cycle. The cycle begins
anew with a purchase (or with new moments of contact), so that one state is told once however often
it is computed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import sqlalchemy
from babel.numbers import get_currency_precision
from sqlmodel import Session, col, func, select

from integration.audience.wanted import people_by_address
from integration.carts import is_over, last_orders
from integration.frames import choices
from integration.mailchimp.guard.events import VALUE_LENGTH
from integration.reading.names import need_names
from integration.tables import (
    Cart,
    DueDate,
    PersonProfile,
    Product,
    SegmentMember,
    SourceProfile,
    ToldEvent,
    Touchpoint,
)
from segmentation import interest
from segmentation.duedates.needs import NO_GOODS, NeedName, Placer, name_of

#: A cart younger than this may still become an order; one that is older is cold.
CART_RESTS, CART_ENDS = timedelta(hours=1), timedelta(days=2)
#: The rule of the segments, by the minute.
INTEREST_WITHIN = timedelta(days=interest.WITHIN_DAYS)
#: What a product is placed by, beside its title.
_PLACED_BY = ("product_type", "category_path", "tags")
_SECOND_ORDER = "stage:second-order-due"
_ANYTHING = "anything"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A person is in a state: what an event would tell."""

    person_id: int
    kind: str
    subject: str
    cycle: str
    properties: Mapping[str, str]
    #: When it came about, as far as we know.
    since: datetime
    #: Of several states of one person the smallest goes first.
    rank: tuple[Any, ...]
    #: False: only worth marking as known, too late to tell.
    is_fresh: bool = True


@dataclass(frozen=True)
class Known:
    """What all kinds look things up in; read once."""

    session: Session
    now: datetime
    language: str
    needs: Mapping[str, NeedName]
    #: (person, need) -> the last time an interest was told or marked; moments up to then are over.
    interests: Mapping[tuple[int, str], datetime]

    def thing(self, need: str) -> str:
        """Return a need's singular in the audience's language."""
        if need == _ANYTHING and self.language == "nl":
            return "iets"
        return (self.needs.get(need) or name_of(need)).singular(self.language)


def states(
    session: Session, language: str, kind: str, now: datetime, *, anew: bool = True
) -> list[State]:
    """Return everybody who is in the state of a kind.

    Parameters
    ----------
    anew
        Moments of contact that led to an earlier event do not count again.
    """
    interests = _told_interests(session) if anew and kind == "interest" else {}
    known = Known(session, now, language, need_names(session), interests)
    return list(_FINDERS[kind](known))


# -- due -------------------------------------------------------------------------------------------


class _Due(NamedTuple):
    person_id: int
    need: str
    state: str
    expected_on: date
    last_on: date
    last_title: str
    last_product_id: int | None


def _due_dates(session: Session, *conditions: Any) -> list[_Due]:
    """Read due dates, the oldest purchase first.

    As plain columns: as objects of the table 80,000 of them take seconds, and a page waits.
    """
    # Through SQLAlchemy's own select: SQLModel's knows no more than four columns.
    query = sqlalchemy.select(*(col(getattr(DueDate, name)) for name in _Due._fields))
    ordered = query.where(*conditions).order_by(col(DueDate.last_on), col(DueDate.id))
    return [_Due(*row) for row in session.execute(ordered)]


def _due(known: Known) -> Iterable[State]:
    business = set(
        known.session.exec(select(PersonProfile.person_id).where(col(PersonProfile.is_wholesale)))
    )
    # One thing a person at a time: what waits for its turn is not told.
    is_told = (col(DueDate.state).in_(("now", "late")), DueDate.waits_for == "")
    rows = _due_dates(known.session, *is_told)
    urls = _urls(known.session, [row.last_product_id for row in rows])
    for row in rows:
        if row.person_id in business:
            continue  # they order on contract, not when a thing wears out
        yield State(
            person_id=row.person_id,
            kind="due",
            subject=row.need,
            cycle=row.last_on.isoformat(),
            properties=properties(
                need=row.need,
                thing=known.thing(row.need),
                due_on=row.expected_on.isoformat(),
                product=row.last_title,
                url=urls.get(row.last_product_id or 0),
            ),
            since=min(known.now, _midnight(row.expected_on)),
            rank=(row.need == _ANYTHING, row.expected_on, row.need),
            is_fresh=row.state == "now",
        )


def _second_order(known: Known) -> Iterable[State]:
    query = select(SegmentMember).where(SegmentMember.segment == _SECOND_ORDER)
    members = known.session.exec(query).all()
    bought: dict[int, _Due] = {}
    owing = select(SegmentMember.person_id).where(SegmentMember.segment == _SECOND_ORDER)
    is_theirs = col(DueDate.person_id).in_(owing)
    for row in _due_dates(known.session, is_theirs, DueDate.need != _ANYTHING):
        bought[row.person_id] = row
    urls = _urls(known.session, [row.last_product_id for row in bought.values()])
    for member in members:
        first = bought.get(member.person_id)
        texts = (
            properties(
                need=first.need,
                thing=known.thing(first.need),
                product=first.last_title,
                url=urls.get(first.last_product_id or 0),
            )
            if first
            else {}
        )
        yield State(
            person_id=member.person_id,
            kind="second_order",
            # Nobody owes a second order twice.
            subject="second_order",
            cycle="",
            properties=texts,
            since=min(known.now, _midnight(member.since)),
            rank=(),
        )


# -- carts -----------------------------------------------------------------------------------------


def _cart(known: Known) -> Iterable[State]:
    query = (
        select(SourceProfile.person_id, Cart)
        .join(SourceProfile, col(SourceProfile.id) == col(Cart.profile_id))
        .where(
            col(Cart.order_external_id).is_(None),
            col(Cart.updated_at) > known.now - CART_ENDS,
            col(Cart.updated_at) <= known.now - CART_RESTS,
        )
        .order_by(col(Cart.updated_at), col(Cart.id))
    )
    # A later cart takes the place of an earlier one.
    carts = dict(known.session.exec(query).all())
    ordered = last_orders(known.session, since=known.now - CART_ENDS)
    for person_id, cart in carts.items():
        if is_over(cart, ordered.get(person_id)):
            continue
        titles = [str(line["title"]) for line in cart.content.get("lines", []) if line.get("title")]
        yield State(
            person_id=person_id,
            kind="cart",
            subject=f"{cart.shop_id}:{cart.external_id}",
            cycle=cart.updated_at.date().isoformat(),
            properties=properties(
                product=titles[0] if titles else "",
                products=", ".join(titles),
                total=_amount(cart.total_minor, cart.currency),
                url=cart.checkout_url,
            ),
            since=cart.updated_at,
            rank=(),
        )


def next_cart_rests(session: Session, now: datetime) -> datetime | None:
    """Return when the next cart that is too young by now may be told of; None without one."""
    young = select(func.min(Cart.updated_at)).where(
        col(Cart.order_external_id).is_(None),
        col(Cart.profile_id).is_not(None),
        col(Cart.updated_at) > now - CART_RESTS,
        col(Cart.updated_at) <= now,
    )
    first = session.exec(young).one()
    return None if first is None else first + CART_RESTS


def _amount(minor: int, currency: str) -> str:
    digits = get_currency_precision(currency)
    return f"{minor / 10**digits:.{digits}f} {currency}"


# -- interest --------------------------------------------------------------------------------------


def _interest(known: Known) -> Iterable[State]:
    query = (
        sqlalchemy.select(
            col(SourceProfile.person_id),
            col(Touchpoint.subject),
            col(Touchpoint.at),
            *(col(getattr(Product, name)) for name in ("id", *_PLACED_BY)),
        )
        .join(SourceProfile, col(SourceProfile.id) == col(Touchpoint.profile_id))
        .outerjoin(
            Product,
            (col(Product.shop_id) == col(Touchpoint.shop_id))
            & (col(Product.external_id) == col(Touchpoint.product_external_id)),
        )
        .where(
            col(Touchpoint.kind).in_(interest.KINDS),
            col(Touchpoint.at) > known.now - INTEREST_WITHIN,
            col(Touchpoint.at) <= known.now,
            col(Touchpoint.subject).is_not(None),
        )
    )
    placer = Placer(choices(known.session))
    moments: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for person_id, subject, at, product_id, *words in known.session.execute(query):
        need = placer.place(product_id or 0, subject or "", *(word or "" for word in words))[0]
        told_at = known.interests.get((person_id, need))
        if need and need != NO_GOODS and (told_at is None or at > told_at):
            moments[person_id, need].append(at)
    bought = {(row.person_id, row.need): row.last_on for row in _due_dates(known.session)}
    for (person_id, need), seen in moments.items():
        over = bought.get((person_id, need), date.min) >= min(seen).date()
        if len(seen) < interest.LEAST or over:
            continue
        yield State(
            person_id=person_id,
            kind="interest",
            subject=need,
            # Not of the calendar: its turn would tell the same moments again.
            cycle=min(seen).date().isoformat(),
            properties=properties(need=need, thing=known.thing(need)),
            since=max(seen),
            rank=(-len(seen), need),
        )


def _told_interests(session: Session) -> dict[tuple[int, str], datetime]:
    """Read what was told or marked, by person and by whose the address is by now."""
    rows = session.exec(select(ToldEvent).where(ToldEvent.kind == "interest")).all()
    owners = people_by_address(session) if rows else {}
    found: dict[tuple[int, str], datetime] = {}
    for row in rows:
        # Seconds are kept, and the moment itself may have some part of one.
        until = row.occurred_at + timedelta(seconds=1)
        for person_id in {row.person_id, *owners.get(row.email_key, ())}:
            key = (person_id, row.subject)
            found[key] = max(found.get(key, until), until)
    return found


_FINDERS: Mapping[str, Callable[[Known], Iterable[State]]] = {
    "due": _due,
    "second_order": _second_order,
    "cart": _cart,
    "interest": _interest,
}


# -- texts -----------------------------------------------------------------------------------------


def properties(**given: str | None) -> dict[str, str]:
    """Return properties that have a value, each within limits and none with an address in it.

    Examples
    --------
    >>> properties(need="suits", product="", url="https://shop.nl/cart?email=a%40b.nl")
    {'need': 'suits'}
    """
    texts = {name: (value or "").strip()[:VALUE_LENGTH] for name, value in given.items()}
    # A link that was cut, or that carries an address, is none.
    link = given.get("url") or ""
    if len(link) > VALUE_LENGTH or "%40" in link:
        texts.pop("url", None)
    return {name: text for name, text in texts.items() if text and "@" not in text}


def _urls(session: Session, product_ids: Iterable[int | None]) -> dict[int, str]:
    wanted = {product_id for product_id in product_ids if product_id is not None}
    query = select(Product.id, Product.url).where(col(Product.url).is_not(None))
    return {pid: url for pid, url in session.exec(query) if pid in wanted and url}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
