"""The benchmark of the import counts right and notices a report that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from tests.benchmarks.ingest import Measured, judged, measure

_LINES = pd.DataFrame(
    {
        "InvoiceNo": ["536365", "536365", "C536366", "536367", "536367", "A536368"],
        "StockCode": ["85123A", "71053", "85123A", "22752", "22752", "B"],
        "Description": ["HOLDER", "LANTERN", "HOLDER", None, None, "Adjust bad debt"],
        "Quantity": [6, 6, -6, 2, 2, 1],
        "InvoiceDate": pd.to_datetime(["2010-12-13 08:26:00"] * 6),
        "UnitPrice": [2.55, 3.39, 2.55, 0.0, 0.0, -11062.06],
        "CustomerID": pd.array([17850, 17850, 17850, None, None, None], dtype="Int32"),
        "Country": ["United Kingdom"] * 6,
    }
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("ingest")
    file = folder / "online_retail.csv"
    _LINES.to_csv(file, index=False)
    return measure(folder, file)


def failing(measured: Measured) -> set[str]:
    """Metrics that do not hold, but for the speed, which six lines say nothing about."""
    found = judged(_LINES, measured, plain=1.0)
    return {one.metric for one in found if not one.holds and "a second" not in one.metric}


def test_a_right_import_holds(measured: Measured) -> None:
    assert failing(measured) == set()


def test_a_wrong_count_a_rejected_row_and_a_changed_row_do_not_hold(measured: Measured) -> None:
    one_less = {**measured.counters, "lines": measured.counters["lines"] - 1}
    wrong = replace(measured, counters=one_less, rejected=1, changed=(0, 1))
    assert failing(wrong) == {
        "lines: difference from pandas' 6",
        "rows rejected",
        "rows changed by reading every line again",
    }


def test_an_import_that_stores_nothing_is_noticed(measured: Measured) -> None:
    assert measured.counters["orders"] == 4
    assert measured.stored == 6
    assert "lines stored, of 6" in failing(replace(measured, stored=0))
