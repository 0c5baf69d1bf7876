"""Every night everything is computed anew, once, in the shop's own night."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from integration.context import Context
from integration.db import scoped
from integration.night import start_night
from integration.tables import FittedModel, Work
from tests.conftest import add_account

#: 23:30 of 5 March in Amsterdam.
EVENING = datetime(2026, 3, 5, 22, 30, tzinfo=UTC)


def at(context: Context, moment: datetime) -> Context:
    return Context(context.settings, context.engine, context.vault, clock=lambda: moment)


def fitted(engine: Engine, account: int, moment: datetime) -> None:
    with scoped(engine, account) as session:
        session.add(FittedModel(account_id=account, as_of=moment.date(), created_at=moment))


@pytest.mark.parametrize(
    ("now", "started"),
    [
        pytest.param(datetime(2026, 3, 5, 23, 30, tzinfo=UTC), 0, id="half past midnight there"),
        pytest.param(datetime(2026, 3, 6, 2, 12, tzinfo=UTC), 1, id="three at night there"),
        pytest.param(datetime(2026, 3, 6, 12, 0, tzinfo=UTC), 1, id="the worker slept till noon"),
    ],
)
def test_a_new_day_is_computed_from_three_at_night_in_the_shops_zone(
    context: Context, now: datetime, started: int
) -> None:
    account = add_account(context.engine)
    fitted(context.engine, account, EVENING)
    assert start_night(at(context, now)) == started


def test_a_night_starts_one_refresh_however_often_it_is_asked(context: Context) -> None:
    account = add_account(context.engine)
    fitted(context.engine, account, EVENING)
    night = at(context, datetime(2026, 3, 6, 2, 12, tzinfo=UTC))
    start_night(night)
    start_night(night)
    with scoped(context.engine, account) as session:
        assert [work.kind for work in session.exec(select(Work))] == ["refresh"]
    fitted(context.engine, account, datetime(2026, 3, 6, 2, 20, tzinfo=UTC))
    assert start_night(at(context, datetime(2026, 3, 6, 3, 12, tzinfo=UTC))) == 0


def test_an_account_that_has_nothing_yet_is_left_alone(context: Context) -> None:
    add_account(context.engine)
    assert start_night(at(context, datetime(2026, 3, 6, 2, 12, tzinfo=UTC))) == 0
