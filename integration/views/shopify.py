"""Shopify's way in: from its pages to ours and back, a page inside its own, and what works.

Nobody types a store's address here: it comes signed from Shopify, or from what was connected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, session
from flask import url_for as address_of
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlmodel import select

from connectors.errors import ConnectorError, NotGenuine
from connectors.http import Http
from connectors.shopify.auth import exchange_session, lacking
from connectors.shopify.client import API_VERSION
from connectors.shopify.rights import RIGHTS
from connectors.shopify.session_token import verify_session
from connectors.shopify.shops import URL_TEMPLATE, NoShop, checked_shop
from connectors.shopify.signed import verify_query
from integration.db import scoped
from integration.shopify import clone, look, pixel, stores, switches
from integration.shopify.application import SCOPES, NotRegistered, application
from integration.shopify.install import Arrival, arrive, begin, come_back
from integration.shopify.keeper import RECONNECT
from integration.tables import ImportRun, Shop, ShopifyStore
from integration.views.base import context, form_text, language, own_rows, user
from integration.views.headers import let_forms_lead_to, let_shopify_frame
from integration.views.session import load_user
from integration.views.texts import gettext
from integration.work.runner import wake_due
from integration.writeback import switch as writeback

_log = structlog.get_logger(__name__)

bp = Blueprint("shopify", __name__, url_prefix="/shopify")

#: Where the browser's session keeps the state of OAuth.
_STATE = "shopify_state"
#: And for which switch it was sent, if for one.
_SWITCH = "shopify_switch"
#: Seconds for which a link out of Shopify's frame is good.
_LINK_LIVES_S = 600


@bp.get("")
def enter() -> ResponseReturnValue:
    """Take in a merchant whom Shopify sends; nothing else is shown before Shopify let us in."""
    try:
        app = application(context().settings)
        signed = verify_query(_query(), app.secrets, now=context().clock())
        shop = checked_shop(signed.get("shop", ""))
    except NotRegistered:
        abort(404)
    except (NotGenuine, NoShop):
        return _refused()
    if signed.get("embedded") == "1":
        return _inside(shop, signed.get("id_token", ""))
    return redirect(address_of("overview.show")) if _is_at_home(shop) else ask(shop)


@bp.get("/callback")
def callback() -> ResponseReturnValue:
    """Take the merchant back from Shopify: connect the store, log in, show what works."""
    kept, given = session.pop(_STATE, ""), request.args.get("state", "")
    switch = session.pop(_SWITCH, "")
    try:
        domain, grant = come_back(context(), _query(), kept=kept, given=given)
        account_id = user().account_id if current_user.is_authenticated else None
        came = arrive(context(), domain, grant, account_id=account_id, language=language())
    except NotRegistered:
        abort(404)
    except (NotGenuine, NoShop):
        return _refused()
    except ConnectorError as error:
        _log.warning("Shopify did not let us in", cause=type(error).__name__)
        return _refused(gettext("Shopify did not let Stipt in just now."), 502)
    _log_in(came)
    _look(came)
    wake_due(context())
    if switch:
        flash(_switched(came, switch))
    elif not came.is_new and not _missing(_store(came)):
        return redirect(address_of("overview.show"))
    return redirect(address_of(".show"))


@bp.get("/stores")
def show() -> ResponseReturnValue:
    """Show the connected stores: what each lets us do, and what to do about the rest."""
    with own_rows() as rows:
        found = [
            (store, rows.get_one(Shop, store.shop_id), _missing(store))
            for store in stores.of_account(rows)
        ]
        browsing = {shop.id: pixel.state(rows, shop.id or 0) for _, shop, _ in found}
        told = {shop.id: writeback.state(rows, shop) for _, shop, _ in found}
        being_read = rows.exec(select(ImportRun.shop_id).where(ImportRun.status == "running")).all()
    let_forms_ask(store.domain for store, _, _ in found)
    return render_template(
        "shopify.html",
        stores=found,
        browsing=browsing,
        writeback=told,
        being_read=being_read,
        rights=RIGHTS,
        right_texts=right_texts(),
        lack_texts=lack_texts(),
        stop_texts=stop_texts(),
        version=API_VERSION,
        is_registered=context().settings.shopify_client_id is not None,
    )


@bp.post("/stores/<int:shop_id>/authorize")
def authorize(shop_id: int) -> ResponseReturnValue:
    """Ask Shopify again: after it shut us out, or for what was not granted."""
    store = own_store(shop_id)
    try:
        return ask(store.domain)
    except NotRegistered:
        abort(404)


@bp.post("/stores/<int:shop_id>/look")
def look_again(shop_id: int) -> ResponseReturnValue:
    """Look again what a store lets us do."""
    store = own_store(shop_id)
    try:
        look.look(context(), store)
    except ConnectorError as error:
        _log.warning("A store could not be looked at", cause=type(error).__name__)
        flash(gettext("Shopify did not answer as expected. Try again in a minute."))
    return redirect(address_of(".show"))


@bp.post("/stores/<int:shop_id>/answer")
def answer(shop_id: int) -> ResponseReturnValue:
    """Hear whether a store was moved or copied."""
    said, store = form_text("answer"), own_store(shop_id)
    if said not in ("moved", "copied"):
        abort(400)
    if store.stopped == stores.CLONED:
        if said == "moved":
            clone.moved(context(), user().account_id, shop_id)
            flash(gettext("Everything goes on with this store."))
        else:
            clone.copied(context(), user().account_id, shop_id)
            flash(gettext("This store is no longer read here. What was read of it stays."))
    wake_due(context())
    return redirect(address_of(".show"))


@bp.post("/stores/<int:shop_id>/browsing")
def switch_browsing(shop_id: int) -> ResponseReturnValue:
    """Switch on or off that a store tells what its visitors look at, or give it a new key."""
    said, store = form_text("browsing"), own_store(shop_id)
    if said not in ("on", "off", "renew"):
        abort(400)
    try:
        if said == "on" and not pixel.switch_on(context(), store) and store.way == stores.RENEWED:
            return ask(store.domain, switches.BROWSING)
        if said == "off":
            pixel.switch_off(context(), store)
        if said == "renew":
            pixel.renew(context(), store)
    except NotRegistered:
        abort(404)
    except ConnectorError as error:
        _log.warning("A web pixel could not be switched", cause=type(error).__name__)
        flash(gettext("Shopify did not answer as expected. Try again in a minute."))
    return redirect(address_of(".show"))


@bp.get("/bounce")
def bounce() -> ResponseReturnValue:
    """Let Shopify's script, inside Shopify's page, fetch a session token and open us again."""
    target = request.args.get("shopify-reload", "")
    try:
        shop = checked_shop(request.args.get("shop", ""))
    except NoShop:
        return _refused()
    if not target.startswith(f"{_home()}?"):
        return _refused()
    let_shopify_frame(shop)
    return render_template("shopify_bounce.html", client_id=context().settings.shopify_client_id)


@bp.get("/open")
def leave_frame() -> ResponseReturnValue:
    """Go from Shopify's frame to a window of our own, by way of Shopify's own log-in."""
    try:
        shop = _links().loads(request.args.get("to", ""), max_age=_LINK_LIVES_S)
        return ask(str(shop))
    except BadData:
        return _refused()
    except NotRegistered:
        abort(404)


def _inside(shop: str, token: str) -> ResponseReturnValue:
    """Show a page inside Shopify's own: who looks is said by the session token, not by a cookie."""
    app = application(context().settings)
    try:
        visitor = verify_session(
            token, client_id=app.client_id, secrets=app.secrets, now=context().clock()
        )
        if visitor.shop != shop:
            raise NotGenuine("the session token is another shop's")
    except NotGenuine:
        # Missing or too old: Shopify's script gets a new one.
        again = "&".join(part for part in _query().split("&") if not part.startswith("id_token="))
        reload: dict[str, Any] = {"shopify-reload": f"{_home()}?{again}"}
        return redirect(address_of(".bounce", shop=shop, **reload))
    store = stores.by_domain(context(), shop)
    if store is None or store.stopped in (stores.UNINSTALLED, RECONNECT):
        try:
            http = Http(timeout_s=context().settings.request_timeout_s)
            grant = exchange_session(http, app, shop, token, now=context().clock())
            came = arrive(context(), shop, grant, account_id=None, language=language())
        except ConnectorError as error:
            _log.warning("Shopify did not let us in", cause=type(error).__name__)
            return _refused(gettext("Shopify did not let Stipt in just now."), 502)
        _look(came)
        wake_due(context())
    let_shopify_frame(shop)
    return render_template("shopify_inside.html", shop=shop, to=_links().dumps(shop))


