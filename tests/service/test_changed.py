"""A refresh of a few people: the same as for everybody, and only where it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from integration import frames, results
from integration.db import scoped
from integration.pipeline import start_refresh
from integration.tables import (
    Account,
    DueDate,
    FittedModel,
    Order,
    OrderLine,
    PersonProfile,
    SegmentMember,
    SourceProfile,
    Work,
)
from integration.work.execute import run_until_idle
from segmentation.compute import assign
from segmentation.fitted import Fitted
from segmentation.frames import Assigned
from tests import fresh_tables
from tests.service.installation import AS_OF, Installation

RESULTS = (SegmentMember, DueDate, PersonProfile)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The sample shop, computed."""
    folder: Path = tmp_path_factory.mktemp("shop")
    url = f"sqlite:///{folder}/stipt.db"
    fresh_tables.lay(url)
    made = Installation(folder, url)
    made.demo("web", customers=300)
    made.work()
    yield made
    made.engine.dispose()


def _buyers(session: Session, count: int) -> list[int]:
    ids = select(PersonProfile.person_id).where(col(PersonProfile.is_wholesale).is_(False))
    ids = ids.order_by(col(PersonProfile.person_id))
    return list(session.exec(ids))[5 : 5 + 40 * count : 40]


def _companies(session: Session) -> list[int]:
    business = select(PersonProfile.person_id).where(col(PersonProfile.is_wholesale).is_(True))
    return list(session.exec(business.order_by(col(PersonProfile.person_id))))


def _buys_again(session: Session, person: int) -> None:
    """Place the person's last order once more, a week later."""
    profiles = select(SourceProfile.id).where(SourceProfile.person_id == person)
    orders = select(Order).where(col(Order.profile_id).in_(profiles), Order.status == "paid")
    last = session.exec(orders.order_by(col(Order.placed_at).desc())).first()
    assert last is not None
    lines = session.exec(select(OrderLine).where(OrderLine.order_id == last.id)).all()
    told = last.model_dump(exclude={"id"}) | {"external_id": f"again-{last.external_id}"}
    again = Order(**told | {"placed_at": last.placed_at + timedelta(days=7)})
    session.add(again)
    session.flush()
    for line in lines:
        session.add(OrderLine(**line.model_dump(exclude={"id"}) | {"order_id": again.id}))


def _whole(session: Session, people: Collection[int]) -> Assigned:
    """Compute everybody by the stored fit, and return what belongs to some."""
    account = session.get_one(Account, session.info["account_id"])
    newest = session.exec(select(FittedModel).order_by(col(FittedModel.id).desc())).first()
    assert newest is not None
    due, segments = frames.previous(session)
    every = assign(
        Fitted.from_dict(newest.state),
        frames.load(session, account, as_of=AS_OF),
        as_of=AS_OF,
        choices=frames.choices(session),
        previous_due=due,
        previous_segments=segments,
    )

    def theirs(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["person_id"].isin(people)].reset_index(drop=True)

    return Assigned(
        segments=theirs(every.segments),
        due=theirs(every.due),
        profiles=theirs(every.profiles),
        counters={},
        groups=every.groups,
    )


def _rows(session: Session, table: type[SQLModel]) -> dict[int, list[tuple[Any, ...]]]:
    columns = table.__table__.c  # type: ignore[attr-defined]  # SQLModel adds __table__
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in session.execute(sa.select(columns.person_id, *columns).order_by(columns.id)):
        found.setdefault(row[0], []).append(tuple(row[2:]))
    return {person: sorted(rows, key=repr) for person, rows in found.items()}


def _held(shop: Installation) -> dict[str, dict[int, list[tuple[Any, ...]]]]:
    with scoped(shop.engine, shop.account_id) as session:
        return {table.__name__: _rows(session, table) for table in RESULTS}


def test_a_few_people_get_what_a_run_over_everybody_gives_them(shop: Installation) -> None:
    with scoped(shop.engine, shop.account_id) as session:
        people = _buyers(session, 2)
        for person in people:
            _buys_again(session, person)
    before, fits = _held(shop), shop.count(FittedModel)
    with scoped(shop.engine, shop.account_id) as session:
        expected = _whole(session, people)
        due, _ = frames.previous(session)
        start_refresh(session, as_of=AS_OF.isoformat(), people=people)
    run_until_idle(shop.context)
    after = _held(shop)
    assert shop.count(FittedModel) == fits
    for table, rows in after.items():
        changed = {person for person in rows if rows[person] != before[table].get(person)}
        assert changed <= set(people)
    figures = [held["PersonProfile"][people[0]] for held in (before, after)]
    assert figures[0] != figures[1]
    # Storing what everybody's run says of them finds nothing left to write.
    with scoped(shop.engine, shop.account_id) as session:
        results.store_assigned(session, expected, as_of=AS_OF, previous_due=due, people=people)
    assert _held(shop) == after


def test_one_persons_orders_are_looked_up_by_the_person(shop: Installation) -> None:
    asked = "EXPLAIN QUERY PLAN SELECT id FROM shop_order WHERE account_id = 1 AND profile_id = 1"
    with shop.engine.connect() as connection:
        (plan,) = connection.execute(sa.text(asked)).all()
        counted = connection.execute(sa.text("SELECT DISTINCT tbl FROM sqlite_stat1")).scalars()
        assert {"shop_order", "due_date", "segment_member"} <= set(counted)
    assert "profile_id=?" in plan[-1]


@pytest.mark.parametrize("why", ["another day", "somebody new", "many", "a company"])
def test_everybody_is_computed_where_a_few_would_not_be_the_same(
    shop: Installation, why: str
) -> None:
    fits = shop.count(FittedModel)
    day = AS_OF + timedelta(days=1) if why == "another day" else AS_OF
    with scoped(shop.engine, shop.account_id) as session:
        people = _buyers(session, 1)
        people += [10**9] if why == "somebody new" else []
        people += range(1, 12) if why == "many" else []
        people += _companies(session)[:1] if why == "a company" else []
        start_refresh(session, as_of=day.isoformat(), people=people)
    run_until_idle(shop.context)
    assert shop.count(FittedModel) == fits + 1


def test_people_of_two_changes_are_one_run_and_everybody_outweighs_them(
    shop: Installation,
) -> None:
    with scoped(shop.engine, shop.account_id) as session:
        start_refresh(session, people=[2])
        start_refresh(session, people=[1, 2])
        assert _waiting(session) == [[1, 2]]
        start_refresh(session)
        start_refresh(session, people=[3])
        assert _waiting(session) == [None]
        session.rollback()


def _waiting(session: Session) -> list[Any]:
    rows = session.exec(select(Work).where(Work.kind == "refresh", Work.status == "queued"))
    return [row.payload["people"] for row in rows]
