"""Is Mailchimp in step? What the nightly check compared, and what differed."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, col, select

from integration.audience import checked
from integration.reading import drifts, plans, segments
from integration.tables import AudienceCheck, Work
from integration.views import formats
from integration.views.base import context, language, local, own_rows, today, wants_part
from integration.views.progress import progress_part
from integration.views.status import kind_names, stream_names
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("checks", __name__, url_prefix="/mailchimp/check")

_SHOWN = 14


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the newest check and what earlier ones found."""
    with own_rows() as session:
        work = _work(session)
        if wants_part():
            return progress_part(work, url_for(".show"))
        found = checked.newest(session, _SHOWN)
        differences = found[0].result["differences"] if found else []
        people = {person for one in differences for person in one["people"]}
        return render_template(
            "check.html",
            checks=found,
            newest=found[0] if found else None,
            headline=headline,
            texts=[(checked.text(one, language()), one["people"]) for one in differences],
            who=segments.who(session, people),
            audience=plans.audience(session),
            work=work,
            stuck=plans.stuck_work(session, ("check",)),
            kinds=kind_names(),
            shops=drifts.reports(session),
            gone=drifts.left(session),
            stream_names=stream_names(),
        )


@bp.post("/start")
def start() -> ResponseReturnValue:
    """Have the audience checked now."""
    with own_rows() as session:
        if plans.audience(session) is None:
            flash(gettext("Connect a Mailchimp audience first."))
        else:
            checked.start(session)
    wake_due(context())
    return redirect(url_for(".show"))


def headline(check: AudienceCheck) -> str:
    """Return in a line what a check found, and when."""
    at = local(check.finished_at)
    moment = f"{at:%H:%M}" if at.date() == today() else formats.moment(check.finished_at)
    number = len(check.result["differences"])
    if not number:
        return gettext("All in step, checked %(moment)s", moment=moment)
    if number == 1:
        return gettext("One thing was not in step, checked %(moment)s", moment=moment)
    return gettext(
        "%(number)s things were not in step, checked %(moment)s", number=number, moment=moment
    )


def _work(session: Session) -> Work | None:
    busy = select(Work).where(Work.kind == "check", col(Work.status).in_(("queued", "running")))
    return session.exec(busy.limit(1)).first()
