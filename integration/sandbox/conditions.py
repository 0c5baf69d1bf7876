"""Whom a segment's conditions select (documentation pages "Segments" and "Campaigns").

A condition is checked where it comes in and evaluated where it is asked. The types of the
specification that need data which this sandbox has not are taken, and evaluating them is a 501.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from integration.sandbox import purchases
from integration.sandbox.comparing import BLANK, compare
from integration.sandbox.mailing import Campaign
from integration.sandbox.problems import SEE_ERRORS, invalid, not_emulated
from integration.sandbox.state import Audience, Member, SandboxState

Condition = dict[str, Any]
Test = Callable[[Member], bool]

MAX_CONDITIONS = 10
_TEXT_OPS = ("is", "not", "contains", "notcontain", "starts", "ends", "greater", "less")
#: The operators of each type that is evaluated here (specification).
OPERATORS: dict[str, tuple[str, ...]] = {
    "StaticSegment": ("static_is", "static_not"),
    "TextMerge": (*_TEXT_OPS, *BLANK),
    "DateMerge": ("is", "not", "less", "greater", *BLANK),
    "BirthdayMerge": ("is", "not", *BLANK),
    "SelectMerge": ("is", "not", "contains", "notcontain", *BLANK),
    "AddressMerge": ("contains", "notcontain", *BLANK),
    "Date": ("greater", "less", "is", "not", *BLANK, "within", "notwithin"),
    "EmailAddress": _TEXT_OPS,
    "Language": ("is", "not"),
    "VIP": ("member", "notmember"),
    "MemberRating": ("is", "not", "greater", "less"),
    "EcommCategory": ("is", "not", "contains", "notcontain", "starts", "ends"),
    "EcommNumber": ("is", "not", "greater", "less"),
    "EcommPurchased": ("member", "notmember"),
    "EcommSpent": ("greater", "less"),
    "EcommStore": ("is", "not"),
    "Aim": ("open", "click", "sent", "noopen", "noclick", "nosent"),
}
#: Types that Mailchimp knows and this sandbox has no data for.
TAKEN = (
    "Automation",
    "CampaignPoll",
    "Conversation",
    "EmailClient",
    "SignupSource",
    "SurveyMonkey",
    "Interests",
    "GoalActivity",
    "GoalTimestamp",
    "FuzzySegment",
    "IPGeoCountryState",
    "IPGeoIn",
    "IPGeoInZip",
    "IPGeoUnknown",
    "IPGeoZip",
    "SocialAge",
    "SocialGender",
    "SocialInfluence",
    "SocialNetworkMember",
    "SocialNetworkFollow",
    "ZipMerge",
    "PredictedGender",
    "PredictedAge",
    "NewSubscribers",
)
_NO_VALUE = (*BLANK, "member", "notmember")
#: Rating of everybody here: `members.document` says the same.
RATING = 2


def check(options: Any) -> dict[str, Any]:
    """Return match and conditions; Problem 400 unless each condition can be."""
    if not isinstance(options, dict):
        raise invalid(SEE_ERRORS, ("options", "Schema describes object"))
    match, conditions = options.get("match"), options.get("conditions")
    if match not in ("any", "all") or not isinstance(conditions, list):
        raise invalid(SEE_ERRORS, ("options", "match (any or all) and conditions are needed."))
    if not conditions or len(conditions) > MAX_CONDITIONS:
        raise invalid(SEE_ERRORS, ("options.conditions", f"1 to {MAX_CONDITIONS} conditions."))
    for condition in conditions:
        _check_one(condition)
    return {"match": match, "conditions": conditions}


def _check_one(condition: Any) -> None:
    if not isinstance(condition, dict) or not isinstance(condition.get("op"), str):
        raise invalid(SEE_ERRORS, ("options.conditions", "Each needs field, op and value."))
    kind = condition.get("condition_type")
    if kind in TAKEN:
        return
    if kind not in OPERATORS:
        raise invalid(SEE_ERRORS, ("options.conditions", "Unknown condition_type."))
    known = condition["op"] in OPERATORS[kind]
    if not known or ("value" not in condition and condition["op"] not in _NO_VALUE):
        raise invalid(SEE_ERRORS, ("options.conditions", f"Not a {kind} condition."))
    if kind == "StaticSegment" and not str(condition["value"]).isdecimal():
        raise invalid(SEE_ERRORS, ("options.conditions", "Not a tag condition."))


def evaluable(options: dict[str, Any]) -> bool:
    """Whether everything that the conditions ask is known here."""
    return all(c.get("condition_type") in TESTS for c in options["conditions"])


def test_of(state: SandboxState, audience: Audience, options: dict[str, Any]) -> Test:
    """Return what tells whether a member is selected; Problem 501 where it is not known."""
    if not evaluable(options):
        raise not_emulated("Evaluating one of these segment conditions")
    tests = [TESTS[c["condition_type"]](state, audience, c) for c in options["conditions"]]
    join = all if options["match"] == "all" else any
    return lambda member: join(test(member) for test in tests)


def in_words(audience: Audience, options: dict[str, Any] | None) -> str:
    """Return the conditions as a line for people."""
    if options is None:
        return ""
    rows = []
    for condition in options["conditions"]:
        value = condition.get("value", "")
        if condition.get("condition_type") == "StaticSegment":
            tag = audience.segments.get(int(value))
            value = tag.name if tag else value
        rows.append(f"{condition.get('field', '')} {condition['op']} {value}".strip())
    return f" {options['match']} ".join(rows)


# -- one kind of test each -------------------------------------------------------------------------


def _static(_state: SandboxState, _audience: Audience, c: Condition) -> Test:
    tag, wanted = int(c["value"]), c["op"] == "static_is"
    return lambda member: (tag in member.tags) is wanted


def _merge(_state: SandboxState, audience: Audience, c: Condition) -> Test:
    tag = str(c["field"])
    numeric = tag.removeprefix("merge")
    if numeric.isdecimal() and int(numeric) in audience.fields:
        tag = audience.fields[int(numeric)].tag
    return lambda member: compare(_text(member.merge.get(tag, "")), c["op"], c.get("value", ""))


def _text(value: object) -> str:
    return " ".join(str(v) for v in value.values()) if isinstance(value, dict) else str(value)


def _email(_state: SandboxState, _audience: Audience, c: Condition) -> Test:
    return lambda member: compare(member.email, c["op"], c["value"])


def _language(_state: SandboxState, _audience: Audience, c: Condition) -> Test:
    return lambda member: compare(member.language, c["op"], c["value"])


def _vip(_state: SandboxState, _audience: Audience, c: Condition) -> Test:
    return lambda member: member.vip is (c["op"] == "member")


def _rating(_state: SandboxState, _audience: Audience, c: Condition) -> Test:
    return lambda _member: compare(str(RATING), c["op"], c["value"])


def _date(state: SandboxState, audience: Audience, c: Condition) -> Test:
    wanted = _day_meant(state, audience, c)
    return lambda member: _compare_day(_day_held(audience, member, c["field"]), c["op"], wanted)


def _day_held(audience: Audience, member: Member, field: str) -> str:
    if field == "ecomm_date":
        return purchases.last_day(audience, member.email)
    held = member.last_changed if field == "info_changed" else member.signup.get("timestamp_opt")
    return str(held or "")[:10]


def _day_meant(state: SandboxState, audience: Audience, c: Condition) -> str:
    """The day a condition speaks of: given, that of a campaign, or some days ago."""
    value, extra = str(c.get("value", "")), str(c.get("extra", ""))
    if c["op"] in ("within", "notwithin"):
        days = int(value) if value.isdecimal() else 0
        return (state.clock.now().date() - timedelta(days=days)).isoformat()
    if value == "date":
        return extra
    if value in ("campaign", "last"):
        sent = [
            row.send_time
            for row in state.mail.campaigns.values()
            if row.list_id == audience.id
            and row.status == "sent"
            and (value == "last" or str(row.web_id) == extra)
        ]
        return max(sent, default="")[:10]
    return value


def _compare_day(held: str, op: str, wanted: str) -> bool:
    if op in BLANK:
        return (held == "") is (op == "blank")
    if op == "notwithin":
        return not _compare_day(held, "within", wanted)
    if not held or not _is_day(wanted):
        return False
    found = {
        "is": held == wanted,
        "not": held != wanted,
        "greater": held > wanted,
        "less": held < wanted,
        "within": held >= wanted,
    }
    return found[op]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _aim(state: SandboxState, audience: Audience, c: Condition) -> Test:
    op, value, now = c["op"], str(c["value"]), state.clock.text()
    campaigns = [
        row
        for row in state.mail.campaigns.values()
        if row.list_id == audience.id and value in ("any", str(row.web_id), row.id)
    ]
    wanted = not op.startswith("no")
    reached = _reached(campaigns, op.removeprefix("no"), now)
    return lambda member: (member.email.lower() in reached) is wanted


def _reached(campaigns: list[Campaign], act: str, now: str) -> set[str]:
    return {
        delivery.email.lower()
        for row in campaigns
        for delivery in row.deliveries
        if act == "sent" or delivery.of(act, now)
    }


TESTS: dict[str, Callable[[SandboxState, Audience, Condition], Test]] = {
    "StaticSegment": _static,
    "TextMerge": _merge,
    "DateMerge": _merge,
    "BirthdayMerge": _merge,
    "SelectMerge": _merge,
    "AddressMerge": _merge,
    "Date": _date,
    "EmailAddress": _email,
    "Language": _language,
    "VIP": _vip,
    "MemberRating": _rating,
    "Aim": _aim,
    **purchases.TESTS,
}
