"""Forgetting a person: nothing of him is left here or in Mailchimp, and nothing brings him back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlmodel import select

from connectors.records import Customer
from integration.audience.connect import open_mailchimp
from integration.audience.members import read_members
from integration.audience.undo import make_undo
from integration.mailchimp import personal
from integration.mailchimp.errors import ConsentGuard, MailchimpError
from integration.mailchimp.guard import Permit
from integration.privacy import erase
from integration.privacy.erased import erased_among, is_erased
from integration.privacy.subject import of_address
from integration.privacy.welcome import SIGNED_UP
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import (
    Erasure,
    Member,
    Order,
    OrderLine,
    Plan,
    SourceProfile,
)
from integration.work.execute import run_until_idle
from tests.conftest import ROOT
from tests.service.audience_shop import AudienceShop, Killed, TestJob, make_shop
from tests.service.known_person import ADA, BOB, NEEDLES, PHONE, fill, read, records
from tests.service.records import order
from tests.service.traces import found, in_files


@pytest.fixture
def shop(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings.model_copy(update={"database_url": database_url}), sandbox)
    yield made
    made.context.engine.dispose()


def forget(shop: AudienceShop, address: str = ADA) -> int:
    with shop.session() as session:
        return erase.start(session, shop.context, of_address(session, address))


def work(shop: AudienceShop) -> None:
    run_until_idle(shop.context)


def receipt(shop: AudienceShop, erasure_id: int) -> Erasure:
    with shop.session() as session:
        return session.get_one(Erasure, erasure_id)


def test_nothing_of_an_erased_person_is_left_in_any_table_file_or_log(
    shop: AudienceShop, sandbox: SandboxServer, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(shop, sandbox)
    places = found(shop.context.engine, *NEEDLES)
    assert {
        "source_profile.email", "identity.value", "consent.email_key", "cart.checkout_url",
        "touchpoint.subject", "member.email_key", "plan_change.email_key", "reject.value",
        "inbox.body", "import_run.error", "pushed_value.email_key",
    } <= places  # fmt: skip
    is_file = shop.context.engine.dialect.name == "sqlite"
    folder = shop.context.settings.data_dir.parent
    assert bool(in_files(folder, *NEEDLES)) is is_file
    done = forget(shop)
    work(shop)
    assert found(shop.context.engine, *NEEDLES) == set()
    assert sandbox.audience.find(ADA) is None
    assert sandbox.audience.find(BOB) is not None
    if is_file:  # the log in front of the file is emptied by itself, sooner or later
        with shop.context.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    shop.context.engine.dispose()
    assert in_files(folder, *NEEDLES) == set()
    said = capsys.readouterr()
    assert ADA not in said.out + said.err
    told = receipt(shop, done)
    assert told.status == "done"
    assert told.pending is None
    assert [answer["status"] for answer in told.mailchimp["answers"]] == [204]
    assert told.counts["orders without a person now"] == 3
    assert told.counts["source_profile"] == told.counts["consent"] + 2


def test_orders_stay_as_figures_of_nobody_and_other_people_are_left_alone(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    forget(shop)
    with shop.session() as session:
        orders = {row.external_id: row for row in session.exec(select(Order))}
        assert len(session.exec(select(OrderLine)).all()) == 4
        bob = session.exec(select(SourceProfile)).one()
    assert {number for number, row in orders.items() if row.profile_id is None} == {"1", "2", "3"}
    assert orders["4"].profile_id == bob.id
    assert bob.email == BOB


def test_a_re_import_does_not_bring_the_person_back_and_counts_his_rows(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    forget(shop)
    work(shop)
    told_again = [
        *records(),
        order("5", email=ADA, phone=PHONE),
        Customer(id="new", email=ADA),
        order("6", customer_id="new", email=ADA),
        Customer(id="c1", first_name="Ada", last_name="Vosmaer"),
        order("7", phone=PHONE),
    ]
    assert read(shop, *told_again) == 12
    assert found(shop.context.engine, *NEEDLES) == set()
    with shop.session() as session:
        assert len(session.exec(select(Order)).all()) == 7
        assert [row.email for row in session.exec(select(SourceProfile))] == [BOB]
    assert read(shop, *told_again) == 12
    assert found(shop.context.engine, *NEEDLES) == set()


def test_a_household_that_shares_the_telephone_stays(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    read(shop, *records(), Customer(id="c3", email="carl@stipt-demo.shop", phone=PHONE))
    forget(shop)
    assert read(shop, Customer(id="c4", email="dora@stipt-demo.shop", phone=PHONE)) == 0
    with shop.session() as session:
        left = {row.email for row in session.exec(select(SourceProfile))}
    assert left == {BOB, "carl@stipt-demo.shop", "dora@stipt-demo.shop"}


def test_looking_at_the_audience_does_not_bring_an_erased_person_back(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    done = forget(shop)  # Mailchimp does not know yet, and tells of her
    for whole in (False, True):
        read_members(shop.context, shop.audience, whole=whole)
    with shop.session() as session:
        assert {row.email_key for row in session.exec(select(Member))} == {BOB}
        assert is_erased(session, ADA.upper())
        assert erased_among(session, [ADA, BOB]) == {ADA}
    assert receipt(shop, done).status == "running"


def test_whoever_signs_up_anew_on_mailchimps_form_is_welcome_and_it_is_written_down(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    done = forget(shop)
    work(shop)
    sandbox.add_member(ADA)
    read_members(shop.context, shop.audience)
    with shop.session() as session:
        assert {row.email_key for row in session.exec(select(Member))} == {ADA, BOB}
        assert not is_erased(session, ADA)
    told = receipt(shop, done)
    assert (told.status, told.lifted_because) == ("lifted", SIGNED_UP)


def test_a_file_of_the_merchants_brings_nobody_back_where_mailchimp_had_nobody_to_erase(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    with sandbox.state.lock:
        member = sandbox.audience.find(ADA)
        assert member is not None
        sandbox.audience.drop(member)
    done = forget(shop)
    work(shop)
    assert [answer["status"] for answer in receipt(shop, done).mailchimp["answers"]] == [404]
    sandbox.add_member(ADA)
    read_members(shop.context, shop.audience)
    with shop.session() as session:
        assert is_erased(session, ADA)
        assert {row.email_key for row in session.exec(select(Member))} == {BOB}
    assert receipt(shop, done).status == "done"


def test_the_merchant_can_allow_an_erased_person_again_with_a_reason(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    done = forget(shop)
    work(shop)
    with shop.session() as session:
        assert not erase.allow_again(session, shop.context, BOB, "asked")
        assert erase.allow_again(session, shop.context, ADA, f"{ADA} asked at the counter")
    assert receipt(shop, done).lifted_because == "[address] asked at the counter"
    assert read(shop, *records()) == 0
    with shop.session() as session:
        assert of_address(session, ADA).people


def test_an_undo_after_an_erasure_neither_fails_nor_brings_the_person_back(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    forget(shop)
    work(shop)
    with shop.session() as session:
        published = session.exec(select(Plan.id).where(Plan.status == "published")).one()
    shop.publish(make_undo(shop.context, shop.account_id, published or 0))
    assert sandbox.tags(BOB) == set()
    assert sandbox.audience.find(ADA) is None
    assert found(shop.context.engine, *NEEDLES) == set()


def test_a_plan_of_before_the_erasure_can_still_be_published(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    sandbox.add_member(BOB)
    shop.people([ADA, BOB], ["stage:new"])
    plan = shop.plan()
    forget(shop)
    assert shop.publish(plan.id).status == "published"
    assert sandbox.tags(ADA) == set()
    assert sandbox.tags(BOB) == {"Stage: New"}
    work(shop)
    assert found(shop.context.engine, ADA) == set()


def test_erasing_again_is_done_at_once_and_mailchimp_says_404(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    sandbox.act("erase", ADA)
    for number in range(2):
        done = forget(shop)
        work(shop)
        told = receipt(shop, done)
        assert told.status == "done", number
        assert [answer["status"] for answer in told.mailchimp["answers"]] == [404]


def test_mailchimp_out_of_order_leaves_nothing_here_and_is_told_later(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    done = forget(shop)
    sandbox.fail("error_503", method="POST")
    job = TestJob(shop.account_id, payload={"erasure_id": done})
    with pytest.raises(MailchimpError) as failed:
        erase.erase(shop.context, cast(Any, job))
    assert failed.value.retryable
    assert found(shop.context.engine, *NEEDLES) == set()
    assert receipt(shop, done).status == "running"
    assert sandbox.audience.find(ADA) is not None
    work(shop)
    assert receipt(shop, done).status == "done"
    assert sandbox.audience.find(ADA) is None


def test_a_person_who_is_only_in_the_audience_can_be_erased(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    read_members(shop.context, shop.audience)
    done = forget(shop, f" {ADA.upper()}")
    work(shop)
    assert sandbox.audience.find(ADA) is None
    assert receipt(shop, done).counts == {"member": 1}


def test_only_a_client_that_was_opened_to_erase_can_erase(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    others = [permit for permit in Permit if permit is not Permit.ERASE]
    client = open_mailchimp(shop.context, shop.audience, *others)
    with pytest.raises(ConsentGuard):
        personal.erase(client, ADA)
    assert sandbox.audience.find(ADA) is not None
    allowed = open_mailchimp(shop.context, shop.audience, Permit.ERASE)
    assert personal.erase(allowed, ADA) == personal.ERASED


def test_exactly_one_module_opens_a_client_to_erase() -> None:
    product = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "integration").rglob("*.py")
        if "Permit.ERASE" in file.read_text("utf-8") and "guard" not in file.parts
    ]
    assert product == ["integration/privacy/erase.py"]


def test_a_receipt_names_nobody(shop: AudienceShop, sandbox: SandboxServer) -> None:
    fill(shop, sandbox)
    done = forget(shop)
    work(shop)
    with shop.session() as session:
        told = erase.document(session, session.get_one(Erasure, done))
    text_of_it = json.dumps(told)
    assert not any(needle.lower() in text_of_it.lower() for needle in NEEDLES)
    assert {row["kind"] for row in told["hashes"]} == {"email", "card", "phone", "source"}
    assert told["mailchimp"][0]["status"] == 204


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_an_erasure_that_is_killed_is_gone_on_with(
    shop: AudienceShop, sandbox: SandboxServer, dies_at: int
) -> None:
    fill(shop, sandbox)
    done = forget(shop)
    job = TestJob(shop.account_id, payload={"erasure_id": done}, dies_at=dies_at)
    with pytest.raises(Killed):
        erase.erase(shop.context, cast(Any, job))
    assert receipt(shop, done).status == "running"
    work(shop)
    assert receipt(shop, done).status == "done"
    assert found(shop.context.engine, *NEEDLES) == set()
    assert sandbox.audience.find(ADA) is None
