"""Whose a browser was: what it did before it logged in or checked out becomes that customer's.

A checkout's token is known to whoever checks out and to the order that comes of it, so the shop's
own order says who it was, and nobody can claim to be somebody else. That a browser has a customer
logged in is believed where that customer is known already.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session, col, func, select, update

from connectors.errors import ConnectorError, Retryable
from connectors.shopify.web_pixel import buyers_of_checkouts
from integration.context import Context
from integration.db import scoped
from integration.parts import parts
from integration.pipeline import start_refresh
from integration.shopify.browsed import ask, customer, objects
from integration.shopify.pixel import of_shop
from integration.shopify.stores import open_client
from integration.store.profiles import persons_of
from integration.tables import PersonProfile, Shop, ShopifyPixel, Touchpoint, Visitor
from integration.work.execute import cause
from integration.work.queue import Job

_log = structlog.get_logger(__name__)

#: An order that has not come of a checkout by then will not.
ASKED_FOR = timedelta(days=2)
#: Until a checkout is asked about again.
_PAUSE = timedelta(hours=1)
#: Checkouts asked about at once, at most: those that wait longest.
_A_TIME = 5_000


def take_in(context: Context, job: Job) -> None:
    """Give what browsers did to whom they are, and have these people computed anew.

    Raises
    ------
    Retryable
    """
    with scoped(context.engine, job.account_id) as session:
        shop = session.get(Shop, job.payload["shop_id"])
        pixel = of_shop(session, job.payload["shop_id"])
        waiting = _waiting(session, job.payload["shop_id"])
    if shop is None or pixel is None or shop.disconnected_at is not None:
        return
    buyers = _buyers(context, shop, waiting)
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        now = context.clock()
        _settle(session, shop.id or 0, waiting, buyers, now)
        people = _bind(session, shop.id or 0) | _news(session, pixel.id or 0)
        # Whoever bought nothing yet is placed with everybody, and a look is no reason for that.
        known = [one for part in parts(people) for one in _with_figures(session, part)]
        if known:
            start_refresh(session, people=known)
        if _waiting(session, shop.id or 0):
            ask(session, shop.id or 0, now + _PAUSE)


def _with_figures(session: Session, people: list[int]) -> list[int]:
    query = select(PersonProfile.person_id).where(col(PersonProfile.person_id).in_(people))
    return list(session.exec(query))


def _waiting(session: Session, shop_id: int) -> list[Visitor]:
    """Return browsers with a checkout to ask about, the one that waits longest first."""
    query = select(Visitor).where(Visitor.shop_id == shop_id, Visitor.checkout != "")
    return list(session.exec(query.order_by(col(Visitor.checkout_at)).limit(_A_TIME)))


def _buyers(context: Context, shop: Shop, waiting: list[Visitor]) -> Mapping[str, str | None]:
    """Ask the shop who checked out: browser to customer; None: of no order, "": of nobody's.

    Empty where the checkouts could not be asked about.
    """
    if not waiting:
        return {}
    tokens = {one.visitor: context.vault.decrypt(one.checkout) for one in waiting}
    try:
        found = buyers_of_checkouts(open_client(context, shop), list(tokens.values()))
    except Retryable:
        raise
    except ConnectorError as error:
        # Without the right to read orders nobody is recognised by one; the rest goes on.
        _log.warning("A checkout could not be asked about", shop_id=shop.id, cause=cause(error))
        return {}
    return {visitor: found.get(token) for visitor, token in tokens.items()}


def _settle(
    session: Session,
    shop_id: int,
    waiting: list[Visitor],
    buyers: Mapping[str, str | None],
    now: datetime,
) -> None:
    """Note who checked out, and drop what need not be asked again."""
    for asked in waiting:
        row = session.get(Visitor, asked.id)
        if row is None or row.checkout != asked.checkout:
            continue  # taken out, or another checkout by now
        number = buyers.get(row.visitor)
        if number:
            profile_id = customer(session, shop_id, number)
            if profile_id is not None and not objects(session, profile_id):
                row.profile_id, row.checkout, row.checkout_at = profile_id, "", None
                continue
        # Known to be nobody's; or of somebody we do not hear of in time, as of no order.
        if number == "" or row.checkout_at is None or row.checkout_at < now - ASKED_FOR:
            row.checkout, row.checkout_at = "", None
    session.flush()


def _bind(session: Session, shop_id: int) -> set[int]:
    """Give moments that are a browser's to whom it is; return the persons."""
    query = (
        select(Visitor.visitor, Visitor.profile_id)
        .join(Touchpoint, col(Touchpoint.visitor) == col(Visitor.visitor))
        .where(
            Visitor.shop_id == shop_id,
            col(Visitor.profile_id).is_not(None),
            Touchpoint.shop_id == shop_id,
            col(Touchpoint.profile_id).is_(None),
        )
        .distinct()
    )
    bound: set[int] = set()
    for visitor, profile_id in session.exec(query).all():
        if profile_id is None or objects(session, profile_id):
            continue
        mine = update(Touchpoint).where(
            col(Touchpoint.shop_id) == shop_id,
            col(Touchpoint.visitor) == visitor,
            col(Touchpoint.profile_id).is_(None),
        )
        session.exec(
            mine.values(profile_id=profile_id), execution_options={"synchronize_session": False}
        )
        bound.add(profile_id)
    return persons_of(session, bound)


def _news(session: Session, pixel_id: int) -> set[int]:
    """Return the persons of what came since the last time, and note how far that is."""
    pixel = session.get(ShopifyPixel, pixel_id)
    if pixel is None:
        return set()
    since = (
        Touchpoint.shop_id == pixel.shop_id,
        Touchpoint.visitor != "",
        col(Touchpoint.id) > pixel.read_until,
    )
    profiles = session.exec(select(Touchpoint.profile_id).where(*since).distinct()).all()
    newest = session.exec(select(func.max(Touchpoint.id)).where(*since)).one()
    pixel.read_until = newest or pixel.read_until
    return persons_of(session, [key for key in profiles if key is not None])
