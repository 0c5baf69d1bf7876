"""Bytes to cells to values: every point of what exports do to their data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import NeedsAnswer, NotReadable
from connectors.files import FilesConnector, Options, SavedMapping
from connectors.files.formats import (
    date_evidence,
    decimal_evidence,
    read_amount,
    read_date,
    to_utc,
)
from connectors.files.values import Amounts, BadCell, Booleans, Emails, Genders, Moments, Phones
from tests.connectors.files.writing import Import, loyalty, write

HEADER = "Bonnummer;Datum;Klantnummer;Omschrijving;Aantal;Bedrag"
ROW = "B1;14-03-2026;0012;Crème café €;1;12,50"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(f"{HEADER}\r\n{ROW}\r\n".encode(), id="UTF-8"),
        pytest.param(f"{HEADER}\r\n{ROW}\r\n".encode("utf-8-sig"), id="UTF-8 with a mark"),
        pytest.param(f"{HEADER}\r\n{ROW}\r\n".encode("cp1252"), id="Windows-1252, euro sign 0x80"),
        pytest.param(
            f"{HEADER}\n{ROW}\n".replace(";", "\t").encode("utf-16"), id="Excel Unicode text"
        ),
        pytest.param(
            b"\xfe\xff" + f"{HEADER}\n{ROW}\n".encode("utf-16-be"), id="UTF-16, big end first"
        ),
        pytest.param(f"sep=;\r\n{HEADER}\r\n{ROW}\r\n".encode(), id="Excel's sep line"),
        pytest.param(f"{HEADER}\n{ROW}\n".replace(";", "|").encode(), id="bars"),
        pytest.param(
            f"{HEADER}\n{ROW}\n".replace("12,50", "12.50").replace(";", ",").encode(), id="commas"
        ),
        pytest.param(f"{HEADER};\n{ROW};\n".encode(), id="a delimiter at the end of each row"),
        pytest.param(f"{HEADER}\n{ROW};\n".encode(), id="only at the end of the rows"),
        pytest.param(
            f"Kassa Utrecht\nPeriode: maart 2026\n\n{HEADER}\n{ROW}\n".encode(), id="title lines"
        ),
        pytest.param(
            f"{HEADER}\n{ROW}\nTotaal;;;;1;12,50\n".encode(), id="a line of totals at the end"
        ),
        pytest.param(f"{HEADER};;Bedrag\n{ROW};;\n".encode(), id="blank and repeated names"),
        pytest.param(f'{HEADER}\n"B1";14-03-2026;0012;"Crème café €";1;12,50\n'.encode(), id="q"),
        pytest.param(f"\n{HEADER}\n\n{ROW}\n\n\n".encode(), id="empty lines"),
        pytest.param(f"{HEADER}\n{ROW}".replace("B1;", "  B1 ;").encode(), id="spaces, no end"),
    ],
)
def test_the_same_sale_is_read_from_every_dialect(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bon.csv"
    path.write_bytes(raw)
    found = Import(path)
    (order,) = found.orders.values()
    assert order.id == "B1"
    assert order.customer_id == "0012"
    assert order.total == Decimal("12.50")
    assert order.lines[0].title == "Crème café €"
    assert found.rejects == []


def test_text_encoded_twice_is_told(tmp_path: Path) -> None:
    twice = ROW.encode().decode("cp1252")
    path = write(tmp_path / "bon.csv", HEADER, twice)
    connector = FilesConnector([path])
    assert "bon.csv" in connector.notes[0]
    assert "UTF-8" in connector.notes[0]
    assert FilesConnector([write(tmp_path / "b.csv", HEADER, ROW)]).notes == ()


@pytest.mark.parametrize("language", ["en", "nl"])
def test_what_is_no_table_is_refused_with_a_sentence(language: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for raw in (b"\0\1\2", b"PK\x03\x04broken", b"\x1f\x8bbroken", b"", b"\xd0\xcf\x11\xe0x"):
        path.write_bytes(raw)
        with pytest.raises(NotReadable, match=r"x\.csv"):
            FilesConnector([path], options=Options(language=language)).check()


@pytest.mark.parametrize(
    ("cell", "sign", "amount"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1234,56", ",", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("€ 12,-", ",", "12"),
        ("12,50-", ",", "-12.50"),
        ("(12,50)", ",", "-12.50"),
        ("-€ 12,50", ",", "-12.50"),
        ("€ -12,50", ",", "-12.50"),
        ("$1,030.00", ".", "1030.00"),
        ("1 234,56", ",", "1234.56"),
        ("1'234.56", ".", "1234.56"),
        ("EUR 7", None, "7"),
        (",5", ",", "0.5"),
        ("+3", ".", "3"),
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
    ],
)
def test_amounts_as_people_write_them(cell: str, sign: str | None, amount: str) -> None:
    assert read_amount(cell, sign) == Decimal(amount)


@pytest.mark.parametrize(
    "cell", ["abc", "1,2E+5", "12.34.5", "1,23.4", "--5", "€", "1 2,3,4", "NaN"]
)
def test_what_is_no_amount_is_refused(cell: str) -> None:
    with pytest.raises(BadCell, match="amount"):
        Amounts("Bedrag", ",")[cell]


@pytest.mark.parametrize(
    ("cells", "sign", "is_open"),
    [
        pytest.param(["1.234", "5"], None, True, id="only thousands or thousandths"),
        pytest.param(["1.234", "0.250"], ".", False, id="a leading zero proves the point"),
        pytest.param(["1.234", "12,5"], ",", False, id="a comma with one digit"),
        pytest.param(["1.234.567"], ",", False, id="repeated points are thousands"),
        pytest.param(["1", "20"], None, False, id="whole numbers need no sign"),
        pytest.param(["12,50", "12.50"], None, True, id="contradiction"),
    ],
)
def test_a_column_proves_its_decimal_sign(cells: list[str], sign: str, is_open: bool) -> None:
    evidence = decimal_evidence(cells)
    assert (evidence.settled(), evidence.is_open) == (sign, is_open)


AMOUNTS = st.decimals(min_value=-10_000_000, max_value=10_000_000, places=2)


@given(
    st.lists(AMOUNTS, min_size=1), st.sampled_from(",."), st.sampled_from(["-{}", "{}-", "({})"])
)
def test_amounts_written_in_any_one_format_are_read_back(
    amounts: list[Decimal], sign: str, below: str
) -> None:
    def written(amount: Decimal) -> str:
        text = f"{abs(amount):,.2f}"
        if sign == ",":
            text = text.translate(str.maketrans(",.", ".,"))
        return below.format(text) if amount < 0 else text

    cells = [written(amount) for amount in amounts]
    settled = decimal_evidence(cells).settled()
    assert settled == sign
    assert [read_amount(cell, settled) for cell in cells] == amounts


DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31))
FORMATS = {
    "dmy": ["%d-%m-%Y", "%d/%m/%y", "%d.%m.%Y"],
    "mdy": ["%m/%d/%Y", "%m-%d-%y"],
    "ymd": ["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d"],
}


@given(st.lists(DAYS, min_size=1), st.sampled_from(sorted(FORMATS)), st.data())
def test_dates_written_in_any_one_format_are_read_back_or_asked(
    days: list[date], order: str, data: st.DataObject
) -> None:
    pattern = data.draw(st.sampled_from(FORMATS[order]))
    cells = [day.strftime(pattern) for day in days]
    evidence = date_evidence(cells)
    if order != "ymd":
        proven = any(day.day > 12 for day in days)
        doubtful = any(day.day != day.month for day in days)
        assert evidence.is_open == (not proven and doubtful)
    settled = evidence.settled() or order
    assert [read_date(cell, settled)[0].date() for cell in cells] == days


@given(
    st.datetimes(
        min_value=datetime.fromisoformat("2000-01-01"),
        max_value=datetime.fromisoformat("2060-01-01"),
    )
)
def test_every_local_time_becomes_one_moment_and_back(local: datetime) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    moment = to_utc(local, None, zone)
    back = moment.astimezone(zone).replace(tzinfo=None)
    # Only times the clock skips come back as another: an hour later.
    assert back - local in (timedelta(0), timedelta(hours=1))
    assert back == local or local.month == 3


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("3-4-26", "2026-04-03T00:00"),
        ("03/04/2026 9:05", "2026-04-03T09:05"),
        ("2026-04-03T09:05:06", "2026-04-03T09:05:06"),
        ("20260403", "2026-04-03T00:00"),
        ("20260403 0905".replace("0905", "09:05"), "2026-04-03T09:05"),
        ("45000", "2023-03-15T00:00"),
        ("45000,5", "2023-03-15T12:00"),
        ("3 mrt 2026", "2026-03-03T00:00"),
        ("3-mei-26", "2026-05-03T00:00"),
        ("vr 3 okt. 2026", "2026-10-03T00:00"),
        ("March 3, 2026 2:05 PM", "2026-03-03T14:05"),
        ("3 april 2026, 12:00 am", "2026-04-03T00:00"),
    ],
)
def test_dates_as_programmes_write_them(cell: str, expected: str) -> None:
    assert read_date(cell, "dmy")[0] == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "cell", ["31-2-2026", "gisteren", "2026-13-01", "1-1-2026 25:00", "12345678"]
)
def test_what_is_no_date_is_refused(cell: str) -> None:
    with pytest.raises(BadCell, match="date"):
        Moments("Datum", "dmy", ZoneInfo("UTC"))[cell]


def test_days_and_months_up_to_twelve_are_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "bon.csv", HEADER, "B1;03-04-2026;1;Riem;1;1.234")
    with pytest.raises(NeedsAnswer) as asked:
        FilesConnector([path]).check()
    by_option = {question.option: question for question in asked.value.questions}
    assert by_option["date_order"].column == "Datum"
    assert by_option["date_order"].choices == (("dmy", "3 April 2026"), ("mdy", "4 March 2026"))
    assert by_option["date_order"].examples == ("03-04-2026",)
    assert by_option["decimal"].choices == ((",", "1234"), (".", "1.234"))
    answered = Import(path, options=Options(date_order="mdy", decimal="."))
    assert answered.orders["B1"].placed_at == datetime(2026, 3, 3, 23, tzinfo=UTC)
    assert answered.orders["B1"].total == Decimal("1.23")


def test_an_answer_never_overrules_what_a_column_proves(tmp_path: Path) -> None:
    options = Options(date_order="mdy", decimal=".")
    found = Import(loyalty(tmp_path / "kaart.csv"), options=options)
    assert found.orders["B3"].total == Decimal("1234.50")


def test_what_one_file_taught_is_not_asked_of_the_next(tmp_path: Path) -> None:
    march = write(tmp_path / "mrt.csv", HEADER, "B1;14-03-2026;1;Riem;1;12,50")
    april = write(tmp_path / "apr.csv", HEADER, "B2;03-04-2026;1;Riem;1;1.234")
    learned = FilesConnector([march]).mapping().to_json()
    found = Import(april, mapping=SavedMapping.from_json(learned))
    assert found.orders["B2"].placed_at == datetime(2026, 4, 2, 22, tzinfo=UTC)
    assert found.orders["B2"].total == Decimal("1234.00")


def test_a_typed_mapping_is_remembered(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "Nr;Wanneer;Wat;Hoeveel", "1;14-03-2026;Riem;9,95")
    columns = {"Nr": "order_id", "Wanneer": "purchased_at", "Hoeveel": "amount"}
    connector = FilesConnector([first], options=Options(columns=columns))
    second = write(tmp_path / "b.csv", "Nr;Wanneer;Wat;Hoeveel", "2;15-03-2026;Riem;9,95")
    assert set(Import(second, mapping=connector.mapping()).orders) == {"2"}


def test_numbers_a_spreadsheet_rounded_are_refused_as_a_column(tmp_path: Path) -> None:
    rows = ["B1;14-03-2026;8,71E+12;Riem;1;9,95", "B2;14-03-2026;8712345;Hemd;1;9,95"]
    header = "Bonnummer;Datum;EAN;Omschrijving;Aantal;Bedrag"
    found = Import(write(tmp_path / "b.csv", header, *rows))
    assert found.rejected == [("1", "EAN", "8,71E+12")]
    assert {line.sku for order in found.orders.values() for line in order.lines} == {None}
    rows = ["8,71E+12;14-03-2026;x;Riem;1;9,95"]
    with pytest.raises(NotReadable, match="order_id"):
        FilesConnector(
            [write(tmp_path / "c.csv", header, *rows)], options=Options(kind="orders")
        ).check()


@pytest.mark.parametrize(
    ("cell", "email"),
    [
        (" Ada@Voorbeeld.NL ", "Ada@voorbeeld.nl"),
        ("Ada Lof <ada@voorbeeld.nl>", "ada@voorbeeld.nl"),
        ("geen@mail.nl; ada@voorbeeld.nl", "ada@voorbeeld.nl"),
        ("ada@voorbeeld.nl, bo@voorbeeld.nl", "ada@voorbeeld.nl"),
        ("geen@voorbeeld.nl", None),
        ("kassa3@winkel.nl", None),
        ("nvt", None),
        ("ada@voorbeeld", None),
        ("ada.voorbeeld.nl", None),
        ("deleted@site.invalid", None),
    ],
)
def test_addresses_are_cleaned_and_placeholders_refused(cell: str, email: str | None) -> None:
    reader = Emails("E-mail")
    if email is None:
        with pytest.raises(BadCell):
            reader[cell]
    else:
        assert reader[cell] == email


@pytest.mark.parametrize("cell", ["06-12345678", "0612345678", "+31 6 12345678", "0031612345678"])
def test_dutch_telephone_numbers_become_international(cell: str) -> None:
    assert Phones("Tel", "NL")[cell] == "+31612345678"


@pytest.mark.parametrize("word", ["ja", "J", "waar", "TRUE", "yes", "1", "x"])
def test_words_for_yes(word: str) -> None:
    assert Booleans("Nieuwsbrief")[word] is True


@pytest.mark.parametrize("word", ["nee", "N", "onwaar", "false", "no", "0"])
def test_words_for_no(word: str) -> None:
    assert Booleans("Nieuwsbrief")[word] is False


@pytest.mark.parametrize(("word", "gender"), [("M", "m"), ("V", "f"), ("dhr", "m"), ("Mevr", "f")])
def test_words_for_gender(word: str, gender: str) -> None:
    assert Genders("Geslacht")[word] == gender


@pytest.mark.parametrize(
    ("header", "cells", "sku", "title"),
    [
        pytest.param("Artikelnummer;Artikel", "A-10;Blauw pak 52", "A-10", "Blauw pak 52", id="nl"),
        pytest.param("ean;Article", "8712345678906;Belt", "8712345678906", "Belt", id="en"),
        pytest.param("Artikel", "Riem", None, "Riem", id="a name alone"),
        pytest.param("Artikel;Omschrijving", "A-10;Riem", "A-10", "Riem", id="a number"),
    ],
)
def test_the_cells_of_artikel_tell_whether_it_is_a_name(
    header: str, cells: str, sku: str | None, title: str, tmp_path: Path
) -> None:
    lines = [f"Bonnummer;Datum;Bedrag;{header}", f"B1;14-03-2026;12,50;{cells}"]
    path = write(tmp_path / "bon.csv", *lines)
    (line,) = Import(path).orders["B1"].lines
    assert (line.sku, line.title) == (sku, title)
    assert FilesConnector([path]).notes == ()


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "bon.csv: not read: Opmerking, Vak."), ("nl", "bon.csv: niet gelezen: Opmerking, Vak")],
)
def test_columns_that_are_left_out_are_named(language: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bon.csv", f"{HEADER};Opmerking;Vak;Weg", f"{ROW};mooi;7;x")
    connector = FilesConnector([path], options=Options(language=language, columns={"Weg": ""}))
    (note,) = connector.notes
    assert note.startswith(words)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_lines_without_a_product_name_are_told(language: str, tmp_path: Path) -> None:
    options = Options(language=language)
    for lines in (
        ("Bonnummer;Datum;Bedrag", "B1;14-03-2026;12,50"),
        ("Bonnummer;Datum;Bedrag;Omschrijving", "B1;14-03-2026;12,50;"),
    ):
        connector = FilesConnector([write(tmp_path / "bon.csv", *lines)], options=options)
        (note,) = connector.notes
        assert "=product_name" in note


@pytest.mark.parametrize(
    ("language", "words"), [("en", "a date in the future"), ("nl", "een datum in de toekomst")]
)
def test_an_order_of_a_day_to_come_is_rejected(language: str, words: str, tmp_path: Path) -> None:
    rows = [f"B{i};{day};0012;Riem;1;9,95" for i, day in enumerate(("14-03-35", "15-03-2026"))]
    path = write(tmp_path / "bon.csv", HEADER, *rows)
    found = Import(path, options=Options(language=language, not_after=date(2026, 3, 15)))
    assert set(found.orders) == {"B1"}
    assert found.rejected == [("2", "Datum", "14-03-35")]
    assert found.rejects[0].reason == words
    assert set(Import(path).orders) == {"B0", "B1"}
