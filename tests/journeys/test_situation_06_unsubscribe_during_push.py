"""Situation 6 of the acceptance list: somebody unsubscribes while the nightly push runs.

Over real HTTP: pages that Mailchimp calls, a worker in a process of its own, and the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import requests
from sqlmodel import select

from integration import consent
from integration.app import create_app
from integration.audience import hooks, keep
from integration.pipeline import follow_up
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Consent, Member, Person, Work
from integration.work.execute import run_until_idle
from integration.work.runner import wake_due
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes
from tests.service.kill import WorkerProcess, environment, wait_for
from tests.service.page_server import served

PEOPLE = [f"p{number}@stipt-demo.shop" for number in range(60)]
#: Who gets something in the night; the first of them leaves meanwhile.
TONIGHT = PEOPLE[:8]
LEAVER, STAYER = TONIGHT[0], TONIGHT[1]
SUIT = {"suits": ("now", date(2026, 3, 14))}
OURS = {"Stage: New", "Due: Suits – now"}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        for email in PEOPLE:
            server.add_member(email, tags=["VIP"], merge_fields={"FNAME": "Ada"})
        yield server
        batches(server, running=True)


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """Everything was published once, Mailchimp tells us of changes, and plans go by themselves."""
    shop = make_shop(settings, sandbox)
    with served(create_app(shop.context)) as url:
        known = shop.context.settings.model_copy(update={"public_url": url, "batch_poll_s": 0.02})
        object.__setattr__(shop.context, "settings", known)
        shop.people(PEOPLE, ["stage:new"])
        shop.push()
        with shop.session() as session:
            hooks.start(shop.context, session)
            keep.switch(session, on=True)
        run_until_idle(shop.context)
        yield shop
    shop.context.engine.dispose()


def batches(sandbox: SandboxServer, *, running: bool) -> None:
    """Hold the sandbox's batches back, or let them go on."""
    tools = f"{sandbox.root}/sandbox/batches"
    requests.post(tools, json={"running": running}).raise_for_status()


def night(shop: AudienceShop) -> None:
    """What the end of the nightly computation does."""
    with shop.session() as session:
        follow_up(session)
    wake_due(shop.context)


def is_running(shop: AudienceShop) -> bool:
    with shop.session() as session:
        query = select(Work).where(Work.kind == "keep_in_step", Work.status == "running")
        return session.exec(query).first() is not None


def denials(shop: AudienceShop) -> list[Consent]:
    with shop.session() as session:
        return list(session.exec(select(Consent)))


def something_was_written(sandbox: SandboxServer, since: int) -> bool:
    return any(r.method != "GET" for r in sandbox.requests[since:])


@pytest.mark.parametrize("moment", ["while tags are given", "while a batch of fields waits"])
def test_who_unsubscribes_while_the_nightly_push_runs_ends_without_anything_of_ours(
    shop: AudienceShop, sandbox: SandboxServer, moment: str
) -> None:
    with shop.session() as session:
        people = sorted(person.id or 0 for person in session.exec(select(Person)))
    for person in people[: len(TONIGHT)]:
        shop.enter(person, "due:suits:now")
        shop.will_need(person, SUIT)
    if moment == "while tags are given":
        sandbox.fail("stall", method="POST", prefix=f"/lists/{sandbox.list_id}/segments", seconds=3)
    else:
        batches(sandbox, running=False)
    before = len(sandbox.requests)

    env = environment(shop.context.settings)
    with WorkerProcess(env, shop.context.engine, lease_s=30) as worker:
        night(shop)
        worker.start()
        wait_for(lambda: is_running(shop), 60, "the start of the nightly push")
        if moment != "while tags are given":
            wait_for(lambda: something_was_written(sandbox, before), 60, "a write of the push")
        sandbox.unsubscribe(LEAVER)
        wait_for(lambda: bool(denials(shop)), 60, "the denial in the ledger")
        batches(sandbox, running=True)
        worker.wait_idle()
        night(shop)  # the next one
        worker.wait_idle()

    (denial,) = denials(shop)
    assert (denial.state, denial.email_key, denial.source) == (
        "denied",
        LEAVER,
        "mailchimp: unsubscribed",
    )
    with shop.session() as session:
        assert list(consent.states(session).values()) == ["denied"]
        row = session.exec(select(Member).where(Member.email_key == LEAVER)).one()
        assert row.status == "unsubscribed"
    assert sandbox.tags(LEAVER) == {"VIP"}
    assert sandbox.merge_fields(LEAVER) == {"FNAME": "Ada"}
    assert sandbox.tags(STAYER) == {"VIP", *OURS}
    assert "DUEDATE" in sandbox.merge_fields(STAYER)
    status = sandbox.audience.find(LEAVER)
    assert status is not None
    assert status.status == "unsubscribed"
    assert forbidden_writes(sandbox.requests) == []

    quiet = len(sandbox.requests)
    night(shop)
    run_until_idle(shop.context)
    assert not something_was_written(sandbox, quiet)