def ask(shop: str, switch: str = "") -> ResponseReturnValue:
    """Send the browser to Shopify, to let us in; for a switch that needs more than reading."""
    address, state = begin(context(), shop)
    session[_STATE], session[_SWITCH] = state, switch
    let_forms_lead_to(address.partition("/admin/")[0])
    return redirect(address)


def let_forms_ask(domains: Iterable[str]) -> None:
    """Let forms of this answer end where Shopify is asked; its log-in is on hosts of its own."""
    template = context().settings.shopify_url_template or URL_TEMPLATE
    asked = [template.format(shop=domain) for domain in domains]
    let_forms_lead_to(" ".join([*asked, "https://*.shopify.com"]) if asked else "")


def _is_at_home(shop: str) -> bool:
    """Tell whether the visitor is logged in to the store's account and all is well with it."""
    store = stores.by_domain(context(), shop)
    if store is None or store.stopped or _missing(store) or not current_user.is_authenticated:
        return False
    if store.account_id != user().account_id:
        return False
    # A row that outlived an uninstall nobody told us of must not stand for a permission.
    _look(Arrival(account_id=store.account_id, user_id=0, shop_id=store.shop_id, is_new=False))
    return not _store_of(store.account_id, store.shop_id).stopped


def _log_in(came: Arrival) -> None:
    known = load_user(context().engine, str(came.user_id))
    assert known is not None
    # Whoever was logged in for another merchant is not any more.
    session.clear()
    login_user(known)


