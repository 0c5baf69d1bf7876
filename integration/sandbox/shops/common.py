"""Rules that every resource of a store shares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integration.sandbox.call import Call, check
from integration.sandbox.problems import SEE_ERRORS, Problem, bad_request, invalid, not_found
from integration.sandbox.shops.store import Row, Store, find_store

MAX_ID = 50


def the_store(call: Call, store_id: str) -> Store:
    """A store by id; Problem 404 when there is none."""
    found = find_store(call.state, store_id)
    if found is None:
        raise not_found()
    return found


def the_row(rows: Mapping[str, Row], row_id: str) -> Row:
    """A row by id; Problem 404 when there is none."""
    found = rows.get(row_id)
    if found is None:
        raise not_found()
    return found


def read(body: Any, kinds: dict[str, str], required: tuple[str, ...] = ()) -> Row:
    """The known fields of a body; Problem 400 for a wrong kind, a blank id or a broken date."""
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    check(body, kinds, required)
    for name in required:
        if body[name] == "":
            raise invalid(SEE_ERRORS, (name, "This value should not be blank."))
    for name, value in body.items():
        if name.endswith(("_foreign", "_at")) and name in kinds and value:
            _moment(name, value)
    return {name: body[name] for name in kinds if name in body}


def _moment(name: str, value: str) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise invalid(SEE_ERRORS, (name, "This value is not a valid datetime.")) from None


def short_id(name: str, value: str) -> None:
    """Whether an id is of a length that Mailchimp takes."""
    if len(value) > MAX_ID:
        raise invalid(SEE_ERRORS, (name, f"This value is too long, at most {MAX_ID} characters."))


def taken(what: str) -> Problem:
    """400 for an id that is there already."""
    article = "An" if what[0] in "aeiou" else "A"
    where = "in the account" if what == "store" else "in the account for this list"
    return bad_request(f"{article} {what} with the provided ID already exists {where}.")
