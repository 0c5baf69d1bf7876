"""The account and its audiences, and the batch subscribe call."""

from __future__ import annotations

from collections import Counter
from typing import Any

from integration.sandbox import members
from integration.sandbox.call import Answer, Call, check, texts
from integration.sandbox.problems import SEE_ERRORS, Problem, invalid
from integration.sandbox.shape import Document, is_true, page
from integration.sandbox.state import Audience, Member

#: Rows of one batch subscribe call.
MAX_ROWS = 500


def get_root(call: Call) -> Answer:
    """GET /: the account."""
    audiences = call.state.audiences.values()
    return 200, {
        "account_id": "5t1p75a4db0x",
        "login_id": "1",
        "account_name": "Stipt sandbox",
        "email": "merchant@stipt-demo.shop",
        "first_name": "Stipt",
        "last_name": "Sandbox",
        "username": "stipt-sandbox",
        "role": "owner",
        "pricing_plan_type": "monthly",
        "account_timezone": "Europe/Amsterdam",
        "total_subscribers": sum(statuses(a)["subscribed"] for a in audiences),
    }


def ping(_call: Call) -> Answer:
    """GET /ping."""
    return 200, {"health_status": "Everything's Chimpy!"}


def statuses(audience: Audience) -> Counter[str]:
    """How many members have which status."""
    return Counter(member.status for member in audience.members.values())


def document(audience: Audience, *, total: bool = False) -> Document:
    """An audience as the API shows it."""
    counts = statuses(audience)
    stats: dict[str, Any] = {
        "member_count": counts["subscribed"],
        "unsubscribe_count": counts["unsubscribed"],
        "cleaned_count": counts["cleaned"],
        "member_count_since_send": 0,
        "unsubscribe_count_since_send": 0,
        "cleaned_count_since_send": 0,
        "campaign_count": 0,
        "merge_field_count": len(audience.fields),
    }
    if total:
        stats["total_contacts"] = sum(counts.values()) - counts["archived"]
    return {
        "id": audience.id,
        "web_id": audience.web_id,
        "name": audience.name,
        "contact": {
            "company": "Stipt sandbox",
            "address1": "",
            "address2": "",
            "city": "",
            "state": "",
            "zip": "",
            "country": "NL",
            "phone": "",
        },
        "permission_reminder": "You are on this list because you asked to be.",
        "use_archive_bar": True,
        "campaign_defaults": {
            "from_name": "Stipt sandbox",
            "from_email": "merchant@stipt-demo.shop",
            "subject": "",
            "language": "en",
        },
        "notify_on_subscribe": "",
        "notify_on_unsubscribe": "",
        "date_created": audience.created_at,
        "list_rating": 0,
        "subscribe_url_short": f"https://sign-up.stipt-demo.shop/{audience.id}",
        "subscribe_url_long": f"https://sign-up.stipt-demo.shop/subscribe?id={audience.id}",
        "email_type_option": False,
        "visibility": "prv",
        "double_optin": audience.double_optin,
        "has_welcome": False,
        "marketing_permissions": False,
        "modules": [],
        "stats": stats,
    }


def get_lists(call: Call) -> Answer:
    """GET /lists, all or those an address is on."""
    rows = list(call.state.audiences.values())
    email = call.query.get("email")
    if email is not None:
        rows = [a for a in rows if a.find(email) is not None]
    total = is_true(call.query.get("include_total_contacts"))
    return 200, page("lists", rows, call.query, lambda a: document(a, total=total))


def get_list(call: Call, list_id: str) -> Answer:
    """GET /lists/{list_id}."""
    total = is_true(call.query.get("include_total_contacts"))
    return 200, document(call.state.audience(list_id), total=total)


def batch_subscribe(call: Call, list_id: str) -> Answer:
    """POST /lists/{list_id}: up to 500 rows; 200 even when rows fail."""
    audience, body = call.state.audience(list_id), call.object()
    kinds = {"members": "list", "update_existing": "flag", "sync_tags": "flag"}
    check(body, kinds, required=("members",))
    if len(body["members"]) > MAX_ROWS:
        raise invalid(SEE_ERRORS, ("members", f"At most {MAX_ROWS} members in one call."))
    created, updated, errors = list[Member](), list[Member](), list[Document]()
    seen: set[str] = set()
    for row in body["members"]:
        try:
            member, is_new = _subscribe(call, audience, row, seen)
        except Problem as problem:
            errors.append(_row_error(row, problem))
        else:
            (created if is_new else updated).append(member)
    return 200, {
        "new_members": [members.short(audience, m) for m in created],
        "updated_members": [members.short(audience, m) for m in updated],
        "errors": errors,
        "total_created": len(created),
        "total_updated": len(updated),
        "error_count": len(errors),
    }


def _subscribe(call: Call, audience: Audience, row: Any, seen: set[str]) -> tuple[Member, bool]:
    if not isinstance(row, dict):
        raise invalid("Each member must be a JSON object.")
    check(members.checked(row), {"tags": "list"}, required=("email_address",))
    email = row["email_address"].strip().lower()
    if email in seen and not is_true(call.query.get("skip_duplicate_check")):
        raise invalid("Duplicate items found with this email address in the request.")
    seen.add(email)
    member = audience.find(email)
    if member is None:
        if not row.get("status"):
            raise invalid(SEE_ERRORS, ("status", "This value should not be blank."))
        return members.create(call.state, audience, call, row, row["status"]), True
    if not call.object().get("update_existing"):
        raise members.exists(row["email_address"])
    members.update(call, audience, member, row)
    if call.object().get("sync_tags"):
        for segment_id in list(member.tags):
            audience.detach(member, segment_id)
    members.add_tags(call.state, audience, member, texts(row, "tags"))
    return member, False


def _row_error(row: Any, problem: Problem) -> Document:
    field, message = problem.errors[0] if problem.errors else ("", "")
    known = problem.title == "Member Exists"
    return {
        "email_address": row.get("email_address", "") if isinstance(row, dict) else "",
        "error": problem.detail,
        "error_code": "ERROR_CONTACT_EXISTS" if known else "ERROR_GENERIC",
        "field": field,
        "field_message": message,
    }
