"""Due-dates on public orders: the measured protocol first, then who buys again within 30 days.

The second part ranks by `p_due` against "longest since the last order", as many picks as there were
purchases, at three cut-offs each, and with the product's own cleaning. Its interval is a bootstrap
over persons of the difference in precision.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from segmentation.backtest import Ranking, auc, precision_at, rankings
from segmentation.frames import PRODUCTS, Choices, Frames
from tests.benchmarks import _due_protocol as protocol
from tests.benchmarks.result import Result

_ROUNDS = 500
_JOURNEY = protocol.Bars(0.44, 15.8, 0.375, 0.0768, (0.432, 15.9, 0.369, 0.0771, 0.007, 0.985))
_RETAIL = protocol.Bars(0.235, 20.0, 0.20, 0.0384, (0.232, 20.2, 0.195, 0.0384, 0.010, 0.76))


def run(data: Path) -> list[Result]:
    """Measure on both sets."""
    journey = rankings(
        complete_journey(data),
        account_id=1,
        choices=Choices(),
        cutoffs=(date(2017, 8, 1), date(2017, 10, 1), date(2017, 11, 15)),
    )
    retail = rankings(
        online_retail(data),
        account_id=1,
        choices=Choices(),
        cutoffs=(date(2011, 7, 1), date(2011, 9, 1), date(2011, 10, 15)),
    )
    return [
        *_protocol(data),
        *_results("Complete Journey", journey),
        *_results("Online Retail", retail),
    ]


def _protocol(data: Path) -> list[Result]:
    journey, retail = protocol.complete_journey(data), protocol.online_retail(data)
    first, last = date(2017, 7, 1), date(2017, 9, 30)
    results = protocol.scheduled("Complete Journey", journey, first, last, _JOURNEY)
    results += protocol.as_of_a_day("Complete Journey", journey, date(2017, 10, 1), _JOURNEY)
    first, last = date(2011, 7, 1), date(2011, 9, 8)
    results += protocol.scheduled("Online Retail", retail, first, last, _RETAIL)
    return results + protocol.as_of_a_day("Online Retail", retail, date(2011, 10, 1), _RETAIL)


def complete_journey(data: Path) -> Frames:
    """Return the grocer's lines; a need is a product type, as in the published figures."""
    lines = pd.read_parquet(data / "complete_journey_transactions.parquet")
    products = pd.read_parquet(data / "complete_journey_products.parquet")
    dropped = ("FUEL", "MISCELLANEOUS", "COUPON")
    products = products[~products["department"].isin(dropped) & products["product_type"].notna()]
    lines = lines[lines["product_id"].isin(products["product_id"])]
    return _frames(
        pd.DataFrame(
            {
                "person": lines["household_id"].to_numpy(),
                "order": lines["basket_id"].to_numpy(),
                "day": lines["transaction_timestamp"].dt.normalize().to_numpy(),
                "product": lines["product_id"].to_numpy(),
                "quantity": lines["quantity"].to_numpy(dtype=np.float64),
                "amount": lines["sales_value"].to_numpy(dtype=np.float64) * 100,
            }
        ),
        # Marked, so that no word of the starting table joins two types.
        pd.DataFrame(
            {"product": products["product_id"], "type": "#" + products["product_type"] + "#"}
        ),
    )


def online_retail(data: Path) -> Frames:
    """Return the gift shop's lines; a need is an article, as in the published figures."""
    lines = pd.read_parquet(data / "online_retail_part_a.parquet")
    code = lines["StockCode"].astype(str)
    goods = code.str.fullmatch(r"\d{5}[A-Za-z]*") & lines["CustomerID"].notna()
    lines, code = lines[goods], code[goods].str.upper()
    number, codes = pd.factorize(code, sort=True)
    order, _ = pd.factorize(lines["InvoiceNo"].astype(str))
    return _frames(
        pd.DataFrame(
            {
                "person": lines["CustomerID"].astype("int64").to_numpy(),
                "order": order,
                "day": lines["InvoiceDate"].dt.normalize().to_numpy(),
                "product": number,
                "quantity": lines["Quantity"].to_numpy(dtype=np.float64),
                "amount": (lines["Quantity"] * lines["UnitPrice"]).to_numpy(dtype=np.float64) * 100,
            }
        ),
        pd.DataFrame({"product": np.arange(len(codes)), "type": codes}),
    )


