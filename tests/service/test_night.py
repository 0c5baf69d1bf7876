"""Every night everything is computed anew, once, in the shop's own night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from integration import night as nights
from integration.context import Context
from integration.db import scoped
from integration.night import start_night
from integration.tables import Account, Audience, FittedModel, Inbox, Work
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


def test_an_error_of_one_account_does_not_take_the_night_from_the_others(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add_account(context.engine), add_account(context.engine, "second")
    for account in (first, second):
        fitted(context.engine, account, EVENING)
    real = nights._is_due

    def is_due(context: Context, session: Session, account: Account) -> bool:
        if account.id == first:
            raise ValueError("something of this account's is broken")
        return real(context, session, account)

    monkeypatch.setattr(nights, "_is_due", is_due)
    assert start_night(at(context, datetime(2026, 3, 6, 2, 12, tzinfo=UTC))) == 1
    with scoped(context.engine, second) as session:
        assert [work.kind for work in session.exec(select(Work))] == ["refresh"]


def test_old_messages_are_forgotten_where_no_check_comes_to_its_end(context: Context) -> None:
    account = add_account(context.engine)
    with scoped(context.engine, account) as session:
        gone = Audience(
            account_id=account,
            list_id="a",
            name="A",
            server="us1",
            token="",
            language="en",
            connected_at=EVENING,
            disconnected_at=EVENING,
        )
        session.add(gone)
        session.flush()
        for key, days in (("old", 8), ("new", 1)):
            session.add(
                Inbox(
                    account_id=account,
                    audience_id=gone.id,
                    topic="audience",
                    dedupe_key=key,
                    body=b"",
                    received_at=EVENING - timedelta(days=days),
                )
            )
    start_night(at(context, EVENING))
    with scoped(context.engine, account) as session:
        assert list(session.exec(select(Inbox.dedupe_key))) == ["new"]
