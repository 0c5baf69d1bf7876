"""Webhooks of the account and what is to be delivered to them; `postman` brings it.

A change is told by comparing a member before and after it, so that one rule serves people, admins
and the API: `seen` before, `tell` after.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from integration.sandbox.postman import Postman

if TYPE_CHECKING:
    from integration.sandbox.state import Audience, Clock, Member, SandboxState

EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
#: Who caused a change: the person, somebody in the account, a call of the API.
SOURCES = ("user", "admin", "api")
BATCH_DONE = "batch_operation_completed"
#: Deliveries kept to look at.
KEPT = 2000


@dataclass(slots=True, kw_only=True)
class Hook:
    """An address that wants to be told; of an audience, or of batches when `list_id` is ""."""

    id: str
    list_id: str
    url: str
    #: The key of its signatures; shown once, in the answer that created it.
    secret: str
    events: dict[str, bool] = field(default_factory=dict)
    sources: dict[str, bool] = field(default_factory=dict)
    enabled: bool = True
    #: Why it was switched off here: "410" or "failing".
    ended: str = ""

    def wants(self, event: str, source: str) -> bool:
        """Whether it is to be told of an event from a source."""
        return self.enabled and bool(self.events.get(event) and self.sources.get(source))


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One message to one hook, and how sending it went."""

    number: int
    hook: Hook
    kind: str
    #: Nested values; `delivery.form` makes the body.
    values: dict[str, Any]
    due_at: datetime
    #: waiting, delivered, refused (410), lost (given up).
    state: str = "waiting"
    #: Each try: when, and the status (0: no answer).
    tries: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a member decides which events a change means."""

    email: str
    status: str
    merge: Mapping[str, Any]
    language: str


class Hooks:
    """The account's webhooks and the deliveries that wait."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        #: Guards everything here and wakes the postman.
        self.changed = threading.Condition()
        self.by_id: dict[str, Hook] = {}
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self.waiting: list[Delivery] = []
        self.is_sending = False
        #: How often each message is sent: Mailchimp promises at least once.
        self.copies = 1
        self.is_held = False
        self.postman = Postman(self)
        self._numbers = 0

    def add(self, number: int, **values: Any) -> Hook:
        """Take a hook in; `number` makes its id and its secret."""
        digest = hashlib.sha256(f"webhook:{number}".encode()).hexdigest()
        hook = Hook(id=digest[:10], secret=digest[10:42], **values)
        with self.changed:
            self.by_id[hook.id] = hook
        return hook

    def of(self, list_id: str) -> list[Hook]:
        """The hooks of an audience, or of batches (""), that were not switched off here."""
        return [h for h in self.by_id.values() if h.list_id == list_id and not h.ended]

    def drop(self, hook_id: str) -> None:
        """Remove a hook and what waits for it."""
        with self.changed:
            self.by_id.pop(hook_id, None)
            self.waiting = [d for d in self.waiting if d.hook.id != hook_id]

    def end(self, hook: Hook, reason: str) -> None:
        """Switch a hook off: the receiver said 410, or failed for too long."""
        with self.changed:
            hook.enabled, hook.ended = False, reason
            for delivery in [d for d in self.waiting if d.hook is hook]:
                delivery.state = "lost"
                self.waiting.remove(delivery)

    def queue(self, hooks: Iterable[Hook], kind: str, data: dict[str, Any]) -> None:
        """Write down what the postman has to bring to each hook."""
        now = self.clock.now()
        values = {"type": kind, "fired_at": f"{now:%Y-%m-%d %H:%M:%S}", "data": data}
        with self.changed:
            for hook in hooks:
                for _ in range(self.copies):
                    self._numbers += 1
                    message = Delivery(
                        number=self._numbers, hook=hook, kind=kind, values=values, due_at=now
                    )
                    self.waiting.append(message)
                    self.deliveries.append(message)
            self.changed.notify_all()
            if self.waiting:
                self.postman.start()

    def hold(self) -> None:
        """Keep deliveries until `release`."""
        with self.changed:
            self.is_held = True

    def release(self, order: str = "") -> None:
        """Let deliveries go on: as they came, or "reversed", or "shuffled"."""
        with self.changed:
            self.is_held = False
            if order == "reversed":
                self.waiting.reverse()
            elif order == "shuffled":
                random.Random(self._numbers).shuffle(self.waiting)  # noqa: S311  (nothing secret)
            self.changed.notify_all()

    def pending(self, kind: str) -> int:
        """How many deliveries of a kind wait."""
        with self.changed:
            return sum(d.kind == kind for d in self.waiting)

    def batch_done(self, document: dict[str, Any]) -> None:
        """Queue that a batch is finished; `document` is the batch as the API shows it."""
        hooks = [h for h in self.by_id.values() if h.list_id == "" and h.enabled]
        self.queue(hooks, BATCH_DONE, document)

    def clear(self) -> None:
        """Forget hooks, deliveries and switches."""
        with self.changed:
            self.by_id.clear()
            self.waiting.clear()
            self.deliveries.clear()
            self.copies, self.is_held = 1, False


def seen(member: Member) -> Seen:
    """What to remember of a member before a change."""
    return Seen(member.email, member.status, dict(member.merge), member.language)


def tell(
    state: SandboxState, audience: Audience, before: Seen | None, member: Member, source: str
) -> None:
    """Queue the events that a change of a member means; `before` None: it is new here."""
    hooks = state.hooks.of(audience.id)
    if not hooks:  # the usual case, and a push changes thousands of members
        return
    for event, data in _events(audience, before, member):
        wanted = [hook for hook in hooks if hook.wants(event, source)]
        state.hooks.queue(wanted, event, data)


def tell_gone(state: SandboxState, audience: Audience, member: Member, source: str) -> None:
    """Queue what an erasure means."""
    wanted = [h for h in state.hooks.of(audience.id) if h.wants("unsubscribe", source)]
    left = {"action": "delete", "reason": "manual", "campaign_id": ""}
    state.hooks.queue(wanted, "unsubscribe", {**left, **_person(audience, member)})


def _events(
    audience: Audience, before: Seen | None, member: Member
) -> Iterable[tuple[str, dict[str, Any]]]:
    person = _person(audience, member)
    status = before.status if before else ""
    if before and member.email != before.email:
        addresses = {"old_email": before.email, "new_email": member.email}
        yield "upemail", {"list_id": audience.id, "new_id": person["id"], **addresses}
    if member.status != status:
        if member.status == "subscribed":
            yield "subscribe", person
        elif member.status in ("unsubscribed", "archived") and before:
            action = "unsub" if member.status == "unsubscribed" else "delete"
            left = {"action": action, "reason": "manual", "campaign_id": ""}
            yield "unsubscribe", {**left, **person}
        elif member.status == "cleaned":
            bounce = {"campaign_id": "", "reason": "hard"}
            yield "cleaned", {"list_id": audience.id, "email": member.email, **bounce}
    changed = before and (member.merge, member.language) != (before.merge, before.language)
    if changed:
        yield "profile", person


def _person(audience: Audience, member: Member) -> dict[str, Any]:
    merges = {f.tag: member.merge.get(f.tag, "") for f in audience.fields.values()}
    return {
        # The short id of the classic API, not the hash of the address.
        "id": f"{member.web_id:010x}",
        "web_id": member.web_id,
        "list_id": audience.id,
        "email": member.email,
        "email_type": member.email_type,
        "ip_opt": member.signup.get("ip_opt", ""),
        "ip_signup": member.signup.get("ip_signup", ""),
        "merges": {"EMAIL": member.email, **merges, "INTERESTS": ""},
    }
