"""The table of people made of order lines, for 8,000 shops at once: ours, by hand, and in pandas.

Ours is the Ibis expression of `segmentation.features` on DuckDB; beside it the same table in SQL
as one would write it for DuckDB, and in pandas, each in a process of its own that reads the same
Parquet files. They take turns, and the best of three counts, as other work on the machine slows
now one and now another. All three make the whole table, netted returns, refunds and postage
included, and that their tables are equal is part of what is judged.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from segmentation import engines, features
from tests.benchmarks import _crowd
from tests.benchmarks.ingest import peak_mb
from tests.benchmarks.nightly import busy
from tests.benchmarks.result import Result

LINES, SHOPS = 10_000_000, 8_000
_PRODUCTS, _LINES_A_CUSTOMER, _ROUNDS = 60, 10.45, 3
_SLOWER, _FASTER, _MEGABYTES = 1.5, 3.0, 1_536.0
_LATER = timedelta(days=14)
_AS_OF = date(1970, 1, 1) + timedelta(days=_crowd.AS_OF)
#: Cancelled lines, guests, free ones, and what is no goods or came back in full, do not count;
#: return lines are netted with the latest purchase before them. Read twice rather than kept: what
#: a reading costs is less than what nine million rows in memory do.
_BY_HAND = """
WITH seen AS NOT MATERIALIZED (
    SELECT *, epoch(ordered_on)::BIGINT // 86400 AS day,
           day * 1000000000 + CASE WHEN quantity > 0 THEN line_id ELSE 999999999 END AS place
    FROM read_parquet('{folder}/*.parquet')
    WHERE ordered_on < DATE '{end}' AND status NOT IN ('test', 'cancelled')
      AND person_id IS NOT NULL
), came AS MATERIALIZED (
    SELECT account_id, person_id, product_id, place, quantity, net_amount
    FROM seen WHERE quantity < 0
), looked AS (
    SELECT account_id, person_id, product_id, place, line_id FROM seen
    SEMI JOIN came USING (account_id, person_id, product_id) WHERE quantity > 0
), back AS (
    SELECT account_id, line_id, sum(quantity) AS units, sum(net_amount) AS amount
    FROM came ASOF JOIN looked USING (account_id, person_id, product_id, place) GROUP BY ALL
), kept AS (
    SELECT account_id, person_id, day, channel, quantity + coalesce(b.units, 0)
             - CASE WHEN refunded_on >= DATE '{end}' THEN 0 ELSE refunded_quantity END AS units,
           net_amount + coalesce(b.amount, 0)
             - CASE WHEN refunded_on >= DATE '{end}' THEN 0 ELSE refunded_amount END AS paid
    FROM seen LEFT JOIN back b USING (account_id, line_id)
    ANTI JOIN (FROM placed WHERE need = '-') USING (account_id, product_id)
    WHERE quantity > 0 AND net_amount > 0
)
SELECT account_id, person_id, min(day) AS first_day, max(day) AS last_day,
       count(DISTINCT day) AS frequency, round(sum(paid), 6) AS revenue,
       median(units) AS line_quantity, avg((channel = 'wholesale')::DOUBLE) AS wholesale_share
FROM kept WHERE units > 0 GROUP BY ALL ORDER BY ALL
"""


def run(data: Path, lines: float = LINES) -> list[Result]:
    """Measure on as many lines, in the shops of one run."""
    with tempfile.TemporaryDirectory() as name:
        count = write(Path(name), int(lines))
        ways = {"ours": ours, "by hand": by_hand, "pandas": by_pandas}
        best = dict.fromkeys(ways, (np.inf, np.inf, 0.0))
        for _ in range(_ROUNDS):
            for way, make in ways.items():
                best[way] = min(best[way], measured(make, Path(name)))
        table = ours(Path(name))
        apart = {way: _apart(table, make(Path(name))) for way, make in ways.items()}
    shop = f"{SHOPS:,} shops, {count:,} lines"
    (seconds, used, memory), hand, pandas = best.values()
    return [
        Result(set=shop, metric="seconds", ours=round(seconds, 2), better="lower",
               baseline=round(pandas[0], 2), peer=round(hand[0], 2)),
        Result(set=shop, metric="processor seconds", ours=round(used, 2), better="lower",
               baseline=round(pandas[1], 2), peer=round(hand[1], 2)),
        Result(set=shop, metric="time / time of SQL by hand", ours=round(seconds / hand[0], 2),
               bar=_SLOWER, better="lower"),
        Result(set=shop, metric="times faster than pandas", ours=round(pandas[0] / seconds, 2),
               bar=_FASTER),
        Result(set=shop, metric="peak memory, MB", ours=round(memory), bar=_MEGABYTES,
               better="lower", baseline=round(pandas[2]), peer=round(hand[2])),
        Result(set=shop, metric="rows that differ from SQL by hand", ours=apart["by hand"],
               bar=0, better="lower"),
        Result(set=shop, metric="rows that differ from pandas", ours=apart["pandas"], bar=0,
               better="lower"),
    ]  # fmt: skip


def write(folder: Path, lines: int) -> int:
    """Write Parquet files of about so many lines; return how many there are."""
    count = 0
    for number, block in enumerate(_crowd.lines(int(lines / _LINES_A_CUSTOMER))):
        person = block["person_id"].astype("int64")
        block["account_id"] = person % SHOPS + 1
        block["product_id"] = (block["product_id"] - 1) % _PRODUCTS + 1
        block["quantity"] = block["quantity"].mask(block["line_id"] % 60 == 0, -1.0)
        block["net_amount"] = block["net_amount"].mask(block["quantity"] < 0, -1_000.0)
        refunded = (block["line_id"] % 70 == 0) & (block["quantity"] > 0)
        block["refunded_quantity"] = block["refunded_quantity"].mask(refunded, 1.0)
        block["refunded_amount"] = block["refunded_amount"].mask(refunded, 500.0)
        block["refunded_on"] = block["refunded_on"].mask(refunded, block["ordered_on"] + _LATER)
        block.to_parquet(folder / f"{number}.parquet", index=False)
        count += len(block)
    return count


def measured(make: Callable[[Path], pd.DataFrame], folder: Path) -> tuple[float, float, float]:
    """Return seconds, processor seconds and peak megabytes, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, make, folder).result()


