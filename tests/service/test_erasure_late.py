"""An erasure while an audience is not connected, or while other work has somebody in hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from secrets import token_hex

import pytest
from sqlmodel import col, delete, select, update

from connectors.records import Customer
from integration.audience.connect import connect
from integration.audience.leave import disconnect
from integration.privacy import erase
from integration.privacy.erased import is_erased
from integration.privacy.owed import owed
from integration.privacy.subject import Subject, of_address, of_person
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.store.profiles import write_customers
from integration.tables import Erasure, Person, ShopRecord, SourceProfile, Work
from integration.work.execute import run_one, run_until_idle
from integration.work.queue import AT_ONCE
from integration.work.retry import MAX_STARTS
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.known_person import ADA, BOB, NEEDLES, fill
from tests.service.store_shop import StoreShop
from tests.service.traces import found


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


def test_whoever_is_known_by_a_number_only_is_taken_out_of_a_page_that_was_stored_late(
    shop: AudienceShop,
) -> None:
    nobody = Customer(id="c7", phone="+31612345678", first_name="Ada")
    with shop.session() as session:
        (person,) = write_customers(session, shop.shop_id, [nobody], NOW)
    with shop.session() as session:
        erase.start(session, shop.context, of_person(session, person))
    # A page of an import that looked for the erased before, and is committed after.
    with shop.session() as session:
        assert write_customers(session, shop.shop_id, [nobody], NOW)
    run_until_idle(shop.context)
    with shop.session() as session:
        assert session.exec(select(SourceProfile)).all() == []
    assert receipt(shop).status == "done"


def other_work(shop: AudienceShop) -> int:
    """Write down work that a worker has in hand."""
    with shop.session() as session:
        other = Work(
            account_id=shop.account_id, kind="push", lane=token_hex(4), status="running",
            run_at=NOW, created_at=NOW, lease_by=token_hex(4),
            lease_until=shop.context.clock() + timedelta(hours=9),
        )  # fmt: skip
        return shop.add(session, other)


def end(shop: AudienceShop, work_id: int) -> None:
    with shop.session() as session:
        session.exec(delete(Work).where(col(Work.id) == work_id))


def erasing(shop: AudienceShop) -> Work:
    with shop.session() as session:
        return session.exec(select(Work).where(Work.kind == erase.KIND)).one()


def look(shop: AudienceShop) -> None:
    """Let the moment of the next look come, and look."""
    with shop.session() as session:
        session.exec(update(Work).where(col(Work.kind) == erase.KIND).values(run_at=AT_ONCE))
    run_until_idle(shop.context)


def stage(shop: AudienceShop) -> str:
    with shop.session() as session:
        return erase.stages(session)[receipt(shop).id or 0]


def test_mailchimp_is_told_only_after_other_work_has_ended_however_long_that_takes(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    push = other_work(shop)
    forget(shop)
    for _ in range(MAX_STARTS + 1):
        look(shop)
    work = erasing(shop)
    assert (work.status, work.attempts, stage(shop)) == ("queued", 0, "behind")
    assert receipt(shop).mailchimp["answers"] == []
    assert sandbox.audience.find(ADA) is not None
    assert found(shop.context.engine, *NEEDLES) == set()
    with shop.session() as session:
        assert is_erased(session, ADA)
    end(shop, push)
    look(shop)
    assert sandbox.audience.find(ADA) is None
    assert stage(shop) == "done"


def test_work_that_began_after_the_person_was_taken_out_is_not_waited_for(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    push = other_work(shop)
    forget(shop)
    look(shop)
    other_work(shop)
    look(shop)
    assert stage(shop) == "behind"
    end(shop, push)
    look(shop)
    assert stage(shop) == "done"


def test_work_whose_worker_was_lost_is_not_waited_for(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    lost = other_work(shop)
    with shop.session() as session:
        session.get_one(Work, lost).lease_until = shop.context.clock() - timedelta(seconds=1)
    forget(shop)
    run_one(shop.context, erasing(shop).id or 0)
    assert stage(shop) == "done"


def test_an_erasure_that_was_given_up_says_so(shop: AudienceShop, sandbox: SandboxServer) -> None:
    fill(shop, sandbox)
    forget(shop)
    assert stage(shop) == "running"
    with shop.session() as session:
        session.exec(update(Work).where(col(Work.kind) == erase.KIND).values(status="dead"))
    assert stage(shop) == "given up"


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