def _frames(bought: pd.DataFrame, types: pd.DataFrame) -> Frames:
    count = len(bought)
    lines = pd.DataFrame(
        {
            "account_id": np.ones(count, dtype=np.int64),
            "line_id": np.arange(count),
            "order_id": bought["order"].astype("int64"),
            "person_id": bought["person"].astype("Int64"),
            "ordered_on": bought["day"].astype("datetime64[us]"),
            "status": pd.Series(["paid"] * count, dtype="str"),
            "channel": pd.Series(["store"] * count, dtype="str"),
            "product_id": bought["product"].astype("Int64"),
            "title": pd.Series([""] * count, dtype="str"),
            "colour": pd.Series([""] * count, dtype="str"),
            "size": pd.Series([""] * count, dtype="str"),
            "quantity": bought["quantity"],
            "net_amount": bought["amount"],
            "discount": np.zeros(count),
            "refunded_quantity": np.zeros(count),
            "refunded_amount": np.zeros(count),
            "refunded_on": pd.Series(pd.NaT, index=range(count), dtype="datetime64[us]"),
            "is_gift": np.zeros(count, dtype=bool),
            "is_subscription": np.zeros(count, dtype=bool),
        }
    )
    products = pd.DataFrame(
        {column: pd.Series([""] * len(types), dtype="str") for column in PRODUCTS}
    ).assign(
        account_id=1,
        product_id=types["product"].to_numpy(dtype=np.int64),
        product_type=types["type"].astype("str").to_numpy(),
        price=np.nan,
        replacement_days=np.nan,
    )
    persons = np.sort(bought["person"].unique()).astype(np.int64)
    people = pd.DataFrame({"account_id": 1, "person_id": persons, "is_business": False})
    people["declared_gender"] = pd.Series([""] * len(people), dtype="str")
    people["company"] = people["declared_gender"]
    return Frames(lines=lines, products=products, people=people)


def _results(name: str, found: list[Ranking]) -> list[Result]:
    picks = [int(ranking.bought.sum()) for ranking in found]
    ours = _mean([precision_at(r.p_due, r.bought, n) for r, n in zip(found, picks, strict=True)])
    base = _mean([precision_at(r.elapsed, r.bought, n) for r, n in zip(found, picks, strict=True)])
    lower = _mean([_lower_difference(r, n) for r, n in zip(found, picks, strict=True)])
    # The strongest simple rule is the other way round: the shortest since the last order.
    recent = _mean([auc(-r.elapsed, r.bought) for r in found])
    top = _mean([precision_at(-r.elapsed, r.bought, n) for r, n in zip(found, picks, strict=True)])
    ratio = sum(float(r.p_due.sum()) for r in found) / sum(picks)
    return [
        Result(set=name, metric="due in 30 days, precision", ours=ours, bar=base, baseline=base),
        Result(set=name, metric="gain in precision, lower 2.5% bound", ours=lower, bar=0),
        Result(set=name, metric="due in 30 days, precision (baseline: most recent first)",
               ours=ours, bar=top, baseline=top),
        Result(set=name, metric="due in 30 days, ROC AUC (baseline: most recent first)",
               ours=_mean([auc(r.p_due, r.bought) for r in found]), bar=recent, baseline=recent),
        Result(set=name, metric="predicted / actual purchases", ours=ratio),
    ]  # fmt: skip


def _lower_difference(ranking: Ranking, picks: int) -> float:
    """Return the lower 2.5% bound of the difference in precision, persons drawn again."""
    rng = np.random.default_rng(1)
    person = np.unique(ranking.person, return_inverse=True)[1]
    size = int(person.max()) + 1
    counts = []
    for score in (ranking.p_due, ranking.elapsed):
        top = np.argsort(-score, kind="stable")[:picks]
        right = np.bincount(person[top], ranking.bought[top], size)
        counts.append((right, np.bincount(person[top], minlength=size)))
    draws = np.array(
        [np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(_ROUNDS)]
    )
    shares = [(draws @ right) / np.maximum(draws @ every, 1) for right, every in counts]
    return float(np.quantile(shares[0] - shares[1], 0.025))


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
