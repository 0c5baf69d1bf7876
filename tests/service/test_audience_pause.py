"""What stops everything for an audience, how work rests meanwhile, and how it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import col, select

from integration.audience.connect import connect, open_mailchimp
from integration.audience.leave import disconnect
from integration.audience.members import read_members
from integration.audience.pause import moved
from integration.context import make_context, utc_now
from integration.history import READING
from integration.installation import FILE_NAME, become_new, installation_id
from integration.mailchimp.batching import results_of
from integration.mailchimp.errors import AudienceGone, NotFound, Paused
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopify import clone
from integration.tables import Audience, Consent, FittedModel, ShopifyStore, Work
from integration.work.execute import run_until_idle
from integration.work.queue import defer
from tests.service.audience_shop import NOW, AudienceShop, make_shop

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """A shop with one person to push."""
    made = make_shop(settings, sandbox)
    sandbox.add_member(ADA)
    made.person(ADA, ["stage:new"], stage="new")
    yield made
    made.context.engine.dispose()


def queue_push(shop: AudienceShop) -> int:
    """Plan, and write the push down as a click does."""
    plan = shop.plan()
    with shop.session() as session:
        lane = f"account:{shop.account_id}:push"
        payload = {"plan_id": plan.id}
        defer(session, account_id=shop.account_id, kind="push", lane=lane, payload=payload)
    assert plan.id is not None
    return plan.id


def work(shop: AudienceShop) -> Work:
    """The last work written down."""
    with shop.session() as session:
        return session.exec(select(Work).order_by(col(Work.id).desc())).first()  # type: ignore[return-value]  # there is one


def _same(moment: datetime) -> datetime:
    return moment


def revoke(sandbox: SandboxServer, key: str = SandboxServer.key) -> None:
    """The merchant removes the key in Mailchimp."""
    sandbox.state.tokens[key] = False


# -- a revoked token -------------------------------------------------------------------------------


def test_a_revoked_token_lets_work_rest_and_connecting_again_goes_on(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    plan_id = queue_push(shop)
    revoke(sandbox)
    run_until_idle(shop.context)
    assert shop.audience.paused == "revoked"
    assert (work(shop).status, work(shop).attempts) == ("resting", 0)
    assert "API Key Invalid" in (work(shop).error or "")

    sandbox.state.tokens["sandbox2-us1"] = True
    connect(shop.context, shop.account_id, token="sandbox2-us1", language="en")
    assert shop.audience.paused == ""
    run_until_idle(shop.context)
    assert work(shop).status == "done"
    assert shop.stored(plan_id).status == "published"
    assert sandbox.tags(ADA) == {"Stage: New"}


def test_while_it_is_paused_nothing_is_asked_of_mailchimp(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    queue_push(shop)
    revoke(sandbox)
    run_until_idle(shop.context)
    asked = len(sandbox.requests)
    for hours in range(1, 61):  # more looks than any job has tries
        now = utc_now() + timedelta(hours=hours)
        assert run_until_idle(replace(shop.context, clock=partial(_same, now))) == 1
    assert len(sandbox.requests) == asked
    assert (work(shop).status, work(shop).attempts) == ("resting", 0)


def test_a_token_that_was_replaced_meanwhile_pauses_nothing(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    old = open_mailchimp(shop.context, shop.audience)
    revoke(sandbox)
    sandbox.state.tokens["sandbox2-us1"] = True
    connect(shop.context, shop.account_id, token="sandbox2-us1", language="en")
    with pytest.raises(Exception, match="401"):
        old.ping()
    assert shop.audience.paused == ""


# -- a deleted audience ----------------------------------------------------------------------------


def test_an_audience_that_was_deleted_lets_work_rest(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    queue_push(shop)
    sandbox.state.audiences.pop(shop.audience.list_id)
    run_until_idle(shop.context)
    assert shop.audience.paused == "audience_deleted"
    assert work(shop).status == "resting"


def test_an_audience_deleted_under_a_batch_is_not_taken_for_people_who_left(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    mirror = shop.audience
    client = open_mailchimp(shop.context, mirror)
    batch = client.start_batch([client.set_fields(ADA, "1", {"STAGE": "x"})])
    results = results_of(client, batch.id, 0.01, lambda: None, lambda _batch: False)
    assert [result.error for result in results] == [None]
    sandbox.state.audiences.pop(mirror.list_id)
    batch = client.start_batch([client.set_fields(ADA, "1", {"STAGE": "y"})])
    with pytest.raises(AudienceGone):
        results_of(client, batch.id, 0.01, lambda: None, lambda _batch: False)
    assert shop.audience.paused == "audience_deleted"


def test_a_thing_that_is_gone_is_not_the_audience(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    with pytest.raises(NotFound) as caught:
        open_mailchimp(shop.context, shop.audience).delete_tag(999)
    assert not isinstance(caught.value, AudienceGone)
    assert shop.audience.paused == ""


# -- a copy ----------------------------------------------------------------------------------------


def open_again(shop: AudienceShop) -> None:
    """What every piece of work does first."""
    open_mailchimp(shop.context, shop.audience).ping()


def test_a_database_restored_beside_another_data_folder_does_not_write(
    shop: AudienceShop, tmp_path: Path, sandbox: SandboxServer
) -> None:
    open_again(shop)
    asked = len(sandbox.requests)
    elsewhere = shop.context.settings.model_copy(update={"data_dir": tmp_path / "other"})
    shop.context = replace(shop.context, settings=elsewhere)
    with pytest.raises(Paused, match="moved or copied"):
        open_again(shop)
    assert shop.audience.paused == "cloned"
    assert len(sandbox.requests) == asked
    moved(shop.context, shop.account_id)
    open_again(shop)


def test_a_copied_folder_is_not_the_installation_it_was_copied_from(
    settings: Settings, tmp_path: Path
) -> None:
    first = installation_id(settings)
    assert first
    assert installation_id(settings) == first
    copy = settings.model_copy(update={"data_dir": tmp_path / "copy"})
    shutil.copytree(settings.data_dir, copy.data_dir)
    assert installation_id(copy) == ""
    become_new(copy)
    assert installation_id(copy) not in ("", first)
    assert [path.name for path in copy.data_dir.glob("*nstallation*")] == [FILE_NAME]


@pytest.mark.parametrize(
    ("before", "after", "paused"),
    [
        pytest.param("https://a.example", "https://staging.example", "cloned", id="another site"),
        pytest.param("https://a.example", "http://127.0.0.1:8000", "cloned", id="somebody's desk"),
        pytest.param("http://127.0.0.1:8000", "https://a.example", "", id="gets an address"),
        pytest.param("http://a.example", "https://a.example/", "", id="gets https"),
    ],
)
def test_pages_with_another_address_are_another_installation(
    shop: AudienceShop, before: str, after: str, paused: str
) -> None:
    def at(address: str) -> None:
        settings = shop.context.settings.model_copy(update={"public_url": address})
        shop.context = make_context(settings)

    at(before)
    connect(shop.context, shop.account_id, token=shop.sandbox.key, language="en")
    at(after)
    if paused:
        with pytest.raises(Paused):
            open_again(shop)
    else:
        open_again(shop)
    assert shop.audience.paused == paused
    with shop.session() as session:
        stored = session.get_one(Audience, shop.audience.id)
        assert stored.public_url == (before if paused else after)


def test_while_a_history_is_read_nothing_is_planned_and_who_withdraws_is_heard(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.plan()
    figures = FittedModel(
        account_id=shop.account_id,
        as_of=NOW.date(),
        state={},
        counters={},
        verdicts={},
        known_since=NOW.date() - timedelta(days=30),
        unknown_why=READING,
        created_at=NOW,
    )
    with shop.session() as session:
        session.add(figures)
    sandbox.unsubscribe(ADA)
    with pytest.raises(Paused, match="still being read"):
        shop.plan()
    read_members(shop.context, shop.audience)
    with shop.session() as session:
        said = [row.state for row in session.exec(select(Consent)).all()]
    assert said == ["denied"]


@pytest.mark.parametrize("later", ["connected", "let in again"])
def test_while_a_store_waits_for_an_answer_nothing_is_written_to_what_is_connected_since_either(
    shop: AudienceShop, sandbox: SandboxServer, later: str
) -> None:
    with shop.session() as session:
        store = ShopifyStore(
            account_id=shop.account_id, shop_id=shop.shop_id, store_id="gid://shopify/Shop/1",
            domain="dressed.myshopify.com", way="fixed", installed_at=NOW,
        )  # fmt: skip
        session.add(store)
        if later == "let in again":
            session.get_one(Audience, shop.audience.id).paused = "revoked"
    if later == "connected":
        disconnect(shop.context, shop.account_id)
    clone.suspect(shop.context, store)
    connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    with pytest.raises(Paused):
        open_mailchimp(shop.context, shop.audience)
    assert shop.audience.paused == "store_changed"
    clone.copied(shop.context, shop.account_id, shop.shop_id)
    open_mailchimp(shop.context, shop.audience)
