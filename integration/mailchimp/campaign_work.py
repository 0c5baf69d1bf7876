"""The kinds of work about campaigns: looking after them, reports, drafts, previews and tests."""

from __future__ import annotations

from datetime import date

from integration.audience.connect import current_audience
from integration.audience.members import read_members
from integration.campaigns import rules, runs
from integration.campaigns.content import stored
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import drafts, leave_out, reports
from integration.mailchimp.errors import NoAudience
from integration.mailchimp.rule_runs import trial
from integration.mailchimp.rule_runs.carry import carry_on
from integration.mailchimp.run import Job as Steps
from integration.tables import Audience, User
from integration.work.queue import Job


def look_after(context: Context, job: Steps) -> None:
    """Carry runs of rules on, make those whose moment is near, and see what became of drafts."""
    audience = _writable(context, job)
    if audience is None:
        return
    runs.give_up_waiting(context, audience)
    waiting = runs.due(context, audience)
    if waiting:
        read_members(context, audience, lease=job)
    for rule_id, slot in waiting:
        runs.make(context, job, audience, rule_id, slot)
    carry_on(context, job, audience)
    drafts.look_after(context, audience)
    if leave_out.tag_ids(context, audience):
        leave_out.keep(context, audience)
    if reports.due(context, audience):
        with scoped(context.engine, job.account_id) as session:
            rules.start(session, rules.REPORTS)


def read_reports(context: Context, job: Steps) -> None:
    """Read what readers did with campaigns of ours."""
    audience = _writable(context, job)
    if audience is not None:
        reports.read(context, job, audience)


def _writable(context: Context, job: Steps) -> Audience | None:
    """The connected audience; None without one, and while work on it is paused."""
    try:
        audience = current_audience(context, job.account_id)
    except NoAudience:
        return None
    return None if audience.paused else audience


def draft(context: Context, job: Job) -> None:
    """Make a draft, or delete one of ours, as the merchant clicked."""
    audience = current_audience(context, job.account_id)
    wish = job.payload
    if "remove" in wish:
        drafts.remove(context, audience, wish["remove"])
        return
    content = stored(wish["content"])
    day = date.fromisoformat(wish["day"])
    drafts.make(context, audience, wish["segment"], content, wish["language"], day)


def show_mail(context: Context, job: Job) -> None:
    """Have a rule's template rendered, so that the merchant sees it before it is sent."""
    audience = current_audience(context, job.account_id)
    trial.render(context, audience, job.payload["rule_id"])


def test_mail(context: Context, job: Job) -> None:
    """Send a rule's mail to the merchant himself."""
    with scoped(context.engine, job.account_id) as session:
        email = session.get_one(User, job.payload["user_id"]).email
    audience = current_audience(context, job.account_id)
    trial.send_test(context, audience, job.payload["rule_id"], email)
