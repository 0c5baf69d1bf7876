"""What the emulated account holds: audiences, members, fields, segments.

One lock round everything, ids from counters, one clock. `canonical` is the part that a test
compares after an undo; it leaves out the log and what only the log knows (counters, moments).
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from integration.sandbox.faults import Faults, Gate, Latency
from integration.sandbox.flows import Event, Flows
from integration.sandbox.grants import Grants
from integration.sandbox.hooks import Hooks
from integration.sandbox.log import Log
from integration.sandbox.mailing import Mail
from integration.sandbox.problems import not_found
from integration.sandbox.shops.store import Store

#: The key that a fresh sandbox accepts; the part after the dash is the data centre.
DEFAULT_KEY = "sandbox-us1"
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
#: Fields per audience, on all plans but the largest.
MOST_FIELDS = 30
MergeValue = str | int | float | dict[str, str]


def subscriber_hash(email: str) -> str:
    """MD5 of the lower-cased address, the member's id in the API.

    >>> subscriber_hash(" Ada@Stipt-demo.shop") == subscriber_hash("ada@stipt-demo.shop")
    True
    """
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


class Clock:
    """The sandbox's only time: follows real time with an offset that can be set."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """This moment, UTC, whole seconds."""
        return (datetime.now(UTC) + self._offset).replace(microsecond=0)

    def text(self) -> str:
        """This moment as the API writes it."""
        return self.now().isoformat()

    def set(self, moment: datetime) -> None:
        """Go to a moment (with zone) and run on from there."""
        self._offset = moment - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Go `seconds` ahead."""
        self._offset += timedelta(seconds=seconds)


@dataclass(slots=True, kw_only=True)
class Member:
    """One address in an audience."""

    email: str
    status: str
    web_id: int
    #: "unsubscribed" once the person left, "cleaned" once the address bounced, else "":
    #: only the person can undo that, no API call.
    left: str = ""
    #: Values by merge tag; blank ones are absent.
    merge: dict[str, MergeValue] = field(default_factory=dict)
    language: str = ""
    vip: bool = False
    email_type: str = "html"
    #: ip_signup, timestamp_signup, ip_opt, timestamp_opt, latitude, longitude, as given.
    signup: dict[str, str | float] = field(default_factory=dict)
    #: Ids of the tags held; kept equal to `Segment.members` by `Audience.attach` and `detach`.
    tags: set[int] = field(default_factory=set)
    last_changed: str = ""
    #: In the order in which they were told.
    events: list[Event] = field(default_factory=list)
    #: (moment, text), oldest first.
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def contact_id(self) -> str:
        """The id that stays when the address changes."""
        return f"{self.web_id:032x}"


@dataclass(slots=True, kw_only=True)
class MergeField:
    """A typed field of an audience."""

    id: int
    tag: str
    name: str
    type: str
    required: bool = False
    default_value: str = ""
    public: bool = False
    display_order: int = 0
    help_text: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Segment:
    """A tag (static: `members` counts) or a saved segment (`options` counts)."""

    id: int
    name: str
    options: dict[str, Any] | None = None
    members: set[str] = field(default_factory=set)
    created_at: str = ""
    updated_at: str = ""

    @property
    def is_static(self) -> bool:
        """Whether this is a tag."""
        return self.options is None


@dataclass(slots=True, kw_only=True)
class Audience:
    """One list with everything in it."""

    id: str
    name: str
    web_id: int
    double_optin: bool = False
    created_at: str = ""
    fields: dict[int, MergeField] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    #: By subscriber hash, in the order of arrival.
    members: dict[str, Member] = field(default_factory=dict)
    #: Hashes of permanently deleted addresses.
    forgotten: set[str] = field(default_factory=set)
    next_field: int = 1
    #: By id; a store belongs to one audience for good.
    stores: dict[str, Store] = field(default_factory=dict)
    #: Fields it may have: `MOST_FIELDS`, and 80 on the largest plan.
    most_fields: int = MOST_FIELDS
    #: Derived: subscriber hash by contact id, tag id by folded name.
    contacts: dict[str, str] = field(default_factory=dict)
    tag_ids: dict[str, int] = field(default_factory=dict)

    def find(self, who: str) -> Member | None:
        """A member by hash, contact id or plain address; archived ones too."""
        key = subscriber_hash(who) if "@" in who else who.lower()
        return self.members.get(key) or self.members.get(self.contacts.get(key, ""))

    def put(self, member: Member) -> None:
        """Take a new member in."""
        key = subscriber_hash(member.email)
        self.members[key] = member
        self.contacts[member.contact_id] = key

    def drop(self, member: Member) -> None:
        """Remove a member without trace."""
        for segment_id in list(member.tags):
            self.detach(member, segment_id)
        del self.members[subscriber_hash(member.email)]
        del self.contacts[member.contact_id]

    def rename(self, member: Member, email: str) -> None:
        """Give a member another address; the contact, its tags and its place stay."""
        old, new = subscriber_hash(member.email), subscriber_hash(email)
        member.email = email
        self.contacts[member.contact_id] = new
        for segment_id in member.tags:
            segment = self.segments[segment_id]
            segment.members.remove(old)
            segment.members.add(new)
        self.members = {new if key == old else key: m for key, m in self.members.items()}

    def attach(self, member: Member, segment_id: int) -> bool:
        """Give a member a tag; whether that changed anything."""
        if segment_id in member.tags:
            return False
        member.tags.add(segment_id)
        self.segments[segment_id].members.add(subscriber_hash(member.email))
        return True

    def detach(self, member: Member, segment_id: int) -> bool:
        """Take a tag from a member; whether that changed anything."""
        if segment_id not in member.tags:
            return False
        member.tags.remove(segment_id)
        self.segments[segment_id].members.remove(subscriber_hash(member.email))
        return True

    def tag_names(self, member: Member) -> list[str]:
        """The member's tags, sorted by name."""
        return sorted(self.segments[i].name for i in member.tags)

    def field_by_tag(self, tag: str) -> MergeField | None:
        """A field by its merge tag."""
        return next((f for f in self.fields.values() if f.tag == tag), None)

    def drop_segment(self, segment: Segment) -> None:
        """Remove a tag or saved segment with its membership."""
        for key in list(segment.members):
            self.detach(self.members[key], segment.id)
        del self.segments[segment.id]
        if segment.is_static:
            del self.tag_ids[segment.name.casefold()]


