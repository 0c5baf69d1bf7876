"""Events of members, the steps of flows that the API starts, and what a member's feed shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from integration.sandbox import flows, members
from integration.sandbox.call import Answer, Call, check
from integration.sandbox.flows import Event, Flow, Trigger
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_found
from integration.sandbox.shape import Document, page
from integration.sandbox.state import Audience, Member, SandboxState, subscriber_hash

#: Characters of an event's name.
SHORTEST, LONGEST = 2, 30
KINDS = {"name": "text", "properties": "object", "occurred_at": "text", "is_syncing": "flag"}
#: What the feed may be narrowed to.
FILTERS = (
    *("bounce", "click", "conversation", "ecommerce_signup", "event", "generic_signup"),
    *("landing_page_signup", "marketing_permission", "note", "open", "order", "postcard_sent"),
    *("sent", "signup", "squatter_signup", "survey_response", "unsub", "web_engagement"),
    "website_signup",
)


def post_event(call: Call, list_id: str, who: str) -> Answer:
    """POST: 204; flows that the event starts begin unless it is `is_syncing`."""
    audience, body = call.state.audience(list_id), call.object()
    member = members.present(audience, who)
    check(body, KINDS, required=("name",))
    if not SHORTEST <= len(body["name"]) <= LONGEST:
        message = f"Must be {SHORTEST} to {LONGEST} characters."
        raise invalid(SEE_ERRORS, ("name", message))
    event = Event(
        name=body["name"],
        properties=_properties(body.get("properties", {})),
        occurred_at=_moment(call, body.get("occurred_at")),
        is_syncing=body.get("is_syncing", False),
    )
    flows.happened(call.state, audience, member, event)
    return 204, None


def _properties(given: dict[str, Any]) -> dict[str, str]:
    wrong = [name for name, value in given.items() if not isinstance(value, str)]
    if wrong:
        rows = [(f"properties.{name}", "Schema describes string") for name in wrong]
        raise invalid(SEE_ERRORS, *rows)
    return dict(given)


def _moment(call: Call, text: str | None) -> str:
    if text is None:
        return call.state.clock.text()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(SEE_ERRORS, ("occurred_at", "Must be in ISO 8601 format.")) from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="seconds")


def get_events(call: Call, list_id: str, who: str) -> Answer:
    """GET: a member's events, newest first."""
    member = members.present(call.state.audience(list_id), who)
    rows = newest_first(member.events)
    return 200, page("events", rows, call.query, _event)


def newest_first(events: Iterable[Event]) -> list[Event]:
    """Events by the moment they happened, the latest on top."""
    latest_told_first = list(events)[::-1]
    return sorted(latest_told_first, key=lambda event: event.occurred_at, reverse=True)


def _event(event: Event) -> Document:
    return {
        "occurred_at": event.occurred_at,
        "name": event.name,
        "properties": dict(event.properties),
    }


def trigger(call: Call, journey_id: str, step_id: str) -> Answer:
    """POST: let a contact in at a flow's API step. Not idempotent: each call lets in again."""
    body = call.object()
    flow = _api_flow(call.state, journey_id, step_id)
    audience = call.state.audience(flow.list_id)
    check(body, {"email_address": "text"}, required=("email_address",))
    member = audience.members.get(subscriber_hash(body["email_address"]))
    # The texts of both refusals are not documented (unverified).
    if member is None or member.status == "archived":
        raise bad_request("The email address is not a contact of this journey's audience.")
    if not flow.is_on:
        raise bad_request("The journey is not active.")
    entered = flows.enter(call.state, audience, member, flow)
    call.state.flows.triggers.append(
        Trigger(
            at=call.state.clock.text(),
            journey=flow.id,
            step=flow.step,
            contact_id=member.contact_id,
            entered=entered,
        )
    )
    return 204, None


def _api_flow(state: SandboxState, journey_id: str, step_id: str) -> Flow:
    """The flow whose step is started by the API; Problem 404 for any other step."""
    known = journey_id.isdecimal() and step_id.isdecimal()
    flow = state.flows.by_id.get(int(journey_id)) if known else None
    if flow is None or flow.start != "api" or flow.step != int(step_id):
        raise not_found()
    return flow


# -- the feed --------------------------------------------------------------------------------------


def _feed_events(_state: SandboxState, _audience: Audience, member: Member) -> list[Document]:
    return [
        {
            "activity_type": "event",
            "created_at_timestamp": event.occurred_at,
            "event_name": event.name,
            "event_properties": [f"{name}: {value}" for name, value in event.properties.items()],
        }
        for event in member.events
    ]


def _feed_flow_mails(state: SandboxState, audience: Audience, member: Member) -> list[Document]:
    return [
        {
            "activity_type": "sent",
            "created_at_timestamp": entry.mailed_at,
            "campaign_id": flow.campaign_id,
            "campaign_title": flow.name,
        }
        for flow, entry in flows.ways(state, audience, member)
        if entry.mailed_at
    ]


#: What puts rows into a member's feed; each names its `activity_type` and `created_at_timestamp`.
FEED: list[Callable[[SandboxState, Audience, Member], list[Document]]] = [
    _feed_events,
    _feed_flow_mails,
]


def get_feed(call: Call, list_id: str, who: str) -> Answer:
    """GET activity-feed: everything about a member, newest first."""
    audience = call.state.audience(list_id)
    member = members.present(audience, who)
    wanted = [name for name in call.query.get("activity_filters", "").split(",") if name]
    if not set(wanted) <= set(FILTERS):
        raise invalid("The query is not valid.", ("activity_filters", "Not an activity."))
    rows = [row for source in FEED for row in source(call.state, audience, member)]
    rows = [row for row in rows if not wanted or row["activity_type"] in wanted]
    rows.sort(key=lambda row: str(row["created_at_timestamp"]), reverse=True)
    body = page(
        "activity",
        rows,
        call.query,
        lambda row: row,
        email_id=subscriber_hash(member.email),
        list_id=audience.id,
    )
    # This collection alone does not say how many there are.
    return 200, {name: value for name, value in body.items() if name != "total_items"}
