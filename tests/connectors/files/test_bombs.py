"""Small files that would become large are refused before they do."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from connectors.errors import NotReadable
from connectors.files import FilesConnector, Options, sources
from tests.connectors.files.writing import LOYALTY_HEADER, LOYALTY_ROWS, Import

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
    'ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Blad1" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
    f'Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def workbook(path: Path, rows: str, **parts: str) -> Path:
    """A spreadsheet whose sheet holds these rows."""
    sheet = f'<worksheet xmlns="{_MAIN}" xmlns:x="{_MAIN}"><dimension ref="A1:B2"/>'
    all_parts = _PARTS | {
        "xl/worksheets/sheet1.xml": f"{sheet}<sheetData>{rows}</sheetData></worksheet>"
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (all_parts | parts).items():
            archive.writestr(name, text)
    return path


def cell(text: str, place: str | None = None) -> str:
    """A cell of text."""
    where = f' r="{place}"' if place else ""
    return f'<c{where} t="inlineStr"><is><t>{text}</t></is></c>'


def row(cells: str, place: int) -> str:
    """A row of cells."""
    return f'<row r="{place}">{cells}</row>'


FAR = {
    "two cells": row(cell("a", "A1"), 1) + row(cell("b", "XFD1048576"), 1_048_576),
    "cells of another prefix": row(cell("a"), 1)
    + "<x:row><x:c t='n' r = 'XFD1048576'><x:v>1</x:v></x:c></x:row>",
    "a row without places": row(cell("a") * 16_000, 1) + row(cell("b"), 1_048_576),
    "a tag without an end": row(cell("a", "A1"), 1)
    + row(cell("b", "XFD1048576"), 1_048_576).replace("<c ", "<c" + " " * 3_000_000),
}


@pytest.mark.parametrize("rows", FAR.values(), ids=FAR.keys())
def test_a_sheet_that_reaches_far_is_refused_before_it_is_laid_out(
    tmp_path: Path, rows: str
) -> None:
    path = workbook(tmp_path / "kassa.xlsx", rows)
    assert path.stat().st_size < 50_000
    with pytest.raises(NotReadable, match=r"kassa\.xlsx"):
        FilesConnector([path]).check()


def test_a_sheet_as_long_as_can_be_is_read(tmp_path: Path) -> None:
    header, line, *_ = (line.split(";") for line in (LOYALTY_HEADER, *LOYALTY_ROWS))
    rows = "".join(
        row("".join(cell(text, f"{chr(65 + i)}{n}") for i, text in enumerate(cells)), n)
        for n, cells in ((1, header), (300_000, line))
    )
    path = workbook(tmp_path / "kassa.xlsx", rows)
    found = Import(path, options=Options(date_order="dmy"))
    assert list(found.orders) == ["B1"]
    assert found.rejects == [], "what nobody filled in is no faulty row"


@pytest.mark.parametrize("part", ["content.xml", "xl/workbook.bin"])
def test_a_workbook_that_is_also_of_another_kind_is_refused(tmp_path: Path, part: str) -> None:
    path = workbook(tmp_path / "kassa.csv", f"<row>{cell('a')}</row>", **{part: "<a/>"})
    with pytest.raises(NotReadable, match=r"kassa\.csv"):
        FilesConnector([path]).check()


def test_an_old_excel_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "kassa.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096))
    with pytest.raises(NotReadable, match="Save it as XLSX"):
        FilesConnector([path]).check()


def test_a_gzipped_file_may_not_unpack_to_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\r\n".join((LOYALTY_HEADER, *LOYALTY_ROWS))
    small, large = tmp_path / "klein.csv.gz", tmp_path / "groot.csv.gz"
    small.write_bytes(gzip.compress(text.encode("cp1252")))
    large.write_bytes(gzip.compress((text + "\r\n" + ";" * 3_000_000).encode("cp1252")))
    monkeypatch.setattr(sources, "MAX_UNPACKED_MB", 1)
    assert Import(small).orders
    with pytest.raises(NotReadable, match=r"groot\.csv\.gz would unpack to more than 1 MB"):
        FilesConnector([large]).check()
