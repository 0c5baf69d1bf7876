"""What was computed goes into the tables: only what differs is written, and history is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, event
from sqlmodel import SQLModel, select

from integration import frames, results
from integration.db import scoped
from integration.tables import (
    DueDate,
    Person,
    PersonProfile,
    SegmentChange,
    SegmentMember,
)
from segmentation import likes
from segmentation.frames import (
    DUE,
    PROFILES,
    SEGMENTS,
    Assigned,
    empty,
)
from tests.conftest import add_account
from tests.service.records import NOON

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
NEW = {"key": "new", "first_on": "2026-02-20"}
OLDER = {"key": "new", "first_on": "2026-02-19"}


class Results:
    """An account with two people, and what is assigned to them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.account_id = add_account(engine)
        with scoped(engine, self.account_id) as session:
            people = [Person(account_id=self.account_id, created_at=NOON) for _ in range(2)]
            session.add_all(people)
            session.flush()
            self.ada, self.bo = (person.id or 0 for person in people)

    def assign(
        self,
        as_of: date,
        segments: Mapping[tuple[int, str], dict[str, Any]] | None = None,
        due: Sequence[Mapping[str, Any]] = (),
        profiles: Sequence[Mapping[str, Any]] = (),
    ) -> list[str]:
        """Store an assignment; return the tables that were written to."""
        found = Assigned(
            segments=self._frame(
                SEGMENTS,
                [
                    {"person_id": person, "segment": segment, "reason": reason}
                    for (person, segment), reason in (segments or {}).items()
                ],
            ),
            due=self._frame(DUE, due),
            profiles=self._frame(PROFILES, profiles),
            counters={},
            groups=(),
        )
        with written(self.engine) as tables, scoped(self.engine, self.account_id) as session:
            previous, _ = frames.previous(session)
            results.store_assigned(session, found, as_of=as_of, previous_due=previous)
        return tables

    def _frame(
        self, contract: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
    ) -> pd.DataFrame:
        if not rows:
            return empty(contract)
        frame = pd.DataFrame([{"account_id": self.account_id, **row} for row in rows])
        kinds = {
            name: "datetime64[us]" if kind == "datetime64" else kind
            for name, kind in contract.items()
        }
        return frame.astype(kinds)[list(contract)]

    def held(self) -> dict[tuple[int, str], tuple[dict[str, Any], date]]:
        """Segments as stored."""
        with scoped(self.engine, self.account_id) as session:
            rows = session.exec(select(SegmentMember)).all()
        return {(row.person_id, row.segment): (row.reason, row.since) for row in rows}

    def history(self) -> list[tuple[int, str, bool, date]]:
        """Who entered and left what, and when."""
        with scoped(self.engine, self.account_id) as session:
            rows = session.exec(select(SegmentChange).order_by(SegmentChange.id)).all()  # type: ignore[arg-type]  # a column
        return [(row.person_id, row.segment, row.entered, row.on) for row in rows]

    def all(self, table: type[SQLModel]) -> list[Any]:
        """Rows of a table as plain dicts."""
        with scoped(self.engine, self.account_id) as session:
            return [row.model_dump() for row in session.exec(select(table)).all()]


@contextmanager
def written(engine: Engine) -> Iterator[list[str]]:
    """Collect the tables that statements insert into, update or delete from."""
    tables: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        words = statement.replace('"', "").split()
        if words[0] in ("INSERT", "DELETE"):
            tables.append(words[2])
        elif words[0] == "UPDATE":
            tables.append(words[1])

    event.listen(engine, "before_cursor_execute", note)
    yield tables
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def known(engine: Engine) -> Results:
    return Results(engine)


def due(person: int, need: str = "suits", **changed: Any) -> dict[str, Any]:
    """A due-date with everything in it."""
    return {
        "person_id": person, "need": need, "last_on": "2024-03-01", "last_product_id": 7,
        "last_title": "Blue suit", "owned": 1, "own_gaps": 0, "expected_on": "2026-03-01",
        "window_from": "2026-01-01", "window_to": "2026-06-01", "p_repeat": 0.5, "p_due": 0.1,
        "within_days": 180, "p_within": 0.2, "passed": 0.5, "state": "now", "waits_for": "",
        "basis": "learned", "offers": [{"product_id": 7, "variant_id": None}],
        "reason": {"key": "due", "need": need}, **changed,
    }  # fmt: skip


def profile(person: int, **changed: Any) -> dict[str, Any]:
    """A person's figures."""
    return {
        "person_id": person, "recency": 3, "frequency": 2, "monetary_value": 100.0,
        "revenue": 200.0, "tenure": 30, "r": 5, "f": 1, "m": 1, "expected_gap": 90.0,
        "stage": "new", "is_wholesale": False, "shops": "", "style": "", "favourite": "suits",
        "second_favourite": "", **dict.fromkeys(likes.COLUMNS, ""), "likes": [],
        "picks": [{"product_id": 7, "basis": "again"}], "trade": {},
        "also": {"shown": [], "why": "few"},
        "p_alive": 0.9, "expected_orders": 1.5, "expected_value": 150.0,
        "value_low": 0.0, "value_high": 300.0, "value": "middle", **changed,
    }  # fmt: skip


def test_entering_is_dated_and_remembered(known: Results) -> None:
    known.assign(MONDAY, {(known.ada, "stage:new"): NEW})
    assert known.held() == {(known.ada, "stage:new"): (NEW, MONDAY)}
    assert known.history() == [(known.ada, "stage:new", True, MONDAY)]


