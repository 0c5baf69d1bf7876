"""The command line on files as merchants have them, and that commands keep the house's form."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner, Result

from integration.cli.main import main
from tests.conftest import ROOT
from tests.connectors.files.writing import LOYALTY_HEADER, SHOPIFY_HEADER, shopify_row, write

Stipt = Callable[..., Result]

#: What a till wrote: good receipts, and four rows that cannot be read as they stand.
LOYALTY = (
    "0012;8700012;Renée;van;Dijk;3-4-1971;renee@voorbeeld.nl;ja;28-03-2024;B1;A-10;Blauw pak 52;1;"
    "349,95;50,00;Utrecht",
    "0012;8700012;Renée;van;Dijk;3-4-1971;renee@voorbeeld.nl;ja;28-03-2024;B1;A-20;Wit overhemd;2;"
    "119,90;;Utrecht",
    "0013;8700013;Joost;;Bakker;25-12-68;joost@voorbeeld.nl;nee;29-03-2026;B2;A-20;Wit overhemd;1;"
    "1.059,95;;Zwolle",
    "0014;8700014;Mia;de;Wit;1-2-1990;mia@voorbeeld.nl;;31-02-2026;B3;A-30;Riem;1;24,95;;Zwolle",
    "0014;8700014;Mia;de;Wit;1-2-1990;mia@voorbeeld.nl;;30-03-2026;B4;A-30;Riem;twee;24,95;;Zwolle",
    "0014;8700014;Mia;de;Wit;1-2-1990;mia@voorbeeld.nl;;30-03-2026;B5;A-30;Riem;1;gratis;;Zwolle",
    "0015;8700015;Pim;de;Wit;31-2-1990;pim@voorbeeld.nl;;30-03-2026;B6;A-30;Riem;1;24,95;;Zwolle",
)
SHOPIFY = (
    shopify_row(
        Name="#1001", Email="Ada@Voorbeeld.nl", Financial_Status="paid", Currency="EUR",
        Subtotal="399.90", Shipping="4.95", Taxes="70.27", Total="404.85", Discount_Amount="0.00",
        Created_at="2024-06-04 23:30:00 +0200", Lineitem_quantity="1", Lineitem_name="Blauw pak",
        Lineitem_price="349.95", Lineitem_sku="PAK-52", Accepts_Marketing="yes",
        Billing_Name="Ada Lof", Shipping_Name="Ada Lof", Id="5001",
    ),
    shopify_row(
        Name="#1001", Email="Ada@Voorbeeld.nl", Created_at="2024-06-04 23:30:00 +0200",
        Lineitem_quantity="1", Lineitem_name="Overhemd", Lineitem_price="49.95",
        Lineitem_sku="HEMD",
    ),
    shopify_row(
        Name="#1002", Email="bo@voorbeeld.nl", Financial_Status="refunded", Currency="EUR",
        Subtotal="49.95", Shipping="0.00", Taxes="8.67", Total="49.95", Discount_Amount="0.00",
        Created_at="2026-01-04 12:00:00 +0100", Lineitem_quantity="1", Lineitem_name="Overhemd",
        Lineitem_price="49.95", Lineitem_sku="HEMD", Refunded_Amount="49.95", Id="5002",
    ),
    shopify_row(
        Name="#1003", Email="cas@voorbeeld.nl", Financial_Status="paid", Currency="EUR",
        Subtotal="49.95", Shipping="0.00", Taxes="8.67", Total="49.95", Discount_Amount="0.00",
        Created_at="yesterday", Lineitem_quantity="1", Lineitem_name="Overhemd",
        Lineitem_price="49.95", Lineitem_sku="HEMD", Id="5003",
    ),
)  # fmt: skip


@pytest.fixture
def stipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stipt:
    """The command in an empty folder that `stipt init` has prepared."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    made = call(
        "init", "--name", "Kleding & Co", "--email", "mia@stipt-demo.shop", "--language", "nl"
    )
    assert made.exit_code == 0, made.output
    return call


