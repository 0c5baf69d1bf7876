"""Giving tags so that no flow starts: operations of batches with `is_syncing`, one a member.

The calls about a static segment have no such switch. These go by the tag's name, and one that is
not there would be made: so the names are read just before, by id, and the client that writes is
opened for those alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sqlmodel import Session

from integration.audience.connect import open_mailchimp
from integration.audience.difference import TAG
from integration.mailchimp import contacts
from integration.mailchimp.answers import OperationResult
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.contact_batches import Step, await_batches, carry_out, settle_members
from integration.mailchimp.run import Row, Run, by_member
from integration.mailchimp.tags import lose
from integration.tables import Audience

#: Where the batches on their way stand in a plan's outcome.
TAGGING = "tagging"


def give_quietly(run: Run, audience: Audience) -> None:
    """Give the tags of the plan that are to start nothing; all others are settled before.

    Raises
    ------
    MailchimpError
    """
    with run.transaction() as session:
        keys = {row.key for row in _given(run, session)}
    if not keys:
        return
    names = _names(run, keys)
    mailchimp = run.also(open_mailchimp(run.context, audience, tags=names.values()))
    step = Step(
        TAGGING,
        choose=partial(_to_send, run),
        operations=partial(_operations, mailchimp, names),
        settle=_settle,
        kind=TAG,
    )
    carry_out(run, mailchimp, step)


def await_given(run: Run) -> None:
    """See what a plan handed in to its end."""
    await_batches(run, TAGGING, _settle)


def _given(run: Run, session: Session) -> list[Row]:
    rows = run.open_rows(session, TAG)
    return [row for row in rows if row.after is not None and row.key in run.quiet]


def _names(run: Run, keys: set[str]) -> dict[str, str]:
    """What tags are called by now; one that was deleted in Mailchimp is forgotten."""
    there = {segment.id: segment.name for segment in run.mailchimp.segments() if segment.is_tag}
    with run.transaction() as session:
        ids = {key: row.remote_id for key, row in run.owned(session, TAG).items() if key in keys}
    names = {key: there[tag_id] for key, tag_id in ids.items() if tag_id in there}
    for key in keys - names.keys():
        lose(run, key)
    return names


def _to_send(run: Run) -> list[Row]:
    with run.transaction() as session:
        return _given(run, session)


def _operations(
    mailchimp: Mailchimp, names: Mapping[str, str], rows: Sequence[Row]
) -> list[dict[str, str]]:
    return [
        contacts.give_quietly(
            mailchimp, str(group[0].id), group[0].email_key, [names[row.key] for row in group]
        )
        for group in by_member(rows)
    ]


def _settle(session: Session, run: Run, results: Sequence[OperationResult]) -> None:
    sent = [row for row in _given(run, session) if row.status == "sent"]
    group_of = {row.id: group for group in by_member(sent) for row in group}
    ended = [(group_of.get(int(result.operation_id), []), result.error) for result in results]
    settle_members(session, run, TAG, ended)
