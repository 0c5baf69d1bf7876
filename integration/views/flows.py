"""Flows: which events we tell, how to build a flow on them, and whether it was seen to run."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.flows import live
from integration.flows import switches as flow_switches
from integration.flows.kinds import KIND_BY_KEY
from integration.flows.switches import LEAST_DAYS, MOST_DAYS, NotAnAddress
from integration.mailchimp.errors import MailchimpError
from integration.reading import flows, plans
from integration.tables import Audience
from integration.views.base import context, form_text, own_rows, wants_part
from integration.views.progress import progress_part
from integration.views.status import kind_names
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("flows", __name__, url_prefix="/mailchimp/flows")

#: Characters of a pasted address, with the line of code round it.
_ADDRESS = 1000


@bp.get("")
def show() -> ResponseReturnValue:
    """Show every kind of event with its preview, and the recipes."""
    with own_rows() as session:
        work = flows.current_work(session)
        if wants_part():
            return progress_part(work, url_for(".show"))
        audience = plans.audience(session)
        now = context().clock()
        return render_template(
            "flows.html",
            audience=audience,
            kinds=flows.kinds(session, audience, now) if audience else [],
            recipes=flows.recipes(session, audience) if audience else [],
            texts=kind_texts(),
            recipe_texts=recipe_texts(),
            left_out=left_out_texts(),
            work=work,
            stuck=plans.stuck_work(session, (flow_switches.WORK,)),
            work_kinds=kind_names(),
            least_days=LEAST_DAYS,
            most_days=MOST_DAYS,
        )


@bp.post("/<kind>/switch")
def switch(kind: str) -> ResponseReturnValue:
    """Switch a kind on or off."""
    on = request.form.get("on") == "1"
    with own_rows() as session:
        audience = _audience(session, kind)
        flow_switches.turn(session, audience, kind, context().clock(), on=on)
        session.flush()
        if on:
            flow_switches.start(session)
    wake_due(context())
    return _back(kind)


@bp.post("/<kind>/days")
def days(kind: str) -> ResponseReturnValue:
    """Set the days between two events of a kind for one person."""
    with own_rows() as session:
        try:
            number = int(form_text("days"))
            flow_switches.every(session, _audience(session, kind), kind, number)
        except ValueError:
            flash(gettext("Choose 1 to 365 days."))
    return _back(kind)


@bp.post("/<kind>/step")
def step(kind: str) -> ResponseReturnValue:
    """Tie a flow's step to a kind by its pasted address, or untie it."""
    with own_rows() as session:
        try:
            address = form_text("address", longest=_ADDRESS)
            flow_switches.tie(session, _audience(session, kind), kind, address)
        except NotAnAddress as error:
            flash(address_texts()[error.why])
    return _back(kind)


@bp.post("/<kind>/answer")
def answer(kind: str) -> ResponseReturnValue:
    """Decide about people who wait because they are far more than usual."""
    with own_rows() as session:
        audience = _audience(session, kind)
        flow_switches.answer(session, audience, kind, tell=request.form.get("tell") == "1")
        session.flush()
        flow_switches.start(session)
    wake_due(context())
    return _back(kind)


@bp.post("/look")
def look() -> ResponseReturnValue:
    """Look now whether flows were seen to run."""
    with own_rows() as session:
        audience = plans.audience(session)
    if audience is None:
        flash(gettext("Connect a Mailchimp audience first."))
        return redirect(url_for(".show"))
    try:
        live.look(context(), audience, again=True)
    except MailchimpError as error:
        flash(gettext("Mailchimp did not answer: %(error)s", error=str(error)))
    return redirect(url_for(".show", _anchor="recipes"))


def kind_texts() -> dict[str, tuple[str, str]]:
    """Return title and meaning of each kind."""
    return {
        "due": (
            gettext("Due for something"),
            gettext("Somebody is due for a thing again; once for each thing until it is bought."),
        ),
        "second_order": (
            gettext("Second order due"),
            gettext("Somebody bought once, and others have bought again by now; once ever."),
        ),
        "cart": (
            gettext("Cart left behind"),
            gettext(
                "A cart older than an hour and younger than two days that did not become an order."
            ),
        ),
        "interest": (
            gettext("Interested in something"),
            gettext(
                "Somebody looked at the same kind of thing twice in two weeks and did not buy it. "
                "It needs a source that tells of views or clicks: without one nobody gets it."
            ),
        ),
    }


def recipe_texts() -> dict[str, tuple[str, str]]:
    """Return title and purpose of each recipe."""
    return {
        "due": (gettext("Due again"), gettext("The right thing at the moment it is needed again.")),
        "second_order": (
            gettext("Second order"),
            gettext("What goes with the first purchase, when others buy again."),
        ),
        "cart": (gettext("Cart left behind"), gettext("A reminder while the cart is still warm.")),
        "win_back": (
            gettext("Win back"),
            gettext("A question and a good reason to return, for customers who stay away."),
        ),
        "new_collection": (
            gettext("New collection"),
            gettext("Each to his own: menswear first for some, womenswear first for others."),
        ),
    }


def left_out_texts() -> dict[str, str]:
    """Return why somebody in a state gets no event."""
    return {
        "denied": gettext("permission withdrawn"),
        "ask_first": gettext("to be asked first"),
        "holdout": gettext("control group"),
        "unreachable": gettext("not subscribed, or not in the audience"),
        "rests": gettext("got one a short while ago"),
        "had_mail": gettext("had a mail not long ago"),
    }


def address_texts() -> dict[str, str]:
    """Return what to do instead of pasting another address."""
    return {
        "editor": gettext(
            "This is the address of the flow's page. Open its starting point “Customer Journeys "
            "API” and copy the address shown there."
        ),
        "other": gettext(
            "Paste the whole address that Mailchimp shows at the starting point: it ends in "
            "/customer-journeys/journeys/…/steps/…/actions/trigger"
        ),
    }


def _audience(session: Session, kind: str) -> Audience:
    audience = plans.audience(session)
    if audience is None or kind not in KIND_BY_KEY:
        abort(404)
    return audience


def _back(kind: str) -> ResponseReturnValue:
    return redirect(url_for(".show", _anchor=f"event-{kind}"))
