"""Fits are kept with how they did, and what is worse than the present one does not go live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from integration import fits
from integration.db import scoped
from integration.pipeline import start_refresh
from integration.tables import DueDate, FittedModel, SegmentChange
from segmentation.duedates.intervals import IntervalModel
from segmentation.fitted import Fitted
from segmentation.stored import SCHEMA
from segmentation.trial import choose, verdicts
from segmentation.trial.verdicts import Verdict
from tests.conftest import add_account
from tests.service.installation import AS_OF, Installation, demo_orders
from tests.service.shop_files import write_receipts

FIRST = date(2026, 1, 5)


def keep(session: Session, days: Sequence[int], outcome: str = "accepted") -> None:
    """Store a fit on each of these days from the first on, a Monday."""
    account = session.info["account_id"]
    for day in days:
        as_of = FIRST + timedelta(days=day)
        fitted = Fitted(
            as_of=as_of.isoformat(),
            accounts={},
            verdicts={account: (Verdict(part="dates", outcome=outcome),)},
        )
        now = datetime(as_of.year, as_of.month, as_of.day, 3, tzinfo=UTC)
        fits.store(session, fitted, {}, as_of=as_of, now=now)


@pytest.fixture
def account(engine: Engine) -> int:
    return add_account(engine)


def rows(session: Session) -> list[FittedModel]:
    return list(session.exec(select(FittedModel).order_by(col(FittedModel.id))).all())


def test_numbers_of_the_newest_and_of_one_fit_a_week_are_kept(engine: Engine, account: int) -> None:
    with scoped(engine, account) as session:
        keep(session, range(100))
        whole = [(row.as_of - FIRST).days for row in rows(session) if not row.thinned]
        assert whole == [27, 34, 41, 48, 55, 62, 69, 76, 83, *range(89, 100)]
        assert len(rows(session)) == 100
        assert all(bool(row.state) is not row.thinned for row in rows(session))


def test_how_a_fit_did_is_told_for_a_year(engine: Engine, account: int) -> None:
    with scoped(engine, account) as session:
        keep(session, (0, 300, 401))
        assert [(row.as_of - FIRST).days for row in rows(session)] == [300, 401]


def test_a_new_fit_is_compared_with_the_present_and_with_one_of_before_the_days_that_are_judged(
    engine: Engine, account: int
) -> None:
    def compared(session: Session, day: int) -> tuple[int | None, ...]:
        found = fits.live(session, FIRST + timedelta(days=day))
        return tuple(
            (date.fromisoformat(one.as_of) - FIRST).days if one else None
            for one in (found.present, found.before)
        )

    with scoped(engine, account) as session:
        assert compared(session, 0) == (None, None)
        keep(session, (0, 10, 20, 69, 75))
        assert compared(session, 76) == (75, 10)
        assert compared(session, 59) == (20, None)
        newest = rows(session)[-1]
        newest.state = {**newest.state, "schema": SCHEMA - 1}
        session.add(newest)
        session.flush()
        assert compared(session, 76) == (None, 10)


def test_a_part_that_was_kept_has_the_version_of_the_fit_it_comes_from(
    engine: Engine, account: int
) -> None:
    with scoped(engine, account) as session:
        keep(session, (0,))
        keep(session, (1, 2), outcome="rejected")
        keep(session, (3,))
        first, *_, last = rows(session)
        versions = [row.verdicts["dates"]["version"] for row in rows(session)]
        assert versions == [first.id, first.id, first.id, last.id]
        learned = [row.verdicts["dates"]["learned_on"] for row in rows(session)]
        assert learned == ["2026-01-05", "2026-01-05", "2026-01-05", "2026-01-08"]


def test_one_account_lets_go_of_its_own_fits_only(engine: Engine, account: int) -> None:
    with scoped(engine, account) as session:
        keep(session, (0,))
    with scoped(engine, add_account(engine)) as session:
        keep(session, range(500, 515))
    with scoped(engine, account) as session:
        assert [row.thinned for row in rows(session)] == [False]


def test_a_night_with_worse_numbers_moves_nobody_and_says_so(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Installation(tmp_path, sqlite_url)
    receipts = tmp_path / "receipts.csv"
    write_receipts(receipts, demo_orders("card", 200))
    made.file(receipts)
    made.work()
    fit = IntervalModel.fit_chances

    def far_too_many(self: IntervalModel, *arguments: Any) -> IntervalModel:
        fit(self, *arguments)
        self.ratio_ = self.ratio_ * 20
        return self

    monkeypatch.setattr(IntervalModel, "fit_chances", far_too_many)
    monkeypatch.setattr(choose, "CASES_NEEDED", 5)
    monkeypatch.setattr(verdicts, "PEOPLE_NEEDED", 5)
    with scoped(made.engine, made.account_id) as session:
        chances = select(DueDate.id, DueDate.p_due).order_by(col(DueDate.id))
        before = session.exec(chances).all()
        changes = select(SegmentChange.model_id)
        (first,) = rows(session)
        assert set(session.exec(changes).all()) == {first.id}
        start_refresh(session, as_of=AS_OF.isoformat())
    made.work()
    with scoped(made.engine, made.account_id) as session:
        _, second = rows(session)
        assert second.verdicts["dates"]["outcome"] == "rejected"
        assert second.verdicts["dates"]["version"] == first.id
        assert second.state["accounts"] == first.state["accounts"]
        assert session.exec(chances).all() == before
        assert set(session.exec(changes).all()) == {first.id}
    made.engine.dispose()
