"""Runs of rules: made hours before their moment, with the people chosen in the same transaction."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, delete, select

from integration.audience.restraint import left_out
from integration.campaigns import candidates as people
from integration.campaigns import mailed
from integration.campaigns.choose import Chosen, choose, why_it_waits
from integration.campaigns.moments import due_slot
from integration.campaigns.naming import segment_name
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.run import Job
from integration.tables import Account, Audience, Campaign, CampaignPerson, CampaignRule

#: Runs that say what is usual.
_REMEMBERED = 30


def due(context: Context, audience: Audience) -> list[tuple[int, datetime]]:
    """Return the rules whose next run is to be made now, with its moment."""
    now = context.clock()
    with scoped(context.engine, audience.account_id) as session:
        zone = session.get_one(Account, audience.account_id).time_zone
        query = select(CampaignRule).where(
            CampaignRule.audience_id == audience.id,
            col(CampaignRule.is_on),
            col(CampaignRule.removed_at).is_(None),
        )
        found = []
        for rule in session.exec(query.order_by(col(CampaignRule.id))).all():
            slot = due_slot(now, rule.weekday, rule.hour, zone)
            if slot is not None and _run(session, audience, _key(rule, slot)) is None:
                found.append((rule.id or 0, slot))
    return found


def make(context: Context, job: Job, audience: Audience, rule_id: int, slot: datetime) -> None:
    """Choose the people of a run and write both down; once for a rule and a moment."""
    with scoped(context.engine, job.account_id) as session:
        rule = session.get_one(CampaignRule, rule_id)
        if not rule.is_on or _run(session, audience, _key(rule, slot)) is not None:
            return
        _lapse(session, context, rule)
        chosen = _choose(session, audience, rule, slot)
        _store(session, context, audience, rule, slot, chosen)
        session.flush()
        job.extend(session)


def give_up_waiting(context: Context, audience: Audience) -> None:
    """Stop the runs that wait for a person and whose rule was switched off meanwhile."""
    with scoped(context.engine, audience.account_id) as session:
        off = select(CampaignRule.id).where(~col(CampaignRule.is_on))
        query = select(Campaign).where(
            Campaign.audience_id == audience.id,
            Campaign.status == "waiting",
            col(Campaign.rule_id).in_(off),
        )
        for run in session.exec(query).all():
            run.status = "stopping"


def _choose(session: Session, audience: Audience, rule: CampaignRule, slot: datetime) -> Chosen:
    zone = ZoneInfo(session.get_one(Account, audience.account_id).time_zone)
    assert rule.entered_from is not None
    since = rule.entered_from.astimezone(zone).date()
    found = people.candidates(session, audience, rule.segment, since, slot)
    return choose(
        found,
        held_back=left_out(session, audience),
        reached=people.reached(session, {one.person_id for one in found}),
        mailed=mailed.moments(session),
        send_at=slot,
        rest_days=mailed.rest_days(session),
        most_people=rule.most_people,
    )


def _store(
    session: Session,
    context: Context,
    audience: Audience,
    rule: CampaignRule,
    slot: datetime,
    chosen: Chosen,
) -> None:
    number = len(chosen.people)
    contacts = people.contacts(session, audience)
    no_room = chosen.left_out["no_room"]
    usual = _usual(session, rule)
    why = why_it_waits(number, usual=usual, contacts=contacts, no_room=no_room)
    run = Campaign(
        account_id=audience.account_id,
        audience_id=audience.id or 0,
        kind="run",
        key=_key(rule, slot),
        rule_id=rule.id,
        segment=rule.segment,
        title="",
        subject=str(rule.content.get("subject", "")),
        status="empty" if not number else "waiting" if why else "planned",
        send_at=slot,
        people=number,
        figures={"left_out": dict(chosen.left_out), **({"waits": why} if why else {})},
        created_at=context.clock(),
        settled_at=None if number else context.clock(),
    )
    session.add(run)
    session.flush()
    run.title = f"[Stipt {run.id}] {segment_name(session, rule.segment, rule.language)}"
    for one in chosen.people:
        session.add(
            CampaignPerson(
                account_id=audience.account_id,
                audience_id=run.audience_id,
                campaign_id=run.id or 0,
                person_id=one.person_id,
                email_key=one.email_key,
                need=one.need,
            )
        )


def _lapse(session: Session, context: Context, rule: CampaignRule) -> None:
    """A run that nobody confirmed until the next one gives its people back."""
    query = select(Campaign).where(Campaign.rule_id == rule.id, Campaign.status == "waiting")
    for run in session.exec(query).all():
        run.status, run.settled_at = "lapsed", context.clock()
        session.exec(delete(CampaignPerson).where(col(CampaignPerson.campaign_id) == run.id))


def _usual(session: Session, rule: CampaignRule) -> list[int]:
    query = select(Campaign).where(Campaign.rule_id == rule.id, Campaign.status == "sent")
    sent = session.exec(query.order_by(col(Campaign.id).desc()).limit(_REMEMBERED))
    return [run.people + run.figures.get("left_out", {}).get("no_room", 0) for run in sent]


def _key(rule: CampaignRule, slot: datetime) -> str:
    return f"run:{rule.id}:{slot:%Y-%m-%dT%H:%M}"


def _run(session: Session, audience: Audience, key: str) -> Campaign | None:
    query = select(Campaign).where(Campaign.audience_id == audience.id, Campaign.key == key)
    return session.exec(query).first()
