"""What is being done, what waits, and what was given up."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import col, select

from integration.reading import drifts, stalled
from integration.tables import Work
from integration.views.base import context, own_or_404, own_rows, wants_part
from integration.views.texts import gettext
from integration.work.queue import retry_dead
from integration.work.runner import wake_due

bp = Blueprint("status", __name__, url_prefix="/status")

_SHOWN = 50


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the latest work."""
    with own_rows() as session:
        rows = session.exec(select(Work).order_by(col(Work.id).desc()).limit(_SHOWN)).all()
        shops, gone = drifts.reports(session), drifts.left(session)
        held_up = stalled.stalled(session)
    busy = any(row.status in ("queued", "running") for row in rows)
    template = "_work.html" if wants_part() else "status.html"
    given = {"kinds": kind_names(), "shops": shops, "gone": gone, "stream_names": stream_names()}
    return render_template(template, rows=rows, busy=busy, stalled=held_up, **given)


@bp.post("/<int:work_id>/again")
def again(work_id: int) -> ResponseReturnValue:
    """Run given-up work again."""
    with own_rows() as session:
        own_or_404(session, Work, work_id)
        if not retry_dead(session, work_id):
            abort(409)
    wake_due(context())
    flash(gettext("Trying again."))
    return redirect(url_for("status.show"))


def kind_names() -> dict[str, str]:
    """Return what the kinds of work are called."""
    return {
        "import": gettext("Read a source"),
        "apply_event": gettext("Take in what a shop tells"),
        "browsed": gettext("Take in what visitors looked at"),
        "shop_check": gettext("Check that a shop is in step"),
        "read_anew": gettext("Read a shop from its beginning again"),
        "shop_hooks": gettext("Have a shop tell us of changes"),
        "refresh": gettext("Compute segments and due dates"),
        "members": gettext("Look who is in the audience"),
        "plan": gettext("Compare with Mailchimp"),
        "push": gettext("Publish to Mailchimp"),
        "keep_in_step": gettext("Keep Mailchimp in step"),
        "undo": gettext("Undo a publication"),
        "take_out": gettext("Take ours out of the audience"),
        "mailchimp_event": gettext("Take in what Mailchimp tells"),
        "check": gettext("Check that Mailchimp is in step"),
        "mailchimp_hooks": gettext("Have Mailchimp tell us of changes"),
        "erase": gettext("Forget a person"),
        "events": gettext("Tell Mailchimp events"),
        "shop_look": gettext("Count what the shop would send"),
        "shop_data": gettext("Send the shop's purchases to Mailchimp"),
        "shop_remove": gettext("Delete the shop's store in Mailchimp"),
        "tell_reconnect": gettext("Tell by e-mail that a store has to be connected again"),
        "shopify_look": gettext("Look at the Shopify stores"),
        "shopify_pixel": gettext("Tell a store where its web pixel sends"),
        "write_consent": gettext("Tell a store what a customer changed in Mailchimp"),
        "campaigns": gettext("Look after campaigns"),
        "reports": gettext("Read reports of campaigns"),
        "draft": gettext("Make or delete a draft"),
        "show_mail": gettext("Fetch the template"),
        "test_mail": gettext("Send a test"),
    }


def stream_names() -> dict[str, str]:
    """Return what the kinds of a shop's records are called."""
    return {
        "customers": gettext("Customers"),
        "products": gettext("Products"),
        "orders": gettext("Orders"),
    }
