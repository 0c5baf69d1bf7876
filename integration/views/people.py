"""Finding people, and everything about one of them."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration import identity
from integration.audience import restraint
from integration.pipeline import start_refresh
from integration.reading import names, people
from integration.reading.segments import PAGE
from integration.tables import SourceProfile
from integration.views.base import (
    context,
    form_text,
    language,
    own_or_404,
    own_rows,
    page_number,
    today,
    user,
)
from integration.views.model import their_words
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("people", __name__, url_prefix="/people")


@bp.route("", methods=["GET", "POST"])
def find() -> ResponseReturnValue:
    """Show people; what is searched for is posted and never stands in a URL."""
    text = form_text("q") if request.method == "POST" else ""
    number = max(1, request.form.get("page", 1, type=int)) if text else page_number()
    with own_rows() as session:
        words = names.words(session, language())
        found = people.search(session, text, number)
        shown = found[:PAGE]
        return render_template(
            "people.html",
            people=shown,
            tags=people.tags_of(session, words, [one.person_id for one in shown]),
            text=text,
            page=number,
            more=len(found) > PAGE,
        )


@bp.get("/<int:person_id>")
def show(person_id: int) -> ResponseReturnValue:
    """Show a person."""
    with own_rows() as session:
        words = names.words(session, language())
        person = people.person(session, words, person_id, today())
        if person is None:
            abort(404)
        resting = restraint.ask_first(session)
        return render_template(
            "person.html",
            person=person,
            value_refused=names.value_refused(session),
            today=today(),
            resting=person_id in resting,
            rests_until=resting.get(person_id),
            separations=people.separations(session, [p.id or 0 for p in person.profiles]),
            their_words=their_words(),
        )


@bp.post("/separate")
def separate() -> ResponseReturnValue:
    """Declare two profiles to be two people; everything is computed anew for both."""
    with own_rows() as session:
        one, other = _pair(session)
        identity.separate(session, one, other, context().clock(), user().id)
        start_refresh(session)
        person_id = own_or_404(session, SourceProfile, one).person_id
    wake_due(context())
    flash(gettext("These are two people from now on. Their segments follow in a moment."))
    return redirect(url_for("people.show", person_id=person_id))


@bp.post("/rejoin")
def rejoin() -> ResponseReturnValue:
    """Take a separation back."""
    with own_rows() as session:
        one, other = _pair(session)
        identity.rejoin(session, one, other, context().clock())
        start_refresh(session)
        person_id = own_or_404(session, SourceProfile, one).person_id
    wake_due(context())
    flash(gettext("These profiles may be one person again."))
    return redirect(url_for("people.show", person_id=person_id))


def _pair(session: Session) -> tuple[int, int]:
    """Return two different profiles of this account."""
    one, other = (request.form.get(name, 0, type=int) for name in ("one", "other"))
    if one == other:
        abort(400)
    for profile_id in (one, other):
        own_or_404(session, SourceProfile, profile_id)
    return one, other
