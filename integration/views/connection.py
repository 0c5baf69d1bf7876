"""Connecting Mailchimp: the way in, the audience, what is in it, and the ways out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, col, select

from integration.accounts import LANGUAGES
from integration.audience import leave, members, signin
from integration.audience.connect import CannotConnect, choose
from integration.audience.contents import look_at
from integration.audience.pause import CLONED, moved
from integration.mailchimp.errors import MailchimpError, NoAccess, NotAuthorized
from integration.mailchimp.oauth import NotLetIn
from integration.mailchimp.withdraw import still_scheduled
from integration.reading import plans
from integration.shopify import clone
from integration.tables import Audience, Work
from integration.views.base import context, form_text, own_rows, user
from integration.views.headers import let_forms_lead_to
from integration.views.status import kind_names
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("connection", __name__, url_prefix="/mailchimp")

#: Where the browser's session keeps the state of OAuth.
_STATE = "mailchimp_state"


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the connection, or the ways to make one."""
    app = signin.application(context())
    if app is not None:
        let_forms_lead_to(app.login)
    with own_rows() as rows:
        audience = plans.audience(rows)
        return render_template(
            "connection.html",
            audience=audience,
            seen=(audience.contents if audience else None) or {},
            ours=leave.ours(rows, audience.id or 0) if audience else None,
            left=_left_behind(rows),
            choosing=signin.current(context(), rows) is not None,
            why=pause_texts().get(audience.paused, "") if audience else "",
            work=plans.current_work(rows),
            stuck=plans.stuck_work(rows),
            kinds=kind_names(),
            can_click=app is not None,
            states=member_states(),
        )


@bp.post("/authorize")
def authorize() -> ResponseReturnValue:
    """Send the merchant to Mailchimp to let us in."""
    try:
        address, state = signin.begin(context(), user().account_id)
    except CannotConnect:
        abort(404)
    session[_STATE] = state
    parts = urlsplit(address)
    let_forms_lead_to(f"{parts.scheme}://{parts.netloc}")
    return redirect(address)


@bp.get("/callback")
def callback() -> ResponseReturnValue:
    """Take the merchant back from Mailchimp, let in or not."""
    kept, state = session.pop(_STATE, ""), request.args.get("state", "")
    account_id = user().account_id
    try:
        if "error" in request.args:
            signin.use_state(context(), account_id, kept=kept, state=state)
            flash(gettext("You did not let Stipt in. Nothing has changed."))
            return redirect(url_for(".show"))
        code = request.args.get("code", "")
        signin.come_back(context(), account_id, kept=kept, state=state, code=code)
    except (CannotConnect, MailchimpError) as error:
        flash(_told(error))
        return redirect(url_for(".show"))
    return redirect(url_for(".pick"))


@bp.post("/key")
def key() -> ResponseReturnValue:
    """Take an API key, for an installation of one's own."""
    try:
        signin.begin_with_key(context(), user().account_id, form_text("key"))
    except (CannotConnect, MailchimpError) as error:
        flash(_told(error, by_key=True))
        return redirect(url_for(".show"))
    return redirect(url_for(".pick"))


@bp.get("/choose")
def pick() -> ResponseReturnValue:
    """Show the account's audiences to choose from."""
    try:
        account = signin.pending(context(), user().account_id)
    except signin.NothingBegun:
        return redirect(url_for(".show"))
    except MailchimpError as error:
        flash(_told(error))
        return redirect(url_for(".show"))
    with own_rows() as rows:
        present = plans.audience(rows)
        return render_template("choose.html", audiences=account.audiences, present=present)


@bp.post("/choose")
def picked() -> ResponseReturnValue:
    """Connect the audience; another one than before only after a page that says what happens."""
    list_id, language = form_text("list_id"), form_text("language")
    if language not in LANGUAGES:
        abort(400)
    try:
        account = signin.pending(context(), user().account_id)
        if list_id not in {info.id for info in account.audiences}:
            abort(400)
        if _replaces(list_id, language):
            return redirect(url_for(".change"))
        audience = choose(context(), user().account_id, account, list_id=list_id, language=language)
        with own_rows() as rows:
            signin.forget(rows)
            members.start(rows)
        look_at(context(), audience)
    except (CannotConnect, MailchimpError) as error:
        flash(_told(error))
    wake_due(context())
    return redirect(url_for(".show"))


def _replaces(list_id: str, language: str) -> bool:
    """Keep the choice where it would take the place of another audience."""
    with own_rows() as rows:
        present = plans.audience(rows)
        row = signin.current(context(), rows)
        if present is None or present.list_id == list_id or row is None:
            return False
        row.list_id, row.language = list_id, language
        return True


@bp.get("/change")
def change() -> ResponseReturnValue:
    """Show what moving to another audience does; nothing happens before the answer."""
    try:
        account = signin.pending(context(), user().account_id)
    except (signin.NothingBegun, MailchimpError):
        return redirect(url_for(".show"))
    with own_rows() as rows:
        present, row = plans.audience(rows), signin.current(context(), rows)
        chosen = {info.id: info for info in account.audiences}.get(row.list_id if row else "")
        if present is None or chosen is None:
            return redirect(url_for(".pick"))
        return render_template(
            "change.html", present=present, chosen=chosen, ours=leave.ours(rows, present.id or 0)
        )


@bp.post("/change")
def changed() -> ResponseReturnValue:
    """Move: take ours out first, leave it there, or stay."""
    answer = form_text("answer")
    if answer not in ("take_out", "leave", "stay"):
        abort(400)
    if answer == "leave":
        try:
            leave.move(context(), user().account_id)
        except (CannotConnect, MailchimpError) as error:
            flash(_told(error))
    else:
        with own_rows() as rows:
            if answer == "stay":
                signin.forget(rows)
            else:
                _take_out(rows, leave.MOVE)
    wake_due(context())
    return redirect(url_for(".show"))


