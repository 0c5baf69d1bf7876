"""What keeps an erasure exact: nobody is told twice, forgotten with another, or left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from sqlmodel import col, delete, select

from connectors.records import Customer
from integration.audience.connect import connect
from integration.audience.leave import disconnect
from integration.audience.members import read_members
from integration.privacy import erase
from integration.privacy.erased import is_erased
from integration.privacy.mentions import telling
from integration.privacy.owed import owed
from integration.privacy.subject import Subject, of_address, people_of
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata import stores
from integration.tables import Audience, Erasure, Member, ShopRecord, ShopStore
from integration.work.execute import run_until_idle
from tests.service.audience_shop import AudienceShop, Killed, TestJob, make_shop
from tests.service.known_person import ADA, BOB, PHONE, read
from tests.service.records import order
from tests.service.store_shop import StoreShop


@pytest.fixture
def shop(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings.model_copy(update={"database_url": database_url}), sandbox)
    yield made
    made.context.engine.dispose()


@pytest.fixture
def store(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[StoreShop]:
    made = StoreShop(settings.model_copy(update={"database_url": database_url}), sandbox)
    yield made
    made.close()


def forget(shop: AudienceShop, subject: Subject) -> int:
    with shop.session() as session:
        return erase.start(session, shop.context, subject)


def answers(shop: AudienceShop) -> list[int]:
    with shop.session() as session:
        told = session.exec(select(Erasure)).one().mailchimp["answers"]
    return [answer["status"] for answer in told]


def test_an_address_that_mailchimp_answered_for_is_not_told_again_after_a_kill(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    sandbox.add_member(BOB)
    done = forget(shop, Subject(emails=(ADA, BOB)))
    job = TestJob(shop.account_id, payload={"erasure_id": done}, dies_at=3)
    with pytest.raises(Killed):
        erase.erase(shop.context, cast(Any, job))
    assert answers(shop) == [204]
    run_until_idle(shop.context)
    # The second was erased before the kill, which nobody could write down.
    assert answers(shop) == [204, 404]
    assert sandbox.audience.find(BOB) is None


def test_another_merchants_row_of_the_same_address_stays(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    other = make_shop(shop.context.settings, sandbox)
    for one in (shop, other):
        read_members(one.context, one.audience)
    forget(shop, Subject(emails=(ADA,)))
    with shop.session() as session:
        assert session.exec(select(Member)).all() == []
    with other.session() as session:
        assert session.exec(select(Member.email_key)).all() == [ADA]
    other.context.engine.dispose()


def test_what_a_household_shares_keeps_nobody_else_out(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    read(shop, Customer(id="c1", email=ADA, phone=PHONE), Customer(id="c2", email=BOB, phone=PHONE))
    with shop.session() as session:
        erase.start(session, shop.context, of_address(session, ADA))
    assert read(shop, order("1", phone=PHONE)) == 0
    assert read(shop, order("2", email=ADA, phone=PHONE)) == 1


def test_one_of_two_addresses_does_not_come_back_while_mailchimp_is_still_to_erase_it(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(BOB)
    done = forget(shop, Subject(emails=(ADA, BOB)))
    answer = {"audience": shop.audience.id, "name": "", "store": "", "status": 204, "at": ""}
    with shop.session() as session:
        receipt = session.get_one(Erasure, done)
        receipt.mailchimp = {**receipt.mailchimp, "answers": [answer]}
    read_members(shop.context, shop.audience)
    with shop.session() as session:
        assert is_erased(session, BOB)
        assert session.get_one(Erasure, done).status == "running"


def test_a_short_card_number_names_nobody_in_a_text() -> None:
    assert telling(Subject(emails=(ADA,), cards=("12",), phones=(PHONE,))) == [ADA, PHONE]


def test_whoever_was_allowed_again_before_mailchimp_was_told_stays_here(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    read(shop, Customer(id="c1", email=ADA))
    with shop.session() as session:
        erase.start(session, shop.context, of_address(session, ADA))
        assert erase.allow_again(session, shop.context, ADA, "came back")
    read(shop, Customer(id="c1", email=ADA))
    run_until_idle(shop.context)
    with shop.session() as session:
        assert len(people_of(session, ADA)) == 1
        assert session.exec(select(Erasure)).one().status == "lifted"


def test_an_audience_that_is_connected_while_an_erasure_ends_is_told_all_the_same(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_member(ADA)
    read_members(shop.context, shop.audience)
    disconnect(shop.context, shop.account_id)
    forget(shop, Subject(emails=(ADA,)))

    def connects(*_: object) -> None:
        monkeypatch.undo()
        connect(shop.context, shop.account_id, token=sandbox.key, language="en")

    monkeypatch.setattr(erase, "_await_others", connects)
    run_until_idle(shop.context)
    assert answers(shop) == [204]
    assert sandbox.audience.find(ADA) is None


def test_an_audience_whose_store_alone_has_the_person_is_waited_for(store: StoreShop) -> None:
    store.order("o0", store.buyer(ADA), ("suit", None))
    store.on()
    store.send()
    with store.people.session() as session:
        session.exec(delete(Member))
        session.exec(select(Audience)).one().disconnected_at = store.now
        subject = of_address(session, ADA)
        assert [one["audience"] for one in owed(session, subject)] == [
            session.exec(select(col(Audience.id))).one()
        ]


def test_a_cart_goes_from_a_store_that_is_switched_off_too(store: StoreShop) -> None:
    store.cart("k", store.buyer(ADA), "suit", at=store.now)
    store.on()
    store.send()
    assert store.store.carts.keys() == {"k"}
    with store.people.session() as session:
        stores.switch_off(session, session.get_one(ShopStore, store.row.id))
        erase.start(session, store.people.context, of_address(session, ADA))
    run_until_idle(store.people.context)
    assert store.store.carts == {}
    with store.people.session() as session:
        assert session.exec(select(ShopRecord).where(ShopRecord.kind == "cart")).all() == []


def test_a_store_that_was_never_written_is_not_asked(
    store: StoreShop, sandbox: SandboxServer
) -> None:
    store.buyer(ADA)
    store.look()
    with store.people.session() as session:
        subject = of_address(session, ADA)
    forget(store.people, subject)
    run_until_idle(store.people.context)
    assert answers(store.people) == [204]
