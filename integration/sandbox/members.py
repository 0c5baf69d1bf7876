"""Members: `/lists/{list_id}/members` and the state machine of their status."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from integration.sandbox import flows, hooks
from integration.sandbox.call import Answer, Call, check, texts
from integration.sandbox.problems import (
    SEE_ERRORS,
    Problem,
    invalid,
    not_allowed,
    not_emulated,
    not_found,
)
from integration.sandbox.shape import Document, is_true, moment, page
from integration.sandbox.state import (
    STATUSES,
    Audience,
    Member,
    SandboxState,
    subscriber_hash,
)
from integration.sandbox.values import merged

#: What a request may ask for; "archived" comes only from DELETE.
SETTABLE = tuple(status for status in STATUSES if status != "archived")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
#: What no API call reaches any more, by how the person was lost: a confirmation mail may go to
#: one who left, nothing at all to a dead address.
CLOSED = {"": (), "unsubscribed": ("subscribed",), "cleaned": ("subscribed", "pending")}
#: Mailchimp refuses addresses that cannot be a person's.
FAKE_DOMAINS = ("example.com", "example.org", "example.net")
MAX_TAG_NAME = 100
KINDS = {
    "email_address": "text",
    "status": "text",
    "status_if_new": "text",
    "email_type": "text",
    "merge_fields": "object",
    "language": "text",
    "vip": "flag",
    "location": "object",
    "ip_signup": "text",
    "timestamp_signup": "text",
    "ip_opt": "text",
    "timestamp_opt": "text",
}
LONG_ONLY = {
    "consents_to_one_to_one_messaging",
    "contact_id",
    "full_name",
    "source",
    "unsubscribe_reason",
    "web_id",
}
SIGNUP_TEXTS = ("ip_signup", "timestamp_signup", "ip_opt", "timestamp_opt")


def document(audience: Audience, member: Member) -> Document:
    """A member as the API shows it."""
    merge, signup = member.merge, member.signup
    tags = [{"id": i, "name": audience.segments[i].name} for i in sorted(member.tags)]
    return {
        "id": subscriber_hash(member.email),
        "email_address": member.email,
        "unique_email_id": f"{member.web_id:010x}",
        "contact_id": member.contact_id,
        "full_name": f"{merge.get('FNAME', '')} {merge.get('LNAME', '')}".strip(),
        "web_id": member.web_id,
        "email_type": member.email_type,
        "status": member.status,
        "unsubscribe_reason": _reason(member),
        "consents_to_one_to_one_messaging": True,
        "merge_fields": {f.tag: merge.get(f.tag, "") for f in audience.fields.values()},
        "interests": {},
        "stats": {"avg_open_rate": 0, "avg_click_rate": 0, **_bought(audience, member)},
        **{name: signup.get(name, "") for name in SIGNUP_TEXTS},
        "member_rating": 2,
        "last_changed": member.last_changed,
        "language": member.language,
        "vip": member.vip,
        "email_client": "",
        "location": {
            "latitude": signup.get("latitude", 0),
            "longitude": signup.get("longitude", 0),
            "gmtoff": 0,
            "dstoff": 0,
            "country_code": "",
            "timezone": "",
        },
        "source": "API - Generic",
        "tags_count": len(tags),
        "tags": tags,
        "list_id": audience.id,
    }


def short(audience: Audience, member: Member) -> Document:
    """A member as the calls for many at once show it: without the later additions."""
    return {k: v for k, v in document(audience, member).items() if k not in LONG_ONLY}


def _bought(audience: Audience, member: Member) -> Document:
    """Orders and revenue over the audience's stores; nothing without a store."""
    stores = list(audience.stores.values())
    if not stores:
        return {}
    totals = [store.totals_at(member.email) for store in stores]
    return {
        "ecommerce_data": {
            "total_revenue": round(sum(revenue for _, revenue in totals), 2),
            "number_of_orders": sum(orders for orders, _ in totals),
            "currency_code": stores[0].about["currency_code"],
        }
    }


def _reason(member: Member) -> str:
    if member.status != "unsubscribed":
        return ""
    return "N/A (Unsubscribed by person)" if member.left else "N/A (Unsubscribed by an admin)"


def present(audience: Audience, who: str) -> Member:
    """A member that is there, archived or not; Problem 404 otherwise."""
    member = audience.find(who)
    if member is None:
        raise not_found()
    return member


def check_address(audience: Audience, email: str) -> None:
    """Whether an address may come in; Problem 400 otherwise."""
    if subscriber_hash(email) in audience.forgotten:
        detail = (
            f"{email} was permanently deleted and cannot be re-imported. "
            "The contact must re-subscribe to get back on the list."
        )
        raise Problem(400, "Forgotten Email Not Subscribed", detail)
    if not EMAIL.fullmatch(email):
        raise invalid("Please provide a valid email address.")
    if email.lower().rpartition("@")[2] in FAKE_DOMAINS:
        raise invalid(f"{email} looks fake or invalid, please enter a real email address.")


