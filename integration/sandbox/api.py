"""Which handler answers which call; requests and batch operations come the same way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from integration.sandbox import (
    delivery,
    events,
    fields,
    lists,
    mail_routes,
    members,
    notes,
    segments,
    webhooks,
)
from integration.sandbox.batches import BatchCalls, Batches
from integration.sandbox.call import Answer, Call
from integration.sandbox.faults import REFUSALS, Fault
from integration.sandbox.problems import (
    TRIGGERED,
    Problem,
    bad_request,
    not_allowed,
    not_emulated,
)
from integration.sandbox.shape import partial
from integration.sandbox.shops import routes as shops
from integration.sandbox.state import SandboxState

Handler = Callable[..., Answer]

LIST = "/lists/{}"
MEMBER = f"{LIST}/members/{{}}"
FIELD = f"{LIST}/merge-fields/{{}}"
SEGMENT = f"{LIST}/segments/{{}}"
HOOK = f"{LIST}/webhooks/{{}}"
STEP_TRIGGER = "/customer-journeys/journeys/{}/steps/{}/actions/trigger"
BATCH_HOOK = "/batch-webhooks/{}"

ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/"): lists.get_root,
    ("GET", "/ping"): lists.ping,
    ("GET", "/lists"): lists.get_lists,
    ("GET", LIST): lists.get_list,
    ("POST", LIST): lists.batch_subscribe,
    ("GET", "/search-members"): members.search_members,
    ("GET", f"{LIST}/members"): members.get_members,
    ("POST", f"{LIST}/members"): members.post_member,
    ("GET", MEMBER): members.get_member,
    ("PUT", MEMBER): members.put_member,
    ("PATCH", MEMBER): members.patch_member,
    ("DELETE", MEMBER): members.delete_member,
    ("POST", f"{MEMBER}/actions/delete-permanent"): members.delete_permanent,
    ("GET", f"{MEMBER}/events"): events.get_events,
    ("POST", f"{MEMBER}/events"): events.post_event,
    ("GET", f"{MEMBER}/activity-feed"): events.get_feed,
    ("GET", f"{MEMBER}/notes"): notes.get_notes,
    ("POST", f"{MEMBER}/notes"): notes.post_note,
    ("POST", STEP_TRIGGER): events.trigger,
    ("GET", f"{MEMBER}/tags"): segments.get_member_tags,
    ("POST", f"{MEMBER}/tags"): segments.post_member_tags,
    ("GET", f"{LIST}/tag-search"): segments.tag_search,
    ("GET", f"{LIST}/segments"): segments.get_segments,
    ("POST", f"{LIST}/segments"): segments.post_segment,
    ("GET", SEGMENT): segments.get_segment,
    ("POST", SEGMENT): segments.batch_members,
    ("PATCH", SEGMENT): segments.patch_segment,
    ("DELETE", SEGMENT): segments.delete_segment,
    ("GET", f"{SEGMENT}/members"): segments.get_segment_members,
    ("POST", f"{SEGMENT}/members"): segments.post_segment_member,
    ("DELETE", f"{SEGMENT}/members/{{}}"): segments.delete_segment_member,
    ("GET", f"{LIST}/merge-fields"): fields.get_fields,
    ("POST", f"{LIST}/merge-fields"): fields.post_field,
    ("GET", FIELD): fields.get_field,
    ("PATCH", FIELD): fields.patch_field,
    ("DELETE", FIELD): fields.delete_field,
    ("GET", f"{LIST}/webhooks"): webhooks.get_hooks,
    ("POST", f"{LIST}/webhooks"): webhooks.post_hook,
    ("GET", HOOK): webhooks.get_hook,
    ("PATCH", HOOK): webhooks.patch_hook,
    ("DELETE", HOOK): webhooks.delete_hook,
    ("GET", "/batch-webhooks"): webhooks.get_batch_hooks,
    ("POST", "/batch-webhooks"): webhooks.post_batch_hook,
    ("GET", BATCH_HOOK): webhooks.get_batch_hook,
    ("PATCH", BATCH_HOOK): webhooks.patch_batch_hook,
    ("DELETE", BATCH_HOOK): webhooks.delete_batch_hook,
    **shops.ROUTES,
    **mail_routes.ROUTES,
}
#: What is done before the state is locked: looks at other servers, which may take their time.
FIRST: dict[Handler, Callable[[Call], None]] = {
    webhooks.post_hook: webhooks.reach,
    webhooks.patch_hook: webhooks.reach,
    webhooks.post_batch_hook: webhooks.reach,
    webhooks.patch_batch_hook: webhooks.reach,
}
#: Methods that Mailchimp has on paths served here, and this sandbox has not.
LATER = {("POST", "/lists"), ("PATCH", LIST), ("DELETE", LIST)}


class Api:
    """The Marketing API over one state; `handle` is pure but for that state."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.batches = Batches(state, self.run_operation)
        calls = BatchCalls(self.batches)
        self.routes = ROUTES | {
            ("GET", "/batches"): calls.get_all,
            ("POST", "/batches"): calls.post,
            ("GET", "/batches/{}"): calls.get,
            ("DELETE", "/batches/{}"): calls.delete,
        }
        #: For each pattern its parts, grouped by how many there are.
        self._patterns: dict[int, dict[str, list[str]]] = {}
        for _method, pattern in self.routes:
            parts = pattern.strip("/").split("/")
            self._patterns.setdefault(len(parts), {})[pattern] = parts

    def handle(self, call: Call) -> Answer:
        """Answer a call; a refusal is an answer too."""
        try:
            handler, ids = self._find(call.method, call.path)
            if handler in FIRST:
                FIRST[handler](call)
        except Problem as problem:
            return problem.status, problem.document(self.state.next_uuid("problem"))
        with self.state.lock:
            delivery.tick(self.state)
            try:
                if call.in_batch and call.path.startswith("/batches"):
                    raise bad_request("A batch cannot hold calls to /batches.")
                status, document = handler(call, *ids)
                if document is not None:
                    document = partial(document, call.query)
            except Problem as problem:
                status = problem.status
                document = problem.document(self.state.next_uuid("problem"))
            if call.method != "GET":
                self.state.changed.set()
        return status, document

    def _find(self, method: str, path: str) -> tuple[Handler, list[str]]:
        parts = path.strip("/").split("/")
        for pattern, wanted in self._patterns.get(len(parts), {}).items():
            if all(w in ("{}", p) for w, p in zip(wanted, parts, strict=True)):
                handler = self.routes.get((method, pattern))
                if handler is not None:
                    return handler, [p for w, p in zip(wanted, parts, strict=True) if w == "{}"]
                if (method, pattern) in LATER:
                    break
                raise not_allowed("The requested method and resource are not compatible.")
        raise not_emulated(f"{method} on this path")

    def run_operation(
        self, batch_id: str, method: str, path: str, query: dict[str, str], body: Any
    ) -> Answer:
        """Answer one operation of a batch, logged however it ends."""
        parts = urlsplit(path)
        call = Call(
            state=self.state,
            method=method,
            path=unquote(parts.path),
            query={**dict(parse_qsl(parts.query, keep_blank_values=True)), **query},
            body=body,
            in_batch=True,
        )
        fault = self.state.faults.take(method, call.path, in_batch=True)
        answer = self.handle(call) if fault is None else self._struck(fault, call)
        self.state.log.add(
            at=self.state.clock.text(),
            method=method,
            path=call.path,
            query=call.query,
            body=body,
            status=answer[0],
            batch=batch_id,
        )
        return answer

    def _struck(self, fault: Fault, call: Call) -> Answer:
        """Answer an operation that a fault strikes; one that is reset was carried out."""
        if fault.kind in ("stall", "slow"):
            time.sleep(fault.seconds)
            return self.handle(call)
        if fault.kind == "reset":
            self.handle(call)
        refusal = REFUSALS.get(fault.kind, TRIGGERED["InternalServerError"])
        if isinstance(refusal, Problem):
            return refusal.status, refusal.document(self.state.next_uuid("problem"))
        return refusal, None
