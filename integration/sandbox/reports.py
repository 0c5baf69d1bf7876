"""Reports `/reports`: what became of a campaign, as far as the clock has come."""

from __future__ import annotations

import hashlib
from typing import Any

from integration.sandbox.call import Answer, Call
from integration.sandbox.delivery import links
from integration.sandbox.mailing import Campaign, Delivery
from integration.sandbox.members import document as member_document
from integration.sandbox.problems import not_found
from integration.sandbox.shape import Document, moment, page
from integration.sandbox.state import SandboxState, subscriber_hash

Acts = list[tuple[Delivery, dict[str, str]]]


def _acts(state: SandboxState, campaign: Campaign, action: str) -> Acts:
    now = state.clock.text()
    return [(d, act) for d in campaign.deliveries for act in d.of(action, now)]


def _people(acts: Acts) -> int:
    return len({delivery.email.lower() for delivery, _act in acts})


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def summary(state: SandboxState, campaign: Campaign) -> Document:
    """The figures that a campaign itself shows."""
    sent = len(campaign.deliveries)
    opens, clicks = _acts(state, campaign, "open"), _acts(state, campaign, "click")
    return {
        "opens": len(opens),
        "unique_opens": _people(opens),
        "open_rate": _rate(_people(opens), sent),
        "clicks": len(clicks),
        "subscriber_clicks": _people(clicks),
        "click_rate": _rate(_people(clicks), sent),
        "ecommerce": {"total_orders": 0, "total_spent": 0, "total_revenue": 0},
    }


def report(state: SandboxState, campaign: Campaign) -> Document:
    """The whole report of a campaign that was sent."""
    audience = state.audiences.get(campaign.list_id)
    sent = len(campaign.deliveries)
    opens, clicks = _acts(state, campaign, "open"), _acts(state, campaign, "click")
    return {
        "id": campaign.id,
        "campaign_title": campaign.settings.get("title", ""),
        "type": campaign.type,
        "list_id": campaign.list_id,
        "list_is_active": audience is not None,
        "list_name": audience.name if audience else "",
        "subject_line": campaign.settings.get("subject_line", ""),
        "preview_text": campaign.settings.get("preview_text", ""),
        "emails_sent": sent,
        "abuse_reports": 0,
        "unsubscribed": _people(_acts(state, campaign, "unsubscribe")),
        "send_time": campaign.send_time,
        "bounces": {"hard_bounces": 0, "soft_bounces": 0, "syntax_errors": 0},
        "forwards": {"forwards_count": 0, "forwards_opens": 0},
        "opens": {
            "opens_total": len(opens),
            "unique_opens": _people(opens),
            "open_rate": _rate(_people(opens), sent),
            **_last("last_open", opens),
        },
        "clicks": {
            "clicks_total": len(clicks),
            "unique_clicks": len({(d.email, act["url"]) for d, act in clicks}),
            "unique_subscriber_clicks": _people(clicks),
            "click_rate": _rate(_people(clicks), sent),
            **_last("last_click", clicks),
        },
        "ecommerce": {"total_orders": 0, "total_spent": 0, "total_revenue": 0},
        "delivery_status": {
            "enabled": True,
            "can_cancel": False,
            "status": "delivered",
            "emails_sent": sent,
            "emails_canceled": 0,
        },
    }


def _last(name: str, acts: Acts) -> dict[str, str]:
    return {name: max(act["at"] for _d, act in acts)} if acts else {}


def _find(call: Call, campaign_id: str) -> Campaign:
    campaign = call.state.mail.campaigns.get(campaign_id)
    if campaign is None or campaign.status != "sent":
        raise not_found()
    return campaign


def get_all(call: Call) -> Answer:
    """GET: of every campaign that was sent, newest first."""
    sent = [c for c in call.state.mail.campaigns.values() if c.status == "sent"]
    rows = sorted(sent, key=lambda c: c.send_time, reverse=True)
    return 200, page("reports", rows, call.query, lambda c: report(call.state, c))


def get_one(call: Call, campaign_id: str) -> Answer:
    """GET: one."""
    return 200, report(call.state, _find(call, campaign_id))


def _about(campaign: Campaign, email: str) -> Document:
    return {
        "email_id": subscriber_hash(email),
        "email_address": email,
        "campaign_id": campaign.id,
        "list_id": campaign.list_id,
        "list_is_active": True,
    }


def _whole(state: SandboxState, campaign: Campaign, email: str) -> Document:
    """What most rows repeat: who it is, with his fields."""
    audience = state.audiences.get(campaign.list_id)
    member = audience.find(email) if audience else None
    held: dict[str, Any] = {"merge_fields": {}, "vip": False}
    if audience and member:
        shown = member_document(audience, member)
        held = {name: shown[name] for name in held}
    return {**_about(campaign, email), **held}


