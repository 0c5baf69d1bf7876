"""A worker whose job another one has by now writes nothing more, here or in Mailchimp."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, select

from integration.audience import check
from integration.audience.check import compared
from integration.audience.plan import make_plan
from integration.audience.undo import make_undo
from integration.mailchimp.push import publish
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import AudienceCheck, Consent, Member, Plan, PushedValue
from integration.work.handlers import handler_of
from integration.work.queue import Job, LeaseLost, claim, defer
from tests.service.audience_shop import AudienceShop, make_shop

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        for email in (ADA, BOB):
            server.add_member(email)
        yield server


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """A shop that published once, and whose audience changed since."""
    made = make_shop(settings, sandbox)
    made.people([ADA, BOB], ["stage:new"])
    made.push()
    sandbox.unsubscribe(BOB)
    sandbox.audience.detach(found(sandbox), sandbox.state.tag(sandbox.audience, "Stage: New").id)
    made.person("eve@stipt-demo.shop", ["stage:best"])
    yield made
    made.context.engine.dispose()


def found(sandbox: SandboxServer) -> Any:
    return sandbox.audience.find(ADA)


def late(shop: AudienceShop, kind: str, **payload: Any) -> Job:
    """A job whose lease ended, and that another worker has taken."""
    with shop.session() as session:
        defer(session, account_id=shop.account_id, kind=kind, lane="a", payload=payload)
    job = claim(shop.context, lease_s=0)
    assert job is not None
    assert claim(shop.context, work_id=job.id) is not None
    return job


def kept(shop: AudienceShop) -> list[list[str]]:
    """Everything that work on an audience writes."""
    tables: tuple[type[SQLModel], ...] = (Member, Consent, Plan, PushedValue, AudienceCheck)
    with shop.session() as session:
        return [[row.model_dump_json() for row in all_of(session, table)] for table in tables]


def all_of(session: Session, table: type[SQLModel]) -> Any:
    return session.exec(select(table)).all()


@pytest.mark.parametrize("kind", ["plan", "check", "undo"])
def test_a_late_worker_stores_nothing_of_what_it_read(
    shop: AudienceShop, sandbox: SandboxServer, kind: str
) -> None:
    job, before = late(shop, kind, plan_id=1), kept(shop)
    writes = sum(r.method != "GET" for r in sandbox.requests)
    with pytest.raises(LeaseLost):
        handler_of(kind)(shop.context, job)
    assert kept(shop) == before
    assert sum(r.method != "GET" for r in sandbox.requests) == writes


def put_right(shop: AudienceShop, job: Job) -> None:
    compared(shop.context, shop.audience, job=job)


STEPS: dict[str, Callable[[AudienceShop, Job], object]] = {
    "make a plan": lambda shop, job: make_plan(shop.context, shop.audience, lease=job),
    "make an undo": lambda shop, job: make_undo(shop.context, shop.account_id, 1, lease=job),
    "begin a push": lambda shop, job: publish(shop.context, job, 2),
    "put the mirror right": put_right,
}


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_comes_late_to_a_step_does_not_take_it(
    shop: AudienceShop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    shop.enter(1, "stage:best")
    shop.plan()
    # Its lease ends after the members were read.
    monkeypatch.setattr(check, "read_members", lambda *_given, **_more: 0)
    monkeypatch.setattr(Job, "report", lambda *_given: None)
    job, before = late(shop, "any"), kept(shop)
    with pytest.raises(LeaseLost):
        STEPS[step](shop, job)
    assert kept(shop) == before
