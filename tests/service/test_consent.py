"""A withdrawal always wins, absence never opts in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from connectors.records import ConsentEvent, ConsentState, Customer
from integration.consent import Statement, fold, states
from integration.db import scoped
from tests.conftest import add_account
from tests.service.records import NOON, add_shop, store
from tests.service.test_identity import persons

moments = st.none() | st.integers(0, 5).map(lambda day: datetime(2026, 1, 1 + day, tzinfo=UTC))
statements = st.lists(
    st.builds(Statement, state=st.sampled_from(ConsentState), at=moments), max_size=6
)


@given(statements, st.randoms())
def test_the_order_in_which_statements_arrive_does_not_matter(
    said: list[Statement], random: object
) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert fold(said) is fold(shuffled)


@given(statements)
def test_nobody_is_opted_in_without_having_said_so(said: list[Statement]) -> None:
    state = fold(said)
    if state in (ConsentState.CONFIRMED, ConsentState.CONSENTED):
        assert any(s.state is state for s in said)


@given(statements)
def test_after_a_withdrawal_only_a_newer_dated_opt_in_counts(said: list[Statement]) -> None:
    denials = [s for s in said if s.state is ConsentState.DENIED]
    if not denials:
        return
    newer = [
        s
        for s in said
        if s.state in (ConsentState.CONFIRMED, ConsentState.CONSENTED)
        and all(d.at is not None and s.at is not None and s.at > d.at for d in denials)
    ]
    assert (fold(said) is not ConsentState.DENIED) == bool(newer)


@given(statements)
def test_silence_changes_nothing(said: list[Statement]) -> None:
    silence = Statement(ConsentState.UNKNOWN, datetime(2027, 1, 1, tzinfo=UTC))
    assert fold([*said, silence]) is fold(said)


def test_a_withdrawal_in_one_source_counts_for_the_person_in_all(engine: Engine) -> None:
    account = add_account(engine)
    web, till = add_shop(engine, account, "web"), add_shop(engine, account, "till")
    store(
        engine,
        account,
        web,
        Customer(id="w", email="a@x.nl"),
        ConsentEvent(id="1", state=ConsentState.CONFIRMED, at=NOON, source="form", customer_id="w"),
    )
    store(
        engine,
        account,
        till,
        Customer(id="t", email="A@x.nl", card_no="7"),
        ConsentEvent(
            id="1",
            state=ConsentState.DENIED,
            at=NOON + timedelta(days=1),
            source="card",
            customer_id="t",
        ),
    )
    person = persons(engine, account)["w"]
    with scoped(engine, account) as session:
        assert states(session) == {person: ConsentState.DENIED}
        assert states(session, [person]) == {person: ConsentState.DENIED}


def test_a_statement_about_an_address_reaches_its_person(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, Customer(id="w", email="a@x.nl", card_no="7"))
    store(
        engine,
        account,
        shop,
        ConsentEvent(id="1", state=ConsentState.DENIED, at=None, source="export", email="a@x.nl"),
    )
    with scoped(engine, account) as session:
        assert states(session)[persons(engine, account)["w"]] is ConsentState.DENIED


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        pytest.param(timedelta(days=1), ConsentState.CONFIRMED, id="the shop's clock is ahead"),
        pytest.param(timedelta(days=1, seconds=1), ConsentState.DENIED, id="a moment to come"),
        pytest.param(timedelta(days=9000), ConsentState.DENIED, id="a year mistyped"),
    ],
)
def test_an_opt_in_from_the_future_outdates_no_withdrawal(
    engine: Engine, ahead: timedelta, state: ConsentState
) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    yes = ConsentEvent(
        id="1", state=ConsentState.CONFIRMED, at=NOON + ahead, source="form", email="a@x.nl"
    )
    no = ConsentEvent(id="2", state=ConsentState.DENIED, at=NOON, source="form", email="a@x.nl")
    store(engine, account, shop, Customer(id="w", email="a@x.nl"), yes)
    with scoped(engine, account) as session:
        assert list(states(session).values()) == [ConsentState.CONFIRMED], "it is an opt-in"
    store(engine, account, shop, no)
    with scoped(engine, account) as session:
        assert list(states(session).values()) == [state]


def test_a_withdrawal_from_the_future_is_outdated_by_nothing(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    later = NOON + timedelta(days=2)
    yes = ConsentEvent(id="1", state=ConsentState.CONFIRMED, at=NOON, source="form", email="a@x.nl")
    no = ConsentEvent(id="2", state=ConsentState.DENIED, at=later, source="form", email="a@x.nl")
    store(engine, account, shop, Customer(id="w", email="a@x.nl"), yes, no)
    with scoped(engine, account) as session:
        assert list(states(session).values()) == [ConsentState.DENIED]
