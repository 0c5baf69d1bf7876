"""A merchant's rules: made off, shown, tried on himself, and only then switched on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from integration.audience.difference import LIST
from integration.campaigns import content as contents
from integration.campaigns.content import Content
from integration.campaigns.mailed import REST_KIND
from integration.campaigns.moments import send_at
from integration.context import Context
from integration.db import upsert
from integration.tables import Campaign, CampaignRule, Choice, OwnedName, Work
from integration.work.queue import defer

KIND, REPORTS = "campaigns", "reports"
#: The first run also takes those who entered so short before the rule was switched on.
BEFORE = timedelta(days=7)
MOST_PEOPLE = 500
#: Before the fingerprint in `CampaignRule.previewed`: the template is another one since.
_CHANGED = "changed:"
#: Why a run waits whose template is not as it was shown.
TEMPLATE = "template"
#: States of a run in which it can be stopped.
STOPPABLE = ("waiting", "planned", "scheduling", "scheduled")

#: Other campaigns whose fate is still open, or whose report is still coming in.
_LOOKED_AFTER = ("stopping", "stopped_there", "draft", "making", "sent")


class CannotSwitchOn(ValueError):
    """The rule may not write yet; `missing` is "preview" or "test"."""

    def __init__(self, missing: str) -> None:
        self.missing = missing
        what = {"preview": "look at the preview", "test": "send yourself a test"}[missing]
        super().__init__(f"first {what}")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the merchant fills in."""

    segment: str
    language: str
    content: Content
    template_id: int | None
    weekday: int
    hour: int
    most_people: int


def rules(session: Session) -> list[CampaignRule]:
    """Return the rules that are not removed, oldest first."""
    query = select(CampaignRule).where(col(CampaignRule.removed_at).is_(None))
    return list(session.exec(query.order_by(col(CampaignRule.id))))


def keep(
    session: Session, context: Context, audience_id: int, wish: Wish, rule: CampaignRule | None
) -> CampaignRule:
    """Store a new rule or a change of one. A changed text switches it off until it is tried again.

    Raises
    ------
    ValueError
        `BadContent`, or a weekday, hour or number that cannot be.
    """
    if not (0 <= wish.weekday <= 6 and 0 <= wish.hour <= 23 and 1 <= wish.most_people <= 100_000):
        raise ValueError("a weekday from 0 to 6, an hour from 0 to 23, and at least one person")
    document = contents.as_document(wish.content.checked())
    if rule is None:
        rule = CampaignRule(
            account_id=session.info["account_id"],
            audience_id=audience_id,
            segment=wish.segment,
            language=wish.language,
            weekday=wish.weekday,
            hour=wish.hour,
            most_people=wish.most_people,
            created_at=context.clock(),
        )
        session.add(rule)
    rule.segment, rule.language = wish.segment, wish.language
    rule.content, rule.template_id = document, wish.template_id
    rule.weekday, rule.hour, rule.most_people = wish.weekday, wish.hour, wish.most_people
    if rule.is_on and not may_be_on(rule):
        switch_off(session, rule)
    session.flush()
    return rule


def text_of(rule: CampaignRule) -> str:
    """Return the fingerprint of what a rule sends: text, template, language and to whom."""
    what = [rule.template_id, rule.language, rule.segment]
    return contents.fingerprint(rule.content, what)


def was_previewed(rule: CampaignRule) -> None:
    """Note that the merchant saw what the rule sends."""
    rule.previewed = text_of(rule)


def was_changed(rule: CampaignRule) -> bool:
    """Tell whether the template was changed since it was shown; `rendered` is how it is now."""
    return rule.previewed == _CHANGED + text_of(rule)


def saw(rule: CampaignRule, rendered: str) -> bool:
    """Tell whether the merchant saw this very template; one he did not see is kept to be shown."""
    if rule.previewed == text_of(rule) and rule.rendered == rendered:
        return True
    rule.rendered, rule.previewed = rendered, _CHANGED + text_of(rule)
    return False


def may_be_on(rule: CampaignRule) -> bool:
    """Tell whether this very content was shown and tried."""
    return rule.removed_at is None and rule.previewed == rule.tested == text_of(rule)


def switch_on(session: Session, context: Context, rule: CampaignRule) -> None:
    """Let a rule write from its next moment on.

    Raises
    ------
    CannotSwitchOn
    """
    if rule.previewed != text_of(rule):
        raise CannotSwitchOn("preview")
    if not may_be_on(rule):
        raise CannotSwitchOn("test")
    if not rule.is_on:
        rule.is_on, rule.entered_from = True, context.clock() - BEFORE
    start(session)


def switch_off(session: Session, rule: CampaignRule) -> None:
    """Let a rule write nothing more; what is scheduled of it is stopped."""
    rule.is_on = False
    start(session)


def remove(session: Session, context: Context, rule: CampaignRule) -> None:
    """Take a rule away; its history stays."""
    rule.removed_at = context.clock()
    switch_off(session, rule)


def confirm(session: Session, context: Context, run: Campaign) -> bool:
    """Let a run go that waits for a person; False when it does not wait.

    It goes out at its moment, or some hours from now where that is over or too near. A template
    that was changed is accepted with it, as it was rendered for the page.
    """
    if run.kind != "run" or run.status != "waiting" or run.send_at is None:
        return False
    rule = session.get_one(CampaignRule, run.rule_id)
    if run.figures.get("waits", {}).get("key") == TEMPLATE and was_changed(rule):
        was_previewed(rule)
    run.status, run.send_at = "planned", send_at(run.send_at, context.clock())
    start(session)
    return True


def stop(session: Session, run: Campaign) -> bool:
    """Have a run stopped; False when it is over already."""
    if run.kind != "run" or run.status not in STOPPABLE:
        return False
    run.status = "stopping"
    start(session)
    return True


def set_rest_days(session: Session, context: Context, days: int) -> None:
    """Store in how many days somebody gets at most one mail; `ValueError` outside 1 to 365."""
    if not 1 <= days <= 365:
        raise ValueError("from 1 to 365 days")
    row = {"kind": REST_KIND, "subject": "", "value": str(days), "created_at": context.clock()}
    upsert(session, Choice, [row], key=("account_id", "kind", "subject"))


def start(session: Session, kind: str = KIND) -> None:
    """Write down that rules are to be looked at (or reports read), unless that waits already."""
    waiting = select(Work.id).where(Work.kind == kind, Work.status == "queued").limit(1)
    if session.exec(waiting).first() is None:
        account_id = session.info["account_id"]
        lane = f"account:{account_id}:campaigns"
        defer(session, account_id=account_id, kind=kind, lane=lane, payload={})


def look(session: Session) -> None:
    """Have rules looked at where there is anything to look at."""
    on = select(CampaignRule.id).where(col(CampaignRule.is_on)).limit(1)
    left = (
        select(Campaign.id).where(col(Campaign.status).in_((*STOPPABLE, *_LOOKED_AFTER))).limit(1)
    )
    # Tags that keep people out of drafts and flows: a rest ends by itself.
    kept = select(OwnedName.id).where(OwnedName.kind == LIST).limit(1)
    if any(session.exec(query).first() is not None for query in (on, left, kept)):
        start(session)


def ask(session: Session, kind: str, payload: Mapping[str, Any]) -> None:
    """Write down that a draft is to be made or deleted, or a test to be sent."""
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:campaigns"
    defer(session, account_id=account_id, kind=kind, lane=lane, payload=payload)