def test_staying_keeps_the_date_and_writes_nothing(known: Results) -> None:
    known.assign(MONDAY, {(known.ada, "stage:new"): NEW})
    assert known.assign(TUESDAY, {(known.ada, "stage:new"): NEW}) == []
    assert known.held() == {(known.ada, "stage:new"): (NEW, MONDAY)}
    assert len(known.history()) == 1


def test_another_reason_is_kept_without_a_new_date_or_history(known: Results) -> None:
    known.assign(MONDAY, {(known.ada, "stage:new"): NEW})
    known.assign(TUESDAY, {(known.ada, "stage:new"): OLDER})
    assert known.held() == {(known.ada, "stage:new"): (OLDER, MONDAY)}
    assert len(known.history()) == 1


def test_leaving_and_coming_back_are_both_remembered(known: Results) -> None:
    mine = (known.ada, "stage:new")
    known.assign(MONDAY, {mine: NEW, (known.bo, "stage:new"): NEW})
    known.assign(TUESDAY, {(known.bo, "stage:new"): NEW})
    back = date(2026, 3, 4)
    known.assign(back, {mine: NEW, (known.bo, "stage:new"): NEW})
    assert known.held()[mine] == (NEW, back)
    assert [row for row in known.history() if row[0] == known.ada] == [
        (*mine, True, MONDAY),
        (*mine, False, TUESDAY),
        (*mine, True, back),
    ]


def test_who_leaves_leaves_for_a_cause(known: Results) -> None:
    told = (known.ada, "due:suits:now")
    known.assign(MONDAY, {told: NEW}, due=[due(known.ada)])
    bought = due(known.ada, last_on="2026-03-03", state="")
    known.assign(TUESDAY, due=[bought])
    assert [row["cause"] for row in known.all(SegmentChange)] == [
        {},
        {"key": "left-bought", "need": "suits", "on": "2026-03-03"},
    ]


def test_who_leaves_leaves_the_reason_he_was_there_for(known: Results) -> None:
    known.assign(MONDAY, {(known.ada, "stage:new"): NEW})
    known.assign(TUESDAY)
    left = [row for row in known.all(SegmentChange) if not row["entered"]]
    assert [row["reason"] for row in left] == [NEW]
    assert known.held() == {}


def test_equal_figures_and_dates_are_not_written_again(known: Results) -> None:
    dates, figures = [due(known.ada), due(known.bo)], [profile(known.ada)]
    known.assign(MONDAY, due=dates, profiles=figures)
    assert known.assign(MONDAY, due=dates, profiles=figures) == []
    # On another day a profile says so; the dates stay as they are.
    assert set(known.assign(TUESDAY, due=dates, profiles=figures)) == {"person_profile"}


def test_only_the_row_that_differs_is_written(known: Results) -> None:
    known.assign(MONDAY, due=[due(known.ada), due(known.bo)])
    before = {row["person_id"]: row for row in known.all(DueDate)}
    tables = known.assign(MONDAY, due=[due(known.ada, state="late"), due(known.bo)])
    after = {row["person_id"]: row for row in known.all(DueDate)}
    assert set(tables) == {"due_date"}
    assert after[known.bo] == before[known.bo]
    assert after[known.ada] == {**before[known.ada], "state": "late"}


def test_what_is_no_longer_assigned_goes(known: Results) -> None:
    known.assign(
        MONDAY,
        due=[due(known.ada), due(known.ada, "ties"), due(known.bo)],
        profiles=[profile(known.ada), profile(known.bo)],
    )
    known.assign(MONDAY, due=[due(known.ada)], profiles=[profile(known.ada)])
    assert [(r["person_id"], r["need"]) for r in known.all(DueDate)] == [(known.ada, "suits")]
    assert [row["person_id"] for row in known.all(PersonProfile)] == [known.ada]
    known.assign(MONDAY)
    assert known.all(DueDate) == []
    assert known.all(PersonProfile) == []


def test_missing_values_are_stored_as_nothing(known: Results) -> None:
    known.assign(
        MONDAY,
        due=[due(known.ada, last_product_id=None), due(known.bo)],
        profiles=[profile(known.ada, expected_gap=None, is_wholesale=True)],
    )
    by_person = {row["person_id"]: row for row in known.all(DueDate)}
    assert by_person[known.ada]["last_product_id"] is None
    assert by_person[known.bo]["last_product_id"] == 7
    assert by_person[known.bo]["expected_on"] == date(2026, 3, 1)
    (figures,) = known.all(PersonProfile)
    assert figures["expected_gap"] is None


def test_another_accounts_results_stay(known: Results, engine: Engine) -> None:
    other = Results(engine)
    other.assign(
        MONDAY,
        {(other.ada, "stage:new"): NEW},
        due=[due(other.ada)],
        profiles=[profile(other.ada)],
    )
    known.assign(MONDAY)
    assert other.held() == {(other.ada, "stage:new"): (NEW, MONDAY)}
    assert len(other.all(DueDate)) == 1
    assert len(other.all(PersonProfile)) == 1


def test_somebody_merged_away_while_a_run_computed_is_left_out(known: Results) -> None:
    gone = known.bo + 100
    known.assign(MONDAY, {(known.ada, "stage:new"): NEW, (gone, "stage:new"): NEW})
    with scoped(known.engine, known.account_id) as session:
        assert session.exec(select(SegmentMember.person_id)).all() == [known.ada]
