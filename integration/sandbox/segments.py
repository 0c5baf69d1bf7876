"""Tags and segments: a tag is a static segment with the same id."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from integration.sandbox import conditions, flows, members
from integration.sandbox.call import Answer, Call, check, texts
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_found
from integration.sandbox.shape import Document, Query, is_true, moment, page
from integration.sandbox.state import Audience, Member, SandboxState, Segment, subscriber_hash

#: Addresses per list in one call.
MAX_ADDRESSES = 500
#: Statuses that a segment shows only when the query asks for them.
ASKED = {
    "cleaned": "include_cleaned",
    "transactional": "include_transactional",
    "unsubscribed": "include_unsubscribed",
}


def document(state: SandboxState, audience: Audience, segment: Segment, query: Query) -> Document:
    """A segment as the API shows it; no count where its conditions are not evaluated here."""
    body: Document = {
        "id": segment.id,
        "name": segment.name,
        "type": "static" if segment.is_static else "saved",
        "created_at": segment.created_at,
        "updated_at": segment.updated_at,
        "list_id": audience.id,
    }
    if segment.options is not None:
        body["options"] = segment.options
    if segment.options is None or conditions.evaluable(segment.options):
        body["member_count"] = len(selected(state, audience, segment, query))
    return body


def selected(
    state: SandboxState, audience: Audience, segment: Segment, query: Query
) -> list[Member]:
    """The members of a segment; of the lost ones those that `query` asks for."""
    shown = {"subscribed", "pending"}
    shown |= {status for status, name in ASKED.items() if is_true(query.get(name))}
    if segment.options is None:
        rows: Iterable[Member] = (audience.members[key] for key in segment.members)
    else:
        rows = filter(
            conditions.test_of(state, audience, segment.options), audience.members.values()
        )
    return sorted((m for m in rows if m.status in shown), key=lambda m: m.web_id)


def find(audience: Audience, segment_id: str) -> Segment:
    """A segment by the id in the path; Problem 404 when there is none."""
    segment = audience.segments.get(int(segment_id)) if segment_id.isdecimal() else None
    if segment is None:
        raise not_found()
    return segment


def get_segments(call: Call, list_id: str) -> Answer:
    """GET: all, tags included."""
    audience = call.state.audience(list_id)
    rows = list(audience.segments.values())
    if "type" in call.query:
        rows = [s for s in rows if ("static" if s.is_static else "saved") == call.query["type"]]
    if "since_updated_at" in call.query:
        since = moment(call.query["since_updated_at"])
        rows = [s for s in rows if s.updated_at > since]
    render = partial(document, call.state, audience, query=call.query)
    return 200, page("segments", rows, call.query, render, list_id=list_id)


def get_segment(call: Call, list_id: str, segment_id: str) -> Answer:
    """GET: one."""
    audience = call.state.audience(list_id)
    return 200, document(call.state, audience, find(audience, segment_id), call.query)


def post_segment(call: Call, list_id: str) -> Answer:
    """POST: a tag with its addresses, or a saved segment with its conditions."""
    audience, body = call.state.audience(list_id), call.object()
    check(body, {"name": "text", "options": "object"}, required=("name",))
    addresses = texts(body, "static_segment")
    name = _free_name(audience, body["name"], None)
    options = None
    if "options" in body:
        if "static_segment" in body:
            raise bad_request("Use either static_segment or options, not both.")
        options = conditions.check(body["options"])
    elif "static_segment" not in body:
        raise invalid(SEE_ERRORS, ("static_segment", "This value should not be blank."))
    segment = call.state.add_segment(audience, name, options)
    for member in _listed(audience, addresses):
        flows.give(call.state, audience, member, segment.id)
    return 200, document(call.state, audience, segment, call.query)


def patch_segment(call: Call, list_id: str, segment_id: str) -> Answer:
    """PATCH: name, and the whole membership or the conditions anew."""
    audience, body = call.state.audience(list_id), call.object()
    segment = find(audience, segment_id)
    check(body, {"name": "text", "options": "object"}, required=("name",))
    addresses = texts(body, "static_segment")
    if (segment.is_static and "options" in body) or (not segment.is_static and addresses):
        raise bad_request("A static segment has no options, a saved one no addresses.")
    name = _free_name(audience, body["name"], segment)
    if "options" in body:
        segment.options = conditions.check(body["options"])
    if segment.is_static:
        del audience.tag_ids[segment.name.casefold()]
        audience.tag_ids[name.casefold()] = segment.id
    segment.name = name
    if "static_segment" in body:
        _replace(call.state, audience, segment, addresses)
    segment.updated_at = call.state.clock.text()
    return 200, document(call.state, audience, segment, call.query)


def _replace(
    state: SandboxState, audience: Audience, segment: Segment, addresses: list[str]
) -> None:
    wanted = _listed(audience, addresses)
    keys = {subscriber_hash(member.email) for member in wanted}
    for key in segment.members - keys:
        audience.detach(audience.members[key], segment.id)
    for member in wanted:
        flows.give(state, audience, member, segment.id)


def delete_segment(call: Call, list_id: str, segment_id: str) -> Answer:
    """DELETE: the tag and its membership."""
    audience = call.state.audience(list_id)
    audience.drop_segment(find(audience, segment_id))
    return 204, None


def batch_members(call: Call, list_id: str, segment_id: str) -> Answer:
    """POST: add and remove up to 500 addresses each; those not on the list are errors."""
    audience, body = call.state.audience(list_id), call.object()
    segment = _static(audience, segment_id)
    add, remove = texts(body, "members_to_add"), texts(body, "members_to_remove")
    for name, rows in (("members_to_add", add), ("members_to_remove", remove)):
        if len(rows) > MAX_ADDRESSES:
            raise invalid(SEE_ERRORS, (name, f"At most {MAX_ADDRESSES} addresses in one call."))
    added = [m for m in _listed(audience, add) if flows.give(call.state, audience, m, segment.id)]
    removed = [m for m in _listed(audience, remove) if audience.detach(m, segment.id)]
    if added or removed:
        segment.updated_at = call.state.clock.text()
    absent = [email for email in (*add, *remove) if _on_list(audience, email) is None]
    errors = [{"email_addresses": absent, "error": "Not a member of the list."}] if absent else []
    return 200, {
        "members_added": [_without_purchases(audience, m) for m in added],
        "members_removed": [_without_purchases(audience, m) for m in removed],
        "errors": errors,
        "total_added": len(added),
        "total_removed": len(removed),
        "error_count": len(absent),
    }


def get_segment_members(call: Call, list_id: str, segment_id: str) -> Answer:
    """GET: the members, paged."""
    audience = call.state.audience(list_id)
    segment = find(audience, segment_id)
    rows = selected(call.state, audience, segment, call.query)
    return 200, page("members", rows, call.query, lambda m: _row(audience, m))


def post_segment_member(call: Call, list_id: str, segment_id: str) -> Answer:
    """POST: one address into a tag."""
    audience, body = call.state.audience(list_id), call.object()
    segment = _static(audience, segment_id)
    check(body, {"email_address": "text"}, required=("email_address",))
    member = _on_list(audience, body["email_address"])
    if member is None:
        raise bad_request("This email address is not a member of the list.")
    flows.give(call.state, audience, member, segment.id)
    return 200, _row(audience, member)


def delete_segment_member(call: Call, list_id: str, segment_id: str, who: str) -> Answer:
    """DELETE: one member out of a tag."""
    audience = call.state.audience(list_id)
    segment = _static(audience, segment_id)
    if not audience.detach(members.present(audience, who), segment.id):
        raise not_found()
    return 204, None


def post_member_tags(call: Call, list_id: str, who: str) -> Answer:
    """POST: only the tags named change; an unknown active one is created."""
    audience, body = call.state.audience(list_id), call.object()
    member = members.present(audience, who)
    check(body, {"tags": "list", "is_syncing": "flag"}, required=("tags",))
    for row in body["tags"]:
        _check_tag_row(row)
    for row in body["tags"]:
        if row["status"] == "active":
            tag = call.state.tag(audience, row["name"])
            if body.get("is_syncing"):  # of the past: no flow starts
                audience.attach(member, tag.id)
            else:
                flows.give(call.state, audience, member, tag.id)
        else:
            audience.detach(member, audience.tag_ids.get(row["name"].casefold(), 0))
    return 204, None


def _check_tag_row(row: Any) -> None:
    if not isinstance(row, dict):
        raise invalid(SEE_ERRORS, ("tags", "Schema describes object"))
    check(row, {"name": "text", "status": "text"}, required=("name", "status"))
    if row["status"] not in ("active", "inactive"):
        raise invalid(SEE_ERRORS, ("tags.status", "The value you selected is not a valid choice."))
    members.check_tag_name(row["name"])


def get_member_tags(call: Call, list_id: str, who: str) -> Answer:
    """GET: the member's tags, paged."""
    audience = call.state.audience(list_id)
    member = members.present(audience, who)
    rows = [audience.segments[i] for i in sorted(member.tags)]
    # The day of tagging is not kept; the tag's own stands for it.
    body = page(
        "tags",
        rows,
        call.query,
        lambda s: {"id": s.id, "name": s.name, "date_added": s.created_at},
    )
    return 200, body


