"""Campaigns as Mailchimp's calls: making drafts and reading what became of them. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from integration.mailchimp.answers import checked_id
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NotFound, redacted

#: Clocks differ: a campaign of ours is looked for from a while before it was written down.
_EARLIER = timedelta(days=1)
_FIELDS = ("id", "web_id", "status", "send_time", "settings.title", "emails_sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignInfo:
    """A campaign as Mailchimp holds it."""

    id: str
    web_id: int
    #: save, paused, schedule, sending, sent, canceled, canceling, archived.
    status: str
    title: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """From whom campaigns of an audience come, as its defaults say."""

    name: str
    reply_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateInfo:
    """A template of the merchant's."""

    id: int
    name: str


def sender(mailchimp: Mailchimp) -> Sender:
    """Return the audience's own sender."""
    fields = ["campaign_defaults.from_name", "campaign_defaults.from_email"]
    read = mailchimp.official.lists.get_list
    row = mailchimp.call(read, mailchimp.list_id, fields=fields).get("campaign_defaults") or {}
    return Sender(name=str(row.get("from_name") or ""), reply_to=str(row.get("from_email") or ""))


def templates(mailchimp: Mailchimp) -> list[TemplateInfo]:
    """Return the merchant's own templates."""
    fields = ["templates.id", "templates.name", "total_items"]
    rows = mailchimp.pages(mailchimp.official.templates.list, "templates", fields, type="user")
    return [TemplateInfo(id=int(row["id"]), name=str(row["name"])) for row in rows]


def find(mailchimp: Mailchimp, title: str, since: datetime) -> CampaignInfo | None:
    """Return a campaign by its title, made since a moment: one whose making got no answer."""
    fields = [*(f"campaigns.{name}" for name in _FIELDS), "total_items"]
    query = {
        "list_id": mailchimp.list_id,
        "since_create_time": (since - _EARLIER).astimezone(UTC).isoformat(timespec="seconds"),
    }
    for row in mailchimp.pages(mailchimp.official.campaigns.list, "campaigns", fields, **query):
        if (row.get("settings") or {}).get("title") == title:
            return _info(row)
    return None


def read(mailchimp: Mailchimp, campaign_id: str) -> CampaignInfo | None:
    """Return a campaign; None when it is not there any more."""
    fetch = mailchimp.official.campaigns.get
    try:
        return _info(mailchimp.call(fetch, checked_id(campaign_id), exclude_fields=["_links"]))
    except NotFound:
        return None


def _info(row: Mapping[str, Any]) -> CampaignInfo:
    sent = row.get("send_time") or None
    return CampaignInfo(
        id=checked_id(str(row["id"])),
        web_id=int(row.get("web_id") or 0),
        status=str(row.get("status") or ""),
        title=str((row.get("settings") or {}).get("title") or ""),
        sent_at=datetime.fromisoformat(sent).astimezone(UTC) if sent else None,
    )


def create(
    mailchimp: Mailchimp,
    *,
    title: str,
    subject: str,
    preview_text: str,
    segment_opts: Mapping[str, Any],
    who: Sender,
) -> CampaignInfo:
    """Make a draft to a part of the audience."""
    body = {
        "type": "regular",
        "recipients": {"list_id": mailchimp.list_id, "segment_opts": dict(segment_opts)},
        "settings": {
            "subject_line": subject,
            "preview_text": preview_text,
            "title": title,
            "from_name": who.name,
            "reply_to": who.reply_to,
            "to_name": "*|FNAME|*",
        },
        "tracking": {"opens": True, "html_clicks": True},
    }
    return _info(mailchimp.call(mailchimp.official.campaigns.create, body))


def set_content(
    mailchimp: Mailchimp, campaign_id: str, *, html: str = "", template_id: int | None = None
) -> None:
    """Give a draft its text: HTML of ours, or a template as it is."""
    body: dict[str, Any] = (
        {"html": html} if template_id is None else {"template": {"id": template_id}}
    )
    mailchimp.call(mailchimp.official.campaigns.set_content, checked_id(campaign_id), body)


