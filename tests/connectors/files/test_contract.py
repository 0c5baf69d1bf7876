"""The files connector keeps the contract of all connectors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.files import FilesConnector, Options
from connectors.records import ConsentState
from tests.connectors.contract import ConnectorContract, MakeConnector, Truth
from tests.connectors.files.writing import LOYALTY_HEADER, SHOPIFY_HEADER, shopify_row, write


def _loyalty_row(i: int, *, day: str, receipt: str, newsletter: str = "") -> str:
    return (
        f"{i % 7:04};87{i % 7:05};Anna;;Visser;;klant{i % 7}@voorbeeld.nl;{newsletter};{day};"
        f"{receipt};A-{i % 5};Artikel {i % 5};1;{i},95;;Utrecht"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A loyalty export with scattered receipts, a Shopify export, and an audience export."""
    nights = {"N1": "29-03-2026 02:30", "N2": "25-10-2026 02:30", "N3": "25-10-2026 03:30"}
    rows = [_loyalty_row(i, day="31-12-2025 23:59", receipt=f"B{i % 9}") for i in range(30)]
    rows += [_loyalty_row(i, day=d, receipt=n) for i, (n, d) in enumerate(nights.items())]
    rows.append("0009;;;;;;;;gisteren;B77;A-1;Artikel 1;1;9,95;;Utrecht")
    rows.append("0009;;;;;;;;31-12-2025;B78;A-1;Artikel 1;een;9,95;;Utrecht")
    write(tmp_path / "kaart.csv", LOYALTY_HEADER, *rows, encoding="cp1252")
    orders = []
    for i in range(12):
        orders.append(
            shopify_row(
                Name=f"#{i}", Id=f"90{i}", Email=f"web{i}@voorbeeld.nl", Currency="EUR",
                Financial_Status="paid", Subtotal="27.00", Discount_Amount="3.00", Total="31.95",
                Shipping="4.95", Created_at=f"2026-09-{i + 1:02} 10:15:00 -0400",
                Accepts_Marketing="yes" if i % 2 else "no", Lineitem_quantity="1",
                Lineitem_name="Riem", Lineitem_price="10.00", Lineitem_sku="R-1",
                Refunded_Amount="5.00" if i % 3 else "0.00",
            )
        )  # fmt: skip
        orders.append(
            shopify_row(
                Name=f"#{i}", Email=f"web{i}@voorbeeld.nl", Lineitem_quantity="2",
                Lineitem_name="Sok", Lineitem_price="10.00", Lineitem_sku="S-1",
            )
        )  # fmt: skip
    write(tmp_path / "orders_export.csv", SHOPIFY_HEADER, *orders)
    header = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME"
    gone = "web1@voorbeeld.nl,Ada,Lof,2,2024-01-02 03:04:05,2025-05-06 07:08:09"
    write(tmp_path / "unsubscribed_members_export_a1.csv", header, gone)
    return tmp_path


class TestFiles(ConnectorContract):
    """Three exports read together."""

    @pytest.fixture
    def make(self, folder: Path) -> Iterator[MakeConnector]:
        made: list[FilesConnector] = []

        def connector() -> FilesConnector:
            made.append(FilesConnector(sorted(folder.glob("*.csv")), page_size=4))
            return made[-1]

        yield connector
        for one in made:
            one.close()

    @pytest.fixture
    def truth(self, folder: Path) -> Truth:
        empty = folder / "leeg.txt"
        empty.write_text("")
        binary = folder / "foto.jpg"
        binary.write_bytes(b"\xff\xd8\xff\xe0\0\0\0")
        odd = write(folder / "odd.txt", "foo;bar", "1;2")
        sources = [folder / "missing.txt", empty, binary, odd]
        zone = Options(time_zone="Mars/Olympus")
        return Truth(
            moments={
                # The clock skips 02:30 in spring; in autumn it shows it twice.
                "N1": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
                "N2": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
                "N3": datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
                "B0": datetime(2025, 12, 31, 22, 59, tzinfo=UTC),
                "900": datetime(2026, 9, 1, 14, 15, tzinfo=UTC),
            },
            consent={
                "web0@voorbeeld.nl": {ConsentState.UNKNOWN},
                "web1@voorbeeld.nl": {ConsentState.CONFIRMED, ConsentState.DENIED},
                "klant1@voorbeeld.nl": set(),
            },
            unreadable=[
                *(lambda path=path: FilesConnector([path]) for path in sources),
                lambda: FilesConnector([odd], options=zone),
            ],
        )
