"""Which values a merge field takes, by type (documentation page "Merge fields")."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from integration.sandbox.problems import SEE_ERRORS, Problem, invalid
from integration.sandbox.state import Audience, Member, MergeField, MergeValue

MAX_BYTES = 255
DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d-%m-%Y", "%m/%d/%Y")
ADDRESS_PARTS = ("addr1", "city", "state", "zip")
US_PHONE = re.compile(r"\D*\d{3}\D*\d{3}\D*\d{4}")


def clean(field: MergeField, value: Any) -> MergeValue | None:
    """The value as stored, None when blank; ValueError with Mailchimp's message otherwise."""
    if value == "" or value == {}:
        return None
    return READERS[field.type](field, value)


def merged(audience: Audience, member: Member, given: Any, *, skip: bool) -> dict[str, MergeValue]:
    """The member's values after `given` is laid over them; nothing is written.

    Unknown tags are ignored. Problem 400 for a bad value, and for a required field left blank
    unless `skip` (the call's `skip_merge_validation`).
    """
    if not isinstance(given, dict):
        raise invalid(SEE_ERRORS, ("merge_fields", "Schema describes object"))
    result = dict(member.merge)
    errors = []
    for field in audience.fields.values():
        if field.tag in given:
            try:
                value = _not_null(field, given[field.tag])
            except ValueError as error:
                errors.append((field.tag, str(error)))
                continue
            result.pop(field.tag, None)
            if value is not None:
                result[field.tag] = value
        if field.required and field.tag not in result and not skip:
            errors.append((field.tag, "Please enter a value"))
    if errors:
        raise Problem(400, "Invalid Resource", "Your merge fields were invalid.", errors)
    return result


def _not_null(field: MergeField, value: Any) -> MergeValue | None:
    if value is None or isinstance(value, bool | list):
        message = "Data did not match any of the schemas described in anyOf."
        raise invalid(SEE_ERRORS, (f"merge_fields.{field.tag}", message))
    return clean(field, value)


def _text(_field: MergeField, value: Any) -> str:
    if isinstance(value, dict):
        raise ValueError("Please enter a value")
    return str(value).encode()[:MAX_BYTES].decode(errors="ignore")


def _number(_field: MergeField, value: Any) -> int | float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("Please enter a number")
    return int(number) if number.is_integer() else number


def _date(_field: MergeField, value: Any) -> str:
    for form in DATE_FORMATS:
        try:
            # A calendar day, so no zone is meant.
            return datetime.strptime(str(value), form).date().isoformat()  # noqa: DTZ007
        except ValueError:
            continue
    raise ValueError("Please enter a valid date")


def _birthday(_field: MergeField, value: Any) -> str:
    try:
        month, day = (int(part) for part in str(value).split("/"))
        date(2000, month, day)  # a leap year: 02/29 is a birthday
    except ValueError:
        raise ValueError("Please enter a valid birthday (MM/DD)") from None
    return f"{month:02d}/{day:02d}"


def _address(_field: MergeField, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("Please enter a complete address")
    if not all(isinstance(value.get(part), str) and value[part] for part in ADDRESS_PARTS):
        raise ValueError("Please enter a complete address")
    return {k: str(value[k]) for k in (*ADDRESS_PARTS, "addr2", "country") if value.get(k)}


def _zip(_field: MergeField, value: Any) -> str:
    if not re.fullmatch(r"\d{5}", str(value)):
        raise ValueError("Please enter a zip code (5 digits)")
    return str(value)


def _phone(field: MergeField, value: Any) -> str:
    if field.options.get("phone_format") == "US" and not US_PHONE.fullmatch(str(value)):
        raise ValueError("Please enter a phone number in the format ###-###-####")
    return _text(field, value)


def _url(field: MergeField, value: Any) -> str:
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Please enter a valid URL")
    return _text(field, value)


def _choice(field: MergeField, value: Any) -> str:
    if value not in field.options.get("choices", []):
        raise ValueError("Please select one of the choices")
    return str(value)


READERS: dict[str, Callable[[MergeField, Any], MergeValue]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "birthday": _birthday,
    "address": _address,
    "zip": _zip,
    "phone": _phone,
    "url": _url,
    "imageurl": _url,
    "radio": _choice,
    "dropdown": _choice,
}
