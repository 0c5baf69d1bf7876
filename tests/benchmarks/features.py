"""The table of people made of order lines, for 8,000 shops at once: ours, by hand, and in pandas.

Ours is the Ibis expression of `segmentation.features` on DuckDB; beside it the same table in SQL
as one would write it for DuckDB, and in pandas, each in a process of its own that reads the same
Parquet files. They take turns, and the best of three counts, as other work on the machine slows
now one and now another. Equal tables are part of what is judged.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

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
_AS_OF = date(1970, 1, 1) + timedelta(days=_crowd.AS_OF)
#: Cancelled lines, guests, free ones, and what is no goods or came back in full, do not count;
#: return lines are netted with the latest purchase before them.
_BY_HAND = """
WITH seen AS (
    SELECT l.*, epoch(ordered_on)::BIGINT // 86400 AS day, need,
           day * 1000000000 + CASE WHEN quantity > 0 THEN line_id ELSE 999999999 END AS place
    FROM read_parquet('{folder}/*.parquet') l JOIN placed USING (account_id, product_id)
    WHERE ordered_on < DATE '{end}' AND status NOT IN ('test', 'cancelled')
      AND person_id IS NOT NULL
), pairs AS (
    SELECT DISTINCT account_id, person_id, product_id FROM seen WHERE quantity < 0
), looked AS (
    SELECT * FROM seen SEMI JOIN pairs USING (account_id, person_id, product_id)
), back AS (
    SELECT s.account_id, p.line_id, sum(s.quantity) AS units, sum(s.net_amount) AS amount
    FROM looked s ASOF JOIN (SELECT * FROM looked WHERE quantity > 0) p
      ON s.account_id = p.account_id AND s.person_id = p.person_id
     AND s.product_id = p.product_id AND s.place > p.place
    WHERE s.quantity < 0 GROUP BY ALL
), kept AS (
    SELECT s.*, quantity + coalesce(b.units, 0)
             - CASE WHEN refunded_on >= DATE '{end}' THEN 0 ELSE refunded_quantity END AS units,
           net_amount + coalesce(b.amount, 0)
             - CASE WHEN refunded_on >= DATE '{end}' THEN 0 ELSE refunded_amount END AS paid
    FROM seen s LEFT JOIN back b USING (account_id, line_id)
    WHERE quantity > 0 AND net_amount > 0 AND need <> '-'
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
        same = _apart(Path(name))
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
        Result(set=shop, metric="rows that differ from SQL by hand", ours=same, bar=0,
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
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("placed", _placed())
        found: pd.DataFrame = connection.sql(_BY_HAND.format(folder=folder, end=end)).df()
    return found


def by_pandas(folder: Path) -> pd.DataFrame:
    """Return it by pandas, return lines left out instead of netted."""
    columns = [
        "account_id", "person_id", "product_id", "ordered_on", "status", "channel", "quantity",
        "net_amount", "refunded_quantity", "refunded_amount",
    ]  # fmt: skip
    lines = pd.read_parquet(folder, columns=columns)
    lines = lines[~lines["status"].isin(["cancelled", "test"]) & lines["person_id"].notna()]
    lines = lines[(lines["quantity"] > 0) & (lines["net_amount"] > 0)]
    lines = lines.merge(_placed()[["account_id", "product_id", "need"]])
    lines = lines[lines["need"] != "-"]
    lines["day"] = features.day_numbers(lines["ordered_on"])
    lines["units"] = lines["quantity"] - lines["refunded_quantity"]
    lines["paid"] = lines["net_amount"] - lines["refunded_amount"]
    lines["wholesale"] = (lines["channel"] == "wholesale").astype("float64")
    groups = lines[lines["units"] > 0].groupby(["account_id", "person_id"])
    return groups.agg(
        first_day=("day", "min"),
        last_day=("day", "max"),
        frequency=("day", "nunique"),
        revenue=("paid", "sum"),
        line_quantity=("units", "median"),
        wholesale_share=("wholesale", "mean"),
    ).reset_index()


def _placed() -> pd.DataFrame:
    product = np.tile(np.arange(1, _PRODUCTS + 1), SHOPS)
    text = {name: pd.Series([""] * product.size, dtype="str") for name in ("department", "style")}
    need = pd.Series([f"kind-{p % 40}" for p in range(1, _PRODUCTS + 1)] * SHOPS, dtype="str")
    account = np.repeat(np.arange(1, SHOPS + 1), _PRODUCTS)
    return pd.DataFrame({"account_id": account, "product_id": product, "need": need, **text})


def _apart(folder: Path) -> int:
    one, other = ours(folder), by_hand(folder)
    if len(one) != len(other):
        return abs(len(one) - len(other))
    near = np.isclose(one.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64))
    return int((~near.all(axis=1)).sum())
