"""The ledger's rows of one run: written down before anything is told, settled after the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select, update

from integration.flows.candidates import State
from integration.flows.choose import Choice, People, Recipient, choose, people
from integration.flows.kinds import KIND_BY_KEY
from integration.flows.switches import switches
from integration.mailchimp.events import Event
from integration.tables import Audience, EventSwitch, ToldEvent

#: A row whose answer was lost is looked up after this long: a call that timed out may still run.
DOUBT = timedelta(minutes=2)
#: A batch of which we do not even know the id may wait at Mailchimp for long.
BATCH_DOUBT = timedelta(hours=24)
#: Who is in several states is told one of them, the first here: a cart is cold soon, a need lasts.
_MOST_PRESSING = ("cart", "interest", "due", "second_order")
#: Stands for a batch between its call and its id.
NO_ID = "?"
#: A flow's step that could not be called this long is not called any more: the moment is over.
STEP_ENDS = timedelta(days=2)


def event_of(row: ToldEvent) -> Event:
    """Return a row's event."""
    return Event(
        name=KIND_BY_KEY[row.kind].event,
        properties={name: str(value) for name, value in row.properties.items()},
        occurred_at=row.occurred_at,
        is_syncing=row.is_syncing,
    )


def write_down(session: Session, audience: Audience, now: datetime) -> list[Choice]:
    """Write the rows that a run tells; what an earlier run left untold is chosen anew.

    Returns what was chosen, by kind that is on.
    """
    _forget_untold(session, audience)
    everybody = people(session, audience)
    _leave_out_marked(session, audience, everybody)
    chosen = []
    stored = switches(session, audience)
    for switch in (stored[kind] for kind in _MOST_PRESSING):
        if not switch.is_on:
            continue
        made = choose(session, audience, switch, everybody, now)
        chosen.append(made)
        switch.waiting = len(made.told) if made.waits else 0
        switch.marked_at, switch.let_go = switch.marked_at or now, False
        session.add(switch)
        if made.waits:
            continue
        for recipient, state in made.told:
            session.add(_row(audience, switch, made, recipient, state, now))
        for recipient, state in made.silent:
            row = _row(audience, switch, made, recipient, state, now)
            row.status = "left_out"
            session.add(row)
    return chosen


def _row(
    audience: Audience,
    switch: EventSwitch,
    made: Choice,
    recipient: Recipient,
    state: State,
    now: datetime,
) -> ToldEvent:
    calls_step = switch.step is not None and not made.marks
    return ToldEvent(
        account_id=audience.account_id,
        audience_id=audience.id or 0,
        person_id=recipient.person_id,
        email_key=recipient.email_key,
        kind=state.kind,
        subject=state.subject,
        cycle=state.cycle,
        properties=dict(state.properties),
        # Of the past: when it came about. Mailchimp keeps seconds.
        occurred_at=(state.since if made.marks else now).replace(microsecond=0),
        is_syncing=made.marks,
        step_status="todo" if calls_step else "",
    )


def _forget_untold(session: Session, audience: Audience) -> None:
    """Rows that were never handed over: who bought or left since must not be told."""
    session.exec(
        delete(ToldEvent).where(
            # Of an earlier audience too: nobody will tell those.
            col(ToldEvent.account_id) == audience.account_id,
            col(ToldEvent.status) == "todo",
            # Marked ones stay: chosen anew they would start flows.
            col(ToldEvent.is_syncing).is_(False),
        )
    )


def _leave_out_marked(session: Session, audience: Audience, everybody: People) -> None:
    for row in rows(session, audience, status="todo"):
        allowed = everybody.reachable.get(row.person_id) == row.email_key
        if not allowed or row.person_id in everybody.restrained:
            row.status = "left_out"
            session.add(row)


def rows(session: Session, audience: Audience, *, status: str) -> list[ToldEvent]:
    """Return the rows of a status, in the order in which they were written."""
    query = select(ToldEvent).where(
        ToldEvent.audience_id == audience.id, ToldEvent.status == status
    )
    return list(session.exec(query.order_by(col(ToldEvent.id))))


def steps(session: Session, audience: Audience, now: datetime) -> list[ToldEvent]:
    """Return the rows whose flow's step is to be called, and give up on those of long ago."""
    of_audience = col(ToldEvent.audience_id) == audience.id
    # A call of which nothing is known is never repeated: the contact would enter twice.
    session.exec(
        update(ToldEvent)
        .where(of_audience, col(ToldEvent.step_status) == "sent")
        .values(step_status="unknown")
    )
    session.exec(
        update(ToldEvent)
        .where(
            of_audience,
            col(ToldEvent.step_status) == "todo",
            col(ToldEvent.status).in_(("done", "failed")),
            col(ToldEvent.occurred_at) < now - STEP_ENDS,
        )
        .values(step_status="failed", error="too late")
    )
    query = select(ToldEvent).where(
        of_audience, ToldEvent.step_status == "todo", ToldEvent.status == "done"
    )
    return list(session.exec(query.order_by(col(ToldEvent.id))))


def in_doubt(told: Sequence[ToldEvent], now: datetime) -> tuple[list[ToldEvent], datetime | None]:
    """Split off the rows of a lost answer that may be looked up by now.

    Returns them, and when the next of the others may be.
    """
    ripe, later = [], []
    for row in told:
        if row.batch not in (None, NO_ID):
            continue  # its batch tells
        wait = BATCH_DOUBT if row.batch == NO_ID else DOUBT
        moment = (row.sent_at or row.occurred_at) + wait
        if moment <= now:
            ripe.append(row)
        else:
            later.append(moment)
    return ripe, min(later, default=None)
