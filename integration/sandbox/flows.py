"""Automation flows: what starts them, who went through, and the mail that each sends.

A marketer builds a flow in Mailchimp; here a page or the tools do. A contact enters when the
starting point happens and is not `is_syncing`, has none of the tags that the flow leaves out, and
may enter again. The one mail goes out after the flow's wait, to subscribed contacts only, unless
the contact left before through the exit. What waits is looked at when somebody looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integration.sandbox.state import Audience, Clock, Member, SandboxState

#: Starting points: a tag is given, an event comes in, the API calls the step.
STARTS = ("tag", "event", "api")
#: How a contact leaves before the mail: not at all, or by an order.
EXITS = ("", "order")


@dataclass(slots=True, kw_only=True)
class Event:
    """Something that a contact did elsewhere."""

    name: str
    properties: dict[str, str]
    #: ISO 8601, UTC.
    occurred_at: str
    #: Told of the past: starts no flow.
    is_syncing: bool = False


@dataclass(slots=True, kw_only=True)
class Entry:
    """One way of a contact through a flow; moments in ISO 8601."""

    at: str
    mail_due: str
    mailed_at: str = ""
    #: Why no mail goes out: "order", or "status" (not subscribed when it was due).
    ended: str = ""


@dataclass(slots=True, kw_only=True)
class Flow:
    """A flow (journey) with one starting point and one mail."""

    id: int
    #: Of the starting point.
    step: int
    list_id: str
    name: str
    start: str
    #: The tag's or the event's name.
    on: str = ""
    #: Whoever has one of these tags is not let in.
    without: list[str] = field(default_factory=list)
    exit: str = ""
    wait_days: float = 0
    #: Days until a contact may enter again; None: never.
    again_days: float | None = 0
    is_on: bool = True
    #: By contact id, in the order of entering.
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    @property
    def campaign_id(self) -> str:
        """The id under which its mail stands in the feed."""
        return hashlib.sha256(f"flow:{self.id}".encode()).hexdigest()[:10]


@dataclass(slots=True, kw_only=True)
class Trigger:
    """One call of an API step that was accepted, and whether the contact entered."""

    at: str
    journey: int
    step: int
    contact_id: str
    entered: bool


class Flows:
    """The account's flows and the ledger of triggers; under the state's lock."""

    def __init__(self) -> None:
        self.by_id: dict[int, Flow] = {}
        self.triggers: list[Trigger] = []

    def of(self, list_id: str) -> list[Flow]:
        """The flows of an audience."""
        return [flow for flow in self.by_id.values() if flow.list_id == list_id]

    def started_by(self, list_id: str, start: str, on: str) -> list[Flow]:
        """The flows that begin with a tag or event of that name; case does not count."""
        name = on.casefold()
        return [
            flow
            for flow in self.by_id.values()
            if flow.list_id == list_id and flow.start == start and flow.on.casefold() == name
        ]

    def clear(self) -> None:
        """Forget them all."""
        self.by_id.clear()
        self.triggers.clear()


def add(state: SandboxState, audience: Audience, **given: object) -> Flow:
    """Build a flow as a marketer would; ValueError for one that cannot be.

    `given` are the other fields of `Flow`: `name`, `start`, `on`, `without`, `exit`, ...
    """
    flow = Flow(
        id=state.next_id("journey"),
        step=state.next_id("journey step"),
        list_id=audience.id,
        **given,  # type: ignore[arg-type]  # a wrong name or kind is a TypeError or caught below
    )
    if flow.start not in STARTS or flow.exit not in EXITS or not flow.name.strip():
        raise ValueError("a flow needs a name, a start (tag, event, api) and a known exit")
    if flow.start != "api" and not flow.on.strip():
        raise ValueError("name the tag or the event that starts the flow")
    state.flows.by_id[flow.id] = flow
    return flow


def tagged(state: SandboxState, audience: Audience, member: Member, tag: str) -> None:
    """A member got a tag: let him into the flows that it starts."""
    for flow in state.flows.started_by(audience.id, "tag", tag):
        enter(state, audience, member, flow)


def give(state: SandboxState, audience: Audience, member: Member, segment_id: int) -> bool:
    """Give a member a tag, as a call does; whether that changed anything."""
    if not audience.attach(member, segment_id):
        return False
    tagged(state, audience, member, audience.segments[segment_id].name)
    return True


def happened(state: SandboxState, audience: Audience, member: Member, event: Event) -> None:
    """Keep an event, and let the member into the flows that it starts."""
    member.events.append(event)
    if event.is_syncing:
        return
    for flow in state.flows.started_by(audience.id, "event", event.name):
        enter(state, audience, member, flow)


def enter(state: SandboxState, audience: Audience, member: Member, flow: Flow) -> bool:
    """Let a member into a flow; whether he got in."""
    held = {name.casefold() for name in audience.tag_names(member)}
    shut_out = any(name.casefold() in held for name in flow.without)
    if not flow.is_on or shut_out or not _may_enter(state.clock, flow, member):
        return False
    now = state.clock.now()
    due = now + timedelta(days=flow.wait_days)
    entry = Entry(at=now.isoformat(), mail_due=due.isoformat())
    flow.entries.setdefault(member.contact_id, []).append(entry)
    _settle(state.clock, member, entry)
    return True


def _may_enter(clock: Clock, flow: Flow, member: Member) -> bool:
    earlier = flow.entries.get(member.contact_id)
    if not earlier:
        return True
    if flow.again_days is None:
        return False
    last = datetime.fromisoformat(earlier[-1].at)
    return clock.now() - last >= timedelta(days=flow.again_days)


def bought(state: SandboxState, audience: Audience, member: Member) -> None:
    """A member ordered: he leaves every flow whose exit that is."""
    for flow in state.flows.of(audience.id):
        for entry in flow.entries.get(member.contact_id, ()):
            _settle(state.clock, member, entry)
            if flow.exit == "order" and not (entry.mailed_at or entry.ended):
                entry.ended = "order"


def _settle(clock: Clock, member: Member, entry: Entry) -> None:
    """Send the mail that is due by now."""
    if entry.mailed_at or entry.ended or entry.mail_due > clock.now().isoformat():
        return
    if member.status == "subscribed":
        entry.mailed_at = entry.mail_due
    else:
        entry.ended = "status"


def ways(state: SandboxState, audience: Audience, member: Member) -> Iterator[tuple[Flow, Entry]]:
    """Each way of a member through a flow, as it stands by now."""
    for flow in state.flows.of(audience.id):
        for entry in flow.entries.get(member.contact_id, ()):
            _settle(state.clock, member, entry)
            yield flow, entry
