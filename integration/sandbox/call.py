"""One API call, the same for a request of its own and for an operation inside a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integration.sandbox.problems import SEE_ERRORS, invalid
from integration.sandbox.shape import Document, Query
from integration.sandbox.state import SandboxState

#: Status and body; None for 204.
Answer = tuple[int, Document | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a handler gets to see."""

    state: SandboxState
    method: str
    #: Relative to /3.0, with the leading slash, decoded.
    path: str
    query: Query
    body: Any = None
    #: Where the server is reached, without a slash at the end, for addresses in answers.
    base_url: str = ""
    in_batch: bool = False

    def object(self) -> dict[str, Any]:
        """The body when it is a JSON object; Problem 400 otherwise."""
        if not isinstance(self.body, dict):
            raise invalid("The body must be a JSON object.")
        return self.body


KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "flag": (bool,),
    "whole number": (int,),
    "number": (int, float),
    "object": (dict,),
    "list": (list,),
}


def check(body: dict[str, Any], kinds: dict[str, str], required: tuple[str, ...] = ()) -> None:
    """Check a body's values: `kinds` names the kind of each; Problem 400 with one row a fault."""
    errors = [(name, "This value should not be blank.") for name in required if name not in body]
    for name, kind in kinds.items():
        value = body.get(name)
        wrong = name in body and not isinstance(value, KINDS[kind])
        # A JSON flag is no number, though Python's is.
        if wrong or (isinstance(value, bool) and kind.endswith("number")):
            errors.append((name, f"Schema describes {kind}, {type(value).__name__} found instead"))
    if errors:
        raise invalid(SEE_ERRORS, *errors)


def texts(body: dict[str, Any], name: str) -> list[str]:
    """A list of texts under `name`, empty when absent; Problem 400 for anything else."""
    rows = body.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise invalid(SEE_ERRORS, (name, "Schema describes a list of texts"))
    return rows
