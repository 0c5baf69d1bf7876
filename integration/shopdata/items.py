"""One thing that a store should hold, what is known of it there, and the calls between the two."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.mailchimp.ecommerce import Write
from integration.shopdata.documents import Body
from integration.shopdata.prints import fingerprint, line_prints

#: What a mirror says of something that is there, with a content nobody knows.
UNKNOWN = "?"
#: Print of a variant that is not offered; its words do not matter then.
NOT_OFFERED = "hidden"


@dataclass(frozen=True, slots=True)
class Item:
    """What should be there under a key; `body` None: nothing."""

    kind: str
    key: str
    body: Body | None
    print: str = ""
    lines: Mapping[str, str] = field(default_factory=dict)
    #: Changed where it is there, never created: a cancelled order, a buyer who is not reachable.
    only_if_there: bool = False

    @property
    def mark(self) -> str:
        """Says which version of the item this is."""
        text = f"{self.print}:{sorted(self.lines.items())}"
        return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


@dataclass(slots=True)
class Known:
    """What the mirror says of a key."""

    there: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    sent: str = ""
    status: str = "done"
    error: str = ""
    id: int = 0


def item(kind: str, key: str, body: Body, *, only_if_there: bool = False) -> Item:
    """Return an item with its prints."""
    lines = line_prints(body) if kind == "order" else {}
    return Item(kind, key, body, print_of(kind, body), lines, only_if_there)


def print_of(kind: str, body: Mapping[str, Any]) -> str:
    """Return the print of a document, Mailchimp's or ours."""
    if kind == "variant" and body.get("visibility") == "hidden":
        return NOT_OFFERED
    return fingerprint(kind, body)


def gone(kind: str, key: str) -> Item:
    """Return the item for what should not be there."""
    return Item(kind, key, None)


def differs(item: Item, known: Known | None) -> bool:
    """Tell whether something has to be sent."""
    if known is None:
        return item.body is not None and not item.only_if_there
    if known.status == "failed" and known.sent == item.mark:
        return False  # refused for what it is: the same again is refused again
    if known.status == "sent":
        return True
    if not known.there and (item.body is None or item.only_if_there):
        return False
    return known.there != item.print or known.lines != item.lines


def writes(item: Item, known: Known) -> list[Write]:
    """Return the calls that bring a key to what the item says; they may go in any order."""
    ids = tuple(item.key.split("/"))
    if item.body is None:
        return [Write("DELETE", item.kind, ids)]
    if item.kind == "cart":
        # A cart is replaced, not mended: its reminder counts from the last change.
        return [
            Write("DELETE", "cart", ids) if known.there else Write("POST", "cart", (), item.body)
        ]
    if item.kind == "customer":
        return [Write("PUT", "customer", ids, item.body)]
    if item.kind == "variant":
        return [Write("PUT" if "id" in item.body else "PATCH", "variant", ids, item.body)]
    if not known.there and not item.only_if_there:
        return [Write("POST", item.kind, (), item.body)]
    return _changes(item, ids, known)


def _changes(item: Item, ids: tuple[str, ...], known: Known) -> list[Write]:
    assert item.body is not None
    apart = ("id", "customer", "lines", "variants")
    own = {name: value for name, value in item.body.items() if name not in apart}
    found = [Write("PATCH", item.kind, ids, own)] if known.there != item.print else []
    for line in item.body.get("lines", ()):
        held = known.lines.get(line["id"], "")
        if not held:
            found.append(Write("POST", "line", ids, line))
        elif held != item.lines[line["id"]]:
            change = {name: value for name, value in line.items() if name != "id"}
            found.append(Write("PATCH", "line", (*ids, line["id"]), change))
    lost = known.lines.keys() - item.lines.keys()
    return found + [Write("DELETE", "line", (*ids, line_id)) for line_id in sorted(lost)]