@bp.post("/look")
def look() -> ResponseReturnValue:
    """Look again what is in the audience."""
    with own_rows() as rows:
        audience = plans.audience(rows)
    if audience is not None:
        try:
            look_at(context(), audience)
        except MailchimpError as error:
            flash(_told(error))
    return redirect(url_for(".show"))


@bp.get("/disconnect")
def leaving() -> ResponseReturnValue:
    """Show what stays in Mailchimp after disconnecting."""
    with own_rows() as rows:
        audience = plans.audience(rows)
        if audience is None:
            return redirect(url_for(".show"))
        ours, planned = leave.ours(rows, audience.id or 0), still_scheduled(rows, audience.id or 0)
        return render_template("disconnect.html", audience=audience, ours=ours, scheduled=planned)


@bp.post("/disconnect")
def left() -> ResponseReturnValue:
    """Disconnect at once, or after ours has been taken out."""
    answer = form_text("answer")
    if answer not in ("take_out", "leave"):
        abort(400)
    with own_rows() as rows:
        audience = plans.audience(rows)
        if audience is not None and answer == "take_out":
            _take_out(rows, leave.DISCONNECT)
    if audience is not None and answer == "leave":
        remaining = leave.disconnect(context(), user().account_id)
        flash(gettext("Mailchimp is disconnected, and our access to it is deleted."))
        if remaining:
            flash(
                gettext(
                    "Mailchimp did not let us stop these, stop them there: %(titles)s",
                    titles=" · ".join(remaining),
                )
            )
    wake_due(context())
    return redirect(url_for(".show"))


@bp.post("/answer")
def answer() -> ResponseReturnValue:
    """Hear whether this installation was moved or copied."""
    said = form_text("answer")
    if said not in ("moved", "copied"):
        abort(400)
    with own_rows() as rows:
        audience = plans.audience(rows)
    if audience is not None and audience.paused == CLONED:
        if said == "moved":
            moved(context(), user().account_id)
            clone.settle_all(context(), user().account_id)
            flash(gettext("Everything goes on here."))
        else:
            leave.disconnect(context(), user().account_id, is_copy=True)
            flash(gettext("This copy is disconnected. Nothing was changed in Mailchimp."))
    wake_due(context())
    return redirect(url_for(".show"))


def _take_out(rows: Session, then: str) -> None:
    audience = plans.audience(rows)
    waiting = select(Work.id).where(
        Work.kind == "take_out", col(Work.status).in_(("queued", "running", "resting"))
    )
    # A second click finds the work already written down; other work of the lane goes before it.
    if audience is not None and rows.exec(waiting.limit(1)).first() is None:
        leave.ask_to_take_out(rows, {"do": then, "from": audience.id})


def _left_behind(rows: Session) -> list[dict[str, Any]]:
    """Return earlier audiences in which something of ours was left."""
    query = select(Audience).where(col(Audience.disconnected_at).is_not(None))
    found = []
    for audience in rows.exec(query.order_by(col(Audience.id))).all():
        ours = leave.ours(rows, audience.id or 0)
        scheduled = still_scheduled(rows, audience.id or 0)
        if scheduled or not ours.is_nothing:
            found.append({"name": audience.name, "ours": ours, "scheduled": scheduled})
    return found


def _told(error: Exception, *, by_key: bool = False) -> str:
    """Return what went wrong in a sentence that says what to do."""
    if isinstance(error, signin.WrongState):
        return gettext(
            "That answer from Mailchimp does not belong to this visit, was used before or came too "
            "late. Nothing was connected. Click Connect Mailchimp again."
        )
    if isinstance(error, NotLetIn):
        return gettext("Mailchimp did not let us in. Click Connect Mailchimp again.")
    if isinstance(error, NotAuthorized):
        return gettext("Mailchimp does not accept this access. Connect again.")
    if isinstance(error, NoAccess):
        return gettext("The stored access cannot be used by this installation. Connect again.")
    if isinstance(error, MailchimpError):
        return gettext("Mailchimp did not answer as expected. Try again in a minute.")
    if by_key:
        return gettext(
            "That is not an API key that can be used here. Mailchimp's own end in a dash and a "
            "data centre, such as -us6."
        )
    return gettext("That could not be connected. Try again.")


def pause() -> str:
    """Return why nothing is written at present, for the top of every page; "" when all is well."""
    with own_rows() as rows:
        audience = plans.audience(rows)
    return pause_texts().get(audience.paused, "") if audience is not None else ""


def pause_texts() -> dict[str, str]:
    """Return what stops everything, in a sentence."""
    return {
        "revoked": gettext(
            "Mailchimp no longer lets Stipt in. Nothing is lost: everything waits and goes on "
            "after you connect again."
        ),
        "audience_deleted": gettext(
            "The audience was deleted in Mailchimp. Nothing is written until you choose another."
        ),
        "cloned": gettext(
            "This Stipt is not the one that was connected to Mailchimp. Nothing is written until "
            "you say whether it was moved or copied."
        ),
        "store_changed": gettext(
            "A shop may be another one than was connected. Nothing is written until you say "
            "whether it was moved or copied."
        ),
    }


def member_states() -> dict[str, str]:
    """Return what Mailchimp's states of a contact are called."""
    return {
        "subscribed": gettext("subscribed"),
        "unsubscribed": gettext("unsubscribed"),
        "cleaned": gettext("bounced"),
        "pending": gettext("waiting for their confirmation"),
        "transactional": gettext("customers without newsletter"),
        "archived": gettext("archived"),
    }
