"""Keeping a merchant's own segments: made, changed, removed and put back.

Whoever calls has people placed anew in the same transaction (`integration.own.members`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, select

from integration.audience.settled import put_drafts_away
from integration.context import Context
from integration.tables import CampaignRule, OwnSegment
from segmentation.builder.document import Node, read, write
from segmentation.segments import LONGEST_NAME, MOST_PER_GROUP

GROUP = "own"
#: The group's word in a tag's name.
GROUP_NAMES = {"en": "Own", "nl": "Eigen"}
#: Characters of a name: in either language the tag has at most 40.
LONGEST = LONGEST_NAME - max(len(f"{word}: ") for word in GROUP_NAMES.values())
#: As many as the group may have tags.
MOST = MOST_PER_GROUP[GROUP]
#: How long a removed one can be put back: as long as its tag's last plan can be undone.
KEPT = timedelta(days=30)


_TEXTS = {
    "no_name": "give the segment a name",
    "long_name": f"a name has at most {LONGEST} characters",
    "bad_name": "a name is one line of text",
    "taken": "another segment of yours has this name",
    "too_many": f"there are {MOST} segments of your own already: remove one first",
    "rule": "a rule still writes to this segment: switch it off first",
}


class CannotKeep(ValueError):
    """A segment that cannot be kept as it is; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(_TEXTS[reason])
        #: "no_name", "long_name", "bad_name", "taken", "too_many" or "rule".
        self.reason = reason


def key_of(row: OwnSegment) -> str:
    """Return the key under which a segment's people stand."""
    return f"{GROUP}:{row.id}"


def present(session: Session) -> Sequence[OwnSegment]:
    """Return the segments there are, by name."""
    there = session.exec(select(OwnSegment).where(col(OwnSegment.removed_at).is_(None))).all()
    return sorted(there, key=lambda row: (row.name.casefold(), row.id))


def removed(session: Session, now: datetime) -> Sequence[OwnSegment]:
    """Return those that can be put back, the last one first."""
    gone = select(OwnSegment).where(col(OwnSegment.removed_at) >= now - KEPT)
    return session.exec(gone.order_by(col(OwnSegment.removed_at).desc())).all()


def keep(
    session: Session,
    context: Context,
    name: str,
    node: Node,
    row: OwnSegment | None = None,
) -> OwnSegment:
    """Keep a new segment, or a change of `row`.

    Raises
    ------
    CannotKeep
    """
    name = _checked(session, name, row)
    if row is None:
        _check_room(session)
        row = OwnSegment(
            account_id=session.info["account_id"], name=name, created_at=context.clock()
        )
    row.name, row.document = name, write(node)
    session.add(row)
    session.flush()
    return row


def remove(session: Session, context: Context, row: OwnSegment) -> None:
    """Take a segment and its people away; the next plan takes its tag, and drafts are discarded.

    Raises
    ------
    CannotKeep
        A rule that is on writes to it.
    """
    writes = select(CampaignRule.id).where(
        CampaignRule.segment == key_of(row),
        col(CampaignRule.is_on),
        col(CampaignRule.removed_at).is_(None),
    )
    if session.exec(writes.limit(1)).first() is not None:
        raise CannotKeep("rule")
    row.removed_at = context.clock()
    put_drafts_away(session)
    session.flush()


def put_back(session: Session, row: OwnSegment) -> None:
    """Put a removed segment back.

    Raises
    ------
    CannotKeep
        Its name is taken by now, or there is no room.
    """
    if row.removed_at is None:
        return
    _checked(session, row.name, row)
    _check_room(session)
    row.removed_at = None
    session.flush()


def drop_old(session: Session, now: datetime) -> None:
    """Delete what was removed too long ago to be put back."""
    gone = delete(OwnSegment).where(col(OwnSegment.removed_at) < now - KEPT)
    session.exec(gone)


def node_of(row: OwnSegment) -> Node:
    """Return what a segment asks for.

    Raises
    ------
    BadDocument
        A later version kept it.
    """
    document: Any = row.document
    return read(document)


def _checked(session: Session, name: str, row: OwnSegment | None) -> str:
    name = " ".join(name.split(" ")).strip()
    if not name:
        raise CannotKeep("no_name")
    if len(name) > LONGEST:
        raise CannotKeep("long_name")
    if any(unicodedata.category(letter).startswith("C") for letter in name):
        raise CannotKeep("bad_name")
    mine = row.id if row is not None else None
    # Mailchimp changes the case of tags.
    taken = {other.name.casefold() for other in present(session) if other.id != mine}
    if name.casefold() in taken:
        raise CannotKeep("taken")
    return name


def _check_room(session: Session) -> None:
    if len(present(session)) >= MOST:
        raise CannotKeep("too_many")
