"""Rules that write by themselves: kept, previewed, tried, switched on and off."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.campaigns import content as contents
from integration.campaigns import rules
from integration.campaigns.content import LONGEST
from integration.campaigns.naming import segment_name, things
from integration.campaigns.rules import CannotSwitchOn, Wish
from integration.reading import campaigns as reading
from integration.tables import CampaignRule
from integration.views import headers
from integration.views.base import (
    context,
    form_text,
    language,
    own_or_404,
    own_rows,
    user,
    wants_part,
)
from integration.views.campaign_parts import audience_or_409, segment_or_404, told_content, woken
from integration.views.campaign_words import (
    trouble,
    weekday_names,
)
from integration.views.progress import progress_part
from integration.views.status import kind_names
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("campaign_rules", __name__, url_prefix="/mailchimp/campaigns/rules")


@bp.get("/new")
def new() -> ResponseReturnValue:
    """Show a rule as proposed for a segment."""
    with own_rows() as session:
        audience = audience_or_409(session)
        segment = segment_or_404(session, request.args.get("segment", ""))
        spoken = audience.language
        content = contents.proposed(segment, spoken, things(session, segment, spoken))
        rule = CampaignRule(
            account_id=audience.account_id,
            audience_id=audience.id or 0,
            segment=segment,
            language=spoken,
            content=contents.as_document(content),
            weekday=1,
            hour=9,
            most_people=rules.MOST_PEOPLE,
            created_at=context().clock(),
        )
        return _page(session, rule, is_shown=False)


@bp.post("")
def make() -> ResponseReturnValue:
    """Keep a new rule; it is off."""
    return _keep(None)


@bp.get("/<int:rule_id>")
def show(rule_id: int) -> ResponseReturnValue:
    """Show a rule to change it."""
    with own_rows() as session:
        found = own_or_404(session, CampaignRule, rule_id)
        if wants_part():
            return progress_part(reading.current_work(session), url_for(".show", rule_id=rule_id))
        return _page(session, found, is_shown="shown" in request.args)


@bp.post("/<int:rule_id>")
def change(rule_id: int) -> ResponseReturnValue:
    """Keep a change of a rule."""
    return _keep(rule_id)


@bp.post("/<int:rule_id>/preview")
def preview(rule_id: int) -> ResponseReturnValue:
    """Show the mail as some people read it, or the template, and note that it was shown."""
    with own_rows() as session:
        found = own_or_404(session, CampaignRule, rule_id)
        if found.template_id is None:
            rules.was_previewed(found)
        else:
            rules.ask(session, "show_mail", {"rule_id": rule_id})
    wake_due(context())
    return redirect(url_for(".show", rule_id=rule_id, shown=1, _anchor="preview"))


@bp.get("/<int:rule_id>/mail")
def mail(rule_id: int) -> ResponseReturnValue:
    """Show a rule's template as it was rendered, for the frame on the rule's page."""
    with own_rows() as session:
        found = own_or_404(session, CampaignRule, rule_id)
        if not found.rendered:
            abort(404)
        headers.show_foreign()
        return found.rendered


@bp.post("/<int:rule_id>/test")
def test(rule_id: int) -> ResponseReturnValue:
    """Send the mail to whoever is logged in, and to nobody else."""
    with own_rows() as session:
        own_or_404(session, CampaignRule, rule_id)
        rules.ask(session, "test_mail", {"rule_id": rule_id, "user_id": user().id})
    flash(gettext("The test is on its way to your own address."))
    return woken()


@bp.post("/<int:rule_id>/on")
def switch_on(rule_id: int) -> ResponseReturnValue:
    """Let a rule write, once its mail was shown and tried."""
    with own_rows() as session:
        try:
            rules.switch_on(session, context(), own_or_404(session, CampaignRule, rule_id))
        except CannotSwitchOn as error:
            flash(trouble(error))
            return redirect(url_for(".show", rule_id=rule_id))
    return woken()


@bp.post("/<int:rule_id>/off")
def switch_off(rule_id: int) -> ResponseReturnValue:
    """Let a rule write nothing more; what is scheduled of it is stopped."""
    with own_rows() as session:
        rules.switch_off(session, own_or_404(session, CampaignRule, rule_id))
    return woken()


@bp.post("/<int:rule_id>/remove")
def remove(rule_id: int) -> ResponseReturnValue:
    """Take a rule away; its history stays."""
    with own_rows() as session:
        rules.remove(session, context(), own_or_404(session, CampaignRule, rule_id))
    return woken()


def _keep(rule_id: int | None) -> ResponseReturnValue:
    with own_rows() as session:
        audience = audience_or_409(session)
        found = own_or_404(session, CampaignRule, rule_id) if rule_id is not None else None
        segment = segment_or_404(session, form_text("segment"))
        try:
            wish = _wish(segment, found.language if found else audience.language)
            kept = rules.keep(session, context(), audience.id or 0, wish, found)
        except ValueError as error:
            session.rollback()
            flash(trouble(error))
            return redirect(request.referrer or url_for("campaigns.show"))
        kept_id = kept.id
    return redirect(url_for(".show", rule_id=kept_id))


def _wish(segment: str, spoken: str) -> Wish:
    form = request.form
    return Wish(
        segment=segment,
        language=spoken,
        content=told_content(),
        template_id=form.get("template_id", type=int) or None,
        weekday=form.get("weekday", -1, type=int),
        hour=form.get("hour", -1, type=int),
        most_people=form.get("most_people", 0, type=int),
    )


def _page(session: Session, found: CampaignRule, *, is_shown: bool) -> ResponseReturnValue:
    content = contents.stored(found.content)
    shown = (is_shown or found.id is None) and found.template_id is None
    was_shown = found.previewed == rules.text_of(found)
    was_changed = rules.was_changed(found)
    is_rendered = (was_shown or was_changed) and found.template_id is not None
    is_rendered = is_rendered and bool(found.rendered)
    if is_rendered:
        headers.let_frame_ours()
    return render_template(
        "campaign_rule.html",
        rule=found,
        work=reading.current_work(session) if found.template_id is not None else None,
        kinds=kind_names(),
        is_rendered=is_rendered,
        was_changed=was_changed,
        waits=reading.waiting(session, found) if was_changed else None,
        name=segment_name(session, found.segment, language()),
        content=content,
        longest=LONGEST,
        weekdays=weekday_names(),
        was_shown=was_shown,
        was_tried=found.tested == rules.text_of(found),
        examples=(
            reading.examples(session, found.segment, content, found.language) if shown else []
        ),
    )
