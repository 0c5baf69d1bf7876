"""The connection on the command line: look, never switch silently, end it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlmodel import select

from integration.cli import main
from integration.context import make_context
from integration.db import scoped, unscoped
from integration.sandbox.server import SandboxServer
from integration.settings import load
from integration.tables import Account, Shop
from tests.service.audience_shop import AudienceShop


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """An installation that is connected to it."""
    with SandboxServer() as running:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("STIPT_MAILCHIMP_URL", running.root)
        monkeypatch.setenv("STIPT_MAILCHIMP_TOKEN", running.key)
        assert stipt("init", "--name", "Shop", "--email", "mia@stipt-demo.shop").exit_code == 0
        assert stipt("connect").exit_code == 0
        yield running


def stipt(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, arguments)


def test_what_is_in_the_audience_is_shown(sandbox: SandboxServer) -> None:
    sandbox.add_member("ada@stipt-demo.shop", tags=["VIP"])
    told = json.loads(stipt("audience", "--json").stdout)
    assert (told["members"]["subscribed"], told["tags"], told["fields"]) == (1, 1, 4)
    assert "4 of 30 fields in use" in stipt("audience").stdout


def test_another_audience_is_refused_without_saying_so(sandbox: SandboxServer) -> None:
    other = sandbox.state.add_audience("Wholesale").id
    assert "Stipt demo is connected" in stipt("connect", "--list-id", other).output
    assert "Stipt demo" in stipt("connect").stdout, "the same one again"
    assert "Wholesale" in stipt("connect", "--list-id", other, "--move").stdout


@pytest.mark.parametrize("take_out", [False, True])
def test_a_move_says_first_what_is_left_and_then_leaves_it_or_takes_it_out(
    sandbox: SandboxServer, take_out: bool
) -> None:
    other = sandbox.state.add_audience("Wholesale").id
    context = make_context(load(Path(".env")))
    with unscoped(context.engine) as session:
        account_id = session.exec(select(Account.id)).one() or 0
    with scoped(context.engine, account_id) as session:
        shop = Shop(account_id=account_id, platform="demo", external_id="1", name="Shop",
                    created_at=context.clock())  # fmt: skip
        session.add(shop)
    rows = AudienceShop(context, sandbox, account_id, shop.id or 0)
    sandbox.add_member("ada@stipt-demo.shop", tags=["VIP"])
    rows.person("ada@stipt-demo.shop", ["stage:new"], stage="new")
    rows.push()
    how = ["connect", "--list-id", other, "--move", *(["--take-out"] if take_out else [])]
    told = stipt(*how, "--dry-run").stdout
    assert "Would connect to Wholesale." in told
    assert f"Of ours {'is taken out' if take_out else 'stays there'}: 1 tags" in told
    assert "Stipt demo" in stipt("audience").stdout
    moved = json.loads(stipt(*how, "--json").stdout)
    assert (moved["name"], moved["left"]["name"]) == ("Wholesale", "Stipt demo")
    assert "Wholesale" in stipt("audience").stdout
    left = {"VIP"} if take_out else {"VIP", "Stage: New"}
    assert sandbox.tags("ada@stipt-demo.shop") == left


def test_taking_out_without_a_move_is_refused(sandbox: SandboxServer) -> None:
    assert "--take-out goes with --move" in stipt("connect", "--take-out").output


@pytest.mark.parametrize("take_out", [False, True])
def test_the_connection_is_ended(sandbox: SandboxServer, take_out: bool) -> None:
    how = ["--take-out"] if take_out else []
    assert "Would disconnect" in stipt("disconnect", *how, "--dry-run").stdout
    assert stipt("audience").exit_code == 0
    assert json.loads(stipt("disconnect", *how, "--json").stdout)["disconnected"] is True
    assert "no Mailchimp audience is connected" in stipt("audience").output
