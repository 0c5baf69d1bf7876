"""A worker that is lost behind a commit leaves nothing that an undisturbed one would not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from unittest import mock

import pytest
from sqlmodel import col, select

from integration.audience import checked, keep
from integration.pipeline import follow_up, start_refresh
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import AudienceCheck, FittedModel, Person, Plan, Work
from integration.work import execute
from integration.work.execute import run_until_idle
from integration.work.queue import defer
from tests.service.audience_shop import AudienceShop, make_shop

PEOPLE = [f"p{number}@stipt-demo.shop" for number in range(20)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


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


def lost_before_the_end(shop: AudienceShop) -> None:
    """Carry out what waits, by a worker that is lost behind the last commit of each handler."""
    for _ in range(20):
        try:
            with mock.patch.object(execute, "finish", side_effect=KeyboardInterrupt):
                run_until_idle(shop.context)
        except KeyboardInterrupt:
            again(shop)
        else:
            break
        run_until_idle(shop.context)


def again(shop: AudienceShop) -> None:
    """Let the lease of a lost worker end."""
    with shop.session() as session:
        for work in session.exec(select(Work).where(Work.status == "running")):
            work.lease_until = LONG_AGO


def plans(shop: AudienceShop) -> list[str]:
    """The states of all plans, the first one first."""
    with shop.session() as session:
        return [plan.status for plan in session.exec(select(Plan).order_by(col(Plan.id)))]


def enter(shop: AudienceShop) -> None:
    """Somebody is to get a tag."""
    with shop.session() as session:
        person = min(person.id or 0 for person in session.exec(select(Person)))
    shop.enter(person, "due:suits:now")


def test_a_plan_that_the_merchant_looks_at_is_not_discarded_for_another_one(
    shop: AudienceShop,
) -> None:
    enter(shop)
    with shop.session() as session:
        defer(session, account_id=shop.account_id, kind="plan", lane="p", payload={})
    lost_before_the_end(shop)
    assert plans(shop) == ["published", "draft"]


@pytest.mark.parametrize("lost_at", ["may_go", "finish"])
def test_what_keeps_in_step_makes_one_plan(shop: AudienceShop, lost_at: str) -> None:
    enter(shop)
    with shop.session() as session:
        assert keep.switch(session, on=True)
        follow_up(session)
    if lost_at == "may_go":
        lost = mock.patch.object(keep, "may_go", side_effect=KeyboardInterrupt)
        with lost, pytest.raises(KeyboardInterrupt):
            run_until_idle(shop.context)
        run_until_idle(shop.context)
    else:
        lost_before_the_end(shop)
    assert plans(shop) == ["published", "published"]


def test_what_a_check_put_right_is_told_and_written_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    with shop.session() as session:
        checked.start(session)
    (tag,) = sandbox.tags(PEOPLE[0])
    member = sandbox.audience.find(PEOPLE[0])
    assert member is not None
    sandbox.audience.detach(member, sandbox.state.tag(sandbox.audience, tag).id)
    lost = mock.patch("integration.audience.check.AudienceCheck", side_effect=KeyboardInterrupt)
    with lost, pytest.raises(KeyboardInterrupt):
        run_until_idle(shop.context)
    run_until_idle(shop.context)
    with shop.session() as session:
        (found,) = session.exec(select(AudienceCheck)).all()
    assert found.result["differences"]


def test_a_computation_is_kept_once(shop: AudienceShop) -> None:
    with shop.session() as session:
        start_refresh(session)
    lost_before_the_end(shop)
    with shop.session() as session:
        assert len(session.exec(select(FittedModel)).all()) == 1
