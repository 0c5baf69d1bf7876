"""Killed at any moment, or a lost answer: no event and no step twice, and none forgotten."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from integration.mailchimp.errors import Retryable
from integration.settings import Settings
from tests import fresh_tables
from tests.service.audience_shop import Killed, TestJob
from tests.service.flows_shop import FlowShop, flow_shop

PEOPLE = [f"p{n}@stipt-demo.shop" for n in range(4)]
MANY = [f"p{n}@stipt-demo.shop" for n in range(30)]


@pytest.fixture
def shop(settings: Settings) -> Iterator[FlowShop]:
    with flow_shop(settings) as made:
        yield made


def doubled(shop: FlowShop, people: list[str]) -> list[str]:
    """Who was told the same need and cycle twice."""
    found = []
    for email in people:
        events = Counter((e.name, e.properties.get("need")) for e in shop.sandbox.events(email))
        found += [email for number in events.values() if number > 1]
    return found


def test_killed_at_any_commit_every_one_is_told_once_and_stepped_in_once_at_most(
    settings: Settings,
) -> None:
    dies_at, died = 1, True
    while died:
        with flow_shop(settings) as shop:
            flow = shop.sandbox.add_flow("By hand", "api")
            shop.sandbox.add_flow("Suit due", "event", "became_due")
            persons = [shop.member(email) for email in PEOPLE[:2]]
            shop.turn()
            shop.run()
            shop.tie(shop.address(flow.id, flow.step))
            for person in persons:
                shop.due(person)
            try:
                shop.run(TestJob(shop.shop.account_id, dies_at=dies_at))
                died = False
            except Killed:
                shop.pass_time(minutes=3)
                shop.run()
            for email in PEOPLE[:2]:
                assert len(shop.told(email)) == 1, (dies_at, email)
                mails = Counter(shop.sandbox.flow_mails(email))
                assert mails["Suit due"] == 1
                assert mails["By hand"] <= 1
        dies_at += 1
        reset(settings)
    assert dies_at > 10


def reset(settings: Settings) -> None:
    """Empty the database for another shop."""
    fresh_tables.lay(settings.database)


@pytest.mark.parametrize("dies_at", range(1, 11))
def test_killed_while_a_batch_marks_everybody_nobody_starts_a_flow(
    shop: FlowShop, dies_at: int
) -> None:
    shop.sandbox.add_flow("Suit due", "event", "became_due")
    for email in MANY:
        shop.due(shop.member(email))
    shop.turn()
    with pytest.raises(Killed):
        shop.run(TestJob(shop.shop.account_id, dies_at=dies_at))
    for _ in range(3):
        shop.pass_time(hours=25)
        shop.run()
    assert doubled(shop, MANY) == []
    assert all(shop.told(email) == [("became_due", True)] for email in MANY)
    assert all(shop.sandbox.flow_mails(email) == [] for email in MANY)


@pytest.mark.parametrize("kind", ["reset", "html_502"])
def test_an_event_whose_answer_was_lost_is_looked_up_before_it_is_told_again(
    shop: FlowShop, kind: str
) -> None:
    ada = shop.member(PEOPLE[0])
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.sandbox.fail(kind, method="POST")
    with pytest.raises(Retryable):
        shop.run()
    shop.run()  # too early to know
    assert [row.status for row in shop.all_rows()] == ["sent"]
    shop.pass_time(minutes=3)
    shop.run()
    assert shop.told(PEOPLE[0]) == [("became_due", False)]
    assert [row.status for row in shop.all_rows()] == ["done"]


def test_who_bought_while_an_answer_was_lost_is_not_told(shop: FlowShop) -> None:
    ada = shop.member(PEOPLE[0])
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.sandbox.fail("html_502", method="POST")
    with pytest.raises(Retryable):
        shop.run()
    shop.buys(ada)
    shop.pass_time(minutes=3)
    shop.run()
    assert shop.told(PEOPLE[0]) == []


STEPS = strategies.lists(
    strategies.one_of(
        strategies.tuples(
            strategies.just("due"), strategies.integers(0, 1), strategies.sampled_from("ab")
        ),
        strategies.tuples(
            strategies.just("later"), strategies.integers(0, 1), strategies.sampled_from("ab")
        ),
        strategies.tuples(strategies.just("days"), strategies.integers(0, 9), strategies.just("")),
        strategies.tuples(strategies.just("run"), strategies.integers(0, 9), strategies.just("")),
        strategies.tuples(strategies.just("lost"), strategies.integers(0, 1), strategies.just("")),
        strategies.tuples(strategies.just("switch"), strategies.just(0), strategies.just("")),
    ),
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_sequence_of_refreshes_tells_a_need_and_cycle_twice(
    sequence_settings: Settings, steps: list[tuple[str, int, str]]
) -> None:
    reset(sequence_settings)
    with flow_shop(sequence_settings) as shop:
        persons = [shop.member(email) for email in PEOPLE[:2]]
        shop.turn()
        for what, number, need in steps:
            carry_out(shop, persons, what, number, need)
        shop.pass_time(hours=1)
        shop.sandbox.state.faults.clear()
        shop.run()
        assert doubled(shop, PEOPLE[:2]) == []
        for email in PEOPLE[:2]:
            live = [e for e in shop.sandbox.events(email) if not e.is_syncing]
            moments = sorted(datetime.fromisoformat(e.occurred_at) for e in live)
            gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
            assert all(gap >= timedelta(days=7) for gap in gaps)


def carry_out(shop: FlowShop, persons: list[int], what: str, number: int, need: str) -> None:
    if what == "due":
        shop.due(persons[number], need)
    elif what == "later":
        shop.due(persons[number], need, "late")
    elif what == "days":
        shop.pass_time(days=number)
    elif what == "switch":
        shop.turn(on=False)
        shop.turn(on=True)
    else:
        if what == "lost":
            shop.sandbox.fail("reset" if number else "html_502", method="POST")
        job = TestJob(shop.shop.account_id, dies_at=number or None)
        try:
            shop.run(job)
        except (Killed, Retryable):
            shop.pass_time(seconds=timedelta(minutes=1).total_seconds())


@pytest.fixture
def sequence_settings(settings: Settings) -> Settings:
    """The same installation for every example."""
    return settings
