"""An erasure while an audience is not connected, or while other work has somebody in hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlmodel import col, delete, select

from integration.audience.connect import connect
from integration.audience.leave import disconnect
from integration.mailchimp.errors import StillRunning
from integration.privacy import erase
from integration.privacy.erased import is_erased
from integration.privacy.owed import owed
from integration.privacy.subject import Subject, of_address
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Erasure, Person, ShopRecord, Work
from integration.work.execute import run_until_idle
from tests.service.audience_shop import NOW, AudienceShop, TestJob, make_shop
from tests.service.known_person import ADA, BOB, NEEDLES, fill
from tests.service.store_shop import StoreShop
from tests.service.traces import found


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def shop(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings.model_copy(update={"database_url": database_url}), sandbox)
    yield made
    made.context.engine.dispose()


def forget(shop: AudienceShop) -> None:
    with shop.session() as session:
        erase.start(session, shop.context, of_address(session, ADA))


def receipt(shop: AudienceShop) -> Erasure:
    with shop.session() as session:
        return session.exec(select(Erasure)).one()


def test_an_audience_that_is_not_connected_is_told_when_it_is_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    disconnect(shop.context, shop.account_id)
    forget(shop)
    run_until_idle(shop.context)
    told = receipt(shop)
    assert (told.status, told.mailchimp["answers"], told.finished_at) == ("waiting", [], None)
    assert [one["name"] for one in told.mailchimp["owed"]] == [sandbox.audience.name]
    assert found(shop.context.engine, *NEEDLES) == set()
    assert sandbox.audience.find(ADA) is not None
    connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    run_until_idle(shop.context)
    told = receipt(shop)
    assert sandbox.audience.find(ADA) is None
    assert (told.status, told.pending, told.mailchimp["owed"]) == ("done", None, [])
    assert [answer["status"] for answer in told.mailchimp["answers"]] == [204]


def test_what_waits_takes_out_nobody_who_got_a_number_anew(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    ada = shop.person(ADA)
    shop.plan()
    disconnect(shop.context, shop.account_id)
    forget(shop)
    run_until_idle(shop.context)
    with shop.session() as session:
        session.add(Person(id=ada, account_id=shop.account_id, created_at=NOW))
    connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    run_until_idle(shop.context)
    with shop.session() as session:
        assert session.get(Person, ada) is not None
    assert receipt(shop).status == "done"


def test_whoever_is_allowed_again_meanwhile_is_not_erased_on_connecting(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    disconnect(shop.context, shop.account_id)
    forget(shop)
    run_until_idle(shop.context)
    with shop.session() as session:
        assert erase.allow_again(session, shop.context, ADA, "came back")
    connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    run_until_idle(shop.context)
    assert sandbox.audience.find(ADA) is not None
    assert (receipt(shop).status, receipt(shop).pending) == ("lifted", None)


def test_an_audience_that_never_had_the_person_is_not_waited_for(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    disconnect(shop.context, shop.account_id)
    with shop.session() as session:
        assert owed(session, Subject(emails=("nobody@stipt-demo.shop",))) == []
        assert len(owed(session, Subject(emails=(BOB,)))) == 1


def test_mailchimp_is_told_only_after_other_work_has_ended(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "_WAIT_S", 0.0)
    fill(shop, sandbox)
    forget(shop)
    with shop.session() as session:
        other = Work(
            account_id=shop.account_id, kind="push", lane="other", status="running", run_at=NOW,
            created_at=NOW, lease_by="x", lease_until=shop.context.clock() + timedelta(hours=1),
        )  # fmt: skip
        number = shop.add(session, other)
        work = session.exec(select(Work).where(Work.kind == erase.KIND)).one()
    job = TestJob(shop.account_id, payload=dict(work.payload))
    with pytest.raises(StillRunning):
        erase.erase(shop.context, cast(Any, job))
    assert receipt(shop).mailchimp["answers"] == []
    assert sandbox.audience.find(ADA) is not None
    assert found(shop.context.engine, *NEEDLES) == set()
    with shop.session() as session:
        session.exec(delete(Work).where(col(Work.id) == number))
        assert is_erased(session, ADA)
    run_until_idle(shop.context)
    assert sandbox.audience.find(ADA) is None
    assert receipt(shop).status == "done"


def test_a_customer_that_the_mirror_does_not_know_of_is_deleted_all_the_same(
    settings: Settings, sandbox: SandboxServer
) -> None:
    shop = StoreShop(settings, sandbox)
    shop.order("o0", shop.buyer(ADA), ("suit", None))
    shop.on()
    shop.send()
    with shop.people.session() as session:
        session.exec(delete(ShopRecord).where(col(ShopRecord.kind) == "customer"))
    forget(shop.people)
    run_until_idle(shop.people.context)
    assert shop.store.customers == {}
    assert [bool(row["store"]) for row in receipt(shop.people).mailchimp["answers"]] == [
        False,
        True,
    ]
    shop.close()
