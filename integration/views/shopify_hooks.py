"""Where Shopify tells us something: check who signed it, keep it, answer.

Shopify waits five seconds and deletes a subscription that fails for four hours, so nothing else
happens here: one row is looked up, one is inserted, and the workers are told after the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial

import structlog
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Table, bindparam, select
from sqlalchemy.exc import OperationalError

from connectors.errors import NotGenuine
from connectors.shopify import webhooks
from integration.context import Context
from integration.db import Busy, hurried
from integration.tables import ShopifyStore
from integration.views.base import context
from integration.work import letterbox
from integration.work.inbox import Message, ask, keep_of_shop
from integration.work.runner import wake, wake_for_letters

bp = Blueprint("shopify_hooks", __name__, url_prefix="/hooks/shopify")

_log = structlog.get_logger(__name__)
#: Bytes of an order with some thousand lines; Shopify names no limit of its own.
_LARGEST = 16 * 1024 * 1024
_STORE: Table = ShopifyStore.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
#: Put together once: it is asked for each webhook. One store may be connected in two accounts.
_OF_DOMAIN = select(_STORE.c.account_id, _STORE.c.shop_id).where(
    _STORE.c.domain == bindparam("domain")
)


@bp.post("")
def receive() -> ResponseReturnValue:
    """Take what Shopify tells of a store; what nobody here listens to is acknowledged too."""
    installation = context()
    request.max_content_length = _LARGEST
    body, headers = request.get_data(cache=False), dict(request.headers)
    given = installation.settings.shopify_client_secrets or ()
    try:
        webhooks.verify(headers, body, [one.get_secret_value() for one in given])
    except NotGenuine:
        return Response(status=401)
    delivery = webhooks.read(headers)
    if delivery is None:
        return Response(status=200)
    try:
        return _kept(installation, delivery, _message(delivery, headers, body))
    except OperationalError:
        _log.error("A webhook could not be kept: the database is away")
        return Response(status=503)  # Shopify brings it again


def _message(delivery: webhooks.Delivery, headers: Mapping[str, str], body: bytes) -> Message:
    dedupe_key = f"{delivery.topic} {delivery.id or hashlib.sha256(body).hexdigest()}"
    return Message(delivery.topic, dedupe_key, webhooks.needed(headers), body)


def _kept(installation: Context, delivery: webhooks.Delivery, message: Message) -> Response:
    answer, owners = Response(status=200), list[tuple[int, int]]()
    try:
        with hurried(installation.engine) as session:
            found = session.connection().execute(_OF_DOMAIN, {"domain": delivery.shop})
            owners = [(row.account_id, row.shop_id) for row in found]
            new = [
                (account_id, shop_id)
                for account_id, shop_id in owners
                if keep_of_shop(session, account_id, shop_id, message)
            ]
    except Busy:
        if not owners:
            return Response(status=503)
        for account_id, shop_id in owners:
            letterbox.put_of_shop(installation, account_id, shop_id, message)
        answer.call_on_close(partial(wake_for_letters, installation))
    else:
        if new:
            answer.call_on_close(partial(_ask, installation, new))
    return answer


def _ask(installation: Context, owners: list[tuple[int, int]]) -> None:
    """Have the webhooks applied; where this fails, the look of the next minute does."""
    made = []
    try:
        with hurried(installation.engine) as session:
            now = installation.clock()
            made = [ask(session, account_id, shop_id, now) for account_id, shop_id in owners]
    except (Busy, OperationalError):
        return
    wake(installation, [work_id for work_id in made if work_id is not None])
