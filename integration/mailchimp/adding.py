"""Adding contacts whose opt-in is recorded: the only module that opens a client which may.

A PUT with `status_if_new` creates who is not there; whoever came meanwhile keeps his status. Just
before, the members are read again, so that nobody who was archived or came in between is touched,
and so is the ledger: who withdrew in between is not added, in the last round of a job either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select, update

from integration.audience.adding import newcomers
from integration.audience.connect import open_mailchimp
from integration.audience.difference import CONTACT
from integration.audience.members import read_members
from integration.audience.settled import NOT_THERE, THERE_ALREADY, WITHDRAWN
from integration.audience.states import FORGOTTEN, apply
from integration.mailchimp import contacts
from integration.mailchimp.answers import MemberInfo, OperationResult, read_member
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.contact_batches import Step, await_batches, carry_out
from integration.mailchimp.contacts import Contact, read_contact
from integration.mailchimp.errors import Compliance
from integration.mailchimp.guard import Permit
from integration.mailchimp.run import Row, Run
from integration.store.common import parts
from integration.tables import Addition, Audience, Member, PlanChange

#: Where the batches on their way stand in a plan's outcome.
_BATCHES = "adding"
_FORGOTTEN_TITLE = "Forgotten Email Not Subscribed"


def add_contacts(run: Run, audience: Audience) -> bool:
    """Add the contacts of the plan; tell whether there were any to add.

    Raises
    ------
    MailchimpError
    """
    with run.transaction() as session:
        if not run.open_rows(session, CONTACT):
            return False
    mailchimp = run.also(open_mailchimp(run.context, audience, Permit.ADD))
    step = Step(
        _BATCHES,
        choose=lambda: _to_send(run, audience, mailchimp),
        operations=lambda rows: _operations(run, mailchimp, rows),
        settle=_settle,
    )
    carry_out(run, mailchimp, step)
    return True


def await_added(run: Run) -> None:
    """See what a plan handed in to its end."""
    await_batches(run, _BATCHES, _settle)


def _to_send(run: Run, audience: Audience, mailchimp: Mailchimp) -> list[Row]:
    """The rows to hand in: of people who are not in the audience in any state."""
    read_members(run.context, audience, lease=run.job)
    confirms = contacts.sign_up(mailchimp).asks_to_confirm
    with run.transaction() as session:
        if confirms:  # switched on since the plan was made: then everybody is asked
            ours = (col(PlanChange.plan_id) == run.plan_id) & (col(PlanChange.kind) == CONTACT)
            _ask_to_confirm(session, ours)
        rows = run.open_rows(session, CONTACT)
        there = _statuses(session, run, [row.email_key for row in rows])
        # Of a call whose answer we did not get: it arrived.
        arrived = [r for r in rows if r.status == "sent" and there.get(r.email_key) == r.after]
        _note_added(session, run, arrived)
        others = [row for row in rows if row.email_key in there and row not in arrived]
        run.fail(session, {row.id: THERE_ALREADY for row in others})
        return _still_allowed(session, run, [row for row in rows if row.email_key not in there])


def _still_allowed(session: Session, run: Run, rows: Sequence[Row]) -> list[Row]:
    """Those of `rows` who may be added by what is known now, with no more than they may be given.

    Between two rounds a statement may have come, about this address or another of the person's.
    """
    if not rows:
        return []
    found = newcomers(session, session.get_one(Audience, run.audience_id)).found
    status = {one.email_key: one.status for one in found}
    lost = [row for row in rows if row.email_key not in status]
    run.fail(session, {row.id: WITHDRAWN for row in lost})
    run.fail_all_of(session, {row.email_key for row in lost}, WITHDRAWN)
    allowed = [row for row in rows if row.email_key in status]
    asked = {row.id for row in allowed if status[row.email_key] == "pending"}
    for part in parts(asked):
        _ask_to_confirm(session, col(PlanChange.id).in_(part))
    return [row._replace(after="pending") if row.id in asked else row for row in allowed]


def _ask_to_confirm(session: Session, rows: ColumnElement[bool]) -> None:
    session.exec(update(PlanChange).where(rows).values(after="pending"))


def _statuses(session: Session, run: Run, email_keys: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts(email_keys):
        query = select(Member.email_key, Member.status).where(
            Member.audience_id == run.audience_id, col(Member.email_key).in_(part)
        )
        found.update(session.exec(query).all())
    return found


def _operations(run: Run, mailchimp: Mailchimp, rows: Sequence[Row]) -> list[dict[str, str]]:
    with run.transaction() as session:
        given = _additions(session, run, rows)
    return [
        contacts.add(
            mailchimp,
            str(row.id),
            row.email_key,
            row.after or "pending",
            given[row.email_key].merge_fields,
            given[row.email_key].language,
        )
        for row in rows
    ]


def _additions(session: Session, run: Run, rows: Sequence[Row]) -> dict[str, Addition]:
    found: dict[str, Addition] = {}
    for part in parts([row.email_key for row in rows]):
        query = select(Addition).where(
            Addition.plan_id == run.plan_id, col(Addition.email_key).in_(part)
        )
        found.update({row.email_key: row for row in session.exec(query)})
    return found


def _settle(session: Session, run: Run, results: Sequence[OperationResult]) -> None:
    rows = {row.id: row for row in run.open_rows(session, CONTACT)}
    given = _additions(session, run, list(rows.values()))
    added: list[Row] = []
    since: dict[str, datetime | None] = {}
    again: list[int] = []
    failed: dict[int, str] = {}
    gone: set[str] = set()
    there: list[MemberInfo] = []
    for result in results:
        row = rows.get(int(result.operation_id))
        if row is None:
            continue
        if result.error is not None and (result.error.retryable or result.error.rests):
            again.append(row.id)
        elif result.error is not None:
            failed[row.id] = str(result.error)
            gone.add(row.email_key)
            if isinstance(result.error, Compliance):
                there.append(_lost(session, run, row, result.error.title))
        else:
            there.append(read_member(result.document))
            contact = read_contact(result.document)
            if _is_new(contact, row, given.get(row.email_key)):
                added.append(row)
                since[row.email_key] = contact.opted_at
            else:
                failed[row.id] = THERE_ALREADY
    run.mark(session, again, "todo")
    run.fail(session, failed)
    run.fail_all_of(session, gone, NOT_THERE)
    _note_members(session, run, there)
    _note_added(session, run, added, since)


def _is_new(contact: Contact, row: Row, given: Addition | None) -> bool:
    """Whether the contact holds what we gave and nothing else: then we made it."""
    return (
        given is not None  # else the row was carried to another address of a contact meanwhile
        and contact.status == row.after
        and not contact.tags
        and not contact.is_vip
        and contact.merge_fields.items() <= given.merge_fields.items()
    )


def _note_added(
    session: Session,
    run: Run,
    rows: Sequence[Row],
    since: Mapping[str, datetime | None] | None = None,
) -> None:
    """Note that contacts were added; `since` when, by Mailchimp's own clock."""
    run.done(session, rows)
    now = run.context.clock()
    for email_key, addition in _additions(session, run, rows).items():
        addition.added_at = addition.added_at or (since or {}).get(email_key) or now


def _lost(session: Session, run: Run, row: Row, title: str) -> MemberInfo:
    """Return that only the person can come back, as Mailchimp says; it is never tried again.

    Whether he left or bounced it does not say: the ledger takes it for the stronger of the two.
    """
    if title == _FORGOTTEN_TITLE:
        return MemberInfo(email_key=row.email_key, status=FORGOTTEN, changed_at=None)
    # Somebody is not what we thought: read everybody before the next plan.
    session.get_one(Audience, run.audience_id).read_until = None
    return MemberInfo(
        email_key=row.email_key, status="unsubscribed", changed_at=run.context.clock()
    )


def _note_members(session: Session, run: Run, found: Sequence[MemberInfo]) -> None:
    """As everything that is read of members, so that the ledger says what their rows say."""
    audience = session.get_one(Audience, run.audience_id)
    apply(session, audience, found, run.context.clock())