def change_status(member: Member, wanted: str) -> None:
    """The state machine for API calls; Problem 400 where only the person can act."""
    if wanted in CLOSED[member.left] and wanted != member.status:
        detail = (
            f"{member.email} is in a compliance state due to unsubscribe, bounce, "
            "or compliance review and cannot be subscribed."
        )
        raise Problem(400, "Member In Compliance State", detail)
    member.status = wanted
    if wanted == "cleaned":
        member.left = "cleaned"


def write(audience: Audience, member: Member, call: Call, body: dict[str, Any]) -> None:
    """Lay a body's fields over a member; all or nothing."""
    if body.get("interests"):
        raise invalid(SEE_ERRORS, ("interests", "Invalid interest ID"))
    if body.get("marketing_permissions"):
        raise not_emulated("marketing_permissions")
    skip = is_true(call.query.get("skip_merge_validation"))
    merge = merged(audience, member, body.get("merge_fields", {}), skip=skip)
    _rename(audience, member, body.get("email_address"))
    member.merge = merge
    member.language = body.get("language", member.language)
    member.vip = body.get("vip", member.vip)
    member.email_type = body.get("email_type", member.email_type)
    given = {**body, **body.get("location", {})}
    for name in (*SIGNUP_TEXTS, "latitude", "longitude"):
        if given.get(name):
            member.signup[name] = given[name]
    member.last_changed = call.state.clock.text()


def _rename(audience: Audience, member: Member, email: str | None) -> None:
    if email is None or email.lower() == member.email.lower():
        return
    if subscriber_hash(email) in audience.members:
        raise exists(email)
    check_address(audience, email)
    if subscriber_hash(member.email) in audience.members:
        audience.rename(member, email)
    else:
        member.email = email


def exists(email: str) -> Problem:
    """400 for an address that is taken."""
    detail = f"{email} is already a list member. Use PUT to insert or update list members."
    return Problem(400, "Member Exists", detail)


def checked(call_body: dict[str, Any]) -> dict[str, Any]:
    """A member body whose kinds and choices are right; Problem 400 otherwise."""
    check(call_body, KINDS)
    choices = {
        "status": SETTABLE,
        "status_if_new": SETTABLE,
        "email_type": ("html", "text", ""),
    }
    for name, allowed in choices.items():
        if name in call_body and call_body[name] not in allowed:
            raise invalid(SEE_ERRORS, (name, "The value you selected is not a valid choice."))
    return call_body


def create(
    state: SandboxState, audience: Audience, call: Call, body: dict[str, Any], status: str
) -> Member:
    """Take a new address in, with the tags that a POST may name."""
    email = body["email_address"].strip()
    check_address(audience, email)
    member = Member(email=email, status=status, web_id=state.next_id("member"))
    write(audience, member, call, {**body, "email_address": email})
    member.left = "cleaned" if status == "cleaned" else ""
    if status == "subscribed":  # whoever calls says that the person confirmed
        member.signup.setdefault("timestamp_opt", state.clock.text())
    audience.put(member)
    add_tags(state, audience, member, texts(body, "tags"))
    hooks.tell(state, audience, None, member, "api")
    return member


def update(call: Call, audience: Audience, member: Member, body: dict[str, Any]) -> None:
    """Change a member, its status by `body["status"]`; nothing changes when a part is refused."""
    before, left, was = member.status, member.left, hooks.seen(member)
    if body.get("status"):
        change_status(member, body["status"])
    try:
        write(audience, member, call, body)
    except Problem:
        member.status, member.left = before, left
        raise
    hooks.tell(call.state, audience, was, member, "api")


def add_tags(state: SandboxState, audience: Audience, member: Member, names: list[str]) -> None:
    """Give a member tags by name; unknown ones are created."""
    for name in names:
        check_tag_name(name)
        flows.give(state, audience, member, state.tag(audience, name).id)


def check_tag_name(name: str) -> None:
    """Whether a tag or segment may be called so; Problem 400 otherwise."""
    if not name.strip() or len(name) > MAX_TAG_NAME:
        raise invalid(SEE_ERRORS, ("name", f"1 to {MAX_TAG_NAME} characters."))


def put_member(call: Call, list_id: str, who: str) -> Answer:
    """PUT: update the member there, or create it with `status_if_new`."""
    audience, body = call.state.audience(list_id), checked(call.object())
    member = audience.find(who)
    email = body.get("email_address")
    if member is not None:
        if member.status == "archived" and "status_if_new" in body:
            body = {"status": body["status_if_new"], **body}
        update(call, audience, member, body)
        return 200, document(audience, member)
    if not email:
        raise invalid(SEE_ERRORS, ("email_address", "This value should not be blank."))
    if "@" not in who and subscriber_hash(email) != who.lower():
        if subscriber_hash(email) in audience.members:
            raise exists(email)
        raise invalid("The subscriber hash in the path does not belong to this email address.")
    status = body.get("status_if_new") or body.get("status")
    if not status:
        raise invalid(SEE_ERRORS, ("status_if_new", "This value should not be blank."))
    return 200, document(audience, create(call.state, audience, call, body, status))


