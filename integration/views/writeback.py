"""Consent write-back of one store: what it does, the switch, and what it did."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template
from flask import url_for as address_of
from flask.typing import ResponseReturnValue

from integration.reading import writeback as reading
from integration.shopify import stores, switches
from integration.shopify.application import NotRegistered
from integration.tables import Shop
from integration.views.base import context, form_text, own_rows
from integration.views.shopify import ask, let_forms_ask, own_store
from integration.views.texts import gettext
from integration.writeback import switch
from integration.writeback.decide import Reason

bp = Blueprint("writeback", __name__, url_prefix="/shopify/stores/<int:shop_id>/writeback")


@bp.get("")
def show(shop_id: int) -> str:
    """Show what would be written, or was, and what was not and why."""
    store = own_store(shop_id)
    let_forms_ask([store.domain])
    with own_rows() as rows:
        shop = rows.get_one(Shop, shop_id)
        return render_template(
            "writeback.html",
            store=store,
            shop=shop,
            state=switch.state(rows, shop),
            since=switch.since(rows, shop),
            counts=reading.counts(rows, shop_id),
            told=reading.told(rows, shop_id),
            shown=reading.SHOWN,
            reasons=reason_texts(),
        )


@bp.post("")
def turn(shop_id: int) -> ResponseReturnValue:
    """Switch it on, by way of Shopify where a right lacks, or off."""
    said, store = form_text("writeback"), own_store(shop_id)
    if said not in ("on", "off"):
        abort(400)
    if said == "off":
        with own_rows() as rows:
            switch.turn_off(rows, shop_id)
    elif not switch.turn_on(context(), store) and store.way == stores.RENEWED:
        try:
            return ask(store.domain, switches.WRITEBACK)
        except NotRegistered:
            abort(404)
    return redirect(address_of(".show", shop_id=shop_id))


def reason_texts() -> dict[str, str]:
    """Return why nothing was written, in a sentence."""
    return {
        Reason.OFF: gettext("Write-back was off, or not on yet."),
        Reason.REPLACED: gettext("The same person changed it once more since."),
        Reason.UNPROVEN: gettext("Mailchimp does not say that the person subscribed himself."),
        Reason.WITHDRAWN: gettext("The person withdrew elsewhere since."),
        Reason.ADDRESS: gettext("The store has another address for this person."),
        Reason.GONE: gettext("The store no longer has this customer."),
        Reason.SAME: gettext("The store had it so already."),
        Reason.NEWER: gettext("The store has something newer."),
        Reason.PAUSE: gettext("One change a day and customer: it is looked at again a day later."),
        Reason.ACCESS: gettext("Shopify does not let Stipt write: it waits until it does."),
    }
