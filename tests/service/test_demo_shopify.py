"""The demo on an emulated Shopify says what it needs where it cannot be had."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration import demo_shopify
from integration.cli.demo import demo
from integration.demo import Demo, DemoFailed, DemoOptions


def test_outside_the_checkout_the_demo_says_where_the_emulated_shopify_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_shopify, "_CHECKOUT", tmp_path)
    options = DemoOptions(
        folder=tmp_path / "demo", customers=3, as_of=date(2026, 11, 1), on_shopify=True
    )
    with pytest.raises(DemoFailed, match="checkout"), Demo(options, say=lambda _text: None):
        pass


def test_without_graphql_core_the_demo_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without(_name: str) -> None:
        raise ModuleNotFoundError("No module named 'graphql'", name="graphql")

    monkeypatch.setattr("integration.demo_shopify.importlib.import_module", without)
    with pytest.raises(demo_shopify.NoEmulator, match="emulators"):
        demo_shopify._server()


def test_a_demo_to_look_at_is_not_checked_by_itself() -> None:
    answer = CliRunner().invoke(demo, ["--shop", "shopify", "--check"])
    assert answer.exit_code == 2
    assert "without --check" in answer.output
