"""Situation 9: a shop is cloned to a staging domain with the same credentials."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.audience.leave import disconnect
from integration.audience.pause import moved
from integration.context import make_context
from integration.db import make_engine
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.work.execute import run_until_idle
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.test_audience_pause import queue_push, work

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


def clone(shop: AudienceShop, to: Path, *, with_files: bool, address: str) -> AudienceShop:
    """Copy the database, and the data folder with it or not, to another domain; same keys."""
    old: Settings = shop.context.settings
    to.mkdir()
    shop.context.engine.dispose()
    if with_files:
        shutil.copytree(old.data_dir, to / "data")
    database = make_engine(old.database).url.database
    assert database is not None
    shutil.copy(database, to / "stipt.db")
    settings = old.model_copy(
        update={
            "data_dir": to / "data",
            "database_url": f"sqlite:///{to / 'stipt.db'}",
            "public_url": address,
        }
    )
    return AudienceShop(make_context(settings), shop.sandbox, shop.account_id, shop.shop_id)


@pytest.mark.parametrize(
    ("with_files", "address"),
    [
        pytest.param(False, "http://127.0.0.1:8000", id="the database restored elsewhere"),
        pytest.param(True, "http://127.0.0.1:8000", id="the whole folder copied"),
        pytest.param(True, "https://staging.shop.example", id="with an address of its own"),
    ],
)
def test_a_cloned_installation_writes_nothing_and_says_why(
    settings: Settings, sandbox: SandboxServer, tmp_path: Path, with_files: bool, address: str
) -> None:
    shop = make_shop(settings, sandbox)
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"], stage="new")
    queue_push(shop)
    asked, before = len(sandbox.requests), sandbox.canonical()
    copy = clone(shop, tmp_path / "clone", with_files=with_files, address=address)

    run_until_idle(copy.context)
    assert copy.audience.paused == "cloned"
    assert work(copy).status == "resting"
    assert "moved or copied" in (work(copy).error or "")
    assert len(sandbox.requests) == asked, "not one request"

    run_until_idle(shop.context)  # the original goes on, undisturbed
    assert work(shop).status == "done"
    assert sandbox.tags(ADA) == {"Stage: New"}
    assert sandbox.canonical() != before

    asked = len(sandbox.requests)
    disconnect(copy.context, copy.account_id, is_copy=True)
    run_until_idle(copy.context)
    assert len(sandbox.requests) == asked, "disconnecting the copy asks nothing of Mailchimp"
    assert sandbox.tags(ADA) == {"Stage: New"}
    copy.context.engine.dispose()


def test_an_installation_that_was_moved_goes_on_where_it_was(
    settings: Settings, sandbox: SandboxServer, tmp_path: Path
) -> None:
    shop = make_shop(settings, sandbox)
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"], stage="new")
    queue_push(shop)
    place = "https://stipt.shop.example"
    there = clone(shop, tmp_path / "clone", with_files=True, address=place)
    run_until_idle(there.context)
    assert there.audience.paused == "cloned"
    moved(there.context, there.account_id)
    run_until_idle(there.context)
    assert work(there).status == "done"
    assert sandbox.tags(ADA) == {"Stage: New"}
    there.context.engine.dispose()
