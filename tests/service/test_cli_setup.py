"""Setting up: nothing is claimed that was not done, and errors say what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlmodel import select

from integration.accounts import authenticate
from integration.cli.main import main
from integration.context import make_context
from integration.db import unscoped
from integration.settings import load
from integration.tables import Work

EMAIL, NEW = "mia@stipt-demo.shop", "another password"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stipt(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_dry_run_of_init_writes_nothing_and_says_so(empty_folder: Path) -> None:
    told = stipt("init", "--dry-run")
    assert told.output.startswith("Would write")
    assert list(empty_folder.iterdir()) == []


def test_init_gives_a_log_in_a_new_password(empty_folder: Path) -> None:
    stipt("init", "--name", "Winkel", "--email", EMAIL, "--password", "first password")
    assert stipt("init", "--email", EMAIL, "--password", NEW).exit_code == 0
    context = make_context(load(empty_folder / ".env"))
    with unscoped(context.engine) as session:
        assert authenticate(session, EMAIL, NEW) is not None
        assert authenticate(session, EMAIL, "first password") is None
    context.engine.dispose()
    assert "nobody logs in" in stipt("init", "--email", "x@y.nl", "--password", NEW).output


def test_a_plan_without_an_audience_queues_nothing_and_names_the_command(
    empty_folder: Path,
) -> None:
    stipt("init", "--name", "Winkel", "--email", EMAIL, "--password", NEW)
    told = stipt("plan")
    assert told.exit_code == 1
    assert "stipt connect" in told.output
    context = make_context(load(empty_folder / ".env"))
    with unscoped(context.engine) as session:
        assert session.exec(select(Work)).all() == []
    context.engine.dispose()


def test_a_mailchimp_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stipt("init", "--name", "Winkel", "--email", EMAIL, "--password", NEW)
    monkeypatch.setenv("STIPT_MAILCHIMP_URL", "http://127.0.0.1:9/3.0")
    told = stipt("connect", "--token", "sandbox-us1")
    assert told.output.strip() == "Error: Mailchimp cannot be reached"
