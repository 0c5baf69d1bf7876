"""The shop's purchases in Mailchimp: what would be sent, the click, how it stands, and removal."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.reading import plans
from integration.shopdata import mirror
from integration.shopdata import stores as shop_stores
from integration.shopdata.stores import LOOK, PUSH, REMOVE, current_work
from integration.shopdata.wanted import REFUND_CURRENCY
from integration.tables import ShopStore
from integration.views.base import context, own_or_404, own_rows, wants_part
from integration.views.progress import progress_part
from integration.views.status import kind_names
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("shop", __name__, url_prefix="/mailchimp/shop")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show every source with its store, and how far the work is."""
    with own_rows() as session:
        work = current_work(session)
        if wants_part():
            return progress_part(work, url_for(".show"))
        audience = plans.audience(session)
        rows = (
            [_shown(session, *pair) for pair in shop_stores.stores(session, audience)]
            if (audience is not None)
            else []
        )
        return render_template(
            "shop.html",
            audience=audience,
            rows=rows,
            work=work,
            stuck=plans.stuck_work(session, (LOOK, PUSH, REMOVE)),
            kinds=kind_names(),
            record_kinds=record_kinds(),
            states=states(),
            notes=notes(),
        )


@bp.post("/look")
def look() -> ResponseReturnValue:
    """Count what would be sent; nothing is written."""
    with own_rows() as session:
        if plans.audience(session) is None:
            flash(gettext("Connect a Mailchimp audience first."))
        else:
            shop_stores.ask(session, LOOK)
    return _woken()


@bp.post("/<int:store_id>/on")
def switch_on(store_id: int) -> ResponseReturnValue:
    """Send a source's purchases from now on, as the preview showed."""
    with own_rows() as session:
        store = own_or_404(session, ShopStore, store_id)
        if store.looked_at is None:
            abort(409)
        shop_stores.switch_on(session, store)
    return _woken()


@bp.post("/<int:store_id>/off")
def switch_off(store_id: int) -> ResponseReturnValue:
    """Send nothing more of a source; what is there stays."""
    with own_rows() as session:
        shop_stores.switch_off(session, own_or_404(session, ShopStore, store_id))
    return _woken()


@bp.post("/<int:store_id>/again")
def again(store_id: int) -> ResponseReturnValue:
    """Send what Mailchimp refused once more."""
    with own_rows() as session:
        store = own_or_404(session, ShopStore, store_id)
        if store.is_on:
            mirror.try_refused_again(session, store.id or 0)
            shop_stores.ask(session, PUSH)
    return _woken()


@bp.post("/<int:store_id>/remove")
def remove(store_id: int) -> ResponseReturnValue:
    """Delete the store in Mailchimp with everything in it; the box must be ticked."""
    with own_rows() as session:
        own_or_404(session, ShopStore, store_id)
        if request.form.get("sure") != "yes":
            flash(gettext("Tick the box first: a deleted store cannot be brought back."))
            return redirect(url_for(".show"))
        shop_stores.ask(session, REMOVE, store_id)
    return _woken()


def states() -> dict[str, str]:
    """Return what the states of a store are called."""
    return {
        "new": gettext("not sent yet"),
        "filling": gettext("being filled"),
        "filled": gettext("in step"),
        "lost": gettext("deleted in Mailchimp"),
        "removed": gettext("removed"),
    }


def notes() -> dict[str, str]:
    """Return why something that is there is not quite right, by the name of the reason."""
    return {
        REFUND_CURRENCY: gettext(
            "It has a refund in another currency, and the source does not say at what rate. "
            "That refund is not taken off."
        ),
    }


def record_kinds() -> dict[str, str]:
    """Return what the things in a store are called, one of each."""
    return {
        "product": gettext("Product"),
        "variant": gettext("Variant"),
        "customer": gettext("Customer"),
        "order": gettext("Order"),
        "cart": gettext("Cart"),
    }


def _shown(session: Session, shop: Any, store: ShopStore) -> dict[str, Any]:
    key = store.id or 0
    return {
        "shop": shop,
        "store": store,
        "counts": mirror.counts(session, key),
        "refused": mirror.refused(session, key),
        "noted": mirror.noted(session, key),
        "others": store.preview.get("others", []),
    }


def _woken() -> ResponseReturnValue:
    wake_due(context())
    return redirect(url_for(".show"))
