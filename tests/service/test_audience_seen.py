"""Who is in the audience is known to the pages before anybody asks for a plan."""

from __future__ import annotations

import pytest
from sqlmodel import select

from integration.app import create_app
from integration.audience import members
from integration.pipeline import start_refresh
from integration.reading import overview
from integration.sandbox.server import SandboxServer
from integration.security import hash_password
from integration.settings import Settings
from integration.tables import User, Work
from integration.work.execute import run_until_idle
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.shop_rows import PASSWORD
from tests.service.visitor import Visitor

ME = "mia@stipt-demo.shop"


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> AudienceShop:
    """Two people, of whom one is in the audience; nobody looked there yet."""
    made = make_shop(settings, sandbox)
    sandbox.add_member("ada@stipt-demo.shop")
    made.people(["ada@stipt-demo.shop", "bo@stipt-demo.shop"], ["stage:best"])
    with made.session() as session:
        session.add(
            User(account_id=made.account_id, email=ME, password_hash=hash_password(PASSWORD),
                 language="en", created_at=NOW)
        )  # fmt: skip
    return made


def test_once_the_shop_was_computed_the_pages_tell_who_is_in_the_audience_without_a_click(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    visitor = Visitor(create_app(shop.context))
    visitor.log_in(ME)
    before = visitor.get("/").text
    assert "which is still to be read" in before, "0 would be a claim"
    assert "st-inside" not in before
    assert '<p class="st-figure">–</p>' in visitor.get("/segments/stage:best").text

    with shop.session() as session:
        start_refresh(session)
    run_until_idle(shop.context)

    with shop.session() as session:
        assert overview.audience_count(session) == 1
    assert "which is still to be read" not in visitor.get("/").text
    assert {one.method for one in sandbox.requests} == {"GET"}


def test_it_is_read_once_however_often_it_is_asked(shop: AudienceShop) -> None:
    for _ in range(2):
        with shop.session() as session:
            members.start(session)
    run_until_idle(shop.context)
    with shop.session() as session:
        members.start(session)
        assert session.exec(select(Work.status).where(Work.kind == members.KIND)).all() == ["done"]
