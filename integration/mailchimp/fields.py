"""Setting fields: operations of batches, which Mailchimp works off by itself; a few go directly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from integration.audience import names
from integration.audience.difference import FIELD
from integration.audience.told import NAP_S
from integration.mailchimp.answers import BatchInfo, OperationResult
from integration.mailchimp.batching import Pace, look, results_of
from integration.mailchimp.calls import Calls
from integration.mailchimp.contact_batches import settle_members
from integration.mailchimp.errors import (
    AudienceGone,
    Failed,
    Invalid,
    MailchimpError,
    NotFound,
)
from integration.mailchimp.run import Row, Run, by_member
from integration.tables import Plan

#: Members whose fields travel in one batch.
MEMBERS_A_BATCH = 500
#: Fewer members than this are called about one by one: a batch costs three calls and a wait.
FEW = 10
#: Times that operations which Mailchimp itself failed are handed in again within one job.
_ROUNDS = 3

#: How far a batch is, and how its operations ended once it is done.
_Look = tuple[BatchInfo, list[OperationResult] | None]


class Fields:
    """The field rows of a plan on their way."""

    def __init__(self, run: Run, calls: Calls) -> None:
        self._run, self._calls = run, calls
        self._least_s = run.context.settings.batch_poll_s
        #: Batches that are not done; Mailchimp works on one at a time, in this order.
        self._batches: list[str] = []
        self._pace: Pace | None = None
        self._looking = False
        self._rounds = 0

    @property
    def looks_in(self) -> float | None:
        """Seconds until `look` may have something to do; None where nothing is waited for."""
        if self._pace is None or self._looking or not self._batches:
            return None
        return min(max(0.0, self._pace.looks_at - time.monotonic()), NAP_S)

    @property
    def are_going(self) -> bool:
        """Whether batches are on their way."""
        return bool(self._batches)

    def hand_in(self) -> bool:
        """Start everything that is not settled; False when there is nothing.

        Raises
        ------
        Failed
            After some rounds of operations that Mailchimp itself failed.
        """
        run = self._run
        with run.transaction() as session:
            rows = run.open_rows(session, FIELD)
            owned = run.owned(session, FIELD)
            tags = {key: row.name for key, row in owned.items() if row.remote_id is not None}
            tags[names.LANGUAGE] = ""  # always there, and no field of anybody's
            # Only clearings are left of a field that is not there.
            run.settle(session, FIELD, [row for row in rows if row.key not in tags])
        members = by_member([row for row in rows if row.key in tags])
        if not members:
            return False
        if self._rounds >= _ROUNDS:
            raise Failed("Mailchimp failed some operations of a batch again and again")
        self._rounds += 1
        if len(members) < FEW:
            for group in members:
                self._set_directly(group, tags)
        else:
            for start in range(0, len(members), MEMBERS_A_BATCH):
                self._start_batch(members[start : start + MEMBERS_A_BATCH], tags)
        return True

    def look(self) -> None:
        """Look at the oldest batch, if it is time or it is said to be done, and a call has room."""
        wait_s = self.looks_in
        if wait_s is None or not self._calls.has_room:
            return
        batch_id = self._batches[0]
        if wait_s <= 0 or self._run.told(batch_id):
            self._looking = True
            self._calls.start(
                partial(look, self._run.mailchimp, batch_id), partial(self._looked, batch_id)
            )

    def _looked(self, batch_id: str, answer: Callable[[], _Look]) -> None:
        self._looking = False
        batch, results = answer()
        if results is None:
            assert self._pace is not None
            self._pace.looked(batch)
            self._run.step()
            return
        self._batches.remove(batch_id)
        if self._pace is not None:
            self._pace.begin()
        _settle_batch(self._run, batch_id, results)
        self._run.step()

    def _set_directly(self, rows: Sequence[Row], tags: dict[str, str]) -> None:
        with self._run.transaction() as session:
            self._run.mark(session, [row.id for row in rows], "sent")
        mailchimp = self._run.mailchimp
        call = partial(mailchimp.set_fields_now, rows[0].email_key, *_values(rows, tags))
        self._calls.start(call, partial(self._settle_one, rows))

    def _settle_one(self, rows: Sequence[Row], answer: Callable[[], None]) -> None:
        error: MailchimpError | None = None
        try:
            answer()
        except AudienceGone:
            raise
        except (Invalid, NotFound) as refused:
            error = refused
        with self._run.transaction() as session:
            settle_members(session, self._run, FIELD, [(rows, error)])
        self._run.step()

    def _start_batch(self, members: Sequence[Sequence[Row]], tags: dict[str, str]) -> None:
        with self._run.transaction() as session:
            self._run.mark(session, [row.id for rows in members for row in rows], "sent")
        operations = [
            # Results come back under this name: a row of ours, not the address.
            self._run.mailchimp.set_fields(rows[0].email_key, str(rows[0].id), *_values(rows, tags))
            for rows in members
        ]
        self._calls.start(partial(self._run.mailchimp.start_batch, operations), self._started)

    def _started(self, answer: Callable[[], BatchInfo]) -> None:
        batch = answer()
        with self._run.transaction() as session:
            plan = session.get_one(Plan, self._run.plan_id)
            plan.outcome = {**plan.outcome, "batches": [*plan.outcome.get("batches", []), batch.id]}
        self._batches.append(batch.id)
        self._pace = self._pace or Pace(self._least_s)
        self._run.step()


def _values(rows: Sequence[Row], tags: dict[str, str]) -> tuple[dict[str, str], str | None]:
    """Return what a member's fields become, and the language where it changes."""
    values = {tags[row.key]: row.after or "" for row in rows if row.key != names.LANGUAGE}
    return values, next((row.after or "" for row in rows if row.key == names.LANGUAGE), None)


def await_batches(run: Run) -> None:
    """See every batch that an earlier try handed in to its end and settle its rows."""
    with run.transaction() as session:
        batches: list[str] = session.get_one(Plan, run.plan_id).outcome.get("batches", [])
    for batch_id in batches:
        poll_s = run.context.settings.batch_poll_s
        results = results_of(run.mailchimp, batch_id, poll_s, run.step, run.told)
        _settle_batch(run, batch_id, results)
        run.step()


def _settle_batch(run: Run, batch_id: str, results: Sequence[OperationResult]) -> None:
    with run.transaction() as session:
        rows = run.rows_of_operations(session, [int(result.operation_id) for result in results])
    of_operation = {group[0].id: group for group in by_member(rows)}
    ended = [(of_operation.get(int(row.operation_id), []), row.error) for row in results]
    with run.transaction() as session:
        settle_members(session, run, FIELD, ended)
        plan = session.get_one(Plan, run.plan_id)
        left = [other for other in plan.outcome["batches"] if other != batch_id]
        plan.outcome = {**plan.outcome, "batches": left}
