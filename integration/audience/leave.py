"""Leaving an audience: what of ours is in it, taking that out, disconnecting, moving to another."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from integration.audience import hooks, languages, members, signin
from integration.audience.connect import choose, current_audience, let_go
from integration.audience.contents import look_at
from integration.audience.difference import FIELD, TAG, Change
from integration.audience.members import read_members
from integration.audience.names import LANGUAGE
from integration.audience.plan import Summary, estimate, pushed, store, unsure
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import leave_out
from integration.mailchimp.errors import MailchimpError, NoAudience
from integration.mailchimp.push import publish
from integration.mailchimp.withdraw import withdraw
from integration.tables import Audience, OwnedName, Plan, PushedValue
from integration.work.queue import Job, defer

log = logging.getLogger(__name__)

#: What follows taking out.
DISCONNECT, MOVE = "disconnect", "move"


class NotAllOut(RuntimeError):
    """Something of ours is still in the audience; the text says how much."""


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What we made or wrote in an audience."""

    tags: list[str]
    fields: list[str]
    #: Saved segments and whatever else stands in the ownership ledger.
    others: list[str]
    #: Contacts that carry a tag or field value of ours.
    contacts: int
    values: int

    @property
    def is_nothing(self) -> bool:
        """Whether the audience is as if we had never been there."""
        return not (self.tags or self.fields or self.others or self.values)


def ours(session: Session, audience_id: int) -> Ours:
    """Return what is ours in an audience, by our own books."""
    owned = session.exec(select(OwnedName).where(OwnedName.audience_id == audience_id)).all()
    mine = PushedValue.audience_id == audience_id
    contacts = select(func.count(func.distinct(PushedValue.email_key))).where(mine)
    values = select(func.count()).select_from(PushedValue).where(mine)
    return Ours(
        tags=sorted(row.name for row in owned if row.kind == TAG),
        fields=sorted(row.name for row in owned if row.kind == FIELD),
        others=sorted(row.name for row in owned if row.kind not in (TAG, FIELD)),
        contacts=session.exec(contacts).one(),
        values=session.exec(values).one(),
    )


def ask_to_take_out(session: Session, then: Mapping[str, Any]) -> None:
    """Write down that everything of ours is taken out, and what comes after."""
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:push"
    defer(session, account_id=account_id, kind="take_out", lane=lane, payload={"then": dict(then)})


def take_out(context: Context, job: Job) -> None:
    """Take everything of ours out of the audience, then disconnect or move to another.

    Raises
    ------
    NotAllOut
        Mailchimp refused some of it: the connection stays, and the next try goes on.
    MailchimpError
    """
    audience = current_audience(context, job.account_id)
    then = job.payload["then"]
    if audience.id != then["from"]:
        return  # an earlier try came to the end
    withdraw(context, audience)
    plan_id = _begun(context, audience)
    if plan_id is None:
        read_members(context, audience, lease=job)
        plan_id = _make_removal(context, job, audience)
    publish(context, job, plan_id)
    _check_all_is_out(context, audience, plan_id)
    leave_out.remove(context, audience)
    job.extend()
    if then["do"] == MOVE:
        move(context, job.account_id)
    else:
        disconnect(context, job.account_id)


def _check_all_is_out(context: Context, audience: Audience, plan_id: int) -> None:
    with scoped(context.engine, audience.account_id) as session:
        plan = session.get_one(Plan, plan_id)
    if plan.status != "published":
        # Without the connection nobody could take the rest out.
        raise NotAllOut(str(plan.outcome.get("error", "not everything is taken out: try again")))


def _begun(context: Context, audience: Audience) -> int | None:
    """Return the removal that an earlier try of this job made."""
    query = select(Plan).where(Plan.audience_id == audience.id).order_by(col(Plan.id).desc())
    with scoped(context.engine, audience.account_id) as session:
        newest = session.exec(query).first()
    if newest is None or newest.kind != "undo" or newest.undoes is not None:
        return None
    return newest.id if newest.status in ("draft", "publishing", "failed", "published") else None


