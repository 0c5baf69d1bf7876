"""Mail: drafts for the marketer, rules that write by themselves, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.campaigns import content as contents
from integration.campaigns import rules
from integration.campaigns.content import LONGEST, BadContent, Content
from integration.campaigns.mailed import rest_days
from integration.campaigns.naming import segment_name, things
from integration.campaigns.rules import CannotSwitchOn, Wish
from integration.mailchimp.drafts import CannotDraft, known, recipients
from integration.reading import campaigns as reading
from integration.reading import plans
from integration.tables import Audience, Campaign, CampaignRule
from integration.views import headers
from integration.views.base import (
    context,
    form_text,
    language,
    own_or_404,
    own_rows,
    today,
    user,
    wants_part,
)
from integration.views.formats import number
from integration.views.status import kind_names
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("campaigns", __name__, url_prefix="/mailchimp/campaigns")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show drafts, rules, what waits for a click, and the history."""
    with own_rows() as session:
        work = reading.current_work(session)
        if wants_part():
            url = url_for(".show")
            answer = render_template("_progress.html", work=work, kinds=kind_names(), url=url)
            return answer if work is not None else (answer, 200, {"HX-Refresh": "true"})
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
        audience = _audience(session)
        segment = _segment(session, request.args.get("segment", ""))
        spoken = audience.language
        content = contents.proposed(segment, spoken, things(session, segment, spoken))
        return _draft_page(session, audience, segment, content)


@bp.post("/draft/preview")
def preview_draft() -> ResponseReturnValue:
    """Show a draft again with the merchant's own words."""
    with own_rows() as session:
        audience = _audience(session)
        segment = _segment(session, form_text("segment"))
        return _draft_page(session, audience, segment, _content())


@bp.post("/draft")
def make_draft() -> ResponseReturnValue:
    """Have the draft made in Mailchimp; it is never sent from here."""
    with own_rows() as session:
        audience = _audience(session)
        segment = _segment(session, form_text("segment"))
        try:
            content = _content().checked()
            recipients(session, audience, segment)
        except (BadContent, CannotDraft) as error:
            flash(trouble(error))
            return _draft_page(session, audience, segment, _content())
        payload = {
            "segment": segment,
            "content": contents.as_document(content),
            "language": audience.language,
            "day": today().isoformat(),
        }
        rules.ask(session, "draft", payload)
    return _woken()


@bp.post("/draft/<int:draft_id>/remove")
def remove_draft(draft_id: int) -> ResponseReturnValue:
    """Delete a draft of ours, as long as it is one."""
    with own_rows() as session:
        row = own_or_404(session, Campaign, draft_id)
        if row.kind != "draft" or row.status not in ("making", "draft"):
            abort(409)
        rules.ask(session, "draft", {"remove": draft_id})
    return _woken()


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


# -- rules -----------------------------------------------------------------------------------------


@bp.get("/rules/new")
def new_rule() -> ResponseReturnValue:
    """Show a rule as proposed for a segment."""
    with own_rows() as session:
        audience = _audience(session)
        segment = _segment(session, request.args.get("segment", ""))
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
        return _rule_page(session, rule, is_shown=False)


@bp.post("/rules")
def make_rule() -> ResponseReturnValue:
    """Keep a new rule; it is off."""
    return _keep_rule(None)


@bp.get("/rules/<int:rule_id>")
def rule(rule_id: int) -> ResponseReturnValue:
    """Show a rule to change it."""
    with own_rows() as session:
        found = own_or_404(session, CampaignRule, rule_id)
        if wants_part():
            work = reading.current_work(session)
            url = url_for(".rule", rule_id=rule_id)
            answer = render_template("_progress.html", work=work, kinds=kind_names(), url=url)
            return answer if work is not None else (answer, 200, {"HX-Refresh": "true"})
        return _rule_page(session, found, is_shown="shown" in request.args)


@bp.post("/rules/<int:rule_id>")
def change_rule(rule_id: int) -> ResponseReturnValue:
    """Keep a change of a rule."""
    return _keep_rule(rule_id)