def post_member(call: Call, list_id: str) -> Answer:
    """POST: create only; an archived contact comes back."""
    audience, body = call.state.audience(list_id), checked(call.object())
    check(body, {}, required=("email_address", "status"))
    member = audience.find(body["email_address"].strip())
    if member is None:
        member = create(call.state, audience, call, body, body["status"])
    elif member.status == "archived":
        update(call, audience, member, body)
        add_tags(call.state, audience, member, texts(body, "tags"))
    else:
        raise exists(body["email_address"])
    return 200, document(audience, member)


def patch_member(call: Call, list_id: str, who: str) -> Answer:
    """PATCH: update; 404 when absent."""
    audience, body = call.state.audience(list_id), checked(call.object())
    member = present(audience, who)
    update(call, audience, member, body)
    return 200, document(audience, member)


def get_member(call: Call, list_id: str, who: str) -> Answer:
    """GET: one member."""
    audience = call.state.audience(list_id)
    return 200, document(audience, present(audience, who))


def delete_member(call: Call, list_id: str, who: str) -> Answer:
    """DELETE: archive; tags and fields stay for a return."""
    audience = call.state.audience(list_id)
    member = present(audience, who)
    was = hooks.seen(member)
    archive(call.state, member)
    hooks.tell(call.state, audience, was, member, "api")
    return 204, None


def archive(state: SandboxState, member: Member) -> None:
    """Archive a member; Problem 405 when it is already."""
    if member.status == "archived":
        raise not_allowed("This list member cannot be removed. Please contact support.")
    member.status = "archived"
    member.last_changed = state.clock.text()


def delete_permanent(call: Call, list_id: str, who: str) -> Answer:
    """POST: erase; the address cannot come back by API."""
    audience = call.state.audience(list_id)
    member = present(audience, who)
    forget(audience, member)
    hooks.tell_gone(call.state, audience, member, "api")
    return 204, None


def forget(audience: Audience, member: Member) -> None:
    """Erase a member and remember only the hash."""
    audience.drop(member)
    audience.forgotten.add(subscriber_hash(member.email))


def get_members(call: Call, list_id: str) -> Answer:
    """GET: members, archived ones only when asked for."""
    audience = call.state.audience(list_id)
    tests = _filters(call)
    rows = [m for m in audience.members.values() if all(test(m) for test in tests)]
    order = call.query.get("sort_field")
    if order is not None:
        if order not in ("last_changed", "timestamp_signup", "timestamp_opt"):
            raise invalid("The query is not valid.", ("sort_field", "Not a field to sort by."))
        reverse = call.query.get("sort_dir", "ASC").upper() == "DESC"
        rows.sort(key=lambda m: _sort_value(m, order), reverse=reverse)
    return 200, page("members", rows, call.query, lambda m: document(audience, m), list_id=list_id)


def _sort_value(member: Member, name: str) -> str:
    return member.last_changed if name == "last_changed" else str(member.signup.get(name, ""))


def _filters(call: Call) -> list[Callable[[Member], bool]]:
    query, tests = call.query, list[Callable[[Member], bool]]()
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise invalid("The query is not valid.", ("status", "Not a status."))
    tests.append(lambda m: m.status == status if status else m.status != "archived")
    if "since_last_changed" in query:
        since = moment(query["since_last_changed"])
        tests.append(lambda m: m.last_changed > since)
    if "before_last_changed" in query:
        before = moment(query["before_last_changed"])
        tests.append(lambda m: m.last_changed < before)
    if "since_timestamp_opt" in query:
        opted = moment(query["since_timestamp_opt"])
        tests.append(lambda m: str(m.signup.get("timestamp_opt", "")) > opted)
    if "unsubscribed_since" in query:
        gone = moment(query["unsubscribed_since"])
        tests.append(lambda m: m.status == "unsubscribed" and m.last_changed > gone)
    if "unique_email_id" in query:
        tests.append(lambda m: f"{m.web_id:010x}" == query["unique_email_id"])
    if is_true(query.get("vip_only")):
        tests.append(lambda m: m.vip)
    return tests


def search_members(call: Call) -> Answer:
    """GET /search-members: by address or name, over one audience or all."""
    words = call.query.get("query", "").strip().lower()
    if not words:
        raise invalid("The query is not valid.", ("query", "This value should not be blank."))
    wanted = call.query.get("list_id")
    audiences = [call.state.audience(wanted)] if wanted else call.state.audiences.values()
    exact, full = [], []
    for audience in audiences:
        for member in audience.members.values():
            if member.email.lower() == words:
                exact.append(document(audience, member))
            elif matches(member, words):
                full.append(document(audience, member))
    return 200, {
        "exact_matches": {"members": exact[:100], "total_items": len(exact)},
        "full_search": {"members": full[:100], "total_items": len(full)},
    }


def matches(member: Member, words: str) -> bool:
    """Whether address or name contain lower-case `words`."""
    name = f"{member.merge.get('FNAME', '')} {member.merge.get('LNAME', '')}"
    return words in member.email.lower() or words in name.lower()
