"""Which handler answers which call about templates, campaigns and reports."""

from __future__ import annotations

from collections.abc import Callable

from integration.sandbox import campaign_acts, campaigns, mail_templates, reports
from integration.sandbox.call import Answer

TEMPLATE = "/templates/{}"
CAMPAIGN = "/campaigns/{}"
ACTION = f"{CAMPAIGN}/actions"
REPORT = "/reports/{}"

ROUTES: dict[tuple[str, str], Callable[..., Answer]] = {
    ("GET", "/templates"): mail_templates.get_all,
    ("POST", "/templates"): mail_templates.post,
    ("GET", TEMPLATE): mail_templates.get_one,
    ("PATCH", TEMPLATE): mail_templates.patch,
    ("DELETE", TEMPLATE): mail_templates.delete,
    ("GET", f"{TEMPLATE}/default-content"): mail_templates.default_content,
    ("GET", "/campaigns"): campaigns.get_all,
    ("POST", "/campaigns"): campaigns.post,
    ("GET", CAMPAIGN): campaigns.get_one,
    ("PATCH", CAMPAIGN): campaigns.patch,
    ("DELETE", CAMPAIGN): campaigns.delete,
    ("GET", f"{CAMPAIGN}/content"): campaigns.get_content,
    ("PUT", f"{CAMPAIGN}/content"): campaigns.put_content,
    ("GET", f"{CAMPAIGN}/send-checklist"): campaign_acts.get_checklist,
    ("POST", f"{ACTION}/test"): campaign_acts.test,
    ("POST", f"{ACTION}/schedule"): campaign_acts.schedule,
    ("POST", f"{ACTION}/unschedule"): campaign_acts.unschedule,
    ("POST", f"{ACTION}/send"): campaign_acts.send,
    ("POST", f"{ACTION}/cancel-send"): campaign_acts.cancel_send,
    ("POST", f"{ACTION}/replicate"): campaign_acts.replicate,
    ("POST", f"{ACTION}/pause"): campaign_acts.pause,
    ("POST", f"{ACTION}/resume"): campaign_acts.resume,
    ("GET", "/reports"): reports.get_all,
    ("GET", REPORT): reports.get_one,
    ("GET", f"{REPORT}/email-activity"): reports.get_activity,
    ("GET", f"{REPORT}/sent-to"): reports.get_sent_to,
    ("GET", f"{REPORT}/open-details"): reports.get_opens,
    ("GET", f"{REPORT}/click-details"): reports.get_clicks,
    ("GET", f"{REPORT}/click-details/{{}}/members"): reports.get_click_members,
    ("GET", f"{REPORT}/unsubscribed"): reports.get_unsubscribed,
}
