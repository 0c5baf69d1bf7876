"""What a rule of the guard is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ID = r"[A-Za-z0-9_-]{1,50}"
HASH = r"[0-9a-f]{32}"
#: Addresses in one list of a static segment call (specification).
ROWS_A_CALL = 500

BodyTest = Callable[[Any], bool]
TagsIn = Callable[[Any], Iterable[str]]


class Permit(StrEnum):
    """What only a client that was opened for it may do; each has one module that asks for it."""

    #: Create a contact whose opt-in is recorded, where the merchant chose to add contacts.
    ADD = "add"
    #: Archive a contact that we added and the merchant takes back.
    ARCHIVE = "archive"
    #: Erase a person for good, on an explicit request.
    ERASE = "erase"
    #: Delete a store of ours with everything in it, on the merchant's explicit wish.
    DELETE_STORE = "delete_store"
    #: Schedule, stop and send campaigns of a rule that is switched on.
    SEND = "send"
    #: Tell events and call steps that start flows of the merchant's own.
    FLOWS = "flows"


def no_tags(_body: Any) -> Iterable[str]:
    """Name no tag, as most calls do."""
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of writing call that is let through."""

    method: str
    #: The whole path, relative to ``/3.0``.
    path: re.Pattern[str]
    body: BodyTest
    permit: Permit | None = None
    #: Whether it may travel as an operation of a batch too, and whether as a call of its own.
    in_batch: bool = False
    alone: bool = True
    #: The tags that a body names: each has to be one that the client was opened for.
    tags: TagsIn = no_tags


def rule(
    method: str,
    path: str,
    body: BodyTest,
    *,
    permit: Permit | None = None,
    in_batch: bool = False,
    alone: bool = True,
    tags: TagsIn = no_tags,
) -> Rule:
    """Return a rule for a path given as a regular expression."""
    return Rule(method, re.compile(path), body, permit, in_batch, alone, tags)


def nothing(body: Any) -> bool:
    """Tell whether there is no body."""
    return body is None


def keys(body: Any) -> set[str]:
    """Return the keys of an object; one that matches nothing for anything else."""
    return set(body) if isinstance(body, Mapping) else {""}


def addresses(rows: Any) -> bool:
    """Tell whether these are addresses, no more than one call takes."""
    if not isinstance(rows, list) or len(rows) > ROWS_A_CALL:
        return False
    return all(isinstance(row, str) for row in rows)
