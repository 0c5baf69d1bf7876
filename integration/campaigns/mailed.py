"""Who had mail of ours lately: the one notion that rules, flows and drafts share.

What counts is the mail of a rule's run, also one that is still to go out, a draft of ours that the
marketer sent, and an event that starts a flow. Nobody gets the next within the days of rest; among
events of one kind its own days count.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlmodel import Session, col, select

from integration.campaigns import sent_drafts
from integration.campaigns.candidates import HELD, owners
from integration.campaigns.choose import is_resting
from integration.tables import Campaign, CampaignPerson, Choice, ToldEvent

#: `Choice.kind` of how often somebody may get mail of ours; its value is days.
REST_KIND = "mail_rest"
REST_DAYS = 14
#: States of an event that (may) have reached the person, or is about to.
_TOLD = ("todo", "sent", "done")


def rest_days(session: Session) -> int:
    """Return in how many days somebody gets at most one mail of ours."""
    row = session.exec(select(Choice).where(Choice.kind == REST_KIND)).first()
    return int(row.value) if row is not None else REST_DAYS


def resting(
    session: Session, at: datetime, *, other_than: str = "", told_before: datetime | None = None
) -> set[int]:
    """Return the persons for whom a mail at a moment would come too soon.

    Parameters
    ----------
    other_than
        A kind of event that does not count: how often it comes is its own matter.
    told_before
        Later events do not count.
    """
    days = rest_days(session)
    events = _events(session, other_than, told_before)
    found = _by_person(session, [*_mails(session), *_drafts(session), *events])
    return {person_id for person_id, some in found.items() if is_resting(some, at, days)}


def moments(session: Session, *, other_than: int = 0) -> dict[int, list[datetime]]:
    """Return the moments of our mails by person, planned ones and other audiences' too.

    Parameters
    ----------
    other_than
        A run that does not count: it is the one that is asked about.
    """
    mails = [*_mails(session, other_than), *_drafts(session), *_events(session)]
    return _by_person(session, mails)


_Row = tuple[int, str, datetime]


def _by_person(session: Session, rows: list[_Row]) -> dict[int, list[datetime]]:
    owner = owners(session)
    found: dict[int, list[datetime]] = defaultdict(list)
    for person_id, email_key, at in rows:
        # People are merged, and the address may be another's by now.
        for one in {person_id, owner.get(email_key, person_id)}:
            found[one].append(at)
    return found


def _mails(session: Session, other_than: int = 0) -> list[_Row]:
    query = (
        select(CampaignPerson.person_id, CampaignPerson.email_key, Campaign.send_at)
        .join(Campaign, col(Campaign.id) == col(CampaignPerson.campaign_id))
        .where(col(Campaign.status).in_(HELD), Campaign.id != other_than)
    )
    return [(person, key, at) for person, key, at in session.exec(query) if at is not None]


def _drafts(session: Session) -> list[_Row]:
    # Without an address: of a profile it is always known whose it is by now.
    return [(one.person_id, "", one.at) for one in sent_drafts.got(session)]


def _events(
    session: Session, other_than: str = "", told_before: datetime | None = None
) -> list[_Row]:
    query = select(ToldEvent.person_id, ToldEvent.email_key, ToldEvent.occurred_at).where(
        col(ToldEvent.is_syncing).is_(False),
        col(ToldEvent.status).in_(_TOLD),
        ToldEvent.kind != other_than,
    )
    if told_before is not None:
        query = query.where(col(ToldEvent.occurred_at) <= told_before)
    return list(session.exec(query).all())
