"""How a run ends without being sent: taken back, refused, and nothing of it left in Mailchimp."""

from __future__ import annotations

from integration.mailchimp import campaigns, dispatch
from integration.mailchimp.campaigns import CampaignInfo
from integration.mailchimp.errors import Invalid, WrongState
from integration.mailchimp.rule_runs.people import remove_list
from integration.mailchimp.rule_runs.run import CLEANED, DRAFTS, Run, give_back
from integration.tables import Campaign


def stop(run: Run) -> None:
    """Take a run back, as long as Mailchimp has not begun to send."""
    info = dispatch.unschedule(run, _left(run, run.look()[0]))
    with run.step() as session:
        stored, _rule = run.of(session)
        if info is not None and info.status not in DRAFTS:
            run.sent(stored, info, "too_late_to_stop")
            return
        stored.remote_id = info.id if info is not None else ""
        run.end(session, stored, "stopped")
    clean(run)


def refuse(run: Run, why: str) -> None:
    """End a run that Mailchimp does not take."""
    with run.step() as session:
        row, _rule = run.of(session)
        if row.status in ("planned", "scheduling"):
            run.end(session, row, "refused", why)
    clean(run)


def clean(run: Run) -> None:
    """Leave nothing of a run behind in Mailchimp."""
    row, _rule = run.look()
    if row.status not in CLEANED:
        return
    on_its_way = _remove_campaign(run, _left(run, row))
    with run.step() as session:
        stored, _rule = run.of(session)
        if on_its_way is not None:
            run.sent(stored, on_its_way, "too_late_to_stop")
            return
        stored.remote_id = ""
        give_back(session, stored)
    remove_list(run)


def _remove_campaign(run: Run, info: CampaignInfo | None) -> CampaignInfo | None:
    """Delete a run's campaign; return it where it is on its way and cannot be deleted any more."""
    if info is None:
        return None
    try:
        campaigns.remove(run.mailchimp, info.id)
    except (Invalid, WrongState):
        # A schedule call whose answer was lost came through after all.
        info = dispatch.unschedule(run, campaigns.read(run.mailchimp, info.id))
        if info is not None and info.status not in DRAFTS:
            return info
        if info is not None:
            campaigns.remove(run.mailchimp, info.id)
    return None


def _left(run: Run, row: Campaign) -> CampaignInfo | None:
    """A run's campaign; it may have been made without our hearing so."""
    if row.remote_id:
        return campaigns.read(run.mailchimp, row.remote_id)
    return campaigns.find(run.mailchimp, row.title, row.created_at)
