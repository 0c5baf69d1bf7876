"""What a person may ask the merchant for: peace, everything known of him, to be forgotten."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, select

from integration.audience import restraint
from integration.mailchimp.errors import MailchimpError
from integration.privacy import access, asked, erase
from integration.privacy.subject import Subject, of_address, of_person, only_person
from integration.reading import segments
from integration.tables import Erasure, Person, PrivacyRequest, Shop
from integration.views.base import context, form_text, own_or_404, own_rows, today, user
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("privacy", __name__)


@bp.get("/privacy")
def show() -> ResponseReturnValue:
    """Show the receipts, and forms for addresses that nobody here has."""
    with own_rows() as session:
        return render_template(
            "privacy.html",
            receipts=erase.receipts(session),
            stages=erase.stages(session),
            counts=count_names(),
            requests=asked.requests(session),
            shops={shop.id: shop for shop in session.exec(select(Shop)).all()},
            in_mailchimp=asked.IN_MAILCHIMP,
        )


@bp.post("/privacy/asked/<int:request_id>")
def hand_over_asked(request_id: int) -> ResponseReturnValue:
    """Download what a customer asked his shop to see, and note that it was handed over."""
    with own_rows() as session:
        request = own_or_404(session, PrivacyRequest, request_id)
        subject = asked.subject_of(session, context(), request)
    if subject is None:
        abort(409)
    try:
        told = access.document(context(), user().account_id, subject)
    except MailchimpError:
        flash(gettext("Mailchimp could not be asked. Try again in a moment."))
        return redirect(url_for(".show"))
    with own_rows() as session:
        asked.done(context(), own_or_404(session, PrivacyRequest, request_id))
    answer = Response(access.text(told), mimetype="application/json")
    name = f"request-{request_id}.json"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@bp.post("/privacy/shop/<int:shop_id>")
def choose_for_shop(shop_id: int) -> ResponseReturnValue:
    """Choose whether who is forgotten at a shop's wish is erased in Mailchimp too."""
    with own_rows() as session:
        shop = own_or_404(session, Shop, shop_id)
        shop.config = {**shop.config, asked.IN_MAILCHIMP: form_text("mailchimp") == "yes"}
    flash(gettext("Saved."))
    return redirect(url_for(".show"))


@bp.get("/privacy/<int:erasure_id>.json")
def receipt(erasure_id: int) -> ResponseReturnValue:
    """Download a receipt."""
    with own_rows() as session:
        told = erase.document(session, own_or_404(session, Erasure, erasure_id))
    answer = jsonify(told)
    answer.headers.set("Content-Disposition", "attachment", filename=f"receipt-{erasure_id}.json")
    return answer


@bp.post("/privacy/forget")
def look_up() -> ResponseReturnValue:
    """Ask once more before an address is forgotten, whether or not somebody here has it."""
    address = _address()
    with own_rows() as session:
        subject = of_address(session, address)
        if subject.people:
            return redirect(url_for(".confirm", person_id=subject.people[0]))
        return _confirmation(session, subject, None)


@bp.post("/privacy/forget/address")
def forget_address() -> ResponseReturnValue:
    """Forget an address that nobody here has."""
    address = _address()
    with own_rows() as session:
        _start(session, of_address(session, address))
    return _begun()


@bp.post("/privacy/allow")
def allow() -> ResponseReturnValue:
    """Let an erased person come back, for a reason that is kept."""
    address, reason = _address(), form_text("reason")
    if not reason:
        abort(400)
    with own_rows() as session:
        allowed = erase.allow_again(session, context(), address, reason)
    flash(
        gettext("This person may come back. The reason stands on the receipt.")
        if allowed
        else gettext("Nobody with this address was forgotten.")
    )
    return redirect(url_for(".show"))


@bp.get("/people/<int:person_id>/forget")
def confirm(person_id: int) -> ResponseReturnValue:
    """Say what goes where and what stays, before anything does."""
    with own_rows() as session:
        own_or_404(session, Person, person_id)
        return _confirmation(session, of_person(session, person_id), person_id)


@bp.post("/people/<int:person_id>/forget")
def forget(person_id: int) -> ResponseReturnValue:
    """Forget a person for good."""
    with own_rows() as session:
        own_or_404(session, Person, person_id)
        _start(session, of_person(session, person_id))
    return _begun()


@bp.post("/people/<int:person_id>/access")
def hand_over(person_id: int) -> ResponseReturnValue:
    """Download everything known of a person, here and in Mailchimp."""
    with own_rows() as session:
        own_or_404(session, Person, person_id)
        subject = only_person(session, person_id)
    try:
        told = access.document(context(), user().account_id, subject)
    except MailchimpError:
        flash(gettext("Mailchimp could not be asked. Try again in a moment."))
        return redirect(url_for("people.show", person_id=person_id))
    answer = Response(access.text(told), mimetype="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=f"person-{person_id}.json")
    return answer


@bp.post("/people/<int:person_id>/rest")
def rest(person_id: int) -> ResponseReturnValue:
    """Leave a person in peace for some days, until the mark is lifted, or no longer."""
    days = form_text("days")
    if days not in ("", "lift") and not (days.isdecimal() and 0 < int(days) <= restraint.MOST_DAYS):
        abort(400)
    with own_rows() as session:
        own_or_404(session, Person, person_id)
        if days == "lift":
            restraint.lift(session, person_id)
        else:
            number = int(days) if days else None
            restraint.leave_in_peace(session, person_id, context().clock(), today(), number)
    return redirect(url_for("people.show", person_id=person_id))


def count_names() -> dict[str, str]:
    """Return what the kinds of rows on a receipt are called."""
    return {
        "orders without a person now": gettext("orders that have no person any more"),
        "person": gettext("people"),
        "source_profile": gettext("profiles"),
        "identity": gettext("addresses, cards and telephone numbers"),
        "consent": gettext("statements of permission"),
        "cart": gettext("carts"),
        "touchpoint": gettext("moments of contact"),
        "visitor": gettext("browsers"),
        "consent_write": gettext("changes of permission told to shops"),
        "segment_member": gettext("places in segments"),
        "segment_change": gettext("changes of segments"),
        "due_date": gettext("due dates"),
        "person_profile": gettext("figures"),
        "member": gettext("places in the audience"),
        "pushed_value": gettext("values in the mirror of Mailchimp"),
        "plan_change": gettext("changes in plans"),
        "addition": gettext("additions to the audience"),
        "told_event": gettext("events"),
        "campaign_person": gettext("places in campaigns"),
        "separation": gettext("pairs kept apart"),
        "choice": gettext("marks"),
        "reject": gettext("rejected cells"),
        "inbox": gettext("messages of Mailchimp"),
    }


def _confirmation(session: Session, subject: Subject, person_id: int | None) -> ResponseReturnValue:
    return render_template(
        "forget.html",
        here="" if person_id is not None else url_for(".show"),
        who=segments.who(session, [person_id])[person_id] if person_id is not None else None,
        person_id=person_id,
        preview=erase.preview(session, subject),
    )


def _start(session: Session, subject: Subject) -> None:
    erase.start(session, context(), subject, user().id)


def _begun() -> ResponseReturnValue:
    wake_due(context())
    flash(gettext("Forgotten here. Mailchimp is being told; the receipt says what it answered."))
    return redirect(url_for(".show"))


def _address() -> str:
    address = form_text("email")
    if "@" not in address:
        abort(400)
    return address
