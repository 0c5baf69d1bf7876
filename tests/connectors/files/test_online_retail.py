"""A real export of 336,753 lines: what is counted is what pandas counts."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tests.connectors.files.writing import Import

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def lines(shared_data: Path) -> pd.DataFrame:
    return pd.read_parquet(shared_data / "online_retail_part_a.parquet")


@pytest.fixture(scope="module")
def found(lines: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Import:
    path = tmp_path_factory.mktemp("retail") / "online_retail.csv"
    lines.to_csv(path, index=False)
    return Import(path)


def test_the_report_holds_the_published_counts(lines: pd.DataFrame, found: Import) -> None:
    cancelled = lines[lines.InvoiceNo.str.startswith("C")]
    assert found.counters == Counter(
        {
            "lines": len(lines),
            "orders": lines.InvoiceNo.nunique(),
            "customers": lines.CustomerID.nunique(),
            "products": lines.StockCode.nunique(),
            "lines without a customer": lines.CustomerID.isna().sum(),
            "lines without a description": lines.Description.isna().sum(),
            "cancelled invoices": cancelled.InvoiceNo.nunique(),
            "lines of cancelled invoices": len(cancelled),
            "lines with negative quantity": (lines.Quantity < 0).sum(),
            "lines with price 0 or less": (lines.UnitPrice <= 0).sum(),
            "exact duplicate lines": lines.duplicated().sum(),
            "adjustments": lines.InvoiceNo[lines.InvoiceNo.str.startswith("A")].nunique(),
        }
    )
    assert found.rejects == []


def test_every_line_arrives_with_its_money(lines: pd.DataFrame, found: Import) -> None:
    bought = [line for order in found.orders.values() for line in order.lines]
    assert len(bought) == len(lines)
    expected = (lines.Quantity * lines.UnitPrice).sum()
    # Each line is rounded to the cent.
    assert sum((line.total for line in bought), Decimal(0)) == pytest.approx(
        Decimal(float(expected)), abs=Decimal("0.5")
    )
    first = found.orders["536365"]
    assert first.customer_id == "17850"
    assert first.lines[0].total == Decimal("15.30")


def test_a_customers_lines_are_those_of_the_file(lines: pd.DataFrame, found: Import) -> None:
    counts: Counter[str] = Counter()
    for order in found.orders.values():
        if order.customer_id is not None:
            counts[order.customer_id] += len(order.lines)
    expected = lines.CustomerID.dropna().astype(str).value_counts().to_dict()
    assert counts == expected
