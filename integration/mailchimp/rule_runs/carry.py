"""Every run of an audience, brought as far as it can go now."""

from __future__ import annotations

import logging

from sqlmodel import col, select

from integration.context import Context
from integration.db import scoped
from integration.mailchimp.errors import MailchimpError
from integration.mailchimp.rule_runs import ends
from integration.mailchimp.rule_runs.prepare import is_wanted, prepare
from integration.mailchimp.rule_runs.run import CLEANED, OPEN, Run
from integration.mailchimp.rule_runs.watch import forget_list, watch
from integration.mailchimp.run import Job
from integration.tables import Audience, Campaign

log = logging.getLogger(__name__)


def carry_on(context: Context, job: Job, audience: Audience, *, is_leaving: bool = False) -> None:
    """Bring every run of an audience as far as it can go now.

    A run that fails, for whatever reason, stands in nobody's way.

    Parameters
    ----------
    is_leaving
        Lists of what was sent are removed at once: nobody looks after them any more.

    Raises
    ------
    MailchimpError
        After all runs were tried, when one of them may work later: `Retryable`, or what rests until
        the merchant has done something.
    """
    later: MailchimpError | None = None
    for run_id in _open_runs(context, audience):
        try:
            _advance(Run(context, job, audience, run_id, is_leaving=is_leaving))
        except MailchimpError as error:
            log.warning("Run %s cannot go on: %s", run_id, type(error).__name__)
            if error.retryable or error.rests:
                later = error
    if later is not None:
        raise later


def _open_runs(context: Context, audience: Audience) -> list[int]:
    with scoped(context.engine, audience.account_id) as session:
        left = (col(Campaign.remote_id) != "") | col(Campaign.tag_id).is_not(None)
        query = select(Campaign.id).where(
            Campaign.audience_id == audience.id,
            Campaign.kind == "run",
            col(Campaign.status).in_(OPEN)
            | (col(Campaign.status).in_(CLEANED) & left)
            | ((col(Campaign.status) == "sent") & col(Campaign.tag_id).is_not(None)),
        )
        return [key for key in session.exec(query.order_by(col(Campaign.id))) if key is not None]


def _advance(run: Run) -> None:
    """Go on from where the run is."""
    if run.look()[0].status in ("planned", "scheduling") and is_wanted(run):
        prepare(run)
    row, rule = run.look()
    if row.status == "stopping" or (row.status == "scheduled" and not rule.is_on):
        ends.stop(run)
    elif row.status in ("scheduled", "stopped_there"):
        watch(run, row)
    elif row.status in CLEANED:
        ends.clean(run)
    elif row.status == "sent":
        forget_list(run, row)