def _make_removal(context: Context, job: Job, audience: Audience) -> int:
    """Store the plan that takes every tag and value of ours from everybody who has it."""
    with scoped(context.engine, audience.account_id) as session:
        held, sent = pushed(session, audience), unsure(session, audience)
        theirs = languages.chosen_since(session, audience)
        changes = [
            Change(email, kind, key, held.get(email, {}).get((kind, key), ""), None)
            for email in sorted({*held, *sent})
            for kind, key in sorted({*held.get(email, {}), *sent.get(email, ())})
            if kind in (TAG, FIELD) and not (key == LANGUAGE and email in theirs)
        ]
        summary = _summary(session, audience, changes)
        made = store(context, session, audience, changes, summary, {})
        made.kind = "undo"  # of no plan in particular: everything goes
        session.flush()
        job.extend(session)
        assert made.id is not None
        return made.id


def _summary(session: Session, audience: Audience, changes: list[Change]) -> Summary:
    by_name: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        by_name.setdefault((change.kind, change.key), []).append(change)
    owned = session.exec(select(OwnedName).where(OwnedName.audience_id == audience.id)).all()
    names = {(row.kind, row.key): row.name for row in owned}
    requests, seconds = estimate(by_name, created=0)

    def rows(kind: str, **zero: Any) -> list[dict[str, Any]]:
        lost = "remove" if kind == TAG else "clear"
        return [
            {"key": key, "name": names.get((kind, key), key), lost: len(group), **zero}
            for (of, key), group in sorted(by_name.items())
            if of == kind
        ]

    return Summary(
        new_tags=[],
        new_fields=[],
        tags=rows(TAG, add=0, examples=[]),
        floods=[],
        quiet=True,
        fields=rows(FIELD, set=0),
        names=[],
        fields_left=0,
        members=len({change.email_key for change in changes}),
        contacts_added=0,
        contacts_pending=0,
        contacts_archived=0,
        not_added={},
        subscriptions_changed=0,
        requests=requests,
        seconds=seconds,
        left_out={},
        warnings=[],
    )


def disconnect(context: Context, account_id: int, *, is_copy: bool = False) -> list[str]:
    """End the connection: the token is deleted at once, what went on by itself is switched off.

    Scheduled mail is stopped and our webhooks are deleted at Mailchimp where it lets us; what else
    is ours there stays.

    Parameters
    ----------
    is_copy
        This installation is a copy of one that goes on: nothing is asked of Mailchimp.

    Returns
    -------
    Titles of campaigns that may still go out, because Mailchimp did not let us stop them.
    """
    audience = current_audience(context, account_id)
    remaining = [] if is_copy else _end_there(context, audience)
    with scoped(context.engine, account_id) as session:
        let_go(session, session.get_one(Audience, audience.id), context.clock())
        signin.forget(session)
    return remaining


def _end_there(context: Context, audience: Audience) -> list[str]:
    """Stop scheduled mail and delete our webhooks in an audience, as far as Mailchimp lets us.

    Returns
    -------
    Titles of campaigns that may still go out.
    """
    remaining = withdraw(context, audience)
    try:
        hooks.remove(context, audience)
    except MailchimpError as error:
        # The merchant wants to be rid of us: that does not wait for Mailchimp.
        log.warning("Webhooks stay at Mailchimp: %s", type(error).__name__)
    return remaining


def move(context: Context, account_id: int) -> Audience:
    """Connect the audience that was picked in place of the present one, which is left as
    `disconnect` leaves it.

    Raises
    ------
    NothingBegun
    CannotConnect, MailchimpError
    """
    account = signin.pending(context, account_id)
    with scoped(context.engine, account_id) as session:
        row = signin.current(context, session)
        if row is None or not row.list_id:
            raise signin.NothingBegun("choose an audience first")
        list_id, language = row.list_id, row.language
    if list_id in {info.id for info in account.audiences}:
        _end_in_other(context, account_id, list_id)
    audience = choose(context, account_id, account, list_id=list_id, language=language)
    with scoped(context.engine, account_id) as session:
        signin.forget(session)
        members.start(session)
    with suppress(MailchimpError):  # its page offers to look again
        look_at(context, audience)
    return audience


def _end_in_other(context: Context, account_id: int, list_id: str) -> None:
    with suppress(NoAudience):
        present = current_audience(context, account_id)
        if present.list_id != list_id:
            _end_there(context, present)