def _measure(make: Callable[[Path], pd.DataFrame], folder: Path) -> tuple[float, float, float]:
    began, used = time.perf_counter(), busy()
    make(folder)
    return time.perf_counter() - began, busy() - used, peak_mb()


def ours(folder: Path) -> pd.DataFrame:
    """Return the table by the product's own expression."""
    return features.people(folder, _placed(), as_of=_AS_OF, engine=engines.DUCKDB)


def by_hand(folder: Path) -> pd.DataFrame:
    """Return it by SQL written for DuckDB."""
    end = _AS_OF + timedelta(days=1)
    with duckdb.connect(config={"preserve_insertion_order": False}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("placed", _placed())
        found: pd.DataFrame = connection.sql(_BY_HAND.format(folder=folder, end=end)).df()
    return found


def by_pandas(folder: Path) -> pd.DataFrame:
    """Return it by pandas: what it need not read it does not, and keys are searched as numbers."""
    end = pd.Timestamp(_AS_OF + timedelta(days=1))
    columns = [
        "account_id", "line_id", "person_id", "product_id", "ordered_on", "channel", "quantity",
        "net_amount", "refunded_quantity", "refunded_amount", "refunded_on",
    ]  # fmt: skip
    read: list[Any] = [("ordered_on", "<", end), ("status", "not in", ["cancelled", "test"])]
    lines = pd.read_parquet(folder, columns=columns, filters=read)
    lines = lines[lines["person_id"].notna()].astype({"person_id": "int64", "product_id": "int64"})
    lines["day"] = features.day_numbers(lines["ordered_on"])
    come = ~(lines["refunded_on"] >= end)
    lines["units"] = lines["quantity"] - lines["refunded_quantity"].where(come, 0.0)
    lines["paid"] = lines["net_amount"] - lines["refunded_amount"].where(come, 0.0)
    _net(lines)
    lines = lines[(lines["quantity"] > 0) & (lines["net_amount"] > 0) & (lines["units"] > 0)]
    placed = _placed()
    most = _PRODUCTS + 1
    keys = placed["account_id"] * most + placed["product_id"]
    postage = keys[(placed["need"] == "-").to_numpy()]
    lines = lines[~(lines["account_id"] * most + lines["product_id"]).isin(postage)]
    lines["wholesale"] = (lines["channel"] == "wholesale").astype("float64")
    groups = lines.groupby(["account_id", "person_id"])
    table = groups.agg(
        first_day=("day", "min"),
        last_day=("day", "max"),
        frequency=("day", "nunique"),
        revenue=("paid", "sum"),
        line_quantity=("units", "median"),
        wholesale_share=("wholesale", "mean"),
    )
    table["revenue"] = table["revenue"].round(6)
    return table.reset_index()


def _net(lines: pd.DataFrame) -> None:
    """Take return lines off the latest purchase before them, in place."""
    key = ["account_id", "person_id", "product_id"]
    among = lines["line_id"].where(lines["quantity"] > 0, 999_999_999)
    place = lines["day"] * 1_000_000_000 + among
    back = lines[lines["quantity"] < 0]
    # One number is looked for much faster than three; the join looks for the rest.
    some = lines.loc[(lines["quantity"] > 0) & lines["person_id"].isin(back["person_id"]), key]
    some = some.assign(place=place, row=some.index).sort_values("place")
    back = back[[*key, "quantity", "net_amount"]].assign(place=place).sort_values("place")
    found = pd.merge_asof(back, some, on="place", by=key).dropna(subset="row")
    of_line = found.astype({"row": "int64"}).groupby("row")[["quantity", "net_amount"]].sum()
    lines.loc[of_line.index, "units"] += of_line["quantity"]
    lines.loc[of_line.index, "paid"] += of_line["net_amount"]


def _placed() -> pd.DataFrame:
    product = np.tile(np.arange(1, _PRODUCTS + 1), SHOPS)
    text = {name: pd.Series([""] * product.size, dtype="str") for name in ("department", "style")}
    # The last product of a shop is its postage.
    kinds = [f"kind-{p % 40}" for p in range(1, _PRODUCTS)] + ["-"]
    need = pd.Series(kinds * SHOPS, dtype="str")
    account = np.repeat(np.arange(1, SHOPS + 1), _PRODUCTS)
    return pd.DataFrame({"account_id": account, "product_id": product, "need": need, **text})


def _apart(one: pd.DataFrame, other: pd.DataFrame) -> int:
    if len(one) != len(other):
        return abs(len(one) - len(other))
    near = np.isclose(one.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64), rtol=1e-12)
    return int((~near.all(axis=1)).sum())
