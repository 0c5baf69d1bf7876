"""The connection on the command line: look, never switch silently, end it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.cli import main
from integration.sandbox.server import SandboxServer


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
def test_the_connection_is_ended(sandbox: SandboxServer, take_out: bool) -> None:
    how = ["--take-out"] if take_out else []
    assert "Would disconnect" in stipt("disconnect", *how, "--dry-run").stdout
    assert stipt("audience").exit_code == 0
    assert json.loads(stipt("disconnect", *how, "--json").stdout)["disconnected"] is True
    assert "no Mailchimp audience is connected" in stipt("audience").output
