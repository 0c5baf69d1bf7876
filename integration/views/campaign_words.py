"""What drafts, rules and runs of mail are called, and what the merchant can do about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from integration.campaigns import rules
from integration.campaigns.content import BadContent
from integration.campaigns.rules import CannotSwitchOn
from integration.mailchimp.drafts import CannotDraft
from integration.tables import Audience, Campaign
from integration.views.base import (
    context,
)
from integration.views.formats import number
from integration.views.texts import gettext


def state_names() -> dict[str, str]:
    """Return what the states of drafts and runs are called."""
    return {
        "making": gettext("being made"),
        "draft": gettext("draft"),
        "waiting": gettext("waits for you"),
        "planned": gettext("being prepared"),
        "scheduling": gettext("being scheduled"),
        "scheduled": gettext("scheduled"),
        "stopping": gettext("being stopped"),
        "stopped": gettext("stopped"),
        "stopped_there": gettext("stopped in Mailchimp"),
        "sent": gettext("sent"),
        "refused": gettext("not ready"),
        "lapsed": gettext("did not go out in time"),
        "empty": gettext("nobody new"),
    }


def reason_names() -> dict[str, str]:
    """Return why people were left out of a run."""
    return {
        "not_subscribed": gettext("not subscribed"),
        "holdout": gettext("control group"),
        "ask_first": gettext("ask first"),
        "denied": gettext("permission withdrawn"),
        "had_it": gettext("had a mail for this need"),
        "left_segment": gettext("bought or left the segment meanwhile"),
        "resting": gettext("had a mail not long ago"),
        "no_room": gettext("no room in this run"),
    }


def weekday_names() -> list[str]:
    """Return the days of the week, Monday first."""
    return [
        gettext("Monday"),
        gettext("Tuesday"),
        gettext("Wednesday"),
        gettext("Thursday"),
        gettext("Friday"),
        gettext("Saturday"),
        gettext("Sunday"),
    ]


def problem_text(run: Campaign) -> str:
    """Return why a run stands where it stands, as a sentence; "" when there is nothing to say."""
    waits = run.figures.get("waits") or {}
    if run.status == "waiting":
        return " ".join(_waiting_texts(run, waits))
    known_problems = {
        "too_late": gettext("There was too little time left before its moment."),
        "deleted_there": gettext("It was deleted in Mailchimp."),
        "stopped_there": gettext("It is a draft in Mailchimp now, and is not scheduled again."),
        "too_late_to_stop": gettext("It had gone out already when it was to be stopped."),
    }
    return known_problems.get(run.problem, run.problem)


def _waiting_texts(run: Campaign, waits: Mapping[str, Any]) -> Iterator[str]:
    if waits.get("key") == rules.TEMPLATE:
        yield gettext("Your template was changed in Mailchimp since you saw it.")
    elif waits.get("key") == "far_more":
        yield gettext(
            "%(people)s people, and %(usual)s are usual.",
            people=number(waits["people"]),
            usual=number(waits["usual"]),
        )
    else:
        yield gettext("That is %(percent)s%% of the audience.", percent=waits.get("percent", 0))
    if waits.get("people", 0) > run.people:
        yield gettext("This mail has room for %(people)s of them.", people=number(run.people))


def trouble(error: Exception) -> str:
    """Return what the merchant can do about an error."""
    if isinstance(error, CannotSwitchOn):
        return {
            "preview": gettext("First look at the preview of this text."),
            "test": gettext("First send yourself a test of this text."),
        }[error.missing]
    if isinstance(error, CannotDraft):
        return {
            "no_tag": gettext(
                "This segment has no tag in Mailchimp: publish first. Where there is no room for "
                "its tag, a rule can still write to these people."
            ),
            "no_holdout": gettext("The control group has no tag in Mailchimp yet: publish first."),
            "not_a_draft": gettext("It is no draft any more."),
        }[error.reason]
    if isinstance(error, BadContent):
        return gettext("Subject and text are needed, and the address begins with https://.")
    return gettext("Choose a day, an hour, and at least one person.")


def address_there(audience: Audience, row: Campaign) -> str:
    """Return where a campaign is seen in Mailchimp, or in the sandbox."""
    url = context().settings.mailchimp_url
    if url:
        return f"{url.rstrip('/').removesuffix('/3.0')}/campaigns/{row.remote_id}"
    return f"https://{audience.server}.admin.mailchimp.com/campaigns/edit?id={row.web_id}"
