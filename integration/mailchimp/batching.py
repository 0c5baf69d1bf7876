"""Batches: many small writes in one call, which Mailchimp carries out later and in any order.

Source: Mailchimp developer documentation, "Run batch operations".
"""

from __future__ import annotations

import time
from collections.abc import Callable

from integration.mailchimp.answers import OperationResult
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NotFound, StillRunning

#: Seconds between two looks at a batch, which double up to this (a lease lasts 60), and altogether.
_POLL_MOST_S, _WAIT_MOST_S = 25.0, 1800.0


def results_of(
    mailchimp: Mailchimp, batch_id: str, poll_s: float, beat: Callable[[], None]
) -> list[OperationResult]:
    """Wait for a batch and return how its operations ended.

    Parameters
    ----------
    poll_s
        Seconds until the second look.
    beat
        Called between two looks: tells that somebody is at work.

    Raises
    ------
    StillRunning
        After half an hour; ask again later.
    AudienceGone
        The operations did not work because their audience is no more.
    NotFound
        Mailchimp keeps results for seven days.
    MailchimpError
    """
    wait_s, waited_s = poll_s, 0.0
    while True:
        batch = mailchimp.batch(batch_id)
        if batch.is_finished:
            results = mailchimp.batch_results(batch.results_url)
            if any(isinstance(result.error, NotFound) for result in results):
                # A contact that is gone, or the whole audience: then nothing is settled by it.
                mailchimp.check_audience()
            return results
        if waited_s >= _WAIT_MOST_S:
            raise StillRunning("a batch is not finished", retry_after_s=_POLL_MOST_S)
        beat()
        time.sleep(wait_s)
        waited_s += wait_s
        wait_s = min(wait_s * 2, _POLL_MOST_S)