class SandboxState:
    """One emulated Mailchimp account. Take `lock` round anything that reads or writes."""

    def __init__(self, *, empty: bool = False) -> None:
        self.lock = threading.RLock()
        self._counting = threading.Lock()
        self.clock = Clock()
        self.log = Log()
        self.faults = Faults(lambda: self.clock.now())
        self.latency = Latency()
        self.gate = Gate()
        self.hooks = Hooks(self.clock)
        #: Set after every write; the keeper waits for it.
        self.changed = threading.Event()
        self.audiences: dict[str, Audience] = {}
        self.flows = Flows()
        self.mail = Mail()
        #: Accepted keys and tokens; False once revoked.
        self.tokens: dict[str, bool] = {DEFAULT_KEY: True}
        self.grants = Grants()
        self.counters: dict[str, int] = {}
        #: Mails and flows that a store would have started: see `shops.automations`.
        self.fired: list[dict[str, str]] = []
        if not empty:
            self.add_audience("Stipt demo")

    def next_id(self, kind: str) -> int:
        """The next number of a kind, from 1."""
        # A lock of its own: a refusal needs an id too, and must not wait for work in progress.
        with self._counting:
            self.counters[kind] = self.counters.get(kind, 0) + 1
            return self.counters[kind]

    def next_uuid(self, kind: str) -> str:
        """The next id of a kind in the form of a UUID, the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stipt-sandbox:{kind}:{self.next_id(kind)}"))

    def audience(self, list_id: str) -> Audience:
        """An audience by id; Problem 404 when there is none."""
        found = self.audiences.get(list_id)
        if found is None:
            raise not_found()
        return found

    def add_audience(self, name: str, *, double_optin: bool = False) -> Audience:
        """A new audience with the four fields that Mailchimp gives every new one."""
        number = self.next_id("audience")
        audience = Audience(
            id=hashlib.sha256(f"audience:{number}".encode()).hexdigest()[:10],
            name=name,
            web_id=number,
            double_optin=double_optin,
            created_at=self.clock.text(),
        )
        defaults = (
            ("FNAME", "First Name", "text"),
            ("LNAME", "Last Name", "text"),
            ("ADDRESS", "Address", "address"),
            ("PHONE", "Phone Number", "phone"),
        )
        for tag, title, kind in defaults:
            made = MergeField(id=audience.next_field, tag=tag, name=title, type=kind, public=True)
            made.display_order = audience.next_field + 1
            audience.fields[made.id] = made
            audience.next_field += 1
        self.audiences[audience.id] = audience
        return audience

    def tag(self, audience: Audience, name: str) -> Segment:
        """The tag of that name (case does not count), created when there is none."""
        known = audience.tag_ids.get(name.casefold())
        if known is not None:
            return audience.segments[known]
        return self.add_segment(audience, name, None)

    def add_segment(self, audience: Audience, name: str, options: dict[str, Any] | None) -> Segment:
        """A new tag (`options` None) or saved segment."""
        now = self.clock.text()
        made = Segment(
            id=self.next_id("segment"), name=name, options=options, created_at=now, updated_at=now
        )
        audience.segments[made.id] = made
        if made.is_static:
            audience.tag_ids[name.casefold()] = made.id
        return made

    def reset(self) -> None:
        """Back to a fresh sandbox; ids go on counting, so that old ones cannot be mistaken."""
        self.audiences.clear()
        self.mail.clear()
        self.tokens = {DEFAULT_KEY: True}
        self.grants = Grants()
        self.log.clear()
        self.fired.clear()
        self.faults.clear()
        self.latency = Latency()
        self.gate.forget()
        self.clock = Clock()
        self.flows.clear()
        self.hooks.clear()
        self.hooks.clock = self.clock
        self.add_audience("Stipt demo")
        self.changed.set()
