"""Whether a flow really ran: a contact whom we gave its starting point got a mail of it.

Mailchimp lists no flows. What it shows is the feed of a contact: a mail that went out after the
starting point, and that no newsletter of the account is, came from a flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.flows.recipes import RECIPES, Recipe, starts
from integration.mailchimp import events
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NotFound
from integration.mailchimp.events import SentMail
from integration.mailchimp.run import Job
from integration.tables import Audience, FlowLook, Plan, PlanChange, ToldEvent

#: Contacts of a recipe whose feeds are read, the newest first, and how far back.
CONTACTS, WITHIN = 5, timedelta(days=30)
#: Our clock and Mailchimp's differ.
_SLACK = timedelta(minutes=5)

Started = tuple[str, datetime]


def look(
    context: Context, audience: Audience, *, job: Job | None = None, again: bool = False
) -> int:
    """Look for the mails of flows, and store which were seen; return how many are live.

    Parameters
    ----------
    again
        Look for those too that were seen before.

    Raises
    ------
    MailchimpError
    """
    now = context.clock()
    with scoped(context.engine, audience.account_id) as session:
        known = looks(session, audience)
        wanted = [
            (recipe, started(session, audience, recipe, now))
            for recipe in RECIPES
            if again or known[recipe.key].seen_at is None
        ]
    wanted = [(recipe, found) for recipe, found in wanted if found]
    if wanted:
        mailchimp = open_mailchimp(context, audience)
        earliest = min(at for _, found in wanted for _, at in found) - _SLACK
        others = events.newsletters(mailchimp, earliest)
        for recipe, found in wanted:
            if job is not None:
                job.report(None)
            mail = _mail(mailchimp, found, others)
            _store(context, audience, recipe, len(found), mail, now)
    with scoped(context.engine, audience.account_id) as session:
        return sum(row.seen_at is not None for row in looks(session, audience).values())


def looks(session: Session, audience: Audience) -> dict[str, FlowLook]:
    """Return what is known of every recipe's flow; those never looked at are not stored."""
    query = select(FlowLook).where(FlowLook.audience_id == audience.id)
    stored = {row.recipe: row for row in session.exec(query)}
    return {
        recipe.key: stored.get(recipe.key)
        or FlowLook(account_id=audience.account_id, audience_id=audience.id or 0, recipe=recipe.key)
        for recipe in RECIPES
    }


def started(session: Session, audience: Audience, recipe: Recipe, now: datetime) -> list[Started]:
    """Return contacts whom we gave a recipe's starting point lately, and when; newest first."""
    found = _by_event(session, audience, recipe, now) + _by_tag(session, audience, recipe, now)
    return sorted(found, key=lambda one: one[1], reverse=True)[:CONTACTS]


def _by_event(session: Session, audience: Audience, recipe: Recipe, now: datetime) -> list[Started]:
    query = (
        select(ToldEvent.email_key, ToldEvent.occurred_at)
        .where(
            ToldEvent.audience_id == audience.id,
            ToldEvent.kind == recipe.kind,
            ToldEvent.status == "done",
            col(ToldEvent.is_syncing).is_(False),
            col(ToldEvent.occurred_at) > now - WITHIN,
        )
        .order_by(col(ToldEvent.occurred_at).desc())
        .limit(CONTACTS)
    )
    return list(session.exec(query).all())


def _by_tag(session: Session, audience: Audience, recipe: Recipe, now: datetime) -> list[Started]:
    published = (
        select(Plan)
        .where(
            Plan.audience_id == audience.id,
            Plan.kind == "push",
            Plan.status == "published",
            col(Plan.published_at) > now - WITHIN,
        )
        .order_by(col(Plan.published_at).desc())
    )
    found: list[Started] = []
    for plan in session.exec(published):
        given = select(PlanChange.email_key, PlanChange.key).where(
            PlanChange.plan_id == plan.id,
            PlanChange.kind == "tag",
            PlanChange.status == "done",
            col(PlanChange.after).is_not(None),
        )
        rows = session.exec(given.order_by(col(PlanChange.id)))
        who = [email_key for email_key, segment in rows if starts(recipe, segment)]
        # A plan's mails may go out while it is still being published.
        took = timedelta(seconds=float(plan.outcome.get("seconds", 0)))
        began = (plan.published_at or now) - took
        found += [(email_key, began) for email_key in dict.fromkeys(who)]
        if len(found) >= CONTACTS:
            break
    return found[:CONTACTS]


def _mail(mailchimp: Mailchimp, found: Sequence[Started], newsletters: set[str]) -> SentMail | None:
    """Return the first mail of a flow that one of the contacts got after his starting point."""
    for email_key, at in found:
        try:
            sent = list(events.mails(mailchimp, email_key))
        except NotFound:
            continue  # gone since
        after = [m for m in sent if m.at >= at - _SLACK and m.campaign_id not in newsletters]
        if after:
            return min(after, key=lambda mail: mail.at)
    return None


def _store(
    context: Context,
    audience: Audience,
    recipe: Recipe,
    contacts: int,
    mail: SentMail | None,
    now: datetime,
) -> None:
    with scoped(context.engine, audience.account_id) as session:
        row = looks(session, audience)[recipe.key]
        row.looked_at, row.looked_at_contacts = now, contacts
        if mail is not None:
            row.seen_at, row.title = mail.at, mail.title
        session.add(row)
