"""Getting a run ready: list, campaign, text, Mailchimp's own check, and then its moment."""

from __future__ import annotations

from integration.campaigns import content as contents
from integration.campaigns import rules
from integration.context import Context
from integration.mailchimp import campaigns, dispatch
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.content import fitted
from integration.mailchimp.errors import Forbidden, Invalid, NotFound, WrongState
from integration.mailchimp.rule_runs import ends, people
from integration.mailchimp.rule_runs.run import TOO_LATE, Run
from integration.tables import Audience, CampaignRule


def is_wanted(run: Run) -> bool:
    """Tell whether the rule is on and there is time left; else note what the run becomes."""
    with run.step() as session:
        row, rule = run.of(session)
        if not rule.is_on:
            row.status = "stopping"
            return False
        assert row.send_at is not None
        is_late = row.send_at - run.context.clock() < TOO_LATE
        # Of one that is "scheduling" it is not known whether it is scheduled: that is read.
        if is_late and row.status == "planned":
            run.end(session, row, "lapsed", "too_late")
            return False
        return True


def prepare(run: Run) -> None:
    """Bring a planned run to its moment; what Mailchimp refuses ends it.

    Raises
    ------
    MailchimpError
        It may work later.
    """
    try:
        if _is_scheduled_already(run):
            return
        if not people.bring_in_step(run):
            _end_empty(run)
            return
        remote_id = _campaign(run)
        fill_in(run.context, run.mailchimp, run.audience, run.look()[1], remote_id)
        if not _is_as_shown(run, remote_id):
            return
        wrong = campaigns.problems(run.mailchimp, remote_id)
        if wrong:
            ends.refuse(run, " ".join(wrong))
            return
        dispatch.schedule(run, remote_id)
    except NotFound:
        ends.refuse(run, "its list or its campaign was deleted in Mailchimp")
    except (Forbidden, Invalid, WrongState) as error:
        ends.refuse(run, str(error))


def fill_in(
    context: Context, mailchimp: Mailchimp, audience: Audience, rule: CampaignRule, remote_id: str
) -> None:
    """Give a campaign what a rule says: our blocks, or the merchant's template."""
    if rule.template_id is not None:
        campaigns.set_content(mailchimp, remote_id, template_id=rule.template_id)
        return
    content = fitted(context, mailchimp, audience, contents.stored(rule.content))
    campaigns.set_content(mailchimp, remote_id, html=contents.html(content, rule.language))


def _is_as_shown(run: Run, remote_id: str) -> bool:
    """Tell whether the merchant saw what would be sent; else the run waits for him.

    A template is his own, and nobody tells when he changes it in Mailchimp.
    """
    if run.look()[1].template_id is None:
        return True
    rendered = campaigns.content(run.mailchimp, remote_id)
    with run.step() as session:
        row, rule = run.of(session)
        if rules.saw(rule, rendered):
            return True
        if run.moved(session, ("planned", "scheduling"), "waiting"):
            row.figures = {**row.figures, "waits": {"key": rules.TEMPLATE}}
    return False


def _end_empty(run: Run) -> None:
    with run.step() as session:
        run.end(session, run.of(session)[0], "empty")
    ends.clean(run)


def _campaign(run: Run) -> str:
    row, rule = run.look()
    if row.remote_id:
        return row.remote_id
    # An earlier try may have made it without hearing so.
    made = campaigns.find(run.mailchimp, row.title, row.created_at)
    if made is None:
        stored_text = contents.stored(rule.content)
        content = fitted(run.context, run.mailchimp, run.audience, stored_text)
        made = campaigns.create(
            run.mailchimp,
            title=row.title,
            subject=content.subject,
            preview_text=content.preview,
            segment_opts={"saved_segment_id": row.tag_id},
            who=campaigns.sender(run.mailchimp),
        )
    with run.step() as session:
        stored, _rule = run.of(session)
        stored.remote_id, stored.web_id = made.id, made.web_id
    return made.id


def _is_scheduled_already(run: Run) -> bool:
    """Read the campaign when an earlier try did not hear how its schedule call ended."""
    row, _rule = run.look()
    if row.status != "scheduling":
        return False
    info = campaigns.read(run.mailchimp, row.remote_id)
    if info is None or info.status != "save":
        # Scheduled, sent or deleted: watching says what it means.
        run.move("scheduling", "scheduled")
        return True
    assert row.send_at is not None
    if row.send_at - run.context.clock() >= TOO_LATE:
        return False
    with run.step() as session:
        run.end(session, run.of(session)[0], "lapsed", "too_late")
    ends.clean(run)
    return True
