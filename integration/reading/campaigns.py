"""What the page of campaigns shows: drafts, rules with their next run, history, and previews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from integration.audience import names
from integration.audience.wanted import need_names
from integration.campaigns import rules
from integration.campaigns.content import Content, seen_by
from integration.campaigns.moments import next_slot
from integration.campaigns.naming import segment_name
from integration.reading.names import shop_segments
from integration.reading.segments import Who, who
from integration.tables import (
    Account,
    Campaign,
    CampaignRule,
    Identity,
    PushedValue,
    SegmentMember,
    SourceProfile,
    Work,
)
from segmentation.duedates.needs import name_of

KINDS = (rules.KIND, rules.REPORTS, "draft", "show_mail", "test_mail")
_EXAMPLES, _SHOWN = 3, 50


@dataclass(frozen=True)
class RuleRow:
    """A rule and when it writes next."""

    rule: CampaignRule
    name: str
    next_at: datetime | None
    may_be_on: bool


@dataclass(frozen=True)
class Example:
    """A mail as one person reads it."""

    who: Who
    content: Content


def rule_rows(session: Session, language: str, now: datetime) -> list[RuleRow]:
    """Return the rules, oldest first."""
    zone = session.get_one(Account, session.info["account_id"]).time_zone
    return [
        RuleRow(
            rule,
            segment_name(session, rule.segment, language),
            next_slot(now, rule.weekday, rule.hour, zone) if rule.is_on else None,
            rules.may_be_on(rule),
        )
        for rule in rules.rules(session)
    ]


def campaigns(session: Session, kind: str) -> list[Campaign]:
    """Return drafts or runs, newest first."""
    query = select(Campaign).where(Campaign.kind == kind, Campaign.status != "deleted")
    return list(session.exec(query.order_by(col(Campaign.id).desc()).limit(_SHOWN)))


def waiting(session: Session, rule: CampaignRule) -> Campaign | None:
    """Return a rule's run that waits for a person."""
    query = select(Campaign).where(Campaign.rule_id == rule.id, Campaign.status == "waiting")
    return session.exec(query).first()


def segments(session: Session, language: str) -> list[tuple[str, str, int]]:
    """Return key, name and size of every segment that somebody is in and mail could go to."""
    query = select(SegmentMember.segment, func.count()).group_by(SegmentMember.segment)
    sizes = dict(session.exec(query).all())
    keys = [key for key in sizes if key.partition(":")[0] not in ("test", "b2b")]
    # All at once: the names come from a large fit, which takes long to read for every segment.
    needs = need_names(session)
    found = names.tag_names(keys, language, needs, shop_segments(session, needs))
    rows = [(key, found.get(key, key), sizes[key]) for key in keys]
    return sorted(rows, key=lambda row: row[1])


def examples(session: Session, segment: str, content: Content, language: str) -> list[Example]:
    """Return a mail as some people in the segment read it."""
    query = select(SegmentMember.person_id).where(SegmentMember.segment == segment)
    ids = list(session.exec(query.order_by(col(SegmentMember.person_id)).limit(_EXAMPLES)))
    shop = session.get_one(Account, session.info["account_id"]).name
    shown = who(session, ids)
    return [
        Example(shown[key], as_read(content, _values(session, key, segment, language), shop))
        for key in ids
    ]


def as_read(content: Content, values: Mapping[str, str], shop: str) -> Content:
    """Return a content with every merge tag filled in."""
    return Content(
        subject=seen_by(content.subject, values, shop, is_html=False),
        preview=seen_by(content.preview, values, shop, is_html=False),
        heading=seen_by(content.heading, values, shop, is_html=False),
        text=seen_by(content.text, values, shop, is_html=False),
        button=content.button,
        url=content.url,
    )


def _values(session: Session, person_id: int, segment: str, language: str) -> dict[str, str]:
    profiles = session.exec(select(SourceProfile).where(SourceProfile.person_id == person_id)).all()
    addresses = session.exec(
        select(Identity.value).where(
            Identity.kind == "email", col(Identity.profile_id).in_([p.id for p in profiles])
        )
    ).all()
    pushed = select(PushedValue.key, PushedValue.value).where(
        PushedValue.kind == "field", col(PushedValue.email_key).in_(addresses)
    )
    values = dict(session.exec(pushed).all())
    group, _, rest = segment.partition(":")
    need = rest.partition(":")[0]
    if group == "due" and need != "anything" and "DUEWHAT" not in values:
        values["DUEWHAT"] = (need_names(session).get(need) or name_of(need)).singular(language)
    first = next((p.first_name for p in profiles if p.first_name), "")
    return {**values, "FNAME": first or ""}


def current_work(session: Session) -> Work | None:
    """Return work about campaigns that runs or waits for its turn."""
    busy = select(Work).where(
        col(Work.kind).in_(KINDS), col(Work.status).in_(("queued", "running"))
    )
    return session.exec(busy.order_by(col(Work.id)).limit(1)).first()
