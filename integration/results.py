"""What a run computed, into tables: only what differs, with history.

A segment a person stays in keeps its `since`; one he enters or leaves adds a row of history with
the reason, so that every tag can be explained later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, delete, select

from integration.db import upsert
from integration.fits import newest_id
from integration.store.common import parts
from integration.tables import (
    DueDate,
    Person,
    PersonProfile,
    SegmentChange,
    SegmentMember,
)
from segmentation.frames import DUE, PROFILES, Assigned

if TYPE_CHECKING:  # the models' libraries are large, and most that looks here needs none
    from segmentation.leaving import Cause, Key, Reason

#: Segments that no purchase puts people into: the groups of a test.
_IS_DRAWN: sa.ColumnElement[bool] = col(SegmentMember.segment).like("test:%")


def store_assigned(
    session: Session,
    assigned: Assigned,
    *,
    as_of: date,
    previous_due: pd.DataFrame,
    people: Collection[int] | None = None,
) -> None:
    """Bring segments, due-dates and figures in step with a run over all people, or over `people`.

    What was due last time (`frames.PREVIOUS_DUE`) tells why somebody left a segment.

    Persons that were merged away while the run computed are left out; the merge's own refresh
    places the person they became.
    """
    from segmentation.leaving import causes

    here = set(session.exec(_among(select(Person.id), col(Person.id), people)))
    assigned = replace(
        assigned,
        segments=_of(assigned.segments, here),
        due=_of(assigned.due, here),
        profiles=_of(assigned.profiles, here),
    )

    def because(left: Mapping[Key, Reason]) -> Mapping[Key, Cause]:
        return causes(left, previous_due=previous_due, assigned=assigned, as_of=as_of)

    wanted = _keyed(assigned.segments)
    store_segments(session, wanted, as_of, belongs=~_IS_DRAWN, because=because, people=people)
    _replace(session, DueDate, _rows(assigned.due, DUE), ("person_id", "need"), people)
    profiles = [{**row, "computed_on": as_of} for row in _rows(assigned.profiles, PROFILES)]
    _replace(session, PersonProfile, profiles, ("person_id",), people)


def _among(query: Any, person: Any, people: Collection[int] | None) -> Any:
    """Return a query limited to some people, where only those are asked about."""
    return query if people is None else query.where(person.in_(people))


def _of(frame: pd.DataFrame, people: Collection[int | None]) -> pd.DataFrame:
    return frame[frame["person_id"].isin(people)]


def _keyed(segments: pd.DataFrame) -> dict[tuple[int, str], dict[str, Any]]:
    return dict(
        zip(
            zip(segments["person_id"].tolist(), segments["segment"].tolist(), strict=True),
            segments["reason"],
            strict=True,
        )
    )


def store_drawn(
    session: Session, wanted: Mapping[tuple[int, str], dict[str, Any]], as_of: date
) -> None:
    """Bring the segments that are drawn by lot in step; every other one is left alone."""
    store_segments(session, wanted, as_of, belongs=_IS_DRAWN, because=all_left("test"))


def all_left(why: str) -> Callable[[Mapping[Key, Reason]], Mapping[Key, Cause]]:
    """Return one cause for everybody who leaves."""
    return lambda left: {key: {"key": f"left-{why}"} for key in left}


def store_segments(
    session: Session,
    wanted: Mapping[tuple[int, str], dict[str, Any]],
    as_of: date,
    *,
    belongs: sa.ColumnElement[bool],
    because: Callable[[Mapping[Key, Reason]], Mapping[Key, Cause]],
    people: Collection[int] | None = None,
) -> None:
    """Make the segments that `belongs` selects hold exactly these people, and keep history.

    Parameters
    ----------
    wanted
        (person, segment) -> reason.
    because
        Tells the causes of those that left, from the reasons they were there for.
    people
        Whose segments are looked at; everybody's when left out.
    """
    columns = SegmentMember.__table__.c  # type: ignore[attr-defined]  # SQLModel adds __table__
    held = {
        (person_id, segment): kept
        for person_id, segment, *kept in session.execute(
            _among(
                sa.select(
                    columns.person_id, columns.segment, columns.id, columns.reason, columns.since
                ).where(columns.account_id == session.info["account_id"], belongs),
                columns.person_id,
                people,
            )
        )
    }
    entered = [key for key in wanted if key not in held]
    left = {key: kept[1] for key, kept in held.items() if key not in wanted}
    changed = [key for key in wanted if key in held and held[key][1] != wanted[key]]
    upsert(
        session,
        SegmentMember,
        [
            {
                "person_id": key[0],
                "segment": key[1],
                "reason": wanted[key],
                "since": held[key][2] if key in held else as_of,
            }
            for key in (*entered, *changed)
        ],
        key=("person_id", "segment"),
    )
    _delete(session, SegmentMember, [held[key][0] for key in left])
    why = because(left)
    history: list[tuple[Key, bool, dict[str, Any], Cause]]
    history = [(key, True, wanted[key], {}) for key in entered]
    history += [(key, False, reason, why[key]) for key, reason in left.items()]
    if history:
        same = {
            "account_id": session.info["account_id"],
            "on": as_of,
            "model_id": newest_id(session),
        }
        session.execute(sa.insert(SegmentChange), [same | _change(*row) for row in history])


def _change(key: Key, entered: bool, reason: dict[str, Any], cause: Cause) -> dict[str, Any]:
    return {
        "person_id": key[0],
        "segment": key[1],
        "entered": entered,
        "reason": reason,
        "cause": cause,
    }


def _replace(
    session: Session,
    table: type[SQLModel],
    rows: list[dict[str, Any]],
    key: tuple[str, ...],
    people: Collection[int] | None,
) -> None:
    """Make the table hold exactly these rows (of `people`), writing only those that differ."""
    wanted = {tuple(row[name] for name in key): row for row in rows}
    names = [*key, *(name for name in next(iter(rows), {}) if name not in key)]
    columns = table.__table__.c  # type: ignore[attr-defined]  # SQLModel adds __table__
    held = {
        tuple(row[: len(key)]): (row_id, tuple(row))
        for row_id, *row in session.execute(
            _among(
                sa.select(columns.id, *(columns[name] for name in names)).where(
                    columns.account_id == session.info["account_id"]
                ),
                columns.person_id,
                people,
            )
        )
    }
    differs = [
        row
        for k, row in wanted.items()
        if k not in held or held[k][1] != tuple(row[name] for name in names)
    ]
    upsert(session, table, differs, key=key)
    _delete(session, table, [row_id for k, (row_id, _) in held.items() if k not in wanted])


def _delete(session: Session, table: type[SQLModel], ids: Collection[int | None]) -> None:
    key = table.__table__.c.id  # type: ignore[attr-defined]  # SQLModel adds __table__
    for part in parts(ids):
        session.execute(
            delete(table).where(key.in_(part)), execution_options={"synchronize_session": False}
        )


def _rows(frame: pd.DataFrame, contract: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows with plain Python values: dates for days, None for missing."""
    columns: dict[str, Iterable[Any]] = {}
    for name, kind in contract.items():
        if name == "account_id":
            continue
        values = frame[name]
        if kind == "datetime64":
            columns[name] = values.dt.date
        elif kind in ("Int64", "float64"):
            columns[name] = values.astype(object).where(values.notna(), None)
        else:
            columns[name] = values.tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
