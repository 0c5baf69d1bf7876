"""Segments of one's own on the command line: counted before, kept, changed, deleted, put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from integration.cli.main import main
from tests.connectors.files.writing import write

HEADER = "receipt_id,customer_id,email,purchased_at,product_name,quantity,gross_amount,currency"
TWICE = {"version": 1, "who": {"feature": "frequency", "is": "at_least", "value": 2}}


def stipt(*arguments: str | Path) -> Any:
    """What a command prints with --json."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str | Path) -> str:
    """What a command says that ends with an error."""
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which Ada bought twice, and Bo once."""
    monkeypatch.chdir(tmp_path)
    stipt("init", "--name", "Kleding & Co", "--email", "mia@stipt-demo.shop", "--language", "nl")
    return tmp_path


def test_a_segment_is_counted_kept_changed_deleted_and_put_back(folder: Path) -> None:
    receipts = [f"R{n},{who},{who}@voorbeeld.nl,2026-0{n}-03,Blauw pak,1,99.00,EUR"
                for n, who in ((1, "ada"), (2, "bo"), (3, "ada"))]  # fmt: skip
    twice = write(folder / "twice.json", json.dumps(TWICE))
    assert stipt("segment", "count", twice)["count"]["as_of"] is None
    stipt("import", write(folder / "bon.csv", HEADER, *receipts), "--as-of", "2026-06-30")
    count = stipt("segment", "count", twice)["count"]
    assert (count["as_of"], count["people"], count["meaning"]) == (
        "2026-06-30", 1, "Aankopen: minstens 2.",
    )  # fmt: skip
    assert [one["why"] for one in count["examples"]] == ["Aankopen: minstens 2 (2)."]

    # Two people make no groups, and that is said.
    assert stipt("groups")["refused"] == {"what": "repeaters", "needed": 200, "there": 1}
    save = ("segment", "save", twice, "--name", "Vaste klanten")
    assert [row["people"] for row in stipt(*save, "--dry-run")["segments"]] == [1]
    assert stipt("segment")["segments"] == []
    number = str(stipt(*save)["saved"])
    (row,) = stipt("segment", "show", number)["segments"]
    assert (row["segment"], row["name"], row["people"]) == (f"own:{number}", "Vaste klanten", 1)
    once = write(folder / "once.json", json.dumps(TWICE).replace("at_least", "at_most"))
    assert stipt("segment", "save", once, "--number", number)["saved"] == int(number)
    assert [row["people"] for row in stipt("segment", "list")["segments"]] == [2]

    assert stipt("segment", "delete", number, "--dry-run")["segments"] == []
    assert stipt("segment", "delete", number)["segments"] == []
    assert "back" in refused("segment", "show", number)
    assert [row["people"] for row in stipt("segment", "back", number)["segments"]] == [2]
    shown = stipt("segment", "show", number)["document"]
    assert shown["who"]["is"] == "at_most"


def test_what_cannot_be_kept_is_refused_with_what_was_expected(folder: Path) -> None:
    twice = write(folder / "twice.json", json.dumps(TWICE))
    luck = write(folder / "luck.json", '{"version": 1, "who": {"feature": "luck"}}')
    broken = write(folder / "broken.json", "{")
    assert "--name" in refused("segment", "save", twice)
    assert "who.feature: expected one of" in refused("segment", "save", luck, "--name", "Luck")
    assert "no JSON document" in refused("segment", "count", broken)
    assert "can be read" in refused("segment", "count", "nowhere.json")
    for number in ("9", "x", "9" * 30):
        assert "stipt segment list" in refused("segment", "delete", number)
    assert stipt("segment")["segments"] == []
