"""A store is connected by an app of one's own, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.cli import main
from tests.conftest import ROOT
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator


@pytest.fixture(scope="module")
def shopify() -> Iterator[ShopifyEmulator]:
    with ShopifyEmulator.serve(customers=3, only_sold=True) as served:
        yield served


@pytest.fixture(autouse=True)
def installed(shopify: ShopifyEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation of one account, on the emulated Shopify."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STIPT_SHOPIFY_URL_TEMPLATE", shopify.url_template)
    assert stipt("init", "--name", "Shop", "--email", "mia@stipt-demo.shop").exit_code == 0


def stipt(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, arguments)


def listed() -> list[dict[str, object]]:
    """The connected stores."""
    found: list[dict[str, object]] = json.loads(stipt("shopify", "--json").stdout)
    return found


def test_a_token_without_an_end_connects_a_store_of_ones_own(
    shopify: ShopifyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    shopify.app.distribution = "custom"
    token = shopify.install(expiring=False)["access_token"]
    monkeypatch.setenv("STIPT_SHOPIFY_TOKEN", token)
    assert "Would connect Sample shop" in stipt("shopify", GOLDEN, "--dry-run").stdout
    assert listed() == []
    assert stipt("shopify", GOLDEN).exit_code == 0
    (one,) = listed()
    assert (one["store"], one["stopped"], one["lacking"]) == (GOLDEN, "", {})
    assert token not in stipt("shopify").output


def test_the_help_says_what_a_store_without_a_word_is_short_for() -> None:
    # A narrow terminal breaks words at their hyphens.
    said = " ".join(stipt("shopify", "--help").stdout.split()).replace("- ", "-")
    assert "`stipt shopify STORE` is short for `stipt shopify connect STORE`" in said
    of_connect = stipt("shopify", "connect", "--help").stdout
    for option in ("--token", "--own-organisation", "--dry-run", "--json"):
        assert option in said
        assert option in of_connect
    assert "`stipt shopify connect STORE`" in (ROOT / "docs/commands.md").read_text("utf-8")


def test_an_app_of_the_organisation_needs_its_id_and_secret_only(
    shopify: ShopifyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    shopify.app.distribution = "organisation"
    shopify.install()
    assert "STIPT_SHOPIFY_CLIENT_ID" in stipt("shopify", GOLDEN, "--own-organisation").output
    monkeypatch.setenv("STIPT_SHOPIFY_CLIENT_ID", shopify.client_id)
    monkeypatch.setenv("STIPT_SHOPIFY_CLIENT_SECRETS", f"{shopify.client_secret},an-older-one")
    told = json.loads(stipt("shopify", GOLDEN, "--own-organisation", "--json").stdout)
    assert told["connected"] is True
    assert len(listed()) == 1


@pytest.mark.parametrize(
    ("store", "token", "said"),
    [
        pytest.param("evil.example", "x", "not the host of a Shopify store", id="no store"),
        pytest.param(GOLDEN, "shpat_wrong", "does not accept", id="a wrong token"),
    ],
)
def test_what_cannot_be_connected_is_said_and_nothing_is_kept(
    store: str, token: str, said: str
) -> None:
    told = stipt("shopify", store, "--token", token)
    assert told.exit_code == 1
    assert said in told.output
    assert token not in told.output or token == "x"
    assert listed() == []
