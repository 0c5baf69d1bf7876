"""Campaigns `/campaigns`: drafts, their content, and what is still missing before they can go."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from typing import Any

from integration.sandbox import conditions, delivery, mail_templates
from integration.sandbox.call import Answer, Call, check
from integration.sandbox.mailing import Campaign
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_allowed, not_found
from integration.sandbox.reports import summary
from integration.sandbox.shape import Document, moment, page
from integration.sandbox.state import Audience, SandboxState

TYPES = ("regular", "plaintext", "rss")
_UNSERVED = ("absplit", "variate")
_SETTINGS = {
    "subject_line": "text",
    "preview_text": "text",
    "title": "text",
    "from_name": "text",
    "reply_to": "text",
    "to_name": "text",
    "folder_id": "text",
    "template_id": "whole number",
    "use_conversation": "flag",
    "authenticate": "flag",
    "auto_footer": "flag",
    "inline_css": "flag",
    "auto_tweet": "flag",
    "fb_comments": "flag",
    "auto_fb_post": "list",
}
_TRACKING = ("opens", "html_clicks", "text_clicks", "goal_tracking", "ecomm360")
_TRUE = ("opens", "html_clicks")


def document(state: SandboxState, campaign: Campaign) -> Document:
    """A campaign as the API shows it."""
    sent = campaign.status == "sent"
    body: Document = {
        "id": campaign.id,
        "web_id": campaign.web_id,
        "type": campaign.type,
        "create_time": campaign.created_at,
        "archive_url": f"http://eepurl.stipt-sandbox.invalid/{campaign.id}",
        "long_archive_url": f"http://mailchi.stipt-sandbox.invalid/{campaign.id}",
        "status": campaign.status,
        "emails_sent": len(campaign.deliveries),
        "content_type": "html" if campaign.template_id is None else "template",
        "needs_block_refresh": False,
        "resendable": sent,
        "recipients": _recipients(state, campaign),
        "settings": _settings(campaign),
        "tracking": {
            **{name: campaign.tracking.get(name, name in _TRUE) for name in _TRACKING},
            "google_analytics": campaign.tracking.get("google_analytics", ""),
            "clicktale": campaign.tracking.get("clicktale", ""),
        },
        "delivery_status": delivery_status(campaign),
    }
    if campaign.send_time:
        body["send_time"] = campaign.send_time
    if campaign.rss:
        body["rss_opts"] = campaign.rss
    if sent:
        body["report_summary"] = summary(state, campaign)
    return body


def _recipients(state: SandboxState, campaign: Campaign) -> Document:
    audience = state.audiences.get(campaign.list_id)
    body: Document = {
        "list_id": campaign.list_id,
        "list_is_active": audience is not None,
        "list_name": audience.name if audience else "",
        "segment_text": "",
        "recipient_count": len(campaign.deliveries)
        if campaign.status == "sent"
        else len(delivery.recipients(state, campaign)),
    }
    if campaign.segment_opts is not None:
        body["segment_opts"] = campaign.segment_opts
        body["segment_text"] = segment_text(audience, campaign)
    return body


def segment_text(audience: Audience | None, campaign: Campaign) -> str:
    """The recipients of a campaign as a line for people; "" for everybody."""
    options = campaign.segment_opts
    if options is None or audience is None:
        return ""
    saved = audience.segments.get(options.get("saved_segment_id", 0))
    if saved is not None:
        return saved.name
    return conditions.in_words(audience, options) if options.get("conditions") else ""


def _settings(campaign: Campaign) -> Document:
    texts = ("subject_line", "preview_text", "title", "from_name", "reply_to", "to_name")
    body: Document = {name: campaign.settings.get(name, "") for name in texts}
    body |= {
        "use_conversation": False,
        "folder_id": "",
        "authenticate": True,
        "auto_footer": False,
        "inline_css": False,
        "auto_tweet": False,
        "fb_comments": False,
        "timewarp": False,
        "drag_and_drop": False,
    } | campaign.settings
    if campaign.template_id is not None:
        body["template_id"] = campaign.template_id
    return body


def delivery_status(campaign: Campaign) -> Document:
    """How far the sending is."""
    states = {"sending": "delivering", "sent": "delivered", "canceled": "canceled"}
    if campaign.status not in states:
        return {"enabled": False}
    return {
        "enabled": True,
        "can_cancel": campaign.status == "sending",
        "status": states[campaign.status],
        "emails_sent": len(campaign.deliveries),
        "emails_canceled": campaign.canceled,
    }


def find(state: SandboxState, campaign_id: str) -> Campaign:
    """A campaign by id; Problem 404 when there is none."""
    found = state.mail.campaigns.get(campaign_id)
    if found is None:
        raise not_found()
    return found


def draft(state: SandboxState, campaign_id: str) -> Campaign:
    """A campaign that can still be changed; Problem 400 otherwise."""
    campaign = find(state, campaign_id)
    if campaign.status not in ("save", "paused"):
        raise bad_request("This campaign cannot be changed: it is scheduled or was sent.")
    return campaign


def get_all(call: Call) -> Answer:
    """GET: those that the query asks for, newest first."""
    query = call.query
    rows = list(reversed(call.state.mail.campaigns.values()))
    for name, value in (("status", "status"), ("type", "type"), ("list_id", "list_id")):
        if name in query:
            rows = [c for c in rows if getattr(c, value) == query[name]]
    if "since_create_time" in query:
        rows = [c for c in rows if c.created_at > moment(query["since_create_time"])]
    if "before_create_time" in query:
        rows = [c for c in rows if c.created_at < moment(query["before_create_time"])]
    if "since_send_time" in query:
        rows = [c for c in rows if c.send_time > moment(query["since_send_time"])]
    if "before_send_time" in query:
        rows = [c for c in rows if "" < c.send_time < moment(query["before_send_time"])]
    return 200, page("campaigns", rows, query, lambda c: document(call.state, c))


def get_one(call: Call, campaign_id: str) -> Answer:
    """GET: one."""
    return 200, document(call.state, find(call.state, campaign_id))


def post(call: Call) -> Answer:
    """POST: a new draft."""
    body = call.object()
    kinds = {"type": "text", "recipients": "object", "settings": "object", "tracking": "object"}
    check(body, {**kinds, "rss_opts": "object"}, required=("type",))
    if body["type"] not in TYPES:
        known = body["type"] in _UNSERVED
        text = "Not emulated by this sandbox." if known else "Not a valid choice."
        raise invalid(SEE_ERRORS, ("type", text))
    number = call.state.next_id("campaign")
    made = Campaign(
        id=hashlib.sha256(f"campaign:{number}".encode()).hexdigest()[:10],
        web_id=number,
        type=body["type"],
        list_id="",
        created_at=call.state.clock.text(),
        rss=body.get("rss_opts", {}),
    )
    _change(call.state, made, body)
    call.state.mail.campaigns[made.id] = made
    return 200, document(call.state, made)


def patch(call: Call, campaign_id: str) -> Answer:
    """PATCH: what is named changes."""
    campaign, body = draft(call.state, campaign_id), call.object()
    check(body, {"recipients": "object", "settings": "object", "tracking": "object"})
    _change(call.state, campaign, body)
    return 200, document(call.state, campaign)


def _change(state: SandboxState, campaign: Campaign, body: dict[str, Any]) -> None:
    settings = body.get("settings", {})
    check(settings, _SETTINGS)
    if "recipients" in body:
        _set_recipients(state, campaign, body["recipients"])
    template_id = settings.get("template_id")
    if template_id is not None:
        _from_template(state, campaign, template_id, {})
    held = {k: v for k, v in settings.items() if k in _SETTINGS and k != "template_id"}
    campaign.settings = {**campaign.settings, **held}
    campaign.tracking = {**campaign.tracking, **body.get("tracking", {})}


def _set_recipients(state: SandboxState, campaign: Campaign, given: dict[str, Any]) -> None:
    check(given, {"list_id": "text", "segment_opts": "object"}, required=("list_id",))
    audience = state.audiences.get(given["list_id"])
    if audience is None:
        raise invalid(SEE_ERRORS, ("recipients.list_id", "The list does not exist."))
    options = given.get("segment_opts")
    if options and options.get("saved_segment_id") is not None:
        if options["saved_segment_id"] not in audience.segments:
            message = "The segment does not exist."
            raise invalid(SEE_ERRORS, ("recipients.segment_opts.saved_segment_id", message))
        options = {"saved_segment_id": options["saved_segment_id"]}
    elif options:
        options = conditions.check(options)
    campaign.list_id, campaign.segment_opts = audience.id, deepcopy(options) or None


def delete(call: Call, campaign_id: str) -> Answer:
    """DELETE: not while it is scheduled or under way."""
    campaign = find(call.state, campaign_id)
    if campaign.status in ("schedule", "sending"):
        raise not_allowed("A campaign that is scheduled or sending cannot be deleted.")
    del call.state.mail.campaigns[campaign_id]
    return 204, None


def get_content(call: Call, campaign_id: str) -> Answer:
    """GET: HTML and plain text."""
    return 200, _content(find(call.state, campaign_id))


def _content(campaign: Campaign) -> Document:
    return {
        "html": campaign.html,
        "plain_text": campaign.plain_text,
        "archive_html": campaign.html,
    }


def put_content(call: Call, campaign_id: str) -> Answer:
    """PUT: HTML, or a template with its sections."""
    campaign, body = draft(call.state, campaign_id), call.object()
    check(body, {"html": "text", "plain_text": "text", "template": "object", "url": "text"})
    if "url" in body or "archive" in body or "variate_contents" in body:
        raise invalid(SEE_ERRORS, ("content", "Only html and template are emulated."))
    if "template" in body:
        given = body["template"]
        check(given, {"id": "whole number", "sections": "object"}, required=("id",))
        _from_template(call.state, campaign, given["id"], given.get("sections", {}))
    elif "html" in body:
        campaign.html, campaign.template_id, campaign.sections = body["html"], None, {}
    text = body.get("plain_text")
    campaign.plain_text = mail_templates.plain(campaign.html) if text is None else text
    return 200, _content(campaign)


def _from_template(
    state: SandboxState, campaign: Campaign, template_id: int, given: dict[str, Any]
) -> None:
    template = state.mail.templates.get(template_id)
    if template is None:
        raise invalid(SEE_ERRORS, ("template.id", "The template does not exist."))
    campaign.template_id = template_id
    campaign.sections = {str(name): str(value) for name, value in given.items()}
    campaign.html = mail_templates.filled(template.html, campaign.sections)
    campaign.plain_text = mail_templates.plain(campaign.html)
