"""Finer groups that a merchant asks for though they gain too little to be offered.

Whoever calls has everybody placed anew in the same transaction (`pipeline.start_refresh`); tags
follow with the next plan, which can be undone like any other.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, delete, select

from integration.audience.settled import put_drafts_away
from integration.db import upsert
from integration.fits import newest
from integration.tables import Choice
from segmentation.groups.keys import has_tag, key_of
from segmentation.segments import MOST_PER_GROUP
from segmentation.stored import groups as stored_groups

_KIND = "group"
#: As many as groups may have tags.
MOST = MOST_PER_GROUP["group"]


class CannotAsk(ValueError):
    """A group that cannot be asked for; `reason` says why: "unknown", "offered" or "too_many"."""

    def __init__(self, reason: str) -> None:
        super().__init__(_TEXTS[reason])
        self.reason = reason


_TEXTS = {
    "unknown": "no group has this key: `stipt groups` lists them",
    "offered": "this group is a segment already",
    "too_many": f"{MOST} groups are asked for already: take one back first",
}


def asked(session: Session) -> frozenset[str]:
    """Return the keys of the groups asked for."""
    return frozenset(session.exec(select(Choice.subject).where(Choice.kind == _KIND)))


def ask(session: Session, key: str, now: datetime) -> None:
    """Ask for a group that the newest fit knows.

    Raises
    ------
    CannotAsk
        With what is in the way.
    """
    there, stored = asked(session), newest(session)
    found = stored_groups(stored.state, session.info["account_id"]) if stored else None
    if found is None:
        raise CannotAsk("unknown")
    tree = found["tree"]
    known = {key_of(one["path"]): one for one in (*tree["groups"], *tree.get("left_out", ()))}
    if key not in known or not has_tag(known[key]["path"]):
        raise CannotAsk("unknown")
    if key in tree["offered"] or key in there:
        raise CannotAsk("offered")
    if len(there) >= MOST:
        raise CannotAsk("too_many")
    row = {"kind": _KIND, "subject": key, "value": "published", "created_at": now}
    upsert(session, Choice, [row], key=("account_id", "kind", "subject"))


def take_back(session: Session, key: str) -> None:
    """Ask for a group no more.

    Raises
    ------
    CannotAsk
        When it was not asked for.
    """
    if key not in asked(session):
        raise CannotAsk("unknown")
    mine = (col(Choice.kind) == _KIND, col(Choice.subject) == key)
    session.exec(delete(Choice).where(*mine))
    put_drafts_away(session)
