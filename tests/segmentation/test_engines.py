"""One expression, every engine: Spark finds what DuckDB finds, from frames and from files."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from segmentation import catalogue, engines, features
from segmentation.frames import Choices
from tests.segmentation.builders import frames, random_shop

AS_OF = date(2025, 6, 30)
TABLES = ("need_days", "detailed", "product_days", "order_days", "people", "tastes")
spark = pytest.mark.skipif(
    not (find_spec("pyspark") and shutil.which("java")) and not os.environ.get("REQUIRE_SPARK"),
    reason="needs pyspark (the extra `spark`) and Java",
)


def _shop() -> catalogue.Catalogue:
    """Return lines of two accounts, with returns, gifts, subscriptions and refunds."""
    buys = random_shop(3, people=12)
    buys += [replace(buy, quantity=-1.0, amount=-buy.amount) for buy in buys[5:40:7]]
    buys += [replace(buy, subscription=True) for buy in buys[::11]]
    buys += [replace(buy, account=4) for buy in buys[:60]]
    return catalogue.read(frames(buys), Choices())


def _same(one: features.Features, other: features.Features, tables: tuple[str, ...]) -> None:
    for name in tables:
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(other, name), check_dtype=False, rtol=1e-12
        )
    assert one.counters == other.counters


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the shop's lines as Parquet, a file each account and month."""
    lines = _shop().lines
    for (account, month), part in lines.groupby(
        ["account_id", lines["ordered_on"].dt.strftime("%Y-%m")]
    ):
        file = tmp_path / str(account) / f"{month}.parquet"
        file.parent.mkdir(exist_ok=True)
        part.to_parquet(file, index=False)
    return tmp_path


def test_lines_in_files_count_as_those_in_a_frame(folder: Path) -> None:
    shop = _shop()
    by_frame = features.compute(shop.lines, shop.placed, as_of=AS_OF)
    _same(by_frame, features.compute(folder, shop.placed, as_of=AS_OF), TABLES)


def test_a_fit_may_leave_out_what_was_bought() -> None:
    shop = _shop()
    whole = features.compute(shop.lines, shop.placed, as_of=AS_OF)
    bare = features.compute(shop.lines, shop.placed, as_of=AS_OF, details=False)
    columns = ["account_id", "person_id", "need", "day", "units"]
    pd.testing.assert_frame_equal(whole.need_days[columns], bare.need_days)
    _same(whole, bare, TABLES[1:])


def test_what_was_bought_may_be_told_of_some_people_only() -> None:
    shop = _shop()
    whole = features.compute(shop.lines, shop.placed, as_of=AS_OF).need_days
    some = whole[(whole["account_id"] == 4) | (whole["person_id"] % 3 == 0)]
    for details in (True, False):
        found = features.compute(
            shop.lines, shop.placed, as_of=AS_OF, details=details, one_in={3: 3}
        )
        pd.testing.assert_frame_equal(found.detailed, some.reset_index(drop=True))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="name one of duckdb, pyspark"), engines.opened("abacus"):
        pass


@spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # pyspark's own
@pytest.mark.parametrize("details", [True, False])
def test_spark_finds_what_duckdb_finds(folder: Path, details: bool) -> None:
    shop = _shop()
    found = {
        engine: features.compute(folder, shop.placed, as_of=AS_OF, engine=engine, details=details)
        for engine in engines.ENGINES
    }
    _same(found[engines.DUCKDB], found[engines.SPARK], TABLES)
