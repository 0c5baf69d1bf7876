"""One run: tell Mailchimp the events that are new, and call the flow's step where one is tied.

Neither call may be repeated blindly: an event told twice has happened twice, and a step called
twice sends two mails. So a row says "sent" before its call. After a lost answer the event is looked
up at the contact and told again only if it is not there; the step's call is not repeated at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, update

from integration.audience.connect import current_audience, open_mailchimp
from integration.audience.members import read_members
from integration.audience.pause import step
from integration.audience.told import Told
from integration.context import Context
from integration.db import scoped
from integration.flows import ledger, live
from integration.flows.candidates import next_cart_rests
from integration.flows.choose import still_holding
from integration.flows.ledger import NO_ID, event_of
from integration.flows.switches import start, switches
from integration.mailchimp import events, leave_out
from integration.mailchimp.answers import OperationResult
from integration.mailchimp.batching import results_of
from integration.mailchimp.client import ROWS_A_CALL, Mailchimp
from integration.mailchimp.errors import (
    Compliance,
    Invalid,
    MailchimpError,
    NotFound,
    Retryable,
    Throttled,
    WrongState,
)
from integration.mailchimp.guard import Permit
from integration.mailchimp.run import Job
from integration.tables import Audience, ToldEvent

#: More rows than this travel in batches.
FEW = 25
#: Refusals of one row; every other error concerns them all.
_OF_ONE_ROW = (NotFound, Invalid, Compliance, WrongState)
_GONE = "not in the audience (any more)"


def send_events(context: Context, job: Job) -> None:
    """Tell what is new of the kinds that are on, mark who has had mail, see which flows run.

    Raises
    ------
    NoAudience
    MailchimpError
        Retryable ones: a later run goes on where this one was.
    """
    audience = current_audience(context, job.account_id)
    with scoped(context.engine, job.account_id) as session:
        if not any(switch.is_on for switch in switches(session, audience).values()):
            return
    read_members(context, audience, lease=job)
    run = _Run(context, job, audience)
    run.settle_earlier()
    run.tell()
    run.call_steps()
    leave_out.keep(context, audience)
    live.look(context, audience, job=job)
    run.come_back()


class _Run:
    def __init__(self, context: Context, job: Job, audience: Audience) -> None:
        self._context, self._job, self._audience = context, job, audience
        self._told = Told(context, job.account_id)
        # The only client that may tell events and start flows.
        self._mailchimp: Mailchimp = open_mailchimp(context, audience, Permit.FLOWS)

    def _transaction(self) -> AbstractContextManager[Session]:
        """Open a session for one step of the run."""
        return step(self._context, self._job, self._audience.id or 0)

    def _beat(self) -> None:
        """See whether the run is still wanted, and keep the lease, while a batch runs."""
        with self._transaction():
            pass

    def _now(self) -> datetime:
        return self._context.clock()

    # -- what an earlier run left behind ---------------------------------------------------

    def settle_earlier(self) -> None:
        """See batches to their end, and look up events whose answer was lost."""
        with self._transaction() as session:
            sent = ledger.rows(session, self._audience, status="sent")
        for batch in sorted({row.batch for row in sent if row.batch not in (None, NO_ID)}):
            self._await(str(batch), [row for row in sent if row.batch == batch])
        with self._transaction() as session:
            sent = ledger.rows(session, self._audience, status="sent")
        for row in ledger.in_doubt(sent, self._now())[0]:
            self._look_up(row)

    def _look_up(self, row: ToldEvent) -> None:
        try:
            told = events.was_told(self._mailchimp, row.email_key, event_of(row))
        except NotFound:
            self._settle([row], "failed", _GONE)
            return
        # What did not arrive is chosen anew, or (of the past) told in this run.
        self._settle([row], "done" if told else "todo")

    # -- telling ---------------------------------------------------------------------------

    def tell(self) -> None:
        """Write down what is new and tell it, directly when few, through batches when many."""
        with self._transaction() as session:
            ledger.write_down(session, self._audience, self._now())
        with self._transaction() as session:
            rows = ledger.rows(session, self._audience, status="todo")
        if len(rows) <= FEW:
            for row in rows:
                self._tell_one(row)
            return
        for start_at in range(0, len(rows), ROWS_A_CALL):
            self._hand_in(rows[start_at : start_at + ROWS_A_CALL])

    def _tell_one(self, row: ToldEvent) -> None:
        if not self._take([row]):
            return
        try:
            events.tell(self._mailchimp, row.email_key, event_of(row))
        except _OF_ONE_ROW as error:
            self._settle([row], "failed", _GONE if isinstance(error, NotFound) else str(error))
        except MailchimpError as error:
            if isinstance(error, Throttled) or not isinstance(error, Retryable):
                self._settle([row], "todo")  # certainly not carried out
            raise
        else:
            self._settle([row], "done")

    def _hand_in(self, chosen: Sequence[ToldEvent]) -> None:
        rows = self._take(chosen, batch=NO_ID)
        if not rows:
            return
        operations = [
            events.told_in_batch(self._mailchimp, row.email_key, str(row.id), event_of(row))
            for row in rows
        ]
        try:
            batch = self._mailchimp.start_batch(operations)
        except MailchimpError as error:
            if isinstance(error, Throttled) or not isinstance(error, Retryable):
                self._settle(rows, "todo")
            raise
        self._settle(rows, "sent", batch=batch.id)
        self._await(batch.id, rows)

    def _await(self, batch: str, rows: Sequence[ToldEvent]) -> None:
        poll_s = self._context.settings.batch_poll_s
        # Of one that Mailchimp no longer has there are none: its rows are looked up.
        results = results_of(self._mailchimp, batch, poll_s, self._beat, self._told)
        self._settle_results(rows, results)

    def _settle_results(
        self, rows: Sequence[ToldEvent], results: Sequence[OperationResult]
    ) -> None:
        by_id = {str(row.id): row for row in rows}
        for result in results:
            row = by_id.pop(result.operation_id, None)
            if row is None:
                continue
            if result.error is None:
                self._settle([row], "done")
            elif isinstance(result.error, _OF_ONE_ROW):
                gone = isinstance(result.error, NotFound)
                self._settle([row], "failed", _GONE if gone else str(result.error))
            else:
                by_id[result.operation_id] = row
        # Nobody says whether these were told: they are looked up.
        self._settle(list(by_id.values()), "sent")

    def _take(self, rows: Sequence[ToldEvent], batch: str | None = None) -> list[ToldEvent]:
        """Note that rows are handed over, and return them: those that are still to be told.

        Meanwhile a kind may have been switched off, or a person forgotten, with their rows.
        """
        with self._transaction() as session:
            tied = switches(session, self._audience)
            on = [kind for kind, switch in tied.items() if switch.is_on]
            query = (
                update(ToldEvent)
                .where(
                    col(ToldEvent.id).in_([row.id for row in rows]),
                    col(ToldEvent.status) == "todo",
                    col(ToldEvent.kind).in_(on),
                )
                .values(status="sent", batch=batch, sent_at=self._now(), error=None)
                .returning(col(ToldEvent.id))
                .execution_options(synchronize_session=False)
            )
            taken = set(session.execute(query).scalars())
        return [row for row in rows if row.id in taken]

    def _settle(
        self,
        rows: Sequence[ToldEvent],
        status: str,
        error: str | None = None,
        *,
        batch: str | None = None,
    ) -> None:
        """Note how rows ended; one that is gone, because a person was forgotten, stays gone."""
        self._set(rows, status=status, batch=batch, error=error)

    def _set(self, rows: Sequence[ToldEvent], **values: Any) -> bool:
        """Change rows where they are still there; tell whether any is."""
        query = (
            update(ToldEvent)
            .where(col(ToldEvent.id).in_([row.id for row in rows]))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        with self._transaction() as session:
            return bool(session.exec(query).rowcount)

    # -- steps of flows --------------------------------------------------------------------

    def call_steps(self) -> None:
        """Let those whose event was told in at the step of the flow that is tied to its kind."""
        with self._transaction() as session:
            rows = ledger.steps(session, self._audience, self._now())
            tied = switches(session, self._audience)
        for some in (rows[at : at + FEW] for at in range(0, len(rows), FEW)):
            # A row may have waited for days: who bought or withdrew meanwhile does not enter.
            with self._transaction() as session:
                may_enter = still_holding(session, self._audience, some, self._now())
            for row in some:
                switch = tied[row.kind]
                if switch.step is None or switch.journey is None or not switch.is_on:
                    self._step(row, "")
                elif switch.step_error:
                    continue
                elif row.id not in may_enter:
                    self._step(row, "left_out")
                else:
                    self._call_step(row, switch.journey, switch.step)
                    with self._transaction() as session:
                        tied = switches(session, self._audience)

    def _call_step(self, row: ToldEvent, journey: int, step: int) -> None:
        if not self._step(row, "sent"):
            return
        try:
            events.start_step(self._mailchimp, journey, step, row.email_key)
        except NotFound:
            self._step(row, "failed", "the step of the flow does not exist (any more)")
            with self._transaction() as session:
                switch = switches(session, self._audience)[row.kind]
                switch.step_error = "not_found"
                session.add(switch)
        except _OF_ONE_ROW as error:
            self._step(row, "failed", str(error))
        except MailchimpError as error:
            certain = isinstance(error, Throttled) or not isinstance(error, Retryable)
            self._step(row, "todo" if certain else "unknown")
            raise
        else:
            self._step(row, "done")

    def _step(self, row: ToldEvent, status: str, error: str | None = None) -> bool:
        """Note how far a row's call of the flow's step is; False where the row is gone."""
        return self._set([row], step_status=status, **({"error": error} if error else {}))

    # -- later -----------------------------------------------------------------------------

    def come_back(self) -> None:
        """Write down a run for the moment at which a doubt can be settled or a cart rests."""
        with self._transaction() as session:
            sent = ledger.rows(session, self._audience, status="sent")
            moments = [ledger.in_doubt(sent, self._now())[1]]
            if switches(session, self._audience)["cart"].is_on:
                moments.append(next_cart_rests(session, self._now()))
            known = [moment for moment in moments if moment is not None]
            if known:
                start(session, run_at=min(known))
