"""What became of a scheduled run, and its list, which is kept clean until the mail goes out."""

from __future__ import annotations

from datetime import timedelta

from integration.mailchimp import campaigns
from integration.mailchimp.errors import NotFound
from integration.mailchimp.rule_runs import ends, people
from integration.mailchimp.rule_runs.run import DRAFTS, Run
from integration.tables import Campaign

#: How long the list of a run's people is kept after it went out.
LIST_KEPT = timedelta(days=2)


def watch(run: Run, row: Campaign) -> None:
    """See what became of a scheduled campaign, and keep its list clean until it goes out."""
    info = campaigns.read(run.mailchimp, row.remote_id)
    with run.step() as session:
        stored, _rule = run.of(session)
        if info is None:
            stored.remote_id = ""
            run.end(session, stored, "stopped", "deleted_there")
        elif info.status in DRAFTS:
            # Not ours to touch any more. Its people stay taken: it may still be sent by hand.
            if stored.status != "stopped_there":
                stored.status, stored.problem = "stopped_there", "stopped_there"
                stored.settled_at = run.context.clock()
        elif info.status != "schedule":
            run.sent(stored, info)
    if info is None:
        ends.clean(run)
    elif info.status == "schedule" and row.status == "scheduled":
        _keep_list(run)


def _keep_list(run: Run) -> None:
    try:
        people.bring_in_step(run)
    except NotFound:
        # Its list was deleted in Mailchimp: nobody knows to whom it would go.
        ends.stop(run)


def forget_list(run: Run, row: Campaign) -> None:
    """Remove the list of a run that went out, when its report is in or we are leaving."""
    assert row.settled_at is not None
    if run.is_leaving:
        info = campaigns.read(run.mailchimp, row.remote_id)
        if info is None or info.status == "sent":  # and not on its way still
            people.remove_list(run)
        return
    has_report = row.report_read_at is not None
    if has_report and run.context.clock() - row.settled_at >= LIST_KEPT:
        people.remove_list(run)