def _status(state: SandboxState, campaign: Campaign, email: str) -> str:
    audience = state.audiences.get(campaign.list_id)
    member = audience.find(email) if audience else None
    return member.status if member else "deleted"


def get_activity(call: Call, campaign_id: str) -> Answer:
    """GET: opens and clicks of each recipient, after `since` when asked."""
    state, campaign = call.state, _find(call, campaign_id)
    now = state.clock.text()
    since = moment(call.query["since"]) if "since" in call.query else ""

    def row(delivery: Delivery) -> Document:
        acts = [*delivery.of("open", now), *delivery.of("click", now)]
        shown = [
            {
                "action": act["action"],
                "timestamp": act["at"],
                "ip": "192.0.2.1",
                **({"url": act["url"]} if act["url"] else {}),
            }
            for act in sorted(acts, key=lambda act: act["at"])
            if act["at"] > since
        ]
        return {**_about(campaign, delivery.email), "activity": shown}

    return 200, page("emails", campaign.deliveries, call.query, row, campaign_id=campaign.id)


def get_sent_to(call: Call, campaign_id: str) -> Answer:
    """GET: everybody it was sent to."""
    state, campaign = call.state, _find(call, campaign_id)
    now = state.clock.text()

    def row(delivery: Delivery) -> Document:
        opens = [(delivery, act) for act in delivery.of("open", now)]
        return {
            **_whole(state, campaign, delivery.email),
            "status": "sent",
            "open_count": len(opens),
            "gmt_offset": 0,
            **_last("last_open", opens),
        }

    return 200, page("sent_to", campaign.deliveries, call.query, row, campaign_id=campaign.id)


def get_opens(call: Call, campaign_id: str) -> Answer:
    """GET: who opened it, and when."""
    state, campaign = call.state, _find(call, campaign_id)
    now = state.clock.text()
    since = moment(call.query["since"]) if "since" in call.query else ""

    def opened(delivery: Delivery) -> list[str]:
        return [act["at"] for act in delivery.of("open", now) if act["at"] > since]

    def row(delivery: Delivery) -> Document:
        moments = opened(delivery)
        return {
            **_whole(state, campaign, delivery.email),
            "contact_status": _status(state, campaign, delivery.email),
            "opens_count": len(moments),
            "opens": [{"timestamp": at} for at in moments],
        }

    rows = [delivery for delivery in campaign.deliveries if opened(delivery)]
    total = sum(len(opened(delivery)) for delivery in rows)
    body = page("members", rows, call.query, row, campaign_id=campaign.id, total_opens=total)
    return 200, body


def link_id(url: str) -> str:
    """The id of a link in a report."""
    return hashlib.sha256(url.encode()).hexdigest()[:10]


def _clicked(state: SandboxState, campaign: Campaign) -> dict[str, Acts]:
    found: dict[str, Acts] = {url: [] for url in links(campaign)}
    for delivery, act in _acts(state, campaign, "click"):
        found.setdefault(act["url"], []).append((delivery, act))
    return found


def get_clicks(call: Call, campaign_id: str) -> Answer:
    """GET: every link with its clicks."""
    campaign = _find(call, campaign_id)
    clicked = _clicked(call.state, campaign)
    total, people = sum(map(len, clicked.values())), sum(map(_people, clicked.values()))

    def row(url: str) -> Document:
        acts = clicked[url]
        return {
            "id": link_id(url),
            "url": url,
            "campaign_id": campaign.id,
            "total_clicks": len(acts),
            "click_percentage": _rate(len(acts), total),
            "unique_clicks": _people(acts),
            "unique_click_percentage": _rate(_people(acts), people),
            **_last("last_click", acts),
        }

    return 200, page("urls_clicked", list(clicked), call.query, row, campaign_id=campaign.id)


def get_click_members(call: Call, campaign_id: str, link: str) -> Answer:
    """GET: who clicked a link."""
    state, campaign = call.state, _find(call, campaign_id)
    by_id = {link_id(url): acts for url, acts in _clicked(state, campaign).items()}
    if link not in by_id:
        raise not_found()
    counts: dict[str, int] = {}
    for delivery, _act in by_id[link]:
        counts[delivery.email] = counts.get(delivery.email, 0) + 1

    def row(email: str) -> Document:
        return {
            **_whole(state, campaign, email),
            "contact_status": _status(state, campaign, email),
            "clicks": counts[email],
            "url_id": link,
        }

    return 200, page("members", list(counts), call.query, row, campaign_id=campaign.id)


def get_unsubscribed(call: Call, campaign_id: str) -> Answer:
    """GET: who left because of it."""
    state, campaign = call.state, _find(call, campaign_id)
    left = {delivery.email: act["at"] for delivery, act in _acts(state, campaign, "unsubscribe")}

    def row(email: str) -> Document:
        whole = _whole(state, campaign, email)
        return {**whole, "timestamp": left[email], "reason": "None given"}

    return 200, page("unsubscribes", list(left), call.query, row, campaign_id=campaign.id)