@bp.post("/rules/<int:rule_id>/preview")
def preview_rule(rule_id: int) -> ResponseReturnValue:
    """Show the mail as some people read it, or the template, and note that it was shown."""
    with own_rows() as session:
        found = own_or_404(session, CampaignRule, rule_id)
        if found.template_id is None:
            rules.was_previewed(found)
        else:
            rules.ask(session, "show_mail", {"rule_id": rule_id})
    wake_due(context())
    return redirect(url_for(".rule", rule_id=rule_id, shown=1, _anchor="preview"))


@bp.get("/rules/<int:rule_id>/mail")
def rule_mail(rule_id: int) -> ResponseReturnValue:
    """Show a rule's template as it was rendered, for the frame on the rule's page."""
    with own_rows() as session:
        found = own_or_404(session, CampaignRule, rule_id)
        if not found.rendered:
            abort(404)
        headers.show_foreign()
        return found.rendered


@bp.post("/rules/<int:rule_id>/test")
def test_rule(rule_id: int) -> ResponseReturnValue:
    """Send the mail to whoever is logged in, and to nobody else."""
    with own_rows() as session:
        own_or_404(session, CampaignRule, rule_id)
        rules.ask(session, "test_mail", {"rule_id": rule_id, "user_id": user().id})
    flash(gettext("The test is on its way to your own address."))
    return _woken()


@bp.post("/rules/<int:rule_id>/on")
def switch_on(rule_id: int) -> ResponseReturnValue:
    """Let a rule write, once its mail was shown and tried."""
    with own_rows() as session:
        try:
            rules.switch_on(session, context(), own_or_404(session, CampaignRule, rule_id))
        except CannotSwitchOn as error:
            flash(trouble(error))
            return redirect(url_for(".rule", rule_id=rule_id))
    return _woken()


@bp.post("/rules/<int:rule_id>/off")
def switch_off(rule_id: int) -> ResponseReturnValue:
    """Let a rule write nothing more; what is scheduled of it is stopped."""
    with own_rows() as session:
        rules.switch_off(session, own_or_404(session, CampaignRule, rule_id))
    return _woken()


@bp.post("/rules/<int:rule_id>/remove")
def remove_rule(rule_id: int) -> ResponseReturnValue:
    """Take a rule away; its history stays."""
    with own_rows() as session:
        rules.remove(session, context(), own_or_404(session, CampaignRule, rule_id))
    return _woken()


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


def _keep_rule(rule_id: int | None) -> ResponseReturnValue:
    with own_rows() as session:
        audience = _audience(session)
        found = own_or_404(session, CampaignRule, rule_id) if rule_id is not None else None
        segment = _segment(session, form_text("segment"))
        try:
            wish = _wish(segment, found.language if found else audience.language)
            kept = rules.keep(session, context(), audience.id or 0, wish, found)
        except ValueError as error:
            session.rollback()
            flash(trouble(error))
            return redirect(request.referrer or url_for(".show"))
        kept_id = kept.id
    return redirect(url_for(".rule", rule_id=kept_id))


def _wish(segment: str, spoken: str) -> Wish:
    form = request.form
    return Wish(
        segment=segment,
        language=spoken,
        content=_content(),
        template_id=form.get("template_id", type=int) or None,
        weekday=form.get("weekday", -1, type=int),
        hour=form.get("hour", -1, type=int),
        most_people=form.get("most_people", 0, type=int),
    )


def _rule_page(session: Session, found: CampaignRule, *, is_shown: bool) -> ResponseReturnValue:
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


# -- runs ------------------------------------------------------------------------------------------


@bp.post("/runs/<int:campaign_id>/confirm")
def confirm(campaign_id: int) -> ResponseReturnValue:
    """Let a run go that is unusual."""
    with own_rows() as session:
        if not rules.confirm(session, context(), own_or_404(session, Campaign, campaign_id)):
            abort(409)
    return _woken()


@bp.post("/runs/<int:campaign_id>/stop")
def stop(campaign_id: int) -> ResponseReturnValue:
    """Stop a run before it goes out."""
    with own_rows() as session:
        if not rules.stop(session, own_or_404(session, Campaign, campaign_id)):
            abort(409)
    return _woken()


# -- words -----------------------------------------------------------------------------------------