def _look(came: Arrival) -> None:
    """Find out at once what works; where Shopify does not answer, the page says so."""
    try:
        look.look(context(), _store(came))
    except ConnectorError as error:
        _log.warning("A store could not be looked at", cause=type(error).__name__)


def _switched(came: Arrival, name: str) -> str:
    """Return what came of a switch that somebody went to Shopify for."""
    with scoped(context().engine, came.account_id) as rows:
        is_on = switches.since(rows, came.shop_id, name) is not None
    if not is_on:
        return gettext("Shopify did not grant what that needs, so it is not on.")
    return {
        switches.BROWSING: gettext(
            "Shopify granted it: what visitors look at is read from now on."
        ),
        switches.WRITEBACK: gettext("Shopify granted it: consent write-back is on."),
    }[name]


def _store(came: Arrival) -> ShopifyStore:
    return _store_of(came.account_id, came.shop_id)


def _store_of(account_id: int, shop_id: int) -> ShopifyStore:
    with scoped(context().engine, account_id) as rows:
        store = stores.of_shop(rows, shop_id)
    assert store is not None
    return store


def own_store(shop_id: int) -> ShopifyStore:
    """Return a store of the account looking; another's does not exist here."""
    with own_rows() as rows:
        store = stores.of_shop(rows, shop_id)
    if store is None:
        abort(404)
    return store


def _missing(store: ShopifyStore) -> tuple[str, ...]:
    """Return the scopes that an installed app asks for and was not granted."""
    if store.way != stores.RENEWED or store.stopped:
        return ()
    return lacking(SCOPES, frozenset(store.scopes.get("names", ())))


def _query() -> str:
    return request.query_string.decode("ascii", "replace")


def _home() -> str:
    return f"{context().settings.public_url.rstrip('/')}/shopify"


def _links() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        context().settings.secret_key.get_secret_value(), salt="shopify-open"
    )


def _refused(said: str = "", code: int = 401) -> tuple[str, int]:
    return render_template("shopify_refused.html", said=said), code


def stopped_store() -> str:
    """Return why a store is not read at present, for the top of every page; "" when all is well."""
    with own_rows() as rows:
        stopped = [store.stopped for store in stores.of_account(rows)]
    return next((stop_texts()[why] for why in stopped if why in ("reconnect", "cloned")), "")


def stop_texts() -> dict[str, str]:
    """Return why nothing is asked of a store, in a sentence."""
    return {
        "reconnect": gettext(
            "Shopify no longer lets Stipt in. What was read stays; nothing new arrives until you "
            "connect the store again."
        ),
        "uninstalled": gettext(
            "Stipt was removed from this store. Install it again from Shopify to go on."
        ),
        "cloned": gettext(
            "This store may be another one than was connected, or it is connected twice. Nothing "
            "is read or written until you say whether it was moved or copied."
        ),
    }


def right_texts() -> dict[str, tuple[str, str]]:
    """Return what each right is called, and what it is for."""
    return {
        "customers": (gettext("Customers"), gettext("who bought, and how often")),
        "email": (gettext("E-mail addresses"), gettext("to find the same person in Mailchimp")),
        "consent": (gettext("Permission to mail"), gettext("who said yes, and who said no")),
        "orders": (gettext("Orders"), gettext("what was bought and when; needed for everything")),
        "all_orders": (
            gettext("Orders of more than 60 days ago"),
            gettext("what is due again after months or years, and who stays away"),
        ),
        "products": (gettext("Products"), gettext("what kind of thing each product is")),
    }


def lack_texts() -> dict[str, tuple[str, str]]:
    """Return why a right lacks, and what to do; "old" is for orders of before 60 days."""
    return {
        "scope": (
            gettext("Shopify has not granted it."),
            gettext("Ask Shopify again below, and let Stipt have it."),
        ),
        "approval": (
            gettext("Shopify has not approved the app for customers' data."),
            gettext(
                "In Shopify's Partner Dashboard, under API access, request protected customer "
                "data: level 1, and name, e-mail, phone and address of level 2. For an app of your "
                "own the store's plan decides."
            ),
        ),
        "old": (
            gettext("Only the last 60 days can be read: dates and chances are guesses until then."),
            gettext(
                "In Shopify's Partner Dashboard, under API access, request all orders; then ask "
                "Shopify again below."
            ),
        ),
    }
