"""Where a store's web pixel tells what visitors do. Anybody can call it, and learns nothing by it.

A refusal is a number: 400 not the pixel's message, 403 the visitor does not permit it, 404 no such
store or switched off, 413 too long, 429 too often, 503 the database is busy and this event is lost.
Everything else is 204, whether or not it was worth keeping. No cookie is read or set, no session
begun, no address of a caller kept or logged.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, col, or_, select, update
from werkzeug.exceptions import RequestEntityTooLarge

from connectors.shopify.browsing import LARGEST, Browsed, NotAnEvent, read_browsed
from integration.context import Context
from integration.db import unscoped
from integration.hurried import Busy, hurried
from integration.shopify import browsed
from integration.shopify.pixel import PATH
from integration.shopify.switches import BROWSING
from integration.tables import ShopifyPixel, ShopifyStore, ShopifySwitch
from integration.throttle import Throttle
from integration.views.base import context

bp = Blueprint("pixel", __name__, url_prefix=PATH)

#: Events a minute of one store, over all processes; of one browser, and browsers, in each process.
OF_STORE, OF_CLIENT, CLIENTS = 600, 60, 5_000
_LONGEST_KEY = 64
#: For pages of no origin, as Shopify's sandbox is one: Fetch Standard, "CORS protocol".
_FROM_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-store",
}
_MINUTE = timedelta(minutes=1)


class _Place(NamedTuple):
    """Whose pixel a key is."""

    pixel_id: int
    account_id: int
    shop_id: int


@bp.post("/<key>")
def receive(key: str) -> ResponseReturnValue:
    """Take one event of a visitor."""
    request.max_content_length = LARGEST
    try:
        told = read_browsed(request.get_data(cache=False))
    except RequestEntityTooLarge:
        return Response(status=413)
    except NotAnEvent:
        return Response(status=400)
    try:
        return Response(status=_taken(context(), key, told))
    except (Busy, OperationalError):
        return Response(status=503)


def _taken(installation: Context, key: str, told: Browsed | None) -> int:
    """Keep an event where that is wanted and allowed; return the answer's status."""
    place = _place(installation, key)
    if place is None:
        return 404
    if told is None:
        return 204
    if not told.is_permitted:
        return 403
    now, throttle = installation.clock(), current_app.extensions["pixel_throttle"]
    if not throttle.lets((place.pixel_id, told.client), now):
        return 429
    try:
        with hurried(installation.engine, place.account_id) as session:
            if not _has_room(session, place.pixel_id, now):
                return 429
            browsed.keep(session, installation, place.shop_id, told)
    except IntegrityError:
        pass  # whoever it is about was taken out at this very moment
    return 204


def _place(installation: Context, key: str) -> _Place | None:
    if len(key) > _LONGEST_KEY or not key.isascii():
        return None
    query = (
        select(ShopifyPixel.id, ShopifyPixel.account_id, ShopifyPixel.shop_id)
        .join(ShopifyStore, col(ShopifyStore.shop_id) == col(ShopifyPixel.shop_id))
        .join(ShopifySwitch, col(ShopifySwitch.shop_id) == col(ShopifyPixel.shop_id))
        .where(
            ShopifyPixel.key == key,
            ShopifyStore.stopped == "",
            ShopifySwitch.name == BROWSING,
            col(ShopifySwitch.on_since).is_not(None),
        )
    )
    with unscoped(installation.engine) as session:
        found = session.exec(query).first()
    return _Place(found[0] or 0, found[1], found[2]) if found else None


def _has_room(session: Session, pixel_id: int, now: datetime) -> bool:
    """Count an event against what a store may send in a minute: one statement for all processes."""
    is_old = or_(
        col(ShopifyPixel.minute).is_(None),
        col(ShopifyPixel.minute) <= now - _MINUTE,
        col(ShopifyPixel.minute) > now,
    )
    mine = update(ShopifyPixel).where(col(ShopifyPixel.id) == pixel_id)
    once = {"synchronize_session": False}
    more = mine.where(~is_old, col(ShopifyPixel.taken) < OF_STORE)
    if session.exec(more.values(taken=ShopifyPixel.taken + 1), execution_options=once).rowcount:
        return True
    anew = mine.where(is_old).values(minute=now, taken=1)
    return bool(session.exec(anew, execution_options=once).rowcount)


@bp.after_request
def from_anywhere(response: Response) -> Response:
    """Let anybody's page ask whether it may send, which Flask answers, and see what came of it."""
    response.headers.update(_FROM_ANYWHERE)
    return response


def make_throttle() -> Throttle:
    """Return the count of one process."""
    return Throttle(each=OF_CLIENT, names=CLIENTS)


def install(app: Flask) -> None:
    """Have `app` answer here."""
    app.extensions["pixel_throttle"] = make_throttle()
    app.register_blueprint(bp)
