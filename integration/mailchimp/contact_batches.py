"""Rows about contacts on their way in batches: handed in, remembered, seen to their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from integration.audience.difference import CONTACT
from integration.audience.settled import NOT_THERE
from integration.audience.states import mark_gone
from integration.mailchimp.answers import OperationResult
from integration.mailchimp.batching import results_of
from integration.mailchimp.client import ROWS_A_CALL, Mailchimp
from integration.mailchimp.errors import Failed, MailchimpError, NotFound
from integration.mailchimp.run import Row, Run, by_member

#: Times that operations which Mailchimp itself failed are handed in again within one job.
_ROUNDS = 3


@dataclass(frozen=True)
class Step:
    """What is done with contacts, and how its answers are understood."""

    #: Where its batches on their way stand in a plan's outcome.
    name: str
    #: The rows to hand in by now; settles those that need no call.
    choose: Callable[[], list[Row]]
    #: The operations for all rows of some members, named by ids of rows: never by an address.
    operations: Callable[[Sequence[Row]], list[dict[str, str]]]
    settle: Callable[[Session, Run, Sequence[OperationResult]], None]
    #: Of what kind the rows are.
    kind: str = CONTACT


def carry_out(run: Run, mailchimp: Mailchimp, step: Step) -> None:
    """Hand in a step's rows until each is settled.

    Raises
    ------
    MailchimpError
    """
    for _ in range(_ROUNDS):
        await_batches(run, step.name, step.settle)
        rows = step.choose()
        if not rows:
            return
        members = by_member(rows)
        for start in range(0, len(members), ROWS_A_CALL):
            part = members[start : start + ROWS_A_CALL]
            _hand_in(run, mailchimp, step, [row for group in part for row in group])
    await_batches(run, step.name, step.settle)
    with run.transaction() as session:
        if run.open_rows(session, step.kind):
            raise Failed("Mailchimp failed some operations of a batch again and again")


def _hand_in(run: Run, mailchimp: Mailchimp, step: Step, rows: Sequence[Row]) -> None:
    with run.transaction() as session:
        run.mark(session, [row.id for row in rows], "sent")
    batch = mailchimp.start_batch(step.operations(rows))
    with run.transaction() as session:
        run.remember(session, step.name, [*run.remembered(session, step.name), batch.id])
    run.step()


def await_batches(
    run: Run, name: str, settle: Callable[[Session, Run, Sequence[OperationResult]], None]
) -> None:
    """See every remembered batch of a step to its end and settle its rows."""
    with run.transaction() as session:
        batches = run.remembered(session, name)
    for batch_id in batches:
        # Of one that Mailchimp no longer has there are none: its rows are handed in again.
        poll_s = run.context.settings.batch_poll_s
        results = results_of(run.mailchimp, batch_id, poll_s, run.step, run.told)
        with run.transaction() as session:
            settle(session, run, results)
            left = [other for other in run.remembered(session, name) if other != batch_id]
            run.remember(session, name, left)
        run.step()


def settle_members(
    session: Session,
    run: Run,
    kind: str,
    ended: Sequence[tuple[Sequence[Row], MailchimpError | None]],
) -> None:
    """Note how operations about members who are there ended, each with its rows of a kind."""
    done: list[Row] = []
    again: list[int] = []
    failed: dict[int, str] = {}
    gone: list[Row] = []
    for rows, error in ended:
        if error is None:
            done += rows
        elif error.retryable or error.rests:
            again += [row.id for row in rows]
        else:
            lost = isinstance(error, NotFound)
            failed |= {row.id: NOT_THERE if lost else str(error) for row in rows}
            gone += rows[:1] if lost else ()
    run.settle(session, kind, done)
    run.mark(session, again, "todo")
    run.fail(session, failed)
    # Whoever has another address by now is there, and his old one may be somebody else's.
    stayed = {row.email_key for row in gone} & {r.email_key for r in run.as_now(session, gone)}
    mark_gone(session, run.audience_id, stayed)
