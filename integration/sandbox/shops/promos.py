"""Promotions: rules and the codes that redeem them."""

from __future__ import annotations

from typing import Any

from integration.sandbox.call import Answer, Call
from integration.sandbox.problems import SEE_ERRORS, invalid
from integration.sandbox.shape import Document, page
from integration.sandbox.shops.common import read, short_id, taken, the_row, the_store
from integration.sandbox.shops.store import Row

DATES = ("starts_at", "ends_at", "created_at_foreign", "updated_at_foreign")
RULE = {
    "id": "text",
    "title": "text",
    "description": "text",
    "amount": "number",
    "type": "text",
    "target": "text",
    "enabled": "flag",
    **dict.fromkeys(DATES, "text"),
}
RULE_REQUIRED = ("id", "description", "amount", "type", "target")
CODE = {
    "id": "text",
    "code": "text",
    "redemption_url": "text",
    "usage_count": "whole number",
    "enabled": "flag",
    **dict.fromkeys(DATES[2:], "text"),
}
CODE_REQUIRED = ("id", "code", "redemption_url")
LONGEST = {"title": 100, "description": 255, "code": 50, "redemption_url": 2000}
CHOICES = {"type": ("fixed", "percentage"), "target": ("per_item", "total", "shipping")}


def _shown(row: Row) -> Document:
    """A rule or a code as the API shows it."""
    return {k: v for k, v in row.items() if k != "codes" and v != ""}


def _read(body: Any, kinds: dict[str, str], required: tuple[str, ...] = ()) -> Row:
    row = read(body, kinds, required)
    short_id("id", row.get("id", ""))
    for name, most in LONGEST.items():
        if len(str(row.get(name, "")).encode()) > most:
            raise invalid(SEE_ERRORS, (name, f"At most {most} bytes."))
    for name, allowed in CHOICES.items():
        if row.get(name, allowed[0]) not in allowed:
            raise invalid(SEE_ERRORS, (name, "The value you selected is not a valid choice."))
    if row.get("type") == "percentage" and not 0 <= row.get("amount", 0) <= 1:
        raise invalid(SEE_ERRORS, ("amount", "A percentage lies between 0.0 and 1.0."))
    return row


def get_rules(call: Call, store_id: str) -> Answer:
    """GET: promo rules."""
    rows = list(the_store(call, store_id).promo_rules.values())
    return 200, page("promo_rules", rows, call.query, _shown, store_id=store_id)


def get_rule(call: Call, store_id: str, rule_id: str) -> Answer:
    """GET: one rule."""
    return 200, _shown(the_row(the_store(call, store_id).promo_rules, rule_id))


def post_rule(call: Call, store_id: str) -> Answer:
    """POST: create only."""
    store, row = the_store(call, store_id), _read(call.object(), RULE, RULE_REQUIRED)
    if row["id"] in store.promo_rules:
        raise taken("promo rule")
    store.promo_rules[row["id"]] = {"enabled": True, **row, "codes": {}}
    return 200, _shown(store.promo_rules[row["id"]])


def patch_rule(call: Call, store_id: str, rule_id: str) -> Answer:
    """PATCH: the given fields."""
    rule = the_row(the_store(call, store_id).promo_rules, rule_id)
    rule.update({**_read(call.object(), RULE), "id": rule_id})
    return 200, _shown(rule)


def delete_rule(call: Call, store_id: str, rule_id: str) -> Answer:
    """DELETE: the rule with its codes."""
    store = the_store(call, store_id)
    the_row(store.promo_rules, rule_id)
    del store.promo_rules[rule_id]
    return 204, None


def _codes(call: Call, store_id: str, rule_id: str) -> dict[str, Row]:
    codes: dict[str, Row] = the_row(the_store(call, store_id).promo_rules, rule_id)["codes"]
    return codes


def get_codes(call: Call, store_id: str, rule_id: str) -> Answer:
    """GET: codes of a rule."""
    rows = list(_codes(call, store_id, rule_id).values())
    return 200, page("promo_codes", rows, call.query, _shown, store_id=store_id)


def get_code(call: Call, store_id: str, rule_id: str, code_id: str) -> Answer:
    """GET: one code."""
    return 200, _shown(the_row(_codes(call, store_id, rule_id), code_id))


def post_code(call: Call, store_id: str, rule_id: str) -> Answer:
    """POST: create only."""
    codes, row = _codes(call, store_id, rule_id), _read(call.object(), CODE, CODE_REQUIRED)
    if row["id"] in codes:
        raise taken("promo code")
    codes[row["id"]] = {"enabled": True, "usage_count": 0, **row}
    return 200, _shown(codes[row["id"]])


def patch_code(call: Call, store_id: str, rule_id: str, code_id: str) -> Answer:
    """PATCH: the given fields."""
    row = the_row(_codes(call, store_id, rule_id), code_id)
    row.update({**_read(call.object(), CODE), "id": code_id})
    return 200, _shown(row)


def delete_code(call: Call, store_id: str, rule_id: str, code_id: str) -> Answer:
    """DELETE: one code."""
    codes = _codes(call, store_id, rule_id)
    the_row(codes, code_id)
    del codes[code_id]
    return 204, None