def state_names() -> dict[str, str]:
    """Return what the states of drafts and runs are called."""
    return {
        "making": gettext("being made"),
        "draft": gettext("draft"),
        "waiting": gettext("waits for you"),
        "planned": gettext("being prepared"),
        "scheduling": gettext("being scheduled"),
        "scheduled": gettext("scheduled"),
        "stopping": gettext("being stopped"),
        "stopped": gettext("stopped"),
        "stopped_there": gettext("stopped in Mailchimp"),
        "sent": gettext("sent"),
        "refused": gettext("not ready"),
        "lapsed": gettext("did not go out in time"),
        "empty": gettext("nobody new"),
    }


def reason_names() -> dict[str, str]:
    """Return why people were left out of a run."""
    return {
        "not_subscribed": gettext("not subscribed"),
        "holdout": gettext("control group"),
        "ask_first": gettext("ask first"),
        "denied": gettext("permission withdrawn"),
        "had_it": gettext("had a mail for this need"),
        "left_segment": gettext("bought or left the segment meanwhile"),
        "resting": gettext("had a mail not long ago"),
        "no_room": gettext("no room in this run"),
    }


def weekday_names() -> list[str]:
    """Return the days of the week, Monday first."""
    return [
        gettext("Monday"),
        gettext("Tuesday"),
        gettext("Wednesday"),
        gettext("Thursday"),
        gettext("Friday"),
        gettext("Saturday"),
        gettext("Sunday"),
    ]


def problem_text(run: Campaign) -> str:
    """Return why a run stands where it stands, as a sentence; "" when there is nothing to say."""
    waits = run.figures.get("waits") or {}
    if run.status == "waiting":
        return " ".join(_waiting_texts(run, waits))
    known_problems = {
        "too_late": gettext("There was too little time left before its moment."),
        "deleted_there": gettext("It was deleted in Mailchimp."),
        "stopped_there": gettext("It is a draft in Mailchimp now, and is not scheduled again."),
        "too_late_to_stop": gettext("It had gone out already when it was to be stopped."),
    }
    return known_problems.get(run.problem, run.problem)


def _waiting_texts(run: Campaign, waits: Mapping[str, Any]) -> Iterator[str]:
    if waits.get("key") == rules.TEMPLATE:
        yield gettext("Your template was changed in Mailchimp since you saw it.")
    elif waits.get("key") == "far_more":
        yield gettext(
            "%(people)s people, and %(usual)s are usual.",
            people=number(waits["people"]),
            usual=number(waits["usual"]),
        )
    else:
        yield gettext("That is %(percent)s%% of the audience.", percent=waits.get("percent", 0))
    if waits.get("people", 0) > run.people:
        yield gettext("This mail has room for %(people)s of them.", people=number(run.people))


def trouble(error: Exception) -> str:
    """Return what the merchant can do about an error."""
    if isinstance(error, CannotSwitchOn):
        return {
            "preview": gettext("First look at the preview of this text."),
            "test": gettext("First send yourself a test of this text."),
        }[error.missing]
    if isinstance(error, CannotDraft):
        return {
            "no_tag": gettext(
                "This segment has no tag in Mailchimp: publish first. Where there is no room for "
                "its tag, a rule can still write to these people."
            ),
            "no_holdout": gettext("The control group has no tag in Mailchimp yet: publish first."),
            "not_a_draft": gettext("It is no draft any more."),
        }[error.reason]
    if isinstance(error, BadContent):
        return gettext("Subject and text are needed, and the address begins with https://.")
    return gettext("Choose a day, an hour, and at least one person.")


def address_there(audience: Audience, row: Campaign) -> str:
    """Return where a campaign is seen in Mailchimp, or in the sandbox."""
    url = context().settings.mailchimp_url
    if url:
        return f"{url.rstrip('/').removesuffix('/3.0')}/campaigns/{row.remote_id}"
    return f"https://{audience.server}.admin.mailchimp.com/campaigns/edit?id={row.web_id}"


# -- parts -----------------------------------------------------------------------------------------


def _audience(session: Session) -> Audience:
    audience = plans.audience(session)
    if audience is None:
        abort(409)
    return audience


def _segment(session: Session, key: str) -> str:
    if key not in {row[0] for row in reading.segments(session, language())}:
        abort(404)
    return key


def _content() -> Content:
    values: dict[str, Any] = {
        name: form_text(name, longest=longest * 2).replace("\r\n", "\n")
        for name, longest in LONGEST.items()
    }
    return Content(**values)


def _woken() -> ResponseReturnValue:
    wake_due(context())
    return redirect(url_for(".show"))