def tag_search(call: Call, list_id: str) -> Answer:
    """GET: tags whose name begins so; all without a name."""
    audience = call.state.audience(list_id)
    start = call.query.get("name", "").casefold()
    found = [s for s in audience.segments.values() if s.is_static]
    rows = [s for s in found if s.name.casefold().startswith(start)]
    return 200, {
        "tags": [{"id": s.id, "name": s.name} for s in sorted(rows, key=lambda s: s.name)],
        "total_items": len(rows),
    }


def _row(audience: Audience, member: Member) -> Document:
    """A member as segments show it: without its tags and what it bought."""
    whole = _without_purchases(audience, member)
    return {k: v for k, v in whole.items() if k not in ("tags", "tags_count")}


def _without_purchases(audience: Audience, member: Member) -> Document:
    whole = members.short(audience, member)
    rates = {k: v for k, v in whole["stats"].items() if k != "ecommerce_data"}
    return {**whole, "stats": rates}


def _on_list(audience: Audience, email: str) -> Member | None:
    member = audience.members.get(subscriber_hash(email))
    return None if member is None or member.status == "archived" else member


def _listed(audience: Audience, addresses: list[str]) -> list[Member]:
    found = (_on_list(audience, email) for email in addresses)
    return [member for member in found if member is not None]


def _static(audience: Audience, segment_id: str) -> Segment:
    segment = find(audience, segment_id)
    if not segment.is_static:
        raise bad_request("Members cannot be added to or removed from a saved segment.")
    return segment


def _free_name(audience: Audience, name: str, own: Segment | None) -> str:
    members.check_tag_name(name)
    taken = (s for s in audience.segments.values() if s.name.casefold() == name.casefold())
    if any(s is not own for s in taken):
        raise bad_request("Sorry, that tag already exists.")
    return name
