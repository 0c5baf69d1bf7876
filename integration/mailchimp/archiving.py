"""Archiving the contacts that a plan added, when it is taken back: the only module that may.

Only what nobody touched since: a contact who confirmed, left, signed up himself, or got a name, a
tag or a value from somebody else stays where he is.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, select

from integration.audience.connect import open_mailchimp
from integration.audience.difference import CONTACT, FIELD, TAG
from integration.audience.members import OVERLAP
from integration.audience.settled import CHANGED_SINCE, NOT_THERE, SIGNED_UP_SINCE
from integration.db import upsert
from integration.mailchimp import contacts
from integration.mailchimp.answers import OperationResult
from integration.mailchimp.contact_batches import Step, carry_out
from integration.mailchimp.contacts import Contact
from integration.mailchimp.errors import NotFound, WrongState
from integration.mailchimp.guard import Permit
from integration.mailchimp.run import Row, Run
from integration.tables import Addition, Audience, Member, Plan, PlanChange


def archive_contacts(run: Run, audience: Audience) -> None:
    """Archive the contacts that the plan to undo added.

    Raises
    ------
    MailchimpError
    """
    with run.transaction() as session:
        if not run.open_rows(session, CONTACT):
            return
    mailchimp = run.also(open_mailchimp(run.context, audience, Permit.ARCHIVE))
    step = Step(
        "archiving",
        choose=lambda: _untouched(run),
        operations=lambda rows: [
            contacts.archive(mailchimp, str(row.id), row.email_key) for row in rows
        ],
        settle=_settle,
    )
    carry_out(run, mailchimp, step)


def _untouched(run: Run) -> list[Row]:
    """The rows to hand in; those that somebody touched fail with the reason."""
    assert run.undoes is not None
    with run.transaction() as session:
        since = session.get_one(Plan, run.undoes).created_at - OVERLAP
    held = {contact.email_key: contact for contact in contacts.changed_since(run.mailchimp, since)}
    with run.transaction() as session:
        rows = run.open_rows(session, CONTACT)
        given = _given(session, run)
        ours = _ours(session, run)
        untouched = []
        for row in rows:
            contact, was = held.get(row.email_key), given.get(row.email_key)
            if contact is None and row.status == "sent":
                _settle_rows(session, run, [row])  # of a call whose answer we did not get
            elif contact is None:
                run.fail(session, {row.id: NOT_THERE})
            elif was is None or not _is_as_given(contact, *was, ours):
                run.fail(session, {row.id: CHANGED_SINCE})
            elif _signed_up_since(contact, was[0]):
                run.fail(session, {row.id: SIGNED_UP_SINCE})
            else:
                untouched.append(row)
        return untouched


def _given(session: Session, run: Run) -> dict[str, tuple[Addition, str]]:
    """Address -> what we gave, and with which status."""
    query = (
        select(Addition, PlanChange.after)
        .join(
            PlanChange,
            (PlanChange.plan_id == Addition.plan_id)  # type: ignore[arg-type]
            & (PlanChange.email_key == Addition.email_key),
        )
        .where(Addition.plan_id == run.undoes, PlanChange.kind == CONTACT)
    )
    return {row.email_key: (row, status or "") for row, status in session.exec(query)}


def _ours(session: Session, run: Run) -> tuple[set[str], set[int]]:
    """Merge tags and ids of tags that are ours."""
    fields = {row.name for row in run.owned(session, FIELD).values()}
    tags = {row.remote_id for row in run.owned(session, TAG).values() if row.remote_id}
    return fields, tags


def _is_as_given(
    contact: Contact, addition: Addition, status: str, ours: tuple[set[str], set[int]]
) -> bool:
    fields, tags = ours
    others = {tag: value for tag, value in contact.merge_fields.items() if tag not in fields}
    return (
        contact.status == status
        and not contact.is_vip
        and contact.tags <= tags
        and others.items() <= addition.merge_fields.items()
        and contact.language in ("", addition.language)
    )


def _signed_up_since(contact: Contact, addition: Addition) -> bool:
    """Whether the person is here by his own act by now, though nothing else about him changed."""
    if contact.opted_at is None or addition.added_at is None:
        return False
    return contact.opted_at > addition.added_at


def _settle(session: Session, run: Run, results: Sequence[OperationResult]) -> None:
    rows = {row.id: row for row in run.open_rows(session, CONTACT)}
    done: list[Row] = []
    for result in results:
        row = rows.get(int(result.operation_id))
        if row is None:
            continue
        if result.error is None or isinstance(result.error, NotFound | WrongState):
            done.append(row)  # archived, or gone already
        elif result.error.retryable or result.error.rests:
            run.mark(session, [row.id], "todo")
        else:
            run.fail(session, {row.id: str(result.error)})
    _settle_rows(session, run, done)


def _settle_rows(session: Session, run: Run, rows: Sequence[Row]) -> None:
    run.done(session, rows)
    given = _given(session, run)
    for row in rows:
        if row.email_key in given:
            given[row.email_key][0].archived_at = run.context.clock()
    there = [
        {"audience_id": run.audience_id, "email_key": row.email_key, "status": "archived"}
        for row in rows
    ]
    upsert(session, Member, there, key=("audience_id", "email_key"))
