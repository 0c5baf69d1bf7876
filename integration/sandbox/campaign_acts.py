"""What can be done with a campaign: `/campaigns/{id}/actions/...` and the check before it."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime

from integration.sandbox import campaigns, delivery
from integration.sandbox.call import Answer, Call, check, texts
from integration.sandbox.campaigns import find
from integration.sandbox.mailing import Campaign
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_allowed
from integration.sandbox.shape import Document
from integration.sandbox.state import SandboxState

MINUTES = (0, 15, 30, 45)
#: Addresses in one test (specification of the account's limit is not public).
MOST_TESTS = 50


def get_checklist(call: Call, campaign_id: str) -> Answer:
    """GET: what stands in the way."""
    items = checklist(call.state, find(call.state, campaign_id))
    return 200, {"is_ready": all(i["type"] != "error" for i in items), "items": items}


def checklist(state: SandboxState, campaign: Campaign) -> list[Document]:
    """One item a subject: success, warning or error."""
    settings, audience = campaign.settings, state.audiences.get(campaign.list_id)
    domain = settings.get("reply_to", "").rpartition("@")[2].lower()
    people = len(delivery.recipients(state, campaign)) if audience else 0
    rows = [
        (audience is not None, "List", "The audience is missing or was deleted."),
        (people > 0, "Recipients", "Nobody would get this campaign: its segment is empty."),
        (bool(settings.get("subject_line")), "Subject", "You have not set a subject line."),
        (bool(settings.get("from_name")), "From Name", "You have not set a from name."),
        (bool(domain), "Reply-to", "You have not set a reply-to address."),
        (domain not in state.mail.unverified, "Domain", "The reply-to domain is not verified."),
        (campaign.has_content, "Content", "You have not designed this campaign yet."),
    ]
    items = [
        {
            "type": "success" if good else "error",
            "id": number,
            "heading": heading,
            "details": "OK" if good else text,
        }
        for number, (good, heading, text) in enumerate(rows, 501)
    ]
    if not settings.get("preview_text"):
        text = "You have not set a preview text."
        items.append({"type": "warning", "id": 540, "heading": "Preview text", "details": text})
    return items


def _ready(state: SandboxState, campaign: Campaign) -> None:
    if campaign.status not in ("save", "paused"):
        raise bad_request("This campaign was sent or scheduled already.")
    wrong = [i["details"] for i in checklist(state, campaign) if i["type"] == "error"]
    if wrong:
        raise bad_request(f"Your campaign is not ready to send. {' '.join(wrong)}")


def test(call: Call, campaign_id: str) -> Answer:
    """POST: a test mail, which is kept to be looked at."""
    campaign, body = find(call.state, campaign_id), call.object()
    check(body, {"send_type": "text"}, required=("test_emails", "send_type"))
    emails = texts(body, "test_emails")
    if body["send_type"] not in ("html", "plaintext") or not 0 < len(emails) <= MOST_TESTS:
        raise invalid(SEE_ERRORS, ("test_emails", "Addresses and html or plaintext are needed."))
    if not campaign.has_content or not campaign.settings.get("subject_line"):
        raise bad_request("A campaign without subject or content cannot be tested.")
    campaign.tests.append(emails)
    return 204, None


def schedule(call: Call, campaign_id: str) -> Answer:
    """POST: a moment on a quarter of an hour, in the future."""
    campaign, body = find(call.state, campaign_id), call.object()
    check(body, {"schedule_time": "text", "timewarp": "flag"}, required=("schedule_time",))
    try:
        at = datetime.fromisoformat(body["schedule_time"])
    except ValueError:
        raise invalid(SEE_ERRORS, ("schedule_time", "Not a date in ISO 8601 format.")) from None
    at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    if at.minute not in MINUTES or at.second or at.microsecond:
        text = "Campaigns may only be scheduled on the quarter-hour (:00, :15, :30, :45)."
        raise invalid(SEE_ERRORS, ("schedule_time", text))
    if at <= call.state.clock.now():
        raise invalid(SEE_ERRORS, ("schedule_time", "The date must be in the future."))
    _ready(call.state, campaign)
    campaign.status, campaign.send_time = "schedule", at.isoformat()
    return 204, None


def unschedule(call: Call, campaign_id: str) -> Answer:
    """POST: back to a draft."""
    campaign = find(call.state, campaign_id)
    if campaign.status != "schedule":
        raise bad_request("This campaign is not scheduled.")
    campaign.status, campaign.send_time = "save", ""
    return 204, None


def send(call: Call, campaign_id: str) -> Answer:
    """POST: at once; a second time is refused."""
    campaign = find(call.state, campaign_id)
    _ready(call.state, campaign)
    campaign.status, campaign.send_time = "sending", call.state.clock.text()
    return 204, None


def cancel_send(call: Call, campaign_id: str) -> Answer:
    """POST: while it is under way, nobody gets it any more."""
    campaign = find(call.state, campaign_id)
    if campaign.status != "sending":
        raise not_allowed("Only a campaign that is sending can be canceled.")
    campaign.canceled = len(delivery.recipients(call.state, campaign))
    campaign.status = "canceled"
    return 204, None


def replicate(call: Call, campaign_id: str) -> Answer:
    """POST: a draft with the same settings and content."""
    state, old = call.state, find(call.state, campaign_id)
    if old.status not in ("save", "paused", "sent", "canceled"):
        raise bad_request("Only a draft or a sent campaign can be replicated.")
    number = state.next_id("campaign")
    made = replace(
        deepcopy(old),
        id=hashlib.sha256(f"campaign:{number}".encode()).hexdigest()[:10],
        web_id=number,
        created_at=state.clock.text(),
        status="save",
        send_time="",
        tests=[],
        deliveries=[],
        canceled=0,
    )
    made.settings["title"] = f"{old.settings.get('title', '')} (copy 01)"
    state.mail.campaigns[made.id] = made
    body = campaigns.document(state, made)
    # The answer of this call alone lacks it (specification).
    del body["recipients"]["list_is_active"]
    return 200, body


def pause(call: Call, campaign_id: str) -> Answer:
    """POST: campaigns that follow a feed only."""
    _feed(call, campaign_id).status = "paused"
    return 204, None


def resume(call: Call, campaign_id: str) -> Answer:
    """POST: campaigns that follow a feed only."""
    _feed(call, campaign_id).status = "sending"
    return 204, None


def _feed(call: Call, campaign_id: str) -> Campaign:
    campaign = find(call.state, campaign_id)
    if campaign.type != "rss":
        raise bad_request("Only an RSS-driven campaign can be paused or resumed.")
    return campaign
