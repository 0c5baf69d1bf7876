"""The tree of groups and the kinds of customers, with what each was worth when it was tested."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from integration.asked_groups import asked
from integration.reading.names import Words, found_groups
from integration.tables import SegmentMember
from segmentation.groups.keys import has_tag, key_of
from segmentation.groups.naming import part_text, those


@dataclass(frozen=True)
class Node:
    """One group of the tree."""

    #: Of the segment; "" for a group that is only shown.
    segment: str
    #: What sets it apart from the larger group, and all parts.
    thing: str
    name: str
    #: Larger groups that it is part of.
    depth: int
    people: int
    #: Who bought in the window that was tested, and the share of five things that they bought: of
    #: the group's own five, and of those of the larger group.
    buyers: int
    own: float
    larger: float
    #: What it is asked for by; "" where there is nothing to ask, as it is a segment anyway.
    key: str
    #: Whether the merchant asked for it.
    asked: bool


@dataclass(frozen=True)
class Kind:
    """One kind of customers."""

    segment: str
    name: str
    like: str
    people: int


@dataclass(frozen=True)
class Found:
    """Everything that a fit found, or what is missing to find it."""

    nodes: list[Node]
    #: Cuts that do not pay.
    left_out: list[Node]
    kinds: list[Kind]
    #: Days that groups were tested on; 0 while the history is too short.
    window_days: int
    minimum: int
    #: {"what": "repeaters" or "stability", "needed", "there"} where there are no kinds.
    refused: Mapping[str, Any] | None


def groups(session: Session, words: Words) -> Found | None:
    """Return the groups and kinds of customers of the newest fit; None before the first."""
    plain = found_groups(session)
    if plain is None:
        return None
    counted = select(col(SegmentMember.segment), func.count()).group_by(col(SegmentMember.segment))
    people = dict(session.exec(counted).all())
    tree, wished = plain["tree"], asked(session)
    nodes, left_out = (
        [_node(one, plain, people, words, wished) for one in tree.get(name, ())]
        for name in ("groups", "left_out")
    )
    return Found(
        nodes=nodes,
        left_out=left_out,
        kinds=[_kind(one, people, words) for one in plain["clusters"]["clusters"]],
        window_days=tree["window_days"],
        minimum=tree["params"]["minimum"],
        refused=plain["clusters"]["refused"],
    )


def _node(
    one: Mapping[str, Any],
    plain: Mapping[str, Any],
    people: Mapping[str, int],
    words: Words,
    wished: Collection[str],
) -> Node:
    key, texts = key_of(one["path"]), plain["texts"]
    parts = [part_text(part, texts, words.needs, words.language) for part in one["path"]]
    offered = key in plain["tree"]["offered"]
    # One that was asked for a moment ago has its people after the next computation.
    there = offered or f"group:{key}" in people
    return Node(
        segment=f"group:{key}" if there else "",
        thing=f"{parts[-1][:1].upper()}{parts[-1][1:]}",
        name=", ".join(parts),
        depth=len(parts) - 1,
        people=people.get(f"group:{key}", 0) if there else one["people"],
        buyers=one["buyers"],
        own=one["precision"],
        larger=one["larger"],
        key=key if has_tag(one["path"]) and (key in wished or not offered) else "",
        asked=key in wished,
    )


def _kind(one: Mapping[str, Any], people: Mapping[str, int], words: Words) -> Kind:
    key = f"cluster:{one['number']}"
    segment = words.segment(key)
    return Kind(
        segment=key,
        name=segment.name(words.language) if segment else key,
        like=those(one["told"], words.language),
        people=people.get(key, 0),
    )
