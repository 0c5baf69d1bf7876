"""Batches: many small writes in one call, which Mailchimp carries out later and in any order.

Source: Mailchimp developer documentation, "Run batch operations".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from integration.audience.told import NAP_S
from integration.mailchimp.answers import BatchInfo, OperationResult
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import AudienceGone, NotFound, StillRunning

#: Most seconds between two looks at a batch (a lease lasts 60), and altogether.
_POLL_MOST_S, _WAIT_MOST_S = 25.0, 1800.0
#: So long Mailchimp has batches and their results.
BATCHES_KEPT = timedelta(days=7)


class Pace:
    """When to look at a batch again: about when it will be done, by how fast Mailchimp was.

    For batches that are looked at one after another; `begin` names the next one.
    """

    def __init__(self, least_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._least_s, self._now = least_s, now
        #: Operations a second, None until it is known.
        self._rate: float | None = None
        self.begin()

    def begin(self) -> None:
        """Turn to a batch; one that came after others may be half done, so it is looked at now."""
        self._began = now = self._now()
        self._wait_s = self._least_s
        #: When a look was taken and how many operations had ended.
        self._seen = None if self._rate else (now, 0)
        self.looks_at = now if self._rate else now + self._least_s

    def looked(self, batch: BatchInfo) -> None:
        """Note how far the batch is.

        Raises
        ------
        StillRunning
            After half an hour; ask again later.
        """
        now = self._now()
        if now - self._began >= _WAIT_MOST_S:
            raise StillRunning("a batch is not finished", retry_after_s=_POLL_MOST_S)
        if self._seen is not None and batch.finished > self._seen[1] and now > self._seen[0]:
            self._rate = (batch.finished - self._seen[1]) / (now - self._seen[0])
        if batch.finished and self._rate:
            self._wait_s = (batch.total - batch.finished) / self._rate
        else:  # it waits for others
            self._wait_s *= 2
        self._seen = (now, batch.finished)
        self._wait_s = min(max(self._wait_s, self._least_s), _POLL_MOST_S)
        self.looks_at = now + self._wait_s


def look(mailchimp: Mailchimp, batch_id: str) -> tuple[BatchInfo, list[OperationResult] | None]:
    """Return how far a batch is, and once it is done how its operations ended.

    Mailchimp keeps a batch for seven days; one that it does not have any more is done, and nobody
    knows how its operations ended.

    Raises
    ------
    AudienceGone
        It is not the batch that is gone but the audience, or its operations did not work by that.
    MailchimpError
    """
    try:
        batch = mailchimp.batch(batch_id)
    except AudienceGone:
        raise
    except NotFound:
        return _gone(batch_id), []
    if not batch.is_finished:
        return batch, None
    results = mailchimp.batch_results(batch.results_url)
    if any(isinstance(result.error, NotFound) for result in results):
        # A contact that is gone, or the whole audience: then nothing is settled by it.
        mailchimp.check_audience()
    return batch, results


def results_of(
    mailchimp: Mailchimp,
    batch_id: str,
    poll_s: float,
    beat: Callable[[], None],
    told: Callable[[str], bool],
) -> list[OperationResult]:
    """Wait for a batch and return how its operations ended; see `look`.

    Parameters
    ----------
    poll_s
        Least seconds between two looks.
    beat
        Called between two looks: tells that somebody is at work.
    told
        Whether Mailchimp says by now that the batch is done: see `integration.audience.told`.

    Raises
    ------
    StillRunning
        After half an hour; ask again later.
    AudienceGone
    MailchimpError
    """
    pace = Pace(poll_s)
    while True:
        batch, results = look(mailchimp, batch_id)
        if results is not None:
            return results
        _wait(pace, batch, beat, told)


def await_all(
    mailchimp: Mailchimp,
    poll_s: float,
    beat: Callable[[], None],
    told: Callable[[str], bool],
) -> None:
    """Wait for every batch that the account has on its way, whoever handed it in.

    For one whose id was lost, by a kill or with the answer: Mailchimp lists batches, and does not
    say what is in them. The parameters are those of `results_of`.

    Raises
    ------
    StillRunning
        After half an hour; ask again later.
    MailchimpError
    """
    for batch in mailchimp.batches():
        pace = Pace(poll_s)
        while not batch.is_finished:
            _wait(pace, batch, beat, told)
            batch = next((b for b in mailchimp.batches() if b.id == batch.id), _gone(batch.id))


def _wait(
    pace: Pace, batch: BatchInfo, beat: Callable[[], None], told: Callable[[str], bool]
) -> None:
    pace.looked(batch)
    beat()
    while (left_s := pace.looks_at - time.monotonic()) > 0 and not told(batch.id):
        time.sleep(min(left_s, NAP_S))


def _gone(batch_id: str) -> BatchInfo:
    """A batch that Mailchimp does not have any more is done."""
    return BatchInfo(id=batch_id, status="finished", results_url="")
