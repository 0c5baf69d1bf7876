"""The people of a run: who must not get it by now, and the static segment with the others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sqlmodel import Session, col, delete, select

from integration.audience import names
from integration.audience.restraint import left_out
from integration.audience.wanted import out_of_reach
from integration.campaigns import candidates, mailed
from integration.campaigns.choose import is_resting
from integration.mailchimp.errors import NotFound
from integration.mailchimp.lists import set_list
from integration.mailchimp.rule_runs.run import RUN, Run
from integration.tables import Campaign, CampaignPerson, OwnedName


def bring_in_step(run: Run) -> bool:
    """Let the run's static segment hold those who may still get it; False when nobody may.

    Compared with the ledger always: an earlier try may have ended in between.

    Raises
    ------
    MailchimpError
        `NotFound` where the segment was deleted in Mailchimp.
    """
    tag_id = _tag(run)
    wanted = _who_may(run)
    refused = set_list(run.mailchimp, tag_id, wanted)
    if refused:
        with run.step() as session:
            _drop(run, session, refused, "not_subscribed")
    return bool(wanted)


def remove_list(run: Run) -> None:
    """Delete the run's static segment, which an earlier try may have made without hearing so."""
    row, _rule = run.look()
    tag_id = row.tag_id
    if tag_id is None and row.tag_name:
        there = run.mailchimp.segments()
        tag_id = next((s.id for s in there if s.is_tag and s.name == row.tag_name), None)
    if tag_id is not None:
        with suppress(NotFound):  # an earlier try did it
            run.mailchimp.delete_tag(tag_id)
    with run.step() as session:
        stored, _rule = run.of(session)
        stored.tag_id, stored.tag_name = None, ""
        session.exec(
            delete(OwnedName).where(
                col(OwnedName.audience_id) == stored.audience_id,
                col(OwnedName.kind) == RUN,
                col(OwnedName.key) == f"run:{stored.id}",
            )
        )


def _tag(run: Run) -> int:
    row, _rule = run.look()
    if row.tag_id is not None:
        return row.tag_id
    there = run.mailchimp.segments()
    if not row.tag_name:
        taken = {segment.name.casefold() for segment in there}
        name = names.free_tag_name(_list_name(row), taken)
        with run.step() as session:
            run.of(session)[0].tag_name = row.tag_name = name
    made = next((s.id for s in there if s.is_tag and s.name == row.tag_name), None)
    tag_id = run.mailchimp.create_tag(row.tag_name) if made is None else made
    with run.step() as session:
        run.of(session)[0].tag_id = tag_id
        session.add(
            OwnedName(
                account_id=row.account_id,
                audience_id=row.audience_id,
                kind=RUN,
                key=f"run:{row.id}",
                name=row.tag_name,
                remote_id=tag_id,
            )
        )
    return tag_id


def _list_name(row: Campaign) -> str:
    """Words that people understand when they meet it among their tags."""
    return f"Stipt mail {row.id}: {row.title.partition('] ')[2]}"


def _who_may(run: Run) -> set[str]:
    """Addresses of the run; who must not get it by now is taken off first."""
    with run.step() as session:
        why_not = _why_not(run, session)
        query = select(CampaignPerson).where(CampaignPerson.campaign_id == run.id)
        for row in session.exec(query).all():
            reason = why_not(row)
            if reason:
                _drop(run, session, {row.email_key}, reason)
        left = select(CampaignPerson.email_key).where(CampaignPerson.campaign_id == run.id)
        return set(session.exec(left))


def _why_not(run: Run, session: Session) -> Callable[[CampaignPerson], str]:
    """Tell why somebody chosen must not get it by now: held back, out of reach, bought, rests."""
    stored, rule = run.of(session)
    assert stored.send_at is not None
    send_at, rest_days = stored.send_at, mailed.rest_days(session)
    others = mailed.moments(session, other_than=run.id)
    held = left_out(session, run.audience)
    unreachable = out_of_reach(session, run.audience.id or 0)
    owners = candidates.owners(session)
    is_open = candidates.open_needs(session, rule.segment)

    def reason(row: CampaignPerson) -> str:
        # People are merged after they were chosen.
        person_id = owners.get(row.email_key, row.person_id)
        for one in (row.person_id, person_id):
            if one in held:
                return held[one]
        if row.email_key in unreachable:
            return "not_subscribed"
        if not is_open(person_id, row.need):
            return "left_segment"
        # Its moment may be another by now, or that of a mail beside it.
        moments = (*others.get(row.person_id, ()), *others.get(person_id, ()))
        return "resting" if is_resting(moments, send_at, rest_days) else ""

    return reason


def _drop(run: Run, session: Session, addresses: set[str], reason: str) -> None:
    for email_key in addresses:
        session.exec(
            delete(CampaignPerson).where(
                col(CampaignPerson.campaign_id) == run.id,
                col(CampaignPerson.email_key) == email_key,
            )
        )
    row, _rule = run.of(session)
    counts = dict(row.figures.get("left_out", {}))
    counts[reason] = counts.get(reason, 0) + len(addresses)
    row.figures = {**row.figures, "left_out": counts}
    row.people -= len(addresses)
