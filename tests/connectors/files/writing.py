"""Files as merchants have them, written by hand for the tests."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.files import FilesConnector, Options
from connectors.records import BadRecord, Record

LOYALTY_HEADER = (
    "Klantnummer;Pasnummer;Voornaam;Tussenvoegsel;Achternaam;Geboortedatum;E-mailadres;"
    "Nieuwsbrief;Datum;Bonnummer;Artikelnummer;Omschrijving;Aantal;Bedrag;Korting;Filiaal"
)
LOYALTY_ROWS = (
    "0012;8700012;Renée;van;Dijk;3-4-1971;renee@voorbeeld.nl;ja;28-03-2026;B1;A-10;Blauw pak 52;1;"
    "349,95;50,00;Utrecht",
    "0012;8700012;Renée;van;Dijk;3-4-1971;renee@voorbeeld.nl;ja;28-03-2026;B1;A-20;Wit overhemd;2;"
    "119,90;;Utrecht",
    "0013;8700013;Joost;;Bakker;25-12-68;geen@winkel.nl;nee;29-03-2026;B2;A-20;Wit overhemd;-1;"
    "-59,95;;Zwolle",
    "0014;8700014;Mia;de;Wit;1-2-1990;mia@voorbeeld.nl;;30-03-2026;B3;A-30;Riem;1;1.234,50;;Zwolle",
    ";;;;;;;;31-03-2026;B4;A-30;Riem;1;24,95;;Zwolle",
)
SHOPIFY_HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing City,Billing Zip,Billing Country,Billing Phone,Shipping Name,Notes,"
    "Cancelled at,Refunded Amount,Vendor,Id,Tags,Source,Lineitem discount,Phone"
)


def shopify_row(**cells: str) -> str:
    """One row of a Shopify order export; names with _ for spaces."""
    header = SHOPIFY_HEADER.split(",")
    named = {name.replace("_", " "): cell for name, cell in cells.items()}
    assert named.keys() <= set(header)
    text = io.StringIO()
    csv.writer(text).writerow([named.get(column, "") for column in header])
    return text.getvalue().strip("\r\n")


def write(path: Path, *lines: str, encoding: str = "utf-8", end: str = "\r\n") -> Path:
    """A text file of lines."""
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def loyalty(path: Path) -> Path:
    """The typical Dutch loyalty card export: semicolon, decimal comma, Windows-1252."""
    return write(path, LOYALTY_HEADER, *LOYALTY_ROWS, encoding="cp1252")


class Import:
    """Everything some files bring, by stream."""

    def __init__(self, *paths: Path, options: Options | None = None, **more: Any) -> None:
        self.connector = FilesConnector(paths, options=options, **more)
        self.counters: Counter[str] = Counter()
        self.rejects: list[BadRecord] = []
        self.records: dict[str, dict[str, Any]] = {}
        for stream in self.connector.streams:
            found: list[Record] = []
            for page in self.connector.read(stream.name):
                found += page.records
                self.rejects += page.rejects
                self.counters.update(page.counters)
            self.records[stream.name] = {record.id: record for record in found}
        self.connector.close()

    def __getattr__(self, stream: str) -> dict[str, Any]:
        """The records of a stream by id."""
        return self.records[stream]

    @property
    def rejected(self) -> Sequence[tuple[str, str, str]]:
        """Row, column and value of every reject."""
        return [(bad.row, bad.column, bad.value) for bad in self.rejects]
