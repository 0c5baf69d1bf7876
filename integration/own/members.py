"""Who is in a merchant's own segments: with a run over everybody, and at once when one is kept.

Imported where it is used: it needs the library that computes features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from integration.frames import typed
from integration.own.kept import key_of, node_of, present
from integration.results import all_left, store_segments
from integration.rows import framed
from integration.tables import (
    Account,
    DueDate,
    FittedModel,
    OwnSegment,
    PersonProfile,
    SegmentMember,
)
from segmentation.builder.document import BadDocument, Node, conditions
from segmentation.builder.people import columns, people, people_of
from segmentation.builder.sentences import reasons
from segmentation.builder.vocabulary import ANY
from segmentation.frames import DUE, PROFILES, SEGMENTS, Assigned, empty


def with_own(session: Session, assigned: Assigned, *, as_of: date) -> Assigned:
    """Return the outcome of a run with the rows of the merchant's own segments."""
    account = session.info["account_id"]
    profiles = _of(assigned.profiles, account)
    due = _of(assigned.due, account)
    nodes = dict(_readable(session))
    found = people_of(list(nodes.values()), profiles, due, as_of=as_of)
    parts = [
        _rows(session, key, node, rows, as_of)
        for (key, node), rows in zip(nodes.items(), found, strict=True)
    ]
    return replace(assigned, segments=pd.concat([assigned.segments, *parts], ignore_index=True))


def _readable(session: Session) -> Iterator[tuple[str, Node]]:
    """Yield key and document of each segment that this version can read."""
    for row in present(session):
        # One of a later version, which this one goes back from, is left alone.
        with suppress(BadDocument):
            yield key_of(row), node_of(row)


def place(session: Session, row: OwnSegment) -> None:
    """Bring the people of one segment in step with what was computed last.

    A segment that is removed has nobody.
    """
    as_of = computed_for(session)
    wanted: dict[tuple[int, str], dict[str, Any]] = {}
    key = key_of(row)
    if row.removed_at is None and as_of is not None:
        node = node_of(row)
        found = matching(session, node, as_of)
        rows = _rows(session, key, node, found, as_of)
        wanted = {
            (person, key): reason
            for person, reason in zip(rows["person_id"].tolist(), rows["reason"], strict=True)
        }
    store_segments(
        session,
        wanted,
        as_of or date.min,
        belongs=col(SegmentMember.segment) == key,
        because=all_left("own" if row.removed_at is None else "removed"),
    )


def matching(session: Session, node: Node, as_of: date) -> pd.DataFrame:
    """Return whom a document asks for, as `builder.people`, by the figures that are stored."""
    wanted, of_need = columns([node])
    profiles = _read(session, PersonProfile, wanted, PROFILES, sa.true())
    asked = {one.need for one in conditions(node) if one.need}
    # Most rows are of other needs than those that are asked about.
    of_these = col(DueDate.need).in_(asked) if ANY not in asked else sa.true()
    due = _read(session, DueDate, of_need, DUE, of_these)
    return people(node, profiles, due, as_of=as_of)


def computed_for(session: Session) -> date | None:
    """Return the day that the stored figures are of; None before the first run."""
    newest = select(col(FittedModel.as_of)).order_by(col(FittedModel.id).desc()).limit(1)
    return session.exec(newest).first()


def why(session: Session, node: Node, found: pd.DataFrame, as_of: date) -> list[dict[str, Any]]:
    """Return the reason of each row of `matching`."""
    currency = session.get_one(Account, session.info["account_id"]).currency
    return reasons(node, found, as_of=as_of, currency=currency)


def _rows(session: Session, key: str, node: Node, found: pd.DataFrame, as_of: date) -> pd.DataFrame:
    if found.empty:
        return empty(SEGMENTS)
    return pd.DataFrame(
        {
            "account_id": found["account_id"],
            "person_id": found["person_id"],
            "segment": pd.Series(key, index=found.index, dtype="str"),
            "reason": pd.Series(
                why(session, node, found, as_of), index=found.index, dtype="object"
            ),
        }
    )


def _of(frame: pd.DataFrame, account: int) -> pd.DataFrame:
    return frame[(frame["account_id"] == account).to_numpy()]


def _read(
    session: Session,
    table: type[SQLModel],
    names: Iterable[str],
    contract: Mapping[str, str],
    which: sa.ColumnElement[bool],
) -> pd.DataFrame:
    """Read these columns of the rows that `which` selects, as their contract has them."""
    held = {name: contract[name] for name in names}
    columns_of = table.__table__.c  # type: ignore[attr-defined]  # SQLModel adds __table__
    query = sa.select(*(columns_of[name] for name in held)).where(
        columns_of.account_id == session.info["account_id"], which
    )
    frame = framed(session.execute(query).all(), held)
    return typed(frame, held) if len(frame) else empty(held)
