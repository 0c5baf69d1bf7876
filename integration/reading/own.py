"""Whom a segment of the merchant's own would hold, before it is kept; and those that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from integration.own.kept import KEPT, key_of, present, removed
from integration.reading import reach
from integration.reading.names import Words, as_sentence
from integration.reading.segments import Who, who
from integration.tables import Account, OwnSegment, PersonProfile, SegmentMember
from segmentation.builder.document import Node
from segmentation.builder.sentences import sentence
from segmentation.builder.vocabulary import FEATURES

#: People to show before a segment is kept: those who bought last, whom one may still remember.
EXAMPLES = 5
#: Of a shop's brands and sizes, as many as one looks through; a document can ask for any.
CHOICES = 60


@dataclass(frozen=True)
class Example:
    """Somebody who would be in it, with the sentence."""

    who: Who
    why: str


@dataclass(frozen=True)
class Preview:
    """Whom a document asks for by the figures computed last."""

    #: The day of the figures; None before the first run.
    as_of: date | None
    people: int
    #: Those who could get its tag: in the audience, reachable and not denied.
    in_audience: int
    examples: Sequence[Example]


@dataclass(frozen=True)
class Listed:
    """A segment in the list of them."""

    row: OwnSegment
    people: int
    #: What it asks, as a sentence; "" for one of a later version.
    meaning: str

    @property
    def key(self) -> str:
        """Its key among all segments."""
        return key_of(self.row)


def preview(session: Session, words: Words, node: Node) -> Preview:
    """Return how many a document asks for, with a few of them."""
    # The libraries behind it are large, and a worker that shows no builder needs none of them.
    from integration.own.members import computed_for, matching, why

    as_of = computed_for(session)
    if as_of is None:
        return Preview(None, 0, 0, [])
    found = matching(session, node, as_of)
    last = found.sort_values(["recency", "person_id"]).head(EXAMPLES).reset_index(drop=True)
    ids = last["person_id"].tolist()
    shown = who(session, ids)
    reasons = why(session, node, last, as_of)
    examples = [
        Example(shown[key], words.why(reason)) for key, reason in zip(ids, reasons, strict=True)
    ]
    reachable = reach.people(session, found["person_id"].tolist())
    return Preview(as_of, len(found), len(reachable), examples)


def shop_texts(session: Session) -> dict[str, list[str]]:
    """Return the shop's own words that a condition can ask for, by feature, those of most first."""
    result = {}
    for feature in FEATURES.values():
        if feature.kind == "text":
            column = getattr(PersonProfile, feature.column)
            found = select(column).where(column != "").group_by(column)
            found = found.order_by(func.count().desc(), column).limit(CHOICES)
            result[feature.key] = list(session.exec(found))
    return result


def meaning(session: Session, words: Words, node: Node) -> str:
    """Return what a document asks, as a sentence."""
    currency = session.get_one(Account, session.info["account_id"]).currency
    return as_sentence(sentence(node, words.language, words.needs, currency))


def told(session: Session, words: Words, node: Node) -> dict[str, Any]:
    """Return a preview as plain JSON values, for programs."""
    found = preview(session, words, node)
    return {
        "as_of": found.as_of.isoformat() if found.as_of else None,
        "people": found.people,
        "in_audience": found.in_audience,
        "meaning": meaning(session, words, node),
        "examples": [
            {"person_id": one.who.person_id, "name": one.who.name, "why": one.why}
            for one in found.examples
        ],
    }


def listed(session: Session, words: Words) -> list[Listed]:
    """Return the segments there are, by name."""
    counted = select(col(SegmentMember.segment), func.count()).group_by(col(SegmentMember.segment))
    people = dict(session.exec(counted.where(col(SegmentMember.segment).like("own:%"))).all())
    return [_listed(row, people.get(key_of(row), 0), words) for row in present(session)]


def gone(session: Session, now: datetime) -> list[tuple[OwnSegment, datetime]]:
    """Return those that can be put back, each with the moment until which."""
    return [
        (row, row.removed_at + KEPT) for row in removed(session, now) if row.removed_at is not None
    ]


def _listed(row: OwnSegment, people: int, words: Words) -> Listed:
    segment = words.segment(key_of(row))
    return Listed(row, people, segment.meaning(words.language) if segment is not None else "")
