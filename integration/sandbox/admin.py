"""Tools for tests and the demo under `/sandbox`: what people and administrators do.

Loopback only, and every POST must be JSON, which no form of another site can send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from integration.sandbox import control, delivery, fields, flows, hooks, log, members, snapshot
from integration.sandbox.batches import Batches
from integration.sandbox.oauth import registered
from integration.sandbox.problems import Problem
from integration.sandbox.state import (
    STATUSES,
    Audience,
    Member,
    SandboxState,
    subscriber_hash,
)
from integration.sandbox.values import clean

LOOPBACK = ("127.0.0.1", "::1")


def seed(state: SandboxState, audience: Audience, rows: Iterable[dict[str, Any]]) -> int:
    """Put members there as the past left them; returns how many.

    A row has `email` and optionally `status`, `status_by` ("person" or "admin": who made that
    status), `merge_fields`, `tags`, `language`. An address that is there already is replaced.
    ValueError for a status or value that cannot be.
    """
    count = 0
    with state.lock:
        for row in rows:
            _seed_one(state, audience, row)
            count += 1
    state.changed.set()
    return count


def _seed_one(state: SandboxState, audience: Audience, row: dict[str, Any]) -> None:
    status = row.get("status", "subscribed")
    if status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}")
    by_person = row.get("status_by") == "person" and status == "unsubscribed"
    member = Member(
        email=row["email"],
        status=status,
        web_id=state.next_id("member"),
        left="cleaned" if status == "cleaned" else "unsubscribed" if by_person else "",
        language=row.get("language") or "",
        last_changed=state.clock.text(),
    )
    by_tag = {field.tag: field for field in audience.fields.values()}
    for tag, value in (row.get("merge_fields") or {}).items():
        if tag not in by_tag:
            raise ValueError(f"the audience has no field {tag}")
        stored = clean(by_tag[tag], value)
        if stored is not None:
            member.merge[tag] = stored
    known = audience.members.get(subscriber_hash(member.email))
    if known is not None:
        audience.drop(known)
    audience.put(member)
    for name in row.get("tags") or ():
        members.check_tag_name(name)
        audience.attach(member, state.tag(audience, name).id)  # the past starts no flow


def _unsubscribe(_audience: Audience, member: Member, _details: dict[str, Any]) -> None:
    member.status, member.left = "unsubscribed", "unsubscribed"


def _bounce(_audience: Audience, member: Member, _details: dict[str, Any]) -> None:
    member.status, member.left = "cleaned", "cleaned"


def _resubscribe(_audience: Audience, member: Member, details: dict[str, Any]) -> None:
    member.status, member.left = "subscribed", ""
    member.signup["timestamp_opt"] = details["now"]


def _change_address(audience: Audience, member: Member, details: dict[str, Any]) -> None:
    if subscriber_hash(details["to"]) in audience.members:
        raise ValueError("the new address is a member already")
    audience.rename(member, details["to"])


def _erase(audience: Audience, member: Member, _details: dict[str, Any]) -> None:
    members.forget(audience, member)


def _edit(audience: Audience, member: Member, details: dict[str, Any]) -> None:
    """The person fills in the form for preferences."""
    for tag, value in details.get("merge_fields", {}).items():
        field = audience.field_by_tag(tag)
        if field is None:
            raise ValueError("the audience has no such field")
        stored = clean(field, value)
        member.merge.pop(tag, None)
        if stored is not None:
            member.merge[tag] = stored
    member.language = details.get("language", member.language)


def _archive(_audience: Audience, member: Member, _details: dict[str, Any]) -> None:
    member.status = "archived"


#: What a person, their mail server or an administrator does at Mailchimp's side. "confirm" is
#: the click in the confirmation mail, "resubscribe" the sign-up form.
ACTS: dict[str, Callable[[Audience, Member, dict[str, Any]], None]] = {
    "unsubscribe": _unsubscribe,
    "bounce": _bounce,
    "confirm": _resubscribe,
    "resubscribe": _resubscribe,
    "change_address": _change_address,
    "edit": _edit,
    "erase": _erase,
    "archive": _archive,
}


#: Acts of somebody in the account; all others are the person's own.
ADMIN_ACTS = ("erase", "archive")


def act(state: SandboxState, audience: Audience, act: str, email: str, **details: Any) -> None:
    """Let one of `ACTS` happen; LookupError without such a member, ValueError without such an act.

    "change_address" needs `to`; "edit" takes `merge_fields` and `language`.
    """
    if act not in ACTS:
        raise ValueError(f"act must be one of {', '.join(ACTS)}")
    with state.lock:
        member = audience.find(email)
        if member is None:
            raise LookupError("no such member")
        before, source = hooks.seen(member), "admin" if act in ADMIN_ACTS else "user"
        ACTS[act](audience, member, {**details, "now": state.clock.text()})
        member.last_changed = state.clock.text()
        if act == "erase":
            hooks.tell_gone(state, audience, member, source)
        else:
            hooks.tell(state, audience, before, member, source)
    state.changed.set()


def blueprint(state: SandboxState, batches: Batches) -> Blueprint:
    """The routes under /sandbox."""
    tools = _Tools(state, batches)
    bp = Blueprint("sandbox", __name__, url_prefix="/sandbox")
    bp.before_request(_check_caller)
    for kind in (Problem, LookupError, ValueError, TypeError):
        bp.register_error_handler(kind, _refuse)
    bp.get("/state")(tools.get_state)
    bp.get("/requests")(tools.get_requests)
    for path, method, view in (
        ("/members", "POST", tools.post_members),
        ("/acts", "POST", tools.post_act),
        ("/mail-acts", "POST", tools.post_mail_act),
        ("/domains", "POST", tools.post_domain),
        ("/tokens", "POST", tools.post_token),
        ("/applications", "POST", tools.post_application),
        ("/audiences", "POST", tools.post_audience),
        ("/audiences/<list_id>", "DELETE", tools.delete_audience),
        ("/merge-fields", "PATCH", tools.patch_field),
        ("/clock", "POST", tools.post_clock),
        ("/batches", "POST", tools.post_batches),
        ("/webhooks", "POST", tools.post_webhooks),
        ("/flows", "POST", tools.post_flow),
        ("/flows/<int:flow_id>", "PATCH", tools.patch_flow),
        ("/reset", "POST", tools.post_reset),
    ):
        bp.route(path, methods=[method])(view)
    for path, method, tool in control.tools(state):
        bp.route(path, methods=[method])(tool)
    return bp


def _check_caller() -> ResponseReturnValue | None:
    if request.remote_addr not in LOOPBACK:
        abort(403)
    if request.method in ("POST", "PATCH") and not request.is_json:
        return jsonify(error="the body must be JSON"), 415
    return None


class _Tools:
    def __init__(self, state: SandboxState, batches: Batches) -> None:
        self._state, self._batches = state, batches

    def _audience(self, body: dict[str, Any]) -> Audience:
        first = next(iter(self._state.audiences), "")
        return self._state.audience(body.get("list_id", first))

    def get_state(self) -> ResponseReturnValue:
        return Response(snapshot.canonical(self._state), content_type="application/json")

    def get_requests(self) -> ResponseReturnValue:
        rows = self._state.log.since(request.args.get("since", 0, type=int))
        return jsonify(last=self._state.log.last, requests=[log.as_json(row) for row in rows])

    def post_members(self) -> ResponseReturnValue:
        body = request.get_json()
        if isinstance(body, list):
            body = {"members": body}
        return _done(lambda: seed(self._state, self._audience(body), body["members"]))

    def post_act(self) -> ResponseReturnValue:
        body = request.get_json()
        audience = self._audience(body)
        details = {name: body[name] for name in ("to", "merge_fields", "language") if name in body}
        return _done(lambda: act(self._state, audience, body["act"], body["email"], **details))

    def post_mail_act(self) -> ResponseReturnValue:
        body = request.get_json()
        with self._state.lock:
            campaign, url = body["campaign_id"], body.get("url", "")
            delivery.react(self._state, campaign, body["act"], body["email"], url)
        self._state.changed.set()
        return _done(lambda: None)

    def post_domain(self) -> ResponseReturnValue:
        body = request.get_json()
        unverified = self._state.mail.unverified
        (unverified.discard if body["verified"] else unverified.add)(body["domain"].lower())
        self._state.changed.set()
        return _done(lambda: None)

    def post_token(self) -> ResponseReturnValue:
        body = request.get_json()
        self._state.tokens[body["token"]] = not body.get("revoked", False)
        self._state.changed.set()
        return _done(lambda: None)

    def post_application(self) -> ResponseReturnValue:
        asked = registered(request.get_json())
        with self._state.lock:
            self._state.grants.register(**asked)
        self._state.changed.set()
        return _done(lambda: None)

    def post_audience(self) -> ResponseReturnValue:
        body = request.get_json()
        double_optin = bool(body.get("double_optin", False))
        with self._state.lock:
            audience = self._state.add_audience(body["name"], double_optin=double_optin)
        self._state.changed.set()
        return jsonify(id=audience.id)

    def delete_audience(self, list_id: str) -> ResponseReturnValue:
        with self._state.lock:
            self._state.audiences.pop(list_id, None)
        self._state.changed.set()
        return _done(lambda: None)

    def patch_field(self) -> ResponseReturnValue:
        body = request.get_json()

        def rename() -> None:
            with self._state.lock:
                audience = self._audience(body)
                field = audience.field_by_tag(body["tag"])
                if field is None:
                    raise LookupError("no such field")
                fields.rename(audience, field, body.get("new_tag", field.tag))
                field.name = body.get("name", field.name)
            self._state.changed.set()

        return _done(rename)

    def post_clock(self) -> ResponseReturnValue:
        body = request.get_json()
        if "now" in body:
            self._state.clock.set(datetime.fromisoformat(body["now"]))
        self._state.clock.advance(body.get("advance_s", 0))
        with self._state.lock:
            delivery.tick(self._state)
        return jsonify(now=self._state.clock.text())

    def post_batches(self) -> ResponseReturnValue:
        running = self._batches.running
        (running.set if request.get_json()["running"] else running.clear)()
        return _done(lambda: None)

    def post_webhooks(self) -> ResponseReturnValue:
        """Hold or release deliveries, in an order; `copies` of each message."""
        body, held = request.get_json(), self._state.hooks
        held.copies = int(body.get("copies", held.copies))
        if "held" in body:
            held.hold() if body["held"] else held.release(body.get("order", ""))
        return _done(lambda: None)

    def post_flow(self) -> ResponseReturnValue:
        """Build a flow: the fields of `flows.Flow` but ids, as a marketer would."""
        body = request.get_json()
        given = {name: value for name, value in body.items() if name != "list_id"}
        with self._state.lock:
            flow = flows.add(self._state, self._audience(body), **given)
        self._state.changed.set()
        return jsonify(id=flow.id, step=flow.step)

    def patch_flow(self, flow_id: int) -> ResponseReturnValue:
        """Switch a flow on or off."""
        with self._state.lock:
            flow = self._state.flows.by_id[flow_id]
            flow.is_on = bool(request.get_json()["is_on"])
        self._state.changed.set()
        return _done(lambda: None)

    def post_reset(self) -> ResponseReturnValue:
        with self._state.lock:
            self._state.reset()
            self._batches.by_id.clear()
        return _done(lambda: None)


def _done(work: Callable[[], object]) -> ResponseReturnValue:
    return jsonify(done=work())


def _refuse(error: Exception) -> ResponseReturnValue:
    if isinstance(error, Problem):
        return jsonify(error=error.detail), error.status
    if isinstance(error, LookupError):
        return jsonify(error="not found, or a value is missing"), 404
    return jsonify(error=str(error)), 400
