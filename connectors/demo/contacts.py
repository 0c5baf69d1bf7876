"""What is no order: statements of permission, e-mails sent, carts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from connectors.demo.customers import card_email
from connectors.demo.mail import DENIED, HOW
from connectors.demo.orders import WEB, Kind
from connectors.demo.records import lines_of, order_ids
from connectors.demo.shelf import SITE
from connectors.demo.view import CURRENCY, Rows, View
from connectors.records import Cart, ConsentEvent, ConsentState, OrderLine, Record, Touchpoint

_SUBJECTS = ("New this season", "Nieuw dit seizoen")
#: Carts are kept for so many days, one for so many lines bought; a third became the order.
_CART_DAYS, _ONE_IN, _CONVERTED = 400, 12, 3


def consent(view: View) -> Rows:
    """Return what people said about e-mail in this source, oldest first."""
    every = view.world.mail.statements
    mine = every[every["source"] == view.source]
    moments = view.world.moments(mine["day"], np.full(mine.size, 8 * 3600))
    ids = [f"consent-{nth + 1}" for nth in range(mine.size)]

    def part(start: int, stop: int) -> list[Record]:
        rows = mine[start:stop].tolist()
        return [
            _statement(view, key, row, at)
            for key, row, at in zip(ids[start:stop], rows, moments[start:stop], strict=True)
        ]

    return Rows(ids, part)


def _statement(view: View, key: str, row: tuple[Any, ...], at: datetime) -> ConsentEvent:
    person, _, _, state, how = row
    return ConsentEvent(
        id=key,
        state=ConsentState.DENIED if state == DENIED else ConsentState.CONFIRMED,
        at=at,
        source=HOW[how],
        customer_id=view.customer_ids[person],
        email=view.known.email[person] if view.web else card_email(view, person),
        evidence=f"{HOW[how]} {at:%Y-%m-%d}",
    )


def touchpoints(view: View) -> Rows:
    """Return the newsletters sent to people of the web shop, oldest first."""
    mail = view.world.mail
    moments = view.world.moments(mail.sent_day, np.full(mail.sent_day.size, 7 * 3600))
    ids = [f"mail-{nth + 1}" for nth in range(mail.sent_day.size)]

    def part(start: int, stop: int) -> list[Record]:
        persons = mail.sent_person[start:stop].tolist()
        return [
            Touchpoint(
                id=key,
                kind="email_sent",
                at=at,
                customer_id=view.known.web_id[person],
                email=view.known.email[person],
                subject=_SUBJECTS[view.language],
            )
            for key, person, at in zip(ids[start:stop], persons, moments[start:stop], strict=True)
        ]

    return Rows(ids, part)


def carts(view: View) -> Rows:
    """Return carts of the web shop, oldest first: some became orders, the others were left."""
    trade, days = view.world.trade, view.world.days
    order = trade.orders[trade.lines["order"]]
    mine = (order["source"] == WEB) & (order["day"] >= days - _CART_DAYS)
    mine &= trade.lines["kind"] == Kind.OWN
    chosen = np.flatnonzero(mine)[::_ONE_IN]
    converted = np.arange(chosen.size) % _CONVERTED == 0
    # Who leaves a cart comes back for it within days: it stands before the order.
    day = order["day"][chosen] - np.where(converted, 0, 1 + np.arange(chosen.size) % 9)
    rank = np.lexsort((order["second"][chosen], day))
    chosen, converted, day = chosen[rank], converted[rank], day[rank]
    moments = view.world.moments(day, order["second"][chosen])
    placed = order_ids(view)
    ids = [f"cart-{place}" for place in chosen.tolist()]

    def part(start: int, stop: int) -> list[Record]:
        return [
            _cart(
                view,
                ids[nth],
                trade.orders[trade.lines["order"][chosen[nth]]],
                lines_of(view, trade.lines[chosen[nth : nth + 1]])[0],
                moments[nth],
                placed[int(trade.lines["order"][chosen[nth]])] if converted[nth] else None,
            )
            for nth in range(start, min(stop, len(ids)))
        ]

    return Rows(ids, part)


def _cart(
    view: View, key: str, row: Any, line: OrderLine, at: datetime, order_id: str | None
) -> Cart:
    person = int(row["person"])
    return Cart(
        id=key,
        customer_id=None if row["guest"] else view.known.web_id[person],
        email=view.known.email[person],
        currency=CURRENCY,
        total=line.total,
        updated_at=at,
        checkout_url=f"{SITE}/checkout/{key}",
        order_id=order_id,
        lines=(line,),
        source_updated_at=at,
    )
