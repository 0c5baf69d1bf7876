"""Wanted minus pushed: the changes a push makes. Pure, so that it can be looked at in a test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

#: ("tag" or "field", key) -> value; a tag's value is "".
Values = Mapping[tuple[str, str], str]

TAG, FIELD = "tag", "field"
#: A saved segment, and a contact that is added or archived; neither has a value to compare.
SEGMENT, CONTACT = "segment", "contact"
#: Kind of a tag that keeps people out of drafts and flows; never part of a plan.
LIST = "list"
#: The sentence that explains the rest; its figures ("learned from 312") change with every fit.
WHY = (FIELD, "WHY")


@dataclass(frozen=True, slots=True)
class Change:
    """One tag on or off, or one field from one value to another; None means absent."""

    email_key: str
    kind: str
    key: str
    before: str | None
    after: str | None


def difference(
    wanted: Mapping[str, Values],
    pushed: Mapping[str, Values],
    unsure: Mapping[str, Collection[tuple[str, str]]] | None = None,
) -> Iterator[Change]:
    """Yield what leads from `pushed` to `wanted`, both by address; ordered by address and key.

    What is `unsure` (address -> kind and key) is written whatever `pushed` says of it: it was sent,
    and no answer came.

    The reason sentence is only rewritten together with something else of the same member: a quiet
    night makes no call.

    Examples
    --------
    >>> now, was = {("tag", "stage:new"): ""}, {("tag", "stage:lost"): ""}
    >>> [(c.key, c.before, c.after) for c in difference({"a": now}, {"a": was})]
    [('stage:lost', '', None), ('stage:new', None, '')]
    >>> list(difference({"a": {WHY: "from 312"}}, {"a": {WHY: "from 311"}}))
    []
    >>> [(c.before, c.after) for c in difference({}, {}, {"a": {("tag", "stage:new")}})]
    [(None, None)]
    """
    unsure = unsure or {}
    for email_key in sorted(wanted.keys() | pushed.keys() | unsure.keys()):
        after, before = wanted.get(email_key, {}), pushed.get(email_key, {})
        again = unsure.get(email_key, ())
        changed = [
            name
            for name in sorted({*after, *before, *again})
            if name in again or after.get(name) != before.get(name)
        ]
        if changed == [WHY] and WHY in after and WHY in before and WHY not in again:
            continue
        for name in changed:
            yield Change(email_key, *name, before.get(name), after.get(name))