def content(mailchimp: Mailchimp, campaign_id: str) -> str:
    """Return a campaign's HTML."""
    fetch = mailchimp.official.campaigns.get_content
    answer = mailchimp.call(fetch, checked_id(campaign_id), fields=["html"])
    return str(answer.get("html") or "")


def remove(mailchimp: Mailchimp, campaign_id: str) -> None:
    """Delete a campaign that is no longer scheduled; one that is not there is deleted."""
    try:
        mailchimp.call(mailchimp.official.campaigns.remove, checked_id(campaign_id))
    except NotFound:
        return


def problems(mailchimp: Mailchimp, campaign_id: str) -> list[str]:
    """Return what Mailchimp's checklist finds wrong; [] when the campaign is ready."""
    fetch = mailchimp.official.campaigns.get_send_checklist
    answer = mailchimp.call(fetch, checked_id(campaign_id), exclude_fields=["_links"])
    wrong = [
        redacted(f"{item.get('heading') or ''}: {item.get('details') or ''}")
        for item in answer.get("items") or []
        if item.get("type") == "error"
    ]
    return wrong if wrong or answer.get("is_ready") else ["Mailchimp says: not ready to send"]


# -- reports ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that a reader did."""

    email_key: str
    #: "sent", "open", "click" or "unsubscribe".
    kind: str
    at: datetime
    url: str = ""


def figures(mailchimp: Mailchimp, campaign_id: str) -> dict[str, int]:
    """Return how many got, opened, clicked and left; people, not acts."""
    fields = [
        "emails_sent",
        "opens.unique_opens",
        "clicks.unique_subscriber_clicks",
        "unsubscribed",
    ]
    fetch = mailchimp.official.reports.get_campaign_report
    row = mailchimp.call(fetch, checked_id(campaign_id), fields=fields)
    return {
        "sent": int(row.get("emails_sent") or 0),
        "opens": int((row.get("opens") or {}).get("unique_opens") or 0),
        "clicks": int((row.get("clicks") or {}).get("unique_subscriber_clicks") or 0),
        "unsubscribed": int(row.get("unsubscribed") or 0),
    }


def acts(
    mailchimp: Mailchimp, campaign_id: str, sent_at: datetime, since: datetime | None
) -> Iterator[Act]:
    """Yield what readers did, after `since` when it was read before."""
    reports, one = mailchimp.official.reports, checked_id(campaign_id)
    if since is None:
        fields = ["sent_to.email_address", "total_items"]
        read_sent = partial(reports.get_campaign_recipients, one)
        for row in mailchimp.pages(read_sent, "sent_to", fields):
            yield Act(email_key=_key(row), kind="sent", at=sent_at)
    query = {"since": since.astimezone(UTC).isoformat(timespec="seconds")} if since else {}
    fields = ["emails.email_address", "emails.activity", "total_items"]
    read_acts = partial(reports.get_email_activity_for_campaign, one)
    for row in mailchimp.pages(read_acts, "emails", fields, **query):
        for act in row.get("activity") or []:
            if act.get("action") in ("open", "click"):
                at = datetime.fromisoformat(act["timestamp"]).astimezone(UTC)
                url = str(act.get("url") or "")
                yield Act(email_key=_key(row), kind=act["action"], at=at, url=url)
    fields = ["unsubscribes.email_address", "unsubscribes.timestamp", "total_items"]
    read_left = partial(reports.get_unsubscribed_list_for_campaign, one)
    for row in mailchimp.pages(read_left, "unsubscribes", fields):
        at = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
        yield Act(email_key=_key(row), kind="unsubscribe", at=at)


def _key(row: Mapping[str, Any]) -> str:
    return str(row.get("email_address") or "").strip().lower()
