"""Merge fields: `/lists/{list_id}/merge-fields`."""

from __future__ import annotations

import re
from typing import Any

from integration.sandbox.call import Answer, Call, check
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_found
from integration.sandbox.shape import Document, is_true, page
from integration.sandbox.state import Audience, MergeField
from integration.sandbox.values import READERS

TAG = re.compile(r"[A-Z0-9_]{1,10}")
CHOICE_TYPES = ("radio", "dropdown")
KINDS = {
    "name": "text",
    "type": "text",
    "tag": "text",
    "required": "flag",
    "default_value": "text",
    "public": "flag",
    "display_order": "whole number",
    "help_text": "text",
    "options": "object",
}
#: What may be set as it stands; name, tag, type and options have rules of their own.
PLAIN = ("required", "default_value", "public", "display_order", "help_text")


def document(audience: Audience, field: MergeField) -> Document:
    """A field as the API shows it."""
    options = dict(field.options)
    if field.type in ("text", "url", "imageurl"):
        options.setdefault("size", 25)
    return {
        "merge_id": field.id,
        "tag": field.tag,
        "name": field.name,
        "type": field.type,
        "required": field.required,
        "default_value": field.default_value,
        "public": field.public,
        "display_order": field.display_order,
        "options": options,
        "help_text": field.help_text,
        "list_id": audience.id,
    }


def get_fields(call: Call, list_id: str) -> Answer:
    """GET: all fields, in their display order."""
    audience = call.state.audience(list_id)
    rows = sorted(audience.fields.values(), key=lambda f: (f.display_order, f.id))
    if "type" in call.query:
        rows = [f for f in rows if f.type == call.query["type"]]
    if "required" in call.query:
        rows = [f for f in rows if f.required is is_true(call.query["required"])]
    body = page("merge_fields", rows, call.query, lambda f: document(audience, f), list_id=list_id)
    return 200, body


def get_field(call: Call, list_id: str, merge_id: str) -> Answer:
    """GET: one field."""
    audience = call.state.audience(list_id)
    return 200, document(audience, _field(audience, merge_id))


def post_field(call: Call, list_id: str) -> Answer:
    """POST: a new field."""
    audience, body = call.state.audience(list_id), call.object()
    check(body, KINDS, required=("name", "type"))
    if body["type"] not in READERS:
        raise invalid(SEE_ERRORS, ("type", "The value you selected is not a valid choice."))
    if len(audience.fields) >= audience.most_fields:
        most = audience.most_fields
        raise bad_request(f"This list already has the maximum of {most} merge fields.")
    number = audience.next_field
    tag = _tag(audience, body["tag"] if body.get("tag") else f"MERGE{number}", None)
    field = MergeField(id=number, tag=tag, name=_name(body["name"]), type=body["type"])
    field.display_order = max((f.display_order for f in audience.fields.values()), default=1) + 1
    _apply(field, body)
    if field.type in CHOICE_TYPES and not field.options.get("choices"):
        raise invalid(SEE_ERRORS, ("options.choices", "Please enter at least one choice."))
    audience.next_field += 1
    audience.fields[number] = field
    return 200, document(audience, field)


def patch_field(call: Call, list_id: str, merge_id: str) -> Answer:
    """PATCH: change a field; the type stays."""
    audience, body = call.state.audience(list_id), call.object()
    field = _field(audience, merge_id)
    check(body, KINDS)
    if body.get("type", field.type) != field.type:
        raise bad_request("The type of a merge field cannot be changed.")
    if "name" in body:
        field.name = _name(body["name"])
    if body.get("tag"):
        rename(audience, field, body["tag"])
    _apply(field, body)
    return 200, document(audience, field)


def delete_field(call: Call, list_id: str, merge_id: str) -> Answer:
    """DELETE: the field goes, and with it every member's value."""
    audience = call.state.audience(list_id)
    field = _field(audience, merge_id)
    del audience.fields[field.id]
    for member in audience.members.values():
        member.merge.pop(field.tag, None)
    return 204, None


def rename(audience: Audience, field: MergeField, tag: str) -> None:
    """Give a field another tag; the members' values go along."""
    new = _tag(audience, tag, field)
    for member in audience.members.values():
        if field.tag in member.merge:
            member.merge[new] = member.merge.pop(field.tag)
    field.tag = new


def _field(audience: Audience, merge_id: str) -> MergeField:
    field = audience.fields.get(int(merge_id)) if merge_id.isdecimal() else None
    if field is None:
        raise not_found()
    return field


def _name(name: str) -> str:
    if not name.strip():
        raise invalid(SEE_ERRORS, ("name", "This value should not be blank."))
    return name


def _tag(audience: Audience, given: str, own: MergeField | None) -> str:
    tag = given.upper()
    if not TAG.fullmatch(tag):
        message = "At most 10 characters: letters, digits, underscore."
        raise invalid(SEE_ERRORS, ("tag", message))
    holder = audience.field_by_tag(tag)
    if tag == "EMAIL" or (holder is not None and holder is not own):
        raise bad_request(f'A Merge Field with the tag "{tag}" already exists for this list.')
    return tag


def _apply(field: MergeField, body: dict[str, Any]) -> None:
    for name in PLAIN:
        if name in body:
            setattr(field, name, body[name])
    options = body.get("options", {})
    choices = options.get("choices", [])
    if not isinstance(choices, list) or not all(isinstance(c, str) and c for c in choices):
        raise invalid(SEE_ERRORS, ("options.choices", "Schema describes a list of texts"))
    field.options = {**field.options, **options}