def printed(result: Result) -> Any:
    """The one JSON document that a command printed."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def loyalty(tmp_path: Path) -> Path:
    return write(tmp_path / "klanten.csv", LOYALTY_HEADER, *LOYALTY, encoding="cp1252")


@pytest.fixture
def shopify(tmp_path: Path) -> Path:
    return write(tmp_path / "orders_export.csv", SHOPIFY_HEADER, *SHOPIFY)


def test_init_writes_keys_once_and_keeps_them(stipt: Stipt, tmp_path: Path) -> None:
    keys = (tmp_path / ".env").read_text()
    again = printed(stipt("init", "--json"))
    assert again["settings_written"] is False
    assert (tmp_path / ".env").read_text() == keys
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def test_a_dutch_loyalty_export_is_read_without_a_mapping(stipt: Stipt, loyalty: Path) -> None:
    report = printed(stipt("import", loyalty, "--as-of", "2026-04-01", "--json"))
    assert report["status"] == "done"
    assert report["counters"]["lines"] == 7
    assert report["counters"]["orders"] == 3
    # Renée's name came through Windows-1252, her money through the decimal comma.
    told = printed(stipt("explain", "RENEE@voorbeeld.nl", "--json"))
    assert (told["orders"], told["consent"]) == (1, "confirmed")
    (suit,) = [date for date in told["due"] if date["need"] == "suits"]
    assert suit["last_on"] == "2024-03-28"
    assert "pak" in suit["why"].lower()


def test_broken_rows_are_listed_with_place_value_and_reason(stipt: Stipt, loyalty: Path) -> None:
    report = printed(stipt("import", loyalty, "--as-of", "2026-04-01", "--json"))
    listed = {
        (row["column"], row["value"]): row for row in report["rejects"] if row["stream"] == "orders"
    }
    assert set(listed) == {("Datum", "31-02-2026"), ("Aantal", "twee"), ("Bedrag", "gratis")}
    assert all(row["reason"] for row in report["rejects"])
    # The row is the file's own: a spreadsheet shows the same number beside it.
    assert "5" in listed["Datum", "31-02-2026"]["row"]
    cells = {(row["column"], row["value"]) for row in report["rejects"]}
    assert ("Geboortedatum", "31-2-1990") in cells


def test_rejects_are_written_to_a_file(stipt: Stipt, loyalty: Path, tmp_path: Path) -> None:
    report = printed(stipt("import", loyalty, "--rejects", tmp_path / "fout.csv", "--json"))
    with (tmp_path / "fout.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["bestand", "soort", "rij", "kolom", "waarde", "reden"]
    assert len(rows) - 1 == len(report["rejects"])


def test_a_shopify_export_is_read_without_a_mapping(stipt: Stipt, shopify: Path) -> None:
    report = printed(stipt("import", shopify, "--as-of", "2026-06-01", "--json"))
    assert report["counters"]["orders"] == 2
    ((column, value),) = {
        (row["column"], row["value"]) for row in report["rejects"] if row["stream"] == "orders"
    }
    assert (column, value) == ("Created at", "yesterday")
    ada = printed(stipt("explain", "ada@voorbeeld.nl", "--json"))
    assert {date["need"] for date in ada["due"]} >= {"suits", "shirts"}
    # What went back is not owned, so nobody is due for it.
    assert printed(stipt("explain", "bo@voorbeeld.nl", "--json"))["due"] == []


def test_reading_a_file_twice_changes_nothing(stipt: Stipt, loyalty: Path, shopify: Path) -> None:
    def known() -> list[Any]:
        found = printed(stipt("status", "--json"))
        return [found["people"], found["orders"], printed(stipt("segments", "--json"))]

    for file in (loyalty, shopify):
        printed(stipt("import", file, "--as-of", "2026-06-01", "--json"))
    before = known()
    for file in (loyalty, shopify):
        printed(stipt("import", file, "--as-of", "2026-06-01", "--json"))
    assert known() == before


def test_the_state_tells_moments_to_the_minute_where_the_merchant_is(
    stipt: Stipt, loyalty: Path
) -> None:
    printed(stipt("import", loyalty, "--as-of", "2026-06-01", "--json"))
    ((_, _, read, _),) = printed(stipt("status", "--json"))["sources"]
    there = datetime.fromisoformat(read).astimezone(ZoneInfo("Europe/Amsterdam"))
    shown = stipt("status").stdout
    assert f"{there:%Y-%m-%d %H:%M} │" in shown
    assert "+00:00" not in shown


def test_a_dry_run_reads_everything_and_writes_nothing(stipt: Stipt, loyalty: Path) -> None:
    before = printed(stipt("status", "--json"))
    report = printed(stipt("import", loyalty, "--dry-run", "--json"))
    assert (report["status"], report["counters"]["orders"]) == ("dry run", 3)
    assert len(report["rejects"]) > 3
    assert printed(stipt("status", "--json")) == before
    assert before["orders"] == 0


def test_segments_and_due_people_are_printed_as_json(
    stipt: Stipt, loyalty: Path, shopify: Path
) -> None:
    for file in (loyalty, shopify):
        printed(stipt("import", file, "--as-of", "2026-06-01", "--json"))
    segments = {row["segment"]: row for row in printed(stipt("segments", "--json"))}
    assert any(row["people"] for row in segments.values())
    assert all(row["name"] and row["meaning"] for row in segments.values())
    due = printed(stipt("due", "--json"))
    assert due
    assert {row["state"] for row in due} <= {"soon", "now", "late"}
    assert all(row["why"] for row in due)
    needs = {row["need"] for row in due}
    (one, *_) = sorted(needs)
    assert {row["need"] for row in printed(stipt("due", "--need", one, "--json"))} == {one}
    unknown = stipt("due", "--need", "sofas")
    assert (unknown.exit_code, one in unknown.stderr) == (2, True)


def test_what_two_readings_allow_is_asked_and_answered_by_an_option(
    stipt: Stipt, tmp_path: Path
) -> None:
    lines = [
        "receipt_id,customer_id,email,purchased_at,product_name,quantity,gross_amount,currency",
        "R1,1,ada@voorbeeld.nl,03/04/2026,Blauw pak,1,100.50,EUR",
        "R2,2,bo@voorbeeld.nl,05/06/2026,Riem,1,25.50,EUR",
    ]
    file = write(tmp_path / "bonnen.csv", *lines)
    asked = stipt("import", file, "--json")
    assert asked.exit_code != 0
    assert "--date-order" in asked.output
    assert "purchased_at" in asked.output
    assert "03/04/2026" in asked.output
    assert printed(stipt("status", "--json"))["orders"] == 0

    answer = ("--date-order", "dmy", "--as-of", "2026-06-30", "--json")
    assert printed(stipt("import", file, *answer))["counters"]["orders"] == 2
    told = printed(stipt("explain", "ada@voorbeeld.nl", "--json"))
    assert {date["last_on"] for date in told["due"]} == {"2026-04-03"}
    # The layout is known from now on: nothing is asked about the next file.
    later = write(tmp_path / "later.csv", *lines[:2], "R9,1,,07/08/2025,Riem,1,25.50,EUR")
    assert printed(stipt("import", later, "--json"))["status"] == "done"


def test_a_file_that_cannot_be_understood_says_what_is_missing(
    stipt: Stipt, tmp_path: Path
) -> None:
    file = write(tmp_path / "raar.csv", "a,b", "1,2", "3,4")
    failed = stipt("import", file)
    assert failed.exit_code != 0
    assert "Traceback" not in failed.output
    assert "--map" in failed.output or "a, b" in failed.output


def test_nobody_by_that_address_is_an_error_without_the_address(stipt: Stipt) -> None:
    found = stipt("explain", "nobody@voorbeeld.nl", "--json")
    assert found.exit_code != 0
    assert "nobody@" not in found.output


def test_a_command_without_settings_says_to_run_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = CliRunner().invoke(main, ["status"])
    assert failed.exit_code != 0
    assert "stipt init" in failed.output


# -- the house's form ------------------------------------------------------------------------------

#: Commands without --json, and why.
NOT_JSON = {
    "serve": "stays up",
    "worker": "stays up",
    "sandbox": "stays up; its state is at /sandbox/state",
}
#: Commands without --dry-run, and why.
NO_DRY_RUN = {
    "demo": "works in a folder of its own that it removes",
    "plan": "is itself the dry run of push",
    "serve": "stays up",
    "worker": "stays up",
    "sandbox": "stays up",
    "audience": "only reads",
    "segments": "only reads",
    "due": "only reads",
    "monday": "only reads",
    "explain": "only reads",
    "access": "only reads",
    "backtest": "only reads",
}


def commands() -> dict[str, click.Command]:
    """Every command by name."""
    assert isinstance(main, click.Group)
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in main.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def parts(command: click.Command) -> list[click.Command]:
    """The commands of a group; a command of its own is all it has."""
    return list(command.commands.values()) if isinstance(command, click.Group) else [command]


def options(command: click.Command) -> set[str]:
    """Every option of a command as it is typed."""
    params = [param for part in parts(command) for param in part.params]
    typed = (text for one in params for text in (*one.opts, *one.secondary_opts))
    return {text for text in typed if text.startswith("--")}


@pytest.mark.parametrize(
    ("option", "exceptions"), [("--json", NOT_JSON), ("--dry-run", NO_DRY_RUN)]
)
def test_every_command_offers_json_and_a_dry_run_but_for_named_reasons(
    option: str, exceptions: dict[str, str]
) -> None:
    without = {
        name
        for name, command in commands().items()
        if any(option not in options(part) for part in parts(command))
    }
    assert without == set(exceptions)


def test_every_command_is_documented_with_all_its_options() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^## `stipt ([a-z-]+)`\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert set(sections) == set(commands())
    for name, command in commands().items():
        told = set(re.findall(r"`(--[a-z-]+)", sections[name]))
        assert told == options(command), name


def test_every_command_and_option_says_what_it_does() -> None:
    for name, command in commands().items():
        assert all(part.help for part in (command, *parts(command))), name


def test_what_a_file_holds_and_is_not_read_is_told(stipt: Stipt, tmp_path: Path) -> None:
    file = write(tmp_path / "bon.csv", "Bonnummer;Datum;Bedrag;Vak", "B1;14-03-2026;12,50;x")
    wanted = [r"bon\.csv: (not read|niet gelezen): Vak", "=product_name"]
    for report in (
        printed(stipt("import", file, "--dry-run", "--json")),
        printed(stipt("import", file, "--json")),
    ):
        for note, words in zip(report["notes"], wanted, strict=True):
            assert re.search(words, note)
    assert re.search(wanted[0], stipt("import", file).output)


def test_an_order_of_a_day_to_come_is_rejected(stipt: Stipt, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bon.csv", "Bonnummer;Datum;Omschrijving;Bedrag", "B1;2099-01-01;Riem;9"
    )
    for report in (
        printed(stipt("import", file, "--dry-run", "--json")),
        printed(stipt("import", file, "--json")),
    ):
        (bad,) = report["rejects"]
        assert (bad["column"], bad["value"]) == ("Datum", "2099-01-01")
        assert "toekomst" in bad["reason"] or "future" in bad["reason"]
