"""Where Shopify tells us something: check who signed it, keep it, answer.

Shopify waits five seconds and deletes a subscription that fails for four hours, so nothing else
happens here: one row is looked up, one is inserted, and the workers are told after the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Table, bindparam, select
from sqlalchemy.exc import OperationalError

from connectors.errors import NotGenuine
from connectors.shopify import webhooks
from integration.context import Context
from integration.hurried import Busy, for_one_statement, hurried, writing
from integration.shopify.pixel import PATH as PIXEL_PATH
from integration.shopify.subscribed import PATH
from integration.tables import ShopifyStore
from integration.views import pixel
from integration.views.base import context
from integration.work import letterbox
from integration.work.inbox import Message, ask, is_asked, keep_of_shops
from integration.work.runner import wake, wake_for_letters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

bp = Blueprint("shopify_hooks", __name__)

_log = structlog.get_logger(__name__)
#: Bytes of an order with some thousand lines; Shopify names no limit of its own.
_LARGEST = 16 * 1024 * 1024
_STORE: Table = ShopifyStore.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
#: Put together once: it is asked for each webhook. One store may be connected in two accounts.
_OF_DOMAIN = select(_STORE.c.account_id, _STORE.c.shop_id).where(
    _STORE.c.domain == bindparam("domain")
)


@bp.post(PATH)
def receive() -> ResponseReturnValue:
    """Take what Shopify tells of a store; what nobody here listens to is acknowledged too."""
    installation = context()
    request.max_content_length = _LARGEST
    body, headers = request.get_data(cache=False), webhooks.needed(dict(request.headers))
    given = installation.settings.shopify_client_secrets or ()
    try:
        webhooks.verify(headers, body, [one.get_secret_value() for one in given])
    except NotGenuine:
        return Response(status=401)
    delivery = webhooks.read(headers)
    if delivery is None:
        return Response(status=200)
    dedupe_key = f"{delivery.topic} {delivery.id or hashlib.sha256(body).hexdigest()}"
    message = Message(delivery.topic, dedupe_key, headers, body)
    try:
        return _kept(installation, delivery.shop, message)
    except OperationalError:
        _log.error("A webhook could not be kept: the database is away")
        return Response(status=503)  # Shopify brings it again


def _kept(installation: Context, domain: str, message: Message) -> Response:
    answer, given, now = Response(status=200), {"domain": domain}, installation.clock()
    try:
        with for_one_statement(installation.engine) as connection:
            with writing(connection):
                told = {**given, "told_at": now}
                new = keep_of_shops(connection, _OF_DOMAIN, told, message)
            # After the commit: work that is still queued then will see it.
            unasked = [one for one in new if not is_asked(connection, one[1], now)]
    except Busy:
        with installation.engine.connect() as connection:
            owners = connection.execute(_OF_DOMAIN, given).all()
        for account_id, shop_id in owners:
            letterbox.put_of_shop(installation, account_id, shop_id, message)
        answer.call_on_close(partial(wake_for_letters, installation))
    else:
        if unasked:
            answer.call_on_close(partial(_ask, installation, unasked))
    return answer


def _ask(installation: Context, owners: list[tuple[int, int]]) -> None:
    """Have the webhooks applied; where this fails, the look of the next minute does."""
    made, now = [], installation.clock()
    try:
        with hurried(installation.engine) as session:
            made = [ask(session, account_id, shop_id, now) for account_id, shop_id in owners]
    except (Busy, OperationalError):
        return
    wake(installation, [work_id for work_id in made if work_id is not None])


def application(installation: Context) -> Flask:
    """Return an application of this route, and of that of events in shops, alone.

    Nothing that a page needs is done for either: no session, log-in, language or form. A sale
    brings thousands of them a minute, and pages wait behind them.
    """
    app = Flask("shopify_hooks", static_folder=None)
    app.extensions["stipt"] = installation
    app.register_blueprint(bp)
    pixel.install(app)
    return app


def beside(app: Flask, installation: Context) -> None:
    """Let `application` answer its routes in the process of `app`."""
    alone, pages = application(installation), app.wsgi_app

    def chosen(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        is_ours = path == PATH or path.startswith(f"{PIXEL_PATH}/")
        answering = alone.wsgi_app if is_ours else pages
        return answering(environ, start_response)

    app.wsgi_app = chosen  # type: ignore[method-assign]  # Flask's documented way
