"""Mail: drafts for the marketer, what waits for a click, and what became of drafts and rules."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.campaigns import content as contents
from integration.campaigns import rules
from integration.campaigns.content import LONGEST, BadContent, Content
from integration.campaigns.mailed import rest_days
from integration.campaigns.naming import segment_name, things
from integration.mailchimp.drafts import CannotDraft, known, recipients
from integration.reading import campaigns as reading
from integration.reading import plans
from integration.tables import Audience, Campaign
from integration.views.base import (
    context,
    form_text,
    language,
    own_or_404,
    own_rows,
    today,
    wants_part,
)
from integration.views.campaign_parts import audience_or_409, segment_or_404, told_content, woken
from integration.views.campaign_words import (
    address_there,
    problem_text,
    reason_names,
    state_names,
    trouble,
    weekday_names,
)
from integration.views.progress import progress_part
from integration.views.status import kind_names
from integration.views.texts import gettext

bp = Blueprint("campaigns", __name__, url_prefix="/mailchimp/campaigns")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show drafts, rules, what waits for a click, and the history."""
    with own_rows() as session:
        work = reading.current_work(session)
        if wants_part():
            return progress_part(work, url_for(".show"))
        return render_template(
            "campaigns.html",
            audience=plans.audience(session),
            work=work,
            stuck=plans.stuck_work(session, reading.KINDS),
            kinds=kind_names(),
            segments=reading.segments(session, language()),
            drafts=reading.campaigns(session, "draft"),
            rules=reading.rule_rows(session, language(), context().clock()),
            runs=reading.campaigns(session, "run"),
            states=state_names(),
            reasons=reason_names(),
            problem=problem_text,
            weekdays=weekday_names(),
            stoppable=rules.STOPPABLE,
            rest=rest_days(session),
            there=address_there,
        )


# -- drafts ----------------------------------------------------------------------------------------


@bp.get("/draft")
def new_draft() -> ResponseReturnValue:
    """Show the draft proposed for a segment, as some people read it. Nothing is made."""
    with own_rows() as session:
        audience = audience_or_409(session)
        segment = segment_or_404(session, request.args.get("segment", ""))
        spoken = audience.language
        content = contents.proposed(segment, spoken, things(session, segment, spoken))
        return _draft_page(session, audience, segment, content)


@bp.post("/draft/preview")
def preview_draft() -> ResponseReturnValue:
    """Show a draft again with the merchant's own words."""
    with own_rows() as session:
        audience = audience_or_409(session)
        segment = segment_or_404(session, form_text("segment"))
        return _draft_page(session, audience, segment, told_content())


@bp.post("/draft")
def make_draft() -> ResponseReturnValue:
    """Have the draft made in Mailchimp; it is never sent from here."""
    with own_rows() as session:
        audience = audience_or_409(session)
        segment = segment_or_404(session, form_text("segment"))
        try:
            content = told_content().checked()
            recipients(session, audience, segment)
        except (BadContent, CannotDraft) as error:
            flash(trouble(error))
            return _draft_page(session, audience, segment, told_content())
        payload = {
            "segment": segment,
            "content": contents.as_document(content),
            "language": audience.language,
            "day": today().isoformat(),
        }
        rules.ask(session, "draft", payload)
    return woken()


@bp.post("/draft/<int:draft_id>/remove")
def remove_draft(draft_id: int) -> ResponseReturnValue:
    """Delete a draft of ours, as long as it is one."""
    with own_rows() as session:
        row = own_or_404(session, Campaign, draft_id)
        if row.kind != "draft" or row.status not in ("making", "draft"):
            abort(409)
        rules.ask(session, "draft", {"remove": draft_id})
    return woken()


def _draft_page(
    session: Session, audience: Audience, segment: str, content: Content
) -> ResponseReturnValue:
    there = known(session, audience, segment, today())
    return render_template(
        "campaign_draft.html",
        here=url_for(".new_draft", segment=segment),
        segment=segment,
        name=segment_name(session, segment, language()),
        content=content,
        longest=LONGEST,
        there=there if there is not None and there.status != "deleted" else None,
        examples=reading.examples(session, segment, content, audience.language),
    )


@bp.post("/rest")
def set_rest() -> ResponseReturnValue:
    """Say in how many days somebody gets at most one mail of all rules."""
    days = request.form.get("days", 0, type=int)
    with own_rows() as session:
        try:
            rules.set_rest_days(session, context(), days)
            flash(gettext("Kept."))
        except ValueError:
            flash(gettext("Choose from 1 to 365 days."))
    return redirect(url_for(".show"))


# -- runs ------------------------------------------------------------------------------------------


@bp.post("/runs/<int:campaign_id>/confirm")
def confirm(campaign_id: int) -> ResponseReturnValue:
    """Let a run go that is unusual."""
    with own_rows() as session:
        if not rules.confirm(session, context(), own_or_404(session, Campaign, campaign_id)):
            abort(409)
    return woken()


@bp.post("/runs/<int:campaign_id>/stop")
def stop(campaign_id: int) -> ResponseReturnValue:
    """Stop a run before it goes out."""
    with own_rows() as session:
        if not rules.stop(session, own_or_404(session, Campaign, campaign_id)):
            abort(409)
    return woken()
