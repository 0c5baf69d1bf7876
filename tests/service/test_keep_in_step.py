"""What new figures change is published by itself once the merchant wants that, unless it is odd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from sqlmodel import col, select

from integration.audience import floods, keep
from integration.audience.connect import connect
from integration.pipeline import follow_up, undo
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Person, Plan, Work
from integration.work.execute import run_until_idle
from integration.work.queue import Job
from tests.service.audience_shop import AudienceShop, TestJob, make_shop

PEOPLE = [f"p{number}@stipt-demo.shop" for number in range(20)]


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        for email in PEOPLE:
            server.add_member(email)
        yield server


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> AudienceShop:
    shop = make_shop(settings, sandbox)
    shop.people(PEOPLE, ["stage:new"])
    shop.push()
    return shop


def figures_are_new(shop: AudienceShop) -> None:
    """What the end of a refresh does, and the work it brings about."""
    with shop.session() as session:
        follow_up(session)
    run_until_idle(shop.context)


def switch(shop: AudienceShop, *, on: bool) -> None:
    with shop.session() as session:
        assert keep.switch(session, on=on)


def newest(shop: AudienceShop) -> Plan:
    with shop.session() as session:
        return session.exec(select(Plan).order_by(col(Plan.id).desc())).first() or Plan()


def writes(sandbox: SandboxServer) -> int:
    return sum(entry.method != "GET" for entry in sandbox.requests)


def first_person(shop: AudienceShop, number: int = 0) -> int:
    """The person behind an address of `PEOPLE`; they were stored in that order."""
    with shop.session() as session:
        people = [person.id or 0 for person in session.exec(select(Person))]
    return sorted(people)[number]


def test_nothing_happens_by_itself_before_the_merchant_wants_it(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.enter(first_person(shop), "due:suits:now")
    before = writes(sandbox)
    figures_are_new(shop)
    assert writes(sandbox) == before
    with shop.session() as session:
        assert session.exec(select(Work)).all() == []


def test_a_small_change_is_published_by_itself(shop: AudienceShop, sandbox: SandboxServer) -> None:
    switch(shop, on=True)
    shop.enter(first_person(shop), "due:suits:now")
    figures_are_new(shop)
    assert newest(shop).status == "published"
    assert "Due: Suits – now" in sandbox.tags(PEOPLE[0])


def test_a_night_without_changes_writes_nothing(shop: AudienceShop, sandbox: SandboxServer) -> None:
    switch(shop, on=True)
    before = writes(sandbox)
    figures_are_new(shop)
    figures_are_new(shop)
    assert writes(sandbox) == before


def test_what_concerns_a_fifth_of_the_audience_waits_for_a_click(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    switch(shop, on=True)
    for number in range(5):
        shop.enter(first_person(shop, number), "due:suits:now")
    before = writes(sandbox)
    figures_are_new(shop)
    assert writes(sandbox) == before
    plan = newest(shop)
    assert plan.status == "draft"
    assert plan.summary["waits"] == {"key": "large_share", "members": 5, "percent": 25}
    shop.publish(plan.id)
    assert "Due: Suits – now" in sandbox.tags(PEOPLE[4])


def test_a_flood_that_goes_by_itself_starts_no_flow(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.enter(first_person(shop), "due:suits:now")
    shop.push()
    switch(shop, on=True)
    flow = sandbox.add_flow("Suit due", "tag", "Due: Suits – now")
    for number in range(1, 4):
        shop.enter(first_person(shop, number), "due:suits:now")
    monkeypatch.setattr(floods, "PEOPLE", 2)
    figures_are_new(shop)
    assert newest(shop).status == "published"
    assert "Due: Suits – now" in sandbox.tags(PEOPLE[3])
    assert flow.entries == {}


def test_what_was_taken_back_is_not_written_again_the_next_night(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    switch(shop, on=True)
    shop.enter(first_person(shop), "due:suits:now")
    figures_are_new(shop)
    job = TestJob(shop.account_id, payload={"plan_id": newest(shop).id})
    undo(shop.context, cast(Job, job))
    figures_are_new(shop)
    assert "Due: Suits – now" not in sandbox.tags(PEOPLE[0])
    assert newest(shop).summary["stops_keeping"]
    switch(shop, on=True)
    figures_are_new(shop)
    assert "Due: Suits – now" in sandbox.tags(PEOPLE[0])


def test_a_burst_of_figures_is_one_run(shop: AudienceShop) -> None:
    switch(shop, on=True)
    with shop.session() as session:
        follow_up(session)
        follow_up(session)
        assert len(session.exec(select(Work)).all()) == 1


def test_a_paused_audience_is_left_alone(shop: AudienceShop) -> None:
    switch(shop, on=True)
    with shop.session() as session:
        session.merge(shop.audience).paused = "revoked"
    figures_are_new(shop)
    with shop.session() as session:
        assert session.exec(select(Work)).all() == []


def test_a_plan_that_was_being_published_is_gone_on_with(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    switch(shop, on=True)
    shop.enter(first_person(shop), "due:suits:now")
    plan = shop.plan()
    with shop.session() as session:
        session.get_one(Plan, plan.id).status = "publishing"  # the worker died there
    figures_are_new(shop)
    assert newest(shop).id == plan.id
    assert newest(shop).status == "published"
    assert "Due: Suits – now" in sandbox.tags(PEOPLE[0])


def test_what_waited_is_not_written_once_the_merchant_switched_it_off(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    switch(shop, on=True)
    shop.enter(first_person(shop), "due:suits:now")
    with shop.session() as session:
        follow_up(session)
    switch(shop, on=False)
    before = writes(sandbox)
    run_until_idle(shop.context)
    assert writes(sandbox) == before


def test_what_waited_for_one_audience_is_not_written_to_another(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    switch(shop, on=True)
    shop.enter(first_person(shop), "due:suits:now")
    with shop.session() as session:
        follow_up(session)
    other = sandbox.state.add_audience("Other")
    connect(shop.context, shop.account_id, token=sandbox.key, list_id=other.id, language="en")
    before = writes(sandbox)
    run_until_idle(shop.context)
    assert writes(sandbox) == before


def test_nothing_goes_by_itself_to_an_audience_that_never_had_a_click(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    other = sandbox.state.add_audience("Other")
    connect(shop.context, shop.account_id, token=sandbox.key, list_id=other.id, language="en")
    switch(shop, on=True)
    before = writes(sandbox)
    figures_are_new(shop)
    assert writes(sandbox) == before
    with shop.session() as session:
        assert session.exec(select(Plan).where(Plan.audience_id == shop.audience.id)).all() == []
