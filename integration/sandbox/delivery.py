"""Fake delivery: who gets a campaign when its moment comes, and what readers do with it.

Nothing leaves this computer. A scheduled campaign goes out once the clock has passed its time, to
the subscribed members of its segment at that moment. Reactions follow from the campaign's id and
the address alone, so that every run of a test sees the same ones.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

from integration.sandbox import conditions, hooks
from integration.sandbox.mailing import Campaign, Delivery
from integration.sandbox.state import Audience, Member, SandboxState

#: How long a campaign is under way and can be cancelled.
SENDING_S = 10
#: Of 1,000 readers, how many open, click and unsubscribe.
OPEN, CLICK, UNSUBSCRIBE = 420, 60, 4
_LINK = re.compile(r"""href=["'](https?://[^"'*|]+)["']""")


def tick(state: SandboxState) -> None:
    """Let happen what the clock has passed: campaigns go out, readers unsubscribe."""
    now = state.clock.text()
    for campaign in list(state.mail.campaigns.values()):
        if campaign.type == "rss":
            continue  # feeds are not read here
        if campaign.status == "schedule" and campaign.send_time <= now:
            campaign.status = "sending"
        if campaign.status == "sending" and _arrival(campaign) <= now:
            deliver(state, campaign)
        if campaign.status == "sent":
            _unsubscribe(state, campaign, now)


def _arrival(campaign: Campaign) -> str:
    start = datetime.fromisoformat(campaign.send_time)
    return (start + timedelta(seconds=SENDING_S)).isoformat()


def recipients(state: SandboxState, campaign: Campaign) -> list[Member]:
    """The subscribed members of a campaign's segment as they are now."""
    audience = state.audiences.get(campaign.list_id)
    if audience is None:
        return []
    subscribed = [m for m in audience.members.values() if m.status == "subscribed"]
    options = campaign.segment_opts
    if options is None:
        return subscribed
    saved = options.get("saved_segment_id")
    if saved is not None:
        segment = audience.segments.get(saved)
        if segment is None:
            return []
        if segment.options is None:
            return [m for m in subscribed if saved in m.tags]
        options = segment.options
    return list(filter(conditions.test_of(state, audience, options), subscribed))


def deliver(state: SandboxState, campaign: Campaign) -> None:
    """Send a campaign to everybody it is for."""
    campaign.status = "sent"
    campaign.deliveries = [Delivery(email=m.email) for m in recipients(state, campaign)]
    if state.mail.reacts:
        for delivery in campaign.deliveries:
            _react(campaign, delivery)


def _react(campaign: Campaign, delivery: Delivery) -> None:
    seed = hashlib.sha256(f"{campaign.id}:{delivery.email.lower()}".encode()).digest()
    luck, minutes = int.from_bytes(seed[:4]) % 1000, int.from_bytes(seed[4:6]) % 2880
    opened = datetime.fromisoformat(campaign.send_time) + timedelta(minutes=minutes + 1)
    if luck < OPEN:
        delivery.acts.append({"action": "open", "at": opened.isoformat(), "url": ""})
    urls = links(campaign)
    if luck < CLICK and urls:
        at = (opened + timedelta(minutes=1)).isoformat()
        delivery.acts.append({"action": "click", "at": at, "url": urls[seed[6] % len(urls)]})
    if luck >= 1000 - UNSUBSCRIBE:
        delivery.acts.append({"action": "unsubscribe", "at": opened.isoformat(), "url": ""})


def links(campaign: Campaign) -> list[str]:
    """The addresses that a campaign links to, each once, in order."""
    return list(dict.fromkeys(_LINK.findall(campaign.html)))


def _unsubscribe(state: SandboxState, campaign: Campaign, now: str) -> None:
    audience = state.audiences.get(campaign.list_id)
    if audience is None:
        return
    for delivery in campaign.deliveries:
        for act in delivery.of("unsubscribe", now):
            if "done" not in act:
                act["done"] = "yes"
                leave(state, audience, delivery.email)


def leave(state: SandboxState, audience: Audience, email: str) -> None:
    """Let a reader unsubscribe; one who is gone or has left already stays as he is."""
    member = audience.find(email)
    if member is not None and member.status == "subscribed":
        before = hooks.seen(member)
        member.status, member.left = "unsubscribed", "unsubscribed"
        member.last_changed = state.clock.text()
        hooks.tell(state, audience, before, member, "user")
        state.changed.set()


def react(state: SandboxState, campaign_id: str, act: str, email: str, url: str = "") -> None:
    """Let somebody open, click or unsubscribe from a campaign that he was sent.

    LookupError where he was not, ValueError for another act, or a click where there is no link.
    """
    if act not in ("open", "click", "unsubscribe"):
        raise ValueError("act must be open, click or unsubscribe")
    tick(state)
    campaign = state.mail.campaigns[campaign_id]
    found = [d for d in campaign.deliveries if d.email.lower() == email.lower()]
    if not found:
        raise LookupError("this campaign was not sent to that address")
    if act == "click":
        url = url or next(iter(links(campaign)), "")
        if not url:
            raise ValueError("the campaign has no link")
    found[0].acts.append({"action": act, "at": state.clock.text(), "url": url})
    tick(state)
