"""The commands about single people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.cli.main import main
from integration.sandbox.server import SandboxServer
from tests.service.audience_shop import AudienceShop
from tests.service.known_person import ADA, NEEDLES, fill
from tests.service.traces import found

Stipt = Callable[..., Result]


@pytest.fixture
def stipt(shop: AudienceShop, sandbox: SandboxServer, tmp_path: Path) -> Stipt:
    env = {"STIPT_MAILCHIMP_URL": sandbox.root}

    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(
            main, ["--env", str(tmp_path / ".env"), *words], env=env, input=typed
        )

    return run


def test_forgetting_shows_first_asks_and_leaves_a_receipt(
    shop: AudienceShop, sandbox: SandboxServer, stipt: Stipt
) -> None:
    fill(shop, sandbox)
    shown = json.loads(stipt("forget", ADA, "--dry-run", "--json").stdout)
    assert (shown["people"], shown["orders"]) == (1, 3)
    assert stipt("forget", ADA, typed="n\n").exit_code != 0
    assert sandbox.audience.find(ADA) is not None
    done = stipt("forget", ADA, "--yes", "--json")
    receipt = json.loads(done.stdout)
    assert receipt["status"] == "done"
    assert [row["status"] for row in receipt["mailchimp"]] == [204]
    assert found(shop.context.engine, *NEEDLES) == set()
    assert sandbox.audience.find(ADA) is None


def test_everything_known_goes_to_a_file(
    shop: AudienceShop, sandbox: SandboxServer, stipt: Stipt, tmp_path: Path
) -> None:
    fill(shop, sandbox)
    file = tmp_path / "ada.json"
    assert stipt("access", ADA, "--output", str(file)).exit_code == 0
    assert json.loads(file.read_text("utf-8"))["addresses"] == [ADA]


def test_the_control_group_is_shown_tried_and_set(shop: AudienceShop, stipt: Stipt) -> None:
    shop.people([f"p{n}@stipt-demo.shop" for n in range(50)], ["stage:new"])
    assert json.loads(stipt("holdout", "--json").stdout)["people"] == 0
    tried = json.loads(stipt("holdout", "20", "--dry-run", "--json").stdout)
    assert tried["people"] > 0
    assert shop.audience.holdout_percent == 0
    assert stipt("holdout", "20").exit_code == 0
    assert shop.audience.holdout_percent == 20
    assert stipt("holdout", "50").exit_code != 0
