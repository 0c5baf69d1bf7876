"""The list of rejects opens in a spreadsheet without doing anything there."""

from __future__ import annotations

import csv
import io
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import NotReadable
from connectors.files import FilesConnector, Options, write_rejects
from connectors.files.sources import file_hash
from connectors.files.texts import TEXTS
from connectors.records import BadRecord, ConsentState
from tests.connectors.files.writing import LOYALTY_HEADER, Import, write


def bad(value: str) -> BadRecord:
    return BadRecord(
        stream="orders", row="7", column="Bedrag", value=value, reason="no", file="kassa.csv"
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_in_a_value_is_made_harmless(start: str) -> None:
    file = io.StringIO(newline="")
    assert write_rejects([bad(start + "cmd()")], file) == 1
    rows = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert rows[0] == ["file", "stream", "row", "column", "value", "reason"]
    assert rows[1] == ["kassa.csv", "orders", "7", "Bedrag", "'" + start + "cmd()", "no"]


def test_rejects_are_written_one_by_one() -> None:
    file = io.StringIO(newline="")

    def rejects() -> Iterator[BadRecord]:
        yield bad("1")
        assert "kassa.csv,orders,7,Bedrag,1,no" in file.getvalue()

    write_rejects(rejects(), file)
    assert file.getvalue().count("orders,7") == 1


@pytest.mark.parametrize(("language", "words"), [("en", "not an amount"), ("nl", "geen bedrag")])
def test_reasons_are_in_the_merchants_language(language: str, words: str, tmp_path: Path) -> None:
    row = "0012;;Ada;;Lof;;;;28-03-2026;B1;A-10;Pak;1;gratis;;Breda"
    path = write(tmp_path / "k.csv", LOYALTY_HEADER, row)
    found = Import(path, options=Options(language=language))
    assert words in found.rejects[0].reason


def test_every_text_names_the_same_things_in_both_languages() -> None:
    for english, dutch in TEXTS.values():
        names = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name}
            for text in (english, dutch)
        ]
        assert names[0] == names[1]
        assert english != dutch


def test_nothing_of_an_import_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    row = "0012;;Ada;;Lof;;;;28-03-2026;B1;A-10;Pak;1;9,95;;Breda"
    connector = FilesConnector([write(tmp_path / "k.csv", LOYALTY_HEADER, row)])
    connector.check()
    assert list(scratch.iterdir())
    connector.close()
    assert not list(scratch.iterdir())
    del connector


def test_files_are_called_what_the_merchant_calls_them(tmp_path: Path) -> None:
    row = "0012;;Ada;;Lof;;ada@voorbeeld.nl;;28-03-2026;{};A-10;Pak;1;gratis;;Breda"
    paths = [write(tmp_path / f"{n}.csv", LOYALTY_HEADER, row.format(n)) for n in range(2)]
    found = Import(*paths, names=["kassa.csv", "kassa.csv"])
    places = [(bad.file, bad.row) for bad in found.rejects]
    assert places == [("kassa.csv", "2"), ("kassa.csv (2)", "2")]


def test_the_name_of_an_uploaded_audience_file_says_who_left(tmp_path: Path) -> None:
    header = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME"
    path = write(tmp_path / "0.csv", header, "ada@voorbeeld.nl,Ada,Lof,2,2024-01-02 03:04:05")
    found = Import(path, names=["unsubscribed_members_export_a1.csv"])
    assert [event.state for event in found.consent.values()] == [ConsentState.DENIED]


def test_a_file_that_is_gone_is_called_what_the_merchant_calls_it(tmp_path: Path) -> None:
    connector = FilesConnector([tmp_path / "0.csv"], names=["kassa.csv"])
    with pytest.raises(NotReadable, match=r"kassa\.csv"):
        connector.check()
    with pytest.raises(NotReadable, match=r"kassa\.csv"):
        file_hash(connector.paths, "en", connector.names)
